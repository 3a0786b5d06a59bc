// One run of a program: argument vector in, standard output to a callback, the tail of standard error kept.
// No shell, no terminal, its own process group, which is killed when the caller is cancelled or throws. [any
// thread]
#pragma once

#include <functional>
#include <pmx/plugin.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace pmx::git {

struct Outcome {
    int exit_code = -1;     // 128 + signal when it was killed
    std::string complaint;  // the last lines of standard error, control bytes escaped
};

struct Command {
    std::vector<std::string> arguments;    // [0] is the program, found on PATH
    std::vector<std::string> environment;  // "NAME=value", complete
};

// Throws sdk::Error when the program cannot be started or the call was cancelled; whatever `output` throws
// goes on.
Outcome run(const Command& command, const sdk::Op& op, const std::function<void(std::string_view)>& output);

}  // namespace pmx::git
