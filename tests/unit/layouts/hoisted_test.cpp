// The rules of the hoisted layout on graphs made by hand, and Node's resolution on graphs made by chance.
#include "harness.hpp"

namespace {

using namespace layout_test;
using testing::Contains;
using testing::Key;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

// send 0.17.2 with two versions of ms, as in pnpm's own example.
Graph send() {
    return Graph()
        .package("send@0.17.2", {{"debug", "debug@2.6.9"}, {"ms", "ms@2.1.3"}})
        .package("debug@2.6.9", {{"ms", "ms@2.0.0"}}, PMX_PACKAGE_HAS_BIN)
        .package("ms@1.0.0", {}, PMX_PACKAGE_HAS_BIN)
        .package("ms@2.0.0", {}, PMX_PACKAGE_HAS_BIN)
        .package("ms@2.1.3")
        .project(".", "root", {{"send", "send@0.17.2"}, {"ms", "ms@1.0.0"}});
}

TEST(Hoisted, DirectDependenciesKeepTheRootAndLosersNest) {
    Steps s = Layout("hoisted").plan(send());
    EXPECT_THAT(s.places, UnorderedElementsAre(Pair("node_modules/send", "send@0.17.2"),
                                               Pair("node_modules/debug", "debug@2.6.9"),
                                               Pair("node_modules/ms", "ms@1.0.0"),
                                               Pair("node_modules/send/node_modules/ms", "ms@2.1.3"),
                                               Pair("node_modules/debug/node_modules/ms", "ms@2.0.0")));
    EXPECT_THAT(
        s.bins,
        UnorderedElementsAre(
            "node_modules/.bin <- node_modules/ms as ms tier 0",
            "node_modules/.bin <- node_modules/debug as debug tier 1",
            "node_modules/debug/node_modules/.bin <- node_modules/debug/node_modules/ms as ms tier 0"));
    EXPECT_EQ(s.properties.at("bins"), "symlink");
}

TEST(Hoisted, LimitsAndExternalNames) {
    Graph g = send();
    g.projects[0].edges.pop_back();
    Steps s = Layout("hoisted", {{"hoisting-limits", {"dependencies"}}}).plan(g);
    EXPECT_THAT(s.places,
                UnorderedElementsAre(Key("node_modules/send"), Key("node_modules/send/node_modules/ms"),
                                     Key("node_modules/send/node_modules/debug"),
                                     Key("node_modules/send/node_modules/debug/node_modules/ms")));
    s = Layout("hoisted", {{"external-dependencies", {"ms"}}}).plan(g);
    EXPECT_THAT(s.places, Not(Contains(Key("node_modules/ms"))));
    EXPECT_THAT(s.places, Contains(Key("node_modules/send/node_modules/ms")));
}

TEST(Hoisted, WorkspacesShareTheRoot) {
    Graph g = Graph()
                  .package("a@1.0.0")
                  .package("a@2.0.0")
                  .package("b@1.0.0")
                  .project(".", "root", {{"a", "a@1.0.0"}})
                  .project("packages/app", "app",
                           {{"a", "a@2.0.0"}, {"b", "b@1.0.0"}, {"lib", "link:packages/lib"}})
                  .project("packages/lib", "lib", {});
    Steps s = Layout("hoisted").plan(g);
    EXPECT_THAT(s.places, UnorderedElementsAre(Pair("node_modules/a", "a@1.0.0"),
                                               Pair("packages/app/node_modules/a", "a@2.0.0"),
                                               Pair("node_modules/b", "b@1.0.0")));
    EXPECT_THAT(s.projects, UnorderedElementsAre(Pair("packages/app/node_modules/lib", "packages/lib"),
                                                 Pair("node_modules/lib", "packages/lib"),
                                                 Pair("node_modules/app", "packages/app")));
    s = Layout("hoisted", {{"hoisting-limits", {"workspaces"}}}).plan(g);
    EXPECT_THAT(s.places, Contains(Key("packages/app/node_modules/b")));
}

TEST(Hoisted, FollowsNpmsLocations) {
    Graph g = Graph()
                  .package("a@1.0.0", {{"b", "b@1.0.0"}}, PMX_PACKAGE_HAS_BIN)
                  .package("b@1.0.0", {}, PMX_PACKAGE_HAS_BIN)
                  .package("c@1.0.0")
                  .package("skip@1.0.0", {}, PMX_PACKAGE_SKIPPED)
                  .project(".", "root", {{"a", "a@1.0.0"}})
                  .project("packages/lib", "lib", {});
    g.packages[0].bundled = {"c"};
    g.locations = {{"node_modules/a", "a@1.0.0"},
                   {"node_modules/a/node_modules/b", "b@1.0.0"},
                   {"node_modules/a/node_modules/c", "c@1.0.0"},
                   {"node_modules/a/node_modules/c/node_modules/b", "b@1.0.0"},
                   {"node_modules/skip", "skip@1.0.0"},
                   {"node_modules/skip/node_modules/b", "b@1.0.0"},
                   {"node_modules/lib", "link:packages/lib"},
                   {"packages/lib/node_modules/b", "b@1.0.0"}};
    Steps s = Layout("hoisted").plan(g);
    EXPECT_THAT(s.places, UnorderedElementsAre(Key("node_modules/a"), Key("node_modules/a/node_modules/b"),
                                               Key("packages/lib/node_modules/b")));
    EXPECT_THAT(s.projects, UnorderedElementsAre(Pair("node_modules/lib", "packages/lib")));
    EXPECT_THAT(s.bins, UnorderedElementsAre(
                            "node_modules/.bin <- node_modules/a as a tier 0",
                            "node_modules/.bin <- project packages/lib tier 1",
                            "node_modules/a/node_modules/.bin <- node_modules/a/node_modules/b as b tier 1",
                            "packages/lib/node_modules/.bin <- packages/lib/node_modules/b as b tier 1"));
}

TEST(Hoisted, DeepGraphsNeitherCrashNorHang) {
    Graph chain, shadow;
    constexpr int length = 3000;
    for (int i = 0; i < length; ++i) {
        std::vector<Edge> next;
        if (i + 1 < length)
            next.push_back({"p" + std::to_string(i + 1), "p" + std::to_string(i + 1) + "@1.0.0"});
        chain.package("p" + std::to_string(i) + "@1.0.0", next);
    }
    chain.project(".", "", {{"p0", "p0@1.0.0"}});
    EXPECT_EQ(Layout("hoisted").plan(chain).places.size(), static_cast<std::size_t>(length));
    // Every package shadows the one above it: no file system has room for that tree.
    for (int i = 0; i < 400; ++i) {
        std::vector<Edge> next;
        if (i + 1 < 400) next.push_back({"x", "x@" + std::to_string(i + 1)});
        shadow.package("x@" + std::to_string(i), next);
    }
    shadow.project(".", "", {{"x", "x@0"}});
    Layout layout("hoisted");
    Steps steps;
    EXPECT_EQ(layout.plan(FlatGraph(shadow), steps), PMX_INVALID);
}

// Edges by chance: packages with several versions and no cycles, or with one version and cycles. (Several
// versions in one cycle have no finite tree.)
Graph random_graph(unsigned seed) {
    std::mt19937 random(seed);
    auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    Graph g;
    const unsigned names = 4 + below(20), versions = 1 + below(3);
    auto id = [&](unsigned n, unsigned v) {
        return "n" + std::to_string(n) + "@" + std::to_string(v) + ".0.0";
    };
    auto edges = [&](unsigned count, unsigned from = 0) {
        std::map<unsigned, Edge> chosen;
        for (unsigned i = 0; i < count; ++i) {
            if (from >= names) break;
            unsigned n = from + below(names - from);
            chosen.try_emplace(n, Edge{"n" + std::to_string(n), id(n, below(versions))});
        }
        std::vector<Edge> list;
        for (auto& [n, edge] : chosen) list.push_back(edge);
        return list;
    };
    for (unsigned n = 0; n < names; ++n)
        for (unsigned v = 0; v < versions; ++v)
            g.package(id(n, v), edges(below(4), versions > 1 ? n + 1 : 0));
    g.project(".", "root", edges(1 + below(5)));
    if (below(2)) g.project("packages/w", "w", edges(1 + below(5)));
    return g;
}

TEST(Hoisted, EveryPackageFindsWhatItsLockfileEntryPromises) {
    Layout layout("hoisted");
    for (unsigned seed = 1; seed <= 400; ++seed) {
        Graph g = random_graph(seed);
        Steps s = layout.plan(g);
        std::map<std::string, const Package*> by_id;
        for (const auto& p : g.packages) by_id[p.id] = &p;
        auto find = [&](std::string from, const std::string& alias) -> std::string {
            for (;;) {
                std::string candidate = (from.empty() ? "" : from + "/") + "node_modules/" + alias;
                if (auto found = s.places.find(candidate); found != s.places.end()) return found->second;
                if (from.empty()) return "nothing";
                std::size_t cut = from.rfind("/node_modules/");
                from = cut != std::string::npos ? from.substr(0, cut) : "";
            }
        };
        for (const auto& project : g.projects)
            for (const auto& e : project.edges)
                EXPECT_EQ(find(project.dir == "." ? "" : project.dir, e.alias), e.to)
                    << "seed " << seed << " project " << project.dir;
        for (const auto& [dir, package] : s.places)
            for (const auto& e : by_id[package]->edges)
                EXPECT_EQ(find(dir, e.alias), e.to)
                    << "seed " << seed << " from " << dir << " (" << package << ")";
        if (HasFailure()) break;
    }
}

TEST(EveryLayout, GivesTheSameStepsForAnyOrder) {
    for (const char* name : {"isolated", "hoisted", "global"}) {
        Layout layout(name);
        for (unsigned seed = 1; seed <= 100; ++seed) {
            Graph g = random_graph(seed);
            Steps first = layout.plan(FlatGraph(g));
            for (unsigned shuffle = 1; shuffle <= 3; ++shuffle)
                ASSERT_EQ(layout.plan(FlatGraph(g, shuffle)), first)
                    << name << " seed " << seed << " shuffle " << shuffle;
        }
    }
}

}  // namespace
