#include "script/lifecycle.hpp"

#include <cstdlib>

#include "script/process.hpp"

namespace pmx {

Result<int> run_script(const LifecycleScript& script, const CancelFlag& cancel) {
    std::string path;
    for (const std::string& directory : script.bin_directories) path += directory + ":";
    const char* inherited = std::getenv("PATH");
    path += inherited ? inherited : "/usr/local/bin:/usr/bin:/bin";
    Program program;
    program.arguments = {"sh", "-c", script.script};
    program.directory = script.directory;
    program.line = script.line;
    program.environment = {{"PATH", path},
                           {"npm_lifecycle_event", script.event},
                           {"npm_lifecycle_script", script.script},
                           {"npm_package_name", script.package},
                           {"npm_package_version", script.version},
                           {"npm_package_json", script.directory + "/package.json"},
                           {"npm_command", "install"},
                           {"npm_config_user_agent", script.user_agent},
                           {"INIT_CWD", script.init_cwd}};
    return run_program(program, cancel);
}

}  // namespace pmx
