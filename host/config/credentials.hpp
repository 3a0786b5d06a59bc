// Credentials: which Authorization header and which TLS material go with a URL, looked up in the merged keys of .npmrc
// by "nerf dart" (//host[:port]/path/), the longest path first, as npm and pnpm do. Called by Settings. A credential
// never goes to a host that it was not written for. [any thread]
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pmx {

using NpmrcKeys = std::map<std::string, std::string>;

struct Url {
    std::string scheme, user_info, host, port, path;  // host as on the wire; port without the scheme's default; path ≥ "/"
    std::string authority() const { return port.empty() ? host : host + ":" + port; }
};
// http and https only; nullopt for anything else.
std::optional<Url> parse_url(std::string_view text);

// "//registry.example/path/", the key of a registry's credentials; "" when `url` is none.
std::string nerf_dart(std::string_view url);

// Credentials of one registry as they stand in a file; nullopt when there are none. PMX_E_CONFIG for broken base64.
struct RawCredentials {
    std::string auth_token, auth_pair_base64, username, password_base64, token_helper;
};
struct ParsedCredentials {
    std::string auth_token, username, password;
    bool basic = false;
    std::vector<std::string> token_helper;
};
Result<std::optional<ParsedCredentials>> parse_credentials(const RawCredentials& raw);

// "" when nothing is meant for this URL. `registries`: URLs that may lend their credentials to other paths of their host.
std::string authorization_header(const NpmrcKeys& keys, std::string_view url, const std::vector<std::string>& registries);

// The value of "//…/:key" nearest to `url`; nullptr when there is none.
const std::string* nearest_key(const NpmrcKeys& keys, std::string_view url, std::string_view key);

// The proxy for `url` ("" = direct), from the keys https-proxy, http-proxy, proxy, no-proxy and noproxy.
std::string proxy_for(const NpmrcKeys& keys, std::string_view url);

}  // namespace pmx
