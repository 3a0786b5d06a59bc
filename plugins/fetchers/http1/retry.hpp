// When a request is tried again: which answers are worth it, and how long to wait first. Pure, but for the
// clock that a Retry-After date needs. [any thread]
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "failure.hpp"

namespace pmx::http1 {

struct RetryPolicy {
    unsigned retries = 2;
    std::uint64_t factor = 10;
    Millis shortest{10000}, longest{60000};

    // Before try number `attempt` + 1 (the first try was number 1). What the server asked for wins, up to
    // `longest`.
    Millis delay(unsigned attempt, std::optional<Millis> asked) const;
};

bool is_retryable_status(unsigned status);
// "120" or an HTTP date; nullopt for anything else.
std::optional<Millis> parse_retry_after(std::string_view value, std::int64_t now_seconds);

}  // namespace pmx::http1
