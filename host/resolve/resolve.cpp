#include "resolve/resolve.hpp"

#include <algorithm>
#include <unordered_set>

#include "resolve/grow.hpp"

namespace pmx {
namespace {

std::string text(bool value) { return value ? "true" : "false"; }

// `settings:` of pnpm's lockfile: two always, the others where they are not the default.
void record_settings(const Policy& policy, Lockfile& lockfile) {
    lockfile.settings["autoInstallPeers"] = text(policy.auto_install_peers);
    lockfile.settings["excludeLinksFromLockfile"] = text(policy.exclude_links_from_lockfile);
    if (policy.dedupe_peers) lockfile.settings["dedupePeers"] = "true";
    if (policy.inject_workspace_packages) lockfile.settings["injectWorkspacePackages"] = "true";
    if (policy.peers_suffix_max_length != 1000) lockfile.settings["peersSuffixMaxLength"] = std::to_string(policy.peers_suffix_max_length);
}

std::string_view without_suffix_of(std::string_view reference) { return reference.substr(0, reference.find('(')); }

// Only entries that a project uses are recorded, with the version that they came to.
void record_catalogs(const Policy& policy, const std::vector<TreeProject>& projects, const std::vector<TreeEdge>& edges,
                     const std::vector<TreePackage>& packages, Lockfile& lockfile) {
    for (const TreeProject& project : projects)
        for (std::uint32_t i = 0; i < project.edge_count; ++i) {
            const TreeEdge& edge = edges[project.first_edge + i];
            if (edge.catalog.empty() || edge.package == kNoPackage) continue;
            auto catalog = policy.catalogs.find(std::string(edge.catalog));
            if (catalog == policy.catalogs.end()) continue;
            auto entry = catalog->second.find(std::string(edge.alias));
            if (entry == catalog->second.end()) continue;
            lockfile.catalogs[catalog->first][entry->first] = {entry->second, std::string(without_suffix_of(packages[edge.package].record.version))};
        }
}

Result<> check_patches(const TreeInput& input, const DependencyTree& tree, Lockfile& lockfile, std::vector<std::string>& warnings) {
    std::vector<std::string> used;
    for (const TreePackage& package : tree.packages) {
        if (package.patch_hash.empty()) continue;
        PMX_TRY(std::optional<PatchRule> rule, input.patches->find(package.record.name, package.record.version));
        if (rule) used.push_back(rule->key);
    }
    std::vector<std::string> unused = input.patches->unused(used);
    if (!unused.empty()) {
        std::string list;
        for (const std::string& key : unused) list += (list.empty() ? "" : ", ") + key;
        if (!input.policy->allow_unused_patches)
            return fail(Code::PATCH, "patches that no package of the project uses", list,
                        "take them out of patchedDependencies, or set allowUnusedPatches: true");
        warnings.push_back("patches that no package uses: " + list);
    }
    for (const auto& [key, hash] : input.policy->patched)
        lockfile.patched.emplace_back(lockfile.graph.arena.copy(key), lockfile.graph.arena.copy(hash));
    return {};
}

// Is all that is new without peers, all the way down, and nobody's peer? Then it has not changed anything else.
bool is_apart(const Lockfile& before, const Lockfile& now) {
    std::unordered_set<std::string_view> peers;
    for (const PackageRecord& record : now.records)
        for (const PeerDependency& peer : record.peers) peers.insert(peer.name);
    const Graph& graph = now.graph;
    std::vector<bool> seen(graph.packages.size());
    std::vector<std::uint32_t> stack;
    auto reach = [&](const Edge& edge) {
        if (edge.target == kNoPackage || seen[edge.target]) return;
        seen[edge.target] = true;
        stack.push_back(edge.target);
    };
    for (std::size_t i = 0; i < now.projects.size(); ++i) {
        const auto was = std::find_if(before.projects.begin(), before.projects.end(), [&](const LockedProject& one) { return one.dir == now.projects[i].dir; });
        if (was == before.projects.end()) return false;
        for (const LockedSpecifier& specifier : now.projects[i].specifiers) {
            const auto held = [&](const LockedSpecifier& one) { return one.alias == specifier.alias && one.specifier == specifier.specifier && one.kind == specifier.kind; };
            if (std::any_of(was->specifiers.begin(), was->specifiers.end(), held)) continue;
            if (peers.contains(specifier.alias)) return false;
            const Edge* end = graph.end_edges(graph.projects[i]);
            for (const Edge* edge = graph.begin_edges(graph.projects[i]); edge != end; ++edge)
                if (edge->alias == specifier.alias) reach(*edge);
        }
    }
    std::unordered_set<std::string_view> reached;
    while (!stack.empty()) {
        const Package& package = graph.packages[stack.back()];
        stack.pop_back();
        if (package.optional || package.peer_count != 0 || package.transitive_peer_count != 0 || peers.contains(package.name)) return false;
        reached.insert(package.id);
        std::for_each(graph.begin_edges(package), graph.end_edges(package), reach);
    }
    return std::all_of(now.records.begin(), now.records.end(), [&](const PackageRecord& record) { return before.find_record(record.key) || reached.contains(record.key); });
}

}  // namespace

Result<Resolved> resolve(const TreeInput& input) {
    const Policy& policy = *input.policy;
    Resolved resolved;
    if (input.is_own) {
        PMX_TRY(std::optional<Growth> grown, grow_lockfile(input));
        if (grown) {
            resolved.lockfile = std::move(grown->lockfile);
            resolved.walked = grown->walked;
            resolved.has_grown = resolved.is_settled = true;
            return resolved;
        }
    }
    PMX_TRY(DependencyTree tree, build_tree(input));
    resolved.walked = tree.packages.size();
    Lockfile facts;  // what the tree says of the lockfile, before its arena moves on
    for (const Warning& warning : tree.warnings) resolved.warnings.push_back(warning.text);
    resolved.unresolved_optional = tree.unresolved_optional;
    PMX_CHECK(check_patches(input, tree, facts, resolved.warnings));
    record_catalogs(policy, tree.projects, tree.edges, tree.packages, facts);

    PMX_TRY(PeerResult peers, resolve_peers(std::move(tree), policy));
    resolved.issues = std::move(peers.issues);
    resolved.lockfile = std::move(peers.lockfile);
    Lockfile& lockfile = resolved.lockfile;
    Arena& arena = lockfile.graph.arena;
    lockfile.format = LockfileFormat::pnpm;
    lockfile.version = "9.0";
    record_settings(policy, lockfile);
    lockfile.catalogs = std::move(facts.catalogs);
    for (const auto& [key, hash] : facts.patched) lockfile.patched.emplace_back(arena.copy(key), arena.copy(hash));
    for (const auto& [selector, value] : input.hooks->recorded_overrides())
        lockfile.overrides.emplace_back(arena.copy(selector), arena.copy(value));
    lockfile.package_extensions_checksum = input.hooks->extensions_checksum();
    if (input.wanted) lockfile.pnpmfile_checksum = input.wanted->pnpmfile_checksum;
    for (const std::string& name : policy.ignored_optional) lockfile.ignored_optional.push_back(arena.copy(name));

    resolved.is_settled = input.wanted && input.wanted->format == LockfileFormat::pnpm && is_apart(*input.wanted, lockfile);
    if (policy.strict_peer_dependencies && !resolved.issues.empty())
        return fail(Code::PEERS, "peer dependencies are missing or do not fit", "\n" + describe_peer_issues(resolved.issues),
                    "install what is missing, or set strictPeerDependencies: false");
    return resolved;
}

}  // namespace pmx
