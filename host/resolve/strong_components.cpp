// Tarjan's algorithm with a stack of its own.
#include "resolve/strong_components.hpp"

#include <algorithm>

namespace pmx {

StrongComponents strong_components(std::span<const std::uint32_t> offsets,
                                   std::span<const std::uint32_t> targets) {
    constexpr std::uint32_t kUnseen = UINT32_MAX;
    const std::size_t count = offsets.empty() ? 0 : offsets.size() - 1;
    StrongComponents out;
    out.of.assign(count, kUnseen);
    out.members.reserve(count);
    out.first.push_back(0);
    std::vector<std::uint32_t> seen(count, kUnseen), low(count), open, path, next(count);
    std::uint32_t time = 0;
    for (std::uint32_t root = 0; root < count; ++root) {
        if (seen[root] != kUnseen) continue;
        auto enter = [&](std::uint32_t v) {
            seen[v] = low[v] = time++;
            next[v] = offsets[v];
            open.push_back(v);
            path.push_back(v);
        };
        enter(root);
        while (!path.empty()) {
            std::uint32_t v = path.back();
            if (next[v] < offsets[v + 1]) {
                std::uint32_t to = targets[next[v]++];
                if (seen[to] == kUnseen)
                    enter(to);
                else if (out.of[to] == kUnseen)
                    low[v] = std::min(low[v], seen[to]);
                continue;
            }
            path.pop_back();
            if (!path.empty()) low[path.back()] = std::min(low[path.back()], low[v]);
            if (low[v] != seen[v]) continue;
            std::uint32_t component = out.count();
            std::uint32_t member;
            do {
                member = open.back();
                open.pop_back();
                out.of[member] = component;
                out.members.push_back(member);
            } while (member != v);
            out.first.push_back(static_cast<std::uint32_t>(out.members.size()));
        }
    }
    return out;
}

}  // namespace pmx
