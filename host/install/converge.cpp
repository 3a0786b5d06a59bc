#include "install/converge.hpp"

#include <dirent.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <unordered_set>

#include "install/read.hpp"

namespace pmx {
namespace {

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

bool same_contents(const Package& a, const Package& b) {
    return a.id == b.id && a.resolution.integrity == b.resolution.integrity && a.resolution.tarball == b.resolution.tarball &&
           a.resolution.commit == b.resolution.commit;
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
    wanted.reserve(plan.places.size());
    std::string_view last;  // what is in one slot stands together
    auto want = [&](Root root, std::string_view path) {
        if (root != Root::project) return;
        const std::string_view slot = slot_below(path, store);
        if (slot != last) wanted.insert(slot);
        last = slot;
    };
    for (const Place& place : plan.places) want(place.root, place.dir);
    for (const Symlink& link : plan.symlinks) want(link.root, link.path);
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
                           const Inputs& inputs, std::optional<Standing> seen, const std::string& shared_root) {
    Converged result;
    result.keep.assign(plan.places.size(), false);
    result.keep_links.assign(plan.symlinks.size(), false);
    std::string modules(run.settings.text("modules-dir"));
    PMX_TRY(std::optional<FileStat> there, stat_at(tree.fd(Root::project), modules.c_str()));
    if (!there) {
        result.root_changes = root_changes({}, graph);
        return result;
    }

    Standing standing = seen ? std::move(*seen) : look_at_tree(run, linker, [&] { return std::optional(tree_facts(run.settings, inputs, shared_root)); });
    const TreeRecord& record = standing.record;
    if (!standing.plan) {
        result.root_changes = root_changes({}, graph);
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

    // Both plans are sorted, so that one walk over both says what is in either.
    Plan& old_plan = *standing.plan;
    Graph& old_graph = standing.current->graph;
    const auto place_order = [](const Place& a, const Place& b) { return std::tie(a.root, a.dir) < std::tie(b.root, b.dir); };
    const auto link_order = [](const Symlink& a, const Symlink& b) { return std::tie(a.root, a.path) < std::tie(b.root, b.path); };
    std::vector<std::string_view> gone;  // directories that move away, with all that is in them
    std::size_t old = 0;
    std::vector<std::uint32_t> dropped;  // places of the old plan that the new one does not have
    for (std::uint32_t i = 0; i < plan.places.size(); ++i) {
        const Place& place = plan.places[i];
        while (old < old_plan.places.size() && place_order(old_plan.places[old], place)) dropped.push_back(static_cast<std::uint32_t>(old++));
        if (old == old_plan.places.size() || place_order(place, old_plan.places[old])) continue;
        const std::size_t before = old++;
        if (place.root != Root::project) continue;
        result.keep[i] = standing.whole[before] && !run.settings.flag("force") &&
                         graph.packages[place.package].resolution.kind != ResolutionKind::directory &&
                         same_contents(graph.packages[place.package], old_graph.packages[old_plan.places[before].package]);
    }
    while (old < old_plan.places.size()) dropped.push_back(static_cast<std::uint32_t>(old++));
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
        gone.push_back(place.dir);
    }
    for (std::uint32_t number : dropped)
        if (const Place& place = old_plan.places[number]; place.root == Root::project) {
            PMX_CHECK(tree.remove_later(Root::project, place.dir));
            gone.push_back(place.dir);
            tree.remove_empty_parents(Root::project, place.dir);
            ++result.removed;
        }
    const auto is_place = [&](const Symlink& link) {
        auto at = std::lower_bound(plan.places.begin(), plan.places.end(), Place{0, link.root, link.path}, place_order);
        return at != plan.places.end() && at->root == link.root && at->dir == link.path;
    };
    const auto drop_link = [&](const Symlink& link) -> Result<> {
        if (link.root != Root::project || is_place(link)) return {};
        auto info = stat_at(tree.fd(Root::project), std::string(link.path).c_str());
        if (!info || !*info || !(*info)->is_symlink()) return {};
        PMX_CHECK(remove_file(tree.fd(Root::project), std::string(link.path).c_str()));
        tree.remove_empty_parents(Root::project, link.path);
        return {};
    };
    old = 0;
    for (std::uint32_t i = 0; i < plan.symlinks.size(); ++i) {
        const Symlink& link = plan.symlinks[i];
        while (old < old_plan.symlinks.size() && link_order(old_plan.symlinks[old], link)) PMX_CHECK(drop_link(old_plan.symlinks[old++]));
        if (old == old_plan.symlinks.size() || link_order(link, old_plan.symlinks[old])) continue;
        const Symlink& before = old_plan.symlinks[old];
        result.keep_links[i] = standing.linked[old++] && before.target == link.target && before.target_root == link.target_root;
    }
    while (old < old_plan.symlinks.size()) PMX_CHECK(drop_link(old_plan.symlinks[old++]));
    for (std::string_view dir : gone) {
        const std::string below = std::string(dir) + "/";
        auto first = std::lower_bound(plan.symlinks.begin(), plan.symlinks.end(), Symlink{Root::project, below, {}, {}}, link_order);
        for (; first != plan.symlinks.end() && first->root == Root::project && first->path.starts_with(below); ++first)
            result.keep_links[static_cast<std::size_t>(first - plan.symlinks.begin())] = false;
    }
    PMX_CHECK(sweep_slots(tree, plan));
    result.root_changes = root_changes(old_graph, graph);
    result.old_graph = std::move(old_graph);
    result.old_plan = std::move(old_plan);
    return result;
}

}  // namespace pmx
