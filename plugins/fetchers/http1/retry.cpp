#include "retry.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string>

namespace pmx::http1 {

Millis RetryPolicy::delay(unsigned attempt, std::optional<Millis> asked) const {
    if (asked) return std::clamp(*asked, Millis(0), longest);
    std::uint64_t most = static_cast<std::uint64_t>(longest.count());
    std::uint64_t wait = static_cast<std::uint64_t>(shortest.count());
    for (unsigned i = 1; i < attempt && wait < most; ++i) wait *= factor;
    return Millis(std::min(wait, most));
}

bool is_retryable_status(unsigned status) {
    return status == 408 || status == 420 || status == 429 || (status >= 500 && status <= 599);
}

std::optional<Millis> parse_retry_after(std::string_view value, std::int64_t now_seconds) {
    static constexpr std::int64_t kFar = 24 * 60 * 60;
    if (value.empty() || value.size() > 40) return {};
    if (std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        std::int64_t seconds = 0;
        for (char c : value) seconds = std::min(kFar, seconds * 10 + (c - '0'));
        return Millis(seconds * 1000);
    }
    static constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char month[4] = {};
    std::tm when{};
    std::string text(value);
    if (std::sscanf(text.c_str(), "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT", &when.tm_mday, month,
                    &when.tm_year, &when.tm_hour, &when.tm_min, &when.tm_sec) != 6)
        return {};
    auto named = std::find(kMonths.begin(), kMonths.end(), std::string_view(month));
    if (named == kMonths.end()) return {};
    when.tm_mon = static_cast<int>(named - kMonths.begin());
    when.tm_year -= 1900;
    std::int64_t seconds = static_cast<std::int64_t>(::timegm(&when)) - now_seconds;
    return Millis(std::clamp<std::int64_t>(seconds, 0, kFar) * 1000);
}

}  // namespace pmx::http1
