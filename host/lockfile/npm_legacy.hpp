// The `dependencies` of package-lock.json version 2: the same tree once more, nested, for npm 6. Used by
// npm_lockfile_text() alone. Pure. [any thread]
#pragma once

#include "lockfile/lockfile.hpp"
#include "lockfile/npm_printer.hpp"

namespace pmx {

// `overrides`: JSON of the project's; its dependants are written with what they are overridden to.
NpmValue npm_legacy_dependencies(const Lockfile& lockfile, std::string_view overrides);

}  // namespace pmx
