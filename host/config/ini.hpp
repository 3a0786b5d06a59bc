// Ini: the file format of .npmrc, read the way npm reads it (quotes, comments, `key[]` lists, sections, escapes), and
// npm's ${VARIABLE} replacement. Called by npmrc.cpp. Never fails: what is no assignment is skipped, as npm skips it.
// Pure. [any thread]
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pmx {

struct Ini {
    enum class Kind : unsigned char { text, yes, no, null, list, section };
    Kind kind = Kind::section;
    std::string text;                                   // kind text
    std::vector<Ini> items;                             // kind list
    std::vector<std::pair<std::string, Ini>> members;   // kind section, in order of first appearance
    unsigned line = 0;                                  // of the last assignment, from 1

    Ini* member(std::string_view name);
    const Ini* member(std::string_view name) const { return const_cast<Ini*>(this)->member(name); }
    // "true", "false", "null", the text itself, or the items of a list joined with newlines.
    std::string as_text() const;
};

Ini parse_ini(std::string_view text);

using Environment = std::map<std::string, std::string>;
// Replaces ${NAME} and ${NAME?}; an unknown ${NAME} stays as written. `defaults`: ${NAME-text} and ${NAME:-text} too.
std::string replace_environment(std::string_view text, const Environment& environment, bool defaults);

}  // namespace pmx
