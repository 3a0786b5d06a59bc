#include <algorithm>

#include "resolve/peer_graph.hpp"

namespace pmx {
namespace {

std::size_t weight(const Variant& v) {
    return v.edges.size() + v.found.size();
}

// Everything that `small` depends on, `big` depends on too.
bool covers(const Variant& big, const Variant& small) {
    if (weight(big) < weight(small)) return false;
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

void dedupe_peer_dependents(PeerGraph& graph) {
    std::vector<Variant>& variants = graph.variants;
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
                    if (covers(variants[big], variants[waiting[i]])) {
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
        if (!changed) return;
        auto redirect = [&](std::vector<VariantEdge>& edges) {
            for (VariantEdge& e : edges)
                if (e.target != kNoPackage) e.target = instead[e.target];
        };
        for (Variant& v : variants) redirect(v.edges);
        for (auto& edges : graph.projects) redirect(edges);
        std::erase_if(groups, [](const auto& group) { return group.size() < 2; });
    }
}

}  // namespace pmx
