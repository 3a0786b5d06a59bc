#include "config/ini.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace pmx {
namespace {

// ECMAScript's String.prototype.trim, as far as files on disk go: ASCII white space, U+00A0 and the byte order mark.
std::string_view js_trim(std::string_view text) {
    auto ascii = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    for (;;) {
        if (!text.empty() && ascii(text.front())) text.remove_prefix(1);
        else if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
        else if (text.starts_with("\xc2\xa0")) text.remove_prefix(2);
        else break;
    }
    for (;;) {
        if (!text.empty() && ascii(text.back())) text.remove_suffix(1);
        else if (text.ends_with("\xef\xbb\xbf")) text.remove_suffix(3);
        else if (text.ends_with("\xc2\xa0")) text.remove_suffix(2);
        else break;
    }
    return text;
}

void append_utf8(std::string& out, std::uint32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | (c >> 6));
        out += static_cast<char>(0x80 | (c & 63));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xe0 | (c >> 12));
        out += static_cast<char>(0x80 | ((c >> 6) & 63));
        out += static_cast<char>(0x80 | (c & 63));
    } else {
        out += static_cast<char>(0xf0 | (c >> 18));
        out += static_cast<char>(0x80 | ((c >> 12) & 63));
        out += static_cast<char>(0x80 | ((c >> 6) & 63));
        out += static_cast<char>(0x80 | (c & 63));
    }
}

std::optional<std::uint32_t> hex4(std::string_view text, std::size_t at) {
    if (at + 4 > text.size()) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
        char c = text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) return std::nullopt;
        value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    return value;
}

// The value of a JSON string with its quotes; nullopt for anything else.
std::optional<std::string> json_string(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
    text = text.substr(1, text.size() - 2);
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '"' || static_cast<unsigned char>(c) < 0x20) return std::nullopt;
        if (c != '\\') {
            out += c;
            continue;
        }
        if (++i == text.size()) return std::nullopt;
        static constexpr std::string_view names = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
        if (auto at = names.find(text[i]); at != names.npos) {
            out += values[at];
            continue;
        }
        if (text[i] != 'u') return std::nullopt;
        auto unit = hex4(text, i + 1);
        if (!unit) return std::nullopt;
        i += 4;
        std::uint32_t point = *unit;
        if (point >= 0xd800 && point < 0xdc00 && text.substr(i + 1, 2) == "\\u") {
            if (auto low = hex4(text, i + 3); low && *low >= 0xdc00 && *low < 0xe000) {
                point = 0x10000 + ((point - 0xd800) << 10) + (*low - 0xdc00);
                i += 6;
            }
        }
        append_utf8(out, point >= 0xd800 && point < 0xe000 ? 0xfffd : point);
    }
    return out;
}

std::string unquote(std::string_view raw) {
    raw = js_trim(raw);
    auto quoted = [&](char quote) { return !raw.empty() && raw.front() == quote && raw.back() == quote; };
    if (quoted('\'')) {
        raw = raw.size() < 2 ? std::string_view() : raw.substr(1, raw.size() - 2);
        if (auto text = json_string(raw)) return *text;
        return std::string(raw);
    }
    if (quoted('"')) {
        if (auto text = json_string(raw)) return *text;
        return std::string(raw);
    }
    std::string out;
    bool escaped = false;
    for (char c : raw) {
        if (escaped) {
            if (c != '\\' && c != ';' && c != '#') out += '\\';
            out += c;
            escaped = false;
        } else if (c == ';' || c == '#') {
            break;
        } else if (c == '\\') {
            escaped = true;
        } else {
            out += c;
        }
    }
    if (escaped) out += '\\';
    return std::string(js_trim(out));
}

Ini scalar(std::string text, unsigned line) {
    Ini value;
    value.line = line;
    value.kind = text == "true" ? Ini::Kind::yes : text == "false" ? Ini::Kind::no : text == "null" ? Ini::Kind::null : Ini::Kind::text;
    if (value.kind == Ini::Kind::text) value.text = std::move(text);
    return value;
}

Ini& member_or_new(Ini& section, std::string_view name) {
    if (Ini* there = section.member(name)) return *there;
    return section.members.emplace_back(std::string(name), Ini{}).second;
}

void assign(Ini& section, std::string_view line_text, unsigned line) {
    std::size_t equals = line_text.find('=');
    std::string key = unquote(line_text.substr(0, equals));
    bool is_list = key.size() > 2 && key.ends_with("[]");
    if (is_list) key.resize(key.size() - 2);
    if (key == "__proto__") return;
    Ini value = scalar(equals == line_text.npos ? "true" : unquote(line_text.substr(equals + 1)), line);
    Ini* there = section.member(key);
    if (is_list && there == nullptr) {
        there = &member_or_new(section, key);
        there->kind = Ini::Kind::list;
    } else if (is_list && there->kind != Ini::Kind::list) {
        Ini list;
        list.kind = Ini::Kind::list;
        list.items.push_back(std::move(*there));
        *there = std::move(list);
    }
    if (there != nullptr && there->kind == Ini::Kind::list) {
        there->line = line;
        there->items.push_back(std::move(value));
    } else if (there != nullptr) {
        *there = std::move(value);
    } else {
        section.members.emplace_back(std::move(key), std::move(value));
    }
}

