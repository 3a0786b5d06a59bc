#include "model/pattern.hpp"

#include <algorithm>

namespace pmx {

bool matches_pattern(std::string_view pattern, std::string_view text) {
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

PatternList::PatternList(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {
    only_negative_ = std::all_of(patterns_.begin(), patterns_.end(), [](const std::string& p) { return p.starts_with('!'); });
}

int PatternList::match(std::string_view name) const {
    int matched = only_negative_ && !patterns_.empty() ? 0 : -1;
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
        std::string_view pattern = patterns_[i];
        if (pattern.starts_with('!')) {
            if (matches_pattern(pattern.substr(1), name)) matched = -1;
        } else if (matched < 0 && matches_pattern(pattern, name)) {
            matched = static_cast<int>(i);
        }
    }
    return matched;
}

}  // namespace pmx
