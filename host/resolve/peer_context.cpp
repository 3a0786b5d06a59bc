#include "resolve/peer_context.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>

#include "model/semver.hpp"
#include "resolve/strong_components.hpp"

namespace pmx {
namespace {

constexpr std::uint32_t kNone = UINT32_MAX;
constexpr std::uint32_t kBehindCut = UINT32_MAX / 2;  // the depth there: after everything else

// Under which name an edge of a list can be found.
struct Provided {
    std::uint32_t name;
    std::uint32_t edge;  // offset in the list
};

class Contexts {
  public:
    Contexts(const DependencyTree& tree, const Policy& policy) : tree_(tree), policy_(policy) {}

    PeerContexts make() {
        intern_names();
        cut_circles();
        for (const TreePackage& p : tree_.packages) provided_.push_back(provided(p.first_edge, p.edge_count));
        find_needs();
        find_first_projects();
        projects();
        for (std::size_t at = 0; at < queue_.size(); ++at) children(queue_[at]);
        agree();
        peers_found();
        leave_out_repeats();
        return std::move(out_);
    }

  private:
    std::span<const TreeEdge> edges_of(const TreePackage& p) const {
        return std::span(tree_.edges).subspan(p.first_edge, p.edge_count);
    }
    std::span<const TreeEdge> edges_of(const TreeProject& p) const {
        return std::span(tree_.edges).subspan(p.first_edge, p.edge_count);
    }
    std::uint32_t name_of(std::string_view text) const {
        auto found = name_index_.find(text);
        return found == name_index_.end() ? kNone : found->second;
    }

    void intern_names() {
        for (const TreePackage& p : tree_.packages)
            for (const PeerDependency& peer : p.record.peers) out_.names.push_back(peer.name);
        std::sort(out_.names.begin(), out_.names.end());
        out_.names.erase(std::unique(out_.names.begin(), out_.names.end()), out_.names.end());
        for (std::uint32_t i = 0; i < out_.names.size(); ++i) name_index_.emplace(out_.names[i], i);
        own_.resize(tree_.packages.size());
        for (std::size_t i = 0; i < tree_.packages.size(); ++i)
            for (const PeerDependency& peer : tree_.packages[i].record.peers)
                if (!has_itself(tree_, tree_.packages[i], peer.name)) own_[i].push_back(name_of(peer.name));
        for (auto& own : own_) std::sort(own.begin(), own.end());
        for (const TreeProject& p : tree_.projects) project_names_.emplace(p.dir, p.name);
        position_.assign(out_.names.size(), kNone);
        alias_names_.reserve(tree_.edges.size());
        for (const TreeEdge& e : tree_.edges) alias_names_.push_back(name_of(e.alias));
    }

    // Also the order in which packages come after everything that they depend on, cuts aside.
    void cut_circles() {
        std::vector<std::uint32_t> offsets{0}, targets;
        for (const TreePackage& p : tree_.packages) {
            for (const TreeEdge& e : edges_of(p))
                if (e.package != kNoPackage) targets.push_back(e.package);
            offsets.push_back(static_cast<std::uint32_t>(targets.size()));
        }
        StrongComponents components = strong_components(offsets, targets);
        cut_.assign(tree_.edges.size(), false);
        for (std::uint32_t i = 0; i < tree_.packages.size(); ++i) {
            const TreePackage& p = tree_.packages[i];
            for (std::uint32_t e = p.first_edge; e < p.first_edge + p.edge_count; ++e) {
                std::uint32_t to = tree_.edges[e].package;
                cut_[e] = to != kNoPackage && components.of[to] == components.of[i] && to <= i;
            }
        }
        order_ = std::move(components.members);
        std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
            return components.of[a] != components.of[b] ? components.of[a] < components.of[b] : a > b;
        });
    }

