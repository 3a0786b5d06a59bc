// Newer: the outdated dependencies of the chosen projects, as the commands ask for them. [one thread]
#pragma once

#include <functional>
#include <vector>

#include "cli/selection.hpp"
#include "install/outdated.hpp"

namespace pmx {

// Reads lockfiles and asks the registry. updateConfig.ignoreDependencies are left out. PMX_E_NO_LOCKFILE.
Result<std::vector<OutdatedEntry>> newer_versions(const Door& door, const Settings& settings, const Selection& selection,
                                                  const std::function<bool(std::string_view alias, EdgeKind kind)>& wanted, bool compatible);

}  // namespace pmx
