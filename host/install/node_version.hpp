// Which node runs here, for engines and for the names of built packages. Starting node costs as much as linking a
// thousand files, so the answer is remembered in the store beside the file it was asked from. [one thread]
#pragma once

#include <string>

#include "install/run.hpp"

namespace pmx {

// "20.11.1": the setting node-version, or what `node --version` said of this very file (path, size, mtime, inode);
// "" when there is no node in PATH.
std::string node_version(Run& run);

}  // namespace pmx
