#include "resolve/npm_place.hpp"

#include <algorithm>

namespace pmx {
namespace {

constexpr unsigned kMaxPeerChain = 500, kMaxChecks = 200'000;  // peers of peers can be a knot

bool is_at_least(std::string_view a, std::string_view b) {
    auto x = Version::parse(a, true), y = Version::parse(b, true);
    return x && y && *x >= *y;
}

bool is_project(const NpmNode& node) { return node.is_root() || node.is_workspace; }

}  // namespace

void NpmPlacing::place(NpmNode& dep, NpmEdge& edge) {
    Step step{&dep, &edge, nullptr};
    place(step);
}

// A peer has to be at least as high as what wants it.
NpmNode* NpmPlacing::start_of(const Step& step) const {
    NpmNode* from = step.parent ? start_of(*step.parent) : step.edge->from;
    return NpmNodes::deepest_target(from, step.edge->name);
}

void NpmPlacing::place(Step& step) {
    NpmEdge& edge = *step.edge;
    if (!edge.from->tree || !start_of(step)->tree) return;  // what was placed before it has pushed its owner out
    if (edge.to && nodes_.is_valid(edge) && !options_.explicitly_asked && !(options_.asked_update && options_.asked_update(edge))) return;
    unsigned chain = 0;
    for (const Step* up = step.parent; up; up = up->parent) ++chain;
    if (chain > kMaxPeerChain) return;
    std::optional<Check> found, self;
    for (NpmNode* target = start_of(step); target; target = target->resolve_parent()) {
        NpmEdge* there = target->edge(edge.name);
        if (!target->is_top() && there && there->is_peer()) continue;
        Check check{step.dep, target, &edge, step.parent ? &step.parent->check : nullptr, options_.prefer_dedupe || edge.is_peer()};
        judge(check);
        if (check.self != NpmVerdict::conflict) self = check;
        if (check.verdict == NpmVerdict::conflict) break;
        found = check;
        if (step.dep->failed) break;
    }
    if (!found) {
        const NpmConflict conflict{&edge, step.dep, edge.to ? edge.to : edge.from->resolve(edge.name)};
        if (options_.strict_peers || is_mine(step)) {
            if (!conflict_) conflict_ = conflict;
            return;
        }
        edge.conflicted = true;
        accepted_.push_back(conflict);
        if (!self) return;
        found = self;
    }
    step.check = *found;
    put(step);
}

// Whether the conflict is the project's own to solve.
bool NpmPlacing::is_mine(const Step& step) const {
    const NpmEdge* edge = step.top_edge();
    NpmNode* node = edge->from;
    if (is_project(*node)) return true;
    if (!edge->is_peer()) return false;
    bool has_peers = false;
    for (NpmEdge* in : node->edges_in) {
        if (in->is_peer())
            has_peers = true;
        else if (is_project(*in->from))
            return true;
    }
    if (!has_peers) return false;
    for (const auto& [entry, set] : nodes_.peer_entries(*node))
        if (is_project(*entry->from)) return true;
    return false;
}

void NpmPlacing::put(Step& step) {
    NpmEdge& edge = *step.edge;
    NpmNode& target = *step.check.target;
    const NpmVerdict verdict = step.check.verdict == NpmVerdict::conflict ? step.check.self : step.check.verdict;
    if (!target.tree) return;
    if (verdict == NpmVerdict::keep) return prune_duplicates(target, true);
    // What would nest for ever leads back to where it already is.
    for (NpmNode* up = &target; up; up = up->resolve_parent())
        if (!up->is_top() && NpmNodes::matches(*up, *step.dep)) {
            NpmNode* link = nodes_.link(edge.name, up);
            nodes_.place(*link, target);
            placed_.push_back({link, &edge, verdict});
            return;
        }
    NpmNode* virtual_root = step.dep->parent;
    NpmNode* placed = nodes_.copy(*step.dep);
    NpmNode* before = edge.to;
    const bool was_valid = nodes_.is_valid(edge);
    if (NpmNode* old = target.child(edge.name))
        replace_old(step, *placed, *old);
    else
        nodes_.place(*placed, target);
    placed_.push_back({placed, &edge, verdict});
    if (was_valid && before && before != placed && before->tree) prune_duplicates(*before, false);
    // Copies further down that this one can stand for.
    std::vector<NpmNode*> namesakes = target.tree->nodes[edge.name];
    for (NpmNode* node : namesakes) {
        if (!node->tree || node->is_top() || !node->is_below(target)) continue;
        prune_duplicates(*node, false);
        if (!node->tree) continue;
        std::vector<NpmNode*> kids;
        for (auto& [name, kid] : node->children) kids.push_back(kid);
        for (NpmNode* kid : kids)
            if (kid->tree) prune_duplicates(*kid, false);
    }
    std::vector<NpmEdge*> out = placed->edges_out;
    for (NpmEdge* peer_edge : out) {
        if (!placed->tree || !virtual_root || !virtual_root->tree) break;
        if (!peer_edge->is_peer() || peer_edge->conflicted || nodes_.is_valid(*peer_edge)) continue;
        NpmNode* peer = virtual_root->child(peer_edge->name);
        if (!peer || !nodes_.satisfies(*peer, *peer_edge)) continue;
        Step next{peer, peer_edge, &step};
        place(next);
    }
}

void NpmPlacing::replace_old(Step& step, NpmNode& placed, NpmNode& old) {
    NpmNode& target = *old.parent;
    NpmNodeSet old_deps, pruned;
    for (NpmEdge* edge : old.edges_out)
        if (!placed.edge(edge->name) && edge->to)
            for (NpmNode* node : NpmNodes::closed_set({edge->to}, [&](const NpmEdge& e) { return e.to != edge->to; })) add(old_deps, node);
    // Sets of peers at this level that will not like the new one go, and are placed again further down.
    for (NpmEdge* edge : old.edges_in) {
        if (nodes_.satisfies(placed, *edge) || !edge->is_peer() || edge->from->parent != &target || edge->conflicted) continue;
        for (const auto& [entry, set] : nodes_.peer_entries(*edge->from)) {
            NpmNode* entry_node = entry->to;
            NpmNode* deepest = NpmNodes::deepest_target(entry->from, entry_node->name);
            if (deepest != &target && !is_project(*entry->from)) {
                auto set_of_entry = NpmNodes::closed_set({entry_node}, [&](const NpmEdge& e) { return e.to != entry_node && !e.conflicted; });
                for (NpmNode* node : set_of_entry) add(pruned, node);
            } else {
                edge->conflicted = true;
                accepted_.push_back({edge, step.dep, &old});
            }
        }
    }
    nodes_.replace(old, placed);
    prune_for(placed, old_deps);
    for (NpmNode* node : pruned) {
        if (!node->tree || node == &placed) continue;
        for (NpmEdge* edge : node->edges_in) add(again_, edge->from);
        nodes_.remove(*node);
    }
}

void NpmPlacing::prune_for(NpmNode& placed, const NpmNodeSet& old_deps) {
    NpmNodeSet unfit;
    for (NpmEdge* edge : placed.edges_out)
        if (edge->to && !nodes_.is_valid(*edge)) add(unfit, edge->to);
    for (NpmNode* dep : old_deps)
        for (NpmNode* node : NpmNodes::closed_set({dep}, [&](const NpmEdge& e) { return e.to != dep && nodes_.is_valid(e); })) add(unfit, node);
    auto gone = NpmNodes::closed_set(unfit, [&](const NpmEdge& e) { return e.from != &placed && e.to != &placed && nodes_.is_valid(e); });
    for (NpmNode* node : gone)
        if (node != &placed && !node->is_top()) nodes_.remove(*node);
}

bool NpmPlacing::can_dedupe(NpmNode& node) const {
    if (!node.package || node.is_carried()) return false;
    NpmNode* up = node.resolve_parent();
    if (!up || !up->resolve_parent()) return false;
    if (node.edges_in.empty()) return true;
    NpmNode* other = up->resolve_parent()->resolve(node.name);
    if (!other) return false;
    if (NpmNodes::matches(*other, node)) return true;
    if (!nodes_.can_replace(*other, node)) return false;
    if (options_.prefer_dedupe || options_.explicitly_asked) return true;
    return is_at_least(other->version(), node.version());
}

void NpmPlacing::prune_duplicates(NpmNode& node, bool descend) {
    std::vector<NpmNode*> stack{&node};
    while (!stack.empty()) {
        NpmNode* at = stack.back();
        stack.pop_back();
        if (!at->tree) continue;
        if (can_dedupe(*at)) {
            const NpmNodeSet set = NpmNodes::closed_set({at}, [&](const NpmEdge& e) { return e.to != at && nodes_.is_valid(e); });
            std::vector<NpmEdge*> into = at->edges_in;
            for (NpmNode* gone : set)
                if (gone == at || !gone->is_top()) nodes_.remove(*gone);
            // What was to stand for it may have been in a circle with it, and gone as well: npm leaves that hole.
            for (NpmEdge* edge : into)
                if (edge->from->tree && nodes_.is_missing(*edge)) add(again_, edge->from);
            continue;
        }
        if (!descend) continue;
        std::vector<NpmNode*> kids;
        auto in_order = [&](NpmNode* owner) {
            std::vector<NpmNode*> list;
            for (auto& [name, kid] : owner->children) list.push_back(kid);
            std::sort(list.begin(), list.end(), [](NpmNode* a, NpmNode* b) { return npm_order(a->name, b->name); });
            kids.insert(kids.end(), list.begin(), list.end());
        };
        in_order(at);
        for (NpmNode* project : at->fs_children) in_order(project);
        stack.insert(stack.end(), kids.rbegin(), kids.rend());
    }
}

void NpmPlacing::judge(Check& check) const {
    check.self = NpmVerdict::conflict;
    bool self_set = false;
    NpmEdge* there = check.target->edge(check.edge->name);
    NpmNode* current = check.target->child(check.edge->name);
    if (check.dep->failed)
        check.verdict = current ? NpmVerdict::replace : NpmVerdict::ok;
    else if (there && there->is_peer() && !check.target->is_top())
        check.verdict = NpmVerdict::conflict;
    else if (!current && there && there != check.edge && !nodes_.satisfies(*check.dep, *there))
        check.verdict = NpmVerdict::conflict;
    else {
        check.verdict = verdict_of(check);
        self_set = check.self != NpmVerdict::conflict;
    }
    if (!self_set) check.self = check.verdict;
}

NpmVerdict NpmPlacing::verdict_of(Check& check) const {
    NpmNode* current = check.target->child(check.edge->name);
    return current ? verdict_beside(check, *current) : verdict_alone(check);
}

NpmVerdict NpmPlacing::verdict_beside(Check& check, NpmNode& current) const {
    NpmNode& dep = *check.dep;
    NpmEdge& edge = *check.edge;
    const bool fits_already = nodes_.satisfies(current, edge);
    const bool overridden = !nodes_.satisfies(dep, edge);
    if (NpmNodes::matches(dep, current) && (fits_already || overridden)) return options_.explicitly_asked ? NpmVerdict::replace : NpmVerdict::keep;
    const bool newer = is_at_least(dep.version(), current.version());
    if (newer && nodes_.can_replace(dep, current))
        if (NpmVerdict verdict = with_peers(check, NpmVerdict::replace); verdict != NpmVerdict::conflict) return verdict;
    if (fits_already && (!options_.explicitly_asked || check.prefer_dedupe)) return NpmVerdict::keep;
    if (check.prefer_dedupe && !newer && nodes_.can_replace(dep, current))
        if (NpmVerdict verdict = with_peers(check, NpmVerdict::replace); verdict != NpmVerdict::conflict) return verdict;
    // Could it go deeper, the one that is there stays.
    if (check.target != deepest(check)) return NpmVerdict::conflict;
    if (!edge.is_peer() && check.target == edge.from) return with_peers(check, NpmVerdict::replace);
    if (!check.parent && !edge.is_peer()) return NpmVerdict::conflict;
    // Every set of peers that the current one is in must accept the new set, or be able to go deeper.
    bool can_replace = true;
    NpmNode* group = dep.parent;
    std::vector<std::string_view> names;
    if (group)
        for (const auto& [name, child] : group->children) names.push_back(name);
    for (const auto& [entry, peers] : nodes_.peer_entries(current)) {
        if (entry == &edge || entry == check.entry_edge()) continue;
        NpmNode* entry_node = entry->to;
        NpmNode* stand_in = group ? group->child(entry_node->name) : nullptr;
        if (stand_in && nodes_.can_replace(*stand_in, *entry_node, names)) continue;
        bool can_clobber = !stand_in;
        if (!stand_in) {
            NpmNodeSet walk{entry_node};
            for (std::size_t i = 0; i < walk.size() && can_clobber; ++i)
                for (NpmEdge* out : walk[i]->edges_out) {
                    if (!out->is_peer() || !nodes_.is_valid(*out)) continue;
                    NpmNode* replacement = group ? group->child(out->name) : nullptr;
                    if (!replacement) {
                        if (out->to) add(walk, out->to);
                    } else if (!nodes_.satisfies(*replacement, *out)) {
                        can_clobber = false;
                        break;
                    }
                }
        }
        if (can_clobber) continue;
        for (NpmNode* peer : peers) {
            NpmNode* deepest = NpmNodes::deepest_target(entry->from, peer->name);
            if (deepest == check.target || check.target->is_below(*deepest)) {
                can_replace = false;
                break;
            }
        }
    }
    return can_replace ? with_peers(check, NpmVerdict::replace) : NpmVerdict::conflict;
}

NpmNode* NpmPlacing::deepest(const Check& check) {
    NpmNode* start = check.parent ? deepest(*check.parent) : check.edge->from;
    return NpmNodes::deepest_target(start, check.edge->name);
}

NpmVerdict NpmPlacing::verdict_alone(Check& check) const {
    NpmNode* shadowed = check.target != check.entry_edge()->from ? check.target->resolve(check.edge->name) : nullptr;
    if (shadowed)
        for (NpmEdge* edge : shadowed->edges_in)
            if (edge->from->is_below(*check.target) && nodes_.is_valid(*edge) && !nodes_.satisfies(*check.dep, *edge)) return NpmVerdict::conflict;
    return with_peers(check, NpmVerdict::ok);
}

NpmVerdict NpmPlacing::with_peers(Check& check, NpmVerdict state) const {
    check.self = state;
    std::vector<NpmNode*> path = check.peer_path;
    path.push_back(check.dep);
    if (path.size() > kMaxPeerChain || ++checks_ > kMaxChecks) return NpmVerdict::conflict;
    bool conflict = false;
    for (NpmEdge* edge : check.dep->edges_out) {
        if (!edge->is_peer() || !edge->to || std::find(path.begin(), path.end(), edge->to) != path.end()) continue;
        Check peer{edge->to, NpmNodes::deepest_target(check.target, edge->to->name), edge, &check, true, path};
        judge(peer);
        if (peer.verdict == NpmVerdict::conflict) conflict = true;
    }
    return conflict ? NpmVerdict::conflict : state;
}

}  // namespace pmx
