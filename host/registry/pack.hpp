// pack: a directory as the .tgz that a registry would serve. The bytes depend on names, contents and execute bits only
// (fixed owner, time and order, stored deflate blocks), so integrities in lockfiles stay true on every machine and with
// every compression library. Format 1; a change of the bytes is a new number and new golden lockfiles. Called by the
// embedded registry. Never follows a symlink, never writes. [any thread]
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pmx::registry {

inline constexpr int pack_format = 1;

// Every regular file below `directory` as "package/<path>"; symlinks and special files are left out.
Result<std::string> pack_directory(const std::string& directory);

// The package.json of an archive, whatever its first path component is called.
Result<std::string> manifest_of_tarball(std::string_view tgz, std::string_view subject);

std::string gzip(std::string_view bytes);

}  // namespace pmx::registry
