// Picking as pnpm does it: of the versions of a packument, the one that a specifier means here and now: preferred
// versions by weight, then `latest`, then the highest, deprecated ones last, nothing younger than the policy allows.
// (model/pick.hpp is npm's rule, for npm's lockfiles.) Pure. [any thread]
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/specifier.hpp"
#include "registry/packument.hpp"
#include "resolve/policy.hpp"

namespace pmx {

inline constexpr std::uint32_t kDirectWeight = 1'000, kLockfileWeight = 1'000'000;

// A version, range or tag of this name that is preferred, because a project asks for it or the lockfile has it.
struct Preferred {
    std::string_view selector;
    enum class Kind : std::uint8_t { version, range, tag } kind = Kind::version;
    std::uint32_t weight = kDirectWeight;
};

struct PickRequest {
    const Specifier* specifier = nullptr;  // version, range or tag
    std::span<const Preferred> preferred = {};
    bool lowest = false;  // direct dependencies under lowest-direct and time-based
    bool update_to_latest = false;  // `pmx update --latest`: whatever the range says
};

// Index into packument.versions(). PMX_E_NO_MATCHING_VERSION with the nearest versions that exist and, where the age of
// a release hid it, when it will be old enough.
Result<std::size_t> pick(const Packument& packument, const PickRequest& request, const Policy& policy);

}  // namespace pmx
