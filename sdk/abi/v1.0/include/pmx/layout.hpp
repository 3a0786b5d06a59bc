// The C++ face of layout.h: a graph to read and a plan to write. See plugin.hpp.
#pragma once

#include "pmx/layout.h"
#include "pmx/plugin.hpp"

namespace pmx::sdk {

// A read-only view of the host's graph; copying it is free.
class Graph {
  public:
    explicit Graph(const pmx_graph* graph) : g_(graph) {}
    std::uint32_t package_count() const { return g_->package_count; }
    std::uint32_t project_count() const { return g_->project_count; }
    std::uint32_t location_count() const { return g_->location_count; }
    const pmx_package& package(std::uint32_t i) const { return *PMX_GRAPH_PACKAGE(g_, i); }
    const pmx_project& project(std::uint32_t i) const { return *PMX_GRAPH_PROJECT(g_, i); }
    const pmx_location& location(std::uint32_t i) const { return *PMX_GRAPH_LOCATION(g_, i); }
    const pmx_edge& edge(std::uint32_t i) const { return *PMX_GRAPH_EDGE(g_, i); }
    std::string_view string(std::uint32_t i) const { return view(g_->strings[i]); }

    // Calls visit(const pmx_edge&) for each dependency of a package or project.
    template <class Node, class Visit>
    void each_edge(const Node& node, Visit&& visit) const {
        for (std::uint32_t i = 0; i < node.edge_count; ++i) visit(edge(node.first_edge + i));
    }

  private:
    const pmx_graph* g_;
};

// The steps of the plan; see pmx_plan_sink for what each means.
class Plan {
  public:
    explicit Plan(const pmx_plan_sink* sink) : s_(sink) {}
    std::uint32_t place(std::uint32_t package, std::string_view dir, pmx_root root = PMX_ROOT_PROJECT) {
        std::uint32_t number = PMX_NONE;
        must(s_->place(s_, package, root, str(dir), &number));
        return number;
    }
    void symlink(std::string_view path, std::string_view target, pmx_root root = PMX_ROOT_PROJECT,
                 pmx_root target_root = PMX_ROOT_PROJECT) {
        must(s_->symlink(s_, root, str(path), target_root, str(target)));
    }
    void link_project(std::string_view path, std::string_view project_dir, pmx_root root = PMX_ROOT_PROJECT) {
        must(s_->link_project(s_, root, str(path), str(project_dir)));
    }
    void bins(std::string_view dir, std::uint32_t place, std::string_view alias, std::uint32_t tier,
              pmx_root root = PMX_ROOT_PROJECT) {
        must(s_->bins(s_, root, str(dir), place, str(alias), tier));
    }
    void bins_of_project(std::string_view dir, std::string_view project_dir, std::uint32_t tier,
                         pmx_root root = PMX_ROOT_PROJECT) {
        must(s_->bins_of_project(s_, root, str(dir), str(project_dir), tier));
    }
    void hoisted(std::uint32_t package, std::string_view alias, bool is_public) {
        must(s_->hoisted(s_, package, str(alias), is_public));
    }
    void describe(const char* key, std::string_view value) { must(s_->describe(s_, key, str(value))); }

  private:
    static void must(pmx_status status) {
        if (status != PMX_OK) throw Error(status, "the host refused a step of the plan");
    }
    const pmx_plan_sink* s_;
};

template <class Class>
struct LayoutTable {
    static pmx_status plan(void* self, const pmx_op* op, const pmx_graph* graph, const pmx_plan_sink* sink) noexcept {
        return guarded(op, [&] {
            Plan steps(sink);
            static_cast<Class*>(self)->plan(Op(op), Graph(graph), steps);
            return PMX_OK;
        });
    }
    static constexpr pmx_layout functions = {sizeof(pmx_layout), 0, &plan};
};

}  // namespace pmx::sdk

// void Class::plan(Op, const Graph&, Plan&)
#define PMX_LAYOUT(Class, name, version, summary, capabilities, options, option_count)                         \
    PMX_PLUGIN_TABLE(Class, name, version, summary, PMX_KIND_LAYOUT, &pmx::sdk::LayoutTable<Class>::functions, \
                     capabilities, options, option_count)
