// Graph: what is to be installed, whoever said so (a lockfile now, a resolver later), in flat arrays. Packages, edges
// and projects refer to each other by index; strings are views into the graph's own arena. Built on one thread by a
// lockfile codec or the resolver, then read by everybody. It holds facts only: where a package goes is a layout's
// decision, and whether it is there is the store's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"

namespace pmx {

inline constexpr std::uint32_t kNoPackage = UINT32_MAX;

enum class ResolutionKind : std::uint8_t {
    registry,   // integrity (+ tarball URL when it is not the canonical one)
    tarball,    // a URL or file: path, integrity optional
    directory,  // a directory relative to the lockfile's; files are imported from there, nothing is stored
    git,        // repo + commit (+ path)
};

struct Resolution {
    ResolutionKind kind = ResolutionKind::registry;
    bool git_hosted = false;
    std::string_view integrity;  // SRI text, possibly several hashes; "" when the lockfile has none
    std::string_view tarball;    // URL or "file:…"; "" = canonical URL of the registry of this name
    std::string_view directory;  // relative to the lockfile's directory, contained or a declared project link
    std::string_view repo, commit;
    std::string_view path;       // subdirectory of a tarball or repository
};

enum class EdgeKind : std::uint8_t { prod, dev, optional, peer };

// One dependency: `alias` is the name in node_modules. `target` is a package; when it is kNoPackage, `link` is a
// directory relative to the lockfile's directory (link:, workspace:), already normalised.
struct Edge {
    std::string_view alias;
    std::uint32_t target = kNoPackage;
    std::string_view link;
    EdgeKind kind = EdgeKind::prod;
};

struct Package {
    std::string_view id;        // unique: "name@version", plus peers or patch suffix: pnpm's depPath
    std::string_view name;      // the real name, not an alias
    std::string_view version;   // "" where the lockfile does not know one (tarball, git, directory)
    Resolution resolution;
    std::uint32_t first_edge = 0, edge_count = 0;        // into Graph::edges
    std::uint32_t first_peer = 0, peer_count = 0;        // into Graph::strings: names of declared peers, sorted
    std::uint32_t first_transitive_peer = 0, transitive_peer_count = 0;  // into Graph::strings
    std::uint32_t first_bundled = 0, bundled_count = 0;  // into Graph::strings: names it carries in its own archive
    std::uint32_t first_os = 0, os_count = 0, first_cpu = 0, cpu_count = 0, first_libc = 0, libc_count = 0;
    std::string_view engines_node;
    std::string_view patch_hash;  // "" = not patched
    std::string_view deprecated;
    bool optional = false;   // reachable through optional edges only
    bool dev_only = false;   // reachable through dev edges only
    bool has_bin = false;    // the lockfile says so; the archive decides
    bool bundles_all = false;  // bundledDependencies: true
    bool skipped = false;    // set by the plan stage: not installable here, or excluded by --prod and the like
    bool has_install_script = false;  // where the lockfile says so (npm)
    bool runs_scripts = false;  // set by the plan stage: its install scripts are allowed to run here
    bool built = false;      // set by the plan stage: it, or a dependency of it, runs scripts or is patched
};

// A project of the workspace ("importer" in pnpm's lockfile).
struct Project {
    std::string_view dir;   // relative to the lockfile's directory, "." for the root
    std::string_view name;  // from its manifest; "" when unknown
    std::uint32_t first_edge = 0, edge_count = 0;
};

// npm's lockfiles say where each package goes. Layouts may follow it (hoisted does) or ignore it.
struct Location {
    std::string_view path;  // relative to the lockfile's directory: "node_modules/a/node_modules/b"
    std::uint32_t package = kNoPackage;  // kNoPackage: a link to the project directory `link`
    std::string_view link;
};

struct Graph {
    Arena arena;
    std::vector<Package> packages;   // sorted by id
    std::vector<Edge> edges;
    std::vector<Project> projects;   // sorted by dir; the root first
    std::vector<Location> locations; // empty unless an npm lockfile was read; parents before children
    std::vector<std::string_view> strings;

    const Edge* begin_edges(const Package& p) const { return edges.data() + p.first_edge; }
    const Edge* end_edges(const Package& p) const { return begin_edges(p) + p.edge_count; }
    const Edge* begin_edges(const Project& p) const { return edges.data() + p.first_edge; }
    const Edge* end_edges(const Project& p) const { return begin_edges(p) + p.edge_count; }
};

}  // namespace pmx
