#include "resolve/peer_graph.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace pmx {
namespace {

class GraphOfVariants {
  public:
    GraphOfVariants(const DependencyTree& tree, const PeerContexts& contexts, std::vector<std::string> ids)
        : tree_(tree), contexts_(contexts), ids_(std::move(ids)) {}

    PeerGraph make() {
        // The first node of an id stands for the others: they differ, if at all, behind names that no id
        // shows.
        std::vector<std::uint32_t> order(ids_.size());
        std::iota(order.begin(), order.end(), 0);
        std::sort(order.begin(), order.end(), [&](auto a, auto b) {
            if (contexts_.nodes[a].is_used != contexts_.nodes[b].is_used) return contexts_.nodes[a].is_used;
            int compared = ids_[a].compare(ids_[b]);
            if (compared != 0) return compared < 0;
            const PeerNode &na = contexts_.nodes[a], &nb = contexts_.nodes[b];
            return na.depth != nb.depth ? na.depth < nb.depth : na.rank > nb.rank;
        });
        variant_of_.assign(ids_.size(), kNoPackage);
        std::vector<std::uint32_t> nodes;
        for (std::uint32_t at : order) {
            if (!contexts_.nodes[at].is_used) break;
            if (nodes.empty() || ids_[nodes.back()] != ids_[at]) nodes.push_back(at);
            variant_of_[at] = static_cast<std::uint32_t>(nodes.size() - 1);
        }
        for (std::uint32_t node : nodes) variants(node);
        for (std::size_t i = 0; i < tree_.projects.size(); ++i) project(i);
        for (std::size_t i = 0; i < nodes.size(); ++i) graph_.variants[i].id = std::move(ids_[nodes[i]]);
        graph_.variant_of = std::move(variant_of_);
        return std::move(graph_);
    }

  private:
    VariantEdge edge(std::string_view alias, PeerPlace place, EdgeKind kind) const {
        VariantEdge out{alias, kNoPackage, {}, kind, UINT32_MAX};
        if (place.is_node())
            out.target = variant_of_[place.index()];
        else
            out.link = contexts_.links[place.index()];
        return out;
    }

    void variants(std::uint32_t at) {
        const PeerNode& node = contexts_.nodes[at];
        const TreePackage& package = tree_.packages[node.package];
        Variant v;
        v.package = node.package;
        v.node = at;
        for (const PeerDependency& peer : package.record.peers) {
            if (has_itself(tree_, package, peer.name)) continue;
            PeerPlace place = contexts_.bound_of(node, name_of(peer.name));
            if (!place.is_nothing())
                v.edges.push_back(
                    edge(peer.name, place, peer.optional ? EdgeKind::optional : EdgeKind::prod));
        }
        for (std::uint32_t i = 0; i < package.edge_count; ++i) {
            const TreeEdge& e = tree_.edges[package.first_edge + i];
            PeerPlace place = contexts_.places[node.first_child + i];
            if (!place.is_nothing()) v.edges.push_back(edge(e.alias, place, e.kind));
        }
        std::sort(v.edges.begin(), v.edges.end(), [](auto& a, auto& b) { return a.alias < b.alias; });
        for (const FoundPeer& peer : contexts_.found_of(node)) v.found.push_back(peer.name);
        std::span<const std::uint32_t> missing = contexts_.missing_of(node);
        std::set_union(v.found.begin(), v.found.end(), missing.begin(), missing.end(),
                       std::back_inserter(v.transitive));
        std::erase_if(v.transitive, [&](std::uint32_t name) {
            return std::any_of(
                package.record.peers.begin(), package.record.peers.end(),
                [&](const PeerDependency& peer) { return peer.name == contexts_.names[name]; });
        });
        graph_.variants.push_back(std::move(v));
    }

    void project(std::size_t index) {
        const TreeProject& project = tree_.projects[index];
        auto& edges = graph_.projects.emplace_back();
        for (std::uint32_t i = 0; i < project.edge_count; ++i) {
            const TreeEdge& e = tree_.edges[project.first_edge + i];
            PeerPlace place = contexts_.direct[index][i];
            if (place.is_nothing()) continue;
            edges.push_back(edge(e.alias, place, e.kind));
            edges.back().tree_edge = project.first_edge + i;
        }
    }

    std::uint32_t name_of(std::string_view name) const {
        auto at = std::lower_bound(contexts_.names.begin(), contexts_.names.end(), name);
        return static_cast<std::uint32_t>(at - contexts_.names.begin());
    }

    const DependencyTree& tree_;
    const PeerContexts& contexts_;
    std::vector<std::string> ids_;
    std::vector<std::uint32_t> variant_of_;  // by node
    PeerGraph graph_;
};

}  // namespace

PeerGraph peer_graph(const DependencyTree& tree, const PeerContexts& contexts, std::vector<std::string> ids) {
    return GraphOfVariants(tree, contexts, std::move(ids)).make();
}

}  // namespace pmx
