// NpmIdeal: the tree that npm would want: loaded from the lockfile, then every edge that leads nowhere or to what does not
// fit is given a package, breadth first, in npm's order. Used by npm_resolve.cpp. [one thread]
#pragma once

#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "resolve/npm_place.hpp"
#include "resolve/npm_source.hpp"
#include "resolve/npm_tree.hpp"
#include "resolve/tree.hpp"

namespace pmx {

class NpmIdeal {
  public:
    NpmIdeal(const TreeInput& input, NpmNodes& nodes, NpmSource& source, const NpmOverride* overrides)
        : input_(input), nodes_(nodes), source_(source), overrides_(overrides) {}

    Result<> load(const NpmEntry* root_package);
    Result<> build();

    NpmTree& tree() { return *tree_; }
    const std::vector<NpmNode*>& projects() const { return projects_; }  // the root first
    const std::unordered_map<const NpmNode*, const NpmEntry*>& locked() const { return locked_; }

  private:
    NpmNode* project_at(std::string_view dir, const Manifest* manifest, const NpmEntry* old);
    void load_entries();
    void queue_problems();
    void queue_updates();
    void find_asked();
    bool is_asked_update(std::string_view name) const;
    bool is_asked_update(const NpmEdge& edge) const;
    void find_scope();
    bool is_chosen(const NpmNode& project) const;
    void push(NpmNode* node);
    NpmNode* pop();
    bool is_linked(const NpmNode& project) const;
    void queue_link_targets();
    Result<> open(NpmNode& node);
    Result<> step(NpmNode& node);
    std::vector<NpmEdge*> problems(NpmNode& node) const;
    NpmNode* virtual_root(NpmNode* node, bool reuse);
    Result<NpmNode*> node_for(NpmEdge& edge, NpmNode* parent, NpmEdge* second, NpmNodeSet& required);
    Result<NpmNode*> node_of(NpmEdge& edge);
    Result<> load_peers(NpmNode& node, NpmNodeSet& required);
    Failure conflict(const NpmConflict& conflict) const;

    const TreeInput& input_;
    NpmNodes& nodes_;
    NpmSource& source_;
    const NpmOverride* overrides_;
    NpmTree* tree_ = nullptr;
    std::vector<NpmNode*> projects_;
    std::unordered_map<std::string_view, NpmNode*> by_dir_;
    struct Queued {
        NpmNode* node;
        unsigned depth;
        std::string path;
    };
    std::vector<Queued> queue_;
    std::unordered_map<NpmNode*, NpmNode*> virtual_roots_;
    std::unordered_set<const NpmEdge*> asked_;       // explicitly, by an edit
    std::unordered_set<std::string_view> repeated_;  // dedupe: names that are there more than once
    std::unordered_map<const NpmNode*, const NpmEntry*> locked_;
    // Of an update of some projects, or to a depth: what they reach, and how far away it is. Else everything is meant.
    bool is_limited_ = false;
    std::unordered_map<const NpmNode*, std::uint32_t> scope_;
    unsigned peer_depth_ = 0;
};

}  // namespace pmx
