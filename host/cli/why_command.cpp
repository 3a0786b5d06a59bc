#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/installed.hpp"
#include "cli/selection.hpp"
#include "cli/tree_text.hpp"
#include "lockfile/dep_path.hpp"
#include "model/semver.hpp"

namespace pmx {
namespace {

constexpr int kDepthLimit = 500;

// Who wants a package: another package, or a project.
struct Dependent {
    std::uint32_t package = kNoPackage, project = 0;
    EdgeKind kind = EdgeKind::prod;
};

struct Reason {
    std::string name, version, peers_hash, group, path;
    enum class End : std::uint8_t { no, circular, deduped } end = End::no;
    std::vector<Reason> dependents;
};

class Reasons {
  public:
    Reasons(const Settings& settings, const Lockfile& lockfile, const Selection& selection, int depth)
        : settings_(settings), lockfile_(lockfile), graph_(lockfile.graph), shown_(shown_groups(settings)), depth_(depth), paths_(settings) {
        for (const WorkspaceProject& project : selection.projects) projects_.emplace(project.dir, &project.manifest);
        reach(selection);
    }

    // Every package of these names that the chosen projects reach, by name and version.
    std::vector<Reason> of(const NameFilter& filter) {
        std::vector<std::uint32_t> found;
        for (std::uint32_t i = 0; i < graph_.packages.size(); ++i) {
            if (!reached_[i]) continue;
            bool named = filter.matches(graph_.packages[i].name, graph_.packages[i].name) ||
                         std::any_of(aliases_[i].begin(), aliases_[i].end(), [&](std::string_view alias) { return filter.matches(alias, alias); });
            if (named) found.push_back(i);
        }
        std::sort(found.begin(), found.end(), [&](std::uint32_t a, std::uint32_t b) { return before(a, b); });
        std::vector<Reason> reasons;
        for (std::uint32_t package : found) {
            expanded_.assign(graph_.packages.size(), false);
            on_path_.assign(graph_.packages.size(), false);
            reasons.push_back(of(package, 0));
            reasons.back().path = path_of(package);
        }
        return reasons;
    }

  private:
    bool before(std::uint32_t a, std::uint32_t b) const {
        const Package &left = graph_.packages[a], &right = graph_.packages[b];
        if (left.name != right.name) return left.name < right.name;
        auto x = Version::parse(left.version), y = Version::parse(right.version);
        if (x && y && *x != *y) return *x < *y;
        return left.id < right.id;
    }

    void reach(const Selection& selection) {
        reached_.assign(graph_.packages.size(), false);
        aliases_.resize(graph_.packages.size());
        dependents_.resize(graph_.packages.size());
        std::vector<bool> project_seen(graph_.projects.size(), false);
        std::vector<std::size_t> projects;
        auto enter = [&](std::string_view dir) {
            std::size_t index = locked_project(lockfile_, dir);
            if (index == SIZE_MAX || project_seen[index]) return;
            project_seen[index] = true;
            projects.push_back(index);
        };
        for (std::size_t i : selection.chosen) enter(selection.projects[i].dir);
        std::vector<std::uint32_t> packages;
        auto follow = [&](const Edge& edge, Dependent dependent) {
            if (edge.target == kNoPackage) return enter(edge.link);
            dependents_[edge.target].push_back(dependent);
            if (edge.alias != graph_.packages[edge.target].name) aliases_[edge.target].insert(edge.alias);
            if (!reached_[edge.target]) reached_[edge.target] = true, packages.push_back(edge.target);
        };
        while (!projects.empty() || !packages.empty()) {
            if (!packages.empty()) {
                std::uint32_t i = packages.back();
                packages.pop_back();
                const Package& package = graph_.packages[i];
                for (const Edge* edge = graph_.begin_edges(package); edge != graph_.end_edges(package); ++edge)
                    if (edge->kind != EdgeKind::optional || shown_.optional) follow(*edge, {i, 0, edge->kind});
                continue;
            }
            std::size_t i = projects.back();
            projects.pop_back();
            const Project& project = graph_.projects[i];
            for (const Edge* edge = graph_.begin_edges(project); edge != graph_.end_edges(project); ++edge)
                if (shown_.shows(edge->kind)) follow(*edge, {kNoPackage, static_cast<std::uint32_t>(i), edge->kind});
        }
    }

