// Name patterns of hoist-pattern and its like: '*' stands for any run of characters, a leading '!' takes
// names back. The last pattern that speaks about a name decides; a list of nothing but '!' patterns starts
// from "everything". Pure.
#pragma once

#include <string_view>
#include <vector>

namespace pmx::layouts {

// Does `text` match `pattern`, in which '*' matches any run of characters?
inline bool matches_glob(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

// Holds views: the texts belong to whoever declared the options.
class Patterns {
  public:
    Patterns() = default;
    explicit Patterns(std::vector<std::string_view> patterns) : patterns_(std::move(patterns)) {
        for (std::string_view pattern : patterns_)
            only_negative_ = only_negative_ && pattern.starts_with('!');
    }
    bool empty() const { return patterns_.empty(); }
    bool match(std::string_view name) const {
        bool matched = only_negative_ && !patterns_.empty();
        for (std::string_view pattern : patterns_) {
            if (pattern.starts_with('!')) {
                if (matches_glob(pattern.substr(1), name)) matched = false;
            } else if (pattern == "*" || matches_glob(pattern, name)) {
                matched = true;
            }
        }
        return matched;
    }

  private:
    std::vector<std::string_view> patterns_;
    bool only_negative_ = true;
};

}  // namespace pmx::layouts
