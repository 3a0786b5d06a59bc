#include "cli/command_line.hpp"

namespace pmx {

Result<> plugin_check_command(const Invocation&, const Door&) {
    return fail(Code::USAGE, "\"pmx plugin check\" is not there yet", {}, "pmx --help lists the commands");
}

}  // namespace pmx
