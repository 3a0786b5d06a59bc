// Missing peers and projects of a workspace: every rule here was seen in what pnpm 12 writes for the same input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resolve/memory_registry.hpp"

namespace pmx {
namespace {

using test::Json;
using test::on;
using test::plain;
using test::root;
using test::TreeRun;
using test::with_optional_peers;
using test::with_peers;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Json kY = plain({"1.0.0", "1.1.0", "1.2.0", "1.3.0", "2.0.0"});

std::string tree(const Json& packages, const Json& projects) { return TreeRun{}(packages, projects); }
Json two(Json root_dependencies, Json dependencies) {
    return {{".", {{"dependencies", std::move(root_dependencies)}}}, {"p1", {{"dependencies", std::move(dependencies)}}}};
}

TEST(MissingPeers, required_ones_are_installed_in_the_project) {
    const Json a = with_peers({{"y", "^1.0.0"}});
    EXPECT_EQ(tree({{"a", a}, {"y", kY}}, root({{"a", "1"}})), ". a -> a@1.0.0\n. y -> y@1.3.0 auto\n");
    // A version that is there already is taken, the highest that fits; in other projects too.
    EXPECT_THAT(tree({{"a", a}, {"b", on({{"y", "1.1.0"}})}, {"c", on({{"y", "1.0.0"}})}, {"y", kY}}, root({{"a", "1"}, {"b", "1"}, {"c", "1"}})),
                HasSubstr(". y -> y@1.1.0 auto"));
    EXPECT_THAT(tree({{"a", a}, {"b", on({{"y", "1.1.0"}})}, {"y", kY}}, {{"p1", {{"dependencies", {{"a", "1"}}}}}, {"p2", {{"dependencies", {{"b", "1"}}}}}}),
                HasSubstr("p1 y -> y@1.1.0 auto"));
    EXPECT_THAT(tree({{"a", with_peers({{"y", "*"}})}, {"b", on({{"y", "3.0.0-rc.1"}})}, {"y", plain({"2.0.0", "3.0.0-rc.1"})}}, root({{"a", "1"}, {"b", "1"}})),
                HasSubstr(". y -> y@3.0.0-rc.1 auto"));
    EXPECT_THAT(tree({{"a", a}}, root({{"a", "1"}})), HasSubstr("installing the missing peer y@^1.0.0 of ."));
}

TEST(MissingPeers, of_every_place_in_the_tree) {
    const Json x = with_peers({{"y", "^1.0.0"}});
    // Offered in one place, missing in another.
    EXPECT_THAT(tree({{"a", on({{"x", "1"}, {"y", "1.0.0"}})}, {"b", on({{"x", "1"}})}, {"x", x}, {"y", kY}}, root({{"a", "1"}, {"b", "1"}})),
                HasSubstr(". y -> y@1.0.0 auto"));
    // Offered under another name, or as another package, all the same.
    EXPECT_THAT(tree({{"a", on({{"x", "1"}, {"y", "npm:q@1"}})}, {"x", x}, {"q", kY}}, root({{"a", "1"}})), Not(HasSubstr("auto")));
    EXPECT_THAT(tree({{"a", on({{"x", "1"}, {"z", "npm:y@1.0.0"}})}, {"x", x}, {"y", kY}}, root({{"a", "1"}})), Not(HasSubstr("auto")));
    // A package that has its parent for a peer.
    EXPECT_THAT(tree({{"wrap", on({{"core", "1"}})}, {"core", on({{"plugin", "1"}})}, {"plugin", with_peers({{"core", "^1.0.0"}})}}, root({{"wrap", "1"}})), Not(HasSubstr("auto")));
    // Peers of peers.
    EXPECT_EQ(tree({{"a", x}, {"y", with_peers({{"q", "*"}}, {{"r", "1"}})}, {"q", kY}, {"r", with_peers({{"s", "1"}})}, {"s", plain({"1.0.0"})}}, root({{"a", "1"}})),
              ". a -> a@1.0.0\n. q -> q@2.0.0 auto\n. s -> s@1.0.0 auto\n. y -> y@1.0.0 auto\ny@1.0.0 r -> r@1.0.0\n");
    // More names than one pass looks for.
    Json many = Json::object();
    Json registry = Json::object();
    for (int i = 0; i < 600; ++i) {
        many["n" + std::to_string(i)] = "1";
        registry["n" + std::to_string(i)] = plain({"1.0.0"});
    }
    registry["a"] = with_peers(many);
    TreeRun run;
    run(registry, root({{"a", "1"}}));
    ASSERT_TRUE(run.tree);
    EXPECT_EQ(run.tree->packages.size(), 601u);
}

TEST(MissingPeers, ranges_that_differ) {
    auto both = [](const char* a, const char* b) {
        return tree({{"a", with_peers({{"y", a}})}, {"b", with_peers({{"y", b}})}, {"y", kY}}, root({{"a", "1"}, {"b", "1"}}));
    };
    EXPECT_THAT(both("^1.0.0", "1.1.0"), HasSubstr(". y -> y@1.1.0 auto"));
    EXPECT_THAT(both("^1.0.0", "<=1.1 || 3"), HasSubstr(". y -> y@1.1.0 auto"));
    EXPECT_THAT(both("^1.0.0", "*"), HasSubstr(". y -> y@1.3.0 auto"));
    EXPECT_THAT(both("1.0.0", "1.1.0"), Not(HasSubstr("auto")));
    EXPECT_THAT(both("next", "^1.0.0"), Not(HasSubstr("auto")));
    TreeRun highest;
    highest.policy.auto_install_peers_from_highest_match = true;
    EXPECT_THAT(highest({{"a", with_peers({{"y", "^1.0.0"}})}, {"b", with_peers({{"y", "^2.0.0"}})}, {"y", kY}}, root({{"a", "1"}, {"b", "1"}})), HasSubstr(". y -> y@2.0.0 auto"));
    // Optional peers have no say where one is required.
    EXPECT_THAT(tree({{"a", with_peers({{"y", ">=1.0.0"}})}, {"b", with_optional_peers({{"y", "1.1.0"}})}, {"y", kY}}, root({{"a", "1"}, {"b", "1"}})),
                HasSubstr(". y -> y@2.0.0 auto"));
}

TEST(MissingPeers, optional_ones_only_where_one_known_version_suits_all) {
    const Json o = with_optional_peers({{"y", "^1.0.0"}}), below = with_optional_peers({{"y", "<1.2.0"}});
    EXPECT_THAT(tree({{"a", o}, {"y", kY}}, root({{"a", "1"}})), Not(HasSubstr("auto")));
    const Json registry = {{"a", o}, {"b", below}, {"d", on({{"y", "1.2.0"}})}, {"e", on({{"y", "1.1.0"}})}, {"y", kY}};
    EXPECT_THAT(tree(registry, root({{"a", "1"}, {"b", "1"}, {"d", "1"}, {"e", "1"}})), HasSubstr(". y -> y@1.1.0 optional auto"));
    EXPECT_THAT(tree(registry, root({{"a", "1"}, {"b", "1"}, {"d", "1"}})), Not(HasSubstr("auto")));
}

// Whatever the range says: a version that stands beside a package with the same peer comes before one that merely exists.
TEST(MissingPeers, optional_ones_take_what_stands_beside_one_elsewhere) {
    const Json x = with_optional_peers({{"y", "*"}});
    const Json registry = {{"x", x}, {"x2", with_optional_peers({{"y", "^2.0.0"}})}, {"y", kY}, {"a", on({{"x", "1"}, {"y", "1.0.0"}})}, {"b", on({{"x", "1"}, {"y", "1.1.0"}})}, {"c", on({{"y", "1.2.0"}})}};
    EXPECT_THAT(tree(registry, root({{"a", "1"}, {"c", "1"}, {"x", "1"}})), HasSubstr(". y -> y@1.0.0 optional auto"));
    EXPECT_THAT(tree(registry, root({{"a", "1"}, {"b", "1"}, {"c", "1"}, {"x", "1"}})), HasSubstr(". y -> y@1.1.0 optional auto"));
    EXPECT_THAT(tree(registry, root({{"c", "1"}, {"x", "1"}})), HasSubstr(". y -> y@1.2.0 optional auto"));
    EXPECT_THAT(tree(registry, two({{"a", "1"}}, {{"x2", "1"}})), HasSubstr("p1 y -> y@1.0.0 optional auto"));
}

TEST(MissingPeers, optional_ones_only_where_their_own_peers_fit) {
    Json y = with_peers({{"r", "^2.0.0"}});
    y["2.0.0"] = y["1.0.0"];
    y["1.0.0"] = Json::object();
    const Json registry = {{"w", with_optional_peers({{"y", "*"}})}, {"y", y}, {"r", plain({"1.0.0", "2.0.0"})}};
    auto projects = [](Json root, const char* r) {
        return Json{{".", {{"dependencies", std::move(root)}}}, {"p0", {{"dependencies", {{"y", "2.0.0"}}}}}, {"p1", {{"dependencies", {{"w", "1"}, {"r", r}}}}}};
    };
    EXPECT_THAT(tree(registry, projects(Json::object(), "2.0.0")), HasSubstr("p1 y -> y@2.0.0 optional auto"));
    EXPECT_THAT(tree(registry, projects(Json::object(), "1.0.0")), Not(HasSubstr("p1 y ->")));
    // Another version that fits is taken; what only the root has is left to it.
    Json more = projects(Json::object(), "1.0.0");
    more["p2"] = {{"dependencies", {{"y", "1.0.0"}}}};
    EXPECT_THAT(tree(registry, more), HasSubstr("p1 y -> y@1.0.0 optional auto"));
    EXPECT_THAT(tree(registry, projects({{"y", "2.0.0"}}, "1.0.0")), Not(HasSubstr("p1 y ->")));
}

TEST(MissingPeers, what_the_root_of_the_workspace_has) {
    const Json registry = {{"a", with_peers({{"y", "^1.0.0"}})}, {"o", with_optional_peers({{"y", "^1.2.0"}})}, {"b", on({{"y", "1.3.0"}})}, {"y", kY}};
    EXPECT_THAT(tree(registry, two({{"y", "2.0.0"}}, {{"a", "1"}})), HasSubstr("p1 y -> y@2.0.0 auto"));
    EXPECT_THAT(tree(registry, two({{"z", "npm:y@1.1.0"}}, {{"a", "1"}})), HasSubstr("p1 y -> y@1.1.0 auto"));
    EXPECT_THAT(tree(registry, two({{"y", "1.2.0"}}, {{"o", "1"}, {"b", "1"}})), HasSubstr("p1 y -> y@1.2.0 optional auto"));
    EXPECT_THAT(tree(registry, two({{"y", "1.1.0"}}, {{"o", "1"}, {"b", "1"}})), HasSubstr("p1 y -> y@1.3.0 optional auto"));
    EXPECT_THAT(tree(registry, two({{"y", "1.1.0"}}, {{"o", "1"}})), HasSubstr("p1 y -> y@1.1.0 optional auto"));
    // An optional peer is first what stands beside somebody below the project who wants it too.
    Json beside = registry;
    beside["m"] = on({{"o", "1"}, {"y", "1.2.0"}});
    beside["z"] = plain({"1.0.0", "1.3.0", "2.0.0"});
    for (const char* ours : {"1.1.0", "1.3.0", "npm:z@1.0.0", "npm:z@2.0.0"})
        EXPECT_THAT(tree(beside, two({{"y", ours}}, {{"o", "1"}, {"m", "1"}})), HasSubstr("p1 y -> y@1.2.0 optional auto")) << ours;
    // Where the root has another package under the name: a version of the real one that is there, if the root's range accepts it.
    for (const char* ours : {"npm:z@^1.0.0", "npm:z@1.3.0"}) {
        EXPECT_THAT(tree(beside, two({{"y", ours}, {"b", "1"}}, {{"o", "1"}})), HasSubstr("p1 y -> y@1.3.0 optional auto")) << ours;
        EXPECT_THAT(tree(beside, two({{"y", ours}}, {{"o", "1"}})), HasSubstr("p1 y -> z@1.3.0 optional auto")) << ours;
        EXPECT_THAT(tree(beside, two({{"y", ours}, {"b", "1"}}, {{"a", "1"}})), HasSubstr("p1 y -> z@1.3.0 auto")) << ours;
    }
    TreeRun apart;
    apart.policy.resolve_peers_from_workspace_root = false;
    apart.policy.auto_install_peers = false;
    EXPECT_THAT(apart(registry, two({{"y", "2.0.0"}}, {{"a", "1"}})), Not(HasSubstr("auto")));
}

TEST(MissingPeers, without_auto_install_what_is_known_is_used) {
    TreeRun run;
    run.policy.auto_install_peers = false;
    EXPECT_THAT(run({{"a", with_peers({{"y", "^1.0.0"}})}, {"b", on({{"y", "1.1.0"}})}, {"y", kY}}, root({{"a", "1"}, {"b", "1"}})), HasSubstr(". y -> y@1.1.0 auto"));
    EXPECT_THAT(run({{"a", with_peers({{"y", "^1.0.0"}})}, {"y", kY}}, root({{"a", "1"}})), Not(HasSubstr("auto")));
}

TEST(MissingPeers, a_peer_that_is_a_dependency_too) {
    auto package = [](bool optional) {
        Json out = with_peers({{"y", "^1.0.0"}}, {{"y", "1.0.0"}});
        if (optional) out["1.0.0"]["peerDependenciesMeta"] = {{"y", {{"optional", true}}}};
        return out;
    };
    EXPECT_EQ(tree({{"a", package(false)}, {"y", kY}}, root({{"a", "1"}})), ". a -> a@1.0.0\n. y -> y@1.3.0 auto\n");
    EXPECT_EQ(tree({{"a", package(true)}, {"y", kY}}, root({{"a", "1"}})), ". a -> a@1.0.0\na@1.0.0 y -> y@1.0.0\n");
    TreeRun run;
    run.policy.auto_install_peers = false;
    EXPECT_EQ(run({{"a", package(false)}, {"y", kY}}, root({{"a", "1"}})), ". a -> a@1.0.0\na@1.0.0 y -> y@1.0.0\n");
    ASSERT_TRUE(run.tree);
    EXPECT_EQ(run.tree->packages[0].record.peers.size(), 1u);  // recorded all the same
}

Json workspace(const char* specifier, Json lib = Json::object()) {
    Json library = {{"name", "lib"}, {"version", "1.2.0"}};
    library.update(lib);
    return {{".", Json::object()}, {"packages/app", {{"name", "app"}, {"dependencies", {{"lib", specifier}}}}}, {"packages/lib", library}};
}

TEST(Workspace, specifiers) {
    const Json registry = {{"lib", plain({"1.0.0", "1.2.0", "1.3.0"})}};
    for (const char* specifier : {"workspace:*", "workspace:^", "workspace:~", "workspace:^1.0.0", "workspace:1.2.0", "workspace:../lib", "workspace:lib@*", "workspace:", "link:../lib"})
        EXPECT_EQ(tree(registry, workspace(specifier)), "packages/app lib -> link:packages/lib\n") << specifier;
    EXPECT_EQ(tree(registry, workspace("^1.0.0")), "packages/app lib -> lib@1.3.0\n");
    EXPECT_EQ(tree(registry, workspace("../q")), "packages/app lib -> link:packages/q\n");
    EXPECT_EQ(tree(registry, workspace("link:../../../q")), "packages/app lib -> link:../q\n");
    EXPECT_THAT(tree(registry, workspace("workspace:^2.0.0")), HasSubstr("PMX_E_WORKSPACE_PACKAGE"));
    EXPECT_THAT(tree(registry, workspace("workspace:^2.0.0")), HasSubstr("the workspace has 1.2.0"));
    EXPECT_THAT(tree(registry, {{".", {{"dependencies", {{"lib", "workspace:*"}}}}}}), HasSubstr("PMX_E_WORKSPACE_PACKAGE"));
    EXPECT_EQ(tree(registry, {{".", {{"optionalDependencies", {{"lib", "workspace:*"}}}}}}), "");
    EXPECT_EQ(tree(registry, workspace("file:../lib", {{"dependencies", {{"lib", "1.0.0"}}}})),
              "packages/app lib -> lib@file:packages/lib\npackages/lib lib -> lib@1.0.0\nlib@file:packages/lib lib -> lib@1.0.0\n");
}

TEST(Workspace, linked_where_it_is_as_new) {
    TreeRun link;
    link.policy.link_workspace_packages = true;
    EXPECT_EQ(link({{"lib", plain({"1.3.0"})}}, workspace("^1.0.0")), "packages/app lib -> lib@1.3.0\n");
    EXPECT_EQ(link({{"lib", plain({"1.2.0"})}}, workspace("^1.0.0")), "packages/app lib -> link:packages/lib\n");
    EXPECT_EQ(link(Json::object(), workspace("^1.0.0")), "packages/app lib -> link:packages/lib\n");
    link.policy.prefer_workspace_packages = true;
    EXPECT_EQ(link({{"lib", plain({"1.3.0"})}}, workspace("^1.0.0")), "packages/app lib -> link:packages/lib\n");
    EXPECT_THAT(link.asked, IsEmpty());
}

TEST(Workspace, injected) {
    const Json registry = {{"y", kY}};
    Json projects = workspace("workspace:*", {{"dependencies", {{"y", "1.0.0"}, {"app", "workspace:*"}}}, {"devDependencies", {{"z", "link:./zz"}}}});
    projects["packages/app"]["dependenciesMeta"] = {{"lib", {{"injected", true}}}};
    const std::string text = tree(registry, projects);
    EXPECT_THAT(text, HasSubstr("packages/app lib -> lib@file:packages/lib\n"));
    EXPECT_THAT(text, HasSubstr("lib@file:packages/lib app -> link:packages/app\nlib@file:packages/lib y -> y@1.0.0\n"));
}

}  // namespace
}  // namespace pmx
