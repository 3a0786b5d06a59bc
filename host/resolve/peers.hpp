// The second half of resolving: peers. Walks the tree with what each place offers, gives each package the context in
// which it is used, and so makes the packages of the lockfile: "a@1.0.0(b@2.0.0)". Variants that differ in nothing that
// matters are merged (dedupe-peer-dependents), injected projects become links again (dedupe-injected-deps). The result
// depends on the content of the tree only, not on the order of its arrays. Pure. [one thread]
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "lockfile/lockfile.hpp"
#include "resolve/policy.hpp"
#include "resolve/tree.hpp"

namespace pmx {

// A peer that is not there, or not as wanted.
struct PeerIssue {
    std::string project;               // dir
    std::vector<std::string> parents;  // "name@version" from the project down to who wants the peer
    std::string peer, wanted, found;   // `found` is "" when it is missing
    bool optional = false;
};

struct PeerResult {
    // graph and projects are filled; packages sorted by id; records too (no longer used ones are left out).
    Lockfile lockfile;
    std::vector<PeerIssue> issues;  // in a stable order, rules of peerDependencyRules applied
};

Result<PeerResult> resolve_peers(DependencyTree tree, const Policy& policy);

// The issues as a tree that a person can act on; "" when there are none.
std::string describe_peer_issues(const std::vector<PeerIssue>& issues);

}  // namespace pmx
