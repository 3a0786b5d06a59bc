// Range: a set of versions by node-semver's rules: "^1.2", "1.x || >=2 <3", "1.0.0 - 2.0.0". Parsed from
// manifests and lockfiles; asked by the resolver, by the lockfile comparison and by the engines check.
// Parsing and asking are linear in the length of the text. Pure. [any thread]
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/semver.hpp"

namespace pmx {

struct RangeOptions {
    bool loose = false;
    bool include_prerelease =
        false;  // prereleases match as other versions do, not only beside their own tuple
};

// One bound. `any` accepts every version and has no version of its own.
struct Comparator {
    enum class Op : std::uint8_t { any, eq, lt, lte, gt, gte };
    Op op = Op::any;
    Version version;

    static std::optional<Comparator> parse(std::string_view text, bool loose = false);
    bool accepts(const Version& v) const;
    bool intersects(const Comparator& other, RangeOptions options = {}) const;
    std::string to_string() const;  // ">=1.2.3"; "" for any
};

class Range {
  public:
    using Set = std::vector<Comparator>;  // all must hold

    // nullopt for what is no range (a tag, a URL).
    static std::optional<Range> parse(std::string_view text, RangeOptions options = {});

    bool satisfied_by(const Version& version) const;
    bool intersects(const Range& other, RangeOptions options = {}) const;
    bool is_any() const {
        return sets_.size() == 1 && sets_[0].size() == 1 && sets_[0][0].op == Comparator::Op::any;
    }
    // ">=1.0.0 <2.0.0-0||>=3.0.0"; "" for any version.
    std::string to_string() const;
    const std::vector<Set>& sets() const { return sets_; }  // one must hold
    RangeOptions options() const { return options_; }

  private:
    std::vector<Set> sets_;
    RangeOptions options_;
};

// False also when either is not what it should be.
bool satisfies(std::string_view version, std::string_view range, RangeOptions options = {});
// Index of the highest (lowest) version that satisfies; texts that are no versions are passed over.
std::optional<std::size_t> max_satisfying(std::span<const std::string> versions, const Range& range);
std::optional<std::size_t> min_satisfying(std::span<const std::string> versions, const Range& range);
// The lowest version that any release could have and satisfy.
std::optional<Version> min_version(const Range& range);

enum class Side : std::uint8_t { above, below };
// The version is above (below) everything that the range accepts.
bool is_outside(const Version& version, const Range& range, Side side, RangeOptions options = {});
// Everything that `sub` accepts, `dom` accepts.
bool is_subset(const Range& sub, const Range& dom, RangeOptions options = {});

}  // namespace pmx
