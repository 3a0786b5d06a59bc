// The build stage: patches, and the lifecycle scripts that are allowed. Dependencies are built before their
// dependents; a private copy of the package's files is what they change, never the store. [one thread; scripts of one
// round run side by side]
#pragma once

#include <vector>

#include "install/pipeline.hpp"
#include "install/read.hpp"
#include "install/run.hpp"
#include "install/tree.hpp"
#include "model/plan.hpp"

namespace pmx {

// Applies the patch files of the settings to every place of a patched package that was linked now.
Result<> apply_patches(Run& run, const Graph& graph, const Plan& plan, const std::vector<bool>& keep, Tree& tree);

// Runs preinstall, install and postinstall of the packages that may, and that were linked now. PMX_E_SCRIPT when a
// required one fails; an optional one is removed from the tree, and named, so that links to it can go.
struct Builds {
    bool any = false;
    std::vector<std::uint32_t> failed_optional;  // packages, sorted
};
Result<Builds> run_builds(Run& run, const Graph& graph, const Plan& plan, const std::vector<bool>& keep,
                          const std::vector<PackageFacts>& facts, Tree& tree, const std::string& init_cwd);

// The projects' own preinstall, install, postinstall, preprepare, prepare, postprepare.
Result<> run_project_scripts(Run& run, const Inputs& inputs, const std::string& init_cwd);

}  // namespace pmx
