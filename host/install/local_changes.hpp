// What changed of the packages that a lockfile takes from this disk: a `file:` archive with other bytes, a `file:` directory
// whose manifest asks for something else. A lockfile cannot say so by itself. Asked by the read stage. [one thread]
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/graph.hpp"

namespace pmx {

// Paths of the archives and manifests, for the no-op check.
std::vector<std::string> local_files(const Graph& graph, const std::string& root);
// One line a change; empty when the lockfile still holds. What cannot be read is for the resolver to complain about.
std::vector<std::string> local_changes(const Graph& graph, const std::string& root);

}  // namespace pmx
