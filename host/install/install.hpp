// The install command as a function: reads the project, decides, runs the pipeline, commits. Called by the command line
// and by the Python module on their own thread; everything it starts has ended when it returns. It prints nothing:
// people see what `events` makes of it, programs read `metrics` and the report.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "base/pool.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "install/edit.hpp"
#include "install/events.hpp"
#include "install/request_record.hpp"
#include "install/until.hpp"
#include "lockfile/lockfile.hpp"
#include "model/plan.hpp"
#include "pmx/abi.h"

namespace pmx {

// A lockfile as an earlier run resolved it, and did not write.
struct LockfileText {
    std::string file_name, text;
};

// What the stages made, for who looks at it: `plan` speaks of the packages of `lockfile.graph`.
struct StageValues {
    bool known = false;  // false: nothing had to be done, and nothing was read
    Lockfile lockfile;
    std::string lockfile_text;
    Plan plan;           // empty until the plan stage
};

struct InstallOptions {
    const Settings* settings = nullptr;
    std::string dir;               // where the command runs, absolute
    CancelFlag* cancel = nullptr;  // set from outside: the run ends soon with PMX_E_CANCELLED, the tree repairable
    Events* events = nullptr;
    Metrics* metrics = nullptr;
    Edits edits;                   // what `add`, `remove`, `update` and `dedupe` change first
    bool ci = false;               // in CI a lockfile that is there has to fit, unless a setting says otherwise

    // For programs that drive the engine; the command leaves them as they are.
    Until until = Until::commit;
    const LockfileText* resolved = nullptr;          // instead of resolving
    std::string planner;                             // the layout that plans now, where it is not the linker
    std::vector<const pmx_plugin*> strategies;       // of this program, by name; they outlive the call
    std::function<void(RequestRecord)> requested;    // each request when it has ended, from any thread; may be empty
    StageValues* values = nullptr;                   // filled when the run ends well
    bool is_whole() const { return until == Until::commit && resolved == nullptr && planner.empty(); }
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
