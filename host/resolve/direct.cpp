#include <algorithm>
#include <filesystem>

#include "resolve/tree_walk.hpp"

namespace pmx {
namespace {

bool is_path(std::string_view value) { return value.starts_with('.') || value.starts_with('/') || value.starts_with("~/"); }

// What follows "name@" in "workspace:name@^1.0.0".
std::string_view workspace_range(const Specifier& specifier) {
    std::string_view value = specifier.value;
    if (specifier.is_alias && value.size() > specifier.name.size() && value.starts_with(specifier.name) && value[specifier.name.size()] == '@')
        value.remove_prefix(specifier.name.size() + 1);
    return value;
}

}  // namespace

// Later groups give way to earlier ones: optional, then dependencies, then dev, then peers.
Result<> TreeWalk::read_wants(Importer& importer) {
    const Manifest& manifest = importer.manifest;
    std::unordered_set<std::string_view> taken;
    auto read = [&](const TextMap& group, EdgeKind kind, bool is_peer = false) -> Result<> {
        for (const auto& [alias, text] : group) {
            const bool is_shadowed = !taken.insert(alias).second;
            if (is_shadowed && is_peer) continue;
            DirectWant want{alias, text, text, {}, kind, false, is_peer};
            PMX_TRY(auto entry, resolve_catalog(policy_, alias, text));
            if (entry) {
                want.catalog = tree_.arena.copy(entry->catalog);
                want.text = tree_.arena.copy(entry->specifier);
            }
            want.injected = policy_.inject_workspace_packages ||
                            std::find(manifest.injected.begin(), manifest.injected.end(), alias) != manifest.injected.end();
            (is_shadowed ? importer.shadowed : importer.wants).push_back(want);
        }
        return {};
    };
    PMX_CHECK(read(manifest.optional_dependencies, EdgeKind::optional));
    PMX_CHECK(read(manifest.dependencies, EdgeKind::prod));
    PMX_CHECK(read(manifest.dev_dependencies, EdgeKind::dev));
    if (policy_.auto_install_peers) PMX_CHECK(read(manifest.peer_dependencies, EdgeKind::prod, true));
    std::sort(importer.wants.begin(), importer.wants.end(), [](const DirectWant& a, const DirectWant& b) { return a.alias < b.alias; });
    return {};
}

void TreeWalk::prefer_direct(Importer& importer) {
    auto prefer = [&](const DirectWant& want) {
        const auto& specifier = specifier_of(want.alias, want.text);
        if (!specifier || !is_registry_kind(specifier->kind)) return;
        // What goes to its latest version no longer asks for the range that it has.
        const bool latest = input_.update.latest && pins_.is_updated(specifier->name, 0, importer.dir);
        const auto kind = latest ? Preferred::Kind::tag : preferred_kind(specifier->kind);
        const Preferred preferred{latest ? std::string_view(policy_.default_tag) : std::string_view(specifier->value), kind, kDirectWeight};
        importer.preferred[specifier->name].push_back(preferred);
        if (specifier->is_alias) importer.aliased.insert(specifier->name);
        if (want.is_peer || specifier->is_alias) return;
        auto& all = asked_by_projects_[want.alias];
        const bool known = std::any_of(all.begin(), all.end(), [&](const Preferred& p) { return p.selector == preferred.selector && p.kind == kind; });
        if (!known) all.push_back(preferred);
    };
    std::for_each(importer.wants.begin(), importer.wants.end(), prefer);
    std::for_each(importer.shadowed.begin(), importer.shadowed.end(), prefer);
}

Result<> TreeWalk::resolve_direct(std::uint32_t index, std::vector<std::uint32_t>& claimed) {
    const std::size_t before = tree_.packages.size();
    Importer& importer = importers_[index];
    for (const DirectWant& want : importer.wants) {
        auto target = resolve_direct_want(index, want);
        if (!target) {
            std::string wanted = std::string(want.alias) + "@" + std::string(want.text);
            if (want.kind != EdgeKind::optional || is_fatal(target.error()))
                return tl::make_unexpected(std::move(target).error().during("resolving " + wanted + " of " + std::string(importer.dir)));
            tree_.unresolved_optional.push_back(std::move(wanted));
            continue;
        }
        TreeEdge edge;
        edge.alias = tree_.arena.copy(want.alias);
        edge.package = target->package;
        edge.link = target->link;
        edge.kind = want.kind;
        edge.specifier = tree_.arena.copy(want.specifier);
        edge.catalog = want.catalog;
        // As the manifest says it, whatever it led to: lockfiles record that.
        const std::vector<std::string>& declared = importer.manifest.injected;
        edge.injected = std::find(declared.begin(), declared.end(), want.alias) != declared.end();
        importer.edges.push_back(edge);
    }
    importer.level = new_level(kNone, importer.edges.data(), importer.edges.size());
    claim(before, importer.level, claimed);
    return {};
}

Result<TreeTarget> TreeWalk::resolve_direct_want(std::uint32_t index, const DirectWant& want) {
    const Importer& importer = importers_[index];
    const auto& specifier = specifier_of(want.alias, want.text);
    if (!specifier) return tl::make_unexpected(wrong_specifier(want.alias, want.text, specifier.error()));
    const Place place{index, kNone, 0, kNone, importer.dir, want.kind == EdgeKind::optional, want.is_peer};
    PMX_TRY(auto reused, reuse_direct(importer, want, *specifier, place));
    if (reused) return *reused;
    if (specifier->kind == SpecifierKind::workspace) return resolve_workspace(*specifier, place, want.injected);
    if (!is_registry_kind(specifier->kind)) return resolve_exotic(*specifier, place);
    const bool latest = input_.update.latest && pins_.is_updated(specifier->name, 0, importer.dir);
    if (!policy_.link_workspace_packages) return resolve_registry(*specifier, place, latest);
    return resolve_linkable(*specifier, place, want.injected, latest);
}

// A project of the workspace, where it is as new as what the registry has.
Result<TreeTarget> TreeWalk::resolve_linkable(const Specifier& specifier, const Place& place, bool injected, bool latest) {
    const std::uint32_t project = workspace_match(specifier, specifier.value);
    if (project == kNone) return resolve_registry(specifier, place, latest);
    auto local = [&]() -> Result<TreeTarget> {
        if (injected && !(place.parent == kNone && project == place.importer)) return inject(project, place);
        return link_to(project);
    };
    if (policy_.prefer_workspace_packages) return local();
    auto found = resolve_registry(specifier, place, latest);
    if (!found) return is_fatal(found.error()) ? std::move(found) : local();
    const auto ours = Version::parse(importers_[project].manifest.version, true);
    const auto theirs = Version::parse(tree_.packages[found->package].record.version, true);
    return ours && theirs && *ours >= *theirs ? local() : std::move(found);
}

// The highest version among the projects of that name that fits; kNone when none does.
std::uint32_t TreeWalk::workspace_match(const Specifier& specifier, std::string_view range) const {
    auto found = projects_by_name_.find(specifier.name);
    if (found == projects_by_name_.end()) return kNone;
    const bool any = range.empty() || range == "*" || range == "^" || range == "~";
    const auto wanted = any ? std::nullopt : Range::parse(range, {.loose = true, .include_prerelease = true});
    if (!any && !wanted && specifier.kind != SpecifierKind::workspace && range != "latest") return kNone;
    std::uint32_t best = kNone;
    std::optional<Version> highest;
    for (std::uint32_t project : found->second) {
        const auto version = Version::parse(importers_[project].manifest.version, true);
        if (wanted && !(version && wanted->satisfied_by(*version))) continue;
        if (best != kNone && !(version && (!highest || *highest < *version))) continue;
        best = project;
        highest = version;
    }
    return best;
}

Result<TreeTarget> TreeWalk::resolve_workspace(const Specifier& specifier, const Place& place, bool injected) {
    const std::string_view range = workspace_range(specifier);
    if (is_path(range)) {
        const std::string_view dir = relative_to_root(place.base_dir.data() ? place.base_dir : std::string_view("."), range);
        auto project = projects_by_dir_.find(dir);
        if (project == projects_by_dir_.end())
            return fail(Code::WORKSPACE_PACKAGE, "there is no project of the workspace in " + std::string(dir), specifier.raw,
                        "check the path, or the `packages` of pnpm-workspace.yaml");
        return injected ? inject(project->second, place) : link_to(project->second);
    }
    const std::uint32_t project = workspace_match(specifier, range);
    if (project != kNone) return injected && !(place.parent == kNone && project == place.importer) ? inject(project, place) : link_to(project);
    auto named = projects_by_name_.find(specifier.name);
    if (named == projects_by_name_.end())
        return fail(Code::WORKSPACE_PACKAGE, "no project of the workspace has this name", specifier.name,
                    "add such a project, check the `packages` of pnpm-workspace.yaml, or ask the registry (without \"workspace:\")");
    std::string versions;
    for (std::uint32_t other : named->second) {
        if (!versions.empty()) versions += ", ";
        versions += importers_[other].manifest.version.empty() ? "none" : importers_[other].manifest.version;
    }
    return fail(Code::WORKSPACE_PACKAGE, "no project of this name has a version that fits " + specifier.raw, specifier.name,
                "the workspace has " + versions);
}

// publishConfig.directory is what others are to see, unless it says not so.
TreeTarget TreeWalk::link_to(std::uint32_t project) {
    const Importer& to = importers_[project];
    if (to.manifest.publish_directory.empty() || !to.manifest.link_publish_directory) return {kNoPackage, to.dir};
    return {kNoPackage, relative_to_root(to.dir, to.manifest.publish_directory)};
}

Result<TreeTarget> TreeWalk::inject(std::uint32_t project, const Place& place) {
    const TreeTarget link = link_to(project);
    return add_directory(link.link, importers_[project].manifest.name, place, project);
}

std::string_view TreeWalk::relative_to_root(std::string_view base_dir, std::string_view path) {
    const std::filesystem::path root(input_.root);
    const std::filesystem::path at = (root / base_dir / path).lexically_normal();
    std::string relative = at.lexically_relative(root.lexically_normal()).generic_string();
    while (relative.size() > 1 && relative.ends_with('/')) relative.pop_back();
    return tree_.arena.copy(relative.empty() ? "." : relative);
}

}  // namespace pmx
