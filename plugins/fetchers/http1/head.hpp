// The head of an answer: status line and headers, parsed by Beast, and what they say about the body. Pure.
// [any thread]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pmx::http1 {

constexpr std::size_t kHeadLimit = 64 * 1024;

enum class Coding : std::uint8_t { identity, gzip, deflate, unknown };

struct Head {
    unsigned status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<std::uint64_t> length;  // of the body as it is sent
    bool chunked = false;
    bool keep_alive = false;
    bool has_body = true;
    Coding coding = Coding::identity;

    std::string_view header(std::string_view name) const;  // "" when absent
};

// Where the head ends in `bytes` (after its empty line); 0: not yet. `searched` is how much was looked at
// before.
std::size_t head_end(std::string_view bytes, std::size_t searched);
// `bytes` is exactly one head. Throws Failure for anything that is no HTTP/1 answer.
Head parse_head(std::string_view bytes);

}  // namespace pmx::http1
