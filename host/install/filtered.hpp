// Filtered: an install that --filter confines to some projects, as pnpm does it: the root always belongs to them. What the
// manifests of the others say does not count, the lockfile keeps what it has of them, and their node_modules stay as they
// are. Called by read and install; pure but for the manifests that inputs hold already. [one thread]
#pragma once

#include <optional>

#include "install/read.hpp"
#include "lockfile/lockfile.hpp"

namespace pmx {

// Gives projects that were not chosen the manifest that the lockfile knows of, so that nothing about them differs from it.
void hold_others_as_locked(Inputs& inputs);

// What node_modules is to be made from: the chosen projects by the lockfile, less groups that are not wanted, and those
// that stand there already by the record of what is installed. Others have no dependencies in it.
Result<Lockfile> lockfile_of_tree(Inputs& inputs, std::optional<Lockfile> current, const Included& included);

}  // namespace pmx
