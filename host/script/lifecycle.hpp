// Lifecycle scripts: one script of one package, the way npm and pnpm run it: `sh -c SCRIPT` in the package's directory,
// with its .bin directories in front of PATH and npm's variables. Who may run is decided by the plan. [worker]
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/pool.hpp"
#include "base/result.hpp"

namespace pmx {

struct LifecycleScript {
    std::string event;             // "postinstall"
    std::string script;            // its text in package.json
    std::string package, version;  // of the package
    std::string directory;         // absolute
    std::vector<std::string> bin_directories;  // absolute, the nearest first
    std::string init_cwd;          // where the user ran pmx
    std::string user_agent;
    std::function<void(std::string_view line, bool error)> line;
};

// The exit status of the script.
Result<int> run_script(const LifecycleScript& script, const CancelFlag& cancel);

}  // namespace pmx
