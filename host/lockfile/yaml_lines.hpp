// YAML as lockfiles use it, read into a flat tree of views. read_yaml_lines() is the hot path: one pass over the lines
// of a block/flow subset, which declines (rather than guesses) where the text leaves that subset; read_yaml_slowly()
// is the general reader over yaml-cpp; read_yaml() tries the first and falls back to the second. Called by the pnpm
// codec. Pure, never touches the disk, never throws. [any thread]
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "base/result.hpp"

namespace pmx {

enum class YamlKind : std::uint8_t { null, scalar, map, list };

inline constexpr std::uint32_t kNoNode = UINT32_MAX;

struct YamlNode {
    std::string_view key;     // in a map
    std::string_view scalar;  // the value's text, unescaped
    std::uint32_t first = kNoNode, next = kNoNode;  // first child, next sibling
    std::uint32_t line = 0;   // of the key, or of the value in a list; the file's first line is 1
    YamlKind kind = YamlKind::null;
    bool quoted = false;      // so that '1' and 1, 'null' and null stay apart
};

// nodes[0] is the root. Views point into the text that was read, or into the arena where something was escaped.
struct YamlTree {
    std::vector<YamlNode> nodes;

    const YamlNode& root() const { return nodes.front(); }
    const YamlNode* first(const YamlNode& of) const { return of.first == kNoNode ? nullptr : &nodes[of.first]; }
    const YamlNode* next(const YamlNode& of) const { return of.next == kNoNode ? nullptr : &nodes[of.next]; }
    // The child of a map with that key; nullptr when there is none or `of` is no map.
    const YamlNode* find(const YamlNode& of, std::string_view key) const;
};

// `first_line` is the line of the file on which `text` starts. nullopt: a construct outside the subset, or broken.
// `text` must be valid UTF-8 with LF line ends.
std::optional<YamlTree> read_yaml_lines(std::string_view text, Arena& arena, std::uint32_t first_line);
Result<YamlTree> read_yaml_slowly(std::string_view text, Arena& arena, std::uint32_t first_line);
// The first that works, with duplicate keys refused (PMX_E_LOCKFILE_BROKEN; the subject is "line N").
Result<YamlTree> read_yaml(std::string_view text, Arena& arena, std::uint32_t first_line);

}  // namespace pmx
