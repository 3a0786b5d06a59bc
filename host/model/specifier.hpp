// Specifier: what stands right of the colon in a manifest's dependencies, or an argument of `pmx add`, taken apart by
// the rules of npm-package-arg and pnpm: a range, a tag, an alias, a workspace or catalog reference, a path, a URL, a
// repository. Pure text: it says what is asked for, never whether it exists. Asked by the resolver, by `add` and by the
// lockfile comparison. [any thread]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pmx {

enum class SpecifierKind : std::uint8_t {
    version,    // "1.2.3" (also "=v1.2.3"): `value` is the clean version
    range,      // "^1.2", "*", "": `value` is the range as written, trimmed
    tag,        // "latest", "next"
    workspace,  // "workspace:*", "workspace:^1.0.0", "workspace:../lib": `value` follows the colon, and "name@" if any
    catalog,    // "catalog:", "catalog:react18": `value` is the catalog's name, "default" for none
    link,       // "link:../lib", and a path alone ("../lib", "/abs", "~/lib"), as pnpm links it: `value` is the path
    directory,  // "file:../lib": `value` is the path without "file:"
    file,       // "file:lib.tgz" and any path with an archive's name
    tarball,    // "https://host/x.tgz": `value` is the URL
    git,        // any spelling of a repository
};

struct GitSpecifier {
    std::string host;       // "github", "gitlab", "bitbucket", "gist", "sourcehut" (hosted.hpp); "" for any other
    std::string user, project;  // of a known host
    std::string url;        // what git is to clone, without "git+" and without the fragment
    std::string saved;      // the normal spelling with its fragment, for package.json: "github:user/repo#v1"
    std::string committish; // branch, tag or commit after '#'; "" = HEAD
    std::string range;      // of "#semver:^1.0.0"
    std::string path;       // of "#path:/packages/a" ("&path:…"), as written: lockfiles have it so
    bool prefers_ssh = false;  // written as ssh:, git@ or scp-like
};

struct Specifier {
    SpecifierKind kind = SpecifierKind::range;
    std::string alias;  // the name in node_modules, as the manifest has it; "" for an argument without one
    std::string name;   // the package asked for: `alias`, or the target of npm:, jsr: and workspace:name@
    std::string value;
    std::string raw;    // as written
    std::string registry;  // of a named registry's specifier ("work:^1.0.0"); "" = by name and scope
    bool is_alias = false;  // npm:, jsr:, or workspace:name@
    GitSpecifier git;
};

// One entry of a manifest's dependencies. `named_registries`: names that may stand before a colon, separated by spaces or
// commas. Where npm:, jsr: or a named registry's specifier tells no version, it is the tag "latest". PMX_E_SPECIFIER for
// what no package manager understands, or for an alias that is no package's name.
Result<Specifier> parse_specifier(std::string_view alias, std::string_view text,
                                  std::string_view named_registries = {});

// An argument of `pmx add`: "react", "react@^18", "alias@npm:react@18", "./dir", "user/repo#v1", "https://…/x.tgz".
// `alias` is "" where only the package itself knows its name; a name without a version asks for the tag "latest".
Result<Specifier> parse_package_argument(std::string_view text, std::string_view named_registries = {});

// A name that the registry would take for a new package / has ever taken; the reasons of validate-npm-package-name.
struct NameVerdict {
    bool valid_for_new = false, valid_for_old = false;
    std::vector<std::string> errors, warnings;
};
NameVerdict judge_package_name(std::string_view name);

}  // namespace pmx
