// The bins stage: executables of packages and projects into .bin directories, as shims or as links. Runs after every
// package is linked, because only their own manifests say what they bring. [one thread, and workers of its own for the files]
#pragma once

#include <vector>

#include "install/pipeline.hpp"
#include "install/run.hpp"
#include "install/tree.hpp"
#include "model/plan.hpp"

namespace pmx {

// `old_plan` is what stood there: a .bin directory whose packages are all kept and whose requests did not change is
// left alone; in the others, executables that nobody brings any more are removed.
Result<> link_bins(Run& run, const Graph& graph, const Plan& plan, const Plan& old_plan, const std::vector<bool>& keep, Tree& tree,
                   std::vector<PackageFacts>& facts);

}  // namespace pmx
