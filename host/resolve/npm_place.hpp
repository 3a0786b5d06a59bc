// Placing: where in npm's tree a package goes that an edge needs: the highest node_modules on the way up in which it, and
// the peers that come with it, disturb nobody. Used by npm_resolve.cpp. [one thread]
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "resolve/npm_tree.hpp"

namespace pmx {

enum class NpmVerdict : std::uint8_t { conflict, ok, keep, replace };

// What steers the placing of one edge.
struct NpmPlaceOptions {
    bool explicitly_asked = false, prefer_dedupe = false, strict_peers = false;
    std::function<bool(const NpmEdge&)> asked_update;  // whether what it leads to is to be updated; may be empty
};

// A peer conflict that cannot be accepted, as a text for the report.
struct NpmConflict {
    NpmEdge* edge = nullptr;
    NpmNode* wanted = nullptr;   // what was to be placed
    NpmNode* current = nullptr;  // what stands in its way; may be nullptr
};

struct NpmPlaced {
    NpmNode* node = nullptr;  // nullptr: nothing was placed
    NpmEdge* edge = nullptr;
    NpmVerdict verdict = NpmVerdict::keep;
};

class NpmPlacing {
  public:
    NpmPlacing(NpmNodes& nodes, const NpmPlaceOptions& options) : nodes_(nodes), options_(options) {}

    // Places `dep`, a node of a virtual root, and its peers.
    void place(NpmNode& dep, NpmEdge& edge);

    const std::vector<NpmPlaced>& placed() const { return placed_; }          // it first, then its peers, depth first
    const NpmNodeSet& to_look_at_again() const { return again_; }
    const std::optional<NpmConflict>& conflict() const { return conflict_; }  // ERESOLVE
    const std::vector<NpmConflict>& accepted() const { return accepted_; }

  private:
    // One step of placing, or of asking whether a place would do.
    struct Check {
        NpmNode *dep, *target;
        NpmEdge* edge;
        const Check* parent;
        bool prefer_dedupe = false;
        std::vector<NpmNode*> peer_path = {};
        NpmVerdict verdict = NpmVerdict::conflict, self = NpmVerdict::conflict;
        NpmEdge* entry_edge() const { return parent ? parent->entry_edge() : edge; }
    };
    struct Step {
        NpmNode* dep;
        NpmEdge* edge;
        const Step* parent;
        Check check{};
        const NpmEdge* top_edge() const { return parent ? parent->top_edge() : edge; }
    };

    void place(Step& step);
    void put(Step& step);
    void replace_old(Step& step, NpmNode& placed, NpmNode& old);
    void prune_for(NpmNode& placed, const NpmNodeSet& old_deps);
    void prune_duplicates(NpmNode& node, bool descend);
    bool can_dedupe(NpmNode& node) const;
    NpmNode* start_of(const Step& step) const;
    bool is_mine(const Step& step) const;
    static NpmNode* deepest(const Check& check);
    void judge(Check& check) const;
    NpmVerdict verdict_of(Check& check) const;
    NpmVerdict verdict_beside(Check& check, NpmNode& current) const;
    NpmVerdict verdict_alone(Check& check) const;
    NpmVerdict with_peers(Check& check, NpmVerdict state) const;

    NpmNodes& nodes_;
    NpmPlaceOptions options_;
    mutable unsigned checks_ = 0;
    std::vector<NpmPlaced> placed_;
    NpmNodeSet again_;
    std::optional<NpmConflict> conflict_;
    std::vector<NpmConflict> accepted_;
};

}  // namespace pmx
