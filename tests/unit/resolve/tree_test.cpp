// The walk: every rule here was seen in what pnpm 12 writes for the same registry.
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Json kY = plain({"1.0.0", "1.1.0", "1.2.0", "1.3.0", "2.0.0"});

std::string tree(const Json& packages, const Json& projects) { return TreeRun{}(packages, projects); }

TEST(Tree, the_first_by_depth_and_id_decides_for_all) {
    const Json x = on({{"y", "^1.0.0"}});
    // Whoever is met first passes on what stands beside it.
    EXPECT_THAT(tree({{"a", on({{"x", "1"}, {"y", "1.0.0"}})}, {"b", on({{"x", "1"}, {"y", "1.1.0"}})}, {"x", x}, {"y", kY}}, root({{"b", "1"}, {"a", "1"}})),
                HasSubstr("x@1.0.0 y -> y@1.0.0"));
    // Depth before name.
    EXPECT_THAT(tree({{"a", on({{"p", "1"}})}, {"p", on({{"x", "1"}, {"y", "1.0.0"}})}, {"b", on({{"x", "1"}, {"y", "1.1.0"}})}, {"x", x}, {"y", kY}},
                     root({{"a", "1"}, {"b", "1"}})),
                HasSubstr("x@1.0.0 y -> y@1.1.0"));
    // Of one parent, the id decides and not the alias; "n-b@" comes before "n@".
    EXPECT_THAT(tree({{"m", on({{"x", "1"}, {"y", "1.0.0"}})}, {"n", on({{"x", "1"}, {"y", "1.1.0"}})}, {"x", x}, {"y", kY}},
                     root({{"aa", "npm:n@1"}, {"bb", "npm:m@1"}})),
                HasSubstr("x@1.0.0 y -> y@1.0.0"));
    EXPECT_THAT(tree({{"a", on({{"n", "1"}, {"n-b", "1"}})}, {"n", on({{"x", "1"}, {"y", "1.0.0"}})}, {"n-b", on({{"x", "1"}, {"y", "1.1.0"}})}, {"x", x}, {"y", kY}},
                     root({{"a", "1"}})),
                HasSubstr("x@1.0.0 y -> y@1.1.0"));
    // Parents in their order, whatever the names of their children are.
    EXPECT_THAT(tree({{"a", on({{"z", "1"}})}, {"b", on({{"c", "1"}})}, {"z", on({{"x", "1"}, {"y", "1.0.0"}})}, {"c", on({{"x", "1"}, {"y", "1.1.0"}})}, {"x", x}, {"y", kY}},
                     root({{"a", "1"}, {"b", "1"}})),
                HasSubstr("x@1.0.0 y -> y@1.0.0"));
}

TEST(Tree, what_projects_ask_for_weighs_more_than_what_stands_above) {
    const Json x = on({{"y", "^1.0.0"}});
    EXPECT_THAT(tree({{"a", on({{"x", "1"}, {"y", "1.0.0"}})}, {"x", x}, {"y", kY}}, root({{"a", "1"}, {"y", "^1.1.0"}})), HasSubstr("x@1.0.0 y -> y@1.3.0"));
    EXPECT_THAT(tree({{"a", on({{"x", "1"}, {"y", "1.2.0"}})}, {"x", x}, {"y", kY}}, root({{"a", "1"}, {"z", "npm:y@1.1.0"}})), HasSubstr("x@1.0.0 y -> y@1.1.0"));
    TreeRun catalog;
    catalog.policy.catalogs["default"]["y"] = "1.1.0";
    const std::string text = catalog({{"a", on({{"x", "1"}, {"y", "1.2.0"}})}, {"x", x}, {"y", kY}}, root({{"a", "1"}, {"y", "catalog:"}}));
    EXPECT_THAT(text, HasSubstr("x@1.0.0 y -> y@1.1.0"));
    ASSERT_TRUE(catalog.tree);
    EXPECT_EQ(catalog.tree->edges.back().specifier, "catalog:");
    EXPECT_EQ(catalog.tree->edges.back().catalog, "default");
    // All that was chosen on the way from the project counts alike; the highest of it wins.
    EXPECT_THAT(tree({{"a", on({{"m", "1"}, {"y", "1.1.0"}})}, {"m", on({{"n", "1"}, {"y", "1.0.0"}})}, {"n", x}, {"y", kY}}, root({{"a", "1"}})),
                HasSubstr("n@1.0.0 y -> y@1.1.0"));
}

