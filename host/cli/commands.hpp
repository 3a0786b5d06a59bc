// What --help says of each command. Constant data.
#pragma once

#include <span>
#include <string_view>

namespace pmx {

struct CommandHelp {
    std::string_view name;      // "store verify"
    std::string_view usage;     // after "pmx "
    std::string_view summary;
    std::string_view own_flags; // lines, or ""
    std::string_view examples;  // lines
    bool shows_settings;
};

std::span<const CommandHelp> command_helps();

}  // namespace pmx
