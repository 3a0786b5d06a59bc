// PlanSink: takes the steps of a layout, checks each, and makes the Plan of them. Private to this room.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "plugin/instance.hpp"

namespace pmx {

class PlanSink {
  public:
    PlanSink(const Graph& graph, std::string_view layout);
    PlanSink(const PlanSink&) = delete;
    const pmx_plan_sink* c() const { return &sink_; }
    // The first step that was refused; the plan fails with it whatever the layout made of the status.
    const std::optional<Error>& refused() const { return refused_; }
    // Sorts, checks what only shows in the whole, and hands the plan over.
    Result<Plan> finish() &&;

  private:
    static PlanSink& of(const pmx_plan_sink* sink) { return *static_cast<PlanSink*>(sink->host); }
    static pmx_status place(const pmx_plan_sink*, std::uint32_t package, std::uint32_t root, pmx_str dir,
                            std::uint32_t* place) noexcept;
    static pmx_status symlink(const pmx_plan_sink*, std::uint32_t root, pmx_str path, std::uint32_t target_root,
                              pmx_str target) noexcept;
    static pmx_status link_project(const pmx_plan_sink*, std::uint32_t root, pmx_str path, pmx_str project) noexcept;
    static pmx_status bins(const pmx_plan_sink*, std::uint32_t root, pmx_str dir, std::uint32_t place, pmx_str alias,
                           std::uint32_t tier) noexcept;
    static pmx_status bins_of_project(const pmx_plan_sink*, std::uint32_t root, pmx_str dir, pmx_str project,
                                      std::uint32_t tier) noexcept;
    static pmx_status hoisted(const pmx_plan_sink*, std::uint32_t package, pmx_str alias, int is_public) noexcept;
    static pmx_status describe(const pmx_plan_sink*, const char* key, pmx_str value) noexcept;

    // Every step runs in here: the first error is kept, and nothing is thrown into the plugin.
    template <class Step>
    static pmx_status guarded(const pmx_plan_sink* sink, Step&& step) noexcept;
    Result<std::string_view> path(std::uint32_t root, pmx_str text, std::string_view what);
    Result<std::string_view> project_dir(pmx_str text);
    Result<> add_symlink(std::uint32_t root, pmx_str path, Root target_root, std::string_view target, bool to_project);
    Result<> check_package(std::uint32_t package, std::string_view what) const;
    // What a directory has above it and is itself: the same for everything that goes into it.
    struct Above {
        std::uint32_t owner = kNoPlace;  // the nearest package's directory
        bool is_free = true;             // no symbolic link of the plan, and of a package's directory only its node_modules
        bool is_modules = false;         // a node_modules, or below one
    };
    const Above& above(Root root, std::string_view dir);
    Result<> check_surroundings(Root root, std::string_view path, std::string_view what);
    Result<> refuse_surroundings(Root root, std::string_view path, std::string_view what) const;
    Result<> check_inside_modules(std::string_view path, std::string_view what) const;

    pmx_plan_sink sink_;
    const Graph& graph_;
    const std::string layout_;
    Plan plan_;
    std::optional<Error> refused_;
    using Paths = std::unordered_map<std::string_view, std::uint32_t>;  // views into the plan's arena
    Paths place_at_[2], symlink_at_[2];                                 // by root
    std::unordered_map<std::string_view, Above> above_[2];
    std::unordered_set<std::string_view> projects_;
};

}  // namespace pmx
