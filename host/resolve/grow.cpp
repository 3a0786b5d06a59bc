#include "resolve/grow.hpp"

#include <algorithm>

#include "resolve/tree_walk.hpp"

namespace pmx {

// What the settings make of a walk may reach everything; what no registry has may have changed since.
bool TreeWalk::may_grow() const {
    if (!input_.is_own || pins_.empty() || !pins_.edges_hold() || input_.update.kind != UpdateScope::Kind::none || input_.update.latest) return false;
    if (policy_.mode != ResolutionMode::highest || policy_.strict_peer_dependencies || !policy_.patched.empty()) return false;
    if (policy_.link_workspace_packages || policy_.inject_workspace_packages || policy_.exclude_links_from_lockfile || policy_.include_tarball_url) return false;
    if (input_.chosen && input_.tells_pinned) return false;  // somebody waits to hear of every package
    const Lockfile& locked = *input_.wanted;
    if (!locked.times.empty() || !locked.unknown.empty() || locked.records.empty() || input_.projects.size() != locked.graph.projects.size()) return false;
    return std::all_of(locked.records.begin(), locked.records.end(), is_registry_record);
}

// What projects ask for and the lockfile does not have; nullopt where anything else differs.
std::optional<std::vector<TreeWalk::Addition>> TreeWalk::additions() const {
    std::vector<Addition> added;
    for (std::uint32_t i = 0; i < importers_.size(); ++i) {
        const Importer& importer = importers_[i];
        if (importer.input->is_held || !pins_.knows_project(importer.dir)) return std::nullopt;
        std::size_t known = 0;
        for (const DirectWant& want : importer.wants) {
            if (pins_.direct(importer.dir, want.alias)) {
                if (pins_.direct_specifier(importer.dir, want.alias) != want.specifier) return std::nullopt;
                ++known;
            } else if (want.kind == EdgeKind::optional || want.is_peer || want.injected || !want.catalog.empty() ||
                       !pins_.direct_specifier(importer.dir, want.alias).empty()) {
                return std::nullopt;
            } else {
                added.push_back({i, &want});
            }
        }
        if (known != pins_.direct_count(importer.dir)) return std::nullopt;
    }
    // The groups, too, are what they were.
    for (std::size_t i = 0; i < input_.wanted->projects.size(); ++i) {
        const LockedProject& locked = input_.wanted->projects[i];
        const auto at = projects_by_dir_.find(locked.dir);
        if (at == projects_by_dir_.end()) return std::nullopt;
        for (const LockedSpecifier& specifier : locked.specifiers) {
            const auto& wants = importers_[at->second].wants;
            auto want = std::lower_bound(wants.begin(), wants.end(), specifier.alias, [](const DirectWant& a, std::string_view alias) { return a.alias < alias; });
            if (want == wants.end() || want->alias != specifier.alias || want->kind != specifier.kind) return std::nullopt;
        }
    }
    if (added.empty()) return std::nullopt;
    return added;
}

// Every dependency that the lockfile has of the project is what it was.
bool TreeWalk::is_as_locked(const Importer& importer, const std::vector<Addition>& added) const {
    std::size_t same = 0;
    for (const TreeEdge& edge : importer.edges) {
        const Edge* locked = pins_.direct(importer.dir, edge.alias);
        if (!locked) continue;
        const PackageRecord* record = pins_.record_of(*locked);
        if (record ? edge.package == kNoPackage || tree_.packages[edge.package].record.key != record->key : edge.package != kNoPackage || edge.link != locked->link)
            return false;
        ++same;
    }
    const auto here = static_cast<std::size_t>(std::count_if(added.begin(), added.end(), [&](const Addition& one) { return &importers_[one.importer] == &importer; }));
    return same == pins_.direct_count(importer.dir) && importer.edges.size() == same + here;
}

// Nothing that stands is another package, has another context or another mark because of what is new.
bool TreeWalk::stays_apart(const std::vector<Addition>& added) const {
    const Graph& graph = pins_.graph();
    std::unordered_set<std::string_view> peers;  // what anybody wants from above
    for (const PackageRecord& record : input_.wanted->records)
        for (const PeerDependency& peer : record.peers) peers.insert(peer.name);
    for (const Addition& one : added)
        if (peers.contains(one.want->alias)) return false;

    // What is new depends on this: a package without peers, all the way down, which was wanted before.
    std::vector<bool> seen(graph.packages.size());
    std::vector<std::uint32_t> stack;
    auto reach = [&](std::uint32_t package) {
        if (seen[package]) return;
        seen[package] = true;
        stack.push_back(package);
    };
    auto reaches = [&](const TreeEdge& edge) {
        if (edge.package == kNoPackage || edge.kind == EdgeKind::optional) return false;
        if (nodes_[edge.package].pinned != kNoPackage) reach(nodes_[edge.package].pinned);
        return true;
    };
    for (std::size_t i = 0; i < tree_.packages.size(); ++i) {
        const TreePackage& package = tree_.packages[i];
        const Node& node = nodes_[i];
        if (node.pinned != kNoPackage) {
            // Met through what is new before the lockfile's own edges come to it: they have to be the only ones that there can be.
            if (!node.through_pin && (!edges_are_certain(node, package.depth + 1) || !package.record.peers.empty())) return false;
            continue;
        }
        const PackageRecord& record = package.record;
        if (!node.facts || node.is_exotic || node.failure || !is_registry_record(record)) return false;
        if (!record.peers.empty() || !record.deprecated.empty() || peers.contains(record.name) || pins_.package(record.key) != kNoPackage) return false;
        if (!std::all_of(tree_.begin_edges(package), tree_.end_edges(package), reaches)) return false;
    }
    for (const Addition& one : added)
        for (const TreeEdge& edge : importers_[one.importer].edges)
            if (edge.alias == one.want->alias && !reaches(edge)) return false;
    while (!stack.empty()) {
        const Package& package = graph.packages[stack.back()];
        stack.pop_back();
        if (package.optional || package.peer_count != 0 || package.transitive_peer_count != 0 || package.id.find('(') != package.id.npos ||
            !package.deprecated.empty() || peers.contains(package.name))
            return false;
        for (const Edge* edge = graph.begin_edges(package); edge != graph.end_edges(package); ++edge) {
            if (edge->target == kNoPackage || edge->kind == EdgeKind::optional) return false;
            reach(edge->target);
        }
    }
    return true;
}

Growth TreeWalk::growth(const std::vector<Addition>& added) {
    const Lockfile& from = *input_.wanted;
    Growth grown;
    Lockfile& to = grown.lockfile;
    to.format = from.format;
    to.version = from.version;
    to.projects = from.projects;
    to.overrides = from.overrides;
    to.catalogs = from.catalogs;
    to.settings = from.settings;
    to.ignored_optional = from.ignored_optional;
    to.package_extensions_checksum = from.package_extensions_checksum;
    to.pnpmfile_checksum = from.pnpmfile_checksum;
    Graph& graph = to.graph;
    graph.edges.reserve(from.graph.edges.size() + tree_.edges.size() + 256);
    graph.edges = from.graph.edges;
    graph.projects = from.graph.projects;
    graph.strings = from.graph.strings;
    graph.packages.reserve(from.graph.packages.size() + 16);
    graph.packages = from.graph.packages;
    to.records.reserve(from.records.size() + 16);
    to.records = from.records;

    std::vector<std::uint32_t> place(tree_.packages.size());
    for (std::size_t i = 0; i < place.size(); ++i) {
        place[i] = nodes_[i].pinned;
        if (place[i] != kNoPackage) continue;
        place[i] = static_cast<std::uint32_t>(graph.packages.size());
        const PackageRecord& record = tree_.packages[i].record;
        Package package;
        package.id = record.key;
        package.name = record.name;
        package.version = record.version;
        package.resolution = record.resolution;
        package.has_bin = record.has_bin;
        package.bundles_all = record.bundles_all;
        graph.packages.push_back(package);
        ++grown.walked;
    }
    for (std::size_t i = 0; i < place.size(); ++i) {
        if (nodes_[i].pinned != kNoPackage) continue;
        Package& package = graph.packages[place[i]];
        package.first_edge = static_cast<std::uint32_t>(graph.edges.size());
        package.edge_count = tree_.packages[i].edge_count;
        for (const TreeEdge* edge = tree_.begin_edges(tree_.packages[i]); edge != tree_.end_edges(tree_.packages[i]); ++edge)
            graph.edges.push_back({edge->alias, place[edge->package], {}, edge->kind});
        to.records.push_back(std::move(tree_.packages[i].record));
    }
    for (std::size_t i = 0; i < graph.projects.size(); ++i) {
        Project& project = graph.projects[i];
        const Importer& importer = importers_[projects_by_dir_.find(project.dir)->second];
        std::vector<Edge> edges(graph.begin_edges(project), graph.end_edges(project));
        const std::size_t before = edges.size();
        for (const Addition& one : added) {
            if (&importers_[one.importer] != &importer) continue;
            const auto edge = std::find_if(importer.edges.begin(), importer.edges.end(), [&](const TreeEdge& e) { return e.alias == one.want->alias; });
            edges.push_back({edge->alias, place[edge->package], {}, edge->kind});
            to.projects[i].specifiers.push_back({edge->alias, edge->specifier, edge->kind});
        }
        if (edges.size() == before) continue;
        project.first_edge = static_cast<std::uint32_t>(graph.edges.size());
        project.edge_count = static_cast<std::uint32_t>(edges.size());
        graph.edges.insert(graph.edges.end(), edges.begin(), edges.end());
    }
    std::sort(to.records.begin(), to.records.end(), [](const PackageRecord& a, const PackageRecord& b) { return a.key < b.key; });
    graph.arena = std::move(tree_.arena);
    return grown;
}

Result<std::optional<Growth>> TreeWalk::grow() {
    if (!may_grow()) return std::nullopt;
    PMX_CHECK(read_projects());
    find_moved();
    if (pins_.has_moved()) return std::nullopt;
    const auto added = additions();
    if (!added) return std::nullopt;
    for (const Addition& one : *added) {
        const auto& specifier = specifier_of(one.want->alias, one.want->text);
        if (!specifier || !is_registry_kind(specifier->kind)) return std::nullopt;
        ask_ahead(specifier);
    }
    grows_ = true;
    for (std::uint32_t i = 0; i < importers_.size(); ++i) {
        if (std::none_of(added->begin(), added->end(), [&](const Addition& one) { return one.importer == i; })) continue;
        std::vector<std::uint32_t> claimed;
        PMX_CHECK(resolve_direct(i, claimed));
        PMX_CHECK(walk(i, std::move(claimed)));
        if (!is_as_locked(importers_[i], *added)) return std::nullopt;
    }
    if (failures_ != 0 || !tree_.unresolved_optional.empty() || !stays_apart(*added)) return std::nullopt;
    Growth grown = growth(*added);
    if (input_.progress) input_.progress(prefetch_.asked(), grown.lockfile.records.size());
    return grown;
}

Result<std::optional<Growth>> grow_lockfile(const TreeInput& input) {
    TreeWalk walk(input);
    auto grown = walk.grow();
    // What failed fails again where everything is walked, which tells of it.
    if (!grown && grown.error().code != Code::CANCELLED) return std::nullopt;
    return grown;
}

}  // namespace pmx
