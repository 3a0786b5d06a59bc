#include "lockfile/yaml_write.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "lockfile/yaml_escape.hpp"

namespace pmx {
namespace {

constexpr char32_t kNone = 0;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_space(char32_t c) { return c == ' ' || c == '\t'; }
bool is_flow_indicator(char32_t c) { return c == ',' || c == '[' || c == ']' || c == '{' || c == '}'; }
// A character of a line, or a space.
bool is_in_line(char32_t c) { return is_yaml_printable(c) && c != '\r' && c != '\n'; }

bool may_be_first(char32_t c) {
    if (!is_yaml_printable(c) || is_space(c) || is_flow_indicator(c)) return false;
    constexpr std::string_view kIndicators = "-?:#&*!|=>'\"%@`";
    return c > 0x7F || kIndicators.find(static_cast<char>(c)) == std::string_view::npos;
}

bool is_plain(char32_t c, char32_t before, bool in_flow) {
    bool text = is_in_line(c) && !is_space(c);
    bool safe = is_in_line(c) && !(in_flow && is_flow_indicator(c));
    if (safe && c != '#' && !(before == ':' && !text)) return true;
    if (c == '#' && before != kNone && is_in_line(before) && !is_space(before)) return true;
    return before == ':' && text;
}

// What a scan over the whole text tells.
struct Scan {
    bool plain = true, printable = true, lines = false;
};

Scan scan(std::string_view text, YamlPlace place) {
    Scan found;
    char32_t before = kNone;
    for (std::size_t at = 0; at < text.size();) {
        bool first = at == 0;
        char32_t c = next_code_point(text, at);
        if (c == '\n' && place == YamlPlace::value)
            found.lines = true;
        else if (!is_yaml_printable(c))
            return {false, false, false};
        found.plain = found.plain && (!first || may_be_first(c)) && is_plain(c, before, place == YamlPlace::flow);
        before = c;
    }
    found.plain = found.plain && !is_space(before) && before != ':';
    return found;
}

// Letters, digits and marks that mean nothing anywhere in a plain scalar, begun by a letter or digit: most texts.
constexpr std::array<bool, 256> kSimple = [] {
    std::array<bool, 256> simple{};
    for (int c = 'a'; c <= 'z'; ++c) simple[static_cast<std::size_t>(c)] = true;
    for (int c = 'A'; c <= 'Z'; ++c) simple[static_cast<std::size_t>(c)] = true;
    for (int c = '0'; c <= '9'; ++c) simple[static_cast<std::size_t>(c)] = true;
    for (char c : std::string_view("-._/+=@^~()<>|*")) simple[static_cast<unsigned char>(c)] = true;
    return simple;
}();

bool is_simple(std::string_view text) {
    char first = text[0];
    if (!is_digit(first) && !(first >= 'a' && first <= 'z') && !(first >= 'A' && first <= 'Z')) return false;
    return std::all_of(text.begin(), text.end(), [](char c) { return kSimple[static_cast<unsigned char>(c)]; });
}

void append_single_quoted(std::string& out, std::string_view text) {
    out += '\'';
    for (char c : text) {
        if (c == '\'') out += '\'';
        out += c;
    }
    out += '\'';
}

void append_double_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t at = 0; at < text.size();) append_escaped(out, next_code_point(text, at));
    out += '"';
}

// "|-" and the lines. A first line that begins with a space needs the number of columns said.
void append_literal(std::string& out, std::string_view text, int indent) {
    out += '|';
    std::size_t begin = text.find_first_not_of('\n');
    if (begin != std::string_view::npos && text[begin] == ' ') out += '2';
    bool ends = text.ends_with('\n');
    if (!ends)
        out += '-';
    else if (text.size() == 1 || text[text.size() - 2] == '\n')
        out += '+';
    if (ends) text.remove_suffix(1);
    for (std::size_t at = 0;;) {
        std::size_t newline = text.find('\n', at);
        std::string_view line = text.substr(at, newline == std::string_view::npos ? newline : newline - at);
        out += '\n';
        if (!line.empty()) out.append(static_cast<std::size_t>(indent), ' ').append(line);
        if (newline == std::string_view::npos) return;
        at = newline + 1;
    }
}

bool is_null_or_bool(std::string_view text) {
    constexpr std::string_view kWords[] = {"~",    "null", "Null",  "NULL",  "true",
                                           "True", "TRUE", "false", "False", "FALSE"};
    return std::find(std::begin(kWords), std::end(kWords), text) != std::end(kWords);
}

