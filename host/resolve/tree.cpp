#include "resolve/tree.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "resolve/tree_walk.hpp"

namespace pmx {
namespace {

std::uint64_t filter_of(std::string_view name) { return std::uint64_t{1} << (std::hash<std::string_view>{}(name) & 63); }

// No tree that people install is this deep; one that is made to be deep must not cost its square.
constexpr std::size_t kLevelsAsked = 1'000;
constexpr std::size_t kChainShown = 12;

std::string_view without_scheme(std::string_view url) {
    const auto at = url.find("://");
    return at == url.npos ? url : url.substr(at);
}

// The URL that every registry serves an archive under is not recorded.
bool is_canonical(std::string_view tarball, std::string_view registry, std::string_view name, std::string_view version) {
    std::string plain = replace_all(tarball, "%2f", "/");
    std::string expected(registry);
    if (!expected.ends_with('/')) expected += '/';
    expected.append(name).append("/-/");
    const auto slash = name.find('/');
    expected.append(slash == name.npos ? name : name.substr(slash + 1)).append("-");
    expected.append(version.substr(0, version.find('+'))).append(".tgz");
    return without_scheme(plain) == without_scheme(expected);
}

}  // namespace

// What is wrong with this run and not with a package: an optional dependency must not hide it.
bool TreeWalk::is_fatal(const Error& error) {
    switch (error.code) {
        case Code::CANCELLED:
        case Code::INTERNAL:
        case Code::CONFIG:
        case Code::NO_REGISTRY:
        case Code::PLUGIN_NOT_FOUND:
        case Code::PLUGIN_REJECTED:
        case Code::PLUGIN_FAILED:
        case Code::DISK_FULL:
            return true;
        default:
            return false;
    }
}

TreeWalk::TreeWalk(const TreeInput& input)
    : input_(input), policy_(*input.policy), pins_(input), prefetch_(*input.packuments, *input.policy, input.hooks, input.cancel,
                [this](const Specifier& specifier) { return !pins_.empty() && pins_.only_fit(specifier) != nullptr; }) {
    SupportedPlatforms wanted;
    if (input.settings) wanted = {input.settings->supported_os, input.settings->supported_cpu, input.settings->supported_libc};
    platforms_ = resolve_supported(wanted, host_platform());
    if (!input.wanted) return;
    const std::size_t packages = input.wanted->records.size() + input.wanted->records.size() / 8, edges = input.wanted->graph.edges.size();
    tree_.packages.reserve(packages);
    nodes_.reserve(packages);
    packages_.reserve(packages);
    packages_by_name_.reserve(packages);
    levels_.reserve(packages);
    tree_.edges.reserve(edges + edges / 8);
    chosen_versions_.reserve(edges + edges / 8);
}

Result<DependencyTree> TreeWalk::run() {
    PMX_CHECK(read_projects());
    find_moved();
    for (const Importer& importer : importers_)
        for (const DirectWant& want : importer.wants) {
            const auto& specifier = specifier_of(want.alias, want.text);
            if (!specifier || !is_registry_kind(specifier->kind) || pins_.direct(importer.dir, want.alias)) continue;
            const bool is_linked = policy_.link_workspace_packages && policy_.prefer_workspace_packages && workspace_match(*specifier, specifier->value) != kNone;
            if (!is_linked) ask_ahead(specifier);
        }
    if (policy_.mode == ResolutionMode::time_based) {
        PMX_CHECK(walk_by_time());
    } else {
        for (std::uint32_t i = 0; i < importers_.size(); ++i) {
            std::vector<std::uint32_t> claimed;
            PMX_CHECK(resolve_direct(i, claimed));
            PMX_CHECK(walk(i, std::move(claimed)));
        }
    }
    PMX_CHECK(drop_failed());
    PMX_CHECK(install_peers());
    return finish();
}

// What the projects ask for themselves comes first, everywhere: nothing below may be more than an hour younger than the
// youngest of it.
Result<> TreeWalk::walk_by_time() {
    constexpr std::int64_t grace_ms = 3'600'000;
    std::vector<std::vector<std::uint32_t>> claimed(importers_.size());
    for (std::uint32_t i = 0; i < importers_.size(); ++i) PMX_CHECK(resolve_direct(i, claimed[i]));
    std::int64_t youngest = -1;
    for (const Importer& importer : importers_)
        for (const TreeEdge& edge : importer.edges)
            if (edge.package != kNoPackage) youngest = std::max(youngest, parse_iso_time(tree_.packages[edge.package].published));
    if (youngest >= 0) newest_ = iso_time(youngest + grace_ms);
    for (std::uint32_t i = 0; i < importers_.size(); ++i) PMX_CHECK(walk(i, std::move(claimed[i])));
    return {};
}

Result<> TreeWalk::read_projects() {
    importers_.resize(input_.projects.size());
    for (std::uint32_t i = 0; i < importers_.size(); ++i) {
        Importer& importer = importers_[i];
        importer.input = &input_.projects[i];
        importer.dir = tree_.arena.copy(importer.input->dir);
        importer.manifest = importer.input->manifest;
        if (!importer.input->manifest.name.empty()) projects_by_name_[importer.input->manifest.name].push_back(i);
        projects_by_dir_.emplace(importer.dir, i);
    }
    for (Importer& importer : importers_) {
        if (input_.hooks && !input_.hooks->is_empty())
            input_.hooks->apply_to_project(importer.manifest, importer.dir == "." ? input_.root : input_.root + "/" + std::string(importer.dir));
        PMX_CHECK(read_wants(importer));
        prefer_direct(importer);
    }
    return {};
}

// Breadth first: a package's dependencies are resolved once, where it is first met, and what is met there follows
// what was met before it, by id.
Result<> TreeWalk::walk(std::uint32_t importer, std::vector<std::uint32_t> claimed) {
    for (std::size_t i = 0; i < claimed.size(); ++i) {
        if (is_cancelled()) return fail(Code::CANCELLED, "cancelled while resolving");
        PMX_CHECK(resolve_children(claimed[i], importer, claimed));
        if (input_.progress) input_.progress(prefetch_.asked(), tree_.packages.size());
    }
    return {};
}

void TreeWalk::claim(std::size_t from, std::uint32_t level, std::vector<std::uint32_t>& claimed) {
    const std::size_t start = claimed.size();
    for (std::size_t i = from; i < tree_.packages.size(); ++i) {
        nodes_[i].level = level;
        if (grows_ && nodes_[i].pinned != kNoPackage) continue;
        claimed.push_back(static_cast<std::uint32_t>(i));
    }
    std::sort(claimed.begin() + static_cast<std::ptrdiff_t>(start), claimed.end(),
              [&](std::uint32_t a, std::uint32_t b) { return tree_.packages[a].record.key < tree_.packages[b].record.key; });
}

Result<> TreeWalk::resolve_children(std::uint32_t package, std::uint32_t importer, std::vector<std::uint32_t>& claimed) {
    const Node node = nodes_[package];  // a copy: nodes_ grows meanwhile
    const std::uint32_t depth = tree_.packages[package].depth + 1;
    Place place{importer, node.level, depth, package, node.base_dir, false};
    const std::size_t before = tree_.packages.size();
    std::vector<TreeEdge> edges;
    auto add = [&](std::string_view alias, const TreeTarget& target, bool optional) {
        if (target.package == package) return;  // a package finds itself without a link; pnpm's lockfile has none
        TreeEdge edge;
        edge.alias = tree_.arena.copy(alias);
        edge.package = target.package;
        edge.link = target.link;
        edge.kind = optional ? EdgeKind::optional : EdgeKind::prod;
        edges.push_back(edge);
    };
    const PackageFacts* facts = node.facts;
    if (!facts && node.pinned != kNoPackage && !edges_are_certain(node, depth)) {
        auto known = facts_of(package);
        if (known) facts = *known;
        else if (is_fatal(known.error())) return tl::make_unexpected(std::move(known).error());
        // What the registry does not give any more stays as the lockfile has it.
    }
    if (facts) {
        const bool is_held = importers_[importer].input->is_held;
        edges.reserve(facts->wants.size());
        const auto pins = pins_of(node);
        for (const PackageWant& want : facts->wants) {
            place.optional = want.optional;
            Result<TreeTarget> target;
            const auto& specifier = specifier_of(want.alias, want.text);
            const auto pin = pins.find(want.alias);
            const PackageRecord* pinned = pin == pins.end() ? nullptr : pins_.record_of(*pin->second);
            if (pinned && specifier && pinned->name == specifier->name && is_registry_record(*pinned) && (is_held || !pins_.is_moved(pinned->name)) &&
                !pins_.is_updated(pinned->name, depth, {}) && is_satisfied(*specifier, pinned->version))
                target = follow_pin(*pin->second, place);
            else
                target = resolve_want(want.alias, want.text, place);
            if (target) {
                add(want.alias, *target, want.optional);
                continue;
            }
            if (is_fatal(target.error())) return tl::make_unexpected(std::move(target).error());
            std::string wanted = std::string(want.alias) + "@" + std::string(want.text);
            if (want.optional) {
                tree_.unresolved_optional.push_back(std::move(wanted));
                continue;
            }
            Error error = with_chain(std::move(target).error(), wanted, package);
            if (!node.is_droppable) return tl::make_unexpected(std::move(error));
            if (!nodes_[package].failure) {
                nodes_[package].failure = std::move(error);
                ++failures_;
            }
        }
    } else if (node.pinned != kNoPackage) {
        const Graph& graph = pins_.graph();
        const Package& locked = graph.packages[node.pinned];
        for (const Edge* edge = graph.begin_edges(locked); edge != graph.end_edges(locked); ++edge) {
            if (is_peer_edge(node, *edge)) continue;
            place.optional = edge->kind == EdgeKind::optional;
            PMX_TRY(TreeTarget target, follow_pin(*edge, place));
            add(edge->alias, target, place.optional);
        }
        std::sort(edges.begin(), edges.end(), [](const TreeEdge& a, const TreeEdge& b) { return a.alias < b.alias; });
    }
    TreePackage& parent = tree_.packages[package];
    parent.first_edge = static_cast<std::uint32_t>(tree_.edges.size());
    parent.edge_count = static_cast<std::uint32_t>(edges.size());
    tree_.edges.insert(tree_.edges.end(), edges.begin(), edges.end());
    if (tree_.packages.size() > before) claim(before, new_level(node.level, edges.data(), edges.size()), claimed);
    return {};
}

Result<TreeTarget> TreeWalk::resolve_want(std::string_view alias, std::string_view text, const Place& place) {
    const Result<Specifier>& specifier = specifier_of(alias, text);
    if (!specifier) return tl::make_unexpected(wrong_specifier(alias, text, specifier.error()));
    if (is_registry_kind(specifier->kind) && place.parent != kNone && policy_.link_workspace_packages_deep)
        return resolve_linkable(*specifier, place, policy_.inject_workspace_packages, false);
    if (is_registry_kind(specifier->kind)) return resolve_registry(*specifier, place);
    if (specifier->kind == SpecifierKind::workspace) return resolve_workspace(*specifier, place, policy_.inject_workspace_packages);
    return resolve_exotic(*specifier, place);
}

Result<TreeTarget> TreeWalk::resolve_registry(const Specifier& specifier, const Place& place, bool latest) {
    const bool direct = place.parent == kNone;
    const bool lowest = direct && policy_.mode != ResolutionMode::highest;
    if (!latest && !lowest && !pins_.is_updated(specifier.name, place.depth, importers_[place.importer].dir))
        if (const PackageRecord* fit = pins_.only_fit(specifier)) {
            if (const std::uint32_t known = find_package(fit->key); known != kNoPackage) return TreeTarget{known, {}};
            const std::uint32_t added = add_pinned(*fit, place, false);
            correct_peers(added);
            return TreeTarget{added, {}};
        }
    PMX_TRY(Prefetch::Slot * slot, prefetch_.get(specifier));
    const std::string_view newest = direct ? std::string_view() : std::string_view(newest_);
    const PickRequest request{
        .specifier = &specifier, .preferred = preferred_for(specifier, place), .lowest = lowest, .update_to_latest = latest, .newest = newest, .ranges = &prefetch_.ranges()};
    const bool shares = !direct && !prefers_chosen_;
    if (shares && !prefers_own_)
        if (auto settled = settled_.find(&specifier); settled != settled_.end()) return TreeTarget{settled->second, {}};
    PMX_TRY(const std::size_t version, prefetch_.pick(*slot, request));
    const std::string_view chosen = Prefetch::packument(*slot).versions()[version].version;
    scratch_.assign(specifier.name).append("@").append(chosen);
    if (std::uint32_t known = find_package(scratch_); known != kNoPackage) {
        if (shares) settled_.emplace(&specifier, known);
        return TreeTarget{known, {}};
    }
    PMX_TRY(const PackageFacts* facts, prefetch_.facts(*slot, version));
    PMX_TRY(PackageRecord record, registry_record(*slot, version, specifier, *facts));
    Node node;
    node.facts = facts;
    node.slot = slot;
    const std::uint32_t added = add_package(std::move(record), std::move(node), place);
    if (shares) settled_.emplace(&specifier, added);
    tree_.packages[added].published = tree_.arena.copy(Prefetch::packument(*slot).time(chosen));
    return TreeTarget{added, {}};
}

Result<PackageRecord> TreeWalk::registry_record(Prefetch::Slot& slot, std::size_t version, const Specifier& specifier, const PackageFacts& facts) {
    Arena& arena = tree_.arena;
    const std::string_view chosen = Prefetch::packument(slot).versions()[version].version;
    PackageRecord record = record_of(facts.version.manifest, arena);
    add_packument_facts(record, facts.version, arena);
    record.name = arena.copy(specifier.name);
    record.version = arena.copy(chosen);
    std::string key = specifier.name + "@" + std::string(chosen);
    record.key = arena.copy(key);
    record.resolution.kind = ResolutionKind::registry;
    record.resolution.integrity = arena.copy(facts.version.integrity);
    const std::string registry = !specifier.registry.empty() ? specifier.registry : input_.settings ? input_.settings->registry_for(specifier.name) : "";
    if (policy_.include_tarball_url || facts.version.integrity.empty() || !is_canonical(facts.version.tarball, registry, specifier.name, chosen))
        record.resolution.tarball = arena.copy(facts.version.tarball);
    return record;
}

const std::vector<Preferred>& TreeWalk::preferred_for(const Specifier& specifier, const Place& place) {
    const std::string_view name = specifier.name;
    preferred_.clear();
    const Importer& importer = importers_[place.importer];
    if (auto found = importer.preferred.find(name); found != importer.preferred.end()) preferred_ = found->second;
    prefers_own_ = !preferred_.empty();
    prefers_chosen_ = importer.aliased.contains(name);
    if (place.is_own_peer)
        if (auto found = asked_by_projects_.find(name); found != asked_by_projects_.end())
            preferred_.insert(preferred_.end(), found->second.begin(), found->second.end());
    if (const auto* moved = pins_.moved(name))
        for (const Specifier* to : *moved)
            preferred_.push_back({to->value, preferred_kind(to->kind), kMovedWeight});
    for (const PackageRecord* locked : pins_.versions(name)) preferred_.push_back({locked->version, Preferred::Kind::version, kLockfileWeight});
    const std::size_t siblings = preferred_.size();
    const std::uint64_t filter = filter_of(name);
    std::uint32_t level = place.level;
    for (std::size_t asked = 0; level != kNone && asked < kLevelsAsked; ++asked, level = levels_[level].parent) {
        const Level& here = levels_[level];
        if (!(here.names & filter)) continue;
        const auto end = chosen_versions_.begin() + here.first + here.count;
        auto found = std::lower_bound(chosen_versions_.begin() + here.first, end, name, [](const auto& a, std::string_view b) { return a.first < b; });
        for (; found != end && found->first == name; ++found) {
            const std::string_view version = tree_.packages[found->second].record.version;
            const bool known = std::any_of(preferred_.begin() + static_cast<std::ptrdiff_t>(siblings), preferred_.end(),
                                           [&](const Preferred& p) { return p.selector == version; });
            if (!known) preferred_.push_back({version, Preferred::Kind::version, kSiblingWeight});
            if (level != importer.level) prefers_chosen_ = true;
        }
    }
    return preferred_;
}

std::uint32_t TreeWalk::new_level(std::uint32_t parent, const TreeEdge* first, std::size_t count) {
    Level level;
    level.parent = parent;
    level.first = static_cast<std::uint32_t>(chosen_versions_.size());
    for (const TreeEdge* edge = first; edge != first + count; ++edge) {
        if (edge->package == kNoPackage) continue;
        const PackageRecord& record = tree_.packages[edge->package].record;
        if (record.resolution.kind != ResolutionKind::registry) continue;
        chosen_versions_.emplace_back(record.name, edge->package);
        level.names |= filter_of(record.name);
    }
    level.count = static_cast<std::uint32_t>(chosen_versions_.size()) - level.first;
    std::sort(chosen_versions_.begin() + level.first, chosen_versions_.end());
    levels_.push_back(level);
    return static_cast<std::uint32_t>(levels_.size() - 1);
}

// Packages of named registries are installed by a lockfile that has them, and not chosen here.
Error TreeWalk::wrong_specifier(std::string_view alias, std::string_view text, const Error& error) const {
    const std::size_t colon = text.find(':');
    if (colon == text.npos || !input_.settings || !input_.settings->named_registries.contains(std::string(text.substr(0, colon)))) return error;
    return Error{Code::RESOLUTION_UNSUPPORTED, "packages of a registry of namedRegistries are not resolved yet", std::string(alias) + "@" + std::string(text),
                 "give its scope that registry (@scope:registry=URL in .npmrc), or let pnpm write the lockfile: pmx installs from it"};
}

std::uint32_t TreeWalk::find_package(std::string_view key) const {
    auto found = packages_.find(key);
    return found == packages_.end() ? kNoPackage : found->second;
}

std::uint32_t TreeWalk::add_package(PackageRecord record, Node node, const Place& place) {
    const auto index = static_cast<std::uint32_t>(tree_.packages.size());
    node.claimed_by = place.parent;
    node.is_droppable = place.optional || (place.parent != kNone && nodes_[place.parent].is_droppable);
    TreePackage package;
    package.record = std::move(record);
    package.depth = place.depth;
    tree_.packages.push_back(std::move(package));
    nodes_.push_back(std::move(node));
    const PackageRecord& added = tree_.packages.back().record;
    packages_.emplace(added.key, index);
    packages_by_name_[added.name].push_back(index);
    ask_ahead(nodes_.back());
    if (input_.chosen && (input_.tells_pinned || nodes_.back().pinned == kNoPackage) && added.resolution.kind != ResolutionKind::directory && runs_on(added.os, added.cpu, added.libc, platforms_))
        input_.chosen(added);
    return index;
}

void TreeWalk::ask_ahead(const Node& node) {
    if (!node.facts) return;
    for (const PackageWant& want : node.facts->wants) ask_ahead(specifier_of(want.alias, want.text));
}

void TreeWalk::ask_ahead(const Result<Specifier>& specifier) {
    if (!specifier || !is_registry_kind(specifier->kind) || !asked_ahead_.insert(&*specifier).second) return;
    if (pins_.empty() || !pins_.only_fit(*specifier)) prefetch_.want(*specifier);
}

Error TreeWalk::with_chain(Error error, std::string_view wanted, std::uint32_t parent) const {
    std::vector<std::string_view> chain;
    for (std::uint32_t at = parent; at != kNone && chain.size() <= kChainShown; at = nodes_[at].claimed_by)
        chain.push_back(tree_.packages[at].record.key);
    std::string doing = "resolving " + std::string(wanted);
    if (!chain.empty()) {
        doing += ", wanted by ";
        if (chain.size() > kChainShown) doing += "… > ";
        for (std::size_t i = std::min(chain.size(), kChainShown); i-- > 0;) {
            doing += chain[i];
            if (i) doing += " > ";
        }
    }
    return std::move(error).during(doing);
}

// A package of which a required dependency cannot be had cannot be had either: optional edges to it go, and whoever
// requires it fails as it did.
Result<> TreeWalk::drop_failed() {
    if (failures_ == 0) return {};
    failures_ = 0;
    std::vector<std::vector<std::pair<std::uint32_t, std::uint32_t>>> parents(tree_.packages.size());  // (package, edge)
    for (std::uint32_t p = 0; p < tree_.packages.size(); ++p) {
        const TreePackage& package = tree_.packages[p];
        for (std::uint32_t e = package.first_edge; e < package.first_edge + package.edge_count; ++e)
            if (tree_.edges[e].package != kNoPackage) parents[tree_.edges[e].package].emplace_back(p, e);
    }
    std::vector<std::uint32_t> queue;
    for (std::uint32_t p = 0; p < nodes_.size(); ++p)
        if (nodes_[p].failure) queue.push_back(p);
    for (std::size_t i = 0; i < queue.size(); ++i) {
        const std::uint32_t failed = queue[i];
        for (auto [parent, e] : parents[failed]) {
            TreeEdge& edge = tree_.edges[e];
            if (edge.package == kNoPackage) continue;
            edge.package = kNoPackage;
            if (edge.kind == EdgeKind::optional) {
                tree_.unresolved_optional.emplace_back(tree_.packages[failed].record.key);
            } else if (!nodes_[parent].failure) {
                nodes_[parent].failure = nodes_[failed].failure;
                queue.push_back(parent);
            }
        }
    }
    for (Importer& importer : importers_) {
        for (const TreeEdge& edge : importer.edges) {
            if (edge.package == kNoPackage || !nodes_[edge.package].failure) continue;
            if (edge.kind != EdgeKind::optional) return tl::make_unexpected(*nodes_[edge.package].failure);
            tree_.unresolved_optional.emplace_back(tree_.packages[edge.package].record.key);
        }
        std::erase_if(importer.edges, [&](const TreeEdge& edge) { return edge.package != kNoPackage && nodes_[edge.package].failure; });
    }
    return {};
}

Result<DependencyTree> build_tree(const TreeInput& input) {
    TreeWalk walk(input);
    return walk.run();
}

}  // namespace pmx
