// Where the shared fixtures are, and what to do without them. Tests only.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace pmx::lockfile_cases {

inline std::filesystem::path shared(const std::string& path) {
    return std::filesystem::path(PMX_SOURCE_DIR "/../shared") / path;
}

inline std::string slurp(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

}  // namespace pmx::lockfile_cases

#define PMX_NEEDS_SHARED(path)                                                               \
    do {                                                                                     \
        if (std::filesystem::exists(::pmx::lockfile_cases::shared(path))) break;             \
        if (std::getenv("CI")) FAIL() << "../shared/" path " is absent, and CI needs it";    \
        GTEST_SKIP() << "../shared/" path " is absent";                                      \
    } while (0)
