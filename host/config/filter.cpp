#include "config/filter.hpp"

#include <algorithm>
#include <map>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "model/pattern.hpp"
#include "model/range.hpp"
#include "model/specifier.hpp"

namespace pmx {
namespace {

bool is_location(std::string_view text) {
    return text == "." || text == ".." || text.starts_with("./") || text.starts_with("../") || text.starts_with('/');
}

// "a/./b/../c" as components; ".." that leaves the start stays.
std::vector<std::string_view> components(std::string_view path) {
    std::vector<std::string_view> parts;
    for (std::string_view part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == ".." && !parts.empty() && parts.back() != "..") parts.pop_back();
        else parts.push_back(part);
    }
    return parts;
}

// '*' within a component, "**" for any number of them. One row of a table by component: no backtracking.
bool matches_glob(const std::vector<std::string_view>& pattern, const std::vector<std::string_view>& path) {
    std::vector<bool> row(path.size() + 1, false);
    row[0] = true;
    for (std::string_view part : pattern) {
        std::vector<bool> next(path.size() + 1, false);
        for (std::size_t i = 0; i <= path.size(); ++i) {
            if (part == "**") next[i] = row[i] || (i > 0 && next[i - 1]);
            else if (i > 0) next[i] = row[i - 1] && matches_pattern(part, path[i - 1]);
        }
        row = std::move(next);
    }
    return row.back();
}

using Names = std::map<std::string, std::vector<std::size_t>, std::less<>>;

// The project that a dependency of `from` means; SIZE_MAX for a package.
std::size_t target_of(const std::vector<WorkspaceProject>& projects, const Names& names, const std::map<std::string, std::size_t, std::less<>>& dirs,
                      std::size_t from, const std::string& alias, const std::string& text, bool links_by_range) {
    auto specifier = parse_specifier(alias, text);
    if (!specifier) return SIZE_MAX;
    auto at_path = [&](std::string_view path) {
        std::string there;
        for (std::string_view part : components(projects[from].dir + "/" + std::string(path))) there += (there.empty() ? "" : "/") + std::string(part);
        auto found = dirs.find(there.empty() ? "." : there);
        return found == dirs.end() ? SIZE_MAX : found->second;
    };
    if (specifier->kind == SpecifierKind::link || specifier->kind == SpecifierKind::directory) return at_path(specifier->value);
    bool workspace = specifier->kind == SpecifierKind::workspace;
    if (workspace && (specifier->value.starts_with("./") || specifier->value.starts_with("../"))) return at_path(specifier->value);
    if (!workspace && (!links_by_range || specifier->kind > SpecifierKind::tag)) return SIZE_MAX;
    auto found = names.find(specifier->name);
    if (found == names.end()) return SIZE_MAX;
    const std::string& range = specifier->value;
    for (std::size_t project : found->second) {
        bool any = workspace && (range.empty() || range == "*" || range == "^" || range == "~");
        if (any || satisfies(projects[project].manifest.version, range, {.include_prerelease = true})) return project;
    }
    return SIZE_MAX;
}

void walk(const std::vector<std::vector<std::size_t>>& edges, const std::vector<std::size_t>& from, bool with_self, std::vector<bool>& seen) {
    std::vector<std::size_t> open;
    std::vector<bool> entered(edges.size(), false);
    for (std::size_t project : from) {
        if (with_self) seen[project] = true;
        open.push_back(project);
    }
    while (!open.empty()) {
        std::size_t project = open.back();
        open.pop_back();
        if (entered[project]) continue;
        entered[project] = true;
        for (std::size_t next : edges[project]) {
            seen[next] = true;
            open.push_back(next);
        }
    }
}

std::vector<std::vector<std::size_t>> reversed(const std::vector<std::vector<std::size_t>>& edges) {
    std::vector<std::vector<std::size_t>> back(edges.size());
    for (std::size_t i = 0; i < edges.size(); ++i)
        for (std::size_t to : edges[i]) back[to].push_back(i);
    return back;
}

// The directory seen from the root; nullopt where it lies outside.
std::vector<std::string_view> from_root(const FilterContext& context, const std::string& dir, std::string& storage) {
    storage = dir.starts_with('/') ? dir : context.dir + "/" + dir;
    std::vector<std::string_view> parts = components(storage), root = components(context.root);
    if (parts.size() < root.size() || !std::equal(root.begin(), root.end(), parts.begin())) return {"..", ".."};
    return {parts.begin() + static_cast<std::ptrdiff_t>(root.size()), parts.end()};
}

class Selection {
  public:
    Selection(const std::vector<WorkspaceProject>& projects, const FilterContext& context) : projects_(projects), context_(context) {}

