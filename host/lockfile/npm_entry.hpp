// NpmEntry: one entry of the `packages` of npm's lockfiles: a place with all that npm says there of what is in it. Made
// by read_records() and by the resolver, printed by npm_lockfile_text(); installing needs the Graph only. A value of
// views; the arena is the lockfile's. [any thread]
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace pmx {

struct NpmEntry {
    using Map = std::vector<std::pair<std::string_view, std::string_view>>;  // in any order: it is sorted when written

    std::string_view path;  // "" of the root, "packages/a" of a project, "node_modules/a/node_modules/b"
    std::string_view name;  // "" where the path says it
    std::string_view version, resolved, integrity, deprecated;
    bool link = false, dev = false, optional = false, dev_optional = false, peer = false, extraneous = false;
    bool in_bundle = false, has_install_script = false, has_shrinkwrap = false;
    Map dependencies, dev_dependencies, optional_dependencies, peer_dependencies;
    std::vector<std::string_view> optional_peers;  // what peerDependenciesMeta, in `other`, comes to
    std::vector<std::string_view> bundled;         // bundleDependencies, with `true` spelled out; in `other` as written
    Map other;  // the rest: license, bin, engines, os, funding, …, as JSON
};

// The name that a place gives its package: what stands behind the last "node_modules/", else the directory's own name.
std::string_view npm_place_name(std::string_view path);

// The order that npm sorts by, localeCompare(…, "en"), for names and paths: letters whatever their case first, a small
// letter before its capital where nothing else differs. Beyond ASCII, by code points.
bool npm_order(std::string_view a, std::string_view b);

}  // namespace pmx
