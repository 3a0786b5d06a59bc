#include <algorithm>
#include <charconv>

#include "cli/chooser.hpp"
#include "cli/command_line.hpp"
#include "cli/selection.hpp"
#include "model/pattern.hpp"
#include "model/specifier.hpp"

namespace pmx {
namespace {

// "react" of "react@^18".
std::string name_in(const std::string& argument) { return argument.substr(0, argument.find('@', 1)); }

struct Direct {
    std::string alias, name;  // the alias, and the package's own name
};

std::vector<Direct> direct_dependencies(const Selection& selection, std::optional<EdgeKind> group, bool optional) {
    std::vector<Direct> found;
    auto add = [&](const TextMap& map) {
        for (const auto& [alias, text] : map) {
            auto parsed = parse_specifier(alias, text);
            found.push_back({alias, parsed && parsed->is_alias ? parsed->name : alias});
        }
    };
    for (std::size_t i : selection.chosen) {
        const Manifest& manifest = selection.projects[i].manifest;
        if (!group || *group == EdgeKind::prod) add(manifest.dependencies);
        if (!group || *group == EdgeKind::dev) add(manifest.dev_dependencies);
        if (optional && (!group || *group != EdgeKind::dev)) add(manifest.optional_dependencies);
    }
    return found;
}

Result<std::uint32_t> depth_of(const Invocation& invocation) {
    auto given = invocation.options.find("depth");
    if (given == invocation.options.end() || given->second.empty()) return UINT32_MAX;
    const std::string& text = given->second.back();
    std::uint32_t depth = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), depth);
    if (text == "Infinity") return UINT32_MAX;
    if (error != std::errc() || end != text.data() + text.size())
        return fail(Code::USAGE, "--depth takes a number, 0 for the dependencies of the projects themselves", text);
    return depth;
}

}  // namespace

Result<> update_command(const Invocation& given, const Door& door) {
    Invocation invocation = given;
    const bool latest = invocation.has("latest");
    std::vector<std::string> arguments = invocation.arguments;
    if (latest)
        for (const std::string& argument : arguments)
            if (name_in(argument) != argument)
                return fail(Code::USAGE, "--latest and a version exclude each other", argument, "leave one of them out");
    std::optional<EdgeKind> group = take_group(invocation);
    bool optional = true;
    if (auto flag = invocation.flags.find("optional"); flag != invocation.flags.end()) {
        optional = flag->second.front() != "false";
        invocation.flags.erase(flag);
    }
    PMX_TRY(Settings settings, settings_for(invocation, door));
    PMX_TRY(Selection selection, select_projects(invocation, door, settings, RootToo::yes));
    if (selection.chosen.empty()) return {};

    if (invocation.has("interactive")) {
        PMX_TRY(arguments, choose_updates(invocation, door, settings, selection, group));
        if (arguments.empty()) return {};
    }
    Edits edits;
    edits.projects = selection.dirs();
    edits.only = selection.only();
    edits.save = !invocation.has("no-save");
    edits.update.latest = latest;
    edits.update.projects = edits.projects;
    PMX_TRY(edits.update.depth, depth_of(invocation));
    for (const std::string& argument : arguments) edits.list.push_back({DependencyEdit::Action::update, argument, group, false});

    std::vector<std::string> patterns;
    for (const std::string& argument : arguments) patterns.push_back(name_in(argument));
    const bool restricted = group || !optional;
    if (patterns.empty() && !restricted && settings.update_ignored_dependencies.empty()) {
        edits.update.kind = UpdateScope::Kind::all;
        return run_install(invocation, door, edits);
    }
    edits.update.kind = UpdateScope::Kind::named;
    if (patterns.empty()) patterns.push_back("*");
    if (arguments.empty())
        for (const std::string& ignored : settings.update_ignored_dependencies) patterns.push_back("!" + ignored);
    PatternList wanted(patterns);
    std::vector<std::string> names;
    for (const Direct& dependency : direct_dependencies(selection, group, optional))
        if (wanted.matches(dependency.alias)) names.push_back(dependency.name);
    if (restricted) patterns.clear();  // only what stands in that group
    if (restricted && names.empty()) return write_err("nothing to update: no dependency of that kind matches\n"), Result<>();
    for (const std::string& name : names)
        if (!PatternList(patterns).matches(name) || patterns.empty()) patterns.push_back(name);
    edits.update.patterns = std::move(patterns);
    return run_install(invocation, door, edits);
}

}  // namespace pmx
