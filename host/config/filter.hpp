// Filter: pnpm's --filter grammar: which projects of a workspace a command is for. "name", "@scope/*", "./dir", "{dir}",
// "[since]", each with "...pkg" (and what depends on it), "pkg..." (and what it depends on), '^' (without itself) and a
// leading '!' (take these out again). Called by the commands. Pure but for `changed`, which asks git. [any thread]
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/workspace.hpp"

namespace pmx {

struct ProjectSelector {
    bool exclude = false, without_self = false, with_dependencies = false, with_dependents = false;
    bool production = false;  // --filter-prod: dependencies for development do not count
    std::string name;         // a pattern; "" = any
    std::string dir;          // a path or a glob, as written, relative to where the command runs; "" = any
    std::string since;        // a commit; "" = any
    std::string raw;
};
// PMX_E_USAGE for what says nothing.
Result<ProjectSelector> parse_selector(std::string_view text, bool production = false);

struct FilterContext {
    std::string root;                  // of the workspace, absolute
    std::string dir;                   // where the command runs, absolute
    bool links_by_range = false;       // link-workspace-packages: "^1.0.0" means a project too
    bool with_root = true;             // whether a list of '!' selectors starts from the root too
    // Directories (relative to the root) of files that differ from `commit`.
    std::function<Result<std::vector<std::string>>(const std::string& commit)> changed;
};
// Indices into `projects`, in their order.
Result<std::vector<std::size_t>> select_projects(const std::vector<WorkspaceProject>& projects, const std::vector<ProjectSelector>& selectors,
                                                 const FilterContext& context);

// Which projects each project depends on, by index.
std::vector<std::vector<std::size_t>> project_edges(const std::vector<WorkspaceProject>& projects, bool production, bool links_by_range);

}  // namespace pmx
