// The first half of resolving: every specifier becomes a package, every package's dependencies are followed, missing
// peers are installed (auto-install-peers). The result knows nothing of peer contexts yet: one entry a package, in flat
// arrays; peers.hpp makes the graph of it. The walk is breadth first, in an order that depends on the input's content
// only, on the calling thread; packuments are asked for ahead of it from other threads, so that the order of answers
// and the number of threads change nothing.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "base/pool.hpp"
#include "base/result.hpp"
#include "lockfile/lockfile.hpp"
#include "model/package_record.hpp"
#include "registry/packuments.hpp"
#include "resolve/hooks.hpp"
#include "resolve/policy.hpp"
#include "resolve/sources.hpp"

namespace pmx {

// A dependency of a package or a project, resolved: to a package, or (kNoPackage) to the directory `link`, relative to
// the lockfile's.
struct TreeEdge {
    std::string_view alias;
    std::uint32_t package = kNoPackage;
    std::string_view link;
    EdgeKind kind = EdgeKind::prod;  // prod or optional; in a project also dev, peer
    // In projects only:
    std::string_view specifier;  // as the lockfile records it ("catalog:", "workspace:*", "^1.0.0")
    std::string_view catalog;    // the catalog it came from, "" = none
    bool injected = false;
    bool auto_installed = false;  // a peer that somebody wanted: in no manifest, in no `importers:` entry
};

struct TreePackage {
    PackageRecord record;
    std::string_view patch_hash;  // "" = not patched
    std::uint32_t first_edge = 0, edge_count = 0;  // into edges, sorted by alias
    std::uint32_t depth = 0;     // of the first occurrence
    std::string_view published;  // ISO time, "" unknown; for `time:`
};

struct TreeProject {
    std::string_view dir, name;
    std::uint32_t first_edge = 0, edge_count = 0;  // into edges, sorted by alias
    std::vector<std::string_view> declined;  // optional peers that would suit it, had they no peers of their own; sorted
};

struct Warning {
    std::string text;
};

struct DependencyTree {
    Arena arena;
    std::vector<TreePackage> packages;
    std::vector<TreeEdge> edges;
    std::vector<TreeProject> projects;  // as given: the root first
    std::vector<Warning> warnings;      // deprecated versions and the like, in a stable order
    std::vector<std::string> unresolved_optional;  // "name@specifier" of optional dependencies that could not be had

    const TreeEdge* begin_edges(const TreePackage& p) const { return edges.data() + p.first_edge; }
    const TreeEdge* end_edges(const TreePackage& p) const { return begin_edges(p) + p.edge_count; }
    const TreeEdge* begin_edges(const TreeProject& p) const { return edges.data() + p.first_edge; }
    const TreeEdge* end_edges(const TreeProject& p) const { return begin_edges(p) + p.edge_count; }
};

// A project as it asks: the manifest after `add` or `remove` edited it, before hooks.
struct ProjectInput {
    std::string dir;  // relative to the root, "." for the root
    Manifest manifest;
    bool is_held = false;  // not among the projects that an install was confined to: what it has stays
};

// Which pins of the lockfile are given up.
struct UpdateScope {
    enum class Kind : std::uint8_t { none, named, all } kind = Kind::none;
    std::vector<std::string> patterns;  // named: of package names, pnpm's patterns
    bool latest = false;                // whatever the range says
    bool dedupe = false;                // every edge is looked at again; what the lockfile has is preferred, and no more
    std::uint32_t depth = UINT32_MAX;   // 0: direct dependencies only
    std::vector<std::string> projects;  // dirs whose direct dependencies are meant; empty = all
};

struct TreeInput {
    std::string root;
    std::vector<ProjectInput> projects;
    const Policy* policy = nullptr;
    const Hooks* hooks = nullptr;
    const Patches* patches = nullptr;
    const Settings* settings = nullptr;
    const Lockfile* wanted = nullptr;  // with records; nullptr when there is none
    // `wanted` is, byte for byte, what resolve() gave for these projects and this policy before what is added now was added:
    // what it holds need not be walked again (grow.hpp).
    bool is_own = false;
    UpdateScope update;
    Packuments* packuments = nullptr;
    Sources* sources = nullptr;
    CancelFlag* cancel = nullptr;
    // A package was chosen and will be needed here: its archive may be fetched. From the calling thread; may be empty.
    std::function<void(const PackageRecord&)> chosen;
    bool tells_pinned = true;  // `chosen` hears of packages that the lockfile has, too
    // How many were asked for and chosen so far, for progress. May be empty.
    std::function<void(std::size_t asked, std::size_t chosen)> progress;
};

Result<DependencyTree> build_tree(const TreeInput& input);

}  // namespace pmx
