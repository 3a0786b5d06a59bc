// Dependency paths: the keys of a pnpm lockfile ("name@version(peer@1)(patch_hash=…)") taken apart and put together.
// Called by the pnpm codec and by what compares lockfiles. Pure. [any thread]
#pragma once

#include <string>
#include <string_view>

namespace pmx {

struct DepPath {
    std::string_view name;        // "" when there is no name
    std::string_view reference;   // what follows "name@", without the suffix: a version, a URL, "file:dir"
    std::string_view suffix;      // "(patch_hash=…)(peer@1)", or ""
    std::string_view package_key; // the key of `packages:`: name and reference
    std::string_view patch_hash;  // inside the suffix
};
DepPath parse_dep_path(std::string_view key);

// The snapshot key that a dependency's value stands for: "1.0.0" of "a" is "a@1.0.0", "b@1.0.0" is itself. Empty for
// link:. The result is `value` itself where it is whole already, else it is built in `buffer`.
std::string_view dep_path_of(std::string_view alias, std::string_view value, std::string& buffer);

// "1.2.3", "1.2.3-rc.1+build": three numbers and legal characters after them.
bool is_exact_version(std::string_view text);
// "work" of "work:1.2.3" (format 12): the name of a configured registry before an exact version. Empty when it is none.
std::string_view registry_of_reference(std::string_view reference);

bool is_archive_name(std::string_view path);  // .tgz, .tar.gz, .tar, in any case
// A URL under which a git host serves a commit as a tarball.
bool is_git_hosted_url(std::string_view url);

}  // namespace pmx
