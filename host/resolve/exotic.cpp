#include <cstdlib>

#include "resolve/tree_walk.hpp"

namespace pmx {

// What no registry describes. A dependency of a dependency may not come from anywhere but a registry or the disk.
Result<TreeTarget> TreeWalk::resolve_exotic(const Specifier& specifier, const Place& place) {
    const std::string_view base = place.base_dir.data() ? place.base_dir : std::string_view(".");
    auto local = [&]() -> std::string_view { return relative_to_root(base, specifier.value); };
    switch (specifier.kind) {
        case SpecifierKind::link:
            return TreeTarget{kNoPackage, local()};
        case SpecifierKind::directory:
            // "file:" copies, a bare path links; a registry's package cannot bring a directory along.
            if (!specifier.raw.starts_with("file:") || !place.base_dir.data()) return TreeTarget{kNoPackage, local()};
            return add_directory(local(), specifier.alias, place);
        case SpecifierKind::catalog:
            return fail(Code::SPECIFIER, "a published package cannot refer to a catalog", specifier.alias + "@" + specifier.raw,
                        "the package was published by a tool that left this in; override the dependency");
        case SpecifierKind::tarball:
        case SpecifierKind::git:
            if (place.parent != kNone && policy_.block_exotic_subdeps)
                return fail(Code::EXOTIC_SUBDEPENDENCY, "a dependency of a dependency does not come from a registry",
                            specifier.alias + "@" + specifier.raw, "override it, or set blockExoticSubdeps to false");
            break;
        default:
            break;
    }
    if (!input_.sources) return fail(Code::RESOLUTION_UNSUPPORTED, "there is nothing here to fetch this with", specifier.alias + "@" + specifier.raw);
    Specifier wanted = specifier;
    if (specifier.kind == SpecifierKind::file) wanted.value = local();
    PMX_TRY(SourcePackage source, specifier.kind == SpecifierKind::git ? input_.sources->repository(wanted) : input_.sources->archive(wanted, input_.root));
    if (source.manifest.name.empty()) source.manifest.name = specifier.alias;
    scratch_.assign(source.manifest.name).append("@").append(source.reference);
    if (std::uint32_t known = find_package(scratch_); known != kNoPackage) return TreeTarget{known, {}};
    PackageFacts& facts = own_facts_.emplace_back();
    facts.version.manifest = std::move(source.manifest);
    if (input_.hooks && !input_.hooks->is_empty()) input_.hooks->apply(facts.version.manifest);
    facts.wants = wants_of(facts.version.manifest, policy_.auto_install_peers);
    Arena& arena = tree_.arena;
    PackageRecord record = record_of(facts.version.manifest, arena);
    record.key = arena.copy(scratch_);
    Resolution& to = record.resolution;
    to.kind = source.kind == SourcePackage::Kind::git ? ResolutionKind::git
              : source.kind == SourcePackage::Kind::directory ? ResolutionKind::directory
                                                              : ResolutionKind::tarball;
    to.git_hosted = source.git_hosted;
    to.integrity = arena.copy(source.integrity);
    to.tarball = arena.copy(source.tarball);
    to.directory = arena.copy(source.directory);
    to.repo = arena.copy(source.repo);
    to.commit = arena.copy(source.commit);
    to.path = arena.copy(source.path);
    Node node;
    node.facts = &facts;
    return TreeTarget{add_package(std::move(record), std::move(node), place), {}};
}

// `dir` is relative to the root. A project's own manifest is taken as it was given, catalogs resolved.
Result<TreeTarget> TreeWalk::add_directory(std::string_view dir, std::string_view alias, const Place& place, std::uint32_t project) {
    if (project == kNone)
        if (auto found = projects_by_dir_.find(dir); found != projects_by_dir_.end()) project = found->second;
    Manifest manifest;
    if (project != kNone) {
        manifest = importers_[project].manifest;
        for (TextMap* group : {&manifest.dependencies, &manifest.optional_dependencies, &manifest.peer_dependencies})
            for (auto& [name, text] : *group) {
                PMX_TRY(auto entry, resolve_catalog(policy_, name, text));
                if (entry) text = std::move(entry->specifier);
            }
    } else {
        if (!input_.sources) return fail(Code::RESOLUTION_UNSUPPORTED, "there is nothing here to read a directory with", std::string(dir));
        PMX_TRY(SourcePackage source, input_.sources->directory(std::string(dir), input_.root));
        manifest = std::move(source.manifest);
        if (input_.hooks && !input_.hooks->is_empty()) input_.hooks->apply(manifest);
    }
    if (manifest.name.empty()) manifest.name = alias;
    scratch_.assign(manifest.name).append("@file:").append(dir);
    if (std::uint32_t known = find_package(scratch_); known != kNoPackage) return TreeTarget{known, {}};
    PackageFacts& facts = own_facts_.emplace_back();
    facts.version.manifest = std::move(manifest);
    facts.wants = wants_of(facts.version.manifest, policy_.auto_install_peers);
    Arena& arena = tree_.arena;
    PackageRecord record = record_of(facts.version.manifest, arena);
    record.key = arena.copy(scratch_);
    record.resolution.kind = ResolutionKind::directory;
    record.resolution.directory = arena.copy(dir);
    Node node;
    node.facts = &facts;
    node.base_dir = project != kNone ? importers_[project].dir : record.resolution.directory;
    return TreeTarget{add_package(std::move(record), std::move(node), place), {}};
}

}  // namespace pmx
