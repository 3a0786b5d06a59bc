#include "config/credentials.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>

#include "base/text.hpp"

namespace pmx {
namespace {

std::optional<std::u32string> code_points(std::string_view text) {
    if (!is_valid_utf8(text)) return std::nullopt;
    std::u32string out;
    for (std::size_t i = 0; i < text.size();) {
        unsigned char lead = static_cast<unsigned char>(text[i]);
        int length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        char32_t point = length == 1 ? lead : lead & (0xff >> (length + 1));
        for (int j = 1; j < length; ++j) point = (point << 6) | (static_cast<unsigned char>(text[i + j]) & 63);
        out += point;
        i += static_cast<std::size_t>(length);
    }
    return out;
}

// RFC 3492.
std::string punycode(const std::u32string& label) {
    std::string out;
    for (char32_t c : label)
        if (c < 0x80) out += static_cast<char>(c);
    std::size_t handled = out.size();
    if (handled > 0) out += '-';
    const std::size_t basic = handled;
    std::uint64_t n = 128, delta = 0, bias = 72;
    while (handled < label.size()) {
        std::uint64_t next = UINT32_MAX;
        for (char32_t c : label)
            if (c >= n && c < next) next = c;
        delta += (next - n) * (handled + 1);
        n = next;
        for (char32_t c : label) {
            if (c < n) ++delta;
            if (c != n) continue;
            std::uint64_t q = delta;
            for (std::uint64_t k = 36;; k += 36) {
                std::uint64_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
                if (q < t) break;
                std::uint64_t digit = t + (q - t) % (36 - t);
                out += static_cast<char>(digit < 26 ? 'a' + digit : '0' + digit - 26);
                q = (q - t) / (36 - t);
            }
            out += static_cast<char>(q < 26 ? 'a' + q : '0' + q - 26);
            delta = handled == basic ? delta / 700 : delta / 2;
            delta += delta / (handled + 1);
            std::uint64_t k = 0;
            for (; delta > 455; k += 36) delta /= 35;
            bias = k + 36 * delta / (delta + 38);
            delta = 0;
            ++handled;
        }
        ++delta;
        ++n;
    }
    return out;
}

// Lower case and punycode. Case folding covers Latin-1, Greek and Cyrillic capitals; registries need no more.
std::optional<std::string> host_on_the_wire(std::string_view host) {
    constexpr std::size_t kLongest = 253;
    if (host.empty() || host.size() > kLongest) return std::nullopt;
    std::string out;
    for (std::string_view label : split(host, '.')) {
        if (!out.empty() || label.data() != host.data()) out += '.';
        auto points = code_points(label);
        if (!points) return std::nullopt;
        bool ascii = true;
        for (char32_t& c : *points) {
            if (c >= 'A' && c <= 'Z') c += 32;
            else if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f)) c += 32;
            else if (c >= 0x400 && c <= 0x40f) c += 80;
            if (c >= 0x80) ascii = false;
            else if (c <= ' ' || c == 0x7f || std::string_view("#%/<>?@\\^|").find(static_cast<char>(c)) != std::string_view::npos) return std::nullopt;
        }
        if (!ascii) {
            out += "xn--" + punycode(*points);
            continue;
        }
        for (char32_t c : *points) out += static_cast<char>(c);
    }
    return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
    text = trim(text);
    while (text.ends_with('=')) text.remove_suffix(1);
    auto bytes = from_base64(text);
    if (!bytes) return std::nullopt;
    return std::string(bytes->begin(), bytes->end());
}

std::string basic(std::string_view user, std::string_view password) {
    std::string pair = std::string(user) + ":" + std::string(password);
    return "Basic " + to_base64({reinterpret_cast<const std::uint8_t*>(pair.data()), pair.size()});
}

// A header must be one line of visible text whatever the file said.
std::string header(std::string value) {
    bool clean = std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    return clean ? value : std::string();
}

