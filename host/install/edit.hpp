// Edits: what `add`, `remove` and `update` do to manifests. Before resolving, apply_edits() changes the values that the
// resolver reads; after it, saved_manifests() says what the files become, now that versions are known ("react" was asked
// for, "^19.1.0" is saved), and puts the same specifiers into the lockfile. Pure: commit writes the files. [one thread]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/settings.hpp"
#include "lockfile/lockfile.hpp"
#include "resolve/tree.hpp"

namespace pmx {

struct DependencyEdit {
    enum class Action : std::uint8_t { add, remove, update } action = Action::add;
    std::string argument;           // add: "react@^18", "./dir", …; remove: a name; update: a name or pattern, perhaps with @spec
    std::optional<EdgeKind> group;  // -D, -O, -P; nullopt: where it stands already, else dependencies
    bool save_peer = false;         // also into peerDependencies (and devDependencies)
};

struct Edits {
    std::vector<DependencyEdit> list;
    std::vector<std::string> projects;  // dirs that are meant; never empty where `list` is not
    std::vector<std::string> only;      // --filter: dirs of the projects to be installed, beside the root; empty = all
    UpdateScope update;
    bool dedupe = false;                // give up pins that a newer, shared version can replace
    bool save = true;                   // --no-save: an update moves pins, and no manifest
    bool any() const { return !list.empty() || update.kind != UpdateScope::Kind::none || dedupe; }
};

// A project as its package.json has it.
struct ProjectFile {
    std::string dir;   // relative to the root, "." for the root
    std::string path;  // of package.json, absolute
    std::string text;  // "" when there is none (a root without a manifest)
    Manifest manifest;
};

// Changes `projects` (the manifests only) as the edits want them to be resolved. PMX_E_SPECIFIER, PMX_E_USAGE for a
// package that is not there to be removed or updated, with the nearest name that is. `sources` tells the names of what
// is added by path, URL or repository; without it, they have to be said.
Result<> apply_edits(const Edits& edits, const Settings& settings, const std::vector<ProjectFile>& files, std::vector<ProjectInput>& projects,
                     Sources* sources = nullptr);

// A file to be written: package.json of a project, or pnpm-workspace.yaml for catalogs.
struct FileEdit {
    std::string path, text;
};
// After resolving: the files' new texts (unchanged files are left out); `lockfile`'s specifiers are set to what is saved.
Result<std::vector<FileEdit>> saved_manifests(const Edits& edits, const Settings& settings, const std::vector<ProjectFile>& files,
                                              const std::vector<ProjectInput>& resolved, Lockfile& lockfile);

}  // namespace pmx
