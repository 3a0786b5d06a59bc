#include "resolve/peers.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "lockfile/codecs.hpp"
#include "resolve/peer_graph.hpp"
#include "resolve/peer_issues.hpp"

namespace pmx {
namespace {

// The same content in the same order, however the tree came by it.
void put_in_order(DependencyTree& tree) {
    std::vector<std::uint32_t> order(tree.packages.size()), place(tree.packages.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        const TreePackage &pa = tree.packages[a], &pb = tree.packages[b];
        return std::tie(pa.record.key, pa.patch_hash) < std::tie(pb.record.key, pb.patch_hash);
    });
    std::vector<TreePackage> packages;
    packages.reserve(order.size());
    for (std::uint32_t at : order) {
        place[at] = static_cast<std::uint32_t>(packages.size());
        packages.push_back(std::move(tree.packages[at]));
    }
    tree.packages = std::move(packages);
    for (TreeEdge& e : tree.edges)
        if (e.package != kNoPackage) e.package = place[e.package];
    auto by_alias = [](const TreeEdge& a, const TreeEdge& b) {
        return std::tie(a.alias, a.auto_installed) < std::tie(b.alias, b.auto_installed);
    };
    auto sort_edges = [&](std::uint32_t first, std::uint32_t count) {
        std::stable_sort(tree.edges.begin() + first, tree.edges.begin() + first + count, by_alias);
    };
    for (TreePackage& p : tree.packages) {
        sort_edges(p.first_edge, p.edge_count);
        // Nobody is their own peer.
        std::erase_if(p.record.peers, [&](const PeerDependency& peer) { return peer.name == p.record.name; });
        std::sort(p.record.peers.begin(), p.record.peers.end(),
                  [](const PeerDependency& a, const PeerDependency& b) { return a.name < b.name; });
    }
    for (TreeProject& p : tree.projects) sort_edges(p.first_edge, p.edge_count);
    std::sort(tree.projects.begin(), tree.projects.end(), [](const TreeProject& a, const TreeProject& b) {
        return std::pair(a.dir != ".", a.dir) < std::pair(b.dir != ".", b.dir);
    });
}

// A package that depends on what it also names as a peer gives its own up where the project has that name: as
// pnpm reads manifests once, the first project that comes to the package decides.
void prefer_projects(DependencyTree& tree) {
    std::vector<bool> reached(tree.packages.size());
    std::vector<std::uint32_t> stack;
    for (const TreeProject& project : tree.projects) {
        auto reach = [&](const TreeEdge* first, const TreeEdge* last) {
            for (; first != last; ++first)
                if (first->package != kNoPackage && !reached[first->package]) {
                    reached[first->package] = true;
                    stack.push_back(first->package);
                }
        };
        auto has = [&](std::string_view alias) {
            const TreeEdge* at =
                std::lower_bound(tree.begin_edges(project), tree.end_edges(project), alias,
                                 [](const TreeEdge& e, std::string_view a) { return e.alias < a; });
            return at != tree.end_edges(project) && at->alias == alias && !at->auto_installed;
        };
        reach(tree.begin_edges(project), tree.end_edges(project));
        while (!stack.empty()) {
            TreePackage& p = tree.packages[stack.back()];
            stack.pop_back();
            auto first = tree.edges.begin() + p.first_edge;
            auto last = std::remove_if(first, first + p.edge_count, [&](const TreeEdge& e) {
                return e.kind == EdgeKind::prod && has(e.alias) &&
                       std::any_of(p.record.peers.begin(), p.record.peers.end(),
                                   [&](const PeerDependency& peer) { return peer.name == e.alias; });
            });
            p.edge_count = static_cast<std::uint32_t>(last - first);
            reach(tree.begin_edges(p), tree.end_edges(p));
        }
    }
}

class Writer {
  public:
    Writer(DependencyTree tree, const PeerContexts& contexts, PeerGraph graph, const Policy& policy)
        : tree_(std::move(tree)), contexts_(contexts), made_(std::move(graph)), policy_(policy) {}

