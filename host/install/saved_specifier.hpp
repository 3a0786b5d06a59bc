// SavedSpecifier: what an edit writes into package.json for a package that was asked for and found: "react" asked for and
// 19.1.0 found is saved as "^19.1.0". pnpm 12's rules, taken from the command. Used by edit.cpp. Pure. [any thread]
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace pmx {

struct SaveRules {
    std::string prefix = "^";           // save-prefix, "" under save-exact
    std::string protocol = "rolling";   // save-workspace-protocol
    std::string registries;             // names of named registries, for parse_specifier
};
SaveRules save_rules(const Settings& settings);

// What stands before the version in a range of one bound: "^", "~", "=", or "" for a version; also of "1" (^), "1.2" and
// "1.x" (~), "*" (^). nullopt for ranges of several bounds, tags and what is no range.
std::optional<std::string> range_prefix(std::string_view range);

// What was found: a version of a registry, a project of the workspace (`workspace`, with its version), or anything else
// (an archive, a repository, a directory: `version` is "").
struct Found {
    std::string version;
    bool workspace = false;
};

// `requested`: the text that was resolved ("latest", "^1", "npm:react@18", "workspace:^"); `previous`: what the manifest
// had before, "" = nothing.
std::string added_specifier(std::string_view alias, std::string_view requested, std::string_view previous, const Found& found,
                            const SaveRules& rules);

// `text`: what the manifest, or the catalog, has; the same when it stays. `latest`: the range did not count.
std::string updated_specifier(std::string_view alias, std::string_view text, const Found& found, bool latest, const SaveRules& rules);

}  // namespace pmx
