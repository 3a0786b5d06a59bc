#include <algorithm>
#include <numeric>

#include "resolve/peer_graph.hpp"

namespace pmx {
namespace {

std::size_t weight(const Variant& v) {
    return v.edges.size() + v.found.size();
}

using Names = std::vector<std::uint32_t>;  // into PeerContexts::names, sorted

// By variant: peers that some project which leads to it declined.
std::vector<Names> declined_names(const DependencyTree& tree, const PeerContexts& contexts, const PeerGraph& graph) {
    std::vector<Names> out(graph.variants.size());
    for (std::size_t project = 0; project < graph.projects.size(); ++project) {
        Names names;
        for (std::string_view name : tree.projects[project].declined) {
            auto at = std::lower_bound(contexts.names.begin(), contexts.names.end(), name);
            if (at != contexts.names.end() && *at == name) names.push_back(static_cast<std::uint32_t>(at - contexts.names.begin()));
        }
        if (names.empty()) continue;
        std::vector<bool> seen(graph.variants.size());
        std::vector<std::uint32_t> stack;
        auto reach = [&](const std::vector<VariantEdge>& edges) {
            for (const VariantEdge& e : edges)
                if (e.target != kNoPackage && !seen[e.target]) {
                    seen[e.target] = true;
                    stack.push_back(e.target);
                }
        };
        reach(graph.projects[project]);
        while (!stack.empty()) {
            const std::uint32_t at = stack.back();
            stack.pop_back();
            Names both;
            std::set_union(out[at].begin(), out[at].end(), names.begin(), names.end(), std::back_inserter(both));
            out[at] = std::move(both);
            reach(graph.variants[at].edges);
        }
    }
    return out;
}

// Everything that `small` depends on, `big` depends on too.
bool covers(const Variant& big, const Variant& small, const Names& declined) {
    if (weight(big) < weight(small)) return false;
    for (std::uint32_t name : declined)
        if (std::binary_search(big.found.begin(), big.found.end(), name) && !std::binary_search(small.found.begin(), small.found.end(), name)) return false;
    if (!std::includes(big.found.begin(), big.found.end(), small.found.begin(), small.found.end()))
        return false;
    auto at = big.edges.begin();
    for (const VariantEdge& e : small.edges) {
        while (at != big.edges.end() && at->alias < e.alias) ++at;
        if (at == big.edges.end() || at->alias != e.alias || !at->is_same_place(e)) return false;
    }
    return true;
}

}  // namespace

std::vector<std::uint32_t> dedupe_peer_dependents(const DependencyTree& tree, const PeerContexts& contexts, PeerGraph& graph) {
    std::vector<Variant>& variants = graph.variants;
    const std::vector<Names> declined = declined_names(tree, contexts, graph);
    std::vector<std::uint32_t> all(variants.size());  // over all rounds
    std::iota(all.begin(), all.end(), 0);
    std::vector<std::vector<std::uint32_t>> groups;  // by package
    for (std::uint32_t i = 0; i < variants.size(); ++i) {
        if (groups.size() <= variants[i].package) groups.resize(variants[i].package + 1);
        groups[variants[i].package].push_back(i);
    }
    std::erase_if(groups, [](const auto& group) { return group.size() < 2; });
    std::vector<std::uint32_t> instead(variants.size());
    for (;;) {
        for (std::uint32_t i = 0; i < instead.size(); ++i) instead[i] = i;
        bool changed = false;
        for (std::vector<std::uint32_t>& group : groups) {
            // The heaviest first, the last by id among equals; each takes the place of all that it covers.
            std::sort(group.begin(), group.end(), [&](std::uint32_t a, std::uint32_t b) {
                std::size_t wa = weight(variants[a]), wb = weight(variants[b]);
                return wa != wb ? wa > wb : a > b;
            });
            std::vector<std::uint32_t> left, next;
            std::vector<std::uint32_t> waiting = group;
            while (!waiting.empty()) {
                std::uint32_t big = waiting.front();
                left.push_back(big);
                next.clear();
                for (std::size_t i = 1; i < waiting.size(); ++i) {
                    if (covers(variants[big], variants[waiting[i]], declined[waiting[i]])) {
                        instead[waiting[i]] = big;
                        changed = true;
                    } else {
                        next.push_back(waiting[i]);
                    }
                }
                waiting.swap(next);
            }
            group = std::move(left);
        }
        if (!changed) return all;
        for (std::uint32_t& v : all) v = instead[v];
        auto redirect = [&](std::vector<VariantEdge>& edges) {
            for (VariantEdge& e : edges)
                if (e.target != kNoPackage) e.target = instead[e.target];
        };
        for (Variant& v : variants) redirect(v.edges);
        for (auto& edges : graph.projects) redirect(edges);
        std::erase_if(groups, [](const auto& group) { return group.size() < 2; });
    }
}

bool follow_dedupe(const DependencyTree& tree, const PeerGraph& graph, const std::vector<std::uint32_t>& instead, PeerContexts& contexts) {
    auto variant = [&](PeerPlace place) { return place.is_node() ? graph.variant_of[place.strong().index()] : kNoPackage; };
    auto is_replaced = [&](PeerPlace place) { return variant(place) != kNoPackage && instead[variant(place)] != variant(place); };
    const bool any = std::any_of(contexts.nodes.begin(), contexts.nodes.end(), [&](const PeerNode& node) {
        auto found = contexts.found_of(node);
        return node.is_used && std::any_of(found.begin(), found.end(), [&](const FoundPeer& peer) { return is_replaced(peer.place); });
    });
    if (!any) return false;
    auto replace = [&](PeerPlace& place) {
        if (!is_replaced(place)) return;
        const PeerPlace to = PeerPlace::node(graph.variants[instead[variant(place)]].node);
        place = place.is_weak() ? to.weak() : to;
    };
    for (PeerPlace& place : contexts.places) replace(place);
    for (BoundPeer& bound : contexts.bound) replace(bound.place), replace(bound.nearest);
    for (FoundPeer& peer : contexts.found) replace(peer.place);
    for (auto& places : contexts.direct)
        for (PeerPlace& place : places) replace(place);

    for (PeerNode& node : contexts.nodes) node.is_used = false;
    std::vector<std::uint32_t> stack;
    auto reach = [&](PeerPlace place) {
        if (!place.is_node() || contexts.nodes[place.index()].is_used) return;
        contexts.nodes[place.index()].is_used = true;
        stack.push_back(place.index());
    };
    for (const auto& places : contexts.direct) std::for_each(places.begin(), places.end(), reach);
    while (!stack.empty()) {
        const PeerNode& node = contexts.nodes[stack.back()];
        stack.pop_back();
        for (std::uint32_t i = 0; i < tree.packages[node.package].edge_count; ++i) reach(contexts.places[node.first_child + i]);
        for (const FoundPeer& peer : contexts.found_of(node)) reach(peer.place);
    }
    return true;
}

}  // namespace pmx
