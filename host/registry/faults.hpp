// Faults that the embedded registry commits on request, so that tests and benches meet every bad server on purpose.
// A rule in one line:   METHOD PATTERN: KIND[=ARGUMENT] [xTIMES]
//     GET /left-pad/*: 500 x2           a status, twice, then as usual (an argument is sent as Retry-After)
//     GET *: delay=200                  milliseconds before the answer
//     * /a/-/a-1.0.0.tgz: truncate      half the body, then the connection ends (=N: after N bytes)
//     … stall[=N]                       N bytes (half the body) and then silence, until the client leaves
//     … wrong-bytes                     a body of the right length with one byte changed
//     … slow=N                          N bytes a second
//     … close                           no answer at all
//     … redirect=URL                    302; '*' in the URL stands for the path
//     … html                            200 with a page that is no package
//     … endless                         a body without a length that never ends
//     … need-auth=TEXT                  401 unless the Authorization header is TEXT
//     … ignore-range                    the whole body with 200 for what asked for a part of it
//     … wrong-range                     another part than the one that was asked for
// The pattern is a path with '*' for any text; METHOD is one, '*', or RANGE for a GET that asks for a part. The first rule that fits and has times left is taken. Called by the
// server's threads and by its control address. [any thread]
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "registry/http_request.hpp"

namespace pmx::registry {

struct Fault {
    enum class Kind : std::uint8_t {
        status, delay, truncate, stall, wrong_bytes, slow, close, redirect, html, endless, need_auth,
        ignore_range, wrong_range
    };
    std::string method, pattern;
    Kind kind = Kind::status;
    int status = 0;
    std::string argument;
    std::int64_t number = 0;      // the argument, where it is one
    std::int64_t times_left = -1;  // -1: always
};

Result<Fault> parse_fault(std::string_view line);

class Faults {
  public:
    Result<> add(std::string_view line);
    void clear();
    // Uses up one of the rule's times.
    std::optional<Fault> take(const HttpRequest& request);

  private:
    std::mutex mutex_;
    std::vector<Fault> rules_;
};

}  // namespace pmx::registry
