#include <algorithm>
#include <array>
#include <map>

#include "resolve/tree_walk.hpp"

namespace pmx {
namespace {

// Peers are looked for this many names at a time: a set of names is a few words, and a pass over the graph is cheap.
constexpr std::size_t kWords = 4, kBatch = kWords * 64;
using NameSet = std::array<std::uint64_t, kWords>;

// What every one of the ranges accepts; nullopt when nothing is, or when one of them is no range.
std::optional<std::string> intersection(const std::vector<std::string_view>& ranges) {
    if (ranges.size() == 1) return std::string(ranges[0]);
    constexpr std::size_t kSetsMax = 256;  // of alternatives: more are the work of nobody who means well
    std::vector<Range::Set> merged{{}};
    for (std::string_view text : ranges) {
        auto range = Range::parse(text, {.loose = true});
        if (!range) return std::nullopt;
        std::vector<Range::Set> next;
        for (const Range::Set& a : merged)
            for (const Range::Set& b : range->sets()) {
                bool possible = true;
                for (const Comparator& x : a)
                    for (const Comparator& y : b) possible = possible && x.intersects(y);
                if (!possible) continue;
                Range::Set both = a;
                for (const Comparator& y : b)
                    if (y.op != Comparator::Op::any) both.push_back(y);
                next.push_back(std::move(both));
                if (next.size() > kSetsMax) return std::nullopt;
            }
        merged = std::move(next);
        if (merged.empty()) return std::nullopt;
    }
    std::string text;
    for (const Range::Set& set : merged) {
        if (!text.empty()) text += " || ";
        std::string one;
        for (const Comparator& comparator : set) {
            if (!one.empty()) one += ' ';
            one += comparator.to_string();
        }
        text += one.empty() ? "*" : one;
    }
    return text;
}

void add_once(std::vector<std::string_view>& list, std::string_view item) {
    auto at = std::lower_bound(list.begin(), list.end(), item);
    if (at == list.end() || *at != item) list.insert(at, item);
}

struct LockedPeer {
    std::string_view version;
    bool as_in_root = false;
};

// What the lockfile has for a peer of somebody below what the project still has of it, breadth first, where nobody between
// offers it: what was installed for somebody stays while the ranges accept it. Where it is the very variant that stands in
// the root, it was used from there; no range was asked for that, and none is now.
std::optional<LockedPeer> locked_peer(const Pins& pins, const DependencyTree& tree, std::string_view dir, const std::vector<TreeEdge>& edges,
                                      std::string_view name, const std::vector<std::string_view>& ranges, const Edge* in_root = nullptr) {
    if (pins.empty() || !pins.edges_hold() || pins.is_updated(name, 0, dir)) return std::nullopt;
    if (!in_root && pins.count(name) == 0) return std::nullopt;  // there is no version to find
    const Graph& graph = pins.graph();
    std::vector<std::uint32_t> queue;
    std::vector<bool> seen(graph.packages.size());
    auto push = [&](std::uint32_t package) {
        if (package == kNoPackage || seen[package]) return;
        seen[package] = true;
        queue.push_back(package);
    };
    for (const TreeEdge& edge : edges) {
        const Edge* locked = pins.direct(dir, edge.alias);
        const PackageRecord* record = locked && edge.package != kNoPackage ? pins.record_of(*locked) : nullptr;
        if (record && record->key == tree.packages[edge.package].record.key) push(locked->target);
    }
    for (std::size_t i = 0; i < queue.size(); ++i) {
        const Package& package = graph.packages[queue[i]];
        const Edge *first = graph.begin_edges(package), *end = graph.end_edges(package);
        const Edge* found = std::find_if(first, end, [&](const Edge& edge) { return edge.alias == name; });
        if (found != end) {
            const PackageRecord* asking = pins.record_of_package(queue[i]);
            const bool is_peer = asking && std::any_of(asking->peers.begin(), asking->peers.end(), [&](const PeerDependency& peer) { return peer.name == name; });
            if (!is_peer) continue;
            if (in_root && in_root->target == found->target) return LockedPeer{{}, true};
            const PackageRecord* record = pins.record_of(*found);
            const bool fits = record && record->name == name && is_registry_record(*record) && std::all_of(ranges.begin(), ranges.end(), [&](std::string_view range) {
                return satisfies(record->version, range, {.loose = true, .include_prerelease = true});
            });
            if (fits) return LockedPeer{record->version};
        }
        for (const Edge* edge = first; edge != end; ++edge) push(edge->target);
    }
    return std::nullopt;
}

}  // namespace

// Every peer that somewhere below the project is wanted and that no level between there and the project offers. A level
// offers its aliases and the names of what stands behind them.
const TreeWalk::MissingPeers& TreeWalk::missing_peers(std::uint32_t index) {
    auto [known, is_new] = missing_.try_emplace(index);
    if (is_new) known->second = find_missing_peers(importers_[index]);
    return known->second;
}

TreeWalk::MissingPeers TreeWalk::find_missing_peers(const Importer& importer) const {
    // Only what the project reaches counts.
    std::vector<std::uint32_t> reached;
    std::vector<bool> seen(tree_.packages.size());
    auto reach = [&](const TreeEdge& edge) {
        if (edge.package == kNoPackage || seen[edge.package]) return;
        seen[edge.package] = true;
        reached.push_back(edge.package);
    };
    for (const TreeEdge& edge : importer.edges) reach(edge);
    for (std::size_t i = 0; i < reached.size(); ++i)
        std::for_each(tree_.begin_edges(tree_.packages[reached[i]]), tree_.end_edges(tree_.packages[reached[i]]), reach);
    std::unordered_map<std::string_view, std::uint32_t> index;
    std::vector<std::string_view> names;
    for (std::uint32_t package : reached)
        for (const PeerDependency& peer : tree_.packages[package].record.peers)
            if (!importer.provided.contains(peer.name) && index.try_emplace(peer.name, static_cast<std::uint32_t>(names.size())).second)
                names.push_back(peer.name);
    std::map<std::string_view, MissingPeer> missing;
    auto has_edge = [&](std::uint32_t package, std::string_view alias) {
        const TreeEdge *first = tree_.begin_edges(tree_.packages[package]), *last = tree_.end_edges(tree_.packages[package]);
        const TreeEdge* found = std::lower_bound(first, last, alias, [](const TreeEdge& edge, std::string_view name) { return edge.alias < name; });
        return found != last && found->alias == alias;
    };
    std::vector<NameSet> open(names.empty() ? 0 : tree_.packages.size());  // names that nobody offered on some way to the package
    std::vector<bool> queued(open.size());
    for (std::size_t base = 0; base < names.size(); base += kBatch) {
        auto bit = [&](std::string_view name) -> std::size_t {
            auto found = index.find(name);
            return found == index.end() || found->second < base || found->second >= base + kBatch ? kBatch : found->second - base;
        };
        for (std::uint32_t package : reached) open[package].fill(0);
        NameSet all{};
        for (std::size_t i = base; i < std::min(names.size(), base + kBatch); ++i) all[(i - base) / 64] |= std::uint64_t{1} << ((i - base) % 64);
        // What each package offers, found when it is first met: it may be met often.
        std::vector<NameSet> offers(tree_.packages.size());
        std::vector<bool> has_offers(tree_.packages.size());
        auto offers_of = [&](std::uint32_t package) -> const NameSet& {
            NameSet& set = offers[package];
            if (has_offers[package]) return set;
            has_offers[package] = true;
            set.fill(0);
            auto offer = [&](std::string_view name) {
                if (const std::size_t b = bit(name); b < kBatch) set[b / 64] |= std::uint64_t{1} << (b % 64);
            };
            const TreeEdge* end = tree_.end_edges(tree_.packages[package]);
            for (const TreeEdge* edge = tree_.begin_edges(tree_.packages[package]); edge != end; ++edge) {
                if (edge->package == kNoPackage && edge->link.empty()) continue;
                offer(edge->alias);
                if (edge->package != kNoPackage && tree_.packages[edge->package].record.name != edge->alias) offer(tree_.packages[edge->package].record.name);
            }
            return set;
        };
        std::vector<std::uint32_t> queue;
        auto give = [&](std::uint32_t package, const NameSet& set) {
            bool grows = false;
            for (std::size_t w = 0; w < kWords; ++w) {
                grows = grows || (set[w] & ~open[package][w]);
                open[package][w] |= set[w];
            }
            if (!grows || queued[package]) return;
            queued[package] = true;
            queue.push_back(package);
        };
        for (const TreeEdge& edge : importer.edges)
            if (edge.package != kNoPackage) give(edge.package, all);
        for (std::size_t i = 0; i < queue.size(); ++i) {
            const TreePackage& package = tree_.packages[queue[i]];
            queued[queue[i]] = false;
            NameSet below = open[queue[i]];
            const NameSet& offered = offers_of(queue[i]);
            for (std::size_t w = 0; w < kWords; ++w) below[w] &= ~offered[w];
            for (const TreeEdge* edge = tree_.begin_edges(package); edge != tree_.end_edges(package); ++edge)
                if (edge->package != kNoPackage) give(edge->package, below);
        }
        for (std::uint32_t package : reached)
            for (const PeerDependency& peer : tree_.packages[package].record.peers) {
                const std::size_t b = bit(peer.name);
                if (b >= kBatch || has_edge(package, peer.name) || !(open[package][b / 64] >> (b % 64) & 1)) continue;
                add_once(peer.optional ? missing[peer.name].optional : missing[peer.name].required, peer.range);
            }
    }
    return {missing.begin(), missing.end()};
}

// The highest version that something in the tree uses and that all ranges accept: what only the lockfile still has is gone.
std::optional<std::string> TreeWalk::version_for_peer(std::string_view name, const std::vector<std::string_view>& ranges, bool prereleases,
                                                      std::uint32_t fitting) const {
    const auto known = packages_by_name_.find(name);
    if (known == packages_by_name_.end()) return std::nullopt;
    std::vector<Range> wanted;
    for (std::string_view text : ranges) {
        auto range = Range::parse(text, {.loose = true, .include_prerelease = prereleases});
        if (!range) return std::nullopt;
        wanted.push_back(std::move(*range));
    }
    std::optional<std::string> best;
    std::optional<Version> highest;
    auto consider = [&](std::string_view text) {
        auto version = Version::parse(text, true);
        if (!version || (highest && !(*highest < *version))) return;
        for (const Range& range : wanted)
            if (!range.satisfied_by(*version)) return;
        best = std::string(text);
        highest = std::move(version);
    };
    for (std::uint32_t package : known->second)
        if (tree_.packages[package].record.resolution.kind == ResolutionKind::registry && !nodes_[package].failure &&
            (fitting == kNone || accepts_beside(tree_.packages[package].record, fitting)))
            consider(tree_.packages[package].record.version);
    return best;
}

Result<> TreeWalk::install(std::uint32_t index, const std::vector<PeerInstall>& wanted, EdgeKind kind) {
    missing_.clear();
    std::vector<TreeEdge> edges;
    const std::size_t before = tree_.packages.size();
    for (const PeerInstall& peer : wanted) {
        Result<TreeTarget> target;
        const Place place{index, kNone, 0, kNone, importers_[index].dir, kind == EdgeKind::optional};
        const PackageRecord* locked = peer.target ? nullptr : pins_.exact(peer.name, peer.text);
        if (peer.target) {
            target = *peer.target;
        } else if (locked) {
            target = TreeTarget{add_pinned(*locked, place, true), {}};
            correct_peers(target->package);
        } else {
            target = resolve_want(peer.name, peer.text, place);
        }
        if (!target) {
            if (kind == EdgeKind::optional && !is_fatal(target.error())) continue;
            return tl::make_unexpected(std::move(target).error().during("installing the missing peer " + std::string(peer.name) + "@" + peer.text + " of " +
                                                                        std::string(importers_[index].dir)));
        }
        TreeEdge edge;
        edge.alias = tree_.arena.copy(peer.name);
        edge.package = target->package;
        edge.link = target->link;
        edge.kind = kind;
        edge.auto_installed = true;
        edges.push_back(edge);
    }
    Importer& importer = importers_[index];
    for (const PeerInstall& peer : wanted) importer.provided.insert(tree_.arena.copy(peer.name));
    for (const TreeEdge& edge : edges)
        if (edge.package != kNoPackage) importer.provided.insert(tree_.packages[edge.package].record.name);
    importer.edges.insert(importer.edges.end(), edges.begin(), edges.end());
    std::vector<std::uint32_t> claimed;
    claim(before, new_level(importer.level, edges.data(), edges.size()), claimed);
    PMX_CHECK(walk(index, std::move(claimed)));
    return drop_failed();
}

// What is wanted and found nowhere: the override, what the workspace's root has, a version that is there already, or
// what the ranges have in common. Nothing where they have nothing in common.
Result<bool> TreeWalk::install_required(std::uint32_t index) {
    std::vector<PeerInstall> wanted;
    const Importer& importer = importers_[index];
    for (const auto& [name, missing] : missing_peers(index)) {
        if (missing.required.empty()) continue;
        auto range = intersection(missing.required);
        if (!range && policy_.auto_install_peers_from_highest_match) {
            range.emplace();
            for (std::string_view one : missing.required) range->append(range->empty() ? "" : " || ").append(one);
        }
        PeerInstall install{name, {}, std::nullopt};
        if (auto override = range && input_.hooks ? input_.hooks->override_of(name, *range) : std::nullopt) {
            install.text = std::move(*override);
        } else if (const TreeEdge* ours = edge_of_root(index, name)) {
            install.target = TreeTarget{ours->package, ours->link};
        } else if (!range) {
            continue;
        } else if (auto locked = locked_peer(pins_, tree_, importer.dir, importer.edges, name, {*range})) {
            install.text = std::string(locked->version);
        } else if (auto known = version_for_peer(name, {*range}, true)) {
            install.text = std::move(*known);
        } else if (policy_.auto_install_peers) {
            install.text = std::move(*range);
        } else {
            continue;
        }
        wanted.push_back(std::move(install));
    }
    if (wanted.empty()) return false;
    PMX_CHECK(install(index, wanted, EdgeKind::prod));
    return true;
}

// What stands beside a package that wants this peer, somewhere below this project (or any, where `everywhere`): the last
// such version, breadth first. pnpm takes it whatever the others' ranges say.
std::optional<std::string> TreeWalk::version_used_below(const Importer& importer, std::string_view name, bool everywhere) const {
    if (!packages_by_name_.contains(name)) return std::nullopt;
    std::vector<bool> wants(tree_.packages.size()), seen(tree_.packages.size());
    for (std::uint32_t p = 0; p < tree_.packages.size(); ++p) {
        const auto& peers = tree_.packages[p].record.peers;
        auto found = std::lower_bound(peers.begin(), peers.end(), name, [](const PeerDependency& peer, std::string_view wanted) { return peer.name < wanted; });
        wants[p] = found != peers.end() && found->name == name;
    }
    std::optional<std::string> last;
    std::vector<std::uint32_t> queue;
    auto push = [&](const TreeEdge& edge) {
        if (edge.package == kNoPackage || seen[edge.package]) return;
        seen[edge.package] = true;
        queue.push_back(edge.package);
    };
    std::for_each(importer.edges.begin(), importer.edges.end(), push);
    if (everywhere)
        for (const Importer& other : importers_) std::for_each(other.edges.begin(), other.edges.end(), push);
    for (std::size_t i = 0; i < queue.size(); ++i) {
        const TreePackage& package = tree_.packages[queue[i]];
        const TreeEdge *first = tree_.begin_edges(package), *end = tree_.end_edges(package);
        const bool is_wanted = std::any_of(first, end, [&](const TreeEdge& edge) { return edge.package != kNoPackage && wants[edge.package]; });
        for (const TreeEdge* edge = first; is_wanted && edge != end; ++edge) {
            if (edge->package == kNoPackage) continue;
            const PackageRecord& record = tree_.packages[edge->package].record;
            if (record.name == name && is_registry_record(record)) last = std::string(record.version);
        }
        std::for_each(first, end, push);
    }
    return last;
}

// Whether the package's own peers accept the versions that the project, or the workspace's root where it has none, offers.
bool TreeWalk::accepts_beside(const PackageRecord& record, std::uint32_t index) const {
    for (const PeerDependency& peer : record.peers) {
        const auto& edges = importers_[index].edges;
        auto found = std::find_if(edges.begin(), edges.end(), [&](const TreeEdge& edge) { return edge.alias == peer.name; });
        const TreeEdge* offered = found != edges.end() ? &*found : edge_of_root(index, peer.name);
        if (offered && offered->package != kNoPackage && !satisfies(tree_.packages[offered->package].record.version, peer.range, {.loose = true})) return false;
    }
    return true;
}

// An optional peer is installed only where a version that is there already suits everybody who could use it. What stands beside
// somebody below the project who wants it comes first, then what the workspace's root has, but for a better fit; where that
// is another package under this name, a version of the real one that the root's range accepts.
Result<bool> TreeWalk::install_optional(std::uint32_t index) {
    std::vector<PeerInstall> wanted;
    std::vector<std::string_view> declined;
    const Importer& importer = importers_[index];
    for (const auto& [name, missing] : missing_peers(index)) {
        if (!missing.required.empty()) continue;
        const TreeEdge* ours = edge_of_root(index, name);
        // With the peers that it has in the root: installed here it would be given this project's.
        const Edge* in_root = ours && ours->package != kNoPackage ? pins_.direct(".", ours->alias) : nullptr;
        const PackageRecord* record = in_root ? pins_.record_of(*in_root) : nullptr;
        if (!record || record->key != tree_.packages[ours->package].record.key || !has_peers_in_id(*in_root)) in_root = nullptr;
        std::optional<std::string> known;
        if (const auto locked = locked_peer(pins_, tree_, importer.dir, importer.edges, name, missing.optional, in_root)) {
            if (locked->as_in_root) continue;
            known = std::string(locked->version);
        }
        if (!known) known = version_used_below(importer, name, false);
        if (!known && ours && suits(*ours, missing.optional)) known = version_beside_alias(*ours, name);
        else if (!known) known = version_for_peer(name, missing.optional, false, index);
        if (!known && !ours && version_for_peer(name, missing.optional, false)) declined.push_back(name);
        if (!known && !ours) known = version_used_below(importers_[index], name, true);
        if (known) wanted.push_back({name, std::move(*known), std::nullopt});
        // What does not fit beside the project's own is used as it stands in the root, and not installed.
        else if (ours && (ours->package == kNoPackage || accepts_beside(tree_.packages[ours->package].record, index)))
            wanted.push_back({name, {}, TreeTarget{ours->package, ours->link}});
    }
    importers_[index].declined = std::move(declined);
    if (wanted.empty()) return false;
    PMX_CHECK(install(index, wanted, EdgeKind::optional));
    return true;
}

// Of the package of this name, the highest version known by now that the range of the root's `name: npm:other@range` accepts.
std::optional<std::string> TreeWalk::version_beside_alias(const TreeEdge& edge, std::string_view name) {
    if (edge.alias != name || edge.package == kNoPackage || tree_.packages[edge.package].record.name == name) return std::nullopt;
    const Importer& root = importers_[projects_by_dir_.find(".")->second];
    for (const DirectWant& want : root.wants) {
        if (want.alias != name) continue;
        const Result<Specifier>& specifier = specifier_of(want.alias, want.text);
        if (specifier && (specifier->kind == SpecifierKind::range || specifier->kind == SpecifierKind::version))
            return version_for_peer(name, {specifier->value}, false);
    }
    return std::nullopt;
}

// What the workspace's root depends on itself: by alias, else by name, of several the first alias.
const TreeEdge* TreeWalk::edge_of_root(std::uint32_t asking, std::string_view name) const {
    const auto root = projects_by_dir_.find(".");
    if (!policy_.resolve_peers_from_workspace_root || root == projects_by_dir_.end() || root->second == asking) return nullptr;
    const TreeEdge* by_name = nullptr;
    for (const TreeEdge& edge : importers_[root->second].edges) {
        if (edge.auto_installed) continue;
        if (edge.alias == name) return &edge;
        if (!by_name && edge.package != kNoPackage && tree_.packages[edge.package].record.name == name) by_name = &edge;
    }
    return by_name;
}

bool TreeWalk::suits(const TreeEdge& edge, const std::vector<std::string_view>& ranges) const {
    std::string_view version;
    if (edge.package != kNoPackage) version = tree_.packages[edge.package].record.version;
    else if (auto project = projects_by_dir_.find(edge.link); project != projects_by_dir_.end()) version = importers_[project->second].manifest.version;
    return std::all_of(ranges.begin(), ranges.end(), [&](std::string_view range) { return satisfies(version, range, {.loose = true}); });
}

Result<> TreeWalk::install_peers() {
    for (Importer& importer : importers_)
        for (const TreeEdge& edge : importer.edges) {
            importer.provided.insert(edge.alias);
            if (edge.package != kNoPackage) importer.provided.insert(tree_.packages[edge.package].record.name);
        }
    // Without either rule nobody is given what he lacks; what the root has reaches the others as a parent would.
    if (!policy_.auto_install_peers && !policy_.dedupe_peer_dependents) return {};
    // Each round offers a name that was missing, so there is an end.
    for (bool again = true; again;) {
        for (std::uint32_t i = 0; i < importers_.size(); ++i)
            for (bool more = true; more;) {
                PMX_TRY(more, install_required(i));
            }
        again = false;
        for (std::uint32_t i = 0; i < importers_.size(); ++i) {
            PMX_TRY(const bool installed, install_optional(i));
            again = again || installed;
        }
    }
    return {};
}

}  // namespace pmx
