#include "model/json_soften.hpp"

#include <cctype>
#include <optional>

#include "base/text.hpp"

namespace pmx {
namespace {

constexpr std::size_t kDeep = 1 << 16;  // levels; beyond this a manifest is an attack

int hex4(std::string_view text) {
    if (text.size() < 4) return -1;
    int value = 0;
    for (char c : text.substr(0, 4)) {
        if (!std::isxdigit(static_cast<unsigned char>(c))) return -1;
        value = value * 16 + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value;
}

// The length of the valid UTF-8 sequence at the front, or 0.
std::size_t utf8_length(std::string_view text) {
    auto lead = static_cast<unsigned char>(text[0]);
    std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return size <= text.size() && is_valid_utf8(text.substr(0, size)) ? size : 0;
}

// Length of a JSON number at the front by the grammar of RFC 8259, or 0.
std::size_t number_length(std::string_view text) {
    std::size_t at = 0;
    auto digits = [&] {
        std::size_t start = at;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
        return at > start;
    };
    if (at < text.size() && text[at] == '-') ++at;
    if (at < text.size() && text[at] == '0')
        ++at;
    else if (!digits())
        return 0;
    if (at < text.size() && text[at] == '.') {
        ++at;
        if (!digits()) return 0;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        if (!digits()) return 0;
    }
    return at;
}

// Copies one string token from its opening quote; lone surrogates and bad bytes become U+FFFD.
std::size_t soften_string(std::string_view text, std::size_t at, std::string& out) {
    out += text[at++];
    while (at < text.size() && text[at] != '"') {
        if (text[at] == '\\' && at + 1 < text.size()) {
            int unit = text[at + 1] == 'u' ? hex4(text.substr(at + 2)) : -1;
            bool high = unit >= 0xd800 && unit < 0xdc00, low = unit >= 0xdc00 && unit < 0xe000;
            if (high && text.substr(at + 6, 2) == "\\u") {
                int next = hex4(text.substr(at + 8));
                if (next >= 0xdc00 && next < 0xe000) {
                    out += text.substr(at, 12);
                    at += 12;
                    continue;
                }
            }
            if (high || low) {
                out += "\\ufffd";
                at += 6;
            } else {
                out += text.substr(at, 2);
                at += 2;
            }
        } else if (std::size_t size = utf8_length(text.substr(at))) {
            out += text.substr(at, size);
            at += size;
        } else {
            out += "\xef\xbf\xbd";
            ++at;
        }
    }
    if (at < text.size()) out += text[at++];
    return at;
}

std::string soften(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == '"') {
            at = soften_string(text, at, out);
        } else if (std::size_t size = number_length(text.substr(at)); size > 15) {
            out += '0';  // no field that pmx reads is a number of this size
            at += size;
        } else if (size > 0) {
            std::string_view number = text.substr(at, size);
            out += number.find_first_of("eE") == number.npos ? number : "0";
            at += size;
        } else {
            out += text[at++];
        }
    }
    return out;
}

}  // namespace

tl::expected<simdjson::dom::element, std::string> parse_json(simdjson::dom::parser& parser,
                                                             std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    simdjson::dom::element root;
    auto error = parser.parse(text.data(), text.size()).get(root);
    std::string soft;
    if (error == simdjson::STRING_ERROR || error == simdjson::UTF8_ERROR || error == simdjson::NUMBER_ERROR) {
        soft = soften(text);
        text = soft;
        error = parser.parse(text.data(), text.size()).get(root);
    }
    if (error == simdjson::DEPTH_ERROR) {
        error = parser.allocate(text.size(), kDeep);
        if (!error) error = parser.parse(text.data(), text.size()).get(root);
    }
    if (error) return tl::make_unexpected(std::string(simdjson::error_message(error)));
    return root;
}

}  // namespace pmx
