// The grammar of versions and partial versions that semver.cpp and range.cpp share: node-semver's regular
// expressions, hand-written, linear in the length of the text. Views into the text that was scanned. [any
// thread]
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pmx {

struct VersionParts {
    std::string_view major, minor, patch;  // "" when absent, or "x", "X", "*" in a partial version
    std::string_view prerelease, build;    // without '-' and '+'
};

// The whole of `text` as a version: strict takes one leading 'v'; loose takes any of 'v', '=' and space,
// leading zeroes, and a prerelease without its '-'.
std::optional<VersionParts> scan_version(std::string_view text, bool loose);
// The whole of `text` as a partial version ("1", "1.x", "1.2.*", "*", "1.2.3-beta").
std::optional<VersionParts> scan_partial(std::string_view text, bool loose);
// "alpha.1": what may follow the dash.
bool is_prerelease_text(std::string_view text, bool loose);
bool is_wildcard(std::string_view part);

// nullopt beyond 2^53 − 1 or for what is no number.
std::optional<std::uint64_t> semver_number(std::string_view digits);

}  // namespace pmx
