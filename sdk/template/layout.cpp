// @NAME@: each package in a slot of its own, beside links to what it depends on. Change modules() and link() to put
// things elsewhere; a layout only says where, and never touches the disk.
#include <algorithm>
#include <string>
#include <vector>

#include <pmx/layout.hpp>

namespace {

using namespace pmx::sdk;

constexpr pmx_option options[] = {option_text("slots", "The directory of the slots, in node_modules", ".slots")};

class @CLASS@ {
  public:
    @CLASS@(Host, const Config& config) : slots_("node_modules/" + std::string(config.text("slots"))) {}

    void plan(Op op, const Graph& graph, Plan& plan) const {
        std::vector<std::uint32_t> places(graph.package_count(), PMX_NONE);
        for (std::uint32_t i = 0; i < graph.package_count(); ++i) {
            op.throw_if_cancelled();
            if (!is_skipped(graph, i)) places[i] = plan.place(i, directory(graph, i));
        }
        for (std::uint32_t i = 0; i < graph.package_count(); ++i) {
            op.throw_if_cancelled();
            if (is_skipped(graph, i)) continue;
            graph.each_edge(graph.package(i), [&](const pmx_edge& edge) {
                // Its own name leads to itself without a link.
                if (view(edge.alias) != view(graph.package(i).name)) link(graph, plan, modules(graph, i), edge);
            });
        }
        for (std::uint32_t i = 0; i < graph.project_count(); ++i) {
            std::string dir(view(graph.project(i).dir));
            std::string modules = dir == "." ? "node_modules" : dir + "/node_modules";
            graph.each_edge(graph.project(i), [&](const pmx_edge& edge) {
                link(graph, plan, modules, edge);
                if (edge.package != PMX_NONE && !is_skipped(graph, edge.package))
                    plan.bins(modules + "/.bin", places[edge.package], view(edge.alias), 0);
            });
        }
    }

  private:
    static bool is_skipped(const Graph& graph, std::uint32_t i) { return graph.package(i).flags & PMX_PACKAGE_SKIPPED; }
    // Named by id, not by number: the same plan whatever the order of the arrays.
    std::string modules(const Graph& graph, std::uint32_t i) const {
        std::string slot(view(graph.package(i).id));
        std::replace(slot.begin(), slot.end(), '/', '+');
        return slots_ + "/" + slot + "/node_modules";
    }
    std::string directory(const Graph& graph, std::uint32_t i) const {
        return modules(graph, i) + "/" + std::string(view(graph.package(i).name));
    }
    void link(const Graph& graph, Plan& plan, const std::string& modules, const pmx_edge& edge) const {
        std::string path = modules + "/" + std::string(view(edge.alias));
        if (edge.package == PMX_NONE)
            plan.link_project(path, view(edge.link));
        else if (!is_skipped(graph, edge.package))
            plan.symlink(path, directory(graph, edge.package));
    }

    std::string slots_;
};

}  // namespace

PMX_LAYOUT(@CLASS@, "@NAME@", "0.1.0", "Each package in a slot of its own", 0, options, 1)
