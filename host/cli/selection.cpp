#include "cli/selection.hpp"

#include <algorithm>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "config/filter.hpp"
#include "script/process.hpp"

namespace pmx {
namespace {

const std::vector<std::string>& values(const Invocation& invocation, const std::string& name) {
    static const std::vector<std::string> none;
    auto found = invocation.options.find(name);
    return found == invocation.options.end() ? none : found->second;
}

// Directories of files that differ from a commit. As with pnpm, files that git does not know yet do not count.
Result<std::vector<std::string>> changed_dirs(const std::string& commit, const std::string& root, const CancelFlag* cancel) {
    if (commit.starts_with('-')) return fail(Code::USAGE, "is no commit", commit);
    static const CancelFlag never;
    std::vector<std::string> dirs;
    std::string told;
    Program git{{"git", "-c", "core.quotePath=false", "diff", "--name-only", "--relative", commit, "--"}, {{"GIT_OPTIONAL_LOCKS", "0"}}, root, {}};
    git.line = [&](std::string_view line, bool error) {
        if (error) told += (told.empty() ? "" : " ") + printable(line);
        else dirs.emplace_back(line.substr(0, line.rfind('/') == line.npos ? 0 : line.rfind('/')));
    };
    PMX_TRY(int status, run_program(git, cancel ? *cancel : never));
    if (status != 0)
        return fail(Code::USAGE, "git cannot say what changed" + (told.empty() ? std::string() : ": " + told), "[" + commit + "]",
                    "name a commit, a branch or a tag of this repository");
    std::sort(dirs.begin(), dirs.end());
    dirs.erase(std::unique(dirs.begin(), dirs.end()), dirs.end());
    return dirs;
}

// The innermost project around `dir`; the root where there is none.
std::size_t project_around(const std::vector<WorkspaceProject>& projects, const std::string& root, const std::string& dir) {
    std::string_view below = dir;
    below = below.starts_with(root + "/") ? below.substr(root.size() + 1) : std::string_view();
    while (!below.empty()) {
        for (std::size_t i = 0; i < projects.size(); ++i)
            if (projects[i].dir == below) return i;
        below = below.substr(0, below.rfind('/') == below.npos ? 0 : below.rfind('/'));
    }
    return 0;
}

}  // namespace

std::vector<std::string> Selection::dirs() const {
    std::vector<std::string> dirs;
    for (std::size_t i : chosen) dirs.push_back(projects[i].dir);
    return dirs;
}

std::vector<std::string> Selection::only() const {
    const bool with_root = std::find(chosen.begin(), chosen.end(), 0u) != chosen.end();
    return filtered && chosen.size() + (with_root ? 0 : 1) < projects.size() ? dirs() : std::vector<std::string>();
}

Result<Selection> select_projects(const Invocation& invocation, const Door& door, const Settings& settings, RootToo root) {
    Selection selection;
    PMX_TRY(selection.projects, workspace_projects(settings.root, settings.workspace_packages));
    if (selection.projects.empty()) selection.projects.push_back({".", {}});
    FilterContext context;
    context.root = settings.root;
    PMX_TRY(context.dir, working_dir(invocation));
    context.links_by_range = settings.text("link-workspace-packages") != "false";
    context.with_root = root == RootToo::yes || selection.projects.size() == 1;
    context.changed = [&](const std::string& commit) { return changed_dirs(commit, settings.root, door.cancel); };

    std::vector<ProjectSelector> selectors;
    for (bool production : {false, true})
        for (const std::string& text : values(invocation, production ? "filter-prod" : "filter")) {
            PMX_TRY(ProjectSelector selector, parse_selector(text, production));
            selectors.push_back(std::move(selector));
        }
    const bool workspace_root = invocation.has("workspace-root");
    selection.filtered = !selectors.empty();
    selection.several = selection.filtered || invocation.has("recursive");
    if (!selectors.empty()) {
        PMX_TRY(selection.chosen, select_projects(selection.projects, selectors, context));
        if (workspace_root && std::find(selection.chosen.begin(), selection.chosen.end(), 0u) == selection.chosen.end())
            selection.chosen.insert(selection.chosen.begin(), 0);
        if (selection.chosen.empty()) {
            if (invocation.has("fail-if-no-match")) return fail(Code::USAGE, "no project matches the filters", settings.root, "pmx list -r --depth -1 shows the projects");
            write_err("no project in " + printable(settings.root) + " matches the filters\n");
        }
    } else if (workspace_root) {
        selection.chosen = {0};
    } else if (selection.several) {
        for (std::size_t i = context.with_root ? 0 : 1; i < selection.projects.size(); ++i) selection.chosen.push_back(i);
    } else {
        selection.chosen = {project_around(selection.projects, settings.root, context.dir)};
    }
    return selection;
}

std::optional<EdgeKind> take_group(Invocation& invocation) {
    auto given = [&](const char* setting) {
        auto flag = invocation.flags.find(setting);
        if (flag == invocation.flags.end()) return false;
        bool on = flag->second.empty() || flag->second.front() != "false";
        invocation.flags.erase(flag);
        return on;
    };
    bool dev = given("dev"), prod = given("prod");
    if (invocation.has("save-optional")) return EdgeKind::optional;
    if (dev || invocation.has("save-dev")) return EdgeKind::dev;
    if (prod || invocation.has("save-prod")) return EdgeKind::prod;
    return std::nullopt;
}

}  // namespace pmx
