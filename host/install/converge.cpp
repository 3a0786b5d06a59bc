#include "install/converge.hpp"

#include <dirent.h>

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "install/plan.hpp"
#include "install/read.hpp"
#include "install/state.hpp"

namespace pmx {
namespace {

bool same_tree(const Run& run, const TreeRecord& record, const std::string& linker) {
    const Settings& settings = run.settings;
    if (record.linker != linker || record.layout != layout_identity(settings, linker)) return false;
    if (linker != "isolated") return true;
    auto hoist = settings.flag("hoist") ? settings.list("hoist-pattern") : std::vector<std::string>();
    auto hoist_publicly = settings.flag("shamefully-hoist") ? std::vector<std::string>{"*"} : settings.list("public-hoist-pattern");
    std::string virtual_store = relative_path(join_path(run.root, settings.text("modules-dir")),
                                              join_path(run.root, settings.text("virtual-store-dir")));
    return record.hoist_pattern == hoist && record.public_hoist_pattern == hoist_publicly &&
           (record.virtual_store_dir == virtual_store) &&
           record.virtual_store_dir_max_length == settings.integer("virtual-store-dir-max-length");
}

// Everything a package manager puts into one node_modules; caches of tools and files of the user's stay.
Result<> clear_modules(Tree& tree, const std::string& dir) {
    auto fd = open_dir_nofollow(tree.fd(Root::project), dir.c_str());
    if (!fd) return {};
    PMX_TRY(std::vector<DirEntry> entries, list_dir(fd->raw()));
    for (const DirEntry& entry : entries) {
        bool known = entry.name == ".bin" || entry.name == ".pnpm" || entry.name == ".modules.yaml" || entry.name == ".package-lock.json" ||
                     entry.name == ".pnpm-workspace-state-v1.json" || entry.name.starts_with(".ignored_");
        bool package = entry.name.front() != '.' && (entry.type == DT_DIR || entry.type == DT_LNK);
        if (known || package) PMX_CHECK(tree.remove_later(Root::project, dir + "/" + entry.name));
    }
    return {};
}

std::string identity(const Graph& graph, std::uint32_t package) {
    const Package& p = graph.packages[package];
    std::string text(p.id);
    text += '\n';
    text += p.resolution.integrity;
    text += '\n';
    text += p.resolution.tarball;
    text += p.resolution.commit;
    return text;
}

// First component below the virtual store: the slot.
std::string_view slot_below(std::string_view dir, std::string_view virtual_store) {
    if (!dir.starts_with(virtual_store) || dir.size() <= virtual_store.size() + 1 || dir[virtual_store.size()] != '/') return {};
    dir.remove_prefix(virtual_store.size() + 1);
    return dir.substr(0, dir.find('/'));
}

// Slots that neither plan knows: left by a killed run, or by another package manager's cache of old slots.
Result<> sweep_slots(Tree& tree, const Plan& plan) {
    std::string store(plan.virtual_store_dir);
    if (store.empty()) return {};
    auto fd = open_dir_nofollow(tree.fd(Root::project), store.c_str());
    if (!fd) return {};
    std::unordered_set<std::string_view> wanted{"node_modules", "lock.yaml"};
    for (const Place& place : plan.places)
        if (place.root == Root::project) wanted.insert(slot_below(place.dir, store));
    for (const Symlink& link : plan.symlinks)
        if (link.root == Root::project) wanted.insert(slot_below(link.path, store));
    PMX_TRY(std::vector<DirEntry> entries, list_dir(fd->raw()));
    for (const DirEntry& entry : entries)
        if (entry.type == DT_DIR && !wanted.contains(entry.name)) PMX_CHECK(tree.remove_later(Root::project, store + "/" + entry.name));
    return {};
}

}  // namespace

namespace {

using Direct = std::pair<std::string_view, std::string_view>;  // project, alias

std::map<Direct, RootDependency> direct_dependencies(const Graph& graph) {
    std::map<Direct, RootDependency> found;
    for (const Project& project : graph.projects)
        for (const Edge* edge = graph.begin_edges(project); edge != graph.end_edges(project); ++edge) {
            RootDependency dependency{project.dir, edge->alias, edge->alias, {}, {}};
            dependency.type = edge->kind == EdgeKind::dev ? "dev" : edge->kind == EdgeKind::optional ? "optional" : "prod";
            if (edge->target != kNoPackage) {
                const Package& package = graph.packages[edge->target];
                if (package.skipped) continue;
                dependency.real_name = package.name;
                dependency.version = package.version;
            }
            found.emplace(Direct(project.dir, edge->alias), dependency);
        }
    return found;
}

std::vector<RootDependency> root_changes(const Graph& before, const Graph& now) {
    auto old = direct_dependencies(before), fresh = direct_dependencies(now);
    auto same = [](const std::map<Direct, RootDependency>& in, const Direct& key, const RootDependency& as) {
        auto found = in.find(key);
        return found != in.end() && found->second.real_name == as.real_name && found->second.version == as.version;
    };
    std::vector<RootDependency> changes;
    for (auto& [key, dependency] : old)
        if (!same(fresh, key, dependency)) changes.push_back(dependency), changes.back().added = false;
    for (auto& [key, dependency] : fresh)
        if (!same(old, key, dependency)) changes.push_back(dependency);
    return changes;
}

}  // namespace

Result<Converged> converge(Run& run, Tree& tree, const Graph& graph, const Plan& plan, const std::string& linker,
                           const Inputs& inputs) {
    Converged result;
    result.keep.assign(plan.places.size(), false);
    std::string modules(run.settings.text("modules-dir"));
    PMX_TRY(std::optional<FileStat> there, stat_at(tree.fd(Root::project), modules.c_str()));
    result.root_changes = root_changes({}, graph);
    if (!there) return result;

    TreeRecord record = read_tree_record(run.root, modules);
    std::optional<Lockfile> current;
    if (record.exists && same_tree(run, record, linker))
        current = read_current_lockfile(run.root, modules, run.settings.text("virtual-store-dir"));
    std::optional<Plan> old_plan;
    if (current) {
        // pnpm's record does not name projects, and hoisting links them by name.
        for (Project& old : current->graph.projects) {
            auto same = std::find_if(graph.projects.begin(), graph.projects.end(), [&](const Project& p) { return p.dir == old.dir; });
            if (old.name.empty() && same != graph.projects.end()) old.name = same->name;
        }
        // pnpm's record lacks the groups that were not wanted, which may be others for each project.
        if (current->format == LockfileFormat::pnpm) record.included.prod = record.included.dev = true;
        auto marked = mark_skipped(run, current->graph, record.included, Tell::no);
        mark_built(run.settings, current->graph);
        if (marked) {
            auto made = make_plan(run, current->graph, linker);
            if (made) old_plan = std::move(*made);
        }
    }
    if (!old_plan) {
        if (record.exists) run.events.explain("the tree that stands was made with other settings or by another linker: it is made anew");
        if (record.exists && !inputs.chosen.empty())
            return fail(Code::USAGE, "node_modules was made with other settings or by another linker, and making it anew takes all projects", run.root,
                        "run pmx install without --filter once");
        for (const std::string& own : record.own_dirs)
            if (own.size() > 1 && own.front() == '.' && own != ".." && own.find('/') == own.npos)
                PMX_CHECK(tree.remove_later(Root::project, modules + "/" + own));
        for (const std::string& dir : inputs.project_dirs)
            if (inputs.is_chosen(dir)) PMX_CHECK(clear_modules(tree, dir == "." ? modules : dir + "/" + modules));
        return result;
    }

    std::unordered_map<std::string_view, std::uint32_t> before;
    for (const Place& place : old_plan->places)
        if (place.root == Root::project) before.emplace(place.dir, place.package);
    std::unordered_set<std::string_view> now;
    for (std::uint32_t i = 0; i < plan.places.size(); ++i) {
        const Place& place = plan.places[i];
        if (place.root != Root::project) continue;
        now.insert(place.dir);
        auto old = before.find(place.dir);
        bool same = old != before.end() && !run.settings.flag("force") &&
                    graph.packages[place.package].resolution.kind != ResolutionKind::directory &&
                    identity(graph, place.package) == identity(current->graph, old->second);
        if (same) {
            PMX_TRY(std::optional<FileStat> marker, stat_at(tree.fd(Root::project), (std::string(place.dir) + "/package.json").c_str()));
            same = marker && marker->is_file();
        }
        result.keep[i] = same;
    }
    // A place that is made anew takes what is nested in it along.
    for (std::uint32_t i = 0; i < plan.places.size(); ++i) {
        const Place& place = plan.places[i];
        if (place.root != Root::project || result.keep[i]) continue;
        if (place.has_nested) {
            std::string prefix = std::string(place.dir) + "/";
            for (std::uint32_t j = i + 1; j < plan.places.size(); ++j)
                if (plan.places[j].dir.starts_with(prefix)) result.keep[j] = false;
        }
        PMX_CHECK(tree.remove_later(Root::project, place.dir));
    }
    for (const Place& place : old_plan->places)
        if (place.root == Root::project && !now.contains(place.dir)) {
            PMX_CHECK(tree.remove_later(Root::project, place.dir));
            tree.remove_empty_parents(Root::project, place.dir);
            ++result.removed;
        }
    std::unordered_set<std::string_view> links;
    for (const Symlink& link : plan.symlinks) links.insert(link.path);
    for (const Symlink& link : old_plan->symlinks)
        if (link.root == Root::project && !links.contains(link.path) && !now.contains(link.path)) {
            auto info = stat_at(tree.fd(Root::project), std::string(link.path).c_str());
            if (!info || !*info || !(*info)->is_symlink()) continue;
            PMX_CHECK(remove_file(tree.fd(Root::project), std::string(link.path).c_str()));
            tree.remove_empty_parents(Root::project, link.path);
        }
    PMX_CHECK(sweep_slots(tree, plan));
    result.root_changes = root_changes(current->graph, graph);
    result.old_graph = std::move(current->graph);
    result.old_plan = std::move(*old_plan);
    return result;
}

}  // namespace pmx
