// Pattern: names with '*' for any run of characters, in lists where a leading '!' takes names back: pnpm's rule for
// minimumReleaseAgeExclude, ignoredOptionalDependencies, update's arguments and the like. Pure. [any thread]
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pmx {

// Does `text` match `pattern`, in which '*' matches any run of characters? Linear but for the stars.
bool matches_pattern(std::string_view pattern, std::string_view text);

class PatternList {
  public:
    PatternList() = default;
    explicit PatternList(std::vector<std::string> patterns);

    bool empty() const { return patterns_.empty(); }
    bool matches(std::string_view name) const { return match(name) >= 0; }
    // Index of the pattern that let the name in; -1 when none did. A list of nothing but '!' patterns lets in whatever
    // none of them names, as its first.
    int match(std::string_view name) const;

  private:
    std::vector<std::string> patterns_;
    bool only_negative_ = true;
};

}  // namespace pmx
