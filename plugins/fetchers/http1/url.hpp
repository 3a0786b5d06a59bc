// Http URLs: parsed once, compared by origin, resolved against a redirect's Location, and shown without
// secrets. Pure values; nothing here touches the network. [any thread]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pmx::http1 {

struct Url {
    bool tls = false;
    std::string host;  // lower case; an IPv6 literal without its brackets
    std::uint16_t port = 80;
    std::string target;    // path and query, ready for a request line
    std::string userinfo;  // "user:password", percent-decoded; "" = none

    std::string authority() const;  // host[:port] as the Host header says it
    std::string origin() const;     // scheme://host:port
    std::string text() const;       // the whole URL without the user part
    std::string shown() const;      // for messages: no user part, no query
};

// nullopt for another scheme, an empty or impossible host, a bad port, or control bytes.
std::optional<Url> parse_url(std::string_view text);
// `location` as a redirect from `base` means it: absolute, "//host/…", "/path" or relative.
std::optional<Url> resolve_url(const Url& base, std::string_view location);

std::string to_base64(std::string_view bytes);
// ASCII, for header names and tokens.
bool equals_ignoring_case(std::string_view a, std::string_view b);

}  // namespace pmx::http1
