#include "resolve/npm_ideal.hpp"

#include <algorithm>

#include "base/fs.hpp"
#include "model/pattern.hpp"

namespace pmx {
namespace {

constexpr std::string_view kModules = "node_modules/";
constexpr unsigned kMaxPeerDepth = 300;
constexpr std::size_t kMaxSteps = 2'000'000;
const NpmEntry kNoEntry;

bool is_in_modules(std::string_view path) {
    std::size_t at = path.rfind(kModules);
    return at != std::string_view::npos && (at == 0 || path[at - 1] == '/');
}

std::string_view owner_of(std::string_view path) {
    std::size_t at = path.rfind(kModules);
    return at == 0 ? std::string_view() : path.substr(0, at - 1);
}

std::string described(const NpmNode& node) {
    if (node.is_root()) return "the project";
    return std::string(node.package_name()) + (node.version().empty() ? "" : "@" + std::string(node.version()));
}

}  // namespace

NpmNode* NpmIdeal::project_at(std::string_view dir, const Manifest* manifest, const NpmEntry* old) {
    if (auto known = by_dir_.find(dir); known != by_dir_.end()) return known->second;
    const NpmEntry* package = source_.directory(dir, manifest, old);
    if (!package) return nullptr;
    NpmNode* node = nodes_.node(package->name.empty() ? npm_place_name(dir) : package->name, package);
    node->is_project = true;
    node->dir = dir;
    node->overrides = overrides_;
    by_dir_[dir] = node;
    projects_.push_back(node);
    return node;
}

Result<> NpmIdeal::load(const NpmEntry* root_package) {
    tree_ = nodes_.tree();
    const UpdateScope& update = input_.update;
    const auto& chosen = update.projects;
    is_limited_ = update.kind != UpdateScope::Kind::none &&
                  (update.depth != UINT32_MAX || (!chosen.empty() && std::find(chosen.begin(), chosen.end(), ".") == chosen.end()));
    const bool anew = update.kind == UpdateScope::Kind::all && !is_limited_;
    NpmNode* root = nodes_.node(root_package->name, root_package);
    root->is_project = true;
    root->overrides = overrides_;
    by_dir_[""] = root;
    projects_.push_back(root);
    auto old_entry = [&](std::string_view path) -> const NpmEntry* {
        for (const NpmEntry& entry : input_.wanted->entries)
            if (entry.path == path) return &entry;
        return nullptr;
    };
    std::vector<std::pair<std::string_view, std::string_view>> workspaces;
    for (const ProjectInput& project : input_.projects) {
        if (project.dir == ".") continue;
        NpmNode* node = project_at(nodes_.keep(project.dir), &project.manifest, old_entry(project.dir));
        if (!node) continue;
        node->is_workspace = true;
        workspaces.emplace_back(node->name, node->dir);
    }
    std::sort(workspaces.begin(), workspaces.end(), [](const auto& a, const auto& b) { return npm_order(a.first, b.first); });
    nodes_.make_edges(*root, workspaces);
    for (const NpmEdge* edge : root->edges_out)
        if (edge->spec != edge->raw)
            return fail(Code::CONFIG, "\"overrides\" wants " + std::string(edge->spec) + " of what the project itself depends on as " + std::string(edge->raw),
                        std::string(edge->name), "say the same in both, or \"$" + std::string(edge->name) + "\" in \"overrides\"");
    nodes_.enter(*tree_, *root);
    // Directories that are linked, and no workspaces.
    for (const NpmEntry& entry : input_.wanted->entries)
        if (!entry.path.empty() && !is_in_modules(entry.path)) project_at(entry.path, nullptr, &entry);
    std::unordered_set<std::string_view> linked;
    if (!anew)
        for (const NpmEntry& entry : input_.wanted->entries)
            if (entry.link) linked.insert(entry.resolved);
    for (NpmNode* node : projects_) {
        if (node == root) continue;
        nodes_.make_edges(*node);
        NpmNode* owner = root;
        for (NpmNode* other : projects_)
            if (other != node && other->dir.size() > owner->dir.size() && node->dir.starts_with(std::string(other->dir) + "/")) owner = other;
        if (!node->dir.starts_with("..")) {
            node->fs_parent = owner;
            owner->fs_children.push_back(node);
        }
        if (linked.contains(node->dir)) nodes_.enter(*tree_, *node);  // the others when their link is placed
    }
    if (!anew) load_entries();
    if (is_limited_) find_scope();
    return {};
}

void NpmIdeal::load_entries() {
    std::unordered_map<std::string_view, NpmNode*> at;
    for (auto& [dir, node] : by_dir_) at[dir] = node;
    for (const NpmEntry& entry : input_.wanted->entries) {  // what lies inside comes after
        if (!is_in_modules(entry.path)) continue;
        auto owner = at.find(owner_of(entry.path));
        if (owner == at.end()) continue;
        std::string_view name = npm_place_name(entry.path);
        NpmNode* node = nullptr;
        if (entry.link) {
            auto target = by_dir_.find(entry.resolved);
            if (target == by_dir_.end()) continue;  // a project that is no more
            node = nodes_.link(name, target->second);
        } else {
            node = nodes_.node(name, &entry);
            nodes_.make_edges(*node);
        }
        nodes_.place(*node, *owner->second);
        locked_[node] = &entry;
        at[entry.path] = node;
    }
}

void NpmIdeal::push(NpmNode* node) {
    for (const Queued& queued : queue_)
        if (queued.node == node) return;
    queue_.push_back({node, node->depth(), node->path()});
}

NpmNode* NpmIdeal::pop() {
    auto first = std::min_element(queue_.begin(), queue_.end(), [](const Queued& a, const Queued& b) {
        return a.depth != b.depth ? a.depth < b.depth : npm_order(a.path, b.path);
    });
    NpmNode* node = first->node;
    queue_.erase(first);
    return node;
}

bool NpmIdeal::is_linked(const NpmNode& project) const {
    for (const auto& [name, list] : tree_->nodes)
        if (std::any_of(list.begin(), list.end(), [&](NpmNode* node) { return node->target == &project; })) return true;
    return false;
}

// What was found wrong in the lockfile's own tree. A project that it does not link yet has its turn after all others.
void NpmIdeal::queue_problems() {
    for (NpmNode* project : projects_)
        for (std::vector<NpmNode*> stack{project}; !stack.empty() && (project == tree_->root || is_linked(*project));) {
            NpmNode* node = stack.back();
            stack.pop_back();
            bool wrong = std::any_of(node->edges_out.begin(), node->edges_out.end(), [&](NpmEdge* edge) { return !nodes_.is_valid(*edge); });
            bool missing = std::any_of(node->edges_out.begin(), node->edges_out.end(), [&](NpmEdge* edge) { return !edge->to && edge->kind == NpmEdgeKind::optional; });
            if (wrong || missing) push(node);
            for (auto& [name, child] : node->children)
                if (!child->is_link()) stack.push_back(child);
        }
}

bool NpmIdeal::is_chosen(const NpmNode& project) const {
    const auto& chosen = input_.update.projects;
    if (chosen.empty()) return true;
    return std::find(chosen.begin(), chosen.end(), project.dir.empty() ? std::string_view(".") : project.dir) != chosen.end();
}

void NpmIdeal::find_scope() {
    std::vector<const NpmNode*> order;
    auto reach = [&](const NpmNode* node, std::uint32_t depth) {
        if (scope_.emplace(node, depth).second) order.push_back(node);
    };
    for (const NpmNode* project : projects_)
        if (is_chosen(*project)) reach(project, 0);
    for (std::size_t i = 0; i < order.size(); ++i)
        for (const NpmEdge* edge : order[i]->edges_out)
            if (edge->to && !edge->to->is_link()) reach(edge->to, scope_[order[i]] + 1);
}

bool NpmIdeal::is_asked_update(const NpmEdge& edge) const {
    if (!is_limited_) return is_asked_update(edge.name);
    auto from = scope_.find(edge.from);
    const bool is_meant = from != scope_.end() && from->second <= input_.update.depth;
    return is_meant && (input_.update.kind == UpdateScope::Kind::all || is_asked_update(edge.name));
}

bool NpmIdeal::is_asked_update(std::string_view name) const {
    if (repeated_.contains(name)) return true;
    if (input_.update.kind != UpdateScope::Kind::named) return false;
    for (const std::string& pattern : input_.update.patterns)
        if (matches_pattern(pattern, name)) return true;
    return false;
}

void NpmIdeal::queue_updates() {
    if (input_.update.dedupe)
        for (const auto& [name, list] : tree_->nodes)
            if (std::count_if(list.begin(), list.end(), [](NpmNode* node) { return node->parent != nullptr; }) > 1) repeated_.insert(name);
    if (repeated_.empty() && input_.update.kind != UpdateScope::Kind::named && !is_limited_) return;
    for (const auto& [name, list] : tree_->nodes)
        for (NpmNode* node : list)
            if (!node->is_top() && !node->is_carried())
                for (NpmEdge* edge : node->edges_in)
                    if (is_asked_update(*edge)) push(edge->from);
}

// A tag that neither package.json nor the lockfile has yet was asked for by name just now: what is there is not good
// enough. Once a manifest says it, any version of a registry is.
void NpmIdeal::find_asked() {
    for (NpmNode* project : projects_) {
        const NpmEntry* written = nullptr;
        for (NpmEdge* edge : project->edges_out) {
            const Specifier* specifier = nodes_.specifier(edge->name, edge->spec);
            if (!specifier || edge->kind == NpmEdgeKind::workspace) continue;
            bool is_meant = is_chosen(*project) && (input_.update.kind == UpdateScope::Kind::all || is_asked_update(edge->name));
            if (input_.update.latest && is_meant && specifier->kind <= SpecifierKind::tag && !specifier->is_alias) {
                edge->raw = edge->spec = input_.policy->default_tag;
                edge->fits = -1;
                asked_.insert(edge);
                continue;
            }
            if (specifier->kind != SpecifierKind::tag) continue;
            std::string_view dir = project->dir.empty() ? std::string_view(".") : project->dir;
            bool recorded = false;
            for (const LockedProject& locked : input_.wanted->projects)
                if (locked.dir == dir)
                    for (const LockedSpecifier& known : locked.specifiers) recorded = recorded || (known.alias == edge->name && known.specifier == edge->raw);
            if (recorded) continue;
            if (!written) written = source_.directory(project->dir, nullptr, &kNoEntry);
            bool in_file = false;
            for (const NpmEntry::Map* group : {&written->dependencies, &written->dev_dependencies, &written->optional_dependencies, &written->peer_dependencies})
                for (const auto& [name, spec] : *group) in_file = in_file || (name == edge->name && spec == edge->raw);
            if (!in_file) asked_.insert(edge);
        }
    }
}

std::vector<NpmEdge*> NpmIdeal::problems(NpmNode& node) const {
    std::vector<NpmEdge*> found;
    const std::vector<std::string_view> none;
    const auto& bundled = node.is_project || !node.package ? none : node.package->bundled;
    for (NpmEdge* edge : node.edges_out) {
        if (std::find(bundled.begin(), bundled.end(), edge->name) != bundled.end()) continue;
        if (edge->to && (edge->to->failed || (edge->to->is_carried() && !edge->to->package->in_bundle))) continue;
        bool problem = false;
        if (!edge->to)
            problem = edge->kind != NpmEdgeKind::peer_optional || asked_.contains(edge);
        else if (!nodes_.is_valid(*edge))
            problem = true;
        else if (!(edge->to->is_link() && edge->to->target->is_workspace))
            problem = is_asked_update(*edge) || asked_.contains(edge);
        if (problem) found.push_back(edge);
    }
    return found;
}

void NpmIdeal::queue_link_targets() {
    for (NpmNode* project : projects_) {
        if (!project->seen && project != tree_->root && is_linked(*project)) push(project);
    }
}

Result<> NpmIdeal::build() {
    find_asked();
    push(tree_->root);
    queue_problems();
    queue_updates();
    for (NpmNode* project : projects_) source_.want(*project->package);
    std::size_t steps = 0;
    for (;;) {
        if (queue_.empty()) queue_link_targets();
        if (queue_.empty()) return {};
        if (input_.cancel && input_.cancel->is_set()) return fail(Code::CANCELLED, "cancelled");
        if (++steps > kMaxSteps) return fail(Code::PEERS, "the dependencies do not come to rest", input_.root, "override one of the packages that exclude each other");
        NpmNode* node = pop();
        if (!node->tree || node->tree != tree_ || node->seen || node->is_link()) continue;
        node->seen = true;
        PMX_CHECK(step(*node));
    }
}

NpmNode* NpmIdeal::virtual_root(NpmNode* node, bool reuse) {
    if (auto known = virtual_roots_.find(node); reuse && known != virtual_roots_.end()) return known->second;
    return virtual_roots_[node] = nodes_.virtual_root(node);
}

// A package that brings others is looked into before its own dependencies are placed.
Result<> NpmIdeal::open(NpmNode& node) {
    if (node.is_project || !node.package || node.failed || locked_.contains(&node)) return {};
    if (node.package->bundled.empty() && !node.package->has_shrinkwrap) return {};
    PMX_TRY(std::vector<const NpmEntry*> inside, source_.inside(*node.package));
    std::unordered_map<std::string_view, NpmNode*> at{{"", &node}};
    for (const NpmEntry* entry : inside) {
        auto owner = at.find(owner_of(entry->path));
        if (owner == at.end()) continue;
        NpmNode* child = nodes_.node(npm_place_name(entry->path), entry);
        nodes_.make_edges(*child);
        nodes_.place(*child, *owner->second);
        at[entry->path] = child;
    }
    return {};
}

Result<> NpmIdeal::step(NpmNode& node) {
    PMX_CHECK(open(node));
    struct Task {
        NpmEdge* edge;
        NpmNode* dep;
    };
    std::vector<Task> tasks;
    for (NpmEdge* edge : problems(node)) {
        if (edge->conflicted) continue;
        NpmNode* root = virtual_root(&node, true);
        NpmEdge* same = root->edge(edge->name);
        NpmNode* dep = same && same->to && nodes_.is_valid(*same) ? same->to : nullptr;
        if (!dep || !nodes_.satisfies(*dep, *edge)) {
            NpmNodeSet required{edge->from};
            PMX_TRY(dep, node_for(*edge, edge->is_peer() ? root : nullptr, nullptr, required));
        }
        tasks.push_back({edge, dep});
    }
    std::stable_sort(tasks.begin(), tasks.end(), [](const Task& a, const Task& b) { return npm_order(a.edge->name, b.edge->name); });
    for (const Task& task : tasks) {
        NpmPlaceOptions options;
        options.explicitly_asked = asked_.contains(task.edge);
        options.prefer_dedupe = input_.update.dedupe;
        options.strict_peers = input_.policy->strict_peer_dependencies && input_.settings && input_.settings->is_set("strict-peer-dependencies");
        options.asked_update = [this](const NpmEdge& edge) { return is_asked_update(edge); };
        NpmPlacing placing(nodes_, options);
        placing.place(*task.dep, *task.edge);
        if (placing.conflict()) return conflict(*placing.conflict());
        for (const NpmPlaced& placed : placing.placed()) {
            if (!placed.node->tree) continue;
            if (auto from = scope_.find(placed.edge->from); from != scope_.end()) scope_.emplace(placed.node, from->second + 1);
            if (NpmNode* target = placed.node->target; target && target->is_project && !target->tree) nodes_.enter(*tree_, *target);
            for (NpmEdge* in : placed.node->edges_in) {
                if (in == placed.edge || in->conflicted || nodes_.is_valid(*in)) continue;
                // An optional peer may come after who wants it, and not suit.
                if (placed.verdict == NpmVerdict::replace || in->kind == NpmEdgeKind::peer_optional)
                    in->from->seen = false;
                else if (in->from->seen)
                    continue;
                push(in->from);
            }
            if (!placed.node->is_link()) {
                push(placed.node);
                if (placed.node->package) source_.want(*placed.node->package);
            }
        }
        for (NpmNode* again : placing.to_look_at_again()) {
            again->seen = false;
            push(again);
        }
    }
    return {};
}

// What an edge asks for, in no tree yet.
Result<NpmNode*> NpmIdeal::node_of(NpmEdge& edge) {
    NpmNode* from = edge.from;
    while (from->parent || from->source) from = from->parent ? from->parent : from->source;
    const Specifier* specifier = nodes_.specifier(edge.name, edge.spec);
    if (edge.kind == NpmEdgeKind::workspace) return nodes_.link(edge.name, by_dir_.at(edge.spec));
    if (specifier && (specifier->kind == SpecifierKind::directory || specifier->kind == SpecifierKind::link)) {
        std::string dir = join_path(from->dir, specifier->value);
        const bool is_known = by_dir_.contains(dir);
        NpmNode* target = project_at(nodes_.keep(dir), nullptr, nullptr);
        if (target && !is_known) {
            nodes_.make_edges(*target);
            if (!target->dir.starts_with("..")) {
                target->fs_parent = tree_->root;
                tree_->root->fs_children.push_back(target);
            }
        }
        if (target) return nodes_.link(edge.name, target);
        if (!edge.is_optional()) return fail(Code::SPECIFIER, "there is no package in this directory", std::string(edge.name) + "@" + std::string(edge.spec));
    }
    // A workspace goes before the registry where it fits.
    if (NpmEdge* workspace = tree_->root->edge(edge.name); workspace && workspace->kind == NpmEdgeKind::workspace) {
        NpmNode* link = nodes_.link(edge.name, by_dir_.at(workspace->spec));
        if (nodes_.satisfies(*link, edge)) return link;
    }
    const Result<const NpmEntry*>& found = source_.get(edge.name, edge.spec, from->dir);
    if (!found && (found.error().code == Code::CANCELLED || found.error().code == Code::CONFIG)) return tl::make_unexpected(found.error());
    NpmNode* node = nodes_.node(edge.name, found ? *found : nullptr);
    node->failed = !found;
    nodes_.make_edges(*node);
    if (found) source_.want(**found);
    return node;
}

Result<NpmNode*> NpmIdeal::node_for(NpmEdge& edge, NpmNode* parent, NpmEdge* second, NpmNodeSet& required) {
    if (!parent) parent = virtual_root(edge.from, false);
    PMX_TRY(NpmNode * node, node_of(edge));
    nodes_.place(*node, *parent);
    if (second && !nodes_.is_valid(*second)) {
        PMX_TRY(NpmNode * other, node_of(*second));
        NpmNode* first = node;
        nodes_.place(*other, *parent);
        node = nodes_.is_valid(edge) ? other : first;
        if (node == first) nodes_.place(*first, *parent);
    }
    bool is_required = (contains(required, edge.from) && edge.kind != NpmEdgeKind::peer_optional) ||
                       (second && contains(required, second->from) && second->kind != NpmEdgeKind::peer_optional);
    if (is_required) add(required, node);
    if (++peer_depth_ > kMaxPeerDepth) return fail(Code::PEERS, "peers nest too deep", described(*node), "");
    PMX_CHECK(load_peers(*node, required));
    --peer_depth_;
    return node;
}

Result<> NpmIdeal::load_peers(NpmNode& node, NpmNodeSet& required) {
    std::vector<NpmEdge*> edges;
    for (NpmEdge* edge : node.edges_out)
        if (edge->is_peer() && !(edge->to && nodes_.is_valid(*edge))) edges.push_back(edge);
    std::stable_sort(edges.begin(), edges.end(), [](NpmEdge* a, NpmEdge* b) { return npm_order(a->name, b->name); });
    for (NpmEdge* edge : edges) {
        NpmNode* root = node.parent;
        if (!root) return {};  // something else took its place
        if (edge->to && nodes_.is_valid(*edge)) continue;
        NpmEdge* above = root->edge(edge->name);
        NpmNode* source = root->source ? root->source : root;
        const bool is_mine = source->is_root() || source->is_workspace;
        const bool strict = input_.policy->strict_peer_dependencies && input_.settings && input_.settings->is_set("strict-peer-dependencies");
        const bool conflict_is_fine = !is_mine && !strict;
        if (!edge->to) {
            if (!above) {
                // An optional one too: it is not placed, but what comes with it must not be in conflict.
                PMX_TRY([[maybe_unused]] NpmNode * placed, node_for(*edge, root, nullptr, required));
                continue;
            }
            PMX_TRY(NpmNode * dep, node_for(*above, root, edge, required));
            if (nodes_.is_valid(*edge)) continue;
            if (conflict_is_fine || !contains(required, dep)) {
                edge->conflicted = true;
                continue;
            }
            return conflict({edge, dep, dep});
        }
        NpmNode* current = edge->to;
        PMX_TRY(NpmNode * dep, node_for(*edge, nullptr, nullptr, required));
        if (nodes_.can_replace(*dep, *current)) {
            PMX_TRY([[maybe_unused]] NpmNode * placed, node_for(*edge, root, nullptr, required));
            continue;
        }
        if (conflict_is_fine || !contains(required, edge->from)) continue;
        return conflict({edge, dep, current});
    }
    return {};
}

Failure NpmIdeal::conflict(const NpmConflict& conflict) const {
    const NpmEdge& edge = *conflict.edge;
    std::string what = "the peers do not fit together: " + described(*edge.from) + " wants " + (edge.is_peer() ? "peer " : "") + std::string(edge.name) + "@" +
                       std::string(edge.spec);
    if (conflict.current && conflict.current != conflict.wanted) what += ", found " + described(*conflict.current);
    else if (conflict.current && edge.is_peer()) what += ", which " + described(*conflict.current) + " is not";
    std::string wanted_by;
    if (conflict.current) {
        unsigned shown = 0;
        for (NpmEdge* in : conflict.current->edges_in) {
            if (in == &edge || shown == 4) continue;
            NpmNode* from = in->from;
            while (from->source) from = from->source;
            (wanted_by += shown++ ? ", " : " (") += described(*from) + " wants " + std::string(in->spec);
        }
        if (!wanted_by.empty()) what += wanted_by + ")";
    }
    return fail(Code::PEERS, std::move(what), std::string(edge.name),
                "change the version of one of them in package.json, or say with \"overrides\" which one to take");
}

}  // namespace pmx
