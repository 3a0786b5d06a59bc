// The resolve stage: brings the network, the cache and the settings to resolve/, and makes a lockfile of the answer: its
// value for the stages that follow and its text for commit. [one thread]
#pragma once

#include <string>
#include <vector>

#include "install/ahead.hpp"
#include "install/edit.hpp"
#include "install/read.hpp"
#include "install/run.hpp"

namespace pmx {

// Takes a lockfile's text for what was resolved, instead of asking anybody.
Result<> take_lockfile(Run& run, Inputs& inputs, const std::string& file_name, std::string text);

// Replaces inputs.lockfile by what the manifests (after `edits`) mean now, keeping pins that still hold. Sets
// inputs.lockfile_text and inputs.edited where files have to be written.
// `ahead`, where there is one, is told of every package as soon as it is chosen.
Result<> resolve_inputs(Run& run, Inputs& inputs, const Edits& edits, Ahead* ahead);

}  // namespace pmx
