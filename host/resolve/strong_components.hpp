// Strong components of a directed graph in compressed rows, without recursion: a chain of a hundred thousand
// packages is no reason to run out of stack. Called by the peer parts of the resolver. Pure. [any thread]
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pmx {

struct StrongComponents {
    std::vector<std::uint32_t> of;       // by vertex: its component; edges never lead to a higher one
    std::vector<std::uint32_t> members;  // vertices, component by component
    std::vector<std::uint32_t> first;  // by component: into members; one more entry than there are components

    std::uint32_t count() const { return static_cast<std::uint32_t>(first.size()) - 1; }
    std::span<const std::uint32_t> members_of(std::uint32_t component) const {
        return std::span(members).subspan(first[component], first[component + 1] - first[component]);
    }
};

// The targets of vertex v are targets[offsets[v]] … targets[offsets[v + 1] - 1].
StrongComponents strong_components(std::span<const std::uint32_t> offsets,
                                   std::span<const std::uint32_t> targets);

}  // namespace pmx
