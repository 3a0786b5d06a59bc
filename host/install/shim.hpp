// The text of an executable in .bin: a small sh program that finds itself through symbolic links and runs the target
// with its interpreter. Pure. [any thread]
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pmx {

struct Interpreter {
    std::string program;    // "node"; "" runs the target itself
    std::string arguments;  // as they stand in the #! line
};

// From the first bytes of the target, or from its extension when it has no #! line.
Interpreter interpreter_of(std::string_view first_bytes, std::string_view file_name);

// `target` and `node_path` are absolute, or relative to the directory of the shim. The last line names the target, as pnpm's shims
// do, so that other tools recognise it.
std::string shim_text(std::string_view target, const Interpreter& interpreter, const std::vector<std::string>& node_path);

}  // namespace pmx
