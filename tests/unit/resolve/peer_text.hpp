// A resolved graph as lines of text, and a draft as the lines that draft() reads: what cases of peers are
// written in.
#pragma once

#include <string>

#include "model/graph.hpp"
#include "naive_tree.hpp"

namespace pmx::test {

// "a@1.0.0(b@2.0.0) optional: b=b@2.0.0 ?c=c@1.0.0 transitive p", sorted as a lockfile is; then the projects.
inline std::string graph_text(const Graph& graph) {
    std::string out;
    auto edges = [&](const Edge* first, const Edge* last) {
        std::vector<const Edge*> sorted;
        for (; first != last; ++first) sorted.push_back(first);
        std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->alias < b->alias; });
        for (const Edge* e : sorted) {
            out += e->kind == EdgeKind::dev ? " dev " : e->kind == EdgeKind::optional ? " ?" : " ";
            out.append(e->alias).append("=");
            out += e->target == kNoPackage ? "link:" + std::string(e->link)
                                           : std::string(graph.packages[e->target].id);
        }
    };
    for (const Package& p : graph.packages) {
        out.append(p.id).append(p.optional ? " optional:" : ":");
        edges(graph.begin_edges(p), graph.end_edges(p));
        if (p.transitive_peer_count) out += " transitive";
        for (std::uint32_t i = 0; i < p.transitive_peer_count; ++i)
            out.append(" ").append(graph.strings[p.first_transitive_peer + i]);
        out += "\n";
    }
    for (const Project& p : graph.projects) {
        out.append("project ").append(p.dir).append(":");
        edges(graph.begin_edges(p), graph.end_edges(p));
        out += "\n";
    }
    return out;
}

inline std::string draft_text(const Draft& draft) {
    std::string out;
    auto edges = [&](const std::vector<DraftEdge>& list) {
        for (const DraftEdge& e : list) {
            if (e.auto_installed) out += " auto";
            if (e.injected) out += " injected";
            if (e.kind == EdgeKind::dev) out += " dev";
            out += e.kind == EdgeKind::optional ? " ?" : " ";
            if (!e.link.empty())
                out += e.alias + "=link:" + e.link;
            else
                out += (e.package.starts_with(e.alias + "@") ? "" : e.alias + "=") + e.package;
        }
    };
    for (const auto& [key, p] : draft.packages) {
        out += key + ":";
        edges(p.edges);
        for (const DraftPeer& peer : p.peers)
            out += (peer.optional ? " peer? " : " peer ") + peer.name +
                   (peer.range.find(' ') == std::string::npos ? "@" + peer.range : "");
        if (!p.patch_hash.empty()) out += " patch " + p.patch_hash;
        out += "\n";
    }
    for (const auto& [dir, p] : draft.projects) {
        out += "project " + dir + ":";
        if (!p.name.empty()) out += " name " + p.name;
        edges(p.edges);
        out += "\n";
    }
    return out;
}

}  // namespace pmx::test
