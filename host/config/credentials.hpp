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

// "" when nothing is meant for this URL. The rule is npm's: credentials under //host/path/ go to the URLs below that path,
// the longest path first. Only where none of them covers the URL, and the URL is the archive of a package whose own
// registry (its scope's, or the default one) is the same scheme, host and port under another path, do that registry's
// credentials go along: a registry may serve archives beside its metadata. Those of another scope or path never do, and
// an archive on another host gets nothing. `own_registry` is "" for every URL that is not such an archive, the targets of
// redirects included. Where npm compares hosts only, pmx compares the scheme too: no token falls back to plain http.
std::string authorization_header(const NpmrcKeys& keys, std::string_view url, std::string_view own_registry = {});

// For screens: "user:password@" of any URL inside `text` becomes "***@".
std::string without_secrets(std::string_view text);
// "_authToken", "//host/:_password" and their like: a key whose value nobody may print.
bool is_secret_key(std::string_view key);

// The value of "//…/:key" nearest to `url`; nullptr when there is none.
const std::string* nearest_key(const NpmrcKeys& keys, std::string_view url, std::string_view key);

// The proxy for `url` ("" = direct), from the keys https-proxy, http-proxy, proxy, no-proxy and noproxy.
std::string proxy_for(const NpmrcKeys& keys, std::string_view url);

}  // namespace pmx
