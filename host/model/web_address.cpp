#include "model/web_address.hpp"

#include <algorithm>
#include <vector>

#include "base/text.hpp"

namespace pmx {
namespace {

bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_special(std::string_view scheme) {
    return scheme == "http" || scheme == "https" || scheme == "ftp" || scheme == "ws" || scheme == "wss";
}

std::string_view default_port(std::string_view scheme) {
    if (scheme == "http" || scheme == "ws") return "80";
    if (scheme == "https" || scheme == "wss") return "443";
    return scheme == "ftp" ? "21" : "";
}

bool is_forbidden_in_host(char c) {
    return static_cast<unsigned char>(c) <= 0x20 || std::string_view("#/:<>?@[\\]^|\x7f").find(c) != std::string_view::npos;
}

// What a URL parser takes away before it reads: spaces around, tabs and line ends anywhere.
std::string stripped(std::string_view text) {
    auto blank = [](char c) { return static_cast<unsigned char>(c) <= 0x20; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    std::string out;
    std::copy_if(text.begin(), text.end(), std::back_inserter(out), [](char c) { return c != '\t' && c != '\n' && c != '\r'; });
    return out;
}

std::string without_dot_segments(std::string_view path, bool special) {
    std::vector<std::string_view> kept;
    while (!path.empty()) {
        path.remove_prefix(1);  // the slash
        std::size_t end = path.find_first_of(special ? "/\\" : "/");
        std::string_view part = path.substr(0, end);
        path = end == std::string_view::npos ? std::string_view() : path.substr(end);
        bool last = path.empty();
        std::string plain = part.size() <= 6 ? replace_all(to_lower_ascii(part), "%2e", ".") : std::string();
        if (plain == "..") {
            if (!kept.empty()) kept.pop_back();
            if (last) kept.emplace_back();
        } else if (plain == ".") {
            if (last) kept.emplace_back();
        } else {
            kept.push_back(part);
        }
    }
    std::string out;
    for (std::string_view part : kept) out.append("/").append(part);
    return out;
}

bool take_authority(std::string_view authority, bool special, WebAddress& url) {
    url.has_authority = true;
    bool credentials = false;
    if (std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        std::string_view who = authority.substr(0, at);
        authority.remove_prefix(at + 1);
        std::size_t colon = who.find(':');
        url.user = who.substr(0, colon);
        if (colon != std::string_view::npos) url.password = who.substr(colon + 1);
        credentials = true;
    }
    bool has_port = false;
    std::size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
    if (bracket == std::string_view::npos) return false;
    if (std::size_t colon = authority.find(':', bracket); colon != std::string_view::npos) {
        std::string_view port = authority.substr(colon + 1);
        authority = authority.substr(0, colon);
        if (port.size() > 5 || !std::all_of(port.begin(), port.end(), is_digit)) return false;
        if (!port.empty() && std::stoul(std::string(port)) > 65535) return false;
        if (port != default_port(url.scheme)) url.port = port;
        has_port = true;
    }
    if (bracket == 0 && std::any_of(authority.begin(), authority.end(), is_forbidden_in_host)) return false;
    if (authority.empty() && (special || credentials || has_port)) return false;
    url.host = special ? to_lower_ascii(authority) : std::string(authority);
    return true;
}

}  // namespace

std::optional<WebAddress> parse_web_address(std::string_view raw) {
    std::string text = stripped(raw);
    std::string_view rest = text;
    std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos || colon == 0 || !is_alpha(rest[0])) return std::nullopt;
    std::string_view scheme = rest.substr(0, colon);
    if (!std::all_of(scheme.begin(), scheme.end(), [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; }))
        return std::nullopt;
    WebAddress url;
    url.scheme = to_lower_ascii(scheme);
    rest.remove_prefix(colon + 1);
    if (std::size_t hash = rest.find('#'); hash != std::string_view::npos) {
        url.fragment = rest.substr(hash + 1);
        rest = rest.substr(0, hash);
    }
    if (std::size_t mark = rest.find('?'); mark != std::string_view::npos) {
        url.query = rest.substr(mark + 1);
        rest = rest.substr(0, mark);
    }
    bool special = is_special(url.scheme);
    if (special) {
        std::size_t start = rest.find_first_not_of("/\\");
        rest.remove_prefix(std::min(start, rest.size()));
    } else if (rest.starts_with("//")) {
        rest.remove_prefix(2);
    } else {
        url.path = rest.starts_with('/') ? without_dot_segments(rest, false) : std::string(rest);
        return url;
    }
    std::size_t end = std::min(rest.find_first_of(special ? "/\\" : "/"), rest.size());
    if (!take_authority(rest.substr(0, end), special, url)) return std::nullopt;
    url.path = without_dot_segments(rest.substr(end), special);
    if (special && url.path.empty()) url.path = "/";
    return url;
}

std::string without_default_port(std::string_view text) {
    std::optional<WebAddress> url = parse_web_address(text);
    std::string out(text);
    if (!url || !url->port.empty() || default_port(url->scheme).empty()) return out;
    std::size_t start = out.find("://");
    if (start == std::string::npos) return out;
    std::size_t end = std::min(out.find_first_of("/?#", start + 3), out.size());
    std::string port = ":" + std::string(default_port(url->scheme));
    if (std::string_view(out).substr(start, end - start).ends_with(port)) out.erase(end - port.size(), port.size());
    return out;
}

std::string without_credentials(std::string_view text) {
    std::size_t start = text.find("://");
    if (start == std::string_view::npos) return std::string(text);
    start += 3;
    std::size_t end = std::min(text.find_first_of("/?#", start), text.size());
    std::size_t at = text.substr(0, end).rfind('@');
    if (at == std::string_view::npos || at < start) return std::string(text);
    return std::string(text.substr(0, start)) + std::string(text.substr(at + 1));
}

std::optional<std::string> decode_component(std::string_view text) {
    auto hex = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
    if (text.find('%') == std::string_view::npos) return std::string(text);
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '%' && (i + 2 >= text.size() || !hex(text[i + 1]) || !hex(text[i + 2]))) return std::nullopt;
    std::string out = percent_decode(text);
    if (!is_valid_utf8(out)) return std::nullopt;
    return out;
}

}  // namespace pmx
