// Converge: what of the tree that stands may stay. Compares the plan with the plan of what was installed before, keeps
// the places that hold the same package and are whole (their marker, package.json, is linked last), and moves the rest
// out of the way. A tree of another linker, of other hoisting, or of nobody known is cleared completely: no mixed
// trees; PMX_E_USAGE where that would take the tree of projects that were not chosen. [one thread]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "install/commit.hpp"
#include "install/run.hpp"
#include "install/standing.hpp"
#include "install/tree.hpp"
#include "model/graph.hpp"
#include "model/plan.hpp"

namespace pmx {

struct Converged {
    std::vector<bool> keep;    // by place of the new plan
    std::vector<bool> keep_links;  // by symbolic link of the new plan: it stands
    std::uint64_t removed = 0; // packages that went
    std::vector<RootDependency> root_changes;  // views into the graph and `old_graph`
    Graph old_graph;
    Plan old_plan;             // empty when nothing stood there or everything was cleared
};

// `seen`: what stands, where somebody has looked already.
Result<Converged> converge(Run& run, Tree& tree, const Graph& graph, const Plan& plan, const std::string& linker,
                           const Inputs& inputs, std::optional<Standing> seen, const std::string& shared_root);

}  // namespace pmx
