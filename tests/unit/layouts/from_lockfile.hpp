// From a lockfile as the engine reads it to the tests' own graph, with what does not fit Linux on x64 with
// glibc and node 20 marked as skipped.
#pragma once

#include "harness.hpp"
#include "lockfile/lockfile.hpp"

namespace layout_test {

inline std::vector<std::string> strings(const pmx::Graph& g, std::uint32_t first, std::uint32_t count) {
    return {g.strings.begin() + first, g.strings.begin() + first + count};
}

// Does a list like ["darwin", "!win32"] let this value through?
inline bool allows(const std::vector<std::string>& list, const std::string& value) {
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

inline Graph convert(const pmx::Graph& g) {
    Graph out;
    auto edges = [&](const auto& node) {
        std::vector<Edge> list;
        for (auto* e = g.begin_edges(node); e != g.end_edges(node); ++e)
            list.push_back({std::string(e->alias),
                            e->target == pmx::kNoPackage ? "link:" + std::string(e->link)
                                                         : std::string(g.packages[e->target].id),
                            static_cast<std::uint32_t>(e->kind)});
        return list;
    };
    std::vector<bool> unfit(g.packages.size()), needed(g.packages.size());
    for (std::size_t i = 0; i < g.packages.size(); ++i) {
        const auto& p = g.packages[i];
        unfit[i] = p.optional && !(allows(strings(g, p.first_os, p.os_count), "linux") &&
                                   allows(strings(g, p.first_cpu, p.cpu_count), "x64") &&
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
        std::uint32_t flags = (p.optional ? PMX_PACKAGE_OPTIONAL : 0) |
                              (p.has_bin ? PMX_PACKAGE_HAS_BIN : 0) | (needed[i] ? 0 : PMX_PACKAGE_SKIPPED);
        auto peers = strings(g, p.first_peer, p.peer_count),
             more = strings(g, p.first_transitive_peer, p.transitive_peer_count);
        peers.insert(peers.end(), more.begin(), more.end());
        out.packages.push_back({std::string(p.id), std::string(p.name), std::string(p.version), edges(p),
                                flags, peers, strings(g, p.first_bundled, p.bundled_count),
                                std::string(p.resolution.integrity)});
    }
    for (const auto& p : g.projects)
        out.projects.push_back({std::string(p.dir), std::string(p.name), edges(p)});
    for (const auto& l : g.locations)
        out.locations.push_back({std::string(l.path), l.package == pmx::kNoPackage
                                                          ? "link:" + std::string(l.link)
                                                          : std::string(g.packages[l.package].id)});
    return out;
}

}  // namespace layout_test
