#include "install/plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "model/platform.hpp"

namespace pmx {
namespace {

bool wants(const Included& included, EdgeKind kind) {
    return kind == EdgeKind::prod   ? included.prod
           : kind == EdgeKind::dev  ? included.dev
           : kind == EdgeKind::peer ? included.prod
                                    : included.optional;
}

std::vector<std::string> texts(const Graph& graph, std::uint32_t first, std::uint32_t count) {
    return {graph.strings.begin() + first, graph.strings.begin() + first + count};
}

}  // namespace

Included included_groups(const Settings& settings) {
    Included included;
    if (settings.flag("prod")) included.dev = false;
    if (settings.flag("dev")) included.prod = included.optional = false;
    if (!settings.flag("optional")) included.optional = false;
    return included;
}

std::string linker_name(const Settings& settings, LockfileFormat format) {
    std::string name(settings.text("linker"));
    if (!name.empty()) return name;
    return format == LockfileFormat::npm ? "hoisted" : "isolated";
}

Result<std::vector<Skipped>> mark_skipped(Run& run, Graph& graph, const Included& included) {
    const Platform host = host_platform(run.settings.text("node-version"), run.settings.supported_os,
                                        run.settings.supported_cpu, run.settings.supported_libc);
    std::vector<Skipped> skipped;
    std::vector<bool> unfit(graph.packages.size());
    for (std::uint32_t i = 0; i < graph.packages.size(); ++i) {
        const Package& package = graph.packages[i];
        if (!package.os_count && !package.cpu_count && !package.libc_count && package.engines_node.empty()) continue;
        PlatformFit fit = fits(host, texts(graph, package.first_os, package.os_count), texts(graph, package.first_cpu, package.cpu_count),
                               texts(graph, package.first_libc, package.libc_count), package.engines_node);
        if (fit.ok) continue;
        if (package.optional) {
            unfit[i] = true;
            skipped.push_back({i, fit.engine ? "unsupported_engine" : "unsupported_platform", fit.why});
        } else if (run.settings.flag("engine-strict")) {
            return fail(fit.engine ? Code::UNSUPPORTED_ENGINE : Code::UNSUPPORTED_PLATFORM, fit.why, std::string(package.id),
                        "drop the dependency, run on a platform it supports, or turn engine-strict off");
        } else {
            run.events.warning(fmt::format("{}: {}", package.id, fit.why));
        }
    }

    // Projects keep the edges of wanted groups only; they are copied so that indices of others stay.
    if (!included.prod || !included.dev || !included.optional) {
        for (Project& project : graph.projects) {
            std::vector<Edge> kept;
            std::copy_if(graph.begin_edges(project), graph.end_edges(project), std::back_inserter(kept),
                         [&](const Edge& edge) { return wants(included, edge.kind); });
            project.first_edge = static_cast<std::uint32_t>(graph.edges.size());
            project.edge_count = static_cast<std::uint32_t>(kept.size());
            graph.edges.insert(graph.edges.end(), kept.begin(), kept.end());
        }
    }

    std::vector<bool> reached(graph.packages.size());
    std::vector<std::uint32_t> stack;
    auto visit = [&](const Edge* from, const Edge* to) {
        for (; from != to; ++from) {
            if (from->target == kNoPackage || reached[from->target] || unfit[from->target]) continue;
            if (from->kind == EdgeKind::optional && !included.optional) continue;
            reached[from->target] = true;
            stack.push_back(from->target);
        }
    };
    for (const Project& project : graph.projects) visit(graph.begin_edges(project), graph.end_edges(project));
    while (!stack.empty()) {
        const Package& package = graph.packages[stack.back()];
        stack.pop_back();
        visit(graph.begin_edges(package), graph.end_edges(package));
    }
    for (std::uint32_t i = 0; i < graph.packages.size(); ++i) {
        if (!reached[i] && !unfit[i] && graph.packages[i].optional && included.prod && included.dev && included.optional)
            skipped.push_back({i, "", ""});  // needed by skipped packages only
        graph.packages[i].skipped = !reached[i];
    }
    run.metrics.skipped = skipped.size();
    return skipped;
}

void mark_built(const Settings& settings, Graph& graph) {
    auto allowed = [&](const Package& package) {
        if (settings.flag("ignore-scripts")) return false;
        auto by_name = settings.allow_builds.find(std::string(package.name));
        if (by_name != settings.allow_builds.end() && by_name->second) return true;
        auto exact = settings.allow_builds.find(fmt::format("{}@{}", package.name, package.version));
        return exact != settings.allow_builds.end() && exact->second;
    };
    std::vector<std::vector<std::uint32_t>> dependents(graph.packages.size());
    std::vector<std::uint32_t> stack;
    bool any = false;
    for (std::uint32_t i = 0; i < graph.packages.size(); ++i) {
        Package& package = graph.packages[i];
        package.runs_scripts = allowed(package);
        package.built = !package.patch_hash.empty() || package.runs_scripts;
        if (package.built) stack.push_back(i), any = true;
    }
    if (!any) return;
    for (std::uint32_t i = 0; i < graph.packages.size(); ++i)
        for (const Edge* edge = graph.begin_edges(graph.packages[i]); edge != graph.end_edges(graph.packages[i]); ++edge)
            if (edge->target != kNoPackage) dependents[edge->target].push_back(i);
    while (!stack.empty()) {
        std::uint32_t package = stack.back();
        stack.pop_back();
        for (std::uint32_t dependent : dependents[package])
            if (!graph.packages[dependent].built) {
                graph.packages[dependent].built = true;
                stack.push_back(dependent);
            }
    }
}

Result<Plan> make_plan(Run& run, const Graph& graph, const std::string& linker) {
    StageTimer timer(run.metrics, Stage::plan);
    OptionValues options;
    for (const auto& [key, setting] : run.settings.values) options.emplace(key, setting.items);
    options["engine"] = {engine_name(run.settings.text("node-version"))};
    PMX_TRY(Layout layout, run.plugins.layout(linker, options));
    return layout.plan(graph);
}

}  // namespace pmx