std::string header_at(const NpmrcKeys& keys, const std::string& place) {
    auto key = [&](const char* name) -> std::string {
        auto found = keys.find(place + ":" + name);
        return found == keys.end() ? std::string() : found->second;
    };
    if (std::string token = key("_authToken"); !token.empty()) return header("Bearer " + token);
    if (std::string pair = key("_auth"); !pair.empty()) return header("Basic " + pair);
    std::string user = key("username"), password = key("_password");
    if (!user.empty() && !password.empty())
        if (auto plain = decode_base64(password)) return basic(user, *plain);
    return {};
}

// Calls `at` with //host/a/b/, //host/a/b, //host/a/, … until it returns true; then the same without the port.
bool walk_up(const Url& url, const std::function<bool(const std::string&)>& at) {
    for (int without_port = 0; without_port < (url.port.empty() ? 1 : 2); ++without_port) {
        std::string place = "//" + (without_port ? url.host : url.authority()) + url.path;
        if (!place.ends_with('/')) place += '/';
        const std::size_t shortest = 2;
        while (place.size() > shortest) {
            if (at(place)) return true;
            if (place.back() == '/') place.pop_back();
            else place.resize(place.rfind('/') + 1);
        }
    }
    return false;
}

bool covers(std::string_view pattern, const Url& url) {
    pattern = trim(pattern);
    if (pattern == "*") return true;
    std::string want = to_lower_ascii(pattern);
    std::size_t colon = want.rfind(':');
    if (colon != want.npos && want.find(']', colon) == want.npos && want.find(':') == colon) {
        std::string port = url.port.empty() ? (url.scheme == "https" ? "443" : "80") : url.port;
        if (want.substr(colon + 1) != port) return false;
        want.resize(colon);
    }
    if (want.starts_with("*.")) want.erase(0, 1);
    std::string_view bare = want;
    if (bare.starts_with('.')) bare.remove_prefix(1);
    if (bare.empty()) return false;
    return url.host == bare || url.host == "[" + std::string(bare) + "]" || url.host.ends_with("." + std::string(bare));
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
    text = trim(text);
    std::size_t colon = text.find("://");
    if (colon == text.npos) return std::nullopt;
    Url url;
    url.scheme = to_lower_ascii(text.substr(0, colon));
    if (url.scheme != "http" && url.scheme != "https") return std::nullopt;
    text.remove_prefix(colon + 3);
    std::size_t end = std::min(text.find_first_of("/?#\\"), text.size());
    std::string_view authority = text.substr(0, end), rest = text.substr(end);
    if (std::size_t at = authority.rfind('@'); at != authority.npos) {
        url.user_info = authority.substr(0, at);
        authority.remove_prefix(at + 1);
    }
    std::size_t port = authority.rfind(':');
    if (port != authority.npos && authority.find(']', port) == authority.npos) {
        std::string_view digits = authority.substr(port + 1);
        if (digits.size() > 5 || digits.find_first_not_of("0123456789") != digits.npos) return std::nullopt;
        url.port = digits == (url.scheme == "https" ? "443" : "80") ? std::string_view() : digits;
        authority = authority.substr(0, port);
    }
    if (authority.starts_with('[')) {
        if (!authority.ends_with(']')) return std::nullopt;
        url.host = to_lower_ascii(authority);
    } else {
        auto host = host_on_the_wire(authority);
        if (!host) return std::nullopt;
        url.host = *host;
    }
    url.path = rest.substr(0, rest.find_first_of("?#"));
    if (url.path.empty()) url.path = "/";
    return url;
}

std::string nerf_dart(std::string_view text) {
    auto url = parse_url(text);
    if (!url) return {};
    return "//" + url->authority() + url->path.substr(0, url->path.rfind('/') + 1);
}

