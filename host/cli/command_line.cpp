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

SettingOptions add_settings(CLI::App& app) {
    SettingOptions options;
    for (const SettingSpec& spec : settings_table()) {
        if (!(spec.places & in_flag)) continue;
        std::string names = "--" + std::string(spec.name);
        if (!spec.short_flag.empty()) names = std::string(spec.short_flag) + "," + names;
        if (spec.name == "prod") names += ",--production";
        CLI::Option* option = nullptr;
        if (spec.type == SettingType::boolean) {
            option = app.add_flag(names + ",!--no-" + std::string(spec.name));
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
            for (const std::string& result : results)
                for (std::string_view item : split(result, ','))
                    if (!item.empty()) items.emplace_back(item);
        } else {
            items.push_back(results.empty() ? "" : results.back());
        }
        if (spec->name == "timing" && (items.front().empty() || items.front() == "{}")) items.front() = "table";
        flags.emplace(std::string(spec->name), std::move(items));
    }
    return flags;
}

std::vector<std::string_view> flag_names() {
    std::vector<std::string_view> names{"help", "version", "all", "repair", "content", "dry-run", "json"};
    for (const SettingSpec& spec : settings_table())
        if (spec.places & in_flag) names.push_back(spec.name);
    return names;
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
    static constexpr std::array<std::string_view, 27> later = {
        "add", "remove", "rm", "uninstall", "update", "up", "upgrade", "outdated", "dedupe", "import", "link", "unlink", "run", "exec",
        "dlx", "init", "list", "ls", "why", "audit", "publish", "pack", "patch", "rebuild", "prune", "deploy", "fetch"};
    if (parent.empty() && std::find(later.begin(), later.end(), word) != later.end())
        return fail(Code::USAGE, fmt::format("\"pmx {}\" is not there yet: resolving comes later", word), {},
                    "pmx installs what a lockfile says: pmx install");
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
    SettingOptions settings = add_settings(app);

    auto command = [&](CLI::App& parent, const char* name) {
        CLI::App* sub = parent.add_subcommand(name);
        sub->set_help_flag("");
        sub->fallthrough();
        sub->allow_extras();
        return sub;
    };
    CLI::App* install = command(app, "install");
    install->alias("i");
    CLI::App* ci = command(app, "ci");
    CLI::App* store = command(app, "store");
    command(*store, "path");
    command(*store, "status");
    CLI::App* verify = command(*store, "verify");
    CLI::App* prune = command(*store, "prune");
    CLI::App* config = command(app, "config");
    verify->add_flag("--repair", invocation.switches["repair"]);
    verify->add_flag("--content", invocation.switches["content"]);
    prune->add_flag("--dry-run", invocation.switches["dry-run"]);
    config->add_flag("--json", invocation.switches["json"]);

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
    if (deepest == store && !invocation.arguments.empty()) return unknown_command(invocation.arguments.front(), "store");
    if (invocation.command.empty() || deepest == store) {
        invocation.help = true;
    } else if (invocation.command == "install" && !invocation.arguments.empty()) {
        return fail(Code::USAGE, fmt::format("\"pmx install {}\" would add a package, which is not there yet: resolving comes later", invocation.arguments.front()),
                    {}, "pmx install installs what the lockfile says");
    } else if (invocation.arguments.size() > (deepest == config ? 1u : 0u)) {
        return fail(Code::USAGE, fmt::format("\"pmx {}\" does not take \"{}\"", invocation.command, invocation.arguments.back()), {},
                    fmt::format("pmx {} --help shows what it takes", invocation.command));
    }
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
    if (invocation.command == "install") return install_command(invocation, door);
    if (invocation.command == "registry") return registry_command(invocation, door);
    if (invocation.command == "config") return config_command(invocation, door);
    return store_command(invocation, door);
}

}  // namespace pmx