    Result<std::vector<bool>> select(const ProjectSelector& selector) {
        std::vector<bool> entries(projects_.size(), true);
        if (!selector.name.empty()) by_name(selector.name, entries);
        if (!selector.dir.empty()) by_dir(selector.dir, entries);
        if (!selector.since.empty()) PMX_CHECK(by_change(selector.since, entries));
        std::vector<std::size_t> from;
        for (std::size_t i = 0; i < entries.size(); ++i)
            if (entries[i]) from.push_back(i);
        if (!selector.with_dependencies && !selector.with_dependents) return entries;
        const auto& edges = edges_of(selector.production);
        std::vector<bool> seen(projects_.size(), false);
        if (selector.with_dependencies) walk(edges, from, !selector.without_self, seen);
        if (selector.with_dependents) {
            std::vector<bool> dependents(projects_.size(), false);
            walk(reversed(edges), from, !selector.without_self, dependents);
            std::vector<std::size_t> those;
            for (std::size_t i = 0; i < dependents.size(); ++i)
                if (dependents[i]) seen[i] = true, those.push_back(i);
            if (selector.with_dependencies) walk(edges, those, true, seen);
        }
        return seen;
    }

  private:
    const std::vector<std::vector<std::size_t>>& edges_of(bool production) {
        auto& edges = production ? production_ : all_;
        if (edges.empty()) edges = project_edges(projects_, production, context_.links_by_range);
        return edges;
    }

    void by_name(const std::string& pattern, std::vector<bool>& entries) const {
        auto matching = [&](std::string_view wanted) {
            std::vector<std::size_t> found;
            for (std::size_t i = 0; i < projects_.size(); ++i)
                if (const std::string& name = projects_[i].manifest.name; !name.empty() && matches_pattern(wanted, name)) found.push_back(i);
            return found;
        };
        std::vector<std::size_t> found = matching(pattern);
        // "c" means "@scope/c" where only one has that name.
        if (found.empty() && pattern.find_first_of("@/") == pattern.npos) {
            found = matching("@*/" + pattern);
            if (found.size() != 1) found.clear();
        }
        keep(found, entries);
    }
    void by_dir(const std::string& dir, std::vector<bool>& entries) const {
        std::string storage;
        std::vector<std::string_view> pattern = from_root(context_, dir, storage);
        std::vector<std::size_t> found;
        for (std::size_t i = 0; i < projects_.size(); ++i)
            if (matches_glob(pattern, components(projects_[i].dir))) found.push_back(i);
        keep(found, entries);
    }
    // A file belongs to the innermost project around it.
    Result<> by_change(const std::string& commit, std::vector<bool>& entries) const {
        if (!context_.changed) return fail(Code::USAGE, "filters by commit cannot be used here", "[" + commit + "]");
        PMX_TRY(std::vector<std::string> dirs, context_.changed(commit));
        std::map<std::string_view, std::size_t> projects;
        for (std::size_t i = 0; i < projects_.size(); ++i) projects.emplace(projects_[i].dir, i);
        std::vector<std::size_t> found;
        for (const std::string& changed : dirs) {
            std::string_view dir = changed;
            for (;;) {
                if (auto project = projects.find(dir.empty() ? "." : dir); project != projects.end()) {
                    found.push_back(project->second);
                    break;
                }
                if (dir.empty() || dir == ".") break;
                dir = dir.substr(0, dir.find('/') == dir.npos ? 0 : dir.rfind('/'));
            }
        }
        keep(found, entries);
        return {};
    }
    static void keep(const std::vector<std::size_t>& found, std::vector<bool>& entries) {
        std::vector<bool> both(entries.size(), false);
        for (std::size_t i : found) both[i] = entries[i];
        entries = std::move(both);
    }

