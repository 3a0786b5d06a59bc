#include <algorithm>
#include <unordered_map>

#include "resolve/peer_graph.hpp"

namespace pmx {

void dedupe_injected(const DependencyTree& tree, PeerGraph& graph) {
    std::unordered_map<std::string_view, std::size_t> project_at;
    for (std::size_t i = 0; i < tree.projects.size(); ++i) project_at.emplace(tree.projects[i].dir, i);
    // All are judged before any is changed, so that the order of the projects does not matter.
    std::vector<std::pair<VariantEdge*, std::string_view>> links;
    for (std::size_t i = 0; i < graph.projects.size(); ++i) {
        for (VariantEdge& e : graph.projects[i]) {
            if (e.target == kNoPackage) continue;
            const Variant& variant = graph.variants[e.target];
            const Resolution& resolution = tree.packages[variant.package].record.resolution;
            if (resolution.kind != ResolutionKind::directory) continue;
            auto project = project_at.find(resolution.directory);
            if (project == project_at.end()) continue;
            const std::vector<VariantEdge>& own = graph.projects[project->second];
            bool has_all =
                std::all_of(variant.edges.begin(), variant.edges.end(), [&](const VariantEdge& wanted) {
                    auto at = std::lower_bound(
                        own.begin(), own.end(), wanted.alias,
                        [](const VariantEdge& a, std::string_view alias) { return a.alias < alias; });
                    return at != own.end() && at->alias == wanted.alias && at->is_same_place(wanted);
                });
            if (has_all) links.emplace_back(&e, tree.projects[project->second].dir);
        }
    }
    for (auto& [e, dir] : links) {
        e->target = kNoPackage;
        e->link = dir;
    }
}

}  // namespace pmx
