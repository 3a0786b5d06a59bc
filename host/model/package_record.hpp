// PackageRecord: what is known of a package whatever its peers are resolved to: one entry of `packages:` in pnpm's
// lockfile, one version of a packument. Made by the resolver from manifests, or by the lockfile codec when an existing
// lockfile is to be edited; read by the resolver and by the codecs that write. A value of views; the arena belongs to
// whoever made it (Graph::arena, as a rule). Pure. [any thread]
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "model/graph.hpp"

namespace pmx {

struct PeerDependency {
    std::string_view name;
    std::string_view range;  // "*" when it is declared in peerDependenciesMeta only
    bool optional = false;
    bool meta_only = false;  // declared in peerDependenciesMeta only
};

struct PackageRecord {
    std::string_view key;      // "name@1.0.0", "name@https://…", "name@file:dir": unique; no patch, no peers
    std::string_view name;     // the real name
    std::string_view version;  // from the manifest; "" where none is known
    Resolution resolution;
    std::vector<PeerDependency> peers;  // in the order of their names
    std::vector<std::pair<std::string_view, std::string_view>> engines;  // as declared
    std::vector<std::string_view> os, cpu, libc;
    bool libc_is_text = false;  // declared as one text: pnpm's lockfile keeps that form
    std::string_view deprecated;  // the text; "" = not deprecated
    std::vector<std::string_view> bundled;
    bool bundles_all = false;
    bool has_bin = false;
    bool has_install_script = false;  // npm's lockfiles record it
    // What a fresh resolution knows and a lockfile does not say in pnpm's format; npm's format has both.
    std::string_view license, funding_json, bin_json;
};

}  // namespace pmx
