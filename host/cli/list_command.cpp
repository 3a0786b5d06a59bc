#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/installed.hpp"
#include "cli/selection.hpp"
#include "cli/tree_text.hpp"
#include "install/fetch.hpp"
#include "lockfile/dep_path.hpp"
#include "model/json_members.hpp"

namespace pmx {
namespace {

constexpr std::size_t kNodeLimit = 200'000;
constexpr int kDepthLimit = 500;  // deeper than any tree that people make

struct Listed {
    std::string alias, name, version, path, resolved, description;
    EdgeKind kind = EdgeKind::prod;
    bool peer = false;
    std::vector<Listed> children;
};
struct ListedProject {
    const WorkspaceProject* project;
    std::string path;
    bool is_private = false;
    std::vector<Listed> groups[3];  // dependencies, devDependencies, optionalDependencies
};

class Lister {
  public:
    Lister(const Settings& settings, const Lockfile& lockfile, const Invocation& invocation, ShownGroups shown, int depth)
        : settings_(settings), lockfile_(lockfile), shown_(shown), depth_(depth), filter_(invocation.arguments), paths_(settings),
          only_projects_(invocation.has("only-projects")),
          wants_paths_(invocation.has("json") || invocation.has("parseable") || invocation.has("long")), wants_details_(invocation.has("long")) {}

    Result<> list(ListedProject& into) {
        std::size_t index = locked_project(lockfile_, into.project->dir);
        if (index == SIZE_MAX || depth_ < 0) return {};
        std::vector<Listed> found;
        PMX_CHECK(below(lockfile_.graph.begin_edges(lockfile_.graph.projects[index]), lockfile_.graph.end_edges(lockfile_.graph.projects[index]),
                        into.path, into.project->dir, nullptr, 0, found));
        for (Listed& listed : found) {
            auto& group = into.groups[listed.kind == EdgeKind::dev ? 1 : listed.kind == EdgeKind::optional ? 2 : 0];
            group.push_back(std::move(listed));
        }
        return {};
    }
    std::size_t count() const { return count_; }

  private:
    // Dependencies of a project (`package` is nullptr) or of a package, by alias.
    Result<> below(const Edge* begin, const Edge* end, const std::string& from, std::string_view dir, const Package* package, int depth,
                   std::vector<Listed>& into) {
        std::vector<const Edge*> edges;
        for (const Edge* edge = begin; edge != end; ++edge)
            if (!package ? shown_.shows(edge->kind) : edge->kind != EdgeKind::optional || shown_.optional) edges.push_back(edge);
        std::sort(edges.begin(), edges.end(), [](const Edge* a, const Edge* b) { return a->alias < b->alias; });
        for (const Edge* edge : edges) {
            if (only_projects_ && edge->target != kNoPackage) continue;
            if (edge->target != kNoPackage && lockfile_.graph.packages[edge->target].skipped) continue;
            PMX_TRY(Listed listed, one(*edge, from, dir, package));
            std::string id = edge->target == kNoPackage ? "link:" + std::string(edge->link) : std::string(lockfile_.graph.packages[edge->target].id);
            if (depth < depth_ && depth < kDepthLimit && on_path_.insert(id).second) {
                PMX_CHECK(children(*edge, depth, listed));
                on_path_.erase(id);
            }
            if (!filter_.empty() && listed.children.empty() && !filter_.matches(listed.alias, listed.name)) continue;
            if (++count_ > kNodeLimit)
                return fail(Code::USAGE, fmt::format("the tree has more than {} lines", kNodeLimit), {}, "ask for less with --depth, or for one package with pmx why");
            into.push_back(std::move(listed));
        }
        return {};
    }
    Result<> children(const Edge& edge, int depth, Listed& listed) {
        if (edge.target != kNoPackage) {
            const Package& package = lockfile_.graph.packages[edge.target];
            return below(lockfile_.graph.begin_edges(package), lockfile_.graph.end_edges(package), listed.path, {}, &package, depth + 1, listed.children);
        }
        std::size_t index = locked_project(lockfile_, edge.link);
        if (index == SIZE_MAX) return {};
        const Project& project = lockfile_.graph.projects[index];
        return below(lockfile_.graph.begin_edges(project), lockfile_.graph.end_edges(project), listed.path, project.dir, nullptr, depth + 1, listed.children);
    }

