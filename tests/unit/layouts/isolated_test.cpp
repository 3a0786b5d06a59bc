// The rules of pnpm's layout on graphs made by hand.
#include <chrono>

#include "harness.hpp"

namespace {

using namespace layout_test;
using testing::Contains;
using testing::ElementsAre;
using testing::Key;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr auto kStore = "node_modules/.pnpm/";
std::string slot(const std::string& name, const std::string& package) {
    return kStore + name + "/node_modules/" + package;
}

Graph chain() {
    return Graph()
        .package("a@1.0.0", {{"b", "b@1.0.0"}})
        .package("b@1.0.0", {{"c", "@s/c@2.0.0(b@1.0.0)"}}, PMX_PACKAGE_HAS_BIN)
        .package("@s/c@2.0.0(b@1.0.0)", {{"b", "b@1.0.0"}})
        .project(".", "root", {{"a", "a@1.0.0"}});
}

TEST(Isolated, PutsEachPackageInItsSlotWithItsDependenciesBeside) {
    Graph g = chain();
    g.packages[2].name = "@s/c";
    Steps s = Layout("isolated").plan(g);
    EXPECT_THAT(s.places, UnorderedElementsAre(
                              Pair(slot("a@1.0.0", "a"), "a@1.0.0"), Pair(slot("b@1.0.0", "b"), "b@1.0.0"),
                              Pair(slot("@s+c@2.0.0_b@1.0.0", "@s/c"), "@s/c@2.0.0(b@1.0.0)")));
    EXPECT_THAT(
        s.symlinks,
        UnorderedElementsAre(Pair("node_modules/a", slot("a@1.0.0", "a")),
                             Pair(slot("a@1.0.0", "b"), slot("b@1.0.0", "b")),
                             Pair(slot("b@1.0.0", "c"), slot("@s+c@2.0.0_b@1.0.0", "@s/c")),
                             Pair(slot("@s+c@2.0.0_b@1.0.0", "b"), slot("b@1.0.0", "b")),
                             Pair("node_modules/.pnpm/node_modules/b", slot("b@1.0.0", "b")),
                             Pair("node_modules/.pnpm/node_modules/c", slot("@s+c@2.0.0_b@1.0.0", "@s/c"))));
    EXPECT_THAT(s.bins,
                UnorderedElementsAre(
                    slot("a@1.0.0", "a") + "/node_modules/.bin <- " + slot("b@1.0.0", "b") + " as b tier 0",
                    slot("b@1.0.0", "b") + "/node_modules/.bin <- " + slot("b@1.0.0", "b") + " as b tier 0",
                    slot("@s+c@2.0.0_b@1.0.0", "@s/c") + "/node_modules/.bin <- " + slot("b@1.0.0", "b") +
                        " as b tier 0",
                    "node_modules/.pnpm/node_modules/.bin <- " + slot("b@1.0.0", "b") + " as b tier 1"));
    EXPECT_THAT(s.hoisted, ElementsAre("@s/c@2.0.0(b@1.0.0) c private", "b@1.0.0 b private"));
    EXPECT_THAT(
        s.properties,
        UnorderedElementsAre(Pair("modules-dir", "node_modules"), Pair("virtual-store-dir", "node_modules/.pnpm"), Pair("bins", "shim-node-path"),
                             Pair("node-path-tail", "node_modules/.pnpm/node_modules")));
}

TEST(Isolated, SlotNames) {
    auto name = [](const std::string& id, const Options& options = {}) {
        Graph g;
        g.packages.push_back({id, "x", "", {}, 0, {}, {}, {}});
        g.project(".", "", {});
        std::string dir = Layout("isolated", options).plan(g).places.begin()->first;
        return dir.substr(19, dir.size() - 19 - 15);
    };
    EXPECT_EQ(name("foo@1.0.0"), "foo@1.0.0");
    EXPECT_EQ(name("@foo/bar@1.0.0"), "@foo+bar@1.0.0");
    EXPECT_EQ(name("foo@1.0.0(react@16.0.0)(react-dom@16.0.0)"), "foo@1.0.0_react@16.0.0_react-dom@16.0.0");
    EXPECT_EQ(name("foo@1.0.0(react@16.0.0(react-dom@1.0.0))(react-dom@16.0.0)"),
              "foo@1.0.0_react@16.0.0_react-dom@1.0.0__react-dom@16.0.0");
    EXPECT_EQ(name("project-1@file:project-1(is-positive@1.0.0)"),
              "project-1@file+project-1_is-positive@1.0.0");
    EXPECT_EQ(name("JSONSteam@1.0.0"), "JSONSteam@1.0.0_533d3b11e9111b7a24f914844c021ddf");
    EXPECT_EQ(name("foo@git+https://github.com/something/foo#1234"),
              "foo@git+https+++github.com+something+foo+1234");
    EXPECT_EQ(name("file:Pkg"), "file+Pkg");
    std::string shortened = name("eslint-plugin-testing-library@7.7.0(eslint@9.35.0)(typescript@6.0.3)",
                                 {{"virtual-store-dir-max-length", {"50"}}});
    EXPECT_EQ(shortened.size(), 50u);
    EXPECT_EQ(shortened.substr(0, 18), "eslint-plugin-tes_");
}

TEST(Isolated, NeedsTheDigestOnlyForNamesThatAreHashed) {
    Steps steps;
    Layout layout("isolated", {}, false);
    EXPECT_EQ(layout.plan(FlatGraph(chain()), steps), PMX_OK);
    Graph upper = Graph().package("JSONStream@1.0.0").project(".", "", {{"JSONStream", "JSONStream@1.0.0"}});
    EXPECT_EQ(layout.plan(FlatGraph(upper), steps), PMX_FAILED);
    EXPECT_THAT(layout.error(), testing::HasSubstr("pmx.digest/1"));
}

TEST(Isolated, HoistsByDepthThenSlotName) {
    Graph g = Graph()
                  .package("a@1.0.0", {{"x", "x@1.0.0"}, {"m", "m@1.0.0"}})
                  .package("b@1.0.0", {{"x", "x@2.0.0"}, {"y", "y@1.0.0"}})
                  .package("m@1.0.0", {{"deep", "deep@1.0.0"}})
                  .package("x@1.0.0")
                  .package("x@2.0.0")
                  .package("y@1.0.0", {{"deep", "deep@2.0.0"}})
                  .package("deep@1.0.0")
                  .package("deep@2.0.0")
                  .project(".", "root", {{"b", "b@1.0.0"}, {"a", "a@1.0.0"}});
    Steps s = Layout("isolated").plan(g);
    EXPECT_THAT(s.hoisted, UnorderedElementsAre("x@1.0.0 x private", "m@1.0.0 m private", "y@1.0.0 y private",
                                                "deep@1.0.0 deep private"));
}

TEST(Isolated, PublicPatternsWinAndDirectDependenciesStay) {
    Graph g = Graph()
                  .package("a@1.0.0", {{"eslint-x", "eslint-x@1.0.0"}, {"b", "b@2.0.0"}, {"c", "c@1.0.0"}})
                  .package("b@1.0.0")
                  .package("b@2.0.0")
                  .package("c@1.0.0", {}, PMX_PACKAGE_HAS_BIN)
                  .package("eslint-x@1.0.0", {}, PMX_PACKAGE_HAS_BIN)
                  .project(".", "root", {{"a", "a@1.0.0"}, {"b", "b@1.0.0"}});
    Steps s =
        Layout("isolated", {{"public-hoist-pattern", {"*eslint*", "b"}}, {"hoist-pattern", {"*", "!c"}}})
            .plan(g);
    EXPECT_THAT(s.hoisted, ElementsAre("eslint-x@1.0.0 eslint-x public"));
    EXPECT_EQ(s.symlinks.at("node_modules/eslint-x"), slot("eslint-x@1.0.0", "eslint-x"));
    EXPECT_EQ(s.symlinks.at("node_modules/b"), slot("b@1.0.0", "b"));
    EXPECT_THAT(s.bins, Contains("node_modules/.bin <- " + slot("eslint-x@1.0.0", "eslint-x") +
                                 " as eslint-x tier 1"));
    s = Layout("isolated", {{"shamefully-hoist", {"true"}}}).plan(g);
    EXPECT_THAT(s.hoisted, ElementsAre("c@1.0.0 c public", "eslint-x@1.0.0 eslint-x public"));
    s = Layout("isolated", {{"hoist", {"false"}}}).plan(g);
    EXPECT_TRUE(s.hoisted.empty());
    EXPECT_EQ(s.properties.at("bins"), "shim");
}

TEST(Isolated, SkippedPackagesAreWalkedButNeverPlacedOrLinked) {
    Graph g = Graph()
                  .package("a@1.0.0", {{"fsevents", "fsevents@2.0.0", PMX_EDGE_OPTIONAL}, {"d", "d@1.0.0"}})
                  .package("d@1.0.0", {{"e", "e@1.0.0"}})
                  .package("e@1.0.0", {{"n", "n@2.0.0"}})
                  .package("fsevents@2.0.0", {{"n", "n@1.0.0"}}, PMX_PACKAGE_SKIPPED | PMX_PACKAGE_OPTIONAL)
                  .package("n@1.0.0")
                  .package("n@2.0.0")
                  .package("dev@1.0.0", {}, PMX_PACKAGE_SKIPPED)
                  .project(".", "root", {{"a", "a@1.0.0"}, {"dev", "dev@1.0.0", PMX_EDGE_DEV}});
    Steps s = Layout("isolated").plan(g);
    EXPECT_THAT(s.places, Not(Contains(Key(slot("fsevents@2.0.0", "fsevents")))));
    EXPECT_THAT(s.symlinks, Not(Contains(Key(slot("a@1.0.0", "fsevents")))));
    EXPECT_THAT(s.symlinks, Not(Contains(Key("node_modules/dev"))));
    EXPECT_THAT(s.hoisted,
                UnorderedElementsAre("d@1.0.0 d private", "e@1.0.0 e private", "n@1.0.0 n private"));
}

TEST(Isolated, Workspaces) {
    Graph g = Graph()
                  .package("a@1.0.0", {{"lib", "link:packages/lib"}})
                  .package("b@1.0.0")
                  .package("b@2.0.0")
                  .project(".", "root", {{"b", "b@1.0.0"}})
                  .project("packages/app", "app",
                           {{"lib", "link:packages/lib"}, {"a", "a@1.0.0"}, {"b", "b@1.0.0"}})
                  .project("packages/lib", "lib", {{"b", "b@2.0.0"}});
    Steps s = Layout("isolated").plan(g);
    EXPECT_THAT(s.projects,
                UnorderedElementsAre(Pair("packages/app/node_modules/lib", "packages/lib"),
                                     Pair(slot("a@1.0.0", "lib"), "packages/lib"),
                                     Pair("node_modules/.pnpm/node_modules/lib", "packages/lib"),
                                     Pair("node_modules/.pnpm/node_modules/app", "packages/app")));
    EXPECT_EQ(s.symlinks.at("packages/app/node_modules/b"), slot("b@1.0.0", "b"));
    EXPECT_EQ(s.symlinks.at("packages/lib/node_modules/b"), slot("b@2.0.0", "b"));
    EXPECT_THAT(s.bins, Contains("packages/app/node_modules/.bin <- project packages/lib tier 0"));
    s = Layout("isolated", {{"hoist-workspace-packages", {"false"}}, {"dedupe-direct-deps", {"true"}}})
            .plan(g);
    EXPECT_EQ(s.projects.size(), 2u);
    EXPECT_THAT(s.symlinks, Not(Contains(Key("packages/app/node_modules/b"))));
    EXPECT_THAT(s.symlinks, Contains(Key("packages/lib/node_modules/b")));
}

TEST(Isolated, DirectoriesCanBeMoved) {
    Graph g = chain();
    Steps s = Layout("isolated", {{"modules-dir", {"mods"}}}).plan(g);
    EXPECT_EQ(s.symlinks.at("mods/a"), "mods/.pnpm/a@1.0.0/node_modules/a");
    s = Layout("isolated", {{"virtual-store-dir", {"./vs/"}}}).plan(g);
    EXPECT_EQ(s.symlinks.at("node_modules/a"), "vs/a@1.0.0/node_modules/a");
    EXPECT_EQ(s.properties.at("virtual-store-dir"), "vs");
}

TEST(Isolated, APackageThatRequiresItselfFindsItself) {
    Graph g = Graph()
                  .package("self@1.0.0", {{"self", "self@1.0.0"}})
                  .project(".", "root", {{"self", "self@1.0.0"}});
    Steps s = Layout("isolated").plan(g);
    EXPECT_THAT(s.symlinks, ElementsAre(Pair("node_modules/self", slot("self@1.0.0", "self"))));
}

TEST(Isolated, StopsWhenCancelled) {
    Layout layout("isolated");
    layout.cancelled = true;
    Steps steps;
    EXPECT_EQ(layout.plan(FlatGraph(chain()), steps), PMX_CANCELLED);
}

}  // namespace
