#include "install/local_changes.hpp"

#include <algorithm>

#include "base/fs.hpp"
#include "model/integrity.hpp"
#include "model/manifest.hpp"
#include "model/range.hpp"

namespace pmx {
namespace {

constexpr std::size_t kManifestLimit = 16u << 20;

bool is_project(const Graph& graph, std::string_view dir) {
    return std::any_of(graph.projects.begin(), graph.projects.end(), [&](const Project& project) { return project.dir == dir; });
}

// The file that decides about a package of this disk; "" for any other package. Injected projects are read as projects.
std::string file_of(const Graph& graph, const Package& package, const std::string& root) {
    const Resolution& from = package.resolution;
    if (from.kind == ResolutionKind::tarball && from.tarball.starts_with("file:")) return join_path(root, from.tarball.substr(5));
    if (from.kind == ResolutionKind::directory && !is_project(graph, from.directory))
        return join_path(join_path(root, from.directory), "package.json");
    return {};
}

bool asks_for_the_same(const Graph& graph, const Package& package, const Manifest& manifest) {
    auto edge_of = [&](std::string_view alias) {
        return std::find_if(graph.begin_edges(package), graph.end_edges(package), [&](const Edge& edge) { return edge.alias == alias; });
    };
    auto holds = [&](const TextMap& group, bool required) {
        return std::all_of(group.begin(), group.end(), [&](const auto& asked) {
            const Edge* edge = edge_of(asked.first);
            if (edge == graph.end_edges(package)) return !required || find(manifest.optional_dependencies, asked.first) != nullptr;
            if (edge->target == kNoPackage) return true;
            auto range = Range::parse(asked.second, {.loose = true});
            auto version = Version::parse(graph.packages[edge->target].version);
            return !range || !version || range->satisfied_by(*version);
        });
    };
    auto is_asked_for = [&](const Edge& edge) {
        for (const TextMap* group : {&manifest.dependencies, &manifest.optional_dependencies, &manifest.peer_dependencies})
            if (find(*group, edge.alias)) return true;
        return std::find(manifest.optional_peers.begin(), manifest.optional_peers.end(), edge.alias) != manifest.optional_peers.end();
    };
    return holds(manifest.dependencies, true) && holds(manifest.optional_dependencies, false) &&
           std::all_of(graph.begin_edges(package), graph.end_edges(package), is_asked_for);
}

}  // namespace

std::vector<std::string> local_files(const Graph& graph, const std::string& root) {
    std::vector<std::string> files;
    for (const Package& package : graph.packages)
        if (std::string file = file_of(graph, package, root); !file.empty() && std::find(files.begin(), files.end(), file) == files.end())
            files.push_back(std::move(file));
    return files;
}

std::vector<std::string> local_changes(const Graph& graph, const std::string& root) {
    std::vector<std::string> changes;
    for (const Package& package : graph.packages) {
        std::string file = file_of(graph, package, root);
        if (file.empty()) continue;
        bool archive = package.resolution.kind == ResolutionKind::tarball;
        auto text = read_file_if_exists(AT_FDCWD, file.c_str(), archive ? SIZE_MAX : kManifestLimit);
        if (!text || !*text) continue;
        if (archive) {
            Integrity promised = Integrity::parse(package.resolution.integrity);
            if (!package.resolution.integrity.empty() && !promised.check(**text, package.id))
                changes.push_back(std::string(package.id) + ": the archive is another one");
        } else if (auto manifest = parse_manifest(**text, file); manifest && !asks_for_the_same(graph, package, *manifest)) {
            changes.push_back(std::string(package.id) + ": its package.json asks for other dependencies");
        }
    }
    return changes;
}

}  // namespace pmx
