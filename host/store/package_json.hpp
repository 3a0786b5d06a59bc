// What of package.json the store keeps for the install: name, version, executables, bundled packages, and whether there
// is something to build. Called by unpack and view_directory. A file that is no JSON gives an empty manifest: npm and
// pnpm install such a package too. Pure. [any thread]
#pragma once

#include <span>
#include <string_view>

#include "base/arena.hpp"
#include "store/store.hpp"

namespace pmx {

// Views of the result point into `arena`. `files` are the paths of the package: `directories.bin` and binding.gyp are
// found by looking.
ObjectManifest read_package_json(std::string_view text, std::string_view id, Arena& arena,
                                 std::span<const std::string_view> files);

}  // namespace pmx
