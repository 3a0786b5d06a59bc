// The settings table: one declaration of every setting, in the order in which `pmx config` and --help show them. Read by
// load_settings, the command line, the documentation and the tests. Constant data. [any thread]
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pmx {

enum class SettingType : unsigned char { boolean, integer, text, list };

// Where a setting may be written. Every setting is shown by `pmx config`.
enum SettingPlace : unsigned {
    in_flag = 1,         // --name, --no-name for booleans
    in_environment = 2,  // PMX_NAME
    in_user = 4,         // ~/.config/pmx/config.yaml
    in_project = 8,      // pmx.yaml
    in_pnpm = 16,        // pnpm-workspace.yaml, camelCase
};

struct SettingSpec {
    std::string_view name;      // kebab-case
    SettingType type;
    std::string_view fallback;  // items of a list separated by commas; "" = nothing
    std::string_view choices;   // separated by blanks; a final "PATH" also admits a plugin's name or path
    unsigned places;
    bool native;                // chooses native code: never as a path, nor at all where choices are empty, from a project
    std::string_view help;
    std::string_view pnpm_key;  // where pnpm-workspace.yaml calls it something else than camelCase(name)
    std::string_view short_flag;
    bool hidden = false;        // not in --help
};

std::span<const SettingSpec> settings_table();
const SettingSpec* find_setting(std::string_view kebab_name);

// "store-dir" → "storeDir", "PMX_STORE_DIR"; "storeDir" → "store-dir".
std::string camel_case(std::string_view kebab);
std::string environment_name(std::string_view kebab);
std::string kebab_case(std::string_view camel);

}  // namespace pmx