    const std::vector<WorkspaceProject>& projects_;
    const FilterContext& context_;
    std::vector<std::vector<std::size_t>> all_, production_;
};

}  // namespace

Result<ProjectSelector> parse_selector(std::string_view text, bool production) {
    ProjectSelector selector;
    selector.raw = text;
    selector.production = production;
    auto refused = [&]() -> Failure {
        return fail(Code::USAGE, "is no filter", std::string(text), "write a name, \"@scope/*\", ./dir, {dir} or [commit], with ... before or after it");
    };
    std::string_view rest = text;
    if (rest.starts_with('!')) selector.exclude = true, rest.remove_prefix(1);
    if (rest.ends_with("...")) {
        selector.with_dependencies = true;
        rest.remove_suffix(3);
        if (rest.ends_with('^')) selector.without_self = true, rest.remove_suffix(1);
    }
    if (rest.starts_with("...")) {
        selector.with_dependents = true;
        rest.remove_prefix(3);
        if (rest.starts_with('^')) selector.without_self = true, rest.remove_prefix(1);
    }
    if (rest.empty()) return refused();
    if (is_location(rest)) {
        selector.dir = rest;
        return selector;
    }
    std::size_t brace = rest.find_first_of("{[");
    selector.name = rest.substr(0, brace);
    rest = brace == rest.npos ? std::string_view() : rest.substr(brace);
    if (rest.starts_with('{')) {
        std::size_t end = rest.find('}');
        if (end == rest.npos || end == 1) return refused();
        selector.dir = rest.substr(1, end - 1);
        rest.remove_prefix(end + 1);
    }
    if (rest.starts_with('[')) {
        std::size_t end = rest.find(']');
        if (end == rest.npos || end == 1) return refused();
        selector.since = rest.substr(1, end - 1);
        rest.remove_prefix(end + 1);
    }
    if (!rest.empty()) return refused();
    return selector;
}

std::vector<std::vector<std::size_t>> project_edges(const std::vector<WorkspaceProject>& projects, bool production, bool links_by_range) {
    Names names;
    std::map<std::string, std::size_t, std::less<>> dirs;
    for (std::size_t i = 0; i < projects.size(); ++i) {
        if (!projects[i].manifest.name.empty()) names[projects[i].manifest.name].push_back(i);
        dirs.emplace(projects[i].dir, i);
    }
    std::vector<std::vector<std::size_t>> edges(projects.size());
    for (std::size_t i = 0; i < projects.size(); ++i) {
        const Manifest& manifest = projects[i].manifest;
        std::vector<const TextMap*> groups{&manifest.dependencies, &manifest.optional_dependencies, &manifest.peer_dependencies};
        if (!production) groups.push_back(&manifest.dev_dependencies);
        for (const TextMap* group : groups)
            for (const auto& [alias, text] : *group)
                if (std::size_t target = target_of(projects, names, dirs, i, alias, text, links_by_range); target != SIZE_MAX && target != i)
                    edges[i].push_back(target);
        std::sort(edges[i].begin(), edges[i].end());
        edges[i].erase(std::unique(edges[i].begin(), edges[i].end()), edges[i].end());
    }
    return edges;
}

Result<std::vector<std::size_t>> select_projects(const std::vector<WorkspaceProject>& projects, const std::vector<ProjectSelector>& selectors,
                                                 const FilterContext& context) {
    Selection selection(projects, context);
    bool only_exclusions = std::all_of(selectors.begin(), selectors.end(), [](const ProjectSelector& s) { return s.exclude; });
    std::vector<bool> chosen(projects.size(), only_exclusions);
    if (only_exclusions && !context.with_root)
        for (std::size_t i = 0; i < projects.size(); ++i)
            if (projects[i].dir == ".") chosen[i] = false;
    for (bool exclude : {false, true})
        for (const ProjectSelector& selector : selectors) {
            if (selector.exclude != exclude) continue;
            PMX_TRY(std::vector<bool> meant, selection.select(selector));
            for (std::size_t i = 0; i < projects.size(); ++i)
                if (meant[i]) chosen[i] = !exclude;
        }
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < projects.size(); ++i)
        if (chosen[i]) indices.push_back(i);
    return indices;
}

}  // namespace pmx
