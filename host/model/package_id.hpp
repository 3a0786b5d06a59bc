// Package id: pnpm's dependency path, "name@version(patch_hash=…)(peer@1.0.0)": the key of a package in
// pnpm-lock.yaml and the name of its slot in the virtual store. Used by the lockfile codec, the layouts
// (through the host) and the plan stage. Pure text. [any thread]
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pmx {

// Views into the id. "" for what it does not have.
struct PackageId {
    std::string_view name;
    std::string_view
        version;  // after the '@': a version, or a reference such as "file:…", "https://…", "link:…"
    bool is_semver = false;  // `version` is one; then `registry` may name a registry ("work:1.0.0")
    std::string_view registry;
    std::string_view patch;  // "(patch_hash=…)"
    std::string_view peers;  // "(a@1.0.0)(b@2.0.0(c@1.0.0))"
};

// nullopt when there is no '@' after the first byte.
std::optional<PackageId> parse_package_id(std::string_view id);

// "name@version": without patch and peers.
std::string_view without_suffix(std::string_view id);
// "name@version(patch_hash=…)": without peers.
std::string without_peers(std::string_view id);

// The id that `reference` of a dependency called `alias` means in a lockfile; nullopt for "link:…", which is
// no package.
std::optional<std::string> id_of_reference(std::string_view reference, std::string_view alias);

struct RegistryVersion {
    std::string_view registry, version;
};
// "work:1.0.0": a version from a named registry; protocols such as "file:" are none.
std::optional<RegistryVersion> parse_registry_version(std::string_view text);

// "node@runtime:20.1.0": an engine that pnpm installs as a package.
bool is_runtime_id(std::string_view id);

inline constexpr std::size_t kVirtualStoreNameMax = 120;  // pnpm's virtual-store-dir-max-length
// The slot's directory name: bytes that file systems refuse are '+', peers are joined with '_', and a name
// that is too long, or that would differ from another by case only, ends in a digest of itself.
std::string dep_path_to_file_name(std::string_view id, std::size_t max_length = kVirtualStoreNameMax);

}  // namespace pmx