    Result<Listed> one(const Edge& edge, const std::string& from, std::string_view dir, const Package* parent) {
        Listed listed;
        listed.alias = edge.alias;
        listed.kind = edge.kind;
        if (edge.target == kNoPackage) {
            listed.name = edge.alias;
            listed.path = project_path(settings_, edge.link);
            listed.version = "link:" + relative(dir, edge.link);
            return listed;
        }
        const Package& package = lockfile_.graph.packages[edge.target];
        listed.name = package.name;
        listed.version = version_of(package);
        if (parent)
            for (std::uint32_t i = 0; i < parent->peer_count; ++i)
                if (lockfile_.graph.strings[parent->first_peer + i] == edge.alias) listed.peer = true;
        if (!wants_paths_) return listed;
        listed.path = paths_.find(from, edge.alias);
        if (auto request = archive_request(package, settings_, settings_.root)) listed.resolved = request->url;
        if (wants_details_) {
            auto text = read_file_if_exists(AT_FDCWD, join_path(listed.path, "package.json").c_str(), 16u << 20);
            if (text && *text)
                if (auto members = JsonMembers::parse(**text))
                    if (const JsonMember* description = members->find("description")) listed.description = json_unquote(description->value);
        }
        return listed;
    }
    // How `to` is reached from `dir`, both below the root.
    static std::string relative(std::string_view dir, std::string_view to) {
        auto parts = [](std::string_view path) { return path == "." || path.empty() ? std::vector<std::string_view>() : split(path, '/'); };
        std::vector<std::string_view> a = parts(dir), b = parts(to);
        std::size_t same = 0;
        while (same < a.size() && same < b.size() && a[same] == b[same]) ++same;
        std::string out;
        for (std::size_t i = same; i < a.size(); ++i) out += (out.empty() ? "" : "/") + std::string("..");
        for (std::size_t i = same; i < b.size(); ++i) out += (out.empty() ? "" : "/") + std::string(b[i]);
        return out.empty() ? "." : out;
    }

