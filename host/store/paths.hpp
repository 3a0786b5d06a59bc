// Names inside the store: one place that turns a key into a path, so that no key from outside becomes a path that
// leaves it. Used by the store's own sources only. Pure. [any thread]
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pmx {

inline constexpr const char* kLockName = "lock";
inline constexpr const char* kProjectsName = "projects";
inline constexpr const char* kSharedName = "shared";
inline constexpr const char* kPacksName = "packs";

// "<kind>-<hex>" of at most 200 bytes, as the key_of_… functions make them.
bool is_key(std::string_view key);
// "<2 hex>/<key>", relative to objects/.
Result<std::string> object_path(std::string_view key);

}  // namespace pmx
