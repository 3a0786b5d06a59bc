// Where a request goes and with what: the settings of its origin, asked for once per origin, and the proxy on
// the way. Credentials are not kept here: those are asked for with every URL. [io thread]
#pragma once

#include <pmx/services.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "connection.hpp"
#include "tls.hpp"
#include "url.hpp"

namespace pmx::http1 {

struct Origin {
    TlsSettings tls;
    std::optional<Url> proxy;
    std::string proxy_authorization;  // value of Proxy-Authorization, or ""; for the proxy only
    std::string user_agent, local_address;
    std::string proxy_problem;  // the setting is no http(s) URL
};

class Origins {
  public:
    explicit Origins(const pmx_credentials* service) : service_(service) {}
    const Origin& of(const Url& url);
    // The Authorization for exactly this URL, or "".
    std::string authorization(const Url& url) const;

  private:
    std::string setting(const std::string& url, const char* key) const;
    const pmx_credentials* service_;
    std::map<std::string, Origin> origins_;
};

// Requests with the same route may share a connection.
std::string route_of(const Url& url, const Origin& origin);
// Makes a proxy connect `connection` to the origin. Throws Failure when it will not.
Task<> open_tunnel(Connection& connection, const Url& url, const Origin& origin);

}  // namespace pmx::http1
