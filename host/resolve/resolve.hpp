// Resolve: manifests, settings and what the registry has become a lockfile. The order of the parts: hooks.hpp (what
// manifests say), tree.hpp (which versions), pick.hpp, peers.hpp (which contexts). Called by install/resolve.cpp, which
// brings the network and writes the result through commit. Writes nothing itself. [one thread]
#pragma once

#include <string>
#include <vector>

#include "resolve/peers.hpp"
#include "resolve/tree.hpp"

namespace pmx {

struct Resolved {
    Lockfile lockfile;  // complete: settings, catalogs, overrides, checksums, patches, projects, records, graph
    std::vector<PeerIssue> issues;
    std::vector<std::string> warnings;
    std::vector<std::string> unresolved_optional;
};

// PMX_E_PEERS under strict-peer-dependencies when something is missing; else issues are told, not raised.
Result<Resolved> resolve(const TreeInput& input);

}  // namespace pmx
