#include "lockfile/yaml_escape.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

namespace pmx {
namespace {

constexpr char32_t kReplacement = 0xFFFD, kByteOrderMark = 0xFEFF;

struct Escape {
    char32_t point;
    char letter;
};
constexpr Escape kEscapes[] = {{0x00, '0'},  {0x07, 'a'}, {0x08, 'b'},  {0x09, 't'}, {0x0A, 'n'},
                               {0x0B, 'v'},  {0x0C, 'f'}, {0x0D, 'r'},  {0x1B, 'e'}, {0x22, '"'},
                               {0x5C, '\\'}, {0x85, 'N'}, {0xA0, '_'},  {0x2028, 'L'}, {0x2029, 'P'}};

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& at) {
    auto lead = static_cast<unsigned char>(text[at++]);
    if (lead < 0x80) return lead;
    int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (more == 0 || lead > 0xF7 || at + static_cast<std::size_t>(more) > text.size()) return kReplacement;
    char32_t point = lead & (0x3Fu >> more);
    for (int i = 0; i < more; ++i) {
        auto byte = static_cast<unsigned char>(text[at + static_cast<std::size_t>(i)]);
        if ((byte & 0xC0) != 0x80) return kReplacement;
        point = point << 6 | (byte & 0x3Fu);
    }
    at += static_cast<std::size_t>(more);
    return point;
}

void append_code_point(std::string& out, char32_t point) {
    if (point < 0x80) {
        out += static_cast<char>(point);
        return;
    }
    int more = point >= 0x10000 ? 3 : point >= 0x800 ? 2 : 1;
    constexpr std::array<unsigned, 4> kLead = {0, 0xC0, 0xE0, 0xF0};
    out += static_cast<char>(kLead[static_cast<std::size_t>(more)] | point >> (6 * more));
    for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (point >> (6 * i) & 0x3F));
}

bool is_yaml_printable(char32_t c) {
    return (c >= 0x20 && c <= 0x7E) || (c >= 0xA1 && c <= 0xD7FF && c != 0x2028 && c != 0x2029) ||
           (c >= 0xE000 && c <= 0xFFFD && c != kByteOrderMark) || (c >= 0x10000 && c <= 0x10FFFF);
}

void append_escaped(std::string& out, char32_t point) {
    for (const Escape& escape : kEscapes)
        if (escape.point == point) {
            (out += '\\') += escape.letter;
            return;
        }
    auto number = static_cast<std::uint32_t>(point);
    if (is_yaml_printable(point))
        append_code_point(out, point);
    else if (number <= 0xFF)
        fmt::format_to(std::back_inserter(out), "\\x{:02X}", number);
    else if (number <= 0xFFFF)
        fmt::format_to(std::back_inserter(out), "\\u{:04X}", number);
    else
        fmt::format_to(std::back_inserter(out), "\\U{:08X}", number);
}

bool append_unescaped(std::string& out, std::string_view raw, std::size_t& at) {
    char letter = raw[at];
    if (letter == '/') {
        out += '/';
        return true;
    }
    for (const Escape& escape : kEscapes)
        if (escape.letter == letter) {
            append_code_point(out, escape.point);
            return true;
        }
    std::size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    if (digits == 0 || raw.size() - at - 1 < digits) return false;
    std::uint32_t point = 0;
    const char* first = raw.data() + at + 1;
    auto [end, error] = std::from_chars(first, first + digits, point, 16);
    if (error != std::errc{} || end != first + digits) return false;
    if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
    at += digits;
    append_code_point(out, point);
    return true;
}

}  // namespace pmx
