#include <algorithm>

#include "resolve/tree_walk.hpp"

namespace pmx {
namespace {

bool is_dropped(const TreeEdge& edge) { return edge.package == kNoPackage && edge.link.empty(); }

}  // namespace

// What nothing reaches is left out; the rest is put in the order of its keys.
Result<DependencyTree> TreeWalk::finish() {
    std::vector<std::uint32_t> kept;
    std::vector<std::uint32_t> place(tree_.packages.size(), kNone);
    auto keep = [&](const TreeEdge& edge) {
        if (edge.package == kNoPackage || place[edge.package] != kNone) return;
        place[edge.package] = 0;
        kept.push_back(edge.package);
    };
    for (const Importer& importer : importers_) std::for_each(importer.edges.begin(), importer.edges.end(), keep);
    for (std::size_t i = 0; i < kept.size(); ++i)
        std::for_each(tree_.begin_edges(tree_.packages[kept[i]]), tree_.end_edges(tree_.packages[kept[i]]), keep);
    std::sort(kept.begin(), kept.end(), [&](std::uint32_t a, std::uint32_t b) { return tree_.packages[a].record.key < tree_.packages[b].record.key; });
    for (std::uint32_t i = 0; i < kept.size(); ++i) place[kept[i]] = i;
    DependencyTree out;
    out.packages.reserve(kept.size());
    out.edges.reserve(tree_.edges.size());
    auto add = [&](const TreeEdge* first, const TreeEdge* last, std::uint32_t& at, std::uint32_t& count) {
        at = static_cast<std::uint32_t>(out.edges.size());
        for (; first != last; ++first) {
            if (is_dropped(*first)) continue;
            out.edges.push_back(*first);
            if (first->package != kNoPackage) out.edges.back().package = place[first->package];
        }
        count = static_cast<std::uint32_t>(out.edges.size()) - at;
    };
    for (std::uint32_t from : kept) {
        TreePackage package = std::move(tree_.packages[from]);
        add(tree_.edges.data() + package.first_edge, tree_.edges.data() + package.first_edge + package.edge_count, package.first_edge, package.edge_count);
        if (input_.patches && !input_.patches->is_empty()) {
            PMX_TRY(auto patch, input_.patches->find(package.record.name, package.record.version));
            if (patch) package.patch_hash = tree_.arena.copy(patch->hash);
        }
        out.packages.push_back(std::move(package));
    }
    for (Importer& importer : importers_) {
        TreeProject project;
        project.dir = importer.dir;
        project.name = tree_.arena.copy(importer.manifest.name);
        std::stable_sort(importer.edges.begin(), importer.edges.end(), [](const TreeEdge& a, const TreeEdge& b) { return a.alias < b.alias; });
        add(importer.edges.data(), importer.edges.data() + importer.edges.size(), project.first_edge, project.edge_count);
        project.declined = std::move(importer.declined);
        std::sort(project.declined.begin(), project.declined.end());
        out.projects.push_back(std::move(project));
    }
    out.unresolved_optional = std::move(tree_.unresolved_optional);
    std::sort(out.unresolved_optional.begin(), out.unresolved_optional.end());
    out.unresolved_optional.erase(std::unique(out.unresolved_optional.begin(), out.unresolved_optional.end()), out.unresolved_optional.end());
    warn(out);
    out.arena = std::move(tree_.arena);
    return out;
}

// Deprecated packages: those that a project asks for with their text, the others by name.
void TreeWalk::warn(DependencyTree& tree) const {
    std::string below;
    std::size_t count = 0;
    for (const TreePackage& package : tree.packages) {
        const PackageRecord& record = package.record;
        if (record.deprecated.empty()) continue;
        const bool allowed = std::any_of(policy_.allowed_deprecated.begin(), policy_.allowed_deprecated.end(), [&](const auto& rule) {
            return rule.first == record.name && satisfies(record.version, rule.second, {.loose = true});
        });
        if (allowed) continue;
        if (package.depth == 0) {
            tree.warnings.push_back({"deprecated " + std::string(record.key) + ": " + std::string(record.deprecated)});
            continue;
        }
        ++count;
        if (!below.empty()) below += ", ";
        below += record.key;
    }
    if (count) tree.warnings.push_back({std::to_string(count) + " deprecated subdependencies found: " + below});
}

}  // namespace pmx
