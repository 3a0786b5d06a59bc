#include "proxy.hpp"

#include <algorithm>

#include "exchange.hpp"

namespace pmx::http1 {

namespace {

void keep(void* context, pmx_str value) {
    static_cast<std::string*>(context)->assign(value.data, value.length);
}

// A value that could end a header early is no value.
bool is_header_value(std::string_view value) {
    return std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

std::string Origins::setting(const std::string& url, const char* key) const {
    std::string value;
    if (service_) service_->transport(service_, {url.data(), url.size()}, key, &keep, &value);
    return value;
}

const Origin& Origins::of(const Url& url) {
    auto [it, is_new] = origins_.try_emplace(url.origin());
    Origin& origin = it->second;
    if (!is_new) return origin;
    std::string text = url.text();
    origin.user_agent = setting(text, "user-agent");
    if (origin.user_agent.empty() || !is_header_value(origin.user_agent)) origin.user_agent = "pmx";
    origin.local_address = setting(text, "local-address");
    if (std::string proxy = setting(text, "proxy"); !proxy.empty()) {
        origin.proxy = parse_url(proxy.find("://") == std::string::npos ? "http://" + proxy : proxy);
        if (!origin.proxy)
            origin.proxy_problem = "the proxy setting is no http or https URL";
        else if (!origin.proxy->userinfo.empty())
            origin.proxy_authorization = "Basic " + to_base64(origin.proxy->userinfo);
    }
    if (url.tls || (origin.proxy && origin.proxy->tls)) {
        origin.tls.ca = setting(text, "ca");
        origin.tls.cafile = setting(text, "cafile");
        origin.tls.cert = setting(text, "cert");
        origin.tls.key = setting(text, "key");
        origin.tls.verify = setting(text, "strict-ssl") != "false";
    }
    return origin;
}

std::string Origins::authorization(const Url& url) const {
    std::string value;
    std::string text = url.text();
    if (service_) service_->authorization(service_, {text.data(), text.size()}, &keep, &value);
    if (!is_header_value(value))
        throw Failure{PMX_INVALID, false, "the credentials for this URL hold control bytes",
                      "correct the token in .npmrc"};
    return value;
}

std::string route_of(const Url& url, const Origin& origin) {
    if (!origin.proxy) return url.origin();
    std::string via = origin.proxy->origin() + " " + origin.proxy->userinfo;
    return url.tls ? url.origin() + " via " + via : "via " + via;
}

Task<> open_tunnel(Connection& connection, const Url& url, const Origin& origin) {
    std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
    std::string name = host + ":" + std::to_string(url.port);
    std::string request =
        "CONNECT " + name + " HTTP/1.1\r\nHost: " + name + "\r\nUser-Agent: " + origin.user_agent + "\r\n";
    if (!origin.proxy_authorization.empty())
        request += "Proxy-Authorization: " + origin.proxy_authorization + "\r\n";
    request += "\r\n";
    co_await connection.write(request);
    std::string rest;
    Head head = co_await read_head(connection, rest);
    if (head.status >= 200 && head.status < 300 && rest.empty()) co_return;
    Failure failure{PMX_UNAVAILABLE, head.status >= 500, {}, {}};
    failure.what =
        "the proxy " + origin.proxy->shown() + " answered " + std::to_string(head.status) + " to CONNECT";
    failure.remedy = "check the setting https-proxy, or name the host in noproxy";
    if (head.status == 407) {
        failure.status = PMX_DENIED;
        failure.remedy = "put the proxy's user and password into the setting https-proxy";
    }
    throw failure;
}

}  // namespace pmx::http1
