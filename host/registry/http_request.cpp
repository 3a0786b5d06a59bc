#include "registry/http_request.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace pmx::registry {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// `name` and `part` are lower case.
bool is_name(std::string_view text, std::string_view name) {
    if (text.size() != name.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (lower(text[i]) != name[i]) return false;
    return true;
}

bool has_no_case(std::string_view text, std::string_view part) {
    for (std::size_t at = 0; at + part.size() <= text.size(); ++at)
        if (is_name(text.substr(at, part.size()), part)) return true;
    return false;
}

bool parse_size(std::string_view text, std::size_t& size) {
    size = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return false;
        size = size * 10 + static_cast<std::size_t>(c - '0');
        if (size > largest_request_body) return false;
    }
    return true;
}

}  // namespace

bool parse_head(std::string_view head, HttpRequest& request) {
    const auto line_end = head.find("\r\n");
    const auto first = head.substr(0, line_end);
    const auto method_end = first.find(' ');
    const auto path_end = first.rfind(' ');
    if (method_end == std::string_view::npos || path_end == method_end) return false;
    const auto path = first.substr(method_end + 1, path_end - method_end - 1);
    const auto version = first.substr(path_end + 1);
    if (!version.starts_with("HTTP/1.") || path.empty() || path[0] != '/' || path.find(' ') != path.npos) return false;
    request.method = first.substr(0, method_end);
    request.path = percent_decode(path.substr(0, path.find_first_of("?#")));
    request.keep_alive = version != "HTTP/1.0";
    std::size_t at = line_end;
    while (at != std::string_view::npos && at + 2 < head.size()) {
        at += 2;
        const auto end = head.find("\r\n", at);
        const auto line = head.substr(at, end == std::string_view::npos ? end : end - at);
        at = end;
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return false;
        const auto name = line.substr(0, colon);
        const auto value = trim(line.substr(colon + 1));
        if (is_name(name, "host")) request.host = value;
        else if (is_name(name, "if-none-match")) request.if_none_match = value;
        else if (is_name(name, "authorization")) request.authorization = value;
        else if (is_name(name, "range")) request.range = value;
        else if (is_name(name, "if-range")) request.if_range = value;
        else if (is_name(name, "connection")) request.keep_alive = !has_no_case(value, "close");
        else if (is_name(name, "accept-encoding")) request.gzip = has_no_case(value, "gzip");
        else if (is_name(name, "accept"))
            request.abbreviated = has_no_case(value, "application/vnd.npm.install-v1+json");
        else if (is_name(name, "content-length")) {
            if (!parse_size(value, request.body_size)) return false;
        } else if (is_name(name, "transfer-encoding")) {
            return false;
        }
    }
    return true;
}

ByteRange parse_range(std::string_view header, std::size_t size) {
    const auto equals = header.find('=');
    if (equals == std::string_view::npos || !is_name(trim(header.substr(0, equals)), "bytes")) return {};
    const auto range = trim(header.substr(equals + 1));
    const auto dash = range.find('-');
    if (dash == std::string_view::npos) return {};
    const auto number = [](std::string_view text, std::uint64_t& out) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
        return error == std::errc() && end == text.data() + text.size();
    };
    std::uint64_t first = 0, last = 0;
    const bool has_first = dash > 0, has_last = dash + 1 < range.size();
    if (has_first && !number(range.substr(0, dash), first)) return {};
    if (has_last && !number(range.substr(dash + 1), last)) return {};
    if (!has_first && !has_last) return {};
    if (!has_first) {
        if (last == 0 || size == 0) return {ByteRange::Kind::unsatisfiable};
        const std::size_t tail = static_cast<std::size_t>(std::min<std::uint64_t>(last, size));
        return {ByteRange::Kind::part, size - tail, tail};
    }
    if (has_last && last < first) return {};
    if (first >= size) return {ByteRange::Kind::unsatisfiable};
    const std::uint64_t end = has_last && last < size ? last + 1 : size;
    return {ByteRange::Kind::part, static_cast<std::size_t>(first), static_cast<std::size_t>(end - first)};
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200: return "OK";
        case 206: return "Partial Content";
        case 302: return "Found";
        case 304: return "Not Modified";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 416: return "Range Not Satisfiable";
        case 429: return "Too Many Requests";
        case 500: return "Internal Server Error";
        case 503: return "Service Unavailable";
        default: return "Status";
    }
}

}  // namespace pmx::registry