    const Settings& settings_;
    const Lockfile& lockfile_;
    const ShownGroups shown_;
    const int depth_;
    const NameFilter filter_;
    PackagePaths paths_;
    const bool only_projects_, wants_paths_, wants_details_;
    std::set<std::string, std::less<>> on_path_;
    std::size_t count_ = 0;
};

constexpr EdgeKind kKinds[] = {EdgeKind::prod, EdgeKind::dev, EdgeKind::optional};

std::string shown_name(const Listed& listed) {
    return listed.alias == listed.name ? listed.name + "@" + listed.version : listed.alias + "@npm:" + listed.name + "@" + listed.version;
}

TreeText text_of(const Listed& listed, bool details) {
    TreeText text;
    text.label = shown_name(listed) + (listed.peer ? " peer" : "");
    if (details && !listed.description.empty()) text.details.push_back(listed.description);
    if (details && !listed.path.empty()) text.details.push_back(listed.path);
    for (const Listed& child : listed.children) text.children.push_back(text_of(child, details));
    return text;
}

std::string title(const ListedProject& project) {
    const Manifest& manifest = project.project->manifest;
    if (manifest.name.empty()) return project.path;
    return manifest.name + (manifest.version.empty() ? "" : "@" + manifest.version) + " " + project.path;
}

void write_json(JsonWriter& json, const std::vector<Listed>& list) {
    json.object();
    for (const Listed& listed : list) {
        json.key(listed.alias).object().key("from").value(listed.name).key("version").value(listed.version);
        if (!listed.resolved.empty()) json.key("resolved").value(listed.resolved);
        json.key("path").value(listed.path);
        if (!listed.description.empty()) json.key("description").value(listed.description);
        if (!listed.children.empty()) {
            json.key("dependencies");
            write_json(json, listed.children);
        }
        json.end();
    }
    json.end();
}

std::string json_of(const std::vector<ListedProject>& projects) {
    std::string out;
    JsonWriter json(out, 2);
    json.array();
    for (const ListedProject& project : projects) {
        const Manifest& manifest = project.project->manifest;
        json.object();
        if (!manifest.name.empty()) json.key("name").value(manifest.name);
        if (!manifest.version.empty()) json.key("version").value(manifest.version);
        json.key("path").value(project.path).key("private").value(project.is_private);
        for (std::size_t i = 0; i < 3; ++i) {
            if (project.groups[i].empty()) continue;
            json.key(group_key(kKinds[i]));
            write_json(json, project.groups[i]);
        }
        json.end();
    }
    json.end();
    return out + "\n";
}

void collect(const std::vector<Listed>& list, bool details, std::set<std::string>& lines) {
    for (const Listed& listed : list) {
        std::string name = listed.alias == listed.name ? listed.name : listed.alias + " npm:" + listed.name;
        lines.insert(listed.path + (details ? ":" + name + "@" + listed.version : ""));
        collect(listed.children, details, lines);
    }
}

std::string lines_of(const std::vector<ListedProject>& projects, bool details) {
    std::string out;
    for (const ListedProject& project : projects) {
        const Manifest& manifest = project.project->manifest;
        out += project.path + (details && !manifest.name.empty() ? ":" + manifest.name + "@" + manifest.version : "") + "\n";
        std::set<std::string> lines;
        for (const auto& group : project.groups) collect(group, details, lines);
        for (const std::string& line : lines) out += line + "\n";
    }
    return out;
}

std::string tree_of(const std::vector<ListedProject>& projects, bool details, int depth, bool filtered, std::size_t count) {
    std::string out;
    std::size_t shown = 0;
    for (const ListedProject& project : projects) {
        TreeText text;
        text.label = title(project);
        for (std::size_t i = 0; i < 3; ++i)
            for (std::size_t k = 0; k < project.groups[i].size(); ++k) {
                text.children.push_back(text_of(project.groups[i][k], details));
                if (k == 0) text.children.back().heading = std::string(group_key(kKinds[i])) + ":";
            }
        if (text.children.empty() && depth >= 0 && (filtered || projects.size() > 1)) continue;
        out += (shown++ ? "\n" : "") + draw(text);
    }
    if (depth < 0 || shown == 0) return out;
    out += fmt::format("\n{} package{}", count, count == 1 ? "" : "s");
    return out + (projects.size() > 1 ? fmt::format(" in {} projects\n", projects.size()) : "\n");
}

Result<int> depth_of(const Invocation& invocation) {
    auto given = invocation.options.find("depth");
    if (given == invocation.options.end() || given->second.empty()) return 0;
    const std::string& text = given->second.back();
    if (text == "Infinity") return kDepthLimit;
    int depth = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), depth);
    if (error != std::errc() || end != text.data() + text.size() || depth < -1)
        return fail(Code::USAGE, "--depth takes a number: 0 for the projects' own dependencies, -1 for the projects alone", text);
    return depth;
}

bool is_private(const std::string& path) {
    auto text = read_file_if_exists(AT_FDCWD, join_path(path, "package.json").c_str(), 16u << 20);
    if (!text || !*text) return false;
    std::string_view body = **text;
    if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
    auto members = JsonMembers::parse(trim(body));
    const JsonMember* found = members ? members->find("private") : nullptr;
    return found && found->value == "true";
}

}  // namespace

Result<> list_command(const Invocation& invocation, const Door& door) {
    PMX_TRY(Settings settings, settings_for(invocation, door));
    PMX_TRY(int depth, depth_of(invocation));
    PMX_TRY(Selection selection, select_projects(invocation, door, settings, RootToo::yes));
    if (selection.chosen.empty()) return {};
    PMX_TRY(std::optional<Lockfile> lockfile, installed_lockfile(settings));
    if (!lockfile) {
        write_err("nothing is installed here, and there is no lockfile: run pmx install\n");
        lockfile.emplace();
    }
    const bool details = invocation.has("long"), json = invocation.has("json");
    Lister lister(settings, *lockfile, invocation, shown_groups(settings), depth);
    std::vector<ListedProject> projects;
    for (std::size_t i : selection.chosen) {
        ListedProject project{&selection.projects[i], project_path(settings, selection.projects[i].dir), false, {}};
        project.is_private = json && is_private(project.path);
        PMX_CHECK(lister.list(project));
        projects.push_back(std::move(project));
    }
    if (json) write_out(json_of(projects));
    else if (invocation.has("parseable")) write_out(printable(lines_of(projects, details)));
    else write_out(printable(tree_of(projects, details, depth, !invocation.arguments.empty(), lister.count())));
    return {};
}

}  // namespace pmx
