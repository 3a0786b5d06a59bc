// The YAML files: pnpm-workspace.yaml, pmx.yaml and the user's config.yaml, and the "pnpm" block of package.json, which
// is YAML too. Called by load_settings. Values go into Settings with file and line; a wrong type is PMX_E_CONFIG and
// says what is accepted. Hostile YAML (depth, aliases, size) is an error, never a crash. [one thread]
#pragma once

#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace pmx {

enum class YamlFile : std::uint8_t { pnpm_workspace, project, user, manifest_block };

// `path` names the file in errors and in `where`; relative paths in it start at its directory.
Result<> merge_yaml(Settings& settings, std::string_view text, const std::string& path, YamlFile kind);

// Type, choices and the rule about native code; used for every source. Splits nothing: `items` are final.
Result<> apply_setting(Settings& settings, std::string_view name, std::vector<std::string> items, Source source,
                       const std::string& where, const std::string& base_dir);

}  // namespace pmx
