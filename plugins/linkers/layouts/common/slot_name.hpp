// The directory name of a package in pnpm's virtual store: its id with what no file system likes replaced,
// and a hash where it would be too long or differ from another only in case. Pure but for the host's digest.
#pragma once

#include <string>
#include <string_view>

#include "digest.hpp"

namespace pmx::layouts {

inline std::string slot_name(std::string_view id, std::size_t max_length, const Sha256& sha256) {
    std::string name;
    name.reserve(id.size());
    if (id.starts_with('/')) id.remove_prefix(1);
    if (id.ends_with(')')) id.remove_suffix(1);
    bool has_upper = false;
    for (std::size_t i = 0; i < id.size(); ++i) {
        char c = id[i];
        switch (c) {
            case '\\':
            case '/':
            case ':':
            case '*':
            case '?':
            case '"':
            case '<':
            case '>':
            case '|':
            case '#':
                c = '+';
                break;
            case ')':
                if (i + 1 < id.size() && id[i + 1] == '(') ++i;
                c = '_';
                break;
            case '(':
                c = '_';
                break;
            default:
                has_upper = has_upper || (c >= 'A' && c <= 'Z');
        }
        name += c;
    }
    if (name.size() <= max_length && (!has_upper || name.starts_with("file+"))) return name;
    constexpr std::size_t suffix = 33;
    std::string hash = sha256.hex(name).substr(0, suffix - 1);
    name.resize(std::min(name.size(), max_length - suffix));
    return name + '_' + hash;
}

}  // namespace pmx::layouts
