#include "resolve/npm_tree.hpp"

#include <algorithm>

#include "base/fs.hpp"

namespace pmx {
namespace {

constexpr std::string_view kModules = "node_modules/";

template <class T>
void erase_one(std::vector<T*>& list, const T* item) {
    if (auto at = std::find(list.begin(), list.end(), item); at != list.end()) list.erase(at);
}

// "lib" of "file:../lib" in "packages/a", relative to the root: "" for the root itself.
std::string directory_of(const NpmNode& from, std::string_view path) {
    if (path.starts_with("file:")) path.remove_prefix(5);
    const NpmNode* base = &from;
    while (base->parent || base->source) base = base->parent ? base->parent : base->source;
    return join_path(base->dir, path);
}

// What tells two repositories apart: no protocol, user, ".git" or fragment.
std::string_view repository_of(std::string_view url) {
    if (url.starts_with("git+")) url.remove_prefix(4);
    if (std::size_t scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
    url = url.substr(0, url.find('#'));
    if (std::size_t at = url.find('@'); at != std::string_view::npos && at < url.find('/')) url.remove_prefix(at + 1);
    if (url.ends_with(".git")) url.remove_suffix(4);
    return url;
}

// As npm reads it: of an alias everything behind the name is the wish, blanks and all ("npm:x@1 || 2").
Result<Specifier> npm_specifier(std::string_view name, std::string_view spec) {
    std::string_view target = spec;
    std::size_t at = spec.starts_with("npm:") ? spec.find('@', 5) : std::string_view::npos;
    if (at != std::string_view::npos && judge_package_name(spec.substr(4, at - 4)).valid_for_old) {
        auto found = parse_specifier(target.substr(4, at - 4), target.substr(at + 1));
        if (found && found->kind <= SpecifierKind::tag && !found->is_alias) {
            found->alias = name;
            found->raw = spec;
            found->is_alias = true;
            return found;
        }
    }
    return parse_specifier(name, spec);
}

}  // namespace

bool contains(const NpmNodeSet& set, const NpmNode* node) { return std::find(set.begin(), set.end(), node) != set.end(); }

bool add(NpmNodeSet& set, NpmNode* node) {
    if (contains(set, node)) return false;
    set.push_back(node);
    return true;
}

std::string NpmNode::path() const {
    std::vector<const NpmNode*> way;
    const NpmNode* top = this;
    for (; top->parent; top = top->parent) way.push_back(top);
    std::string path(top->dir);
    for (auto at = way.rbegin(); at != way.rend(); ++at) {
        if (!path.empty()) path += '/';
        (path += kModules) += (*at)->name;
    }
    return path;
}

unsigned NpmNode::depth() const {
    unsigned depth = 0;
    for (const NpmNode* at = parent; at; at = at->parent) ++depth;
    return depth;
}

NpmNode* NpmNode::child(std::string_view child_name) const {
    auto at = children.find(child_name);
    return at == children.end() ? nullptr : at->second;
}

NpmNode* NpmNode::resolve(std::string_view wanted) const {
    for (const NpmNode* at = this; at; at = at->resolve_parent())
        if (NpmNode* found = at->child(wanted)) return found;
    return nullptr;
}

NpmEdge* NpmNode::edge(std::string_view wanted) const {
    auto at = edge_of.find(wanted);
    return at == edge_of.end() ? nullptr : at->second;
}

bool NpmNode::is_below(const NpmNode& other) const {
    for (const NpmNode* at = this; at; at = at->resolve_parent())
        if (at == &other) return true;
    return false;
}

bool NpmNode::is_carried() const {
    if (package && package->in_bundle) return true;
    for (const NpmNode* at = parent; at; at = at->parent)
        if (!at->is_project && at->package && at->package->has_shrinkwrap) return true;
    return false;
}

std::string_view NpmNodes::keep(std::string text) { return texts_.emplace_back(std::move(text)); }

NpmTree* NpmNodes::tree() { return &trees_.emplace_back(); }

NpmNode* NpmNodes::node(std::string_view name, const NpmEntry* package) {
    NpmNode& node = nodes_.emplace_back();
    node.name = name;
    node.package = package;
    return &node;
}

NpmNode* NpmNodes::link(std::string_view name, NpmNode* target) {
    NpmNode* link = node(name, target->package);
    link->target = target;
    return link;
}

NpmNode* NpmNodes::copy(const NpmNode& from) {
    NpmNode* to = node(from.name, from.package);
    to->target = from.target;
    to->failed = from.failed;
    to->overrides = from.overrides;
    if (!to->target) make_edges(*to);
    return to;
}

NpmNode* NpmNodes::virtual_root(NpmNode* source) {
    NpmNode* root = node(source->name, source->package);
    root->source = source;
    root->dir = source->dir;
    root->overrides = source->overrides;
    for (const NpmEdge* edge : source->edges_out) {
        add_edge(*root, edge->name, edge->raw, edge->kind);
        root->edges_out.back()->rule = edge->rule;
        root->edges_out.back()->spec = edge->spec;
    }
    enter(*tree(), *root);
    return root;
}

void NpmNodes::add_edge(NpmNode& from, std::string_view name, std::string_view spec, NpmEdgeKind kind) {
    if (NpmEdge* old = from.edge(name)) {
        if (old->kind == NpmEdgeKind::workspace) return;
        erase_one(from.edges_out, old);
    }
    NpmEdge& edge = edges_.emplace_back();
    edge.from = &from;
    edge.name = name;
    edge.raw = edge.spec = spec;
    edge.kind = kind;
    apply_overrides(from, edge);
    from.edges_out.push_back(&edge);
    from.edge_of[name] = &edge;
}

void NpmNodes::apply_overrides(NpmNode& node, NpmEdge& edge) {
    if (!node.overrides || edge.kind == NpmEdgeKind::workspace) return;
    edge.rule = node.overrides->of_edge(edge.name, edge.raw);
    std::string_view value = edge.rule->value(edge.name, *root_package_);
    edge.spec = value.empty() ? edge.raw : value;
    edge.fits = -1;
}

void NpmNodes::make_edges(NpmNode& node, const std::vector<std::pair<std::string_view, std::string_view>>& workspaces) {
    if (!node.package) return;
    const NpmEntry& package = *node.package;
    for (const auto& [name, dir] : workspaces) add_edge(node, name, dir, NpmEdgeKind::workspace);
    auto is_optional = [&](std::string_view name) {
        return std::find(package.optional_peers.begin(), package.optional_peers.end(), name) != package.optional_peers.end();
    };
    for (bool optional : {false, true})
        for (const auto& [name, spec] : package.peer_dependencies)
            if (is_optional(name) == optional) add_edge(node, name, spec, optional ? NpmEdgeKind::peer_optional : NpmEdgeKind::peer);
    for (const auto& [name, spec] : package.dependencies) add_edge(node, name, spec, NpmEdgeKind::prod);
    for (const auto& [name, spec] : package.optional_dependencies) add_edge(node, name, spec, NpmEdgeKind::optional);
    if (node.is_project)
        for (const auto& [name, spec] : package.dev_dependencies) add_edge(node, name, spec, NpmEdgeKind::dev);
}

void NpmNodes::point(NpmEdge& edge, NpmNode* to) {
    if (edge.to == to) return;
    if (edge.to) erase_one(edge.to->edges_in, &edge);
    edge.to = to;
    edge.fits = -1;
    if (!to) return;
    to->edges_in.push_back(&edge);
    // Overrides come from above, and go on to whatever was there before them.
    std::vector<NpmEdge*> arriving{&edge};
    while (!arriving.empty()) {
        NpmEdge* in = arriving.back();
        arriving.pop_back();
        if (!in->to || in->to->overrides || !in->rule) continue;
        in->to->overrides = in->rule;
        for (NpmEdge* out : in->to->edges_out) {
            apply_overrides(*in->to, *out);
            arriving.push_back(out);
        }
    }
}

void NpmNodes::enter(NpmTree& tree, NpmNode& node) {
    node.tree = &tree;
    if (!tree.root) tree.root = &node;
    tree.nodes[node.name].push_back(&node);
    for (NpmEdge* edge : node.edges_out) {
        tree.edges[edge->name].push_back(edge);
        point(*edge, node.resolve(edge->name));
    }
}

void NpmNodes::reload(NpmTree& tree, std::string_view name, const NpmNode& below) {
    auto list = tree.edges.find(name);
    if (list == tree.edges.end()) return;
    for (NpmEdge* edge : list->second)
        if (edge->from->is_below(below)) point(*edge, edge->from->resolve(name));
}

void NpmNodes::place(NpmNode& node, NpmNode& parent) {
    if (NpmNode* old = parent.child(node.name); old == &node)
        return;
    else if (old)
        remove(*old);
    node.parent = &parent;
    parent.children[node.name] = &node;
    enter(*parent.tree, node);
    reload(*parent.tree, node.name, parent);
}

void NpmNodes::leave(NpmNode& node) {
    NpmTree* tree = node.tree;
    if (!tree) return;
    erase_one(tree->nodes[node.name], &node);
    for (NpmEdge* edge : node.edges_out) {
        erase_one(tree->edges[edge->name], edge);
        point(*edge, nullptr);
    }
    node.tree = nullptr;
}

void NpmNodes::subtree(NpmNode& node, const std::function<void(NpmNode&)>& visit) {
    std::vector<NpmNode*> stack{&node};
    while (!stack.empty()) {
        NpmNode* at = stack.back();
        stack.pop_back();
        visit(*at);
        for (auto& [name, child] : at->children) stack.push_back(child);
    }
}

void NpmNodes::remove(NpmNode& node) {
    if (!node.tree) return;
    NpmTree& tree = *node.tree;
    NpmNode* parent = node.parent;
    if (parent) parent->children.erase(node.name);
    subtree(node, [&](NpmNode& below) { leave(below); });
    if (parent) reload(tree, node.name, *parent);
    node.parent = nullptr;
}

void NpmNodes::replace(NpmNode& old, NpmNode& by) {
    NpmNode& parent = *old.parent;
    NpmTree& tree = *old.tree;
    parent.children.erase(old.name);
    leave(old);
    old.parent = nullptr;
    by.parent = &parent;
    parent.children[by.name] = &by;
    if (!by.is_link()) by.children = std::move(old.children);
    old.children.clear();
    for (auto& [name, kid] : by.children) kid->parent = &by;
    enter(tree, by);
    reload(tree, by.name, parent);
}

const Specifier* NpmNodes::specifier(std::string_view name, std::string_view spec) const {
    std::string key = std::string(name) + "@" + std::string(spec);
    auto at = specifiers_.find(key);
    if (at == specifiers_.end()) {
        auto parsed = npm_specifier(name, spec);
        at = specifiers_.emplace(std::move(key), parsed ? std::make_unique<Specifier>(std::move(*parsed)) : nullptr).first;
    }
    return at->second.get();
}

bool NpmNodes::satisfies(const NpmNode& node, const NpmEdge& edge) const {
    if (node.name != edge.name || node.failed || !node.package) return false;
    if (edge.kind == NpmEdgeKind::workspace) return node.is_link() && node.target->dir == edge.spec;
    const Specifier* spec = specifier(edge.name, node.package->has_shrinkwrap || node.is_carried() ? edge.raw : edge.spec);
    if (!spec) return false;
    std::string_view resolved = node.package->resolved;
    switch (spec->kind) {
        case SpecifierKind::version:
        case SpecifierKind::range: {
            if (spec->kind == SpecifierKind::range && (spec->value.empty() || spec->value == "*")) return true;
            const KnownRange& range = ranges_.get(spec->value);
            auto version = Version::parse(node.version(), true);
            return range.range && version && range.range->satisfied_by(*version);
        }
        case SpecifierKind::tag:
            return !node.is_link() && !resolved.starts_with("git") && !resolved.starts_with("file:");
        case SpecifierKind::link:
        case SpecifierKind::directory:
            return node.is_link() && node.target->dir == directory_of(*edge.from, spec->value);
        case SpecifierKind::file:
            return resolved.starts_with("file:") && join_path("", resolved.substr(5)) == directory_of(*edge.from, spec->value);
        case SpecifierKind::tarball:
            return resolved == spec->value;
        case SpecifierKind::git: {
            bool same = repository_of(resolved) == repository_of(spec->git.url) ||
                        (!spec->git.project.empty() && resolved.find(spec->git.user + "/" + spec->git.project) != std::string_view::npos);
            if (!same || spec->git.range.empty()) return same;
            auto version = Version::parse(node.version(), true);
            const KnownRange& range = ranges_.get(spec->git.range);
            return range.range && version && range.range->satisfied_by(*version);
        }
        default:
            return false;
    }
}

bool NpmNodes::is_valid(const NpmEdge& edge) const {
    if (!edge.to) return edge.is_optional();
    if (edge.is_peer() && edge.to->parent == edge.from && !edge.from->is_top()) return false;
    if (edge.fits < 0) edge.fits = satisfies(*edge.to, edge) ? 1 : 0;
    return edge.fits == 1;
}

bool NpmNodes::matches(const NpmNode& a, const NpmNode& b) {
    if (&a == &b) return true;
    if (a.name != b.name || a.is_link() != b.is_link()) return false;
    if (a.is_link()) return a.target == b.target;
    if (!a.package || !b.package) return false;
    if (!a.package->integrity.empty() && !b.package->integrity.empty()) return a.package->integrity == b.package->integrity;
    if (!a.package->resolved.empty() && !b.package->resolved.empty()) return a.package->resolved == b.package->resolved;
    return a.package_name() == b.package_name() && !a.version().empty() && a.version() == b.version();
}

NpmNodeSet NpmNodes::closed_set(const NpmNodeSet& of, const EdgeFilter& filter) {
    NpmNodeSet order = of;
    std::unordered_set<NpmNode*> in(of.begin(), of.end());
    for (std::size_t i = 0; i < order.size(); ++i)
        for (NpmEdge* edge : order[i]->edges_out)
            if (edge->to && filter(*edge) && in.insert(edge->to).second) order.push_back(edge->to);
    for (bool changed = true; changed && !in.empty();) {
        changed = false;
        for (NpmNode* node : order) {
            if (!in.contains(node)) continue;
            bool wanted = std::any_of(node->edges_in.begin(), node->edges_in.end(),
                                      [&](NpmEdge* edge) { return !in.contains(edge->from) && filter(*edge); });
            if (wanted) changed = in.erase(node) > 0;
        }
    }
    std::erase_if(order, [&](NpmNode* node) { return !in.contains(node); });
    return order;
}

bool NpmNodes::can_replace(const NpmNode& by, NpmNode& old, const std::vector<std::string_view>& ignored) const {
    if (by.name != old.name || by.package_name() != old.package_name()) return false;
    // Other overrides below it: its dependencies would not be those that stand there.
    if (!old.edges_out.empty() && by.overrides != old.overrides) return false;
    NpmNodeSet own = closed_set({&old}, [&](const NpmEdge& edge) { return edge.to != &old && is_valid(edge); });
    for (NpmEdge* edge : old.edges_in) {
        if (!old.is_top() && edge->from->parent == old.parent && edge->is_peer() &&
            std::find(ignored.begin(), ignored.end(), edge->from->name) != ignored.end())
            continue;
        if (!contains(own, edge->from) && !satisfies(by, *edge)) return false;
    }
    return true;
}

std::vector<std::pair<NpmEdge*, NpmNodeSet>> NpmNodes::peer_entries(NpmNode& node) const {
    NpmNodeSet all{&node};
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (NpmEdge* edge : all[i]->edges_out)
            if (edge->is_peer() && edge->to && is_valid(*edge)) add(all, edge->to);
        for (NpmEdge* edge : all[i]->edges_in)
            if (edge->is_peer() && is_valid(*edge)) add(all, edge->from);
    }
    std::vector<std::pair<NpmEdge*, NpmNodeSet>> entries;
    for (NpmNode* peer : all)
        for (NpmEdge* edge : peer->edges_in) {
            if (!is_valid(*edge) || (edge->is_peer() && !edge->from->is_top())) continue;
            NpmNodeSet sub{peer};
            for (std::size_t i = 0; i < sub.size(); ++i)
                for (NpmEdge* out : sub[i]->edges_out)
                    if (out->is_peer() && out->to && is_valid(*out)) add(sub, out->to);
            if (contains(sub, &node)) entries.emplace_back(edge, std::move(sub));
        }
    return entries;
}

NpmNode* NpmNodes::deepest_target(NpmNode* start, std::string_view name) {
    for (NpmNode* at = start;; at = at->resolve_parent()) {
        if (at->is_root() || !at->resolve_parent()) return at;
        NpmEdge* edge = at->edge(name);
        if (!edge || !edge->is_peer()) return at;
    }
}

}  // namespace pmx
