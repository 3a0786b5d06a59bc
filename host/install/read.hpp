// The read stage: lockfile and manifests of a project, as values. [one thread]
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"
#include "install/events.hpp"
#include "lockfile/lockfile.hpp"

namespace pmx {

struct Inputs {
    Lockfile lockfile;
    std::vector<WantedProject> wanted;      // what the manifests ask for, in the lockfile's order of projects
    std::vector<std::string> files;         // absolute paths of everything that was read, existing or not
    std::vector<std::string> project_dirs;  // relative to the root, "." first
    std::vector<std::string> versions;      // of the projects, same order
};

// The lockfile's name in `root`: pnpm-lock.yaml, npm-shrinkwrap.json, package-lock.json. PMX_E_NO_LOCKFILE when none.
Result<std::string> lockfile_name(const std::string& root);

// Reads and compares. PMX_E_LOCKFILE_OUTDATED with the list of differences when the manifests ask for something else.
Result<Inputs> read_inputs(const Settings& settings);

// The lockfile of what stands in node_modules: .pnpm/lock.yaml or .package-lock.json; nullopt when there is none or it
// cannot be read (then the tree is made anew).
std::optional<Lockfile> read_current_lockfile(const std::string& root, std::string_view modules_dir, std::string_view virtual_store_dir);

}  // namespace pmx
