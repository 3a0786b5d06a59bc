#include "plugin/plan_sink.hpp"

#include <algorithm>
#include <tuple>

#include "model/contained_path.hpp"

namespace pmx {

namespace {

constexpr std::string_view kModules = "node_modules";

Failure refuse(std::string what, std::string_view subject) {
    return fail(Code::PLUGIN_FAILED, std::move(what), std::string(subject), "use another --linker, and tell its author");
}

bool starts_with_dir(std::string_view path, std::string_view dir) {
    return path.size() > dir.size() && path.substr(0, dir.size()) == dir && path[dir.size()] == '/';
}

}  // namespace

PlanSink::PlanSink(const Graph& graph, std::string_view layout) : graph_(graph), layout_(layout) {
    sink_ = {sizeof sink_, this, &place, &symlink, &link_project, &bins, &bins_of_project, &hoisted, &describe};
    for (const Project& project : graph.projects) projects_.insert(project.dir);
    for (const Edge& edge : graph.edges)
        if (edge.target == kNoPackage) projects_.insert(edge.link);
    for (const Location& location : graph.locations)
        if (location.package == kNoPackage) projects_.insert(location.link);
    plan_.places.reserve(graph.packages.size());
    place_at_[0].reserve(graph.packages.size());
    plan_.symlinks.reserve(graph.edges.size());
    symlink_at_[0].reserve(graph.edges.size());
}

template <class Step>
pmx_status PlanSink::guarded(const pmx_plan_sink* sink, Step&& step) noexcept try {
    PlanSink& self = of(sink);
    Result<> done = step(self);
    if (done) return PMX_OK;
    if (!self.refused_) self.refused_ = std::move(done).error().during("layout " + self.layout_);
    return PMX_INVALID;
} catch (...) {
    return PMX_NO_MEMORY;
}

Result<std::string_view> PlanSink::path(std::uint32_t root, pmx_str text, std::string_view what) {
    if (root > PMX_ROOT_SHARED) return refuse("a step names root " + std::to_string(root), view(text));
    PMX_TRY(std::string_view checked, contained_path(view(text), what, "layout " + layout_));
    return plan_.arena.copy(checked);
}

Result<std::string_view> PlanSink::project_dir(pmx_str text) {
    auto known = projects_.find(view(text));
    if (known == projects_.end()) return refuse("a step names a project that the lockfile does not have", view(text));
    return plan_.arena.copy(*known);
}

Result<> PlanSink::check_package(std::uint32_t package, std::string_view what) const {
    if (package >= graph_.packages.size())
        return refuse(std::string(what) + " names package " + std::to_string(package) + " of " +
                          std::to_string(graph_.packages.size()),
                      layout_);
    if (graph_.packages[package].skipped)
        return refuse(std::string(what) + " names a package that is not to be installed here",
                      graph_.packages[package].id);
    return {};
}

pmx_status PlanSink::place(const pmx_plan_sink* sink, std::uint32_t package, std::uint32_t root, pmx_str dir,
                           std::uint32_t* place) noexcept {
    return guarded(sink, [&](PlanSink& self) -> Result<> {
        PMX_CHECK(self.check_package(package, "a place"));
        PMX_TRY(std::string_view checked, self.path(root, dir, "directory of a package"));
        auto number = static_cast<std::uint32_t>(self.plan_.places.size());
        auto [at, is_new] = self.place_at_[root].emplace(checked, number);
        if (is_new)
            self.plan_.places.push_back({package, static_cast<Root>(root), checked, false});
        else if (self.plan_.places[at->second].package != package)
            return refuse("two packages in one directory: " + std::string(self.graph_.packages[package].id) + " and " +
                              std::string(self.graph_.packages[self.plan_.places[at->second].package].id),
                          checked);
        *place = at->second;
        return {};
    });
}

Result<> PlanSink::add_symlink(std::uint32_t root, pmx_str text, Root target_root, std::string_view target,
                               bool to_project) {
    PMX_TRY(std::string_view checked, path(root, text, "symbolic link"));
    auto number = static_cast<std::uint32_t>(plan_.symlinks.size());
    auto [at, is_new] = symlink_at_[root].emplace(checked, number);
    if (is_new) {
        plan_.symlinks.push_back({static_cast<Root>(root), checked, target_root, target, to_project});
        return {};
    }
    const Symlink& other = plan_.symlinks[at->second];
    if (other.target == target && other.target_root == target_root && other.to_project == to_project) return {};
    return refuse("two symbolic links at one path, to " + std::string(other.target) + " and " + std::string(target),
                  checked);
}

pmx_status PlanSink::symlink(const pmx_plan_sink* sink, std::uint32_t root, pmx_str path, std::uint32_t target_root,
                             pmx_str target) noexcept {
    return guarded(sink, [&](PlanSink& self) -> Result<> {
        PMX_TRY(std::string_view to, self.path(target_root, target, "target of a symbolic link"));
        return self.add_symlink(root, path, static_cast<Root>(target_root), to, false);
    });
}

pmx_status PlanSink::link_project(const pmx_plan_sink* sink, std::uint32_t root, pmx_str path, pmx_str project) noexcept {
    return guarded(sink, [&](PlanSink& self) -> Result<> {
        PMX_TRY(std::string_view dir, self.project_dir(project));
        return self.add_symlink(root, path, Root::project, dir, true);
    });
}

pmx_status PlanSink::bins(const pmx_plan_sink* sink, std::uint32_t root, pmx_str dir, std::uint32_t place, pmx_str alias,
                          std::uint32_t tier) noexcept {
    return guarded(sink, [&](PlanSink& self) -> Result<> {
        if (place >= self.plan_.places.size()) return refuse("executables of a place that was not made", view(dir));
        if (!is_safe_package_name(view(alias)) || tier > 255)
            return refuse("executables under an unsafe name or tier", view(alias));
        PMX_TRY(std::string_view checked, self.path(root, dir, "directory of executables"));
        self.plan_.bins.push_back({static_cast<Root>(root), checked, place, self.plan_.arena.copy(view(alias)), {},
                                   static_cast<std::uint8_t>(tier)});
        return {};
    });
}

pmx_status PlanSink::bins_of_project(const pmx_plan_sink* sink, std::uint32_t root, pmx_str dir, pmx_str project,
                                     std::uint32_t tier) noexcept {
    return guarded(sink, [&](PlanSink& self) -> Result<> {
        if (tier > 255) return refuse("executables of an unknown tier", view(dir));
        PMX_TRY(std::string_view owner, self.project_dir(project));
        PMX_TRY(std::string_view checked, self.path(root, dir, "directory of executables"));
        self.plan_.bins.push_back(
            {static_cast<Root>(root), checked, kNoPlace, {}, owner, static_cast<std::uint8_t>(tier)});
        return {};
    });
}

pmx_status PlanSink::hoisted(const pmx_plan_sink* sink, std::uint32_t package, pmx_str alias, int is_public) noexcept {
    return guarded(sink, [&](PlanSink& self) -> Result<> {
        PMX_CHECK(self.check_package(package, "a hoisted name"));
        if (!is_safe_package_name(view(alias))) return refuse("a hoisted name that is not safe", view(alias));
        self.plan_.hoisted.push_back({package, self.plan_.arena.copy(view(alias)), is_public != 0});
        return {};
    });
}

pmx_status PlanSink::describe(const pmx_plan_sink* sink, const char* key, pmx_str value) noexcept {
    return guarded(sink, [&](PlanSink& self) -> Result<> {
        std::string_view name = key, text = view(value);
        if (name == PMX_PLAN_BINS) {
            if (text != "symlink" && text != "shim" && text != "shim-node-path")
                return refuse("executables are \"symlink\", \"shim\" or \"shim-node-path\", not", text);
            self.plan_.bins_are_symlinks = text == "symlink";
            self.plan_.bins_set_node_path = text == "shim-node-path";
        } else if (name == PMX_PLAN_VIRTUAL_STORE_DIR) {
            PMX_TRY(self.plan_.virtual_store_dir, self.path(PMX_ROOT_PROJECT, value, "virtual store"));
        } else if (name == PMX_PLAN_MODULES_DIR) {
            PMX_TRY(self.plan_.modules_dir, self.path(PMX_ROOT_PROJECT, value, "modules directory"));
        } else if (name == PMX_PLAN_NODE_PATH_TAIL) {
            PMX_TRY(self.plan_.node_path_tail, self.path(PMX_ROOT_PROJECT, value, "end of NODE_PATH"));
        }
        return {};
    });
}

// Below the project, everything that is made stands in a node_modules or in the declared virtual store.
Result<> PlanSink::check_inside_modules(std::string_view path, std::string_view what) const {
    for (std::string_view dir : {plan_.virtual_store_dir, plan_.modules_dir})
        if (!dir.empty() && (starts_with_dir(path, dir) || path.find("/" + std::string(dir) + "/") != path.npos)) return {};
    return fail(Code::UNSAFE_PATH, std::string(what) + " is outside node_modules", std::string(path),
                "look where the lockfile gets this path from, or use another --linker");
}

const PlanSink::Above& PlanSink::above(Root root, std::string_view dir) {
    const auto index = static_cast<unsigned>(root);
    if (auto known = above_[index].find(dir); known != above_[index].end()) return known->second;
    const std::size_t slash = dir.rfind('/');
    const std::string_view parent = slash == dir.npos ? std::string_view() : dir.substr(0, slash);
    Above found;
    if (slash != dir.npos) {
        found = above(root, parent);
        if (found.owner != kNoPlace && plan_.places[found.owner].dir == parent) found.is_free = found.is_free && dir.substr(slash + 1) == kModules;
    }
    found.is_modules = found.is_modules || dir.substr(slash == dir.npos ? 0 : slash + 1) == kModules;
    if (auto owner = place_at_[index].find(dir); owner != place_at_[index].end()) found.owner = owner->second;
    if (symlink_at_[index].contains(dir)) found.is_free = false;
    return above_[index].emplace(dir, found).first->second;
}

// Every directory above `path`: none is a symbolic link of this plan, and inside another package's directory only its
// node_modules may hold something.
Result<> PlanSink::check_surroundings(Root root, std::string_view path, std::string_view what) {
    const std::size_t slash = path.rfind('/');
    const Above around = slash == path.npos ? Above() : above(root, path.substr(0, slash));
    if (root == Root::project && !around.is_modules) PMX_CHECK(check_inside_modules(path, what));
    const bool among_files = around.owner != kNoPlace && plan_.places[around.owner].dir.size() == slash;
    if (!around.is_free || among_files) PMX_CHECK(refuse_surroundings(root, path, what));
    // Executables are made after the files, so only packages and links make a directory a shared one.
    if (around.owner != kNoPlace && what != "a directory of executables") plan_.places[around.owner].has_nested = true;
    return {};
}

// What is wrong, the nearest first.
Result<> PlanSink::refuse_surroundings(Root root, std::string_view path, std::string_view what) const {
    const auto index = static_cast<unsigned>(root);
    bool owned = false;
    for (std::size_t slash = path.rfind('/'); slash != path.npos && slash > 0; slash = path.rfind('/', slash - 1)) {
        const std::string_view above = path.substr(0, slash);
        if (symlink_at_[index].contains(above))
            return refuse(std::string(what) + " lies below a symbolic link of the same plan, " + std::string(above), path);
        if (owned || !place_at_[index].contains(above)) continue;
        owned = true;
        if (!starts_with_dir(path.substr(slash + 1), kModules))
            return refuse(std::string(what) + " lies among the files of another package, " + std::string(above), path);
    }
    return {};
}

Result<Plan> PlanSink::finish() && {
    above_[0].reserve(2 * plan_.places.size());
    for (std::size_t i = 0; i < plan_.places.size(); ++i) {
        const Place place = plan_.places[i];
        if (symlink_at_[static_cast<unsigned>(place.root)].contains(place.dir))
            return refuse("a package and a symbolic link at one path", place.dir);
        PMX_CHECK(check_surroundings(place.root, place.dir, "a package"));
    }
    for (const Symlink& link : plan_.symlinks) PMX_CHECK(check_surroundings(link.root, link.path, "a symbolic link"));
    for (const BinRequest& request : plan_.bins) {
        const auto index = static_cast<unsigned>(request.root);
        if (place_at_[index].contains(request.dir) || symlink_at_[index].contains(request.dir))
            return refuse("executables at the path of a package or link", request.dir);
        PMX_CHECK(check_surroundings(request.root, request.dir, "a directory of executables"));
    }
    std::vector<std::uint32_t> order(plan_.places.size()), rank(plan_.places.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    // A directory sorts before everything below it.
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        const Place &x = plan_.places[a], &y = plan_.places[b];
        return std::tie(x.root, x.dir) < std::tie(y.root, y.dir);
    });
    std::vector<Place> places;
    places.reserve(order.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) {
        rank[order[i]] = i;
        places.push_back(plan_.places[order[i]]);
    }
    plan_.places = std::move(places);
    for (BinRequest& request : plan_.bins)
        if (request.place != kNoPlace) request.place = rank[request.place];
    std::sort(plan_.symlinks.begin(), plan_.symlinks.end(),
              [](const Symlink& x, const Symlink& y) { return std::tie(x.root, x.path) < std::tie(y.root, y.path); });
    std::sort(plan_.bins.begin(), plan_.bins.end(), [](const BinRequest& x, const BinRequest& y) {
        return std::tie(x.root, x.dir, x.tier, x.alias, x.place, x.project) <
               std::tie(y.root, y.dir, y.tier, y.alias, y.place, y.project);
    });
    auto same_bins = [](const BinRequest& x, const BinRequest& y) {
        return std::tie(x.root, x.dir, x.tier, x.alias, x.place, x.project) ==
               std::tie(y.root, y.dir, y.tier, y.alias, y.place, y.project);
    };
    plan_.bins.erase(std::unique(plan_.bins.begin(), plan_.bins.end(), same_bins), plan_.bins.end());
    auto by_alias = [](const Hoisted& x, const Hoisted& y) {
        return std::tie(x.alias, x.package, x.is_public) < std::tie(y.alias, y.package, y.is_public);
    };
    std::sort(plan_.hoisted.begin(), plan_.hoisted.end(), by_alias);
    auto same_hoisted = [&](const Hoisted& x, const Hoisted& y) { return !by_alias(x, y) && !by_alias(y, x); };
    plan_.hoisted.erase(std::unique(plan_.hoisted.begin(), plan_.hoisted.end(), same_hoisted), plan_.hoisted.end());
    return std::move(plan_);
}

}  // namespace pmx
