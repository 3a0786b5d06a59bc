// What npm's lockfile says of each package of a finished tree: whether only dev, optional or peer edges lead there; what
// nothing leads to is dropped. Used by npm_resolve.cpp. [one thread]
#pragma once

#include <string>
#include <vector>

#include "lockfile/lockfile.hpp"
#include "resolve/npm_ideal.hpp"
#include "resolve/peers.hpp"

namespace pmx {

class NpmFinish {
  public:
    NpmFinish(NpmIdeal& ideal, NpmNodes& nodes, NpmSource& source) : ideal_(ideal), nodes_(nodes), source_(source) {}

    void drop_extraneous();
    // Then: drops what could not be had and is optional; the error of what is not.
    Result<> drop_failed(std::vector<std::string>& dropped);
    // Entries of everything, sorted by path; views live with the nodes.
    std::vector<NpmEntry> entries();
    std::vector<PeerIssue> peer_issues() const;
    std::vector<std::string> warnings() const;

  private:
    void mark();
    std::vector<NpmNode*> all() const;

    NpmIdeal& ideal_;
    NpmNodes& nodes_;
    NpmSource& source_;
};

}  // namespace pmx
