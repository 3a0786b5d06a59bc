// Resolving for npm's lockfiles: the same walk over the same packuments, by npm's rules of picking, and then a place for
// every package, as npm's own tree has it: as high as it can go. Existing places are kept where they still hold. Called
// by install/resolve.cpp for a project whose lockfile is npm's. Writes nothing. [one thread]
#pragma once

#include "resolve/resolve.hpp"

namespace pmx {

// `lockfile` has locations (parents before children), records and the projects' specifiers; format npm, version 3.
Result<Resolved> resolve_npm(const TreeInput& input);

}  // namespace pmx
