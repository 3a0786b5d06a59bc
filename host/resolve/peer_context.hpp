// Contexts: which packages each package finds for its peers, at every place of the tree where that makes a
// difference. A package is one node a context, and a context holds only the names that somebody below asks
// for: so a tree with millions of places has a few thousand nodes, each visited once. Called by peers.cpp.
// Pure. [one thread]
//
// The rules are pnpm's: a name is looked up in the parent's dependencies, then in the parent's parent's, up
// to the project and the workspace's root; an alias provides its real name too, unless somebody provides it
// without one. Where the same version can be found further up under the same alias, that one is it, unless
// the dependent and it do not agree on a third package that both name as a peer. Where packages depend on
// each other in a circle, the circle is cut at dependencies on a package that sorts before the dependent.
// What is behind a cut is looked at from the project, once, whoever came to it first.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "resolve/policy.hpp"
#include "resolve/tree.hpp"

namespace pmx {

// What is found under a name: a node, a linked directory, or nothing.
class PeerPlace {
  public:
    PeerPlace() = default;
    static PeerPlace node(std::uint32_t index) { return PeerPlace(index); }
    static PeerPlace link(std::uint32_t index) { return PeerPlace(index | kLink); }
    // Of a group of nodes that are made together: used in keys only.
    static PeerPlace sibling(std::uint32_t index) { return PeerPlace(index | kSibling); }
    static PeerPlace from_code(std::uint32_t code) { return PeerPlace(code); }

    bool is_nothing() const { return code_ == kNothing; }
    bool is_node() const { return code_ < kLink; }
    bool is_link() const { return !is_nothing() && (code_ & kSibling) == kLink; }
    bool is_sibling() const { return !is_nothing() && (code_ & kSibling) == kSibling; }
    std::uint32_t index() const { return code_ & ~(kSibling | kWeak); }
    // Found under the real name of an alias: the same version further down is preferred to it.
    PeerPlace weak() const { return is_nothing() ? *this : PeerPlace(code_ | kWeak); }
    bool is_weak() const { return !is_nothing() && (code_ & kWeak) != 0; }
    PeerPlace strong() const { return is_nothing() ? *this : PeerPlace(code_ & ~kWeak); }
    std::uint32_t code() const { return code_; }
    friend bool operator==(PeerPlace, PeerPlace) = default;

  private:
    static constexpr std::uint32_t kNothing = UINT32_MAX, kLink = 0x80000000, kSibling = 0xC0000000,
                                   kWeak = 0x20000000;
    explicit PeerPlace(std::uint32_t code) : code_(code) {}
    std::uint32_t code_ = kNothing;
};

// Of a key made of numbers.
struct WordsHash {
    std::size_t operator()(const std::u32string& key) const {
        std::uint64_t hash = key.size();
        for (char32_t c : key) hash = (hash ^ c) * 0x9E3779B97F4A7C15u + (hash >> 29);
        return static_cast<std::size_t>(hash ^ (hash >> 32));
    }
};

struct FoundPeer {
    std::uint32_t name;  // into PeerContexts::names
    PeerPlace place;
};

// What a name means at a node. `nearest` is a dependency nearer to it that gave way to the same version
// further up.
struct BoundPeer {
    PeerPlace place, nearest;
};

struct PeerNode {
    std::uint32_t rank = UINT32_MAX;  // in the order of visits, breadth first
    std::uint32_t depth = UINT32_MAX;
    bool is_used = false;           // some node of the graph leads to it
    std::uint32_t package = 0;      // into DependencyTree::packages
    std::uint32_t first_child = 0;  // into PeerContexts::places: one for each edge of the package
    std::uint32_t first_bound = 0;  // into PeerContexts::bound: one for each name that the package needs
    std::uint32_t first_found = 0, found_count = 0;      // into PeerContexts::found, by name
    std::uint32_t first_missing = 0, missing_count = 0;  // into PeerContexts::missing, sorted
};

struct PeerContexts {
    std::vector<std::string_view> names;  // of peers, sorted
    std::vector<std::string_view> links;  // directories that are linked to
    std::vector<PeerNode> nodes;
    std::vector<PeerPlace> places;
    std::vector<BoundPeer> bound;
    std::vector<FoundPeer> found;        // peers of a node and of what is below it that come from above it
    std::vector<std::uint32_t> missing;  // names wanted by a node or below it that nobody provides
    std::vector<std::vector<PeerPlace>> direct;  // by project: one for each of its edges
    std::vector<std::vector<std::uint32_t>>
        needs;  // by package: names that matter to it and below it, sorted

    std::span<const FoundPeer> found_of(const PeerNode& n) const {
        return std::span(found).subspan(n.first_found, n.found_count);
    }
    std::span<const std::uint32_t> missing_of(const PeerNode& n) const {
        return std::span(missing).subspan(n.first_missing, n.missing_count);
    }
    // What `name` is for the node itself, seen from where it stands; nullptr when it does not matter to it.
    const BoundPeer* bound_at(const PeerNode& n, std::uint32_t name) const;
    PeerPlace bound_of(const PeerNode& n, std::uint32_t name) const {
        const BoundPeer* at = bound_at(n, name);
        return at ? at->place : PeerPlace();
    }
};

// A package that depends on what it also names as a peer: then it needs nobody's.
bool has_itself(const DependencyTree& tree, const TreePackage& package, std::string_view peer);

// Packages must be sorted by id, edges by alias, projects by directory, the root first; no package is its own
// peer.
PeerContexts peer_contexts(const DependencyTree& tree, const Policy& policy);

}  // namespace pmx
