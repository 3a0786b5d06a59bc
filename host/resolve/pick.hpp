// Picking as pnpm does it: of the versions of a packument, the one that a specifier means here and now: preferred
// versions by weight, then `latest`, then the highest, deprecated ones last, nothing younger than the policy allows.
// (model/pick.hpp is npm's rule, for npm's lockfiles.) Pure. [any thread]
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/specifier.hpp"
#include "registry/packument.hpp"
#include "resolve/policy.hpp"
#include "resolve/range_cache.hpp"

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
    bool update_to_latest = false;  // `pmx update --latest`: whatever the range says, unless that is newer
    std::string_view newest = {};   // time-based: nothing younger than this, besides what the policy says; "" = any
    RangeCache* ranges = nullptr;   // nullptr: every range is parsed anew
};

// Index into packument.versions(). PMX_E_NO_MATCHING_VERSION with the nearest versions that exist and, where the age of
// a release hid it, when it will be old enough. Where the policy is not strict and age hid everything that fits, the
// lowest of that is taken.
Result<std::size_t> pick(const Packument& packument, const PickRequest& request, const Policy& policy);

// The version that pick() would give whatever else the registry may have by now: one pinned version of the lockfile
// weighs more than everything else together, and this (perhaps old) packument has it. nullopt: ask the registry.
std::optional<std::size_t> pinned_pick(const Packument& packument, const PickRequest& request);

// Whether a version published at `time` may be installed now: `name` is excluded from the rule, or it is old enough, or
// its time is unknown and that is allowed. For versions that the lockfile has.
bool is_old_enough(std::string_view name, std::string_view version, std::string_view time, const Policy& policy);

}  // namespace pmx
