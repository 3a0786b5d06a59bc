#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "config/settings_table.hpp"

namespace pmx {
namespace {

// What chooses projects, the same for each command that takes it.
#define PMX_SELECTION_FLAGS \
    "  -r, --recursive        every project of the workspace\n" \
    "  -w, --workspace-root   the root of the workspace, wherever this runs\n" \
    "  -F, --filter PATTERN   projects by name, ./dir, {dir} or [commit]; a... and what it needs, ...a and what needs it, !a without it\n" \
    "      --filter-prod PATTERN  the same, without dependencies for development\n" \
    "      --fail-if-no-match status 2 when no project matches\n"

constexpr CommandHelp helps[] = {
    {"install", "install [flags]   (or: pmx i)", "Install what the manifests ask for, by the lockfile where it fits.",
     "  -F, --filter PATTERN   these projects and the root only; see pmx add --help for patterns\n"
     "      --filter-prod PATTERN  the same, without dependencies for development\n      --fail-if-no-match status 2 when no project matches\n",
     "  pmx install\n  pmx install --frozen-lockfile --ignore-scripts\n  pmx install --filter web...\n  pmx install --linker hoisted --import copy\n"
     "  pmx install -C ../other --offline --timing\n  pmx install --timing=trace --timing-file trace.json\n", true},
    {"ci", "ci [flags]", "Install, and fail when the lockfile and the manifests differ.", "", "  pmx ci\n  pmx ci --prod --reporter append-only\n", true},
    {"add", "add PACKAGE... [flags]   (or: pmx install PACKAGE...)", "Add packages to the dependencies, and install.",
     "  -D, --save-dev         to devDependencies\n  -O, --save-optional    to optionalDependencies\n  -P, --save-prod        to dependencies, wherever they stand now\n"
     "      --save-peer        to peerDependencies, and to devDependencies\n  -E, --save-exact       the version itself, not a range\n"
     "      --workspace        a project of the workspace\n" PMX_SELECTION_FLAGS,
     "  pmx add react\n  pmx add -D typescript@~5.4 vitest\n  pmx add preact-compat@npm:preact@10 ./lib\n  pmx add --filter web react -E\n", true},
    {"remove", "remove NAME... [flags]   (or: rm, uninstall, un)", "Take packages out of the dependencies, and install.",
     "  -D                     from devDependencies only\n  -O, --save-optional    from optionalDependencies only\n  -P                     from dependencies only\n" PMX_SELECTION_FLAGS,
     "  pmx remove left-pad\n  pmx remove -r lodash\n", true},
    {"update", "update [NAME[@SPEC]...] [flags]   (or: up, upgrade)", "Move dependencies to newer versions, and install.",
     "  -L, --latest           whatever the range says\n  -i, --interactive      choose from a list\n  -D, -P                 only those for development, only the others\n"
     "      --depth N          0: dependencies of the projects alone\n      --no-save          leave the manifests as they are\n" PMX_SELECTION_FLAGS,
     "  pmx update\n  pmx update react 'eslint*' --latest\n  pmx update react@18.2\n  pmx update -r -i\n", true},
    {"dedupe", "dedupe [--check]", "Let packages share versions where the lockfile has several that would do.", "      --check            change nothing; status 1 when something would change\n",
     "  pmx dedupe\n  pmx dedupe --check\n", true},
    {"outdated", "outdated [NAME...] [flags]", "Show dependencies that have newer versions; status 1 when there are any.",
     "      --compatible       only what the range allows\n      --json             one JSON object\n      --format KIND      table, list or json\n      --no-table         a list\n"
     "  -D, -P, --no-optional  only some groups\n" PMX_SELECTION_FLAGS,
     "  pmx outdated\n  pmx outdated -r --json\n  pmx outdated 'eslint*' --compatible\n", false},
    {"why", "why NAME... [flags]", "Show what a package is installed for.",
     "      --json             a JSON array\n      --parseable        a line for every way\n      --long             where it lies too\n      --depth N          how far back\n"
     "  -D, -P, --no-optional  only some groups\n" PMX_SELECTION_FLAGS,
     "  pmx why react\n  pmx why '@babel/*' --json\n", false},
    {"list", "list [NAME...] [flags]   (or: ls)", "Show what is installed, as a tree.",
     "      --depth N          0: dependencies of the projects alone; -1: the projects\n      --json             a JSON array\n      --parseable        a path a line\n"
     "      --long             with descriptions and paths\n      --only-projects    only projects of the workspace\n  -D, -P, --no-optional  only some groups\n" PMX_SELECTION_FLAGS,
     "  pmx list\n  pmx list --depth 2 react\n  pmx list -r --json\n", false},
    {"store path", "store path", "Print where the store is.", "", "  pmx store path\n  du -sh \"$(pmx store path)\"\n", false},
    {"store status", "store status", "Say how much the store holds.", "", "  pmx store status\n  pmx store status --store-dir /srv/store\n", false},
    {"store verify", "store verify [--content] [--repair]", "Look at every stored package.",
     "  --content   read every file and compare digests, where they were kept\n  --repair    remove bad packages, so that the next install fetches them again\n",
     "  pmx store verify\n  pmx store verify --content --repair\n", false},
    {"store prune", "store prune [--dry-run]", "Remove stored packages that no project uses any more.", "  --dry-run   only say what would go\n",
     "  pmx store prune --dry-run\n  pmx store prune\n", false},
    {"config", "config [NAME] [--json]", "Show every setting, its value, and where it came from.", "  --json      one JSON object\n",
     "  pmx config\n  pmx config linker\n  pmx config --json\n  PMX_CHECK=content pmx config check\n", false},
    {"plugin new", "plugin new NAME --kind KIND [--c]", "Write a project that builds a plugin, with a test.",
     "      --kind KIND        layout, importer, fetcher or validator\n      --c                in C11 instead of C++20\n",
     "  pmx plugin new my-layout --kind layout\n  pmx plugin new my-policy --kind validator --c\n", false},
    {"plugin list", "plugin list [--json]", "Show the plugins that are found by name, and what they say about themselves.",
     "      --json             a JSON array\n      --plugin-path A,B  directories to look in first\n",
     "  pmx plugin list\n  pmx plugin list --plugin-path ./build --json\n", false},
    {"plugin check", "plugin check FILE... [flags]", "Hold plugins to the contract: every case in a process of its own.",
     "      --only CASE        this case; may be given several times, and end in a star\n      --seed N           the same choices as the run that told this number\n"
     "      --json             one JSON array\n      --list             the cases, and what each holds a plugin to\n",
     "  pmx plugin check build/my-layout.so\n  pmx plugin check build/my-layout.so --only 'layout.*' --seed 7\n  pmx plugin check --list\n", false},
    {"registry serve", "registry serve DIR [flags]", "Serve a directory of packages as a registry, for tests and benches.", "",
     "  pmx registry serve tests/registry --port 4873\n", false},
    {"registry record", "registry record --into DIR PROJECT…", "Take what projects need from a registry, for `registry serve`.", "",
     "  pmx registry record --into mirror ~/my-project\n", false},
};

// What most people want to know; the others come with --all. The settings table has the same order.
constexpr std::string_view main_flags[] = {"linker", "import", "check", "dir", "store-dir", "registry", "offline", "frozen-lockfile", "prod",
                                           "ignore-scripts", "force", "reporter", "timing", "explain"};
struct Group {
    std::string_view first, title;  // the setting that the group begins with
};
constexpr Group groups[] = {{"linker", "Strategies"},           {"dir", "Places"},        {"registry", "Network"},
                            {"frozen-lockfile", "What is installed"}, {"resolution-mode", "Which versions are chosen"},
                            {"save-exact", "What an edit saves"}, {"hoist", "Shape of the tree"}, {"resolve-concurrency", "Machine"},
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

#undef PMX_SELECTION_FLAGS

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
