// From a manifest to what the tree keeps of it: the record (one entry of `packages:`) and what it wants. Called by the
// walk for versions of packuments, archives, repositories and directories alike. Pure. [any thread]
#pragma once

#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "model/manifest.hpp"
#include "model/package_record.hpp"
#include "registry/packument.hpp"

namespace pmx {

// One dependency of a package, before it is resolved. Views into the manifest.
struct PackageWant {
    std::string_view alias, text;
    bool optional = false;
};

// Sorted by alias. Bundled dependencies are no business of a resolver. A required peer that is a dependency as well is
// left to auto-install-peers where that is on; otherwise the dependency is what the package gets.
std::vector<PackageWant> wants_of(const Manifest& manifest, bool auto_install_peers);

// As lockfiles record them: without optional dependencies and without the package itself, but with those that are
// dependencies too, which nobody has to offer. Sorted by name; strings copied.
std::vector<PeerDependency> peers_of(const Manifest& manifest, Arena& arena);

// Everything but key and resolution, strings copied into the arena.
PackageRecord record_of(const Manifest& manifest, Arena& arena);
// The fields that only a packument has.
void add_packument_facts(PackageRecord& record, const VersionManifest& version, Arena& arena);

// A record whose strings live elsewhere, moved over.
PackageRecord copy_record(const PackageRecord& record, Arena& arena);

}  // namespace pmx
