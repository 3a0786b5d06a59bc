// Resolve: manifests, settings and what the registry has become a lockfile. The order of the parts: hooks.hpp (what
// manifests say), tree.hpp (which versions), pick.hpp, peers.hpp (which contexts); grow.hpp, where the lockfile is one of our
// own and little is added to it. Called by install/resolve.cpp, which
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
    std::size_t walked = 0;  // packages whose dependencies were looked at
    // Only what is new was walked: `lockfile` borrows from TreeInput::wanted, and issues and warnings are those of last time.
    bool has_grown = false;
    // Resolved once more it would come out the same: it came from a lockfile, and what is new stands apart. (What new peers
    // bring along settles with the second walk, now and then.) Tested rather than proved: tests/unit/resolve/grow_test.cpp.
    bool is_settled = false;
};

// PMX_E_PEERS under strict-peer-dependencies when something is missing; else issues are told, not raised.
Result<Resolved> resolve(const TreeInput& input);

}  // namespace pmx
