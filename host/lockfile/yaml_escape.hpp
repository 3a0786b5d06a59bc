// Escapes of double-quoted YAML scalars, both ways, and the code points in between. Called by the reader and the writer
// of lockfiles. Pure. [any thread]
#pragma once

#include <string>
#include <string_view>

namespace pmx {

// The code point at `at`, which moves past it. A byte that starts none is U+FFFD.
char32_t next_code_point(std::string_view text, std::size_t& at);
void append_code_point(std::string& out, char32_t point);

// What may stand as it is in a YAML text, by YAML's rule as js-yaml has it.
bool is_yaml_printable(char32_t point);

void append_escaped(std::string& out, char32_t point);
// `at` is on the character behind the backslash, and ends on the escape's last one. False for what is no escape.
bool append_unescaped(std::string& out, std::string_view raw, std::size_t& at);

}  // namespace pmx