    // What is behind a cut provides nothing. An alias provides its own name and, where nobody has that name
    // without an alias, its package's: the highest version does where there are several.
    std::vector<Provided> provided(std::uint32_t first, std::uint32_t count) {
        std::vector<Provided> out;
        for (std::uint32_t i = 0; i < count; ++i)
            if (alias_names_[first + i] != kNone && !cut_[first + i])
                out.push_back({alias_names_[first + i], i});
        const std::size_t aliases = out.size();
        for (std::uint32_t at = 0; at < aliases; ++at) position_[out[at].name] = at;
        for (std::uint32_t i = 0; i < count; ++i) {
            const TreeEdge& e = tree_.edges[first + i];
            std::string_view real = real_name(e);
            if (real.empty() || real == e.alias || cut_[first + i]) continue;
            std::uint32_t name = name_of(real);
            if (name == kNone) continue;
            if (position_[name] == kNone) {
                position_[name] = static_cast<std::uint32_t>(out.size());
                out.push_back({name, i});
            } else if (Provided& there = out[position_[name]];
                       position_[name] >= aliases && is_higher(e, tree_.edges[first + there.edge])) {
                there.edge = i;
            }
        }
        for (const Provided& p : out) position_[p.name] = kNone;
        std::sort(out.begin(), out.end(),
                  [](const Provided& a, const Provided& b) { return a.name < b.name; });
        return out;
    }
    std::string_view real_name(const TreeEdge& e) const {
        if (e.package != kNoPackage) return tree_.packages[e.package].record.name;
        auto project = project_names_.find(e.link);
        return project == project_names_.end() ? std::string_view() : project->second;
    }
    bool is_higher(const TreeEdge& a, const TreeEdge& b) const {
        if (a.package == kNoPackage || b.package == kNoPackage) return false;
        auto va = Version::parse(tree_.packages[a.package].record.version, true);
        auto vb = Version::parse(tree_.packages[b.package].record.version, true);
        return va && vb && *va > *vb;
    }

    void find_needs() {
        out_.needs.resize(tree_.packages.size());
        std::vector<std::uint32_t> stamp(out_.names.size(), kNone), hidden(out_.names.size(), kNone);
        for (std::uint32_t i : order_) {
            const TreePackage& p = tree_.packages[i];
            std::vector<std::uint32_t>& needs = out_.needs[i];
            auto add = [&](std::uint32_t name) {
                if (stamp[name] == i) return;
                stamp[name] = i;
                needs.push_back(name);
            };
            for (const Provided& provided : provided_[i])
                if (!may_give_way(tree_.edges[p.first_edge + provided.edge])) hidden[provided.name] = i;
            for (std::uint32_t e = p.first_edge; e < p.first_edge + p.edge_count; ++e) {
                if (tree_.edges[e].package == kNoPackage || cut_[e]) continue;
                for (std::uint32_t name : out_.needs[tree_.edges[e].package])
                    if (hidden[name] != i) add(name);
            }
            for (std::uint32_t name : own_[i]) add(name);
            std::sort(needs.begin(), needs.end());
        }
    }

    // A dependency that can be found under its name may give way to one like it further up; it makes no
    // difference where nothing below it asks for anything.
    bool may_give_way(const TreeEdge& e) const {
        return e.package != kNoPackage && !out_.needs[e.package].empty();
    }

    // By package: the first project that reaches it, for what lies behind a cut.
    void find_first_projects() {
        first_project_.assign(tree_.packages.size(), kNone);
        std::vector<std::uint32_t> queue;
        for (std::uint32_t project = 0; project < tree_.projects.size(); ++project) {
            auto reach = [&](std::span<const TreeEdge> edges) {
                for (const TreeEdge& e : edges) {
                    if (e.package == kNoPackage || first_project_[e.package] != kNone) continue;
                    first_project_[e.package] = project;
                    queue.push_back(e.package);
                }
            };
            reach(edges_of(tree_.projects[project]));
            while (!queue.empty()) {
                std::uint32_t at = queue.back();
                queue.pop_back();
                reach(edges_of(tree_.packages[at]));
            }
        }
    }

