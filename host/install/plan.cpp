#include "install/plan.hpp"

#include <algorithm>
#include <span>
#include <unordered_map>

#include <fmt/format.h>

#include "install/node_version.hpp"
#include "model/platform.hpp"

namespace pmx {
namespace {

std::span<const std::string_view> texts(const Graph& graph, std::uint32_t first, std::uint32_t count) {
    return {graph.strings.data() + first, count};
}

std::string joined(std::span<const std::string_view> items) {
    std::string out;
    for (std::string_view item : items) out += (out.empty() ? "" : ", ") + std::string(item);
    return out;
}

// What an optional package's name tells of its platform counts only where its manifest is silent.
bool runs_here(const Graph& graph, const Package& package, const SupportedPlatforms& supported) {
    auto os = texts(graph, package.first_os, package.os_count), cpu = texts(graph, package.first_cpu, package.cpu_count),
         libc = texts(graph, package.first_libc, package.libc_count);
    const bool from_npm = !graph.locations.empty();
    if (!package.optional || from_npm || (!os.empty() && !cpu.empty() && !libc.empty())) return runs_on(os, cpu, libc, supported);
    // pnpm reads from the name what the manifest does not say: bun's builds for musl name no libc.
    std::vector<std::string> told[3] = {{os.begin(), os.end()}, {cpu.begin(), cpu.end()}, {libc.begin(), libc.end()}};
    infer_platform(package.name, told[0], told[1], told[2]);
    std::vector<std::string_view> lists[3];
    for (int i = 0; i < 3; ++i) lists[i].assign(told[i].begin(), told[i].end());
    return runs_on(lists[0], lists[1], lists[2], supported);
}

}  // namespace

// A project's own optional dependencies go with its production ones (pnpm's --dev leaves them out).
bool wants(const Included& included, EdgeKind kind) {
    switch (kind) {
        case EdgeKind::dev: return included.dev;
        case EdgeKind::optional: return included.prod && included.optional;
        case EdgeKind::prod:
        case EdgeKind::peer: return included.prod;
    }
    return true;
}

Included included_groups(const Settings& settings) {
    Included included;
    if (settings.flag("prod")) included.dev = false;
    if (settings.flag("dev")) included.prod = false;
    if (!settings.flag("optional")) included.optional = false;
    return included;
}

std::string linker_name(const Settings& settings, LockfileFormat format) {
    std::string name(settings.text("linker"));
    if (!name.empty()) return name;
    return format == LockfileFormat::npm ? "hoisted" : "isolated";
}

Result<std::vector<Skipped>> mark_skipped(Run& run, Graph& graph, const Included& included, Tell tell) {
    const Platform host = host_platform();
    const SupportedPlatforms supported = resolve_supported(
        {run.settings.supported_os, run.settings.supported_cpu, run.settings.supported_libc}, host);
    std::vector<Skipped> skipped;
    std::vector<bool> unfit(graph.packages.size());
    bool strict = run.settings.flag("engine-strict");
    bool asks_engine = std::any_of(graph.packages.begin(), graph.packages.end(), [&](const Package& package) {
        return !package.engines_node.empty() && (package.optional || strict);
    });
    const std::string node = asks_engine ? node_version(run) : std::string();
    std::unordered_map<std::string_view, bool> engines;  // many ask for the same
    auto is_too_old = [&](std::string_view wanted) {
        auto [known, fresh] = engines.try_emplace(wanted);
        if (fresh) known->second = !unsupported_engines({{"node", std::string(wanted)}}, {{"node", node}}).empty();
        return known->second;
    };
    for (std::uint32_t i = 0; i < graph.packages.size(); ++i) {
        const Package& package = graph.packages[i];
        std::string reason, why;
        if ((package.optional || package.os_count || package.cpu_count || package.libc_count) && !runs_here(graph, package, supported)) {
            reason = "unsupported_platform";
            why = fmt::format("runs on os [{}] cpu [{}] libc [{}] only; this is {} {} {}", joined(texts(graph, package.first_os, package.os_count)),
                              joined(texts(graph, package.first_cpu, package.cpu_count)),
                              joined(texts(graph, package.first_libc, package.libc_count)), host.os, host.cpu, host.libc);
        } else if (!node.empty() && !package.engines_node.empty() && is_too_old(package.engines_node)) {
            reason = "unsupported_engine";
            why = fmt::format("wants node {}; this is {}", package.engines_node, node);
        } else {
            continue;
        }
        if (package.optional) {
            unfit[i] = true;
            skipped.push_back({i, std::move(reason), std::move(why)});
        } else if (strict) {
            return fail(reason == "unsupported_engine" ? Code::UNSUPPORTED_ENGINE : Code::UNSUPPORTED_PLATFORM, why, std::string(package.id),
                        "drop the dependency, run on a platform it supports, or turn engine-strict off");
        } else if (tell == Tell::yes) {
            run.events.warning(fmt::format("{} {}", package.id, why));
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
    if (tell == Tell::yes) run.metrics.skipped = skipped.size();
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
    OptionValues options = option_values(run.settings);
    options["lockfile-dir"] = {run.root};
    bool builds = std::any_of(graph.packages.begin(), graph.packages.end(), [](const Package& package) { return package.built; });
    if (builds) {
        const Platform host = host_platform();
        std::string node = node_version(run);
        options["engine"] = {fmt::format("{};{};node{}", host.os, host.cpu, node.substr(0, node.find('.')))};
    }
    PMX_TRY(Layout layout, run.plugins.layout(linker, options));
    return layout.plan(graph);
}

}  // namespace pmx
