#include "resolve/npm_finish.hpp"

#include <algorithm>

namespace pmx {
namespace {

std::string described(const NpmNode& node) {
    std::string text(node.package_name());
    if (!node.version().empty()) (text += '@') += node.version();
    return text;
}

}  // namespace

std::vector<NpmNode*> NpmFinish::all() const {
    std::vector<NpmNode*> nodes;
    for (NpmNode* project : ideal_.projects())
        if (project->tree) nodes.push_back(project);
    for (std::size_t i = 0; i < nodes.size(); ++i)
        for (auto& [name, child] : nodes[i]->children) nodes.push_back(child);
    return nodes;
}

// A flag is given up wherever some way leads without such edges.
void NpmFinish::mark() {
    for (NpmNode* node : all()) node->dev = node->optional = node->dev_optional = node->peer = node->extraneous = true;
    NpmNode* root = ideal_.projects().front();
    root->dev = root->optional = root->dev_optional = root->peer = root->extraneous = false;
    std::vector<NpmNode*> stack{root};
    auto spread = [&](NpmNode& from, NpmNode& to, NpmEdgeKind kind) {
        const bool dev = kind == NpmEdgeKind::dev, peer = kind == NpmEdgeKind::peer || kind == NpmEdgeKind::peer_optional;
        const bool optional = kind == NpmEdgeKind::optional || kind == NpmEdgeKind::peer_optional;
        const bool plain = !from.dev_optional && !from.dev && !from.optional && !dev && !optional;
        bool changed = false;
        auto clear = [&](bool& flag, bool clears) {
            if (flag && clears) flag = false, changed = true;
        };
        // An optional peer says what a package is for, and is no reason for it to be there.
        clear(to.extraneous, !from.extraneous && kind != NpmEdgeKind::peer_optional);
        clear(to.peer, !from.peer && !peer);
        clear(to.dev, plain || (!from.dev && !dev));
        clear(to.optional, plain || (!from.optional && !optional));
        clear(to.dev_optional, plain);
        if (changed) stack.push_back(&to);
    };
    while (!stack.empty()) {
        NpmNode* node = stack.back();
        stack.pop_back();
        if (node->is_link()) {
            spread(*node, *node->target, NpmEdgeKind::prod);
            continue;
        }
        for (NpmEdge* edge : node->edges_out)
            if (edge->to) spread(*node, *edge->to, edge->kind);
    }
}

// The flags stay those of the tree with what failed in it, as in npm: another package that the name leads to once the
// failed one is gone was not meant.
Result<> NpmFinish::drop_failed(std::vector<std::string>& dropped) {
    for (NpmNode* node : all()) {
        if (!node->failed || !node->tree) continue;
        const NpmEdge* edge = node->edges_in.empty() ? nullptr : node->edges_in.front();
        if (!node->optional) {
            NpmNode* from = edge ? edge->from : nullptr;
            while (from && from->parent) from = from->parent;
            auto failure = edge ? source_.get(edge->name, edge->spec, from->dir) : Result<const NpmEntry*>(nullptr);
            if (!failure) {
                Error error = failure.error();
                if (!edge->from->is_root()) return tl::make_unexpected(std::move(error).during("resolving the dependencies of " + described(*edge->from)));
                return tl::make_unexpected(std::move(error));
            }
            return fail(Code::NO_MATCHING_VERSION, "could not be resolved", std::string(node->name));
        }
        if (edge) dropped.push_back(std::string(edge->name) + "@" + std::string(edge->spec));
        NpmNodeSet set{node};
        for (std::size_t i = 0; i < set.size(); ++i)
            for (NpmEdge* in : set[i]->edges_in)
                if (!in->is_optional()) add(set, in->from);
        for (NpmNode* gone : NpmNodes::closed_set(set, [&](const NpmEdge& e) { return !contains(set, e.to); }))
            if (!gone->is_top()) nodes_.remove(*gone);
        if (node->tree) nodes_.remove(*node);
    }
    std::sort(dropped.begin(), dropped.end());
    dropped.erase(std::unique(dropped.begin(), dropped.end()), dropped.end());
    return {};
}

void NpmFinish::drop_extraneous() {
    mark();
    for (NpmNode* node : all())
        if (node->extraneous && node->tree && !node->is_top()) {
            // What is bundled stays as long as what it lies in does.
            if (node->package && node->package->in_bundle && node->parent && !node->parent->extraneous && ideal_.locked().contains(node)) {
                node->extraneous = false;
                continue;
            }
            nodes_.remove(*node);
        }
}

std::vector<NpmEntry> NpmFinish::entries() {
    std::vector<NpmEntry> entries;
    for (NpmNode* node : all()) {
        if (node->is_project && !node->is_root() && node->extraneous) continue;
        NpmEntry entry;
        if (node->is_link()) {
            entry.resolved = node->target->dir;
            entry.link = true;
        } else if (node->package) {
            entry = *node->package;
        }
        entry.path = nodes_.keep(node->path());
        if (!node->is_root()) {
            if (entry.name == npm_place_name(entry.path)) entry.name = {};
            entry.dev = node->dev;
            entry.optional = node->optional;
            entry.dev_optional = node->dev_optional && !node->dev && !node->optional;
            entry.peer = node->peer;
        }
        entry.extraneous = false;
        if (auto old = ideal_.locked().find(node); old != ideal_.locked().end() && node->package && node->package->in_bundle) {
            entry.dev = old->second->dev;
            entry.optional = old->second->optional;
            entry.dev_optional = old->second->dev_optional;
            entry.peer = old->second->peer;
        }
        entries.push_back(std::move(entry));
    }
    std::sort(entries.begin(), entries.end(), [](const NpmEntry& a, const NpmEntry& b) { return a.path < b.path; });
    return entries;
}

std::vector<PeerIssue> NpmFinish::peer_issues() const {
    std::vector<PeerIssue> issues;
    for (NpmNode* node : all())
        for (NpmEdge* edge : node->edges_out) {
            if (!edge->is_peer() || nodes_.is_valid(*edge)) continue;
            PeerIssue issue;
            issue.project = ".";
            issue.parents = {described(*node)};
            issue.peer = edge->name;
            issue.wanted = edge->spec;
            if (edge->to) issue.found = edge->to->version();
            issue.optional = edge->kind == NpmEdgeKind::peer_optional;
            issues.push_back(std::move(issue));
        }
    return issues;
}

std::vector<std::string> NpmFinish::warnings() const {
    std::vector<std::string> texts;
    for (NpmNode* node : all())
        if (!node->is_link() && !node->is_project && node->package && !node->package->deprecated.empty() && !ideal_.locked().contains(node))
            texts.push_back(described(*node) + " is deprecated: " + std::string(node->package->deprecated));
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    return texts;
}

}  // namespace pmx
