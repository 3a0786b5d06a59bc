// The one function that every path from a tarball, a manifest, a lockfile or a layout passes before it reaches the
// disk. Pure: it looks at the text only; that no component is a symlink is the linker's care (O_NOFOLLOW, own
// directories). [any thread]
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pmx {

// Accepts a non-empty relative path of non-empty components separated by '/', none of them "." or "..", without NUL,
// each ≤ 255 bytes, whole ≤ 4095. Returns the same view. `what` and `owner` go into the error (PMX_E_UNSAFE_PATH).
Result<std::string_view> contained_path(std::string_view path, std::string_view what, std::string_view owner);

// The same rule without building an error: for hot loops.
bool is_contained_path(std::string_view path);

// A package name or alias that may become a directory under node_modules: "name" or "@scope/name", each part contained,
// not "node_modules", no leading '.' (so never ".bin", ".pnpm"), no control bytes, no backslash.
bool is_safe_package_name(std::string_view name);

}  // namespace pmx
