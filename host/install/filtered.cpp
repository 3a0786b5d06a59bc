#include "install/filtered.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "install/plan.hpp"
#include "lockfile/dep_path.hpp"

namespace pmx {
namespace {

// Parts of two lockfiles as one. Both must outlive it: nothing is copied.
class Union {
  public:
    explicit Union(const Lockfile& wanted) {
        out_.version = wanted.version;
        out_.settings = wanted.settings;
        out_.catalogs = wanted.catalogs;
        out_.overrides = wanted.overrides;
        out_.patched = wanted.patched;
        out_.ignored_optional = wanted.ignored_optional;
        out_.package_extensions_checksum = wanted.package_extensions_checksum;
        out_.pnpmfile_checksum = wanted.pnpmfile_checksum;
        out_.times = wanted.times;
        out_.unknown = wanted.unknown;
    }

    void take(const Lockfile& from, std::size_t index, const Included& included) {
        const Project& project = from.graph.projects[index];
        LockedProject locked = from.projects[index];
        std::erase_if(locked.specifiers, [&](const LockedSpecifier& s) { return !wants(included, s.kind); });
        std::vector<Edge> edges(from.graph.begin_edges(project), from.graph.end_edges(project));
        std::erase_if(edges, [&](const Edge& edge) { return !wants(included, edge.kind); });
        const std::uint32_t count = static_cast<std::uint32_t>(edges.size()), first = append(from, std::move(edges));
        out_.graph.projects.push_back({project.dir, {}, first, count});
        out_.projects.push_back(std::move(locked));
        while (!open_.empty()) {
            auto [package, to] = open_.back();
            open_.pop_back();
            std::vector<Edge> below(from.graph.begin_edges(*package), from.graph.end_edges(*package));
            out_.graph.packages[to].edge_count = static_cast<std::uint32_t>(below.size());
            const std::uint32_t at = append(from, std::move(below));
            out_.graph.packages[to].first_edge = at;
        }
    }

    std::string text() const { return pnpm_lockfile_text(out_); }

  private:
    std::uint32_t append(const Lockfile& from, std::vector<Edge> edges) {
        for (Edge& edge : edges)
            if (edge.target != kNoPackage) edge.target = package(from, from.graph.packages[edge.target]);
        const auto first = static_cast<std::uint32_t>(out_.graph.edges.size());
        out_.graph.edges.insert(out_.graph.edges.end(), edges.begin(), edges.end());
        return first;
    }

    std::uint32_t package(const Lockfile& from, const Package& package) {
        auto [known, is_new] = packages_.try_emplace(package.id, static_cast<std::uint32_t>(out_.graph.packages.size()));
        if (!is_new) return known->second;
        Package copy;
        copy.id = package.id;
        copy.optional = package.optional;
        copy.first_transitive_peer = static_cast<std::uint32_t>(out_.graph.strings.size());
        copy.transitive_peer_count = package.transitive_peer_count;
        auto peers = from.graph.strings.begin() + package.first_transitive_peer;
        out_.graph.strings.insert(out_.graph.strings.end(), peers, peers + package.transitive_peer_count);
        out_.graph.packages.push_back(copy);
        const std::string_view key = parse_dep_path(package.id).package_key;
        if (const PackageRecord* record = from.find_record(key); record && records_.insert(key).second) out_.records.push_back(*record);
        open_.emplace_back(&package, known->second);
        return known->second;
    }

    Lockfile out_;
    std::unordered_map<std::string_view, std::uint32_t> packages_;  // by id
    std::unordered_set<std::string_view> records_;
    std::vector<std::pair<const Package*, std::uint32_t>> open_;  // whose edges are still to be copied
};

// Hoisting links every project of the workspace by its name, installed or not.
void add_other_projects(const Inputs& inputs, Lockfile& tree) {
    Graph& graph = tree.graph;
    for (const ProjectFile& file : inputs.projects) {
        auto at = std::find_if(graph.projects.begin(), graph.projects.end(), [&](const Project& p) { return p.dir != "." && p.dir >= file.dir; });
        if (file.dir == "." || file.text.empty() || (at != graph.projects.end() && at->dir == file.dir)) continue;
        LockedProject nothing;
        nothing.dir = graph.arena.copy(file.dir);
        tree.projects.insert(tree.projects.begin() + (at - graph.projects.begin()), nothing);
        graph.projects.insert(at, {nothing.dir, {}, static_cast<std::uint32_t>(graph.edges.size()), 0});
    }
}

}  // namespace

void hold_others_as_locked(Inputs& inputs) {
    for (std::size_t i = 0; i < inputs.lockfile.projects.size(); ++i) {
        const LockedProject& locked = inputs.lockfile.projects[i];
        auto file = std::find_if(inputs.projects.begin(), inputs.projects.end(), [&](const ProjectFile& f) { return f.dir == locked.dir; });
        if (file == inputs.projects.end() || inputs.is_chosen(locked.dir)) continue;
        Manifest& manifest = file->manifest;
        if (file->text.empty()) {  // what becomes of it is the business of a whole install
            inputs.gone.push_back(file->dir);
            file->text = "{}";
        }
        const TextMap peers = std::move(manifest.peer_dependencies);
        for (TextMap* group : {&manifest.dependencies, &manifest.dev_dependencies, &manifest.optional_dependencies, &manifest.peer_dependencies}) group->clear();
        for (const LockedSpecifier& s : locked.specifiers) {
            TextMap& group = s.kind == EdgeKind::dev        ? manifest.dev_dependencies
                             : s.kind == EdgeKind::optional ? manifest.optional_dependencies
                             : find(peers, s.alias)         ? manifest.peer_dependencies
                                                            : manifest.dependencies;
            group.emplace_back(s.alias, s.specifier);
        }
        manifest.injected.clear();
        manifest.dependencies_meta.clear();
        for (const auto& [alias, value] : locked.injected) {
            if (value == "true") manifest.injected.emplace_back(alias);
            manifest.dependencies_meta.push_back({std::string(alias), "injected", std::string(value)});
        }
        for (const LockedProject::Meta& meta : locked.other_meta)
            manifest.dependencies_meta.push_back({std::string(meta.alias), std::string(meta.field), std::string(meta.value)});
        manifest.publish_directory = locked.publish_directory;
        manifest.link_publish_directory = locked.link_directory != "false";
    }
}

Result<Lockfile> lockfile_of_tree(Inputs& inputs, std::optional<Lockfile> current, const Included& included) {
    Lockfile& wanted = inputs.lockfile;
    PMX_CHECK(read_records(wanted));
    Union both(wanted);
    std::unordered_set<std::string_view> known;
    for (std::size_t i = 0; i < wanted.projects.size(); ++i) {
        known.insert(wanted.projects[i].dir);
        if (inputs.is_chosen(wanted.projects[i].dir)) both.take(wanted, i, included);
    }
    if (current && current->format == LockfileFormat::pnpm) {
        PMX_CHECK(read_records(*current));
        for (std::size_t i = 0; i < current->projects.size(); ++i) {
            const std::string_view dir = current->projects[i].dir;
            const bool stands = known.contains(dir) && !inputs.is_chosen(dir) && std::find(inputs.gone.begin(), inputs.gone.end(), dir) == inputs.gone.end();
            if (stands) both.take(*current, i, {});  // its groups are those that were wanted then
        }
    }
    PMX_TRY(Lockfile tree, read_lockfile("pnpm-lock.yaml", both.text()));
    tree.file_name = wanted.file_name;
    add_other_projects(inputs, tree);
    PMX_CHECK(complete_projects(inputs, tree, included));
    return tree;
}

}  // namespace pmx