    void projects() {
        cut_nodes_.assign(tree_.packages.size(), kNone);
        out_.direct.resize(tree_.projects.size());
        project_provides_.resize(tree_.projects.size());
        for (std::uint32_t i = 0; i < tree_.projects.size(); ++i) {
            const TreeProject& project = tree_.projects[i];
            project_provides_[i] = provided(project.first_edge, project.edge_count);
            bool has_root =
                i > 0 && policy_.resolve_peers_from_workspace_root && tree_.projects[0].dir == ".";
            scope(project.first_edge, project.edge_count, project_provides_[i], scope_places_, GivesWay::no,
                  [&](std::uint32_t name) {
                      return BoundPeer{has_root ? from_project(0, name) : PeerPlace(), {}};
                  });
            out_.direct[i] = scope_places_;
            visit(scope_places_, project.first_edge, 0);
        }
    }
    static std::uint32_t edge_providing(const std::vector<Provided>& provided, std::uint32_t name) {
        auto at = std::lower_bound(provided.begin(), provided.end(), name,
                                   [](const Provided& p, std::uint32_t n) { return p.name < n; });
        return at == provided.end() || at->name != name ? kNone : at->edge;
    }
    PeerPlace from_project(std::uint32_t project, std::uint32_t name) const {
        std::uint32_t edge = edge_providing(project_provides_[project], name);
        if (edge != kNone) {
            bool is_alias = alias_names_[tree_.projects[project].first_edge + edge] == name;
            return is_alias ? out_.direct[project][edge] : out_.direct[project][edge].weak();
        }
        if (project > 0 && policy_.resolve_peers_from_workspace_root && tree_.projects[0].dir == ".")
            return from_project(0, name);
        return {};
    }

    void children(std::uint32_t at) {
        const std::uint32_t package = out_.nodes[at].package;
        const TreePackage& p = tree_.packages[package];
        scope(p.first_edge, p.edge_count, provided_[package], scope_places_, GivesWay::to_same_version,
              [&](std::uint32_t name) {
                  const BoundPeer* bound = out_.bound_at(out_.nodes[at], name);
                  return bound ? *bound : BoundPeer{};
              });
        out_.nodes[at].first_child = static_cast<std::uint32_t>(out_.places.size());
        out_.places.insert(out_.places.end(), scope_places_.begin(), scope_places_.end());
        visit(scope_places_, p.first_edge, out_.nodes[at].depth + 1);
    }

    // Breadth first: those nearest to a project come first, and among those the ones by their aliases' order.
    void visit(const std::vector<PeerPlace>& places, std::uint32_t first_edge, std::uint32_t depth) {
        for (std::uint32_t i = 0; i < places.size(); ++i) {
            PeerPlace place = places[i];
            if (!place.is_node()) continue;
            PeerNode& node = out_.nodes[place.index()];
            node.depth = std::min(node.depth, cut_[first_edge + i] ? kBehindCut : depth);
            if (node.rank != kNone) continue;
            node.rank = static_cast<std::uint32_t>(queue_.size());
            queue_.push_back(place.index());
        }
    }

