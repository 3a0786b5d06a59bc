// Programs run by pmx: lifecycle scripts and `git apply`. Started by argument vector (never through a shell of ours),
// in a process group of their own, so that cancelling ends the whole family. [worker]
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/pool.hpp"
#include "base/result.hpp"

namespace pmx {

struct Program {
    std::vector<std::string> arguments;  // arguments[0] is looked up in PATH
    std::vector<std::pair<std::string, std::string>> environment;  // added to, or replacing, the inherited one
    std::string directory;               // absolute
    // One call per line of output, without its end; `error` is true for standard error. May be empty.
    std::function<void(std::string_view line, bool error)> line;
};

// The exit status (128 + signal when it was killed). An error when it could not be started, or PMX_E_CANCELLED.
Result<int> run_program(const Program& program, const CancelFlag& cancel);

}  // namespace pmx
