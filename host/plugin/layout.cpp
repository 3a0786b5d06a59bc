#include "model/contained_path.hpp"
#include "plugin/plan_sink.hpp"

namespace pmx {

namespace {

// The graph in the SDK's words: flat arrays whose strings are borrowed from the host's graph.
struct CGraph {
    std::vector<pmx_package> packages;
    std::vector<pmx_edge> edges;
    std::vector<pmx_project> projects;
    std::vector<pmx_location> locations;
    std::vector<pmx_str> strings;

    pmx_graph c() const {
        pmx_graph graph{};
        graph.size = sizeof graph;
        graph.package_size = sizeof(pmx_package);
        graph.edge_size = sizeof(pmx_edge);
        graph.project_size = sizeof(pmx_project);
        graph.location_size = sizeof(pmx_location);
        graph.package_count = static_cast<std::uint32_t>(packages.size());
        graph.edge_count = static_cast<std::uint32_t>(edges.size());
        graph.project_count = static_cast<std::uint32_t>(projects.size());
        graph.location_count = static_cast<std::uint32_t>(locations.size());
        graph.string_count = static_cast<std::uint32_t>(strings.size());
        graph.packages = packages.data();
        graph.edges = edges.data();
        graph.projects = projects.data();
        graph.locations = locations.data();
        graph.strings = strings.data();
        return graph;
    }
};

std::uint32_t flags_of(const Package& package) {
    return (package.optional ? PMX_PACKAGE_OPTIONAL : 0u) | (package.skipped ? PMX_PACKAGE_SKIPPED : 0u) |
           (package.has_bin ? PMX_PACKAGE_HAS_BIN : 0u) | (package.built ? PMX_PACKAGE_BUILT : 0u) |
           (package.resolution.kind == ResolutionKind::directory ? PMX_PACKAGE_DIRECTORY : 0u);
}

Failure unsafe(std::string_view what, std::string_view name) {
    return fail(Code::UNSAFE_PATH, std::string(what) + " is not safe as a path", std::string(name),
                "correct it in the lockfile");
}

// Names become paths in every layout, so they are looked at here, once.
Result<CGraph> convert(const Graph& graph) {
    CGraph to;
    to.packages.reserve(graph.packages.size());
    to.edges.reserve(graph.edges.size());
    auto copy_strings = [&](std::uint32_t first, std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) to.strings.push_back(str(graph.strings[first + i]));
    };
    for (const Package& package : graph.packages) {
        if (!is_safe_package_name(package.name)) return unsafe("the name of a package", package.name);
        auto first_peer = static_cast<std::uint32_t>(to.strings.size());
        copy_strings(package.first_peer, package.peer_count);
        copy_strings(package.first_transitive_peer, package.transitive_peer_count);
        auto first_bundled = static_cast<std::uint32_t>(to.strings.size());
        copy_strings(package.first_bundled, package.bundled_count);
        to.packages.push_back({str(package.id), str(package.name), str(package.version),
                               str(package.resolution.integrity), package.first_edge, package.edge_count, first_peer,
                               first_bundled - first_peer, flags_of(package), first_bundled, package.bundled_count, 0});
    }
    for (const Edge& edge : graph.edges) {
        if (!is_safe_package_name(edge.alias)) return unsafe("the name of a dependency", edge.alias);
        to.edges.push_back({str(edge.alias), str(edge.link), edge.target, static_cast<std::uint32_t>(edge.kind)});
    }
    for (const Project& project : graph.projects)
        to.projects.push_back({str(project.dir), str(project.name), project.first_edge, project.edge_count});
    for (const Location& location : graph.locations) {
        if (!is_contained_path(location.path)) return unsafe("a location", location.path);
        to.locations.push_back({str(location.path), str(location.link), location.package, 0});
    }
    return to;
}

}  // namespace

Result<Plan> Layout::plan(const Graph& graph) const {
    PMX_TRY(CGraph converted, convert(graph));
    pmx_graph c_graph = converted.c();
    PlanSink sink(graph, info().name);
    Op op(plugin->room(), plugin->info());
    pmx_status status = closed(plugin->functions<pmx_layout>().plan(plugin->self(), op.c(), &c_graph, sink.c()));
    if (sink.refused()) return Failure(*sink.refused());
    if (status != PMX_OK) return Failure(op.error(status, "planning with layout " + info().name, {}, {}));
    auto plan = std::move(sink).finish();
    if (!plan) return Failure(std::move(plan).error().during("layout " + info().name));
    return plan;
}

const PluginInfo& Layout::info() const { return plugin->info(); }

}  // namespace pmx
