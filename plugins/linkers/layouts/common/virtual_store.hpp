// What the layouts with a virtual store have in common once each package has its slot: the links between
// slots, the projects' node_modules, hoisted modules, executables. `isolated` keeps the slots inside the
// project, `global` in the root that all projects share. Pure.
#pragma once

#include <algorithm>
#include <numeric>
#include <pmx/layout.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hoisting.hpp"
#include "options.hpp"

namespace pmx::layouts {

struct VirtualStoreRules {
    std::string modules_dir, store_dir;  // "node_modules", "node_modules/.pnpm"
    bool dedupe_direct_deps = false;
    bool symlink = true;
};

// `slots[package]` is the directory that holds the package's own node_modules, relative to `slot_root`.
class VirtualStore {
  public:
    VirtualStore(const sdk::Graph& graph, sdk::Plan& plan, const VirtualStoreRules& rules, pmx_root slot_root,
                 const std::vector<std::string>& slots)
        : graph_(graph), plan_(plan), rules_(rules), slot_root_(slot_root), slots_(slots) {}

    void run(const sdk::Op& op, const HoistRules& hoist) {
        place_packages();
        for (std::uint32_t i = 0; i < graph_.package_count(); ++i) {
            if (i % 256 == 0) op.throw_if_cancelled();
            if (!is_skipped(i)) link_slot(i);
        }
        link_projects();
        if (rules_.symlink) link_hoisted(hoist);
    }

  private:
    bool is_skipped(std::uint32_t package) const {
        return graph_.package(package).flags & PMX_PACKAGE_SKIPPED;
    }

    void place_packages() {
        dirs_.resize(graph_.package_count());
        places_.assign(graph_.package_count(), PMX_NONE);
        for (std::uint32_t i = 0; i < graph_.package_count(); ++i) {
            if (is_skipped(i)) continue;
            dirs_[i] = slots_[i] + "/node_modules/";
            dirs_[i] += sdk::view(graph_.package(i).name);
            places_[i] = plan_.place(i, dirs_[i], slot_root_);
        }
    }

    // A link to what an edge points at, and its executables. False: nothing to link to.
    bool link(const std::string& modules, const pmx_edge& edge, pmx_root root) {
        std::string_view alias = sdk::view(edge.alias);
        if (edge.package != PMX_NONE && is_skipped(edge.package)) return false;
        if (!rules_.symlink) return true;
        path_.assign(modules).append("/").append(alias);
        if (edge.package == PMX_NONE)
            plan_.link_project(path_, sdk::view(edge.link), root);
        else
            plan_.symlink(path_, dirs_[edge.package], root, slot_root_);
        return true;
    }

    void bins(const std::string& bin_dir, const pmx_edge& edge, pmx_root root) {
        if (edge.package == PMX_NONE)
            plan_.bins_of_project(bin_dir, sdk::view(edge.link), 0, root);
        else if (may_have_bins(graph_.package(edge.package)))
            plan_.bins(bin_dir, places_[edge.package], sdk::view(edge.alias), 0, root);
    }

    // Dependencies stand beside the package; its .bin holds its own executables and theirs. (Those of bundled
    // packages are the host's: only the archive knows them.)
    void link_slot(std::uint32_t index) {
        const pmx_package& package = graph_.package(index);
        std::string modules = slots_[index] + "/node_modules";
        std::string bin_dir = dirs_[index] + "/node_modules/.bin";
        if (may_have_bins(package))
            plan_.bins(bin_dir, places_[index], sdk::view(package.name), 0, slot_root_);
        graph_.each_edge(package, [&](const pmx_edge& edge) {
            if (sdk::view(edge.alias) == sdk::view(package.name))
                return;  // a package that requires itself finds itself
            if (link(modules, edge, slot_root_)) bins(bin_dir, edge, slot_root_);
        });
    }