Result<std::optional<ParsedCredentials>> parse_credentials(const RawCredentials& raw) {
    ParsedCredentials parsed;
    const std::string again = "log in again, or write the key anew";
    if (!raw.token_helper.empty()) {
        if (std::size_t bad = raw.token_helper.find_first_of("$%`\"'"); bad != std::string::npos)
            return fail(Code::CONFIG, std::string("tokenHelper holds the character ") + raw.token_helper[bad], raw.token_helper,
                        "write the program and its arguments as plain words");
        for (std::string_view word : split(raw.token_helper, ' '))
            if (!word.empty()) parsed.token_helper.emplace_back(word);
        return std::optional(parsed);
    }
    if (!raw.auth_token.empty()) {
        parsed.auth_token = raw.auth_token;
        return std::optional(parsed);
    }
    if (!raw.auth_pair_base64.empty()) {
        auto pair = decode_base64(raw.auth_pair_base64);
        if (!pair) return fail(Code::CONFIG, "_auth is not base64", "_auth", again);
        std::size_t colon = pair->find(':');
        if (colon == pair->npos) return fail(Code::CONFIG, "_auth holds no colon between user and password", "_auth", again);
        parsed.username = pair->substr(0, colon);
        parsed.password = pair->substr(colon + 1);
        parsed.basic = true;
        return std::optional(parsed);
    }
    if (!raw.username.empty() && !raw.password_base64.empty()) {
        auto password = decode_base64(raw.password_base64);
        if (!password) return fail(Code::CONFIG, "_password is not base64", "_password", again);
        parsed.username = raw.username;
        parsed.password = *password;
        parsed.basic = true;
        return std::optional(parsed);
    }
    return std::optional<ParsedCredentials>();
}

std::string authorization_header(const NpmrcKeys& keys, std::string_view text, std::string_view own_registry) {
    auto url = parse_url(text);
    if (!url) return {};
    if (!url->user_info.empty()) {
        std::size_t colon = url->user_info.find(':');
        std::string password = colon == url->user_info.npos ? "" : percent_decode(url->user_info.substr(colon + 1));
        return basic(percent_decode(url->user_info.substr(0, colon)), password);
    }
    // Most hosts have no key at all, and every archive asks: a registry's path is six places of four keys each.
    const std::string host = "//" + url->host;
    if (auto nearest = keys.lower_bound(host); nearest == keys.end() || !nearest->first.starts_with(host)) return {};
    std::string found;
    auto look = [&](const std::string& place) { return !(found = header_at(keys, place)).empty(); };
    if (walk_up(*url, look)) return found;
    auto own = parse_url(own_registry);
    if (own && own->host == url->host && own->port == url->port && own->scheme == url->scheme && walk_up(*own, look)) return found;
    return {};
}

std::string without_secrets(std::string_view text) {
    std::string out;
    for (;;) {
        std::size_t scheme = text.find("://");
        if (scheme == text.npos) return out += text;
        out += text.substr(0, scheme + 3);
        text.remove_prefix(scheme + 3);
        // A password may hold anything but a slash, so the last @ of the authority ends it.
        std::string_view authority = text.substr(0, text.find_first_of("/?#\\ \t\n\"'"));
        if (std::size_t at = authority.rfind('@'); at != authority.npos) {
            out += "***";
            text.remove_prefix(at);
        }
    }
}

bool is_secret_key(std::string_view key) {
    if (std::size_t colon = key.rfind(':'); colon != key.npos) key.remove_prefix(colon + 1);
    return key.starts_with('_') || key == "username" || key == "key" || key == "tokenHelper";
}

const std::string* nearest_key(const NpmrcKeys& keys, std::string_view text, std::string_view key) {
    auto url = parse_url(text);
    const std::string* value = nullptr;
    if (url)
        walk_up(*url, [&](const std::string& place) {
            auto found = keys.find(place + ":" + std::string(key));
            if (found != keys.end() && !found->second.empty()) value = &found->second;
            return value != nullptr;
        });
    return value;
}

std::string proxy_for(const NpmrcKeys& keys, std::string_view text) {
    auto url = parse_url(text);
    if (!url) return {};
    auto key = [&](const char* name) -> std::string {
        auto found = keys.find(name);
        return found == keys.end() || found->second == "null" || found->second == "false" ? std::string() : found->second;
    };
    for (const char* name : {"no-proxy", "noproxy"}) {
        std::string list = replace_all(key(name), "\n", ",");
        for (std::string_view pattern : split(list, ','))
            if (covers(pattern, *url)) return {};
    }
    std::string proxy = key(url->scheme == "https" ? "https-proxy" : "http-proxy");
    if (proxy.empty()) proxy = key("proxy");
    if (!proxy.empty() && proxy.find("://") == proxy.npos) proxy = "http://" + proxy;
    return proxy;
}

}  // namespace pmx
