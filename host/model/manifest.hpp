// Manifest: package.json as a value. Read from projects and from packages, so every field may be missing or
// have the wrong type: what npm ignores is ignored here. `parse_manifest` keeps what the author wrote;
// `prepare` applies npm's stricter reading of a project. Called by store/ (bins, scripts), lockfile/
// (comparison), install/ and cli/. Pure: it never touches the disk. [any thread]
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace pmx {

// In the author's order; a key written twice stands once, with its last value.
using TextMap = std::vector<std::pair<std::string, std::string>>;
const std::string* find(const TextMap& map, std::string_view key);  // nullptr when absent

// One field of dependenciesMeta: ("react", "injected", "true"). Only texts, numbers and booleans, as text.
struct DependencyMeta {
    std::string alias, field, value;
    friend bool operator==(const DependencyMeta&, const DependencyMeta&) = default;
};

// How `bin` was written; the rules differ by form.
enum class BinForm : std::uint8_t { none, text, object, array };

struct Manifest {
    std::string name;     // as written
    std::string version;  // as written; not necessarily a version
    // A name may stand in both `dependencies` and `optional_dependencies`: then the optional one counts.
    TextMap dependencies, dev_dependencies, optional_dependencies, peer_dependencies;
    std::vector<std::string> optional_peers;  // peerDependenciesMeta.*.optional
    std::vector<std::string> injected;        // dependenciesMeta.*.injected
    std::vector<DependencyMeta> dependencies_meta;  // all of dependenciesMeta
    std::vector<std::string> bundled;         // bundleDependencies or bundledDependencies, as a list
    bool bundles_all = false;                 // … as `true`
    BinForm bin_form = BinForm::none;
    TextMap bin;                  // raw; use bins_of. Text and array forms have empty keys
    std::string directories_bin;  // raw; counts when bin_form is none
    TextMap scripts;
    std::optional<bool> gypfile;             // false: binding.gyp does not mean `node-gyp rebuild`
    std::vector<std::string> os, cpu, libc;  // a single string is a list of one
    TextMap engines;
    std::vector<std::string> workspaces;  // the list, or workspaces.packages
    std::vector<std::string> files;
    std::string publish_directory;       // publishConfig.directory
    bool link_publish_directory = true;  // publishConfig.linkDirectory
    std::string package_manager;
    std::string overrides_json, resolutions_json, pnpm_json;  // JSON text of the value, "" when absent
    std::vector<std::string> faults;  // wrong types that npm refuses in a project; see prepare

    bool is_optional_peer(std::string_view peer) const;
};

// `subject` names the file or package in errors (PMX_E_MANIFEST). Tolerates a BOM, bytes that are not UTF-8,
// lone surrogates, numbers beyond a double and deep nesting, as JSON.parse does.
Result<Manifest> parse_manifest(std::string_view text, std::string_view subject);

// What npm makes of a project's manifest before it installs: name trimmed and checked, version cleaned,
// bundled names spelled out and added to `dependencies`, "node_modules/.bin/" cut from the start of scripts.
Result<Manifest> prepare(Manifest manifest, std::string_view subject);

// Names that the package carries in its own archive, with `true` spelled out.
std::vector<std::string> bundled_names(const Manifest& manifest);

// An executable: `path` is relative to the package, normalised and contained; `name` is one path component.
struct Bin {
    std::string name;
    std::string path;
    friend bool operator==(const Bin&, const Bin&) = default;
};

// pnpm drops names that are not URL-safe and paths that leave the package; npm pulls both inside.
enum class BinRule : std::uint8_t { pnpm, npm };

// `files` are the paths of the package's files; only a `directories.bin` looks at them. Names are unique.
std::vector<Bin> bins_of(const Manifest& manifest, std::span<const std::string_view> files = {},
                         BinRule rule = BinRule::pnpm);
// True when bins_of needs `files`.
bool has_bin_directory(const Manifest& manifest);

// npm's own normal form of `bin`, byte for byte, before any check of ours: what package-lock.json holds.
TextMap npm_normal_bin(const Manifest& manifest);

// encodeURIComponent(name) == name.
bool is_url_safe(std::string_view name);

}  // namespace pmx
