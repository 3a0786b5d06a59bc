// The install command as a function: reads the project, decides, runs the pipeline, commits. Called by the command line
// and by the Python module on their own thread; everything it starts has ended when it returns. It prints nothing:
// people see what `events` makes of it, programs read `metrics` and the report.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "base/pool.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "install/edit.hpp"
#include "install/events.hpp"

namespace pmx {

struct InstallOptions {
    const Settings* settings = nullptr;
    std::string dir;               // where the command runs, absolute
    CancelFlag* cancel = nullptr;  // set from outside: the run ends soon with PMX_E_CANCELLED, the tree repairable
    Events* events = nullptr;
    Metrics* metrics = nullptr;
    Edits edits;                   // what `add`, `remove`, `update` and `dedupe` change first
    bool ci = false;               // in CI a lockfile that is there has to fit, unless a setting says otherwise
};

struct InstallReport {
    bool up_to_date = false;          // nothing had to be done; no pool and no plugin was started
    std::uint64_t added = 0, removed = 0, warm = 0, cold = 0;
    std::size_t plugins_loaded = 0;
    std::map<std::string, std::uint64_t, std::less<>> plugin_counters;  // what plugins count under names of their own
    std::string lockfile, linker, check;
    bool resolved = false;                       // the manifests were resolved, not only the lockfile read
    bool lockfile_changed = false;               // it was written, or would be with --dry-run
    std::vector<std::string> plan;               // --dry-run: what would be done, a line each
};

Result<InstallReport> install(const InstallOptions& options);

}  // namespace pmx
