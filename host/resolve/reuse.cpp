#include <algorithm>

#include "lockfile/dep_path.hpp"
#include "resolve/tree_walk.hpp"

namespace pmx {

// Where a project that the lockfile knows asks for a version of a package that the lockfile does not have, what others
// had of that package is looked at again, so that they can share the new version.
void TreeWalk::find_moved() {
    if (pins_.empty() || !pins_.edges_hold()) return;
    for (const Importer& importer : importers_) {
        if (!pins_.knows_project(importer.dir)) continue;
        for (const DirectWant& want : importer.wants) {
            const auto& specifier = specifier_of(want.alias, want.text);
            if (!specifier || !is_registry_kind(specifier->kind) || pins_.count(specifier->name) == 0) continue;
            if (const Edge* edge = pins_.direct(importer.dir, want.alias)) {
                const PackageRecord* record = pins_.record_of(*edge);
                if (!record || (record->name == specifier->name && is_satisfied(*specifier, record->version))) continue;
                if (pins_.direct_specifier(importer.dir, want.alias) == want.specifier) continue;
            }
            bool is_there = false;
            for (const PackageRecord* record : pins_.versions(specifier->name)) is_there = is_there || is_satisfied(*specifier, record->version);
            if (!is_there) pins_.add_moved(specifier->name, *specifier);
        }
    }
}

Result<std::optional<TreeTarget>> TreeWalk::reuse_direct(const Importer& importer, const DirectWant& want, const Specifier& specifier,
                                                         const Place& place) {
    if (pins_.empty()) return std::nullopt;
    const Edge* edge = pins_.direct(importer.dir, want.alias);
    if (!edge) return std::nullopt;
    const PackageRecord* record = pins_.record_of(*edge);
    if (!record) return std::nullopt;
    if (pins_.is_updated(want.alias, 0, importer.dir) || pins_.is_updated(record->name, 0, importer.dir)) return std::nullopt;
    const bool same_text = pins_.direct_specifier(importer.dir, want.alias) == want.specifier &&
                           (want.catalog.empty() || pins_.same_catalog(want.catalog, want.alias, want.text));
    if (is_registry_kind(specifier.kind)) {
        if (!is_registry_record(*record) || record->name != specifier.name || !specifier.registry.empty()) return std::nullopt;
        if (!same_text && !is_satisfied(specifier, record->version)) return std::nullopt;
        // A range that is as it was may still have been resolved by other rules (an override that is gone).
        if (specifier.kind != SpecifierKind::tag && !is_satisfied(specifier, record->version)) return std::nullopt;
        const std::uint32_t added = add_pinned(*record, place, true);
        if (has_peers_in_id(*edge)) correct_peers(added);
        return TreeTarget{added, {}};
    }
    const bool fetched = specifier.kind == SpecifierKind::tarball || specifier.kind == SpecifierKind::git;
    if (!fetched || !same_text || record->resolution.kind == ResolutionKind::directory) return std::nullopt;
    return TreeTarget{add_pinned(*record, place, true), {}};
}

std::uint32_t TreeWalk::add_pinned(const PackageRecord& record, const Place& place, bool through_pin) {
    if (std::uint32_t known = find_package(record.key); known != kNoPackage) return known;
    Node node;
    node.pinned = pins_.package(record.key);
    node.through_pin = through_pin;
    const std::uint32_t added = add_package(copy_record(record, tree_.arena), std::move(node), place);
    if (input_.wanted) {
        const auto& times = input_.wanted->times;  // sorted
        auto at = std::lower_bound(times.begin(), times.end(), record.key, [](const auto& entry, std::string_view key) { return entry.first < key; });
        if (at != times.end() && at->first == record.key) tree_.packages[added].published = tree_.arena.copy(at->second);
    }
    // Versions that no package of the lockfile uses have nothing to follow.
    if (nodes_[added].pinned != kNoPackage && !edges_are_certain(nodes_[added], place.depth + 1)) {
        Specifier own;
        own.kind = SpecifierKind::version;
        own.name = record.name;
        own.value = record.version;
        if (is_registry_record(record)) prefetch_.want(prefetch_.keep(std::move(own)));
    }
    return added;
}

// The lockfile's edges of a package are dependencies and peers alike. What is declared as both is a peer where the id
// says what it was resolved to.
bool TreeWalk::is_peer_edge(const Node& node, const Edge& edge) const {
    const PackageRecord* record = pins_.record_of_package(node.pinned);
    if (!record) return false;
    auto found = std::lower_bound(record->peers.begin(), record->peers.end(), edge.alias, [](const PeerDependency& peer, std::string_view name) { return peer.name < name; });
    if (found == record->peers.end() || found->name != edge.alias) return false;
    const std::string_view suffix = parse_dep_path(pins_.graph().packages[node.pinned].id).suffix;
    if (suffix.empty()) return false;
    const PackageRecord* to = pins_.record_of(edge);
    const std::string_view name = to ? to->name : edge.alias;
    bool is_digest = true;  // a suffix that was too long tells nothing
    for (std::size_t i = 0, depth = 0; i < suffix.size(); ++i) {
        if (suffix[i] == ')' && depth > 0) --depth;
        if (suffix[i] != '(' || depth++ > 0) continue;
        const std::string_view rest = suffix.substr(i + 1);
        if (rest.starts_with("patch_hash=")) continue;
        if (rest.find('@') < rest.find(')')) is_digest = false;
        if (rest.starts_with(name) && rest.substr(name.size()).starts_with('@')) return true;
    }
    return is_digest;
}

// What the lockfile answers for, by alias.
std::unordered_map<std::string_view, const Edge*> TreeWalk::pins_of(const Node& node) const {
    std::unordered_map<std::string_view, const Edge*> pins;
    if (node.pinned == kNoPackage || !node.through_pin || !pins_.edges_hold()) return pins;
    const Graph& graph = pins_.graph();
    const Package& package = graph.packages[node.pinned];
    for (const Edge* edge = graph.begin_edges(package); edge != graph.end_edges(package); ++edge)
        if (!is_peer_edge(node, *edge)) pins.emplace(edge->alias, edge);
    return pins;
}

bool TreeWalk::edges_are_certain(const Node& node, std::uint32_t depth) const {
    if (!pins_.edges_hold()) return false;
    const Graph& graph = pins_.graph();
    const Package& package = graph.packages[node.pinned];
    for (const Edge* edge = graph.begin_edges(package); edge != graph.end_edges(package); ++edge) {
        if (edge->target == kNoPackage || is_peer_edge(node, *edge)) continue;
        const PackageRecord* record = pins_.record_of(*edge);
        if (!record) return false;
        if (!is_registry_record(*record)) continue;
        if (pins_.is_moved(record->name) || pins_.is_updated(record->name, depth, {})) return false;
        if (!node.through_pin && pins_.count(record->name) > 1) return false;
    }
    return true;
}

Result<TreeTarget> TreeWalk::follow_pin(const Edge& edge, const Place& place) {
    const PackageRecord* record = pins_.record_of(edge);
    if (!record) return TreeTarget{kNoPackage, tree_.arena.copy(edge.link)};
    if (record->resolution.kind == ResolutionKind::directory) return add_directory(tree_.arena.copy(record->resolution.directory), edge.alias, place);
    const std::uint32_t added = add_pinned(*record, place, true);
    if (has_peers_in_id(edge)) correct_peers(added);
    return TreeTarget{added, {}};
}

bool TreeWalk::has_peers_in_id(const Edge& edge) const {
    std::string_view suffix = parse_dep_path(pins_.graph().packages[edge.target].id).suffix;
    if (suffix.starts_with("(patch_hash=")) suffix.remove_prefix(std::min(suffix.find(')') + 1, suffix.size()));
    return !suffix.empty();
}

// The corrections of mistaken manifests may be younger than the lockfile. Where a package's peers are looked for again, those
// that the corrections add are looked for too; what the lockfile recorded itself, dependencies included, stays.
void TreeWalk::correct_peers(std::uint32_t package) {
    PackageRecord& record = tree_.packages[package].record;
    const Node& node = nodes_[package];
    if (!input_.hooks || input_.hooks->is_empty() || node.pinned == kNoPackage || !is_registry_record(record)) return;
    Manifest manifest;
    manifest.name = record.name;
    manifest.version = record.version;
    for (const PeerDependency& peer : record.peers) {
        if (!peer.meta_only) manifest.peer_dependencies.emplace_back(peer.name, peer.range);
        if (peer.optional) manifest.optional_peers.emplace_back(peer.name);
    }
    input_.hooks->apply(manifest);
    if (manifest.peer_dependencies.size() + manifest.optional_peers.size() == 0) return;
    const Graph& graph = pins_.graph();
    const Package& locked = graph.packages[node.pinned];
    const std::vector<PeerDependency> recorded = record.peers;
    for (const PeerDependency& peer : peers_of(manifest, tree_.arena)) {
        auto known = std::find_if(recorded.begin(), recorded.end(), [&](const PeerDependency& one) { return one.name == peer.name; });
        if (known != recorded.end()) continue;
        const bool is_dependency = std::any_of(graph.begin_edges(locked), graph.end_edges(locked), [&](const Edge& edge) { return edge.alias == peer.name; });
        if (!is_dependency) record.peers.push_back(peer);
    }
    std::sort(record.peers.begin(), record.peers.end(), [](const PeerDependency& a, const PeerDependency& b) { return a.name < b.name; });
}

// The manifest of a package that is known from the lockfile only.
Result<const PackageFacts*> TreeWalk::facts_of(std::uint32_t package) {
    const PackageRecord& record = tree_.packages[package].record;
    if (!is_registry_record(record)) return fail(Code::RESOLUTION_UNSUPPORTED, "no packument describes it", std::string(record.key));
    Specifier own;
    own.kind = SpecifierKind::version;
    own.name = own.alias = record.name;
    own.value = own.raw = record.version;
    PMX_TRY(Prefetch::Slot * slot, prefetch_.get(own));
    const auto version = Prefetch::packument(*slot).find(record.version);
    if (!version) return fail(Code::NO_MATCHING_VERSION, "the registry does not have this version any more", std::string(record.key));
    PMX_TRY(const PackageFacts* facts, prefetch_.facts(*slot, *version));
    nodes_[package].facts = facts;
    nodes_[package].slot = slot;
    ask_ahead(nodes_[package]);
    return facts;
}

}  // namespace pmx
