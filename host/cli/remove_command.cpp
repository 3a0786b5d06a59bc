#include "cli/command_line.hpp"
#include "cli/selection.hpp"

namespace pmx {

Result<> remove_command(const Invocation& given, const Door& door) {
    Invocation invocation = given;
    if (invocation.arguments.empty()) return fail(Code::USAGE, "nothing to remove", {}, "name a dependency: pmx remove react");
    std::optional<EdgeKind> group = take_group(invocation);
    PMX_TRY(Settings settings, settings_for(invocation, door));
    PMX_TRY(Selection selection, select_projects(invocation, door, settings, RootToo::yes));
    if (selection.chosen.empty()) return {};
    Edits edits;
    edits.projects = selection.dirs();
    edits.only = selection.only();
    for (const std::string& argument : invocation.arguments)
        edits.list.push_back({DependencyEdit::Action::remove, argument, group, false});
    return run_install(invocation, door, edits);
}

}  // namespace pmx
