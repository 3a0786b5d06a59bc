// What was resolved before: lockfiles that the resolver itself gave, each by the hash of all that it was made of (its text,
// the manifests, settings, this version of pmx), with what had to be said of it then. Such a lockfile need not be walked
// again when something is added to it (resolve/grow.hpp). A few of each project are kept, in the cache; without them
// everything is walked. Called by the resolve stage. [one thread]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "install/read.hpp"

namespace pmx {

using Told = std::vector<std::string>;  // warnings, peer issues among them

// What was said when inputs.lockfile was resolved; nullopt: it is none of ours, or of other manifests or settings.
std::optional<Told> told_before(const Settings& settings, const Inputs& inputs);
// inputs.lockfile has just been resolved. A cache that cannot be written is no cache.
void remember_told(const Settings& settings, const Inputs& inputs, const Told& told);

}  // namespace pmx
