// The commit stage: the only one that writes the lockfile and the records about the tree, so that pnpm and npm accept it as
// their own, and pmx's own state. Every file is written beside its place and renamed. [one thread]
#pragma once

#include <string>
#include <vector>

#include "install/plan.hpp"
#include "install/read.hpp"
#include "install/run.hpp"
#include "install/tree.hpp"
#include "model/plan.hpp"
#include "store/store.hpp"

namespace pmx {

struct Commit {
    const Inputs& inputs;
    const Graph& graph;
    const Plan& plan;
    const std::vector<Skipped>& skipped;
    const std::vector<std::string>& ignored_builds;  // packages with install scripts that nobody allowed
    const std::vector<std::string>& keys;            // store objects that the tree uses
    Included included;
    const Lockfile& installed;                       // what stands there, by record: the whole lockfile, or a part of it
    std::string linker;
    bool whole = true;  // false: something optional could not be had, and the next run tries again
};

Result<> commit(Run& run, Store& store, const Commit& what);

// Writes what resolving changed: the lockfile, and the manifests that an edit changed; bytes that stand already are left
// alone. PMX_E_UNSAFE_PATH when one of them is a symbolic link: it is not ours to say what lies behind it.
Result<> commit_lockfile(Run& run, const Inputs& inputs);

// What node_modules/.modules.yaml says of the tree that stands there; empty strings when there is none.
struct TreeRecord {
    bool exists = false;
    std::string linker;  // "isolated", "hoisted", "global", a plugin's name; "npm" for a tree of npm's
    std::string layout;                 // layout_identity() of a foreign layout
    std::vector<std::string> own_dirs;  // its directories in node_modules whose names begin with a dot
    std::string virtual_store_dir;
    std::vector<std::string> hoist_pattern, public_hoist_pattern;
    std::int64_t virtual_store_dir_max_length = 120;
    Included included;
};
TreeRecord read_tree_record(const std::string& root, std::string_view modules_dir);

}  // namespace pmx
