// Resolving over a lockfile: what it has stays, and what it answers is not asked again.
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
using test::with_peers;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

// importers: "a: 1 -> 1.0.0"; snapshots: "x@1.0.0: y 1.0.0".
Lockfile lockfile(const std::string& importer, const std::vector<std::pair<std::string, std::vector<std::string>>>& snapshots) {
    std::string text = "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n  excludeLinksFromLockfile: false\n\nimporters:\n\n  .:\n    dependencies:\n" + importer +
                       "\npackages:\n";
    std::set<std::string> keys;
    for (const auto& [id, dependencies] : snapshots)
        if (std::string key = id.substr(0, id.find('(')); keys.insert(key).second) {
            text += "\n  " + key + ":\n    resolution: {integrity: sha512-AAAA}\n";
            if (key == "p@1.0.0") text += "    peerDependencies:\n      y: ^1.0.0\n";
        }
    text += "\nsnapshots:\n";
    for (const auto& [id, dependencies] : snapshots) {
        text += "\n  " + id + ":" + (dependencies.empty() ? " {}" : "\n    dependencies:") + "\n";
        for (const std::string& dependency : dependencies) text += "      " + dependency + "\n";
    }
    auto read = read_lockfile("pnpm-lock.yaml", text);
    EXPECT_TRUE(read) << to_string(read.error());
    auto records = read_records(*read);
    EXPECT_TRUE(records) << to_string(records.error());
    return std::move(*read);
}
std::string locked(const std::string& alias, const std::string& specifier, const std::string& version) {
    return "      " + alias + ":\n        specifier: " + specifier + "\n        version: " + version + "\n";
}

Lockfile simple() {
    return lockfile(locked("a", "'1'", "1.0.0"), {{"a@1.0.0", {"x: 1.0.0", "z: 1.0.0"}}, {"x@1.0.0", {"y: 1.0.0"}}, {"y@1.0.0", {}}, {"z@1.0.0", {}}});
}

const Json kY = plain({"1.0.0", "1.1.0", "1.2.0", "1.3.0", "2.0.0"});
Json registry() {
    Json a = on({{"x", "1"}, {"z", "1"}});
    a["1.2.0"] = Json::object();
    Json x = on({{"y", "^1.0.0"}});
    x["1.5.0"] = x["1.0.0"];
    return {{"a", a}, {"x", x}, {"y", kY}, {"z", plain({"1.0.0", "1.1.0"})}, {"n", on({{"y", "^1.0.0"}, {"z", "1"}})}, {"v", on({{"y", "1.1.0"}})}, {"w", on({{"a", "1"}})}};
}

struct Reuse : ::testing::Test {
    Lockfile wanted = simple();
    TreeRun run;
    std::string tree(Json dependencies) {
        run.wanted = &wanted;
        return run(registry(), root(std::move(dependencies)));
    }
};

TEST_F(Reuse, nothing_is_asked_where_the_lockfile_answers) {
    for (const char* specifier : {"1", "^1.0.0", "*", "1.0.0"}) {
        EXPECT_EQ(tree({{"a", specifier}}), ". a -> a@1.0.0\na@1.0.0 x -> x@1.0.0\na@1.0.0 z -> z@1.0.0\nx@1.0.0 y -> y@1.0.0\n") << specifier;
        EXPECT_THAT(run.asked, IsEmpty()) << specifier;
    }
    EXPECT_THAT(tree({{"a", "1"}, {"y", "^1.0.0"}}), HasSubstr(". y -> y@1.0.0"));
    EXPECT_THAT(run.asked, IsEmpty());
    EXPECT_THAT(tree({{"a", "1"}, {"n", "1"}}), HasSubstr("n@1.0.0 y -> y@1.0.0\nn@1.0.0 z -> z@1.0.0"));
    EXPECT_THAT(run.asked, ElementsAre("n"));
    EXPECT_THAT(tree({{"w", "1"}}), HasSubstr("w@1.0.0 a -> a@1.0.0"));
    EXPECT_THAT(run.asked, ElementsAre("w"));
}

TEST_F(Reuse, what_does_not_fit_any_more_is_resolved_anew) {
    EXPECT_EQ(tree({{"a", "^1.1.0"}}), ". a -> a@1.2.0\n");
    EXPECT_EQ(tree({{"a", "latest"}}), ". a -> a@1.2.0\n");
    // What moves takes others along, where they can.
    EXPECT_THAT(tree({{"a", "1"}, {"y", "^1.1.0"}, {"n", "1"}}), HasSubstr("x@1.0.0 y -> y@1.3.0"));
    EXPECT_THAT(run.tree->packages[1].record.key, "n@1.0.0");
    EXPECT_THAT(tree({{"a", "1"}, {"y", "^2.0.0"}}), HasSubstr("x@1.0.0 y -> y@1.0.0"));
    EXPECT_THAT(tree({{"a", "1"}, {"v", "1"}, {"n", "1"}}), HasSubstr("n@1.0.0 y -> y@1.0.0"));
}

