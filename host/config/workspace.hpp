// Workspaces: where the root is, seen from the directory in which the command runs, and which directories below it are
// projects. Called by load_settings and by the stages that need every manifest. Reads directories and package.json
// files; follows no symbolic link and never leaves the root. [any thread]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/manifest.hpp"

namespace pmx {

struct WorkspaceRoot {
    std::string dir;                        // absolute
    bool pnpm = false;                      // there is a pnpm-workspace.yaml
    std::vector<std::string> npm_patterns;  // package.json workspaces, where that made it the root
};
// pnpm-workspace.yaml above `dir`; else a package.json whose workspaces hold the nearest project; else that project;
// else `dir`. `dir` is absolute.
Result<WorkspaceRoot> find_workspace_root(const std::string& dir);

struct WorkspaceProject {
    std::string dir;  // relative to the root, "." first, then sorted
    Manifest manifest;
};
// Every directory with a package.json that `patterns` admit ("packages/*", "**", "!**/test/**"), and the root.
Result<std::vector<WorkspaceProject>> workspace_projects(const std::string& root, const std::vector<std::string>& patterns);

// Their directories only, sorted, without the root.
Result<std::vector<std::string>> workspace_dirs(const std::string& root, const std::vector<std::string>& patterns);

// Whether `patterns` admit the directory `dir`, relative to the root.
bool workspace_admits(const std::vector<std::string>& patterns, std::string_view dir);

}  // namespace pmx
