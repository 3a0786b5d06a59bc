#include "url.hpp"

#include <algorithm>

namespace pmx::http1 {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = lower(c);
    return out;
}

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
            out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

// A request line may hold visible ASCII only; what servers and lockfiles write beyond that is escaped.
std::string escape_target(std::string_view text) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    std::string out;
    for (unsigned char c : text) {
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\') {
            out += '%';
            out += kDigits[c >> 4];
            out += kDigits[c & 15];
        } else {
            out += static_cast<char>(c);
        }
    }
    return out;
}

bool valid_host(std::string_view host, bool bracketed) {
    if (host.empty() || host.size() > 255) return false;
    return std::all_of(host.begin(), host.end(), [&](char c) {
        if (bracketed) return hex(c) >= 0 || c == ':' || c == '.';
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    });
}

bool read_authority(std::string_view text, Url& url) {
    if (auto at = text.rfind('@'); at != std::string_view::npos) {
        url.userinfo = percent_decode(text.substr(0, at));
        text.remove_prefix(at + 1);
    }
    bool bracketed = !text.empty() && text.front() == '[';
    std::string_view port;
    if (bracketed) {
        auto end = text.find(']');
        if (end == std::string_view::npos) return false;
        url.host = lower(text.substr(1, end - 1));
        port = text.substr(end + 1);
        if (!port.empty() && port.front() != ':') return false;
    } else {
        auto colon = text.find(':');
        url.host = lower(text.substr(0, colon));
        if (colon != std::string_view::npos) port = text.substr(colon);
    }
    if (!valid_host(url.host, bracketed)) return false;
    url.port = url.tls ? 443 : 80;
    if (port.size() <= 1) return true;
    port.remove_prefix(1);
    unsigned value = 0;
    for (char c : port) {
        if (c < '0' || c > '9') return false;
        value = value * 10 + static_cast<unsigned>(c - '0');
        if (value > 65535) return false;
    }
    url.port = static_cast<std::uint16_t>(value);
    return value != 0;
}

// "a/./b/../c" as browsers read it; the query is left alone.
std::string without_dots(std::string_view target) {
    auto query = target.find('?');
    std::string_view path = target.substr(0, query);
    std::string out;
    std::size_t at = 0;
    while (at < path.size()) {
        auto end = path.find('/', at + 1);
        if (end == std::string_view::npos) end = path.size();
        std::string_view part = path.substr(at, end - at);
        bool last = end == path.size();
        if (part == "/.") {
            if (last) out += '/';
        } else if (part == "/..") {
            out.resize(std::min(out.rfind('/'), out.size()));
            if (last) out += '/';
        } else {
            out += part;
        }
        at = end;
    }
    if (out.empty()) out = "/";
    if (query != std::string_view::npos) out += target.substr(query);
    return out;
}

}  // namespace

std::string Url::authority() const {
    std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != (tls ? 443 : 80)) out += ":" + std::to_string(port);
    return out;
}

std::string Url::origin() const {
    return std::string(tls ? "https://" : "http://") +
           (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::string Url::text() const {
    return (tls ? "https://" : "http://") + authority() + target;
}

std::string Url::shown() const {
    return (tls ? "https://" : "http://") + authority() + target.substr(0, target.find('?'));
}

std::optional<Url> parse_url(std::string_view text) {
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        return {};
    auto colon = text.find("://");
    if (colon == std::string_view::npos) return {};
    Url url;
    std::string scheme = lower(text.substr(0, colon));
    if (scheme == "https")
        url.tls = true;
    else if (scheme != "http")
        return {};
    std::string_view rest = text.substr(colon + 3);
    auto end = rest.find_first_of("/?#\\");
    if (!read_authority(rest.substr(0, end), url)) return {};
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
    rest = rest.substr(0, rest.find('#'));
    std::string target(rest);
    if (target.empty() || target.front() != '/') target.insert(target.begin(), '/');
    url.target = escape_target(without_dots(target));
    return url;
}

std::optional<Url> resolve_url(const Url& base, std::string_view location) {
    if (location.empty()) return {};
    std::string_view scheme = base.tls ? "https:" : "http:";
    std::string whole;
    auto colon = location.find(':');
    auto slash = location.find_first_of("/?#");
    if (colon != std::string_view::npos && (slash == std::string_view::npos || colon < slash)) {
        return parse_url(location);
    } else if (location.substr(0, 2) == "//") {
        return parse_url(std::string(scheme) + std::string(location));
    }
    whole = std::string(scheme) + "//" + base.authority();
    std::string_view path = std::string_view(base.target).substr(0, base.target.find('?'));
    if (location.front() == '/') {
        whole += location;
    } else if (location.front() == '?') {
        whole += std::string(path) + std::string(location);
    } else if (location.front() == '#') {
        whole += base.target;
    } else {
        whole += std::string(path.substr(0, path.rfind('/') + 1)) + std::string(location);
    }
    return parse_url(whole);
}

std::string to_base64(std::string_view bytes) {
    static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        unsigned group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k)
            out += i + k <= bytes.size() ? kAlphabet[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace pmx::http1