bool is_integer(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (text.empty() || text.ends_with('_')) return false;
    bool (*legal)(char) = is_digit;
    if (text[0] == '0' && text.size() > 1) {
        char base = text[1];
        if (base == 'b')
            legal = [](char c) { return c == '0' || c == '1'; };
        else if (base == 'x')
            legal = is_hex;
        else if (base == 'o')
            legal = [](char c) { return c >= '0' && c <= '7'; };
        if (base == 'b' || base == 'x' || base == 'o') {
            text.remove_prefix(2);
            if (text.empty()) return false;
        }
    }
    if (legal == static_cast<bool (*)(char)>(is_digit) && text[0] == '_') return false;
    return std::all_of(text.begin(), text.end(), [&](char c) { return c == '_' || legal(c); }) &&
           std::any_of(text.begin(), text.end(), legal);
}

// Takes a run of digits (and "_" where allowed) off the front; how many characters it had.
std::size_t take_digits(std::string_view& text, bool underscores) {
    std::size_t n = 0;
    while (n < text.size() && (is_digit(text[n]) || (underscores && text[n] == '_'))) ++n;
    text.remove_prefix(n);
    return n;
}

bool is_exponent_or_end(std::string_view text) {
    if (text.empty()) return true;
    if (text[0] != 'e' && text[0] != 'E') return false;
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return take_digits(text, false) > 0 && text.empty();
}

bool is_float(std::string_view text) {
    if (text.ends_with('_')) return false;
    if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
    bool is_signed = text.starts_with('-') || text.starts_with('+');
    std::string_view rest = text.substr(is_signed ? 1 : 0);
    if (rest == ".inf" || rest == ".Inf" || rest == ".INF") return true;
    if (rest.starts_with('.')) {
        rest.remove_prefix(1);
        return !is_signed && take_digits(rest, true) > 0 && is_exponent_or_end(rest);
    }
    if (rest.empty() || !is_digit(rest[0])) return false;
    take_digits(rest, true);
    if (rest.starts_with('.')) {
        rest.remove_prefix(1);
        take_digits(rest, true);
    }
    return is_exponent_or_end(rest);
}

// Between `least` and `most` digits off the front.
bool take_number(std::string_view& text, std::size_t least, std::size_t most) {
    std::size_t n = 0;
    while (n < most && n < text.size() && is_digit(text[n])) ++n;
    if (n < least) return false;
    text.remove_prefix(n);
    return true;
}
bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}
bool take_spaces(std::string_view& text) {
    std::size_t n = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(n);
    return n > 0;
}

// "2021-02-11", "2021-02-11T22:54:29.120Z" and the other spellings of YAML.
bool is_date(std::string_view text) {
    std::string_view rest = text;
    if (!take_number(rest, 4, 4) || !take(rest, '-')) return false;
    std::string_view day = rest;
    if (take_number(day, 2, 2) && take(day, '-') && take_number(day, 2, 2) && day.empty()) return true;
    if (!take_number(rest, 1, 2) || !take(rest, '-') || !take_number(rest, 1, 2)) return false;
    if (!take(rest, 'T') && !take(rest, 't') && !take_spaces(rest)) return false;
    if (!take_number(rest, 1, 2) || !take(rest, ':') || !take_number(rest, 2, 2) || !take(rest, ':') ||
        !take_number(rest, 2, 2))
        return false;
    if (take(rest, '.')) take_digits(rest, false);
    if (rest.empty()) return true;
    take_spaces(rest);
    if (take(rest, 'Z')) return rest.empty();
    if (!take(rest, '-') && !take(rest, '+')) return false;
    if (!take_number(rest, 1, 2)) return false;
    return rest.empty() || (take(rest, ':') && take_number(rest, 2, 2) && rest.empty());
}

}  // namespace

bool is_ambiguous_in_yaml(std::string_view text) {
    if (text.empty()) return true;
    // Most texts are decided by their first character.
    constexpr std::string_view kFirst = "0123456789+-.~<nNtTfF";
    if (kFirst.find(text[0]) == std::string_view::npos) return false;
    return text == "<<" || is_null_or_bool(text) || is_integer(text) || is_float(text) || is_date(text);
}

void append_yaml_scalar(std::string& out, std::string_view text, YamlPlace place, int indent) {
    if (text.empty()) {
        out += "''";
        return;
    }
    if (is_simple(text)) {
        if (is_ambiguous_in_yaml(text))
            append_single_quoted(out, text);
        else
            out += text;
        return;
    }
    Scan found = scan(text, place);
    if (!found.printable)
        append_double_quoted(out, text);
    else if (found.lines)
        append_literal(out, text, indent);
    else if (found.plain && !is_ambiguous_in_yaml(text))
        out += text;
    else
        append_single_quoted(out, text);
}

}  // namespace pmx