    Lockfile write() {
        out_.format = LockfileFormat::pnpm;
        out_.file_name = "pnpm-lock.yaml";
        out_.version = "9.0";
        reach();
        packages();
        for (std::size_t i = 0; i < tree_.projects.size(); ++i) project(i);
        records();
        mark_dev_only(out_.graph);
        out_.graph.arena = std::move(tree_.arena);
        return std::move(out_);
    }

  private:
    bool is_recorded(const VariantEdge& e) const { return !tree_.edges[e.tree_edge].auto_installed; }

    // What projects reach, and what they reach without an optional edge.
    void reach() {
        reached_.assign(made_.variants.size(), false);
        required_.assign(made_.variants.size(), false);
        std::vector<std::uint32_t> stack;
        auto spread = [&](std::vector<bool>& marks, bool follow_optional) {
            auto visit = [&](const VariantEdge& e) {
                if (e.target == kNoPackage || marks[e.target] ||
                    (e.kind == EdgeKind::optional && !follow_optional))
                    return;
                marks[e.target] = true;
                stack.push_back(e.target);
            };
            for (const auto& edges : made_.projects)
                for (const VariantEdge& e : edges)
                    if (is_recorded(e)) visit(e);
            while (!stack.empty()) {
                std::uint32_t at = stack.back();
                stack.pop_back();
                for (const VariantEdge& e : made_.variants[at].edges) visit(e);
            }
        };
        spread(reached_, true);
        spread(required_, false);
    }

    using Strings = std::pair<std::uint32_t, std::uint32_t>;
    template <class List, class Text>
    Strings strings(const List& list, Text text) {
        auto first = static_cast<std::uint32_t>(out_.graph.strings.size());
        for (const auto& item : list) out_.graph.strings.push_back(text(item));
        return {first, static_cast<std::uint32_t>(out_.graph.strings.size()) - first};
    }

    void packages() {
        Graph& graph = out_.graph;
        place_.assign(made_.variants.size(), kNoPackage);
        std::uint32_t count = 0;
        for (std::uint32_t i = 0; i < made_.variants.size(); ++i)
            if (reached_[i]) place_[i] = count++;
        graph.packages.reserve(count);
        used_.assign(tree_.packages.size(), false);
        for (std::uint32_t i = 0; i < made_.variants.size(); ++i) {
            if (!reached_[i]) continue;
            const Variant& v = made_.variants[i];
            used_[v.package] = true;
            graph.packages.push_back(package(v));
            graph.packages.back().optional = !required_[i];
            // As lockfiles list them: `dependencies`, then `optionalDependencies`.
            for (bool optional : {false, true})
                for (const VariantEdge& e : v.edges)
                    if ((e.kind == EdgeKind::optional) == optional) graph.edges.push_back(edge(e));
            graph.packages.back().edge_count =
                static_cast<std::uint32_t>(graph.edges.size()) - graph.packages.back().first_edge;
        }
    }

    Package package(const Variant& v) {
        const TreePackage& from = tree_.packages[v.package];
        const PackageRecord& record = from.record;
        auto same = [](std::string_view text) { return text; };
        Package p;
        p.id = v.id == record.key ? record.key : tree_.arena.copy(v.id);
        p.name = record.name;
        p.version = record.version;
        p.resolution = record.resolution;
        p.first_edge = static_cast<std::uint32_t>(out_.graph.edges.size());
        std::tie(p.first_peer, p.peer_count) =
            strings(record.peers, [](const PeerDependency& peer) { return peer.name; });
        std::tie(p.first_transitive_peer, p.transitive_peer_count) =
            strings(v.transitive, [&](std::uint32_t name) { return contexts_.names[name]; });
        std::tie(p.first_bundled, p.bundled_count) = strings(record.bundled, same);
        std::tie(p.first_os, p.os_count) = strings(record.os, same);
        std::tie(p.first_cpu, p.cpu_count) = strings(record.cpu, same);
        std::tie(p.first_libc, p.libc_count) = strings(record.libc, same);
        for (const auto& [engine, range] : record.engines)
            if (engine == "node") p.engines_node = range;
        p.patch_hash = from.patch_hash;
        p.deprecated = record.deprecated;
        p.has_bin = record.has_bin;
        p.bundles_all = record.bundles_all;
        return p;
    }

