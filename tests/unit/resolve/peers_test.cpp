#include "resolve/peers.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/hash.hpp"
#include "model/vectors.hpp"
#include "peer_text.hpp"
#include "resolve/peer_graph.hpp"
#include "stripped_lockfile.hpp"

namespace pmx::test {
namespace {

PeerResult resolved(const Draft& draft, const Policy& policy = {}, unsigned seed = 0) {
    auto result = resolve_peers(draft.tree(seed), policy);
    EXPECT_TRUE(result.has_value());
    return std::move(*result);
}

std::string graph_of(const std::string& text, const Policy& policy = {}) {
    return graph_text(resolved(draft(text), policy).lockfile.graph);
}

std::string file_text(const std::string& path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

struct Case {
    std::string title, draft, graph;
    Policy policy;
};

std::vector<Case> cases() {
    std::istringstream lines(file_text(std::string(PMX_SOURCE_DIR) + "/tests/unit/resolve/peer_cases.txt"));
    std::vector<Case> out;
    bool in_graph = false, in_case = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.empty()) {
            in_case = false;
        } else if (line.starts_with("# ") && !in_case) {
            out.push_back({line.substr(2), {}, {}, {}});
            in_case = true;
            in_graph = false;
        } else if (line == "policy no-dedupe") {
            out.back().policy.dedupe_peer_dependents = false;
        } else if (line == "policy dedupe_peers") {
            out.back().policy.dedupe_peers = true;
        } else if (line.starts_with("policy max ")) {
            out.back().policy.peers_suffix_max_length =
                static_cast<std::uint32_t>(std::stoul(line.substr(11)));
        } else if (line == "---") {
            in_graph = true;
        } else if (in_case) {
            (in_graph ? out.back().graph : out.back().draft) += line + "\n";
        }
    }
    std::erase_if(out, [](const Case& c) { return c.graph.empty(); });
    return out;
}

TEST(Peers, WhatPnpmMakesOfThem) {
    std::vector<Case> all = cases();
    ASSERT_GT(all.size(), 40u);
    for (const Case& c : all) {
        SCOPED_TRACE(c.title);
        EXPECT_EQ(graph_text(resolved(draft(c.draft), c.policy).lockfile.graph), c.graph);
    }
}

TEST(Peers, TheOrderOfTheInputChangesNothing) {
    for (const Case& c : cases()) {
        SCOPED_TRACE(c.title);
        Draft d = draft(c.draft);
        std::string issues = describe_peer_issues(resolved(d, c.policy).issues);
        for (unsigned seed = 1; seed <= 100; ++seed) {
            PeerResult result = resolved(d, c.policy, seed);
            ASSERT_EQ(graph_text(result.lockfile.graph), c.graph) << "seed " << seed;
            ASSERT_EQ(describe_peer_issues(result.issues), issues) << "seed " << seed;
        }
    }
}

void expect_same_peers(const std::string& lockfile_text) {
    auto wanted = read_lockfile("pnpm-lock.yaml", lockfile_text);
    ASSERT_TRUE(wanted.has_value());
    Stripped stripped = strip_lockfile(lockfile_text);
    PeerResult got = resolved(stripped.draft, stripped.policy);
    std::istringstream a(graph_text(wanted->graph)), b(graph_text(got.lockfile.graph));
    std::vector<std::string> want, have;
    for (std::string line; std::getline(a, line);) want.push_back(line);
    for (std::string line; std::getline(b, line);) have.push_back(line);
    EXPECT_EQ(have.size(), want.size());
    for (std::size_t i = 0; i < std::min(want.size(), have.size()); ++i) ASSERT_EQ(have[i], want[i]);
}

TEST(Peers, GoldenLockfilesComeOutAgain) {
    PMX_VECTORS(json, "pnpm-golden/golden.json");
    for (const Json& c : json.at("cases")) {
        const Json& isolated = c.at("result").at("isolated");
        if (!isolated.contains("lockfile") || !isolated.at("lockfile").is_string()) continue;
        SCOPED_TRACE(c.at("title").get<std::string>());
        expect_same_peers(isolated.at("lockfile").get<std::string>());
    }
}

TEST(Peers, LockfilesOfProjectsComeOutAgain) {
    std::string projects = std::string(PMX_SOURCE_DIR) + "/../shared/fixtures/projects/";
    if (!std::filesystem::exists(projects)) {
        if (std::getenv("CI") != nullptr) FAIL() << "fixtures are missing: " << projects;
        GTEST_SKIP() << "../shared/fixtures/projects is absent";
    }
    for (const char* name :
         {"bench-pnpm-alotta", "next-antd-app", "react-router", "tailwindcss", "vuejs-core", "zustand"}) {
        SCOPED_TRACE(name);
        expect_same_peers(file_text(projects + name + "/pnpm-lock.yaml"));
    }
}

// pnpm gives c of the second b the b of the first, because it has seen c before. Here each is given its own.
TEST(Peers, EachOfTwoLikePackagesIsGivenItsOwn) {
    EXPECT_EQ(graph_of("a@1.0.0: b@1.0.0\n"
                       "a@2.0.0: b@1.0.0\n"
                       "b@1.0.0: c@1.0.0 peer a@*\n"
                       "c@1.0.0: d@1.0.0\n"
                       "d@1.0.0: peer b@*\n"
                       "x@1.0.0: a@2.0.0\n"
                       "project .: a@1.0.0 x@1.0.0\n"),
              "a@1.0.0: b=b@1.0.0(a@1.0.0)\n"
              "a@2.0.0: b=b@1.0.0(a@2.0.0)\n"
              "b@1.0.0(a@1.0.0): a=a@1.0.0 c=c@1.0.0(b@1.0.0(a@1.0.0))\n"
              "b@1.0.0(a@2.0.0): a=a@2.0.0 c=c@1.0.0(b@1.0.0(a@2.0.0))\n"
              "c@1.0.0(b@1.0.0(a@1.0.0)): d=d@1.0.0(b@1.0.0(a@1.0.0)) transitive b\n"
              "c@1.0.0(b@1.0.0(a@2.0.0)): d=d@1.0.0(b@1.0.0(a@2.0.0)) transitive b\n"
              "d@1.0.0(b@1.0.0(a@1.0.0)): b=b@1.0.0(a@1.0.0)\n"
              "d@1.0.0(b@1.0.0(a@2.0.0)): b=b@1.0.0(a@2.0.0)\n"
              "x@1.0.0: a=a@2.0.0\n"
              "project .: a=a@1.0.0 x=x@1.0.0\n");
}

TEST(Peers, NobodyIsTheirOwnPeer) {
    PeerResult result = resolved(draft("a@1.0.0: peer a@*\nproject .: a@1.0.0\n"));
    EXPECT_EQ(graph_text(result.lockfile.graph), "a@1.0.0:\nproject .: a=a@1.0.0\n");
    EXPECT_TRUE(result.lockfile.records.at(0).peers.empty());
}

TEST(Peers, AProjectsVersionTakesThePlaceOfADependencyThatIsAPeerToo) {
    std::string packages = "a@1.0.0: p@1.0.0 peer? p@*\np@1.0.0:\np@2.0.0:\n";
    std::string with = "a@1.0.0(p@2.0.0): ?p=p@2.0.0\np@2.0.0:\n",
                without = "a@1.0.0: p=p@1.0.0\np@1.0.0:\np@2.0.0:\n";
    EXPECT_EQ(graph_of(packages + "project .: a@1.0.0 p@2.0.0\n"),
              with + "project .: a=a@1.0.0(p@2.0.0) p=p@2.0.0\n");
    // The first project decides, and it alone.
    EXPECT_TRUE(graph_of(packages + "project k: a@1.0.0\nproject l: a@1.0.0 p@2.0.0\n").starts_with(without));
    EXPECT_TRUE(graph_of(packages + "project k: a@1.0.0 p@2.0.0\nproject l: a@1.0.0\n").starts_with(with));
    EXPECT_TRUE(graph_of(packages + "project .: p@2.0.0\nproject k: a@1.0.0\n").starts_with(without));
}

TEST(Peers, PatchesStandInIds) {
    EXPECT_EQ(graph_of("a@1.0.0: peer b@* patch 123\nb@1.0.0: patch 456\nproject .: a@1.0.0 b@1.0.0\n"),
              "a@1.0.0(patch_hash=123)(b@1.0.0(patch_hash=456)): b=b@1.0.0(patch_hash=456)\n"
              "b@1.0.0(patch_hash=456):\n"
              "project .: a=a@1.0.0(patch_hash=123)(b@1.0.0(patch_hash=456)) b=b@1.0.0(patch_hash=456)\n");
}

TEST(Peers, WhatWasInstalledForPeersIsNoDependencyOfTheProject) {
    PeerResult result = resolved(
        draft("a@1.0.0: peer b@*\nb@1.0.0:\nc@1.0.0:\nproject .: a@1.0.0 auto b@1.0.0 auto c@1.0.0\n"));
    EXPECT_EQ(graph_text(result.lockfile.graph),
              "a@1.0.0(b@1.0.0): b=b@1.0.0\n"
              "b@1.0.0:\n"
              "project .: a=a@1.0.0(b@1.0.0)\n");
    ASSERT_EQ(result.lockfile.records.size(), 2u);  // nobody uses c
    EXPECT_EQ(result.lockfile.records[1].key, "b@1.0.0");
    ASSERT_EQ(result.lockfile.projects.size(), 1u);
    EXPECT_EQ(result.lockfile.projects[0].specifiers.size(), 1u);
}

TEST(Peers, WhatDevelopmentAloneNeedsIsMarked) {
    PeerResult result = resolved(
        draft("a@1.0.0: peer b@*\nb@1.0.0:\nc@1.0.0: ?b@1.0.0\nproject .: dev a@1.0.0 b@1.0.0 ?c@1.0.0\n"));
    const std::vector<Package>& packages = result.lockfile.graph.packages;
    ASSERT_EQ(packages.size(), 3u);
    EXPECT_TRUE(packages[0].dev_only);
    EXPECT_FALSE(packages[1].dev_only);
    EXPECT_FALSE(packages[1].optional);
    EXPECT_TRUE(packages[2].optional);
}

TEST(Peers, AnInjectedProjectWithNothingOfItsOwnIsALink) {
    std::string text =
        "lib@file:lib: c@1.0.0 peer p@*\nc@1.0.0:\np@1.0.0:\np@2.0.0:\n"
        "project .:\n"
        "project a: p@1.0.0 injected lib@file:lib\n"
        "project b: p@2.0.0 injected lib@file:lib\n"
        "project lib: c@1.0.0 dev p@1.0.0\n";
    EXPECT_EQ(graph_of(text),
              "c@1.0.0:\n"
              "lib@file:lib(p@2.0.0): c=c@1.0.0 p=p@2.0.0\n"
              "p@1.0.0:\n"
              "p@2.0.0:\n"
              "project .:\n"
              "project a: lib=link:lib p=p@1.0.0\n"
              "project b: lib=lib@file:lib(p@2.0.0) p=p@2.0.0\n"
              "project lib: c=c@1.0.0 dev p=p@1.0.0\n");
    Policy as_they_are;
    as_they_are.dedupe_injected_deps = false;
    EXPECT_NE(graph_of(text, as_they_are).find("project a: lib=lib@file:lib(p@1.0.0) p=p@1.0.0"),
              std::string::npos);
}

TEST(Peers, WithoutTheWorkspaceRoot) {
    std::string text = "a@1.0.0: peer p@*\np@1.0.0:\nproject .: p@1.0.0\nproject x: a@1.0.0\n";
    EXPECT_NE(graph_of(text).find("project x: a=a@1.0.0(p@1.0.0)\n"), std::string::npos);
    Policy alone;
    alone.resolve_peers_from_workspace_root = false;
    EXPECT_NE(graph_of(text, alone).find("project x: a=a@1.0.0\n"), std::string::npos);
}

TEST(Peers, Suffixes) {
    EXPECT_EQ(peer_suffix({}, 1000), "");
    EXPECT_EQ(peer_suffix({"b@1.0.0", "a@2.0.0(b@1.0.0)", "b@1.0.0"}, 1000), "(a@2.0.0(b@1.0.0))(b@1.0.0)");
    EXPECT_EQ(peer_suffix({"a@1.0.0", "b@1.0.0"}, 16), "(a@1.0.0)(b@1.0.0)");
    EXPECT_EQ(peer_suffix({"a@1.0.0", "b@1.0.0"}, 15),
              "(" + sha256_hex("a@1.0.0)(b@1.0.0").substr(0, 32) + ")");
    EXPECT_EQ(link_peer_version("packages/b"), "packages+b");
    EXPECT_EQ(link_peer_version("../x"), "x");
    EXPECT_EQ(link_peer_version("../../x/lib"), "..+x+lib");
    EXPECT_EQ(link_peer_version(".hidden/a+/+b/x..y/"), "hidden+a+b+x..y");
}

TEST(Peers, ALongChainAndAWideCircle) {
    constexpr int kCount = 100'000;
    Draft chain;
    for (int i = 0; i < kCount; ++i) {
        DraftPackage& p = chain.packages["p" + std::to_string(i) + "@1.0.0"];
        if (i + 1 < kCount)
            p.edges.push_back({"p" + std::to_string(i + 1),
                               "p" + std::to_string(i + 1) + "@1.0.0",
                               {},
                               EdgeKind::prod,
                               false,
                               false,
                               {}});
        else
            p.peers.push_back({"peer", "*", false});
    }
    chain.packages["peer@1.0.0"];
    chain.projects["."].edges = {{"p0", "p0@1.0.0", {}, EdgeKind::prod, false, false, {}},
                                 {"peer", "peer@1.0.0", {}, EdgeKind::prod, false, false, {}}};
    EXPECT_EQ(resolved(chain).lockfile.graph.packages[0].id, "p0@1.0.0(peer@1.0.0)");
    chain.packages["p99999@1.0.0"].edges.push_back({"p0", "p0@1.0.0", {}, EdgeKind::prod, false, false, {}});
    EXPECT_EQ(resolved(chain).lockfile.graph.packages.size(), kCount + 1u);
    // Everybody is everybody's peer, directly or not.
    Draft circle;
    for (int i = 0; i < 20'000; ++i) {
        circle.packages["p" + std::to_string(i) + "@1.0.0"].peers.push_back(
            {"p" + std::to_string((i + 1) % 20'000), "*", false});
        circle.projects["."].edges.push_back({"p" + std::to_string(i),
                                              "p" + std::to_string(i) + "@1.0.0",
                                              {},
                                              EdgeKind::prod,
                                              false,
                                              false,
                                              {}});
    }
    EXPECT_EQ(resolved(circle).lockfile.graph.packages[0].id, "p0@1.0.0(p1@1.0.0)");
}

TEST(PeerIssues, AreToldAsATree) {
    PeerResult result =
        resolved(draft("a@1.0.0: b@1.0.0 c@1.0.0\n"
                       "b@1.0.0: peer p@^2.0.0 peer q@1 peer? r@1\n"
                       "c@1.0.0: peer p@>=1\n"
                       "d@1.0.0: peer p@^2.0.0\n"
                       "p@1.0.0:\n"
                       "project .: a@1.0.0 p@1.0.0\n"
                       "project x: d@1.0.0\n"));
    EXPECT_EQ(describe_peer_issues(result.issues),
              ".\n"
              "└─┬ a 1.0.0\n"
              "  └─┬ b 1.0.0\n"
              "    ├── ✕ unmet peer p@^2.0.0: found 1.0.0\n"
              "    └── ✕ missing peer q@1\n"
              "\n"
              "x\n"
              "└─┬ d 1.0.0\n"
              "  └── ✕ unmet peer p@^2.0.0: found 1.0.0\n");
    EXPECT_EQ(describe_peer_issues({}), "");
}

TEST(PeerIssues, RulesForgive) {
    Draft d = draft(
        "a@1.0.0: peer p@^2.0.0 peer @s/q@1\nb@2.0.0: peer p@^3.0.0\np@1.0.0:\nproject .: a@1.0.0 b@2.0.0 "
        "p@1.0.0\n");
    auto count = [&](auto change) {
        Policy policy;
        change(policy);
        return resolved(d, policy).issues.size();
    };
    EXPECT_EQ(count([](Policy&) {}), 3u);
    EXPECT_EQ(count([](Policy& p) { p.peers_ignore_missing = {"@s/*"}; }), 2u);
    EXPECT_EQ(count([](Policy& p) { p.peers_ignore_missing = {"*"}; }), 2u);
    EXPECT_EQ(count([](Policy& p) { p.peers_allow_any = {"p"}; }), 1u);
    EXPECT_EQ(count([](Policy& p) { p.peers_allowed_versions = {{"p", "1"}}; }), 1u);
    EXPECT_EQ(count([](Policy& p) { p.peers_allowed_versions = {{"a>p", "1"}}; }), 2u);
    EXPECT_EQ(count([](Policy& p) { p.peers_allowed_versions = {{"b@2>p", "1"}}; }), 2u);
    EXPECT_EQ(count([](Policy& p) { p.peers_allowed_versions = {{"b@1>p", "1"}}; }), 3u);
}

}  // namespace
}  // namespace pmx::test