TEST(Tree, projects_share_what_the_first_settled_where_they_prefer_nothing) {
    const Json any = on({{"y", "*"}});
    const Json registry = {{"x", any}, {"x2", any}, {"x3", on({{"y", ">=1.0.0"}})}, {"y", kY}};
    const std::string text = tree(registry, {{".", {{"dependencies", {{"y", "^1"}, {"x2", "1"}}}}}, {"p1", {{"dependencies", {{"x", "1"}, {"x3", "1"}}}}}});
    EXPECT_THAT(text, HasSubstr("x@1.0.0 y -> y@1.3.0"));
    EXPECT_THAT(text, HasSubstr("x3@1.0.0 y -> y@2.0.0"));
    // A preference of its own comes first; without anybody who asked the same, nothing is shared.
    EXPECT_THAT(tree(registry, {{".", {{"dependencies", {{"y", "^1"}, {"x2", "1"}}}}}, {"p1", {{"dependencies", {{"x", "1"}, {"y", "1.1.0"}}}}}}),
                HasSubstr("x@1.0.0 y -> y@1.1.0"));
    EXPECT_THAT(tree(registry, {{".", {{"dependencies", {{"y", "^1"}}}}}, {"p1", {{"dependencies", {{"x", "1"}}}}}}), HasSubstr("x@1.0.0 y -> y@2.0.0"));
}

TEST(Tree, groups_of_a_manifest) {
    const Json y = {{"y", kY}};
    auto project = [](Json manifest) { return Json{{".", std::move(manifest)}}; };
    EXPECT_EQ(tree(y, project({{"dependencies", {{"y", "1.1.0"}}}, {"devDependencies", {{"y", "1.2.0"}}}})), ". y -> y@1.1.0\n");
    EXPECT_EQ(tree(y, project({{"dependencies", {{"y", "1.1.0"}}}, {"optionalDependencies", {{"y", "1.2.0"}}}})), ". y -> y@1.2.0 optional\n");
    EXPECT_EQ(tree(y, project({{"devDependencies", {{"y", "1.1.0"}}}, {"peerDependencies", {{"y", "1.2.0"}}}})), ". y -> y@1.1.0 dev\n");
    EXPECT_EQ(tree(y, project({{"peerDependencies", {{"y", "1.2.0"}}}})), ". y -> y@1.2.0\n");
    TreeRun without;
    without.policy.auto_install_peers = false;
    EXPECT_EQ(without(y, project({{"peerDependencies", {{"y", "1.2.0"}}}})), "");
    // A package that has it in both: the text of `dependencies`, optional all the same.
    EXPECT_THAT(tree({{"a", {{"1.0.0", {{"dependencies", {{"y", "1.0.0"}}}, {"optionalDependencies", {{"y", "1.1.0"}}}}}}}, {"y", kY}}, root({{"a", "1"}})),
                HasSubstr("a@1.0.0 y -> y@1.0.0 optional"));
    EXPECT_EQ(tree({{"a", {{"1.0.0", {{"dependencies", {{"q", "1"}, {"y", "1.0.0"}}}, {"bundleDependencies", {"q"}}}}}},
                    {"b", {{"1.0.0", {{"dependencies", {{"q", "1"}}}, {"bundledDependencies", true}}}}},
                    {"y", kY}},
                   root({{"a", "1"}, {"b", "1"}})),
              ". a -> a@1.0.0\n. b -> b@1.0.0\na@1.0.0 y -> y@1.0.0\n");
}

