// The plan stage: which packages of the graph are wanted here, and where the layout puts them. Pure: graph and settings
// in, plan out. Also asks the layout what it had planned for the lockfile that stands in node_modules, so that what is
// to be removed is simply the difference of two plans. [one thread]
#pragma once

#include <string>
#include <vector>

#include "install/run.hpp"
#include "lockfile/lockfile.hpp"
#include "model/graph.hpp"
#include "model/plan.hpp"

namespace pmx {

struct Skipped {
    std::uint32_t package;
    std::string reason;  // "unsupported_platform", "unsupported_engine"
    std::string details;
};

Included included_groups(const Settings& settings);
// Whether a project's dependency of this kind belongs to them.
bool wants(const Included& included, EdgeKind kind);

// Marks every package that is not to be placed: excluded groups, optional packages that do not run here, and what only
// they need. Leaves out the edges of projects that are excluded. Required packages that do not run here are errors
// under engine-strict and warnings otherwise.
enum class Tell : bool { no, yes };
Result<std::vector<Skipped>> mark_skipped(Run& run, Graph& graph, const Included& included, Tell tell);

// Marks what is built here: may run scripts (allowBuilds) or is patched, and every package that depends on such a one.
void mark_built(const Settings& settings, Graph& graph);

// The linker that a lockfile and the settings ask for: "isolated", "hoisted", "global", or a plugin's path.
std::string linker_name(const Settings& settings, LockfileFormat format);

Result<Plan> make_plan(Run& run, const Graph& graph, const std::string& linker);

}  // namespace pmx
