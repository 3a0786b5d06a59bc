// Installed: what `list`, `why` and `outdated` look at: the lockfile of what stands in node_modules, else the project's,
// and where its packages lie. Reads only. [one thread]
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/selection.hpp"
#include "config/settings.hpp"
#include "lockfile/lockfile.hpp"

namespace pmx {

// nullopt where there is neither.
Result<std::optional<Lockfile>> installed_lockfile(const Settings& settings);
// The project's own, whatever is installed.
Result<std::optional<Lockfile>> wanted_lockfile(const Settings& settings);

// The words after the command: names or patterns, of an alias or of a package.
class NameFilter {
  public:
    explicit NameFilter(const std::vector<std::string>& words);
    bool empty() const { return empty_; }
    bool matches(std::string_view alias, std::string_view name) const;

  private:
    std::vector<std::string> patterns_;
    bool empty_;
};

// Which groups are asked for: -P, -D, --no-optional; `list --dev` shows optional ones too, as pnpm's does.
struct ShownGroups {
    bool prod = true, dev = true, optional = true;
    bool shows(EdgeKind kind) const { return kind == EdgeKind::dev ? dev : kind == EdgeKind::optional ? optional : prod; }
};
ShownGroups shown_groups(const Settings& settings);
const char* group_key(EdgeKind kind);  // "dependencies", …

// "1.2.3"; what follows "name@" where the lockfile knows no version.
std::string version_of(const Package& package);
// The project's index in the lockfile; SIZE_MAX.
std::size_t locked_project(const Lockfile& lockfile, std::string_view dir);
// Below the root, as a place to be shown.
std::string project_path(const Settings& settings, std::string_view dir);

// Where a package lies, found as Node finds it.
class PackagePaths {
  public:
    explicit PackagePaths(const Settings& settings) : settings_(settings) {}
    // `from`: the directory of a project or of a package (real). Where nothing is there: below from's modules directory.
    std::string find(const std::string& from, std::string_view alias);

  private:
    const Settings& settings_;
    std::map<std::string, std::string, std::less<>> known_;
};

}  // namespace pmx
