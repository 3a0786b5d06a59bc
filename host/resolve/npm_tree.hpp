// NpmTree: packages at their places, as npm sees them: nodes in each other's node_modules, edges that lead to whatever
// their name resolves to from where they start, and say whether that fits. The ideal tree is one; every set of peers that
// is tried out is a small one of its own (a virtual root with the wishes of a real node). Nodes and edges live as long as
// the NpmNodes that made them, in a tree or not. Used by npm_resolve.cpp and npm_place.cpp. [one thread]
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "lockfile/npm_entry.hpp"
#include "lockfile/npm_overrides.hpp"
#include "model/specifier.hpp"
#include "resolve/range_cache.hpp"

namespace pmx {

struct NpmNode;
struct NpmTree;

enum class NpmEdgeKind : std::uint8_t { prod, dev, optional, peer, peer_optional, workspace };

struct NpmEdge {
    NpmNode* from = nullptr;
    std::string_view name, raw;  // raw: the specifier before overrides
    std::string_view spec;       // … and after
    NpmEdgeKind kind = NpmEdgeKind::prod;
    NpmNode* to = nullptr;
    const NpmOverride* rule = nullptr;
    bool conflicted = false;  // a peer that cannot be had here, accepted
    mutable signed char fits = -1;  // whether `to` satisfies: unknown, no, yes

    bool is_peer() const { return kind == NpmEdgeKind::peer || kind == NpmEdgeKind::peer_optional; }
    bool is_optional() const { return kind == NpmEdgeKind::optional || kind == NpmEdgeKind::peer_optional; }
};

struct NpmNode {
    std::string_view name;               // in node_modules
    const NpmEntry* package = nullptr;   // its name is the package's own; "" where that is `name`
    NpmNode* parent = nullptr;
    NpmNode* fs_parent = nullptr;        // of a project: whose directory it lies in
    NpmNode* target = nullptr;           // of a link
    NpmNode* source = nullptr;           // of a virtual root: whose wishes it has
    NpmTree* tree = nullptr;             // nullptr: removed
    std::string_view dir;                // of a project, relative to the root; "" of the root
    std::map<std::string_view, NpmNode*> children;
    std::vector<NpmNode*> fs_children;
    std::vector<NpmEdge*> edges_out;     // in the order of their making
    std::unordered_map<std::string_view, NpmEdge*> edge_of;
    std::vector<NpmEdge*> edges_in;
    const NpmOverride* overrides = nullptr;
    bool is_project = false, is_workspace = false, failed = false, seen = false;
    // Whether it is reached only through such edges.
    bool dev = true, optional = true, dev_optional = true, peer = true, extraneous = true;

    bool is_link() const { return target != nullptr; }
    bool is_top() const { return parent == nullptr; }
    bool is_root() const { return is_project && dir.empty(); }
    NpmNode* resolve_parent() const { return parent ? parent : fs_parent; }
    std::string_view package_name() const { return package && !package->name.empty() ? package->name : name; }
    std::string_view version() const { return package ? package->version : std::string_view(); }
    unsigned depth() const;
    std::string path() const;  // "node_modules/a/node_modules/b"
    NpmNode* child(std::string_view child_name) const;
    NpmNode* resolve(std::string_view wanted) const;
    NpmEdge* edge(std::string_view wanted) const;
    bool is_below(const NpmNode& other) const;  // or the same
    bool is_carried() const;  // by a package above: in its archive, or in the lockfile that it brings
};

struct NpmTree {
    NpmNode* root = nullptr;
    std::unordered_map<std::string_view, std::vector<NpmEdge*>> edges;  // by name
    std::unordered_map<std::string_view, std::vector<NpmNode*>> nodes;  // by name, in the order of their coming
};

using NpmNodeSet = std::vector<NpmNode*>;  // a set in the order of insertion; see add()
bool contains(const NpmNodeSet& set, const NpmNode* node);
bool add(NpmNodeSet& set, NpmNode* node);

class NpmNodes {
  public:
    explicit NpmNodes(const NpmEntry* root_package) : root_package_(root_package) {}

    NpmTree* tree();
    NpmNode* node(std::string_view name, const NpmEntry* package);
    NpmNode* link(std::string_view name, NpmNode* target);
    // A virtual root with the wishes of `source`.
    NpmNode* virtual_root(NpmNode* source);
    // A copy of `node`, in no tree.
    NpmNode* copy(const NpmNode& node);

    void make_edges(NpmNode& node, const std::vector<std::pair<std::string_view, std::string_view>>& workspaces = {});
    void enter(NpmTree& tree, NpmNode& node);            // a root or a project
    void place(NpmNode& node, NpmNode& parent);          // into its node_modules, which had no such name
    void replace(NpmNode& old, NpmNode& by);             // takes its place and its children
    void remove(NpmNode& node);                          // with all below

    bool satisfies(const NpmNode& node, const NpmEdge& edge) const;
    bool is_valid(const NpmEdge& edge) const;
    bool is_missing(const NpmEdge& edge) const { return !edge.to && !edge.is_optional(); }
    static bool matches(const NpmNode& a, const NpmNode& b);
    // Whether every edge into `old` could lead to `by`. `ignored`: names of peers beside it that do not count.
    bool can_replace(const NpmNode& by, NpmNode& old, const std::vector<std::string_view>& ignored = {}) const;
    // The dependencies of a set that nothing outside depends on, over edges that pass.
    using EdgeFilter = std::function<bool(const NpmEdge&)>;
    static NpmNodeSet closed_set(const NpmNodeSet& of, const EdgeFilter& filter);
    // The ways into the sets of peers that a node is part of, with each set.
    std::vector<std::pair<NpmEdge*, NpmNodeSet>> peer_entries(NpmNode& node) const;
    // The deepest place, from `start` upwards, where `name` may be put for it.
    static NpmNode* deepest_target(NpmNode* start, std::string_view name);

    std::string_view keep(std::string text);
    const KnownRange& range(std::string_view text) { return ranges_.get(text); }
    const Specifier* specifier(std::string_view name, std::string_view spec) const;  // nullptr: cannot be understood

  private:
    void add_edge(NpmNode& from, std::string_view name, std::string_view spec, NpmEdgeKind kind);
    void apply_overrides(NpmNode& node, NpmEdge& edge);
    void point(NpmEdge& edge, NpmNode* to);
    void reload(NpmTree& tree, std::string_view name, const NpmNode& below);
    void leave(NpmNode& node);
    void subtree(NpmNode& node, const std::function<void(NpmNode&)>& visit);

    const NpmEntry* root_package_;
    std::deque<NpmNode> nodes_;
    std::deque<NpmEdge> edges_;
    std::deque<NpmTree> trees_;
    std::deque<std::string> texts_;
    mutable RangeCache ranges_;
    mutable std::unordered_map<std::string, std::unique_ptr<Specifier>> specifiers_;
};

}  // namespace pmx
