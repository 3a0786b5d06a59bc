// What pick() says when it finds nothing. Used by pick.cpp alone. Pure. [any thread]
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "model/specifier.hpp"
#include "registry/packument.hpp"
#include "resolve/policy.hpp"

namespace pmx {

// `hidden`: a version that would fit were it older.
Failure no_matching_version(const Packument& packument, const Specifier& specifier, std::optional<std::size_t> hidden, const Policy& policy);
Failure missing_times(std::string_view name);

}  // namespace pmx
