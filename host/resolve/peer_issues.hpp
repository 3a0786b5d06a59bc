// Peer issues: which peers are missing or unfit, per project, with the way from the project to who wants
// them; and how a person is told. Called by peers.cpp. Pure. [one thread]
#pragma once

#include <vector>

#include "resolve/peer_context.hpp"
#include "resolve/peers.hpp"

namespace pmx {

// By project, then by the way to the package; one issue a project, package in a context, and peer. What
// peerDependencyRules forgives is left out.
std::vector<PeerIssue> peer_issues(const DependencyTree& tree, const PeerContexts& contexts,
                                   const Policy& policy);

}  // namespace pmx