TEST(Tree, a_projects_own_peers_prefer_what_other_projects_ask_for) {
    const Json y = {{"y", kY}, {"a", on({{"y", "1.1.0"}})}};
    const Json peer = {{"peerDependencies", {{"y", "*"}}}};
    EXPECT_THAT(tree(y, {{".", {{"dependencies", {{"y", "1.1.0"}}}}}, {"p1", peer}, {"p2", {{"dependencies", {{"y", "1.2.0"}}}}}}), HasSubstr("p1 y -> y@1.2.0"));
    EXPECT_THAT(tree(y, {{".", {{"dependencies", {{"z", "npm:y@1.1.0"}}}}}, {"p1", peer}}), HasSubstr("p1 y -> y@2.0.0"));
    EXPECT_THAT(tree(y, {{"p0", {{"dependencies", {{"a", "1"}}}}}, {"p1", peer}}), HasSubstr("p1 y -> y@2.0.0"));
}

TEST(Tree, optional_dependencies_that_cannot_be_had_are_left_out) {
    TreeRun run;
    const Json o = {{"1.0.0", {{"optionalDependencies", {{"o", "1"}}}}}};
    EXPECT_EQ(run({{"a", o}, {"o", on({{"p", "1"}, {"k", "1"}})}, {"p", on({{"nope", "1"}})}, {"k", kY}, {"b", on({{"k", "1"}})}},
                  {{".", {{"dependencies", {{"a", "1"}, {"b", "1"}}}, {"optionalDependencies", {{"nada", "^8"}}}}}}),
              ". a -> a@1.0.0\n. b -> b@1.0.0\nb@1.0.0 k -> k@1.3.0\n");
    EXPECT_THAT(run.unresolved, ElementsAre("nada@^8", "o@1.0.0"));
    // Somebody else requires it.
    const std::string text = tree({{"a", o}, {"o", on({{"p", "1"}})}, {"p", on({{"nope", "1"}})}, {"b", on({{"o", "1"}})}}, root({{"a", "1"}, {"b", "1"}}));
    EXPECT_THAT(text, HasSubstr("PMX_E_FETCH_NOT_FOUND"));
}

TEST(Tree, a_required_dependency_that_is_not_there_is_an_error_with_its_chain) {
    const std::string text = tree({{"a", on({{"b", "1"}})}, {"b", on({{"y", "^9"}})}, {"y", kY}}, root({{"a", "1"}}));
    EXPECT_THAT(text, HasSubstr("PMX_E_NO_MATCHING_VERSION"));
    EXPECT_THAT(text, HasSubstr("resolving y@^9, wanted by a@1.0.0 > b@1.0.0"));
}

TEST(Tree, aliases_tags_self_and_cycles) {
    EXPECT_EQ(tree({{"a", on({{"b", "1"}})}, {"b", on({{"a", "^1"}, {"b", "1"}})}}, root({{"x", "npm:a@latest"}})),
              ". x -> a@1.0.0\na@1.0.0 b -> b@1.0.0\nb@1.0.0 a -> a@1.0.0\n");
    Json tagged = kY;
    tagged["#tags"] = {{"latest", "2.0.0"}, {"next", "1.2.0"}};
    EXPECT_EQ(tree({{"y", tagged}}, root({{"y", "next"}})), ". y -> y@1.2.0\n");
}

TEST(Tree, nothing_from_outside_a_registry_below_a_package) {
    EXPECT_THAT(tree({{"a", on({{"y", "https://host.example/y.tgz"}})}}, root({{"a", "1"}})), HasSubstr("PMX_E_EXOTIC_SUBDEPENDENCY"));
    EXPECT_THAT(tree({{"a", on({{"y", "git+https://host.example/y.git"}})}}, root({{"a", "1"}})), HasSubstr("PMX_E_EXOTIC_SUBDEPENDENCY"));
    EXPECT_EQ(tree({{"a", on({{"y", "link:./q"}})}}, root({{"a", "1"}})), ". a -> a@1.0.0\na@1.0.0 y -> link:q\n");
    EXPECT_THAT(tree({{"a", on({{"y", "catalog:"}})}}, root({{"a", "1"}})), HasSubstr("PMX_E_SPECIFIER"));
}

