// Resolving for npm's lockfiles: packages picked by npm's rule, and a place for each, as npm's own tree has it: as high as
// it can go. What the lockfile has stays where it is as long as it fits. Called by install/resolve.cpp for a project whose
// lockfile is npm's. Writes nothing. The parts: npm_source.hpp (which version), npm_place.hpp (where), npm_tree.hpp (the
// tree), npm_finish.hpp (what it says of each package). [one thread]
#pragma once

#include "resolve/resolve.hpp"

namespace pmx {

// `lockfile` has entries (and what read_lockfile() makes of their text); format npm. `wanted` must be npm's, with
// entries. PMX_E_PEERS for peers that the project itself asks for and that exclude each other, as npm's ERESOLVE.
Result<Resolved> resolve_npm(const TreeInput& input);

}  // namespace pmx
