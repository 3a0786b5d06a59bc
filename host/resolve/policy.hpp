// Policy: the settings that decide what is resolved, as values that resolve/ understands. Made once from Settings by
// policy_from(), read by every part of the resolver. Pure after that. [any thread]
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "config/settings.hpp"
#include "model/manifest.hpp"
#include "resolve/version_policy.hpp"

namespace pmx {

enum class ResolutionMode : std::uint8_t { highest, time_based, lowest_direct };
enum class SavePeers : std::uint8_t { no, yes };

struct Policy {
    // Peers
    bool auto_install_peers = true;
    bool auto_install_peers_from_highest_match = false;
    bool strict_peer_dependencies = false;
    bool dedupe_peer_dependents = true;
    bool dedupe_peers = false;
    bool resolve_peers_from_workspace_root = true;
    std::uint32_t peers_suffix_max_length = 1000;
    std::vector<std::string> peers_ignore_missing, peers_allow_any;       // peerDependencyRules
    std::vector<std::pair<std::string, std::string>> peers_allowed_versions;
    // Versions
    ResolutionMode mode = ResolutionMode::highest;
    std::string newest;  // no version published after this moment ("2021-01-01T00:00:00.000Z"); "" = any: minimumReleaseAge
    VersionPolicy newest_exclude;  // minimumReleaseAgeExclude
    bool newest_ignore_missing_time = true;
    bool newest_strict = false;  // fail where only younger versions fit, rather than take the least young
    std::int64_t minimum_release_age_minutes = 0;
    std::vector<std::pair<std::string, std::string>> allowed_deprecated;
    // Workspace
    bool link_workspace_packages = false, prefer_workspace_packages = false, inject_workspace_packages = false;
    bool link_workspace_packages_deep = false;  // for packages' dependencies too
    bool dedupe_injected_deps = true;
    bool exclude_links_from_lockfile = false;
    bool block_exotic_subdeps = true;
    // Manifests
    std::vector<std::pair<std::string, std::string>> overrides;  // in the author's order
    std::string package_extensions_json;                         // "" = none
    bool ignore_compatibility_db = false;
    std::vector<std::string> ignored_optional;
    std::map<std::string, std::map<std::string, std::string>> catalogs;
    std::vector<std::pair<std::string, std::string>> patched;    // key → hash; install/ fills it, as it reads the files
    bool allow_unused_patches = false;
    std::string default_tag = "latest";
    std::string node_version;
    bool engine_strict = false;
    bool include_tarball_url = false;  // lockfileIncludeTarballUrl
};

// `now_ms`: since 1970. PMX_E_CONFIG for values that make no sense.
Result<Policy> policy_from(const Settings& settings, std::int64_t now_ms);

// "2021-01-01T00:00:00.000Z", and back (-1 when it is no time).
std::string iso_time(std::int64_t ms);
std::int64_t parse_iso_time(std::string_view text);

}  // namespace pmx
