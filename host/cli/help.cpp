#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "config/settings_table.hpp"

namespace pmx {
namespace {

constexpr CommandHelp helps[] = {
    {"install", "install [flags]   (or: pmx i)", "Install what the lockfile says.", "",
     "  pmx install\n  pmx install --frozen-lockfile --ignore-scripts\n  pmx install --linker hoisted --import copy\n"
     "  pmx install -C ../other --offline --timing\n  pmx install --timing=trace --timing-file trace.json\n", true},
    {"ci", "ci [flags]", "Install, and fail when the lockfile and the manifests differ.", "", "  pmx ci\n  pmx ci --prod --reporter append-only\n", true},
    {"store path", "store path", "Print where the store is.", "", "  pmx store path\n  du -sh \"$(pmx store path)\"\n", false},
    {"store status", "store status", "Say how much the store holds.", "", "  pmx store status\n  pmx store status --store-dir /srv/store\n", false},
    {"store verify", "store verify [--content] [--repair]", "Look at every stored package.",
     "  --content   read every file and compare digests, where they were kept\n  --repair    remove bad packages, so that the next install fetches them again\n",
     "  pmx store verify\n  pmx store verify --content --repair\n", false},
    {"store prune", "store prune [--dry-run]", "Remove stored packages that no project uses any more.", "  --dry-run   only say what would go\n",
     "  pmx store prune --dry-run\n  pmx store prune\n", false},
    {"config", "config [NAME] [--json]", "Show every setting, its value, and where it came from.", "  --json      one JSON object\n",
     "  pmx config\n  pmx config linker\n  pmx config --json\n  PMX_CHECK=content pmx config check\n", false},
    {"registry serve", "registry serve DIR [flags]", "Serve a directory of packages as a registry, for tests and benches.", "",
     "  pmx registry serve tests/registry --port 4873\n", false},
};

// What most people want to know; the others come with --all. The settings table has the same order.
constexpr std::string_view main_flags[] = {"linker", "import", "check", "dir", "store-dir", "registry", "offline", "frozen-lockfile", "prod",
                                           "ignore-scripts", "force", "reporter", "timing", "explain"};
struct Group {
    std::string_view first, title;  // the setting that the group begins with
};
constexpr Group groups[] = {{"linker", "Strategies"},           {"dir", "Places"},        {"registry", "Network"},
                            {"frozen-lockfile", "What is installed"}, {"resolution-mode", "Which versions are chosen"},
                            {"save-exact", "What an edit saves"}, {"hoist", "Shape of the tree"}, {"unpack-concurrency", "Machine"},
                            {"reporter", "What is told"}};

std::string settings_help(bool all) {
    std::string out, title;
    std::size_t left_out = 0;
    for (const SettingSpec& spec : settings_table()) {
        for (const Group& group : groups)
            if (group.first == spec.name) title = group.title;
        if (!(spec.places & in_flag) || spec.hidden) continue;
        if (!all && std::find(std::begin(main_flags), std::end(main_flags), spec.name) == std::end(main_flags)) {
            ++left_out;
            continue;
        }
        if (!title.empty()) out += (out.empty() ? "" : "\n") + std::exchange(title, "") + "\n";
        std::string flag = "--" + std::string(spec.name);
        if (spec.type == SettingType::boolean && spec.fallback == "true") flag = "--no-" + std::string(spec.name);
        if (!spec.short_flag.empty()) flag = std::string(spec.short_flag) + ", " + flag;
        if (spec.name == "timing") flag += "[=KIND]";
        else if (spec.type == SettingType::integer) flag += " N";
        else if (spec.type == SettingType::text) flag += spec.choices.empty() ? " TEXT" : " KIND";
        else if (spec.type == SettingType::list) flag += " A,B";
        out += fmt::format("  {:<{}} {}", flag, all ? 36 : 20, spec.help);
        if (!spec.choices.empty()) out += fmt::format(" ({})", replace_all(spec.choices, " ", ", "));
        if (spec.type != SettingType::boolean && !spec.fallback.empty()) out += fmt::format(" [{}]", spec.fallback);
        out += '\n';
    }
    if (left_out > 0) out += fmt::format("\n--help --all shows {} more flags.", left_out);
    return out + "\nEach flag is a setting too: in pmx.yaml, and as PMX_… in the environment. \"pmx config\" shows their values.\n";
}

std::string one(const CommandHelp& help, bool all) {
    std::string out = fmt::format("pmx {}\n\n{}\n", help.usage, help.summary);
    if (!help.own_flags.empty()) out += "\nFlags\n" + std::string(help.own_flags);
    out += "\nExamples\n" + std::string(help.examples);
    if (help.shows_settings) out += "\n" + settings_help(all);
    return out;
}

}  // namespace

std::span<const CommandHelp> command_helps() { return helps; }

std::string help_text(std::string_view command, bool all_flags) {
    for (const CommandHelp& help : helps)
        if (help.name == command) return one(help, all_flags);
    bool all = command.empty();
    std::string out = all ? "pmx: a package manager whose strategies are plugins\n\npmx COMMAND [flags]\n\nCommands\n"
                          : fmt::format("pmx {} COMMAND\n\nCommands\n", command);
    std::string examples;
    for (const CommandHelp& help : helps) {
        if (!all && !help.name.starts_with(std::string(command) + " ")) continue;
        out += fmt::format("  {:<16} {}\n", help.name, help.summary);
        examples += help.examples.substr(0, help.examples.find('\n') + 1);
    }
    out += "\nExamples\n" + examples;
    if (all) out += "  pmx install --help\n\n-C DIR runs in another directory; --version and --help do what they say.\n";
    return out;
}

}  // namespace pmx