std::vector<std::string> split_section(std::string_view name) {
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '\\' && i + 1 < name.size() && name[i + 1] == '.') parts.back() += name[++i];
        else if (name[i] == '.') parts.emplace_back();
        else parts.back() += name[i];
    }
    return parts;
}

// "[a.b.c]" is c in b in a; "\." is a dot of the name.
void nest_sections(Ini& root) {
    std::vector<std::string> names;
    for (const auto& [name, value] : root.members)
        if (value.kind == Ini::Kind::section) names.push_back(name);
    for (const std::string& name : names) {
        std::vector<std::string> parts = split_section(name);
        const std::string last = parts.back();
        if (parts.size() == 1 && last == name) continue;
        auto at = std::find_if(root.members.begin(), root.members.end(), [&](const auto& m) { return m.first == name; });
        if (at == root.members.end()) continue;
        Ini moved = std::move(at->second);
        root.members.erase(at);
        Ini* parent = &root;
        for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
            if (parts[i] == "__proto__") continue;
            Ini& next = member_or_new(*parent, parts[i]);
            if (next.kind != Ini::Kind::section) next = Ini{};
            parent = &next;
        }
        member_or_new(*parent, last) = std::move(moved);
    }
}

}  // namespace

Ini* Ini::member(std::string_view name) {
    for (auto& [key, value] : members)
        if (key == name) return &value;
    return nullptr;
}

std::string Ini::as_text() const {
    switch (kind) {
        case Kind::text: return text;
        case Kind::yes: return "true";
        case Kind::no: return "false";
        case Kind::null: return "null";
        case Kind::section: return {};
        case Kind::list: break;
    }
    std::string out;
    for (const Ini& item : items) out += (out.empty() ? "" : "\n") + item.as_text();
    return out;
}

Ini parse_ini(std::string_view text) {
    Ini root, dropped;
    std::string section;  // name of the open one; members may move in memory, so no pointer is kept
    bool in_section = false, dropping = false;
    unsigned line = 0;
    for (std::size_t at = 0; at <= text.size();) {
        std::size_t end = text.find_first_of("\r\n", at);
        if (end == text.npos) end = text.size();
        std::string_view content = text.substr(at, end - at);
        ++line;
        at = end + 1;
        if (end + 1 < text.size() && text[end] == '\r' && text[end + 1] == '\n') ++at;
        std::string_view trimmed = js_trim(content);
        if (trimmed.empty() || trimmed.front() == ';' || trimmed.front() == '#') continue;
        if (content.front() == '[') {
            std::size_t close = content.find(']');
            if (close != content.npos && js_trim(content.substr(close + 1)).empty()) {
                section = unquote(content.substr(1, close - 1));
                dropping = section == "__proto__";
                in_section = true;
                if (!dropping) member_or_new(root, section);
                continue;
            }
        }
        if (content.front() == '=') continue;
        Ini* open = &root;
        if (dropping) open = &dropped;
        else if (in_section) open = &member_or_new(root, section);
        if (open->kind == Ini::Kind::section) assign(*open, content, line);
    }
    nest_sections(root);
    return root;
}

std::string replace_environment(std::string_view text, const Environment& environment, bool defaults) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        std::size_t start = i;
        while (i < text.size() && text[i] == '\\') ++i;
        std::size_t slashes = i - start;
        std::size_t close = text.substr(i, 2) == "${" ? text.find_first_of("${}", i + 2) : text.npos;
        if (close == text.npos || text[close] != '}' || close == i + 2) {
            out += text.substr(start, slashes);
            if (i < text.size()) out += text[i++];
            continue;
        }
        std::string_view original = text.substr(start, close + 1 - start);
        std::string name(text.substr(i + 2, close - i - 2));
        i = close + 1;
        if (slashes % 2 == 1) {
            out += original.substr((slashes + 1) / 2);
            continue;
        }
        bool may_be_absent = name.ends_with('?');
        if (may_be_absent) name.pop_back();
        auto found = environment.find(name);
        std::optional<std::string> value;
        if (found != environment.end()) {
            value = found->second;
        } else if (may_be_absent) {
            value = "";
        } else if (std::size_t dash = name.find('-'); defaults && dash != name.npos) {
            bool colon = dash > 0 && name[dash - 1] == ':';
            auto base = environment.find(name.substr(0, colon ? dash - 1 : dash));
            bool usable = base != environment.end() && !(colon && base->second.empty());
            value = usable ? base->second : name.substr(dash + 1);
        }
        if (value) out += std::string(slashes / 2, '\\') + *value;
        else out += original;
    }
    return out;
}

}  // namespace pmx
