// Graph and plan as columns: what Python sees of them, and what numpy takes without a copy. Made from the engine's values
// (or from what a layout is given) in one pass, then never changed, so that any thread may read them while Python keeps
// them alive. Nothing here knows Python. [any thread once made]
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/graph.hpp"
#include "model/plan.hpp"
#include "pmx/layout.h"

namespace pmx::python {

// A column of texts: all bytes in one piece, row i between offsets[i] and offsets[i + 1] (Arrow's layout of large strings).
struct Text {
    std::vector<std::int64_t> offsets{0};
    std::string data;

    std::size_t size() const { return offsets.size() - 1; }
    std::string_view operator[](std::size_t i) const {
        return std::string_view(data).substr(static_cast<std::size_t>(offsets[i]), static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
    }
    void add(std::string_view text) {
        data.append(text);
        offsets.push_back(static_cast<std::int64_t>(data.size()));
    }
    void reserve(std::size_t rows, std::size_t bytes) { offsets.reserve(rows + 1), data.reserve(bytes); }
};

// Nodes are the packages (0 … packages-1), then the projects. The edges of node i are rows edge_start[i] … edge_start[i+1].
struct GraphTable {
    Text id, name, version, integrity;     // by package
    std::vector<std::uint32_t> flags;      // by package: PMX_PACKAGE_…
    Text project_dir, project_name;        // by project
    std::vector<std::uint64_t> edge_start;
    std::vector<std::array<std::uint32_t, 2>> edges;  // (node, package); PMX_NONE: a link to a directory
    std::vector<std::uint8_t> edge_kind;   // pmx_edge_kind
    Text edge_alias, edge_link;
    Text location;                         // npm's lockfiles: where it says that packages go; empty for others
    std::vector<std::uint32_t> location_package;
    // Where it came from; empty for the graph that a layout is given.
    std::string lockfile_name, lockfile_text;

    std::size_t packages() const { return id.size(); }
    std::size_t projects() const { return project_dir.size(); }
};
std::shared_ptr<const GraphTable> graph_table(const Graph& graph, std::string lockfile_name, std::string lockfile_text);
std::shared_ptr<const GraphTable> graph_table(const pmx_graph& graph);

enum class StepKind : std::uint8_t { place, symlink, bin, hoisted };
inline constexpr std::uint32_t kNone = UINT32_MAX;

// One row a step. What a column means depends on the kind:
//           path                package           target               alias          flag
//   place   directory           whose files       ""                   ""             1: others lie inside
//   symlink the link            what lies there   where it points      ""             1: to a project
//   bin     the .bin directory  whose programs    its place, project   name there     tier
//   hoisted ""                  which             ""                   name           1: visible to the project
struct PlanTable {
    std::vector<std::uint8_t> kind, root, target_root, flag;
    std::vector<std::uint32_t> package;  // into the graph; kNone: none
    std::vector<std::uint32_t> place;    // bin: the row of its place; kNone: of a project
    Text path, target, alias;
    std::string layout, virtual_store_dir, modules_dir, node_path_tail, bins;
    std::shared_ptr<const GraphTable> graph;

    std::size_t size() const { return kind.size(); }
    void add(StepKind step, std::uint8_t root, std::uint32_t package, std::string_view path, std::uint8_t target_root, std::string_view target,
             std::string_view alias, std::uint8_t flag, std::uint32_t place);
    // What tells two steps apart, in plans of different graphs too.
    std::string identity(std::size_t row) const;
};
std::shared_ptr<const PlanTable> plan_table(const Plan& plan, std::string layout, std::shared_ptr<const GraphTable> graph);

// Those rows, in that order; a bin keeps its place only where that is among them. Rows out of range are left out.
std::shared_ptr<const PlanTable> select(const PlanTable& table, std::span<const std::uint32_t> rows);
// Rows of `a` that `b` has not.
std::vector<std::uint32_t> difference(const PlanTable& a, const PlanTable& b);
// Rows whose step the disk does not show: a place without its package.json, a link that is not there or points elsewhere.
// Bins and hoisting are left out: only the archive says which programs there are.
std::vector<std::uint32_t> missing(const PlanTable& table, const std::string& root, const std::string& shared_root);

// Gives the steps to a host as a layout would. What was left out of a bin's rows is left out.
pmx_status replay(const PlanTable& table, const pmx_plan_sink* sink);

}  // namespace pmx::python
