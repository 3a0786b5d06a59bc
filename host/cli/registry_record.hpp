// record: takes from a registry what a set of projects needs, into a directory that `pmx registry serve` serves: the
// archives that lockfiles pin, the packuments of every name in them and in the manifests, and, for who resolves anew, the
// packuments and archives of what those manifests mean today, dependencies included. It asks through the engine's own
// transport: the projects' registries, credentials and proxies hold. What is there and whole is not asked for again, and
// every file appears by one rename, so an interrupted run is simply repeated. Called by `pmx registry record`. [one thread]
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/pool.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"

namespace pmx {

struct RecordOptions {
    std::string into;                   // absolute; made when it is not there
    std::vector<std::string> projects;  // absolute: directories, or lockfiles
    Flags flags;                        // settings: registry
    std::map<std::string, std::string> environment;
    int parallel = 32;                  // requests at once
    bool abbreviated = false;           // packuments in the install form: no times, much smaller
    bool locked = false;                // only what lockfiles and manifests name, not what they would mean today
    bool archives_only = false;         // no packuments: enough to install from lockfiles; goes with `locked`
    bool every_platform = false;        // archives of optional packages for other systems too
    CancelFlag* cancel = nullptr;
    std::function<void(std::string_view line)> tell;
};

struct RecordReport {
    std::uint64_t archives = 0, packuments = 0, bytes = 0;    // fetched
    std::uint64_t archives_there = 0, packuments_there = 0;   // not asked for again
    std::uint64_t unknown = 0;  // names and versions that the registry does not have (any more)
    std::uint64_t elsewhere = 0;        // packages of lockfiles that come from no registry
    std::uint64_t other_platforms = 0;  // left out
};

// PMX_E_FETCH when something could not be taken: what failed was told, the rest is there. PMX_E_NO_LOCKFILE for a
// directory that is no project.
Result<RecordReport> record(const RecordOptions& options);

}  // namespace pmx
