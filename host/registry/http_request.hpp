// HttpRequest: what the embedded registry reads of a request: the line and the few headers that change an answer. Called
// by its connections. Pure. [any thread]
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pmx::registry {

struct HttpRequest {
    std::string method, path, host, if_none_match, authorization, body;
    std::size_t body_size = 0;  // as announced, at most largest_request_body
    bool keep_alive = true, gzip = false, abbreviated = false;
};

inline constexpr std::size_t largest_request_head = 64 * 1024;
inline constexpr std::size_t largest_request_body = 1024 * 1024;

// The head without its blank line; false: not HTTP, or more than this server takes.
bool parse_head(std::string_view head, HttpRequest& request);

std::string_view reason_phrase(int status);

}  // namespace pmx::registry
