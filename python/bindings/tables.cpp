#include "tables.hpp"

#include <unordered_map>
#include <unordered_set>

#include "base/fs.hpp"

namespace pmx::python {
namespace {

std::string_view view(pmx_str text) { return text.length ? std::string_view(text.data, text.length) : std::string_view(); }
pmx_str str(std::string_view text) { return {text.data(), text.size()}; }

std::uint32_t flags_of(const Package& package) {
    return (package.optional ? PMX_PACKAGE_OPTIONAL : 0u) | (package.skipped ? PMX_PACKAGE_SKIPPED : 0u) |
           (package.has_bin ? PMX_PACKAGE_HAS_BIN : 0u) | (package.built ? PMX_PACKAGE_BUILT : 0u) |
           (package.resolution.kind == ResolutionKind::directory ? PMX_PACKAGE_DIRECTORY : 0u);
}

void add_edge(GraphTable& table, std::uint32_t from, std::uint32_t to, std::uint32_t kind, std::string_view alias, std::string_view link) {
    table.edges.push_back({from, to});
    table.edge_kind.push_back(static_cast<std::uint8_t>(kind));
    table.edge_alias.add(alias);
    table.edge_link.add(link);
}

std::string key(std::uint8_t root, std::string_view path) { return std::string(1, static_cast<char>('0' + root)) + std::string(path); }

}  // namespace

std::shared_ptr<const GraphTable> graph_table(const Graph& graph, std::string lockfile_name, std::string lockfile_text) {
    auto table = std::make_shared<GraphTable>();
    table->lockfile_name = std::move(lockfile_name);
    table->lockfile_text = std::move(lockfile_text);
    table->edge_start.push_back(0);
    std::uint32_t node = 0;
    auto add_edges = [&](const Edge* from, const Edge* to) {
        for (; from != to; ++from) add_edge(*table, node, from->target, static_cast<std::uint32_t>(from->kind), from->alias, from->link);
        table->edge_start.push_back(table->edges.size());
        ++node;
    };
    for (const Package& package : graph.packages) {
        table->id.add(package.id);
        table->name.add(package.name);
        table->version.add(package.version);
        table->integrity.add(package.resolution.integrity);
        table->flags.push_back(flags_of(package));
        add_edges(graph.begin_edges(package), graph.end_edges(package));
    }
    for (const Project& project : graph.projects) {
        table->project_dir.add(project.dir);
        table->project_name.add(project.name);
        add_edges(graph.begin_edges(project), graph.end_edges(project));
    }
    for (const Location& location : graph.locations) {
        table->location.add(location.path);
        table->location_package.push_back(location.package);
    }
    return table;
}

std::shared_ptr<const GraphTable> graph_table(const pmx_graph& graph) {
    auto table = std::make_shared<GraphTable>();
    table->edge_start.push_back(0);
    std::uint32_t node = 0;
    auto add_edges = [&](std::uint32_t first, std::uint32_t count) {
        for (std::uint32_t i = first; i < first + count; ++i) {
            const pmx_edge& edge = *PMX_GRAPH_EDGE(&graph, i);
            add_edge(*table, node, edge.package, edge.kind, view(edge.alias), view(edge.link));
        }
        table->edge_start.push_back(table->edges.size());
        ++node;
    };
    for (std::uint32_t i = 0; i < graph.package_count; ++i) {
        const pmx_package& package = *PMX_GRAPH_PACKAGE(&graph, i);
        table->id.add(view(package.id));
        table->name.add(view(package.name));
        table->version.add(view(package.version));
        table->integrity.add(view(package.integrity));
        table->flags.push_back(package.flags);
        add_edges(package.first_edge, package.edge_count);
    }
    for (std::uint32_t i = 0; i < graph.project_count; ++i) {
        const pmx_project& project = *PMX_GRAPH_PROJECT(&graph, i);
        table->project_dir.add(view(project.dir));
        table->project_name.add(view(project.name));
        add_edges(project.first_edge, project.edge_count);
    }
    for (std::uint32_t i = 0; i < graph.location_count; ++i) {
        table->location.add(view(PMX_GRAPH_LOCATION(&graph, i)->path));
        table->location_package.push_back(PMX_GRAPH_LOCATION(&graph, i)->package);
    }
    return table;
}

void PlanTable::add(StepKind step, std::uint8_t at, std::uint32_t whose, std::string_view where, std::uint8_t to_root, std::string_view to,
                    std::string_view name, std::uint8_t detail, std::uint32_t row) {
    kind.push_back(static_cast<std::uint8_t>(step));
    root.push_back(at);
    target_root.push_back(to_root);
    flag.push_back(detail);
    package.push_back(whose);
    place.push_back(row);
    path.add(where);
    target.add(to);
    alias.add(name);
}

std::shared_ptr<const PlanTable> plan_table(const Plan& plan, std::string layout, std::shared_ptr<const GraphTable> graph) {
    auto table = std::make_shared<PlanTable>();
    table->layout = std::move(layout);
    table->virtual_store_dir = plan.virtual_store_dir;
    table->modules_dir = plan.modules_dir;
    table->node_path_tail = plan.node_path_tail;
    table->bins = plan.bins_are_symlinks ? "symlink" : plan.bins_set_node_path ? "shim-node-path" : "shim";
    table->graph = std::move(graph);
    auto number = [](Root root) { return static_cast<std::uint8_t>(root); };
    std::unordered_map<std::string, std::uint32_t> package_at;
    for (const Place& place : plan.places) {
        package_at.emplace(key(number(place.root), place.dir), place.package);
        table->add(StepKind::place, number(place.root), place.package, place.dir, 0, {}, {}, place.has_nested, kNone);
    }
    for (const Symlink& link : plan.symlinks) {
        auto found = package_at.find(key(number(link.target_root), link.target));
        table->add(StepKind::symlink, number(link.root), found == package_at.end() ? kNone : found->second, link.path, number(link.target_root),
                   link.target, {}, link.to_project, kNone);
    }
    for (const BinRequest& bin : plan.bins) {
        bool project = bin.place == kNoPlace;
        const Place* place = project ? nullptr : &plan.places[bin.place];
        table->add(StepKind::bin, number(bin.root), project ? kNone : place->package, bin.dir, project ? 0 : number(place->root),
                   project ? bin.project : place->dir, bin.alias, bin.tier, project ? kNone : bin.place);
    }
    for (const Hoisted& hoisted : plan.hoisted)
        table->add(StepKind::hoisted, 0, hoisted.package, {}, 0, {}, hoisted.alias, hoisted.is_public, kNone);
    return table;
}

std::string PlanTable::identity(std::size_t row) const {
    std::string out(1, static_cast<char>('0' + kind[row]));
    out += static_cast<char>('0' + root[row]);
    out += static_cast<char>('0' + target_root[row]);
    if (static_cast<StepKind>(kind[row]) != StepKind::place) out += static_cast<char>('0' + flag[row]);
    for (std::string_view part : {path[row], target[row], alias[row], package[row] < graph->packages() ? graph->id[package[row]] : std::string_view()})
        (out += '\0') += part;
    return out;
}

std::shared_ptr<const PlanTable> select(const PlanTable& table, std::span<const std::uint32_t> rows) {
    auto to = std::make_shared<PlanTable>();
    to->layout = table.layout;
    to->virtual_store_dir = table.virtual_store_dir;
    to->modules_dir = table.modules_dir;
    to->node_path_tail = table.node_path_tail;
    to->bins = table.bins;
    to->graph = table.graph;
    std::unordered_map<std::uint32_t, std::uint32_t> moved;
    std::uint32_t next = 0;
    for (std::uint32_t row : rows)
        if (row < table.size()) moved.emplace(row, next++);
    for (std::uint32_t row : rows) {
        if (row >= table.size()) continue;
        auto place = moved.find(table.place[row]);
        to->add(static_cast<StepKind>(table.kind[row]), table.root[row], table.package[row], table.path[row], table.target_root[row], table.target[row],
                table.alias[row], table.flag[row], place == moved.end() ? kNone : place->second);
    }
    return to;
}

std::vector<std::uint32_t> difference(const PlanTable& a, const PlanTable& b) {
    std::unordered_set<std::string> there;
    there.reserve(b.size());
    for (std::size_t row = 0; row < b.size(); ++row) there.insert(b.identity(row));
    std::vector<std::uint32_t> rows;
    for (std::size_t row = 0; row < a.size(); ++row)
        if (!there.contains(a.identity(row))) rows.push_back(static_cast<std::uint32_t>(row));
    return rows;
}

std::vector<std::uint32_t> missing(const PlanTable& table, const std::string& root, const std::string& shared_root) {
    std::vector<std::uint32_t> rows;
    auto at = [&](std::uint8_t which, std::string_view path) { return join_path(which == 0 ? root : shared_root, path); };
    for (std::size_t row = 0; row < table.size(); ++row) {
        auto kind = static_cast<StepKind>(table.kind[row]);
        if (kind != StepKind::place && kind != StepKind::symlink) continue;
        std::string path = at(table.root[row], table.path[row]);
        bool there = false;
        if (kind == StepKind::place) {
            auto marker = stat_at(AT_FDCWD, (path + "/package.json").c_str());
            there = marker && *marker && (*marker)->is_file();
        } else if (auto link = stat_at(AT_FDCWD, path.c_str()); link && *link && (*link)->is_symlink()) {
            auto points = read_link(AT_FDCWD, path.c_str());
            there = points && join_path(parent_path(path), *points) == at(table.target_root[row], table.target[row]);
        }
        if (!there) rows.push_back(static_cast<std::uint32_t>(row));
    }
    return rows;
}

pmx_status replay(const PlanTable& table, const pmx_plan_sink* sink) {
    std::vector<std::uint32_t> places(table.size(), kNone);
    auto describe = [&](const char* name, const std::string& value) {
        return value.empty() ? PMX_OK : sink->describe(sink, name, str(value));
    };
    for (auto [name, value] : {std::pair(PMX_PLAN_VIRTUAL_STORE_DIR, &table.virtual_store_dir), {PMX_PLAN_MODULES_DIR, &table.modules_dir},
                               {PMX_PLAN_BINS, &table.bins}, {PMX_PLAN_NODE_PATH_TAIL, &table.node_path_tail}})
        if (pmx_status status = describe(name, *value); status != PMX_OK) return status;
    for (std::size_t row = 0; row < table.size(); ++row) {
        pmx_str path = str(table.path[row]), target = str(table.target[row]), alias = str(table.alias[row]);
        pmx_status status = PMX_OK;
        switch (static_cast<StepKind>(table.kind[row])) {
            case StepKind::place: status = sink->place(sink, table.package[row], table.root[row], path, &places[row]); break;
            case StepKind::symlink:
                status = table.flag[row] ? sink->link_project(sink, table.root[row], path, target)
                                         : sink->symlink(sink, table.root[row], path, table.target_root[row], target);
                break;
            case StepKind::bin:
                if (table.package[row] == kNone) status = sink->bins_of_project(sink, table.root[row], path, target, table.flag[row]);
                else if (table.place[row] < row && places[table.place[row]] != kNone)
                    status = sink->bins(sink, table.root[row], path, places[table.place[row]], alias, table.flag[row]);
                break;
            case StepKind::hoisted: status = sink->hoisted(sink, table.package[row], alias, table.flag[row]); break;
        }
        if (status != PMX_OK) return status;
    }
    return PMX_OK;
}

}  // namespace pmx::python