    // The places of a list of edges. Those that are each other's peers are made as one group, in any order of
    // theirs.
    enum class GivesWay : std::uint8_t { no, to_same_version };
    template <class Outer>
    void scope(std::uint32_t first, std::uint32_t count, const std::vector<Provided>& provided,
               std::vector<PeerPlace>& places, GivesWay gives_way, const Outer& outer) {
        places.assign(count, PeerPlace());
        waiting_.clear();
        slot_.assign(count, kNone);
        for (std::uint32_t i = 0; i < count; ++i) {
            const TreeEdge& e = tree_.edges[first + i];
            if (e.package == kNoPackage) {
                places[i] = e.link.empty() ? PeerPlace() : link(e.link);
            } else if (out_.needs[e.package].empty()) {
                key_.assign(1, e.package);
                places[i] = PeerPlace::node(intern({&e.package, 1}));
            } else if (cut_[first + i]) {
                places[i] = behind_cut(e.package);
            } else {
                slot_[i] = static_cast<std::uint32_t>(waiting_.size());
                waiting_.push_back(i);
            }
        }
        if (waiting_.empty()) return;
        // A name is found above, or as a dependency of this list, or as both: then the one here gave way.
        auto gives_way_to = [&](std::uint32_t from, std::uint32_t name, PeerPlace above) {
            const TreeEdge& e = tree_.edges[first + from];
            return gives_way == GivesWay::to_same_version && alias_names_[first + from] == name &&
                   may_give_way(e) && above.is_node() && !above.is_weak() &&
                   out_.nodes[above.index()].package == e.package;
        };
        offsets_.assign(1, 0);
        targets_.clear();
        for (std::uint32_t i : waiting_) {
            for (std::uint32_t name : out_.needs[tree_.edges[first + i].package]) {
                std::uint32_t from = edge_providing(provided, name);
                if (from != kNone && slot_[from] != kNone) targets_.push_back(slot_[from]);
            }
            offsets_.push_back(static_cast<std::uint32_t>(targets_.size()));
        }
        member_at_.resize(waiting_.size());
        StrongComponents groups = strong_components(offsets_, targets_);
        for (std::uint32_t g = 0; g < groups.count(); ++g) {
            members_.assign(groups.members_of(g).begin(), groups.members_of(g).end());
            std::sort(members_.begin(), members_.end(), [&](std::uint32_t a, std::uint32_t b) {
                std::uint32_t pa = tree_.edges[first + waiting_[a]].package,
                              pb = tree_.edges[first + waiting_[b]].package;
                return pa != pb ? pa < pb : a < b;
            });
            for (std::uint32_t at = 0; at < members_.size(); ++at) member_at_[members_[at]] = at;
            key_.clear();
            packages_.clear();
            for (std::uint32_t member : members_) {
                std::uint32_t package = tree_.edges[first + waiting_[member]].package;
                packages_.push_back(package);
                key_.push_back(package);
                for (std::uint32_t name : out_.needs[package]) {
                    std::uint32_t from = edge_providing(provided, name);
                    BoundPeer bound = outer(name);
                    if (from != kNone) {
                        bool is_member = slot_[from] != kNone && groups.of[slot_[from]] == g;
                        PeerPlace here =
                            is_member ? PeerPlace::sibling(member_at_[slot_[from]]) : places[from];
                        if (alias_names_[first + from] != name) here = here.weak();
                        bound = gives_way_to(from, name, bound.place) ? BoundPeer{bound.place, here}
                                                                      : BoundPeer{here, {}};
                    }
                    key_.push_back(bound.place.code());
                    key_.push_back(bound.nearest.code());
                }
            }
            std::uint32_t node = intern(packages_);
            for (std::uint32_t member : members_) places[waiting_[member]] = PeerPlace::node(node++);
        }
    }

    // The first node of the group that key_ describes.
    std::uint32_t intern(std::span<const std::uint32_t> packages) {
        auto [at, is_new] = interned_.try_emplace(key_, static_cast<std::uint32_t>(out_.nodes.size()));
        if (!is_new) return at->second;
        const std::uint32_t first = at->second;
        const char32_t* code = at->first.data();
        for (std::uint32_t package : packages) {
            PeerNode node;
            node.package = package;
            node.first_bound = static_cast<std::uint32_t>(out_.bound.size());
            ++code;
            for (std::size_t i = 0; i < out_.needs[package].size(); ++i) {
                PeerPlace place = place_of(*code++, first);
                out_.bound.push_back({place, place_of(*code++, first)});
            }
            out_.nodes.push_back(node);
        }
        return first;
    }

    static PeerPlace place_of(std::uint32_t code, std::uint32_t first_of_group) {
        PeerPlace place = PeerPlace::from_code(code);
        if (!place.is_sibling()) return place;
        PeerPlace node = PeerPlace::node(first_of_group + place.index());
        return place.is_weak() ? node.weak() : node;
    }

    PeerPlace link(std::string_view dir) {
        auto [at, is_new] = link_index_.try_emplace(dir, static_cast<std::uint32_t>(out_.links.size()));
        if (is_new) out_.links.push_back(dir);
        return PeerPlace::link(at->second);
    }

