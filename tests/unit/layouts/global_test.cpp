// The store shared by all projects: names that cover content, links within it and into it.
#include <fstream>
#include <nlohmann/json.hpp>

#include "harness.hpp"

namespace {

using namespace layout_test;

Graph pair_of(const std::string& integrity_of_b, std::uint32_t flags = 0) {
    Graph g = Graph()
                  .package("a@1.0.0", {{"b", "@s/b@2.0.0"}}, flags)
                  .package("@s/b@2.0.0", {}, PMX_PACKAGE_HAS_BIN)
                  .project(".", "root", {{"a", "a@1.0.0"}});
    g.packages[1].integrity = integrity_of_b;
    return g;
}
std::string place_of(const Steps& s, const std::string& id) {
    for (const auto& [dir, package] : s.places)
        if (package == id) return dir;
    return "nowhere";
}

TEST(Global, LinksProjectsIntoTheSharedStore) {
    Steps s = Layout("global").plan(pair_of("sha512-x"));
    std::string a = place_of(s, "a@1.0.0"), b = place_of(s, "@s/b@2.0.0");
    EXPECT_THAT(a, testing::MatchesRegex("shared:@/a/1\\.0\\.0/[0-9a-f]{64}/node_modules/a"));
    EXPECT_THAT(b, testing::MatchesRegex("shared:@s/b/2\\.0\\.0/[0-9a-f]{64}/node_modules/@s/b"));
    EXPECT_EQ(s.symlinks.at("node_modules/a"), a);
    EXPECT_EQ(s.symlinks.at(a.substr(0, a.rfind('/')) + "/b"), b);
    EXPECT_EQ(s.symlinks.at("node_modules/.pnpm/node_modules/b"), b);
    EXPECT_THAT(s.bins, testing::Contains(a + "/node_modules/.bin <- " + b + " as b tier 0"));
    EXPECT_EQ(s.properties.at("bins"), "shim");
}

TEST(Global, ANameCoversEverythingBelow) {
    Layout layout("global", {{"engine", {"linux;x64;node20"}}}),
        other("global", {{"engine", {"linux;x64;node22"}}});
    auto a = [](Layout& l, const Graph& g) { return place_of(l.plan(g), "a@1.0.0"); };
    EXPECT_EQ(a(layout, pair_of("sha512-x")), a(layout, pair_of("sha512-x")));
    EXPECT_NE(a(layout, pair_of("sha512-x")), a(layout, pair_of("sha512-y")));
    EXPECT_EQ(a(layout, pair_of("sha512-x")), a(other, pair_of("sha512-x")));
    EXPECT_NE(a(layout, pair_of("sha512-x", PMX_PACKAGE_BUILT)),
              a(other, pair_of("sha512-x", PMX_PACKAGE_BUILT)));
}

TEST(Global, CyclesEnd) {
    Graph g = Graph()
                  .package("a@1.0.0", {{"b", "b@1.0.0"}})
                  .package("b@1.0.0", {{"a", "a@1.0.0"}})
                  .project(".", "", {{"a", "a@1.0.0"}});
    EXPECT_EQ(Layout("global").plan(g).places.size(), 2u);
}

// Where two packages need each other, a project with another version of what one of them needs gets other slots for both.
TEST(Global, NamesInACycleCoverEverythingBelow) {
    auto graph = [](const char* leaf) {
        return Graph()
            .package("a@1.0.0", {{"b", "b@1.0.0"}})
            .package("b@1.0.0", {{"a", "a@1.0.0"}, {"leaf", leaf}})
            .package(leaf, {})
            .project(".", "", {{"a", "a@1.0.0"}, {"b", "b@1.0.0"}});
    };
    Layout layout("global");
    for (const char* id : {"a@1.0.0", "b@1.0.0"}) {
        EXPECT_NE(place_of(layout.plan(graph("leaf@1.0.0")), id), place_of(layout.plan(graph("leaf@2.0.0")), id)) << id;
        EXPECT_EQ(place_of(layout.plan(graph("leaf@1.0.0")), id), place_of(layout.plan(graph("leaf@1.0.0")), id)) << id;
    }
}

// One package twice, each in a cycle with the other's peer: two slots, not one.
TEST(Global, PeersInACycleAreToldApart) {
    Graph g;
    for (const char* v : {"1", "2"}) {
        std::string peer = "(p@" + std::string(v) + ")";
        g.packages.push_back({"vue@3.0.0" + peer, "vue", "3.0.0", {{"srv", "srv@3.0.0" + peer}, {"p", "p@" + std::string(v)}}});
        g.packages.push_back({"srv@3.0.0" + peer, "srv", "3.0.0", {{"vue", "vue@3.0.0" + peer}}});
        g.packages.push_back({"p@" + std::string(v), "p", v, {}});
    }
    g.project(".", "", {{"one", "vue@3.0.0(p@1)"}, {"two", "vue@3.0.0(p@2)"}});
    EXPECT_EQ(Layout("global").plan(g).places.size(), 6u);
}

TEST(Global, HashesAsPnpmDoes) {
    const std::string file = PMX_SOURCE_DIR "/../shared/vectors/pnpm-vectors/gvs-link-hash-parity.json";
    std::ifstream in(file);
    if (!in) {
        if (std::getenv("CI")) FAIL() << "pnpm-vectors are absent: " << file;
        GTEST_SKIP() << "pnpm-vectors are absent";
    }
    auto vectors = nlohmann::json::parse(in);
    for (const auto& c : vectors["posix"]) {
        const auto& package = vectors["package"];
        Graph g;
        g.packages.push_back({package["key"],
                              package["name"],
                              package["version"],
                              {{package["alias"], "link:" + c["target"].get<std::string>()}},
                              0,
                              {},
                              {},
                              package["integrity"]});
        g.project(".", "", {{"parent", package["key"]}});
        Steps s = Layout("global", {{"lockfile-dir", {c["lockfileDir"].get<std::string>()}}}).plan(g);
        EXPECT_EQ(place_of(s, package["key"]),
                  "shared:" + c["expectedSlot"].get<std::string>() + "/node_modules/parent");
    }
    Graph g = Graph().package("a@1.0.0", {{"l", "link:lib"}}).project(".", "", {{"a", "a@1.0.0"}});
    Layout without("global");
    Steps steps;
    EXPECT_EQ(without.plan(FlatGraph(g), steps), PMX_INVALID);
    EXPECT_THAT(without.error(), testing::HasSubstr("project"));
}

}  // namespace
