// Which modules pnpm makes visible beyond their dependents: into the virtual store's own node_modules
// (private) or the root's (public). First come, first served, in the order: direct dependencies of every
// project, then packages by depth and slot name. Used by the layouts with a virtual store. Pure.
#pragma once

#include <algorithm>
#include <pmx/layout.hpp>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "patterns.hpp"

namespace pmx::layouts {

struct HoistRules {
    Patterns private_patterns, public_patterns;
    bool workspace_packages = true;
};

struct HoistedModule {
    std::string_view alias;
    std::uint32_t package;     // PMX_NONE: the project in `project`
    std::string_view project;  // a directory
    bool is_public;
};

// `order[package]` is the rank of its slot name.
class Hoisting {
  public:
    Hoisting(const sdk::Graph& graph, const HoistRules& rules, const std::vector<std::uint32_t>& order)
        : graph_(graph), rules_(rules), order_(order) {}

    std::vector<HoistedModule> run() {
        if (rules_.private_patterns.empty() && rules_.public_patterns.empty()) return {};
        std::vector<const pmx_project*> projects;
        for (std::uint32_t i = 0; i < graph_.project_count(); ++i) projects.push_back(&graph_.project(i));
        std::ranges::sort(projects, [](auto* a, auto* b) {
            return std::pair(sdk::view(a->dir) != ".", sdk::view(a->dir)) <
                   std::pair(sdk::view(b->dir) != ".", sdk::view(b->dir));
        });
        claimed_.reserve(graph_.package_count() * 2);
        // What the root declares is in its node_modules already.
        for (const pmx_project* project : projects)
            if (sdk::view(project->dir) == ".")
                graph_.each_edge(*project, [&](const pmx_edge& edge) {
                    if (edge.package != PMX_NONE) claim(sdk::view(edge.alias));  // pnpm does not count links to projects
                });

        std::vector<bool> seen(graph_.package_count());
        auto walk = [&](const pmx_edge& edge, bool from_skipped, std::vector<std::uint32_t>& next) {
            if (edge.package == PMX_NONE || seen[edge.package]) return;
            // Optional packages that do not fit this machine are walked; what --prod left out is not.
            if (is_skipped(edge.package) && edge.kind != PMX_EDGE_OPTIONAL && !from_skipped) return;
            seen[edge.package] = true;
            next.push_back(edge.package);
        };
        std::vector<Step> open(1);
        for (const pmx_project* project : projects)
            for (const pmx_edge* edge : sorted_edges(*project)) {
                if (edge->package != PMX_NONE) offer(sdk::view(edge->alias), edge->package);
                walk(*edge, false, open[0].packages);
            }
        if (rules_.workspace_packages)
            for (const pmx_project* project : projects)
                if (sdk::view(project->dir) != "." && project->name.length) offer_project(*project);

        // A package's depth is where pnpm's walk first meets it, which need not be the least: all packages of a step
        // take their children before the first child's own children are looked at, and then each goes down alone.
        std::vector<std::pair<std::uint32_t, std::uint32_t>> met;  // (depth, package)
        while (!open.empty()) {
            Step step = std::move(open.back());
            open.pop_back();
            const std::size_t first = open.size();
            for (std::uint32_t package : step.packages) {
                met.emplace_back(step.depth, package);
                Step below{{}, step.depth + 1};
                for (const pmx_edge* edge : sorted_edges(graph_.package(package)))
                    walk(*edge, is_skipped(package), below.packages);
                if (!below.packages.empty()) open.push_back(std::move(below));
            }
            std::reverse(open.begin() + static_cast<std::ptrdiff_t>(first), open.end());
        }
        std::ranges::sort(met, {}, [&](const auto& entry) { return std::pair(entry.first, order_[entry.second]); });
        for (const auto& [depth, package] : met)
            for (const pmx_edge* edge : sorted_edges(graph_.package(package)))
                if (edge->package != PMX_NONE) offer(sdk::view(edge->alias), edge->package);
        return std::move(result_);
    }

  private:
    bool is_skipped(std::uint32_t package) const {
        return graph_.package(package).flags & PMX_PACKAGE_SKIPPED;
    }

    template <class Node>
    const std::vector<const pmx_edge*>& sorted_edges(const Node& node) {
        edges_.clear();
        graph_.each_edge(node, [&](const pmx_edge& edge) { edges_.push_back(&edge); });
        std::ranges::sort(edges_, {}, [](const pmx_edge* edge) {
            return std::pair(edge->kind == PMX_EDGE_OPTIONAL, sdk::view(edge->alias));
        });
        return edges_;
    }

    // Two aliases that differ only in case would be one directory on many file systems.
    bool claim(std::string_view alias) {
        lower_.assign(alias);
        for (char& c : lower_)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
        return claimed_.insert(lower_).second;
    }

    struct Step {
        std::vector<std::uint32_t> packages;
        std::uint32_t depth = 0;
    };

    enum class Reach { none, to_store, to_root };
    Reach reach(std::string_view alias) const {
        if (rules_.public_patterns.match(alias)) return Reach::to_root;
        return rules_.private_patterns.match(alias) ? Reach::to_store : Reach::none;
    }

    void offer(std::string_view alias, std::uint32_t package) {
        Reach where = reach(alias);
        if (where == Reach::none || is_skipped(package) || !claim(alias)) return;
        result_.push_back({alias, package, {}, where == Reach::to_root});
    }
    void offer_project(const pmx_project& project) {
        std::string_view name = sdk::view(project.name);
        Reach where = reach(name);
        if (where == Reach::none || !claim(name)) return;
        result_.push_back({name, PMX_NONE, sdk::view(project.dir), where == Reach::to_root});
    }

    const sdk::Graph& graph_;
    const HoistRules& rules_;
    const std::vector<std::uint32_t>& order_;
    std::unordered_set<std::string> claimed_;
    std::string lower_;
    std::vector<const pmx_edge*> edges_;
    std::vector<HoistedModule> result_;
};

}  // namespace pmx::layouts
