// Version: a semantic version by node-semver's rules, strict or loose (its `loose` option: "v1.2.3",
// "=1.2.3", "1.2.3beta"). Parsed from manifests, lockfiles and packuments; compared by the resolver and by
// ranges (range.hpp). Pure. [any thread]
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pmx {

inline constexpr std::uint64_t kMaxSafeInteger = (std::uint64_t{1} << 53) - 1;

struct Version {
    std::uint64_t major = 0, minor = 0, patch = 0;
    std::vector<std::string> prerelease;  // numbers in canonical form
    std::vector<std::string> build;

    // nullopt for what is no version. `loose` takes what npm takes in manifests.
    static std::optional<Version> parse(std::string_view text, bool loose = false);
    // "1.2.3-beta.1": without the build part.
    std::string to_string() const;
    bool is_prerelease() const { return !prerelease.empty(); }
    bool same_tuple(const Version& other) const {
        return major == other.major && minor == other.minor && patch == other.patch;
    }

    // Precedence by the specification: build parts do not count.
    friend std::strong_ordering operator<=>(const Version& a, const Version& b);
    friend bool operator==(const Version& a, const Version& b) { return (a <=> b) == 0; }
};

// Precedence, and then build parts: for a stable order of versions that are equal otherwise.
std::strong_ordering compare_with_build(const Version& a, const Version& b);

// Numbers before words, numbers by value, words by bytes.
std::strong_ordering compare_identifiers(std::string_view a, std::string_view b);

// Trims white space, a leading "v" or "=", and gives the canonical text; nullopt for what is no version then.
std::optional<std::string> clean_version(std::string_view text, bool loose = false);

// What is incremented; `pre…` also starts a prerelease, `release` ends one.
enum class Release : std::uint8_t { major, minor, patch, premajor, preminor, prepatch, prerelease, release };
std::optional<Release> release_from_name(std::string_view name);

// The number that a new prerelease starts with; `none` leaves it out.
enum class PrereleaseBase : std::uint8_t { zero, one, none };

// nullopt for an identifier that is none, or when there is nothing to increment.
std::optional<Version> increment(Version version, Release release, std::string_view identifier = {},
                                 PrereleaseBase base = PrereleaseBase::zero, bool loose = false);

// Zeroes what is finer than `keep`; a `pre…` keeps everything but the build part, `release` is no part.
std::optional<Version> truncate(Version version, Release keep);

// The coarsest part in which the two differ; nullopt when neither is newer.
std::optional<Release> difference(const Version& a, const Version& b);

}  // namespace pmx
