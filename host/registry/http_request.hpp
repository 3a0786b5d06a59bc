// HttpRequest: what the embedded registry reads of a request: the line and the few headers that change an answer. Called
// by its connections. Pure. [any thread]
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pmx::registry {

struct HttpRequest {
    std::string method, path, host, if_none_match, authorization, range, if_range, body;
    std::size_t body_size = 0;  // as announced, at most largest_request_body
    bool keep_alive = true, gzip = false, abbreviated = false;
};

inline constexpr std::size_t largest_request_head = 64 * 1024;
inline constexpr std::size_t largest_request_body = 1024 * 1024;

// The head without its blank line; false: not HTTP, or more than this server takes.
bool parse_head(std::string_view head, HttpRequest& request);

std::string_view reason_phrase(int status);

// What "bytes=a-b", "bytes=a-" or "bytes=-n" means of `size` bytes. `none`: not one range that can be read, which is as if
// there were no such header; `unsatisfiable`: it begins behind the end.
struct ByteRange {
    enum class Kind : std::uint8_t { none, unsatisfiable, part } kind = Kind::none;
    std::size_t first = 0, size = 0;
};
ByteRange parse_range(std::string_view header, std::size_t size);

}  // namespace pmx::registry
