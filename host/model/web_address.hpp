// WebAddress: a URL taken apart by the WHATWG rules that node and browsers follow, as far as specifiers need them: what
// is none is told apart, dot segments are gone, a default port too. Parts stay as written (nothing is percent-encoded or
// decoded). Asked by specifier.cpp, hosted.cpp and whoever compares archive URLs. Pure. [any thread]
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pmx {

struct WebAddress {
    std::string scheme;  // lower case, without ':'
    std::string user, password, host, port;
    std::string path;    // "/a/b", or what follows the colon when there is no authority ("user/repo" in "github:user/repo")
    std::string query, fragment;  // without '?' and '#'
    bool has_authority = false;
};

// nullopt for what node's `new URL()` refuses.
std::optional<WebAddress> parse_web_address(std::string_view text);

// "https://host:443/x" is "https://host/x"; what is no URL stays as it is.
std::string without_default_port(std::string_view text);

// "https://user:secret@host/x" is "https://host/x": for messages.
std::string without_credentials(std::string_view text);

// decodeURIComponent; nullopt where that throws.
std::optional<std::string> decode_component(std::string_view text);

}  // namespace pmx