    PeerPlace behind_cut(std::uint32_t package) {
        std::uint32_t& known = cut_nodes_[package];
        if (known != kNone) return PeerPlace::node(known);
        std::uint32_t project = first_project_[package];
        std::span<const TreeEdge> direct = edges_of(tree_.projects[project]);
        for (std::size_t i = 0; i < direct.size(); ++i)
            if (direct[i].package == package) return PeerPlace::node(known = out_.direct[project][i].index());
        key_.assign(1, package);
        for (std::uint32_t name : out_.needs[package]) {
            key_.push_back(from_project(project, name).code());
            key_.push_back(PeerPlace().code());
        }
        return PeerPlace::node(known = intern({&package, 1}));
    }

    // Where a peer is found twice in one version, the farther one is taken only if it sees the same third
    // packages.
    void agree() {
        std::vector<std::size_t> nearer;
        for (const PeerNode& node : out_.nodes)
            for (std::uint32_t name : own_[node.package]) {
                const BoundPeer* bound = out_.bound_at(node, name);
                if (bound->nearest.is_nothing()) continue;
                const PeerNode& above = out_.nodes[bound->place.index()];
                for (std::uint32_t third : own_[node.package]) {
                    if (third == name ||
                        !std::binary_search(own_[above.package].begin(), own_[above.package].end(), third))
                        continue;
                    if (is_other(out_.bound_of(node, third), out_.bound_of(above, third))) {
                        nearer.push_back(static_cast<std::size_t>(bound - out_.bound.data()));
                        break;
                    }
                }
            }
        for (std::size_t at : nearer) out_.bound[at].place = out_.bound[at].nearest;
    }
    bool is_other(PeerPlace a, PeerPlace b) const {
        if (a.is_node() && b.is_node()) return out_.nodes[a.index()].package != out_.nodes[b.index()].package;
        return a.strong() != b.strong();
    }

    // From the leaves up: what each node takes from above itself, and what it misses.
    void peers_found() {
        std::vector<std::vector<std::uint32_t>> nodes_of(tree_.packages.size());
        for (std::uint32_t i = 0; i < out_.nodes.size(); ++i) nodes_of[out_.nodes[i].package].push_back(i);
        std::vector<PeerPlace> found(out_.names.size());
        std::vector<std::uint32_t> found_by(out_.names.size(), kNone), missed_by(out_.names.size(), kNone);
        std::vector<std::uint32_t> alias_of(out_.names.size(), kNone), names, missing;
        for (std::uint32_t package : order_) {
            const TreePackage& p = tree_.packages[package];
            for (std::uint32_t e = p.first_edge; e < p.first_edge + p.edge_count; ++e)
                if (alias_names_[e] != kNone && !cut_[e]) alias_of[alias_names_[e]] = package;
            for (std::uint32_t at : nodes_of[package]) {
                names.clear();
                missing.clear();
                auto find = [&](std::uint32_t name, PeerPlace place) {
                    if (found_by[name] != at) names.push_back(name);
                    found_by[name] = at;
                    found[name] = place;
                };
                auto miss = [&](std::uint32_t name) {
                    if (missed_by[name] != at) missing.push_back(name);
                    missed_by[name] = at;
                };
                PeerNode& node = out_.nodes[at];
                for (std::uint32_t i = 0; i < p.edge_count; ++i) {
                    PeerPlace child = out_.places[node.first_child + i];
                    if (!child.is_node() || cut_[p.first_edge + i]) continue;
                    for (const FoundPeer& peer : out_.found_of(out_.nodes[child.index()]))
                        if (alias_of[peer.name] != package) find(peer.name, peer.place);
                    for (std::uint32_t name : out_.missing_of(out_.nodes[child.index()])) miss(name);
                }
                for (std::uint32_t name : own_[package]) {
                    PeerPlace place = out_.bound_of(node, name);
                    if (place.is_nothing())
                        miss(name);
                    else
                        find(name, place.strong());
                }
                std::sort(names.begin(), names.end());
                std::sort(missing.begin(), missing.end());
                node.first_found = static_cast<std::uint32_t>(out_.found.size());
                for (std::uint32_t name : names)
                    if (!found[name].is_node() || out_.nodes[found[name].index()].package != package ||
                        out_.names[name] != p.record.name)
                        out_.found.push_back({name, found[name]});
                node.found_count = static_cast<std::uint32_t>(out_.found.size()) - node.first_found;
                node.first_missing = static_cast<std::uint32_t>(out_.missing.size());
                node.missing_count = static_cast<std::uint32_t>(missing.size());
                out_.missing.insert(out_.missing.end(), missing.begin(), missing.end());
            }
        }
    }