    void link_projects() {
        std::unordered_map<std::string_view, const pmx_edge*> in_root;
        if (rules_.dedupe_direct_deps)
            for (std::uint32_t i = 0; i < graph_.project_count(); ++i)
                if (sdk::view(graph_.project(i).dir) == ".")
                    graph_.each_edge(graph_.project(i), [&](const pmx_edge& edge) {
                        in_root.emplace(sdk::view(edge.alias), &edge);
                    });
        for (std::uint32_t i = 0; i < graph_.project_count(); ++i) {
            const pmx_project& project = graph_.project(i);
            std::string_view dir = sdk::view(project.dir);
            std::string modules = project_prefix(dir) + rules_.modules_dir;
            std::string bin_dir = modules + "/.bin";
            graph_.each_edge(project, [&](const pmx_edge& edge) {
                if (dir != ".")
                    if (auto same = in_root.find(sdk::view(edge.alias));
                        same != in_root.end() && same->second->package == edge.package &&
                        (edge.package != PMX_NONE || sdk::view(same->second->link) == sdk::view(edge.link)))
                        return;
                if (link(modules, edge, PMX_ROOT_PROJECT)) bins(bin_dir, edge, PMX_ROOT_PROJECT);
            });
            graph_.each_edge(project, [&](const pmx_edge& edge) {
                if (edge.package != PMX_NONE && !is_skipped(edge.package)) peer_bins(bin_dir, project, graph_.package(edge.package));
            });
        }
    }

    // A peer that was installed for a direct dependency, not by the project itself, still offers its executables to
    // the project: they are what the peer was asked for. (Not so one that the dependency could do without.)
    void peer_bins(const std::string& bin_dir, const pmx_project& project, const pmx_package& package) {
        graph_.each_edge(package, [&](const pmx_edge& edge) {
            if (edge.package == PMX_NONE || edge.kind == PMX_EDGE_OPTIONAL || is_skipped(edge.package) ||
                !may_have_bins(graph_.package(edge.package)))
                return;
            bool is_peer = false, is_direct = false;
            for (std::uint32_t i = 0; i < package.peer_count; ++i)
                is_peer = is_peer || graph_.string(package.first_peer + i) == sdk::view(edge.alias);
            graph_.each_edge(project, [&](const pmx_edge& own) { is_direct = is_direct || sdk::view(own.alias) == sdk::view(edge.alias); });
            if (is_peer && !is_direct)
                plan_.bins(bin_dir, places_[edge.package], sdk::view(edge.alias), 1, PMX_ROOT_PROJECT);
        });
    }

    void link_hoisted(const HoistRules& rules) {
        std::vector<std::uint32_t> by_slot(graph_.package_count()), order(graph_.package_count());
        std::iota(by_slot.begin(), by_slot.end(), 0u);
        std::ranges::sort(by_slot, {}, [&](std::uint32_t i) { return std::string_view(slots_[i]); });
        for (std::uint32_t rank = 0; rank < by_slot.size(); ++rank) order[by_slot[rank]] = rank;
        for (const HoistedModule& module : Hoisting(graph_, rules, order).run()) {
            const std::string modules =
                module.is_public ? rules_.modules_dir : rules_.store_dir + "/node_modules";
            path_.assign(modules).append("/").append(module.alias);
            if (module.package == PMX_NONE) {
                plan_.link_project(path_, module.project);
                plan_.bins_of_project(modules + "/.bin", module.project, 1);
                continue;
            }
            plan_.symlink(path_, dirs_[module.package], PMX_ROOT_PROJECT, slot_root_);
            plan_.hoisted(module.package, module.alias, module.is_public);
            if (may_have_bins(graph_.package(module.package)))
                plan_.bins(modules + "/.bin", places_[module.package], module.alias, 1);
        }
    }

    const sdk::Graph& graph_;
    sdk::Plan& plan_;
    const VirtualStoreRules& rules_;
    pmx_root slot_root_;
    const std::vector<std::string>& slots_;
    std::vector<std::string> dirs_;      // of each package, relative to slot_root_
    std::vector<std::uint32_t> places_;  // numbers of the plan
    std::string path_;
};

}  // namespace pmx::layouts