TEST(Tree, patches_deprecations_and_what_is_chosen) {
    TreeRun run;
    run.policy.patched = {{"y@1.0.0", "abc"}};
    run.policy.mode = ResolutionMode::highest;
    EXPECT_THAT(run({{"y", {{"1.0.0", {{"deprecated", "old"}, {"os", {"none-such"}}}}}}, {"z", on({{"y", "1"}})}}, root({{"y", "1"}, {"z", "1"}})), HasSubstr("z@1.0.0 y -> y@1.0.0"));
    ASSERT_TRUE(run.tree);
    EXPECT_EQ(run.tree->packages[0].patch_hash, "abc");
    EXPECT_EQ(run.tree->packages[0].record.deprecated, "old");
    EXPECT_EQ(run.tree->packages[0].record.resolution.tarball, "");
    EXPECT_THAT(run.warnings, ElementsAre("deprecated y@1.0.0: old"));
    EXPECT_THAT(run.chosen, ElementsAre("z@1.0.0"));  // nothing is fetched for another machine
}

TEST(Tree, cancelled) {
    TreeRun run;
    run.cancel.set();
    EXPECT_THAT(run({{"y", kY}}, root({{"y", "1"}})), HasSubstr("PMX_E_CANCELLED"));
}

TEST(Tree, a_chain_of_twenty_thousand_packages) {
    Json::object_t entries;  // filled directly: a look-up in it is linear
    for (int i = 0; i < 20'000; ++i)
        entries.emplace_back("n" + std::to_string(i), i == 19'999 ? plain({"1.0.0"}) : on({{"n" + std::to_string(i + 1), "1"}, {"y", "^1.0.0"}}));
    entries.emplace_back("y", kY);
    Json registry(std::move(entries));
    TreeRun run;
    EXPECT_THAT(run(registry, root({{"n0", "1"}})), HasSubstr("n19998@1.0.0 n19999 -> n19999@1.0.0"));
}

// Everything that has an order of its own in the input is shuffled: the result has not changed.
TEST(Tree, the_order_of_the_input_and_of_the_answers_changes_nothing) {
    std::mt19937 random(7);
    Json registry = Json::object();
    const std::vector<std::string> ranges = {"^1.0.0", "*", "1.0.0", "~1.1.0", ">=1.1.0", "^2.0.0", "latest"};
    auto name = [](std::size_t i) { return "p" + std::to_string(i); };
    for (std::size_t i = 0; i < 40; ++i) {
        Json versions = Json::object();
        for (const char* version : {"1.0.0", "1.1.0", "1.2.0", "2.0.0"}) {
            Json manifest = {{"dependencies", Json::object()}};
            for (int d = 0; d < 3; ++d) manifest["dependencies"][name(random() % 40)] = ranges[random() % ranges.size()];
            if (random() % 3 == 0) manifest["peerDependencies"] = {{name(random() % 40), ranges[random() % 3]}};
            versions[version] = manifest;
        }
        registry[name(i)] = versions;
    }
    std::string first;
    for (int round = 0; round < 100; ++round) {
        TreeRun run;
        run.threads = static_cast<std::size_t>(round % 5);
        run.random = &random;
        std::vector<std::size_t> order = {0, 1, 2, 3, 4};
        std::shuffle(order.begin(), order.end(), random);
        Json dependencies;
        for (std::size_t i : order) dependencies[name(i)] = "*";
        const std::string text = run(registry, {{".", {{"dependencies", dependencies}}}, {"b", {{"dependencies", {{"p7", "1.0.0"}, {"p9", "^1.0.0"}}}}}});
        if (round == 0) first = text;
        ASSERT_EQ(text, first) << "round " << round;
    }
    EXPECT_THAT(first, Not(HasSubstr("PMX_E")));
}

}  // namespace
}  // namespace pmx