    Reason of(std::uint32_t index, int depth) {
        const Package& package = graph_.packages[index];
        Reason reason;
        reason.name = package.name;
        reason.version = version_of(package);
        if (std::string_view suffix = parse_dep_path(package.id).suffix; !suffix.empty()) reason.peers_hash = sha256_hex(suffix).substr(0, 4);
        if (on_path_[index]) return reason.end = Reason::End::circular, reason;
        if (depth >= depth_) return reason;
        if (expanded_[index]) return reason.end = Reason::End::deduped, reason;
        expanded_[index] = on_path_[index] = true;
        for (const Dependent& dependent : sorted(index)) {
            if (dependent.package != kNoPackage) {
                reason.dependents.push_back(of(dependent.package, depth + 1));
                continue;
            }
            Reason project;
            const Project& locked = graph_.projects[dependent.project];
            auto manifest = projects_.find(locked.dir);
            project.name = manifest != projects_.end() && !manifest->second->name.empty() ? manifest->second->name : std::string(locked.dir);
            if (manifest != projects_.end()) project.version = manifest->second->version;
            project.group = group_key(dependent.kind);
            reason.dependents.push_back(std::move(project));
        }
        on_path_[index] = false;
        return reason;
    }

    // By name, each once.
    std::vector<Dependent> sorted(std::uint32_t index) const {
        std::vector<std::pair<std::string, Dependent>> named;
        for (const Dependent& dependent : dependents_[index]) {
            std::string key;
            if (dependent.package != kNoPackage) {
                const Package& package = graph_.packages[dependent.package];
                key = std::string(package.name) + "\n" + std::string(package.id);
            } else {
                const Project& locked = graph_.projects[dependent.project];
                auto manifest = projects_.find(locked.dir);
                key = (manifest != projects_.end() && !manifest->second->name.empty() ? manifest->second->name : std::string(locked.dir)) + "\n" + std::string(locked.dir) +
                      "\n" + group_key(dependent.kind);
            }
            named.emplace_back(std::move(key), dependent);
        }
        std::sort(named.begin(), named.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        named.erase(std::unique(named.begin(), named.end(), [](const auto& a, const auto& b) { return a.first == b.first; }), named.end());
        std::vector<Dependent> list;
        for (auto& [key, dependent] : named) list.push_back(dependent);
        return list;
    }

    // From a project along the shortest way.
    std::string path_of(std::uint32_t index) {
        std::vector<std::uint32_t> from(graph_.packages.size(), kNoPackage);  // the dependent's dependency on the way to `index`
        std::vector<std::uint32_t> open{index};
        std::vector<bool> seen(graph_.packages.size(), false);
        seen[index] = true;
        for (std::size_t next = 0; next < open.size(); ++next)
            for (const Dependent& dependent : dependents_[open[next]]) {
                if (dependent.package != kNoPackage) {
                    if (!seen[dependent.package]) seen[dependent.package] = true, from[dependent.package] = open[next], open.push_back(dependent.package);
                    continue;
                }
                const Project& project = graph_.projects[dependent.project];
                std::string path = step(project_path(settings_, project.dir), graph_.begin_edges(project), graph_.end_edges(project), open[next]);
                for (std::uint32_t at = open[next]; at != index; at = from[at])
                    path = step(path, graph_.begin_edges(graph_.packages[at]), graph_.end_edges(graph_.packages[at]), from[at]);
                return path;
            }
        return {};
    }
    std::string step(const std::string& from, const Edge* begin, const Edge* end, std::uint32_t target) {
        for (const Edge* edge = begin; edge != end; ++edge)
            if (edge->target == target) return paths_.find(from, edge->alias);
        return from;
    }

    const Settings& settings_;
    const Lockfile& lockfile_;
    const Graph& graph_;
    const ShownGroups shown_;
    const int depth_;
    PackagePaths paths_;
    std::map<std::string_view, const Manifest*> projects_;
    std::vector<bool> reached_, expanded_, on_path_;
    std::vector<std::vector<Dependent>> dependents_;
    std::vector<std::set<std::string_view>> aliases_;
};

std::string label(const Reason& reason) {
    std::string text = reason.name + (reason.version.empty() ? "" : "@" + reason.version);
    if (!reason.group.empty()) text += " (" + reason.group + ")";
    if (reason.end == Reason::End::circular) text += " [circular]";
    if (reason.end == Reason::End::deduped) text += " [deduped]";
    return text;
}

TreeText text_of(const Reason& reason, bool details) {
    TreeText text;
    text.label = label(reason);
    if (details && !reason.path.empty()) text.details.push_back(reason.path);
    for (const Reason& dependent : reason.dependents) text.children.push_back(text_of(dependent, details));
    return text;
}

void write_json(JsonWriter& json, const Reason& reason) {
    json.object().key("name").value(reason.name).key("version").value(reason.version);
    if (!reason.path.empty()) json.key("path").value(reason.path);
    if (!reason.peers_hash.empty()) json.key("peersSuffixHash").value(reason.peers_hash);
    if (reason.end == Reason::End::circular) json.key("circular").value(true);
    if (reason.end == Reason::End::deduped) json.key("deduped").value(true);
    if (!reason.group.empty()) json.key("depField").value(reason.group);
    if (!reason.dependents.empty()) {
        json.key("dependents").array();
        for (const Reason& dependent : reason.dependents) write_json(json, dependent);
        json.end();
    }
    json.end();
}

// A line for every way from a project to the package.
void write_lines(const Reason& reason, const std::string& behind, std::string& out) {
    std::string line = reason.name + (reason.version.empty() ? "" : "@" + reason.version) + behind;
    if (!reason.group.empty()) out += line + "\n";
    for (const Reason& dependent : reason.dependents) write_lines(dependent, " > " + line, out);
}

}  // namespace

Result<> why_command(const Invocation& invocation, const Door& door) {
    if (invocation.arguments.empty()) return fail(Code::USAGE, "which package?", {}, "name one: pmx why react");
    int depth = kDepthLimit;
    if (auto given = invocation.options.find("depth"); given != invocation.options.end() && !given->second.empty()) {
        const std::string& text = given->second.back();
        if (text.empty() || text.size() > 6 || text.find_first_not_of("0123456789") != text.npos) return fail(Code::USAGE, "--depth takes a number", text);
        depth = std::min(depth, std::stoi(text));
    }
    PMX_TRY(Settings settings, settings_for(invocation, door));
    PMX_TRY(Selection selection, select_projects(invocation, door, settings, RootToo::yes));
    if (selection.chosen.empty()) return {};
    PMX_TRY(std::optional<Lockfile> lockfile, installed_lockfile(settings));
    if (!lockfile) {
        write_err("nothing is installed here, and there is no lockfile: run pmx install\n");
        lockfile.emplace();
    }
    std::vector<Reason> reasons = Reasons(settings, *lockfile, selection, depth).of(NameFilter(invocation.arguments));
    std::string out;
    if (invocation.has("json")) {
        JsonWriter json(out, 2);
        json.array();
        for (const Reason& reason : reasons) write_json(json, reason);
        json.end();
        return write_out(out + "\n"), Result<>();
    }
    if (invocation.has("parseable")) {
        for (const Reason& reason : reasons) write_lines(reason, "", out);
        return write_out(printable(out)), Result<>();
    }
    std::map<std::string, std::set<std::string>> versions;
    for (const Reason& reason : reasons) {
        out += draw(text_of(reason, invocation.has("long"))) + "\n";
        versions[reason.name].insert(reason.version);
    }
    for (const auto& [name, found] : versions) out += fmt::format("Found {} version{} of {}\n", found.size(), found.size() == 1 ? "" : "s", name);
    write_out(printable(out));
    return {};
}

}  // namespace pmx
