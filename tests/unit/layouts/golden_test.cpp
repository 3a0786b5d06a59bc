// Trees that pnpm itself made: read its lockfile, plan, compare entry by entry. What a plan does not know, the names of
// executables, is left to the end-to-end tests.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "harness.hpp"
#include "lockfile/lockfile.hpp"

namespace {

using layout_test::FlatGraph;
using layout_test::Graph;
using layout_test::Layout;
using layout_test::Steps;
using Tree = std::map<std::string, std::string>;

std::vector<std::string> strings(const pmx::Graph& g, std::uint32_t first, std::uint32_t count) {
    return {g.strings.begin() + first, g.strings.begin() + first + count};
}

// Does a list like ["darwin", "!win32"] let this value through?
bool allows(const std::vector<std::string>& list, const std::string& value) {
    bool positive = false, hit = false;
    for (const auto& item : list) {
        if (item.starts_with('!')) {
            if (item.substr(1) == value) return false;
        } else {
            positive = true;
            hit = hit || item == value || item == "any";
        }
    }
    return hit || !positive;
}

Graph convert(const pmx::Graph& g) {
    Graph out;
    auto edges = [&](const auto& node) {
        std::vector<layout_test::Edge> list;
        for (auto* e = g.begin_edges(node); e != g.end_edges(node); ++e)
            list.push_back({std::string(e->alias),
                            e->target == pmx::kNoPackage ? "link:" + std::string(e->link) : std::string(g.packages[e->target].id),
                            static_cast<std::uint32_t>(e->kind)});
        return list;
    };
    std::vector<bool> unfit(g.packages.size()), needed(g.packages.size());
    for (std::size_t i = 0; i < g.packages.size(); ++i) {
        const auto& p = g.packages[i];
        unfit[i] = p.optional && !(allows(strings(g, p.first_os, p.os_count), "linux") && allows(strings(g, p.first_cpu, p.cpu_count), "x64") &&
                                   allows(strings(g, p.first_libc, p.libc_count), "glibc"));
        // The engine the trees were made with: node 20, for packages like "for-legacy-node" (0.10).
        unfit[i] = unfit[i] || (p.optional && p.engines_node == "0.10");
    }
    // What only unfit packages need is left out too.
    std::vector<std::uint32_t> queue;
    auto need = [&](const auto& node) {
        for (auto* e = g.begin_edges(node); e != g.end_edges(node); ++e)
            if (e->target != pmx::kNoPackage && !needed[e->target] && !unfit[e->target]) {
                needed[e->target] = true;
                queue.push_back(e->target);
            }
    };
    for (const auto& project : g.projects) need(project);
    while (!queue.empty()) {
        auto next = queue.back();
        queue.pop_back();
        need(g.packages[next]);
    }
    for (std::size_t i = 0; i < g.packages.size(); ++i) {
        const auto& p = g.packages[i];
        std::uint32_t flags = (p.optional ? PMX_PACKAGE_OPTIONAL : 0) | (p.has_bin ? PMX_PACKAGE_HAS_BIN : 0) |
                              (needed[i] ? 0 : PMX_PACKAGE_SKIPPED);
        auto peers = strings(g, p.first_peer, p.peer_count), more = strings(g, p.first_transitive_peer, p.transitive_peer_count);
        peers.insert(peers.end(), more.begin(), more.end());
        out.packages.push_back({std::string(p.id), std::string(p.name), std::string(p.version), edges(p), flags, peers,
                                strings(g, p.first_bundled, p.bundled_count), std::string(p.resolution.integrity)});
    }
    for (const auto& p : g.projects) out.projects.push_back({std::string(p.dir), std::string(p.name), edges(p)});
    for (const auto& l : g.locations)
        out.locations.push_back({std::string(l.path), l.package == pmx::kNoPackage ? "link:" + std::string(l.link)
                                                                                   : std::string(g.packages[l.package].id)});
    return out;
}

// Paths below node_modules, "dir" or "-> relative target", as the golden file writes them.
Tree tree_of(const Steps& steps) {
    constexpr std::size_t prefix = sizeof("node_modules/") - 1;
    Tree tree;
    for (const auto& [dir, id] : steps.places) tree[dir.substr(prefix)] = "dir";
    auto links = steps.symlinks;
    links.insert(steps.projects.begin(), steps.projects.end());
    for (const auto& [path, target] : links)
        tree[path.substr(prefix)] =
            "-> " + std::filesystem::path(target).lexically_relative(std::filesystem::path(path).parent_path()).generic_string();
    return tree;
}

std::string difference(const Tree& ours, const Tree& theirs) {
    std::ostringstream text;
    for (const auto& [path, what] : theirs)
        if (auto mine = ours.find(path); mine == ours.end()) text << "  missing: " << path << " " << what << "\n";
        else if (mine->second != what) text << "  differs: " << path << " " << mine->second << ", not " << what << "\n";
    for (const auto& [path, what] : ours)
        if (!theirs.contains(path)) text << "  too many: " << path << " " << what << "\n";
    return text.str();
}

class Golden : public testing::Test {
  protected:
    void SetUp() override {
        const std::string file = PMX_SOURCE_DIR "/../shared/vectors/pnpm-golden/golden.json";
        std::ifstream in(file);
        if (!in) {
            if (std::getenv("CI")) FAIL() << "pnpm-golden vectors are absent: " << file;
            GTEST_SKIP() << "pnpm-golden vectors are absent";
        }
        cases_ = nlohmann::json::parse(in)["cases"];
    }

    void compare(const std::string& linker) {
        Layout layout(linker);
        int compared = 0;
        for (const auto& c : cases_) {
            const auto& result = c["result"];
            if (result["isolated"]["exit"] != 0 || result[linker]["exit"] != 0) continue;
            // Its recorded lockfile links to an absolute path of the machine that made it.
            if (c["title"] == "@pnpm.e2e/has-local-dep@latest alone") continue;
            SCOPED_TRACE(c["title"].get<std::string>());
            auto lockfile = pmx::read_lockfile("pnpm-lock.yaml", result["isolated"]["lockfile"].get<std::string>());
            ASSERT_TRUE(lockfile) << lockfile.error().what;
            Tree theirs;
            for (const auto& [path, what] : result[linker]["tree"].items()) {
                // Executables, and what an archive carries in its own node_modules, are not the layout's.
                if (path.find(".bin/") == std::string::npos) theirs[path] = what;
            }
            std::vector<std::string> carriers;
            for (const auto& p : lockfile->graph.packages)
                if (p.bundled_count || p.bundles_all) carriers.push_back("/" + std::string(p.name) + "/node_modules/");
            std::erase_if(theirs, [&](const auto& entry) {
                return std::ranges::any_of(carriers, [&](const auto& c) { return ("/" + entry.first).find(c) != std::string::npos; });
            });
            Tree ours = tree_of(layout.plan(convert(lockfile->graph)));
            EXPECT_EQ(difference(ours, theirs), "");
            ++compared;
        }
        EXPECT_GE(compared, 189);
    }

    nlohmann::json cases_;
};

TEST_F(Golden, IsolatedTreesArePnpms) { compare("isolated"); }
TEST_F(Golden, HoistedTreesArePnpms) { compare("hoisted"); }

}  // namespace
