#include <filesystem>

#include "base/fs.hpp"
#include "cli/command_line.hpp"
#include "cli/selection.hpp"

namespace pmx {
namespace {

// A path is written where the command runs, and read where the project is.
std::string rebased(const std::string& argument, const std::string& from, const std::string& to) {
    std::size_t at = argument.find('@', 1);
    std::size_t start = at != argument.npos && argument.find(':') > at && argument.find('/') > at ? at + 1 : 0;
    std::string_view path = std::string_view(argument).substr(start);
    std::string scheme;
    for (std::string_view known : {"file:", "link:"})
        if (path.starts_with(known)) scheme = known, path.remove_prefix(known.size());
    if (from == to || (!path.starts_with("./") && !path.starts_with("../") && path != "." && path != "..")) return argument;
    std::string there = (std::filesystem::path(from) / path).lexically_normal().lexically_relative(to).string();
    while (there.ends_with('/')) there.pop_back();
    return argument.substr(0, start) + scheme + (there.starts_with("../") || there == ".." ? "" : "./") + there;
}

}  // namespace

Result<> add_command(const Invocation& given, const Door& door) {
    Invocation invocation = given;
    if (invocation.arguments.empty()) return fail(Code::USAGE, "nothing to add", {}, "name a package: pmx add react");
    std::optional<EdgeKind> group = take_group(invocation);
    PMX_TRY(Settings settings, settings_for(invocation, door));
    PMX_TRY(Selection selection, select_projects(invocation, door, settings, RootToo::no));
    if (selection.chosen.empty()) return {};
    PMX_TRY(std::string dir, working_dir(invocation));
    if (selection.projects.size() > 1 && !selection.several && selection.chosen.front() == 0 && !invocation.has("workspace-root"))
        return fail(Code::USAGE, "this adds to the root of the workspace, which may not be what is meant", settings.root,
                    "say -w to add it to the root, --filter NAME for a project, or run pmx in the project");

    Edits edits;
    edits.projects = selection.dirs();
    edits.only = selection.only();
    for (const std::string& argument : invocation.arguments) {
        if (argument.find_first_not_of(" \t\n") == argument.npos) return fail(Code::USAGE, "nothing to add: a package without a name");
        DependencyEdit edit{DependencyEdit::Action::add, argument, group, invocation.has("save-peer")};
        if (edits.projects.size() == 1) {
            const std::string& project = edits.projects.front();
            edit.argument = rebased(argument, dir, project == "." ? settings.root : join_path(settings.root, project));
        }
        if (invocation.has("workspace") && edit.argument.find('@', 1) == argument.npos) edit.argument += "@workspace:*";
        edits.list.push_back(std::move(edit));
    }
    return run_install(invocation, door, edits);
}

}  // namespace pmx
