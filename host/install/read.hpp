// The read stage: lockfile and manifests of a project, as values, and whether the one still says what the others ask
// for. [one thread]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "install/edit.hpp"
#include "install/events.hpp"
#include "lockfile/lockfile.hpp"

namespace pmx {

struct Inputs {
    Lockfile lockfile;
    bool has_lockfile = false;              // `lockfile` was read, or has been resolved
    bool mended = false;                    // it is not what the file holds: that has to be written anew
    std::vector<ProjectFile> projects;      // of the workspace, and those that the lockfile names; the root first
    std::vector<std::string> files;         // absolute paths of everything that was read, existing or not
    // In the lockfile's order of projects, "." first:
    std::vector<WantedProject> wanted;      // what the manifests ask for
    std::vector<std::string> project_dirs;  // relative to the root
    std::vector<std::string> versions;
    std::vector<std::pair<std::string, std::string>> patched;  // key → hash
    // Why the lockfile does not do for the manifests, a line each; empty when it does, or when there is none.
    std::vector<std::string> differences;
    // What commit writes besides its records, set by the resolve stage: the lockfile's text where it changed, manifests.
    std::string lockfile_text;
    std::vector<FileEdit> edited;
    // Directories of the projects that this run is for, the root aside, which always belongs to them; empty: all.
    std::vector<std::string> chosen;
    std::vector<std::string> gone;  // projects that the lockfile has and the disk has not, and that were not chosen

    bool is_chosen(std::string_view dir) const;
};

// How much is asked of a lockfile.
enum class Frozen : std::uint8_t {
    no,           // it is a help
    if_there_is,  // it must fit where there is one: the default in CI
    yes,          // it must be there and fit
};

// The lockfile's name in `root`: pnpm-lock.yaml, npm-shrinkwrap.json, package-lock.json; nullopt when there is none.
Result<std::optional<std::string>> lockfile_name(const std::string& root);

// Reads and compares. A lockfile that cannot be read is an error; unless it is frozen, one with merge conflicts is merged
// and differs, and a broken one of pnpm's is replaced by the record of what is installed, where there is one. Frozen:
// PMX_E_LOCKFILE_OUTDATED with the list of differences, PMX_E_NO_LOCKFILE.
// `begins`: an `add` may make the first manifest of a directory. `chosen`: see Inputs; PMX_E_USAGE beside npm's lockfile.
Result<Inputs> read_inputs(const Settings& settings, Frozen frozen, Events& events, bool begins = false,
                           const std::vector<std::string>& chosen = {});

// Why inputs.lockfile does not do for the manifests, a line each: for one that came from somewhere else.
Result<std::vector<std::string>> manifest_differences(const Settings& settings, const Inputs& inputs);

// Sets wanted, project_dirs and versions for inputs.lockfile as it is now.
Result<> bind_projects(Inputs& inputs, const Settings& settings);

// Gives the projects of `lockfile` what pnpm's lockfiles do not say of them: their names and, under
// excludeLinksFromLockfile, what their manifests link with link:.
Result<> complete_projects(const Inputs& inputs, Lockfile& lockfile, const Included& included);

// The lockfile of what stands in node_modules: .pnpm/lock.yaml or .package-lock.json; nullopt when there is none or it
// cannot be read (then the tree is made anew).
std::optional<Lockfile> read_current_lockfile(const std::string& root, std::string_view modules_dir, std::string_view virtual_store_dir);

}  // namespace pmx