    Edge edge(const VariantEdge& e) const {
        return {e.alias, e.target == kNoPackage ? kNoPackage : place_[e.target], e.link,
                e.kind == EdgeKind::peer ? EdgeKind::prod : e.kind};
    }

    void project(std::size_t index) {
        const TreeProject& from = tree_.projects[index];
        Project project;
        project.dir = from.dir;
        project.name = from.name;
        project.first_edge = static_cast<std::uint32_t>(out_.graph.edges.size());
        LockedProject locked;
        locked.dir = from.dir;
        // In the order of the groups in a lockfile's reader: the optional ones, production, development.
        for (EdgeKind kind : {EdgeKind::optional, EdgeKind::prod, EdgeKind::dev})
            for (const VariantEdge& e : made_.projects[index]) {
                Edge recorded = edge(e);
                if (recorded.kind != kind || !is_recorded(e)) continue;
                const TreeEdge& tree_edge = tree_.edges[e.tree_edge];
                out_.graph.edges.push_back(recorded);
                locked.specifiers.push_back({e.alias, tree_edge.specifier, kind});
                if (tree_edge.injected) locked.injected.emplace_back(e.alias, "true");
                times(e);
            }
        std::sort(locked.injected.begin(), locked.injected.end());
        project.edge_count = static_cast<std::uint32_t>(out_.graph.edges.size()) - project.first_edge;
        out_.graph.projects.push_back(project);
        out_.projects.push_back(std::move(locked));
    }

    // Only a resolution by time needs to know when; of direct dependencies.
    void times(const VariantEdge& e) {
        if (policy_.mode != ResolutionMode::time_based || e.target == kNoPackage) return;
        const TreePackage& package = tree_.packages[made_.variants[e.target].package];
        if (!package.published.empty()) out_.times.emplace_back(package.record.key, package.published);
    }

    void records() {
        for (std::size_t i = 0; i < tree_.packages.size(); ++i) {
            PackageRecord& record = tree_.packages[i].record;
            if (!used_[i] || (!out_.records.empty() && out_.records.back().key == record.key)) continue;
            out_.records.push_back(std::move(record));
        }
        std::sort(out_.times.begin(), out_.times.end());
        out_.times.erase(std::unique(out_.times.begin(), out_.times.end()), out_.times.end());
    }

    DependencyTree tree_;
    const PeerContexts& contexts_;
    PeerGraph made_;
    const Policy& policy_;
    Lockfile out_;
    std::vector<bool> reached_, required_, used_;
    std::vector<std::uint32_t> place_;  // by variant: into Graph::packages
};

}  // namespace

Result<PeerResult> resolve_peers(DependencyTree tree, const Policy& policy) {
    put_in_order(tree);
    prefer_projects(tree);
    PeerContexts contexts = peer_contexts(tree, policy);
    PeerResult result;
    result.issues = peer_issues(tree, contexts, policy);
    PeerGraph graph;
    // Each round but the last leaves fewer variants.
    for (bool again = true; again;) {
        PeerContexts named = contexts;
        std::vector<std::string> ids = peer_ids(tree, named, policy);
        graph = peer_graph(tree, named, std::move(ids));
        if (policy.dedupe_injected_deps) dedupe_injected(tree, graph);
        again = policy.dedupe_peer_dependents && follow_dedupe(tree, graph, dedupe_peer_dependents(tree, named, graph), contexts);
        if (!again) contexts = std::move(named);
    }
    result.lockfile = Writer(std::move(tree), contexts, std::move(graph), policy).write();
    return result;
}

}  // namespace pmx
