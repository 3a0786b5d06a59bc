// State: the record in .pmx/state of the modules directory of what an install read and left, so that the next one can say "up to
// date" from a few stats, before any pool or plugin is started. Written last, by commit; removed before the tree is
// touched, so that a killed run leaves none. [one thread]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "base/result.hpp"

namespace pmx {

// A file or directory as it was: absolute path and what stat said; `exists` false when it was not there.
struct Witness {
    std::string path;
    bool exists = false;
    std::uint64_t size = 0, inode = 0;
    std::int64_t mtime_ns = 0;
    friend bool operator==(const Witness&, const Witness&) = default;
};
Result<Witness> witness(const std::string& path, bool directory);
// The same of a directory of ours that this run may just have changed. A file system may date changes by the last tick of a
// clock (tmpfs does where a link is removed): the next one within the tick would not show. A directory that young is dated a
// microsecond back, where no tick is.
Result<Witness> witness_of_own(const std::string& path);

struct State {
    std::string fingerprint;          // of every setting that shapes the tree
    std::string linker, lockfile, check;
    std::vector<Witness> inputs;      // lockfile, manifests, configuration, patches: size, mtime, inode
    std::vector<Witness> directories; // node_modules of each project and its like: mtime, inode
};

std::string settings_fingerprint(const Settings& settings);
// Plugins that are chosen as files: built anew they may do something else.
std::vector<std::string> plugin_files(const Settings& settings);
// Is this one of pmx's own layouts?
bool is_shipped_linker(std::string_view linker);
// What a tree that a foreign layout made depends on besides the lockfile: its options, and its file. "" for shipped ones.
std::string layout_identity(const Settings& settings, std::string_view linker);
// Where the state of a modules directory is.
std::string state_file(const std::string& modules);
// nullopt: none, torn, or of another version.
// `modules`: the root's modules directory, absolute.
std::optional<State> read_state(const std::string& modules);
Result<> write_state(const std::string& modules, const State& state);
Result<> forget_state(const std::string& modules);
// Every witness still says the same.
bool holds(const State& state, const Settings& settings);

}  // namespace pmx
