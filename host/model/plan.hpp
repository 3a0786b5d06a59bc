// Plan: the steps a layout chose, as data. Nothing in it has touched the disk. Paths are relative to a root, use '/',
// and have passed contained_path() when they were taken from the layout. Made by install/plan.cpp, read by link, bins
// and commit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"

namespace pmx {

// What a plan's path is relative to.
enum class Root : std::uint8_t {
    project,  // the directory of the lockfile
    shared,   // the virtual store that all projects share (layout `global`)
};

// One package's files go to `dir`.
struct Place {
    std::uint32_t package;
    Root root;
    std::string_view dir;
    // The directory also holds other packages (a nested node_modules made by this plan): replace files, keep those.
    bool has_nested = false;
};

struct Symlink {
    Root root;
    std::string_view path;
    Root target_root;
    std::string_view target;  // the directory it points to; made relative when both roots are the same
    bool to_project = false;  // points to a directory outside node_modules (link:, workspace:)
};

// Put the executables of one place (or of a linked project) into a .bin directory.
struct BinRequest {
    Root root;
    std::string_view dir;       // "node_modules/.bin"
    std::uint32_t place;        // index into places, or kNoPlace with `project`
    std::string_view alias;     // the name under which the package stands there
    std::string_view project;   // a project directory whose own bins are linked
    std::uint8_t tier;          // lower wins a conflict: 0 direct dependency, 1 hoisted
};
inline constexpr std::uint32_t kNoPlace = UINT32_MAX;

// For .modules.yaml: what was hoisted, and how far.
struct Hoisted {
    std::uint32_t package;
    std::string_view alias;
    bool is_public;
};

struct Plan {
    Arena arena;
    std::vector<Place> places;
    std::vector<Symlink> symlinks;
    std::vector<BinRequest> bins;
    std::vector<Hoisted> hoisted;
    std::string_view virtual_store_dir;   // "node_modules/.pnpm" or ""
    std::string_view modules_dir;         // "" = node_modules
    bool bins_are_symlinks = false;       // npm's way; shims otherwise
    bool bins_set_node_path = false;      // shims export NODE_PATH (pnpm's isolated layout)
    std::string_view node_path_tail;      // last entry of NODE_PATH, relative to the project root
};

}  // namespace pmx