    // A package that takes nothing from above and misses nothing is the same everywhere: the first node
    // stands for all, and what only the others lead to is not there.
    void leave_out_repeats() {
        std::vector<std::uint32_t> first(tree_.packages.size(), kNone);
        std::vector<std::uint32_t> stack;
        auto reach = [&](PeerPlace& place) {
            if (!place.is_node()) return;
            PeerNode& node = out_.nodes[place.index()];
            if (first[node.package] != kNone && is_closed(node)) place = PeerPlace::node(first[node.package]);
            PeerNode& taken = out_.nodes[place.index()];
            if (taken.is_used) return;
            taken.is_used = true;
            stack.push_back(place.index());
        };
        for (std::uint32_t at : queue_) {
            const PeerNode& node = out_.nodes[at];
            if (first[node.package] == kNone && is_closed(node)) first[node.package] = at;
        }
        for (std::vector<PeerPlace>& direct : out_.direct)
            for (PeerPlace& place : direct) reach(place);
        while (!stack.empty()) {
            const PeerNode node = out_.nodes[stack.back()];
            stack.pop_back();
            for (std::uint32_t i = 0; i < tree_.packages[node.package].edge_count; ++i)
                reach(out_.places[node.first_child + i]);
            for (std::uint32_t name : own_[node.package])
                if (const BoundPeer* bound = out_.bound_at(node, name))
                    reach(out_.bound[static_cast<std::size_t>(bound - out_.bound.data())].place);
        }
        for (FoundPeer& peer : out_.found)
            if (peer.place.is_node() && is_closed(out_.nodes[peer.place.index()]))
                peer.place = PeerPlace::node(first[out_.nodes[peer.place.index()].package]);
    }
    static bool is_closed(const PeerNode& node) { return node.found_count == 0 && node.missing_count == 0; }

    const DependencyTree& tree_;
    const Policy& policy_;
    PeerContexts out_;
    std::unordered_map<std::string_view, std::uint32_t> name_index_, link_index_;
    std::unordered_map<std::string_view, std::string_view> project_names_;  // by directory
    std::vector<std::uint32_t> position_;                                   // of provided(), by name
    std::vector<std::vector<std::uint32_t>> own_;                           // by package: its own peers
    std::vector<std::uint32_t> alias_names_;  // by edge: the alias as a peer's name, or kNone
    std::vector<std::vector<Provided>> provided_, project_provides_;
    std::vector<bool> cut_;             // by edge
    std::vector<std::uint32_t> order_;  // packages, dependencies first
    std::vector<std::uint32_t> first_project_, cut_nodes_;
    std::vector<std::uint32_t> queue_;  // nodes by rank
    std::unordered_map<std::u32string, std::uint32_t, WordsHash> interned_;
    // Of scope() and intern(), kept for their memory.
    std::u32string key_;
    std::vector<PeerPlace> scope_places_;
    std::vector<std::uint32_t> waiting_, slot_, offsets_, targets_, members_, member_at_, packages_;
};

}  // namespace

bool has_itself(const DependencyTree& tree, const TreePackage& package, std::string_view peer) {
    const TreeEdge* at =
        std::lower_bound(tree.begin_edges(package), tree.end_edges(package), peer,
                         [](const TreeEdge& e, std::string_view name) { return e.alias < name; });
    return at != tree.end_edges(package) && at->alias == peer;
}

const BoundPeer* PeerContexts::bound_at(const PeerNode& n, std::uint32_t name) const {
    const std::vector<std::uint32_t>& wanted = needs[n.package];
    auto at = std::lower_bound(wanted.begin(), wanted.end(), name);
    if (at == wanted.end() || *at != name) return nullptr;
    return &bound[n.first_bound + static_cast<std::uint32_t>(at - wanted.begin())];
}

PeerContexts peer_contexts(const DependencyTree& tree, const Policy& policy) {
    return Contexts(tree, policy).make();
}

}  // namespace pmx
