// Settings: every value that steers a run, where it came from, and how it was found: flag > --config-json > --profile >
// environment (PMX_…) > project (pmx.yaml, pnpm-workspace.yaml, .npmrc for registry and auth) > user (~/.config/pmx/config.yaml, ~/.npmrc) >
// built-in. One table (settings.cpp) declares name, type, default, flag, files and help of each; `pmx config`, --help,
// the config check and the documentation read that table. A project's files never choose native code: settings marked
// so (plugin paths, a linker or fetcher given as a path) are refused there. [any thread once loaded]
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pmx {

enum class Source : std::uint8_t { builtin, user, project, environment, flag };

struct Setting {
    std::vector<std::string> items;  // one for scalars, any number for lists
    Source source = Source::builtin;
    std::string where;               // "pnpm-workspace.yaml:3", "PMX_CHECK", "--check", "default"
};

class Settings {
  public:
    std::map<std::string, Setting, std::less<>> values;  // by kebab-case name; every declared setting is present

    std::string_view text(std::string_view name) const;
    std::vector<std::string> list(std::string_view name) const;
    bool flag(std::string_view name) const;
    std::int64_t integer(std::string_view name) const;
    bool is_set(std::string_view name) const;            // by anything but the built-in default
    Source source(std::string_view name) const;

    // Structured settings of pnpm-workspace.yaml / package.json "pnpm", kept as they are.
    std::vector<std::string> workspace_packages;         // `packages:` patterns
    std::map<std::string, std::map<std::string, std::string>> catalogs;
    std::vector<std::pair<std::string, std::string>> overrides;
    std::vector<std::pair<std::string, std::string>> patched_dependencies;  // key → file, relative to the root
    std::map<std::string, bool> allow_builds;
    std::vector<std::string> supported_os, supported_cpu, supported_libc;   // empty: this machine
    std::vector<std::string> ignored_optional_dependencies;
    std::string package_extensions_json;                 // JSON text, keys in the author's order; "" = none
    std::vector<std::string> peers_ignore_missing, peers_allow_any;          // peerDependencyRules
    std::vector<std::pair<std::string, std::string>> peers_allowed_versions; // … "react" or "a@1>react" → range
    std::vector<std::pair<std::string, std::string>> allowed_deprecated_versions;  // name → range
    std::vector<std::string> update_ignored_dependencies;                    // updateConfig.ignoreDependencies
    std::map<std::string, std::string> named_registries;                     // "work" → URL with trailing '/'

    // Registry and network configuration from .npmrc files (npmrc.hpp).
    // URL with trailing '/'; "" = none. `specifier` tells an alias ("npm:@scope/name@1").
    std::string registry_for(std::string_view package_name, std::string_view specifier = {}) const;
    std::map<std::string, std::string> scoped_registries;                   // "@scope" → URL
    std::map<std::string, std::string> npmrc;                               // every auth/network key, merged
    std::map<std::string, std::string> npmrc_where;                         // where each came from; "@scope:registry" too
    // Header value or "". `package_name`: whose archive the URL is, where its registry may lend its credentials.
    std::string authorization(std::string_view url, std::string_view package_name = {}) const;
    std::string transport(std::string_view url, std::string_view key) const;  // see pmx_credentials.transport

    std::string root;                    // workspace root (directory of the lockfile), absolute
    std::vector<std::string> files_read; // for the no-op check: absolute paths of configuration files, existing or not
};

// ~/.config/pmx, or where XDG_CONFIG_HOME says: the user's config.yaml and profiles.
std::string user_config_dir(const std::map<std::string, std::string>& environment);

// Flags as parsed by the command line: name → items.
using Flags = std::map<std::string, std::vector<std::string>, std::less<>>;

// `dir` is where the command runs (-C). Finds the workspace root, reads every file, applies environment and flags.
// Unknown keys in pmx.yaml and unknown flags are errors with "did you mean"; unknown keys in pnpm-workspace.yaml are
// ignored, as pnpm ignores them.
Result<Settings> load_settings(const std::string& dir, const Flags& flags,
                               const std::map<std::string, std::string>& environment);

}  // namespace pmx
