// Reads a file of recorded third-party vectors. Absent vectors skip the test by name; where CI is set they
// fail it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace pmx::test {

using Json = nlohmann::ordered_json;

inline std::string vector_path(const std::string& name) {
    return std::string(PMX_SOURCE_DIR) + "/../shared/vectors/" + name;
}

inline bool is_undefined(const Json& value) {
    return value.is_object() && value.contains("$undefined");
}

}  // namespace pmx::test

// Declares `json` with the parsed file, or leaves the test.
#define PMX_VECTORS(json, name)                                                        \
    std::ifstream json##_file(::pmx::test::vector_path(name));                         \
    if (!json##_file) {                                                                \
        if (std::getenv("CI") != nullptr) FAIL() << "vectors are missing: " << (name); \
        GTEST_SKIP() << "../shared/vectors/" << (name) << " is absent";                \
    }                                                                                  \
    const ::pmx::test::Json json = ::pmx::test::Json::parse(json##_file)
