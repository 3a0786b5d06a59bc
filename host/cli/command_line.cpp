#include "cli/command_line.hpp"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "config/settings_table.hpp"

namespace pmx {
namespace {

using SettingOptions = std::vector<std::pair<const SettingSpec*, CLI::Option*>>;

// Whether a word of the command line may be one of these names. CLI11 is told of no other flag: it compares every new one
// with all that it knows, which was a seventh of a run with nothing to do.
bool names_any(const std::vector<std::string>& words, std::string_view names) {
    for (std::size_t at = 0, end = 0; at < names.size(); at = end + 1) {
        end = std::min(names.find(',', at), names.size());
        std::string_view name = names.substr(at, end - at);
        name.remove_prefix(name.starts_with('!'));
        for (std::string_view word : words) {
            if (!word.starts_with('-')) continue;
            // Short ones may stand together.
            if (name.size() == 2 ? !word.starts_with("--") && word.find(name[1]) != word.npos : word.substr(0, word.find('=')) == name) return true;
        }
    }
    return false;
}

SettingOptions add_settings(CLI::App& app, const std::vector<std::string>& words) {
    SettingOptions options;
    for (const SettingSpec& spec : settings_table()) {
        if (!(spec.places & in_flag)) continue;
        std::string names = "--" + std::string(spec.name);
        if (!spec.short_flag.empty()) names = std::string(spec.short_flag) + "," + names;
        if (spec.name == "prod") names += ",--production";
        if (spec.type == SettingType::boolean) names += ",!--no-" + std::string(spec.name);
        if (!names_any(words, names)) continue;
        CLI::Option* option = nullptr;
        if (spec.type == SettingType::boolean) {
            option = app.add_flag(names);
        } else {
            option = app.add_option(names);
            option->multi_option_policy(spec.type == SettingType::list ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast);
            if (spec.name == "timing") option->expected(0, 1);
            else option->expected(1);
        }
        options.emplace_back(&spec, option);
    }
    return options;
}

Flags flags_of(const SettingOptions& options) {
    Flags flags;
    for (const auto& [spec, option] : options) {
        if (option->count() == 0) continue;
        const auto& results = option->results();
        std::vector<std::string> items;
        if (spec->type == SettingType::list) {
            for (const std::string& result : results) {
                if (spec->name == "plugin-option") items.push_back(result);  // a value may hold commas
                else
                    for (std::string_view item : split(result, ','))
                        if (!item.empty()) items.emplace_back(item);
            }
        } else {
            items.push_back(results.empty() ? "" : results.back());
        }
        if (spec->name == "timing" && (items.front().empty() || items.front() == "{}")) items.front() = "table";
        flags.emplace(std::string(spec->name), std::move(items));
    }
    return flags;
}

// Flags that are no settings: the commands that take them, and their names.
struct OwnFlag {
    std::string_view commands, names;
    bool takes_value = false;
};
constexpr std::string_view any_selection = "install add remove update dedupe outdated why list";
constexpr OwnFlag own_flags[] = {
    {any_selection, "-r,--recursive"},
    {any_selection, "-w,--workspace-root"},
    {any_selection, "-F,--filter", true},
    {any_selection, "--filter-prod", true},
    {any_selection, "--fail-if-no-match"},
    {"add install", "--save-dev"},
    {"add install", "--save-prod"},
    {"add remove install", "-O,--save-optional"},
    {"add install", "--save-peer"},
    {"add install", "--workspace"},
    {"update", "-L,--latest"},
    {"update", "-i,--interactive"},
    {"update", "--no-save"},
    {"update list why", "--depth", true},
    {"dedupe", "--check"},
    {"list why outdated config", "--json"},
    {"list why", "--parseable"},
    {"list why outdated", "--long"},
    {"list", "--only-projects"},
    {"outdated", "--compatible"},
    {"outdated", "--no-table"},
    {"outdated", "--format", true},
    {"plugin list", "--json"},
    {"plugin new", "--kind", true},
    {"plugin new", "--c"},
    {"plugin check", "--only", true},
    {"plugin check", "--seed", true},
    {"plugin check", "--json"},
    {"plugin check", "--list"},
    {"store verify", "--repair"},
    {"store verify", "--content"},
    {"store prune", "--dry-run"},
};

std::string_view key_of(const OwnFlag& flag) { return flag.names.substr(flag.names.find("--") + 2); }

bool takes(const OwnFlag& flag, std::string_view command) {
    if (flag.commands == command) return true;
    std::vector<std::string_view> commands = split(flag.commands, ' ');
    return !flag.commands.starts_with("store ") && !flag.commands.starts_with("plugin ") && std::find(commands.begin(), commands.end(), command) != commands.end();
}

std::vector<std::string_view> flag_names() {
    std::vector<std::string_view> names{"help", "version", "all"};
    for (const OwnFlag& flag : own_flags) names.push_back(key_of(flag));
    for (const SettingSpec& spec : settings_table())
        if (spec.places & in_flag) names.push_back(spec.name);
    return names;
}

// Those that choose projects may stand in front of the command, as in "pmx --filter a add b": they are the whole app's,
// and refused afterwards where the command knows nothing of them.
void add_own_flags(CLI::App& app, std::string_view command, const std::vector<std::string>& words, Invocation& invocation) {
    for (const OwnFlag& flag : own_flags) {
        bool everywhere = flag.commands == any_selection;
        if (!names_any(words, flag.names)) continue;
        if (command.empty() ? !everywhere : everywhere || !takes(flag, command)) continue;
        std::string key(key_of(flag));
        if (flag.takes_value) app.add_option(std::string(flag.names), invocation.options[key])
            ->expected(1)
            ->allow_extra_args(false)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        else app.add_flag(std::string(flag.names), invocation.switches[key]);
    }
}

Result<> check_own_flags(const Invocation& invocation) {
    for (const OwnFlag& flag : own_flags) {
        std::string key(key_of(flag));
        auto given = invocation.options.find(key);
        if (!invocation.has(key) && (given == invocation.options.end() || given->second.empty())) continue;
        // "pmx install -O" adds nothing without a package.
        bool of_add = invocation.command == "install" && flag.commands != any_selection;
        // Several commands may have a flag of one name, a row each.
        bool taken = std::any_of(std::begin(own_flags), std::end(own_flags), [&](const OwnFlag& other) {
            return key_of(other) == key && takes(other, invocation.command);
        });
        if (!taken || of_add)
            return fail(Code::USAGE, fmt::format("\"pmx {}\" does not take --{}", invocation.command, key), {},
                        fmt::format("pmx {} --help shows what it takes", invocation.command));
    }
    return {};
}

Failure unknown_flag(std::string_view word) {
    std::string_view bare = word.substr(std::min(word.find_first_not_of('-'), word.size()));
    bare = bare.substr(0, bare.find('='));
    bool negated = bare.starts_with("no-");
    std::string near = nearest(negated ? bare.substr(3) : bare, flag_names());
    std::string remedy = near.empty() ? "pmx --help lists the flags" : fmt::format("did you mean --{}{}?", negated ? "no-" : "", near);
    return fail(Code::USAGE, fmt::format("there is no flag {}", word), {}, remedy);
}

Failure unknown_command(const std::string& word, std::string_view parent) {
    static constexpr std::array<std::string_view, 15> later = {"import", "link", "unlink", "run", "exec", "dlx", "init", "audit",
                                                              "publish", "pack", "patch", "rebuild", "prune", "deploy", "fetch"};
    if (parent.empty() && std::find(later.begin(), later.end(), word) != later.end())
        return fail(Code::USAGE, fmt::format("\"pmx {}\" is not there yet", word), {}, "pmx --help lists the commands");
    std::vector<std::string_view> names;
    for (const CommandHelp& command : command_helps()) {
        std::string_view name = command.name;
        if (parent.empty()) {
            names.push_back(name.substr(0, name.find(' ')));
        } else if (name.starts_with(std::string(parent) + " ")) {
            names.push_back(name.substr(parent.size() + 1));
        }
    }
    std::string near = nearest(word, names);
    std::string before = parent.empty() ? "pmx" : "pmx " + std::string(parent);
    return fail(Code::USAGE, fmt::format("there is no command \"{} {}\"", before, word), {},
                near.empty() ? before + " --help lists the commands" : fmt::format("did you mean \"{} {}\"?", before, near));
}

}  // namespace

Result<Invocation> parse_command_line(const std::vector<std::string>& words) {
    // The registry is a tool of its own: none of the settings is a flag of it.
    if (!words.empty() && words.front() == "registry") {
        Invocation served;
        served.command = "registry";
        served.arguments.assign(words.begin() + 1, words.end());
        return served;
    }
    CLI::App app;
    app.set_help_flag("");
    app.allow_extras();
    Invocation invocation;
    app.add_flag("-h,--help", invocation.help);
    app.add_flag("-v,--version", invocation.version);
    app.add_flag("--all", invocation.switches["all"]);
    SettingOptions settings = add_settings(app, words);

    auto command = [&](CLI::App& parent, const char* name) {
        CLI::App* sub = parent.add_subcommand(name);
        sub->set_help_flag("");
        sub->fallthrough();
        sub->allow_extras();
        return sub;
    };
    CLI::App* ci = nullptr;
    CLI::App* store = nullptr;
    CLI::App* plugin = nullptr;
    struct Command {
        const char* name;
        std::vector<const char*> aliases;
    };
    for (const Command& known : {Command{"install", {"i"}}, {"ci", {}}, {"add", {}}, {"remove", {"rm", "uninstall", "un"}}, {"update", {"up", "upgrade"}},
                                 {"dedupe", {}}, {"outdated", {}}, {"why", {}}, {"list", {"ls"}}, {"store", {}}, {"config", {}}, {"plugin", {}}}) {
        CLI::App* sub = command(app, known.name);
        for (const char* alias : known.aliases) sub->alias(alias);
        add_own_flags(*sub, known.name, words, invocation);
        if (sub->get_name() == "ci") ci = sub;
        if (sub->get_name() == "store") store = sub;
        if (sub->get_name() == "plugin") plugin = sub;
    }
    for (const char* name : {"path", "status", "verify", "prune"}) add_own_flags(*command(*store, name), std::string("store ") + name, words, invocation);
    for (const char* name : {"new", "list", "check"}) add_own_flags(*command(*plugin, name), std::string("plugin ") + name, words, invocation);
    CLI::App* config = app.get_subcommand("config");
    add_own_flags(app, "", words, invocation);
    app.require_subcommand(0, 1);  // packages may be called "list" or "store"

    try {
        std::vector<std::string> reversed(words.rbegin(), words.rend());
        app.parse(std::move(reversed));
        invocation.flags = flags_of(settings);
    } catch (const CLI::Error& error) {
        return fail(Code::USAGE, error.what(), {}, "pmx --help lists commands and flags");
    }

    const CLI::App* deepest = &app;
    while (!deepest->get_subcommands().empty()) {
        deepest = deepest->get_subcommands().front();
        invocation.command += (invocation.command.empty() ? "" : " ") + deepest->get_name();
    }
    if (deepest == ci) {
        invocation.command = "install";
        invocation.frozen = true;
    }
    for (std::string& word : app.remaining(true)) {
        if (word.size() > 1 && word.front() == '-' && word != "--") return unknown_flag(word);
        if (word != "--") invocation.arguments.push_back(std::move(word));
    }
    if (invocation.help || invocation.version) return invocation;
    if (invocation.switches["all"]) return fail(Code::USAGE, "--all goes with --help only", {}, "pmx install --help --all lists every flag");
    if (invocation.command.empty() && !invocation.arguments.empty()) return unknown_command(invocation.arguments.front(), "");
    for (const CLI::App* parent : {store, plugin})
        if (deepest == parent && !invocation.arguments.empty()) return unknown_command(invocation.arguments.front(), parent->get_name());
    if (invocation.command.empty() || deepest == store || deepest == plugin) {
        invocation.help = true;
        return invocation;
    }
    if (deepest == ci && !invocation.arguments.empty())
        return fail(Code::USAGE, "\"pmx ci\" installs what the lockfile says and adds nothing", {}, "pmx add " + invocation.arguments.front());
    if (invocation.command == "install" && !invocation.arguments.empty()) invocation.command = "add";
    PMX_CHECK(check_own_flags(invocation));
    static constexpr std::array<std::string_view, 8> with_names = {"add",      "remove", "update",     "outdated",
                                                                  "why",      "list",   "plugin new", "plugin check"};
    bool takes_names = std::find(with_names.begin(), with_names.end(), invocation.command) != with_names.end();
    if (!takes_names && invocation.arguments.size() > (deepest == config ? 1u : 0u))
        return fail(Code::USAGE, fmt::format("\"pmx {}\" does not take \"{}\"", invocation.command, invocation.arguments.back()), {},
                    fmt::format("pmx {} --help shows what it takes", invocation.command));
    return invocation;
}

Result<std::string> working_dir(const Invocation& invocation) {
    auto given = invocation.flags.find("dir");
    if (given == invocation.flags.end()) return current_dir();
    std::string dir = join_path(current_dir(), given->second.front());
    if (auto opened = open_dir(AT_FDCWD, dir.c_str()); !opened) {
        Error error = std::move(opened).error();
        error.code = Code::USAGE;
        error.remedy = "-C takes a directory that is there";
        return tl::make_unexpected(std::move(error));
    }
    return dir;
}

Result<Settings> settings_for(const Invocation& invocation, const Door& door) {
    PMX_TRY(std::string dir, working_dir(invocation));
    Flags flags = invocation.flags;
    if (invocation.frozen) flags.insert_or_assign("frozen-lockfile", std::vector<std::string>{"true"});
    return load_settings(dir, flags, door.environment);
}

Result<> run_command(const Invocation& invocation, const Door& door) {
    if (invocation.version) return write_out("pmx " PMX_VERSION "\n"), Result<>();
    if (invocation.help) return write_out(help_text(invocation.command, invocation.switches.at("all"))), Result<>();
    using Command = Result<> (*)(const Invocation&, const Door&);
    static constexpr std::pair<std::string_view, Command> commands[] = {
        {"install", install_command}, {"add", add_command},           {"remove", remove_command}, {"update", update_command},
        {"dedupe", dedupe_command},   {"outdated", outdated_command}, {"why", why_command},       {"list", list_command},
        {"config", config_command},   {"registry", registry_command}, {"plugin list", plugin_list_command},
        {"plugin new", plugin_new_command}, {"plugin check", plugin_check_command}};
    for (const auto& [name, command] : commands)
        if (invocation.command == name) return command(invocation, door);
    return store_command(invocation, door);
}

}  // namespace pmx
