// Scalars as js-yaml writes them (no compatibility mode, no line width), which is how pnpm's lockfiles are written:
// plain where that is unambiguous, then single quotes, a literal block for several lines, double quotes for what
// cannot be printed. Called by the writer of pnpm lockfiles. Pure. [any thread]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pmx {

enum class YamlPlace : std::uint8_t {
    value,  // after "key:" or "-" in a block
    key,    // of a block map
    flow,   // inside {} or [], key or value
};

// `indent`: the column at which the lines of a literal block stand; counts for YamlPlace::value only.
void append_yaml_scalar(std::string& out, std::string_view text, YamlPlace place, int indent = 0);

// Whether a plain scalar of this text would be read as something other than text: null, a boolean, a number, a date.
bool is_ambiguous_in_yaml(std::string_view text);

}  // namespace pmx
