// The graph of packages with their peers: one entry a dependency path, before it becomes the lockfile's. Made
// from contexts (peer_context.hpp) by peer_graph(), thinned out by the dedupe steps, turned into a Lockfile
// by peers.cpp. Everything is in an order that depends on the content only. Pure. [one thread]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "resolve/peer_context.hpp"
#include "resolve/policy.hpp"
#include "resolve/tree.hpp"

namespace pmx {

// A dependency: of a variant, or (kNoPackage) of the directory `link`.
struct VariantEdge {
    std::string_view alias;
    std::uint32_t target = kNoPackage;
    std::string_view link;
    EdgeKind kind = EdgeKind::prod;
    std::uint32_t tree_edge = UINT32_MAX;  // in projects: into DependencyTree::edges

    bool is_same_place(const VariantEdge& other) const {
        return target == other.target && link == other.link;
    }
};

// A package in one context: an entry of the lockfile's `snapshots:`.
struct Variant {
    std::string id;
    std::uint32_t package = 0;                     // into DependencyTree::packages
    std::uint32_t node = 0;                        // into PeerContexts::nodes: the first that has this id
    std::vector<VariantEdge> edges;                // by alias
    std::vector<std::uint32_t> found, transitive;  // names, into PeerContexts::names, sorted
};

struct PeerGraph {
    std::vector<Variant> variants;                   // sorted by id
    std::vector<std::vector<VariantEdge>> projects;  // by project: its edges, by alias
    std::vector<std::uint32_t> variant_of;           // by node of the contexts; kNoPackage where it is not used
};

// By node: its dependency path. Members of a circle of peers stand in others' paths by name and version
// alone; where that could mean several variants, their peers become peers of the others too.
std::vector<std::string> peer_ids(const DependencyTree& tree, PeerContexts& contexts, const Policy& policy);

PeerGraph peer_graph(const DependencyTree& tree, const PeerContexts& contexts, std::vector<std::string> ids);

// "(a@1.0.0)(b@2.0.0(c@1.0.0))" of these segments, sorted, each once; a digest of it when it is longer than
// `max`.
std::string peer_suffix(std::vector<std::string_view> segments, std::size_t max);
// What a linked directory has for a version: "packages+a".
std::string link_peer_version(std::string_view dir);

// A project's injected dependency on another project becomes a link where the other has the same dependencies
// itself.
void dedupe_injected(const DependencyTree& tree, PeerGraph& graph);
// A variant all of whose dependencies and peers another variant of the package has too is replaced with that one, unless
// that would bring a project a peer that it declined. By variant: what stands for it now.
std::vector<std::uint32_t> dedupe_peer_dependents(const DependencyTree& tree, const PeerContexts& contexts, PeerGraph& graph);
// Lets the contexts say what deduping came to, where it replaced somebody's peer, whose own path names that peer: then
// paths and graph have to be made again. False where nobody's path changes.
bool follow_dedupe(const DependencyTree& tree, const PeerGraph& graph, const std::vector<std::uint32_t>& instead, PeerContexts& contexts);

}  // namespace pmx