TEST_F(Reuse, of_two_versions_each_keeps_its_own_and_newcomers_take_the_higher) {
    wanted = lockfile(locked("a", "'1'", "1.0.0") + locked("b", "'1'", "1.0.0"), {{"a@1.0.0", {"y: 1.0.0"}}, {"b@1.0.0", {"y: 1.1.0"}}, {"y@1.0.0", {}}, {"y@1.1.0", {}}});
    run.wanted = &wanted;
    const Json packages = {{"a", on({{"y", "^1.0.0"}})}, {"b", on({{"y", "1.1.0"}})}, {"c", on({{"y", "^1.0.0"}})}, {"w", on({{"a", "1"}})}, {"y", kY}};
    EXPECT_EQ(run(packages, root({{"a", "1"}, {"b", "1"}, {"c", "1"}})),
              ". a -> a@1.0.0\n. b -> b@1.0.0\n. c -> c@1.0.0\na@1.0.0 y -> y@1.0.0\nb@1.0.0 y -> y@1.1.0\nc@1.0.0 y -> y@1.1.0\n");
    EXPECT_THAT(run(packages, root({{"a", "1"}, {"b", "1"}, {"w", "1"}})), HasSubstr("a@1.0.0 y -> y@1.0.0"));
    // Met on a new way, it is resolved as if it were new, among what the lockfile has.
    EXPECT_THAT(run(packages, root({{"b", "1"}, {"w", "1"}})), HasSubstr("a@1.0.0 y -> y@1.1.0"));
    run.update.dedupe = true;
    EXPECT_THAT(run(packages, root({{"a", "1"}, {"b", "1"}})), HasSubstr("a@1.0.0 y -> y@1.1.0"));
}

TEST_F(Reuse, updates_move_what_they_name) {
    run.update.kind = UpdateScope::Kind::named;
    run.update.patterns = {"x"};
    EXPECT_EQ(tree({{"a", "1"}}), ". a -> a@1.0.0\na@1.0.0 x -> x@1.5.0\na@1.0.0 z -> z@1.0.0\nx@1.5.0 y -> y@1.0.0\n");
    run.update.patterns = {"y"};
    EXPECT_EQ(tree({{"a", "1"}}), ". a -> a@1.0.0\na@1.0.0 x -> x@1.0.0\na@1.0.0 z -> z@1.0.0\nx@1.0.0 y -> y@1.3.0\n");
    run.update.depth = 0;
    EXPECT_THAT(tree({{"a", "1"}}), HasSubstr("x@1.0.0 y -> y@1.0.0"));
    run.update = {};
    run.update.kind = UpdateScope::Kind::all;
    EXPECT_EQ(tree({{"a", "1"}}), ". a -> a@1.2.0\n");
    run.update.latest = true;
    EXPECT_EQ(tree({{"a", "1.0.0"}}), ". a -> a@1.2.0\n");
    run.update.projects = {"elsewhere"};
    EXPECT_THAT(tree({{"a", "1"}}), HasSubstr(". a -> a@1.0.0"));
}

TEST_F(Reuse, peers_of_the_lockfile_are_no_dependencies) {
    wanted = lockfile(locked("p", "'1'", "1.0.0(y@1.0.0)"), {{"p@1.0.0(y@1.0.0)", {"y: 1.0.0"}}, {"y@1.0.0", {}}});
    run.wanted = &wanted;
    const Json packages = {{"p", with_peers({{"y", "^1.0.0"}})}, {"y", kY}};
    EXPECT_EQ(run(packages, root({{"p", "1"}})), ". p -> p@1.0.0\n. y -> y@1.0.0 auto\n");
    EXPECT_THAT(run.asked, IsEmpty());
    EXPECT_EQ(run(packages, root({{"p", "1"}, {"y", "^1.1.0"}})), ". p -> p@1.0.0\n. y -> y@1.3.0\n");
}

TEST_F(Reuse, a_package_that_left_the_registry_stays_as_it_is) {
    wanted = lockfile(locked("a", "'1'", "1.0.0"), {{"a@1.0.0", {"x: 1.0.0"}}, {"x@1.0.0", {}}});
    run.wanted = &wanted;
    run.update.kind = UpdateScope::Kind::named;
    run.update.patterns = {"x"};
    EXPECT_EQ(run({{"x", plain({"1.0.0", "1.1.0"})}}, root({{"a", "1"}})), ". a -> a@1.0.0\na@1.0.0 x -> x@1.0.0\n");
}

TEST_F(Reuse, other_overrides_let_go_of_every_edge) {
    run.policy.overrides = {{"z", "1.1.0"}};
    EXPECT_EQ(tree({{"a", "1"}}), ". a -> a@1.0.0\na@1.0.0 x -> x@1.0.0\na@1.0.0 z -> z@1.1.0\nx@1.0.0 y -> y@1.0.0\n");
}

}  // namespace
}  // namespace pmx
