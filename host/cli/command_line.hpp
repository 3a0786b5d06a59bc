// The command line: words to an Invocation, and the help texts. Parsing touches no disk and starts nothing; the flags
// of every setting come from the settings table. Called by main on its own thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/pool.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "install/edit.hpp"

namespace pmx {

struct InstallReport;

struct Invocation {
    std::string command;                    // "install", "store verify", …; "" with help or version only
    bool help = false, version = false;
    bool frozen = false;                    // `pmx ci`
    Flags flags;                            // settings given as flags
    std::vector<std::string> arguments;     // positional
    std::map<std::string, bool> switches;   // the command's own: "repair", "content", "dry-run", "json", "all", "latest", …
    std::map<std::string, std::vector<std::string>> options;  // those with values: "filter", "filter-prod", "depth", "format"

    bool has(const std::string& name) const {
        auto found = switches.find(name);
        return found != switches.end() && found->second;
    }
};

// PMX_E_USAGE with the nearest flag or command for what is not known.
Result<Invocation> parse_command_line(const std::vector<std::string>& words);

// `all_flags`: every setting, not only those that most people want to know.
std::string help_text(std::string_view command, bool all_flags = false);

// What a command has besides its invocation.
struct Door {
    std::map<std::string, std::string> environment;
    CancelFlag* cancel = nullptr;
};

// One per command: the exit status comes from the error.
Result<> install_command(const Invocation& invocation, const Door& door);
// The body of `install` and of every command that edits: reads settings, makes the reporter, runs, tells. `done`: what
// was told, for who has to judge it.
Result<> run_install(const Invocation& invocation, const Door& door, const Edits& edits, InstallReport* done = nullptr);
Result<> store_command(const Invocation& invocation, const Door& door);
Result<> config_command(const Invocation& invocation, const Door& door);
Result<> registry_command(const Invocation& invocation, const Door& door);  // reads its own words
Result<> add_command(const Invocation& invocation, const Door& door);
Result<> remove_command(const Invocation& invocation, const Door& door);
Result<> update_command(const Invocation& invocation, const Door& door);
Result<> dedupe_command(const Invocation& invocation, const Door& door);
Result<> outdated_command(const Invocation& invocation, const Door& door);
Result<> why_command(const Invocation& invocation, const Door& door);
Result<> list_command(const Invocation& invocation, const Door& door);
Result<> plugin_list_command(const Invocation& invocation, const Door& door);
Result<> plugin_new_command(const Invocation& invocation, const Door& door);
Result<> plugin_check_command(const Invocation& invocation, const Door& door);

// Settings of the directory that -C names, or of the current one.
Result<Settings> settings_for(const Invocation& invocation, const Door& door);
Result<std::string> working_dir(const Invocation& invocation);

// Runs `invocation`; the caller prints the error.
Result<> run_command(const Invocation& invocation, const Door& door);

// All of it to standard output or standard error; a closed pipe is nobody's error.
void write_out(std::string_view text);
void write_err(std::string_view text);
// Colour on standard error: a terminal, and no NO_COLOR.
bool colours_on_stderr(const std::map<std::string, std::string>& environment);
std::string error_text(const Error& error, bool colour);

}  // namespace pmx
