// Pick: which version of a package does a specifier mean? npm's rule over a packument-like value: a tag means
// its version, a version itself, a range the version of the default tag where that satisfies it, else the
// highest that is not deprecated, runs on this engine and is not to be avoided. Asked by the resolver. Pure.
// [any thread]
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "model/manifest.hpp"

namespace pmx {

// One version as the packument has it; views live with the packument.
struct Candidate {
    std::string_view version = {};
    bool deprecated = false;
    bool restricted = false;           // listed under policyRestrictions: exists, but must not be installed
    const TextMap* engines = nullptr;  // nullptr: any
    std::string_view time = {};        // "2021-01-01T00:00:00.000Z"; "" when unknown
};

struct Choices {
    std::span<const Candidate> versions;
    std::span<const std::pair<std::string_view, std::string_view>> dist_tags;
};

struct PickOptions {
    std::string_view default_tag = "latest";
    bool prefer_default_tag =
        true;                      // npm's way; false takes the best version of the range, as pnpm and bun do
    std::string_view before = {};  // only versions up to this time, in the form of Candidate::time
    std::string_view avoid = {};   // a range; "" avoids nothing
    bool avoid_strict = false;     // leave the range rather than take a version to be avoided
    const TextMap* engines = nullptr;  // what runs here: name → exact version; nullptr: not asked
};

struct Picked {
    std::size_t index = 0;       // into Choices::versions
    bool avoided = false;        // only a version to be avoided was there
    bool outside_range = false;  // avoid_strict went outside
    bool is_major = false;       // … beyond the same major version
};

enum class PickFailure : std::uint8_t {
    no_versions,  // nothing is published (or nothing so early)
    no_match,     // nothing satisfies
    forbidden,    // what satisfies is under a policy restriction
    all_avoided,  // avoid_strict found nothing anywhere
};

// How a specifier of the registry reads.
enum class SpecKind : std::uint8_t { version, range, tag };
SpecKind spec_kind(std::string_view spec);

tl::expected<Picked, PickFailure> pick_version(const Choices& choices, std::string_view spec,
                                               const PickOptions& options = {});

}  // namespace pmx
