// Outdated: direct dependencies of projects for which the registry has something newer than what is installed. For
// `pmx outdated` and `pmx update --interactive`. Asks the registry for the packuments; writes to their cache only. [one thread]
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.hpp"
#include "base/pool.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "config/workspace.hpp"
#include "install/events.hpp"
#include "lockfile/lockfile.hpp"

namespace pmx {

struct OutdatedEntry {
    std::string dir, alias, name;
    EdgeKind kind = EdgeKind::prod;
    std::string current;  // what is installed; "" = missing
    std::string wanted;   // what the lockfile says
    std::string latest;   // under `compatible`, the newest that the manifest's range allows
    bool deprecated = false;
};

struct OutdatedQuery {
    const Settings* settings = nullptr;
    Events* events = nullptr;
    Metrics* metrics = nullptr;
    CancelFlag* cancel = nullptr;
    std::vector<const WorkspaceProject*> projects;
    std::function<bool(std::string_view alias, EdgeKind kind)> wants;
    bool compatible = false;
};

// In the order of projects and aliases. `installed`: of what stands in node_modules, nullptr when nothing does.
Result<std::vector<OutdatedEntry>> find_outdated(const OutdatedQuery& query, const Lockfile& wanted, const Lockfile* installed);

// How far the latest version is away: 0 the same (deprecated), 1 patch, 2 minor, 3 major, 4 anything else.
int change_of(const OutdatedEntry& entry);

}  // namespace pmx
