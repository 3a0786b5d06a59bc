// Hoisting to a fixed point. Each directory in turn is a root that draws up what it can from below: the most
// used identity of a name first, and never so that a package would find another version than its own on its
// way up.
#include <algorithm>
#include <unordered_set>

#include "tree.hpp"

namespace pmx::hoisted {
namespace {

using Ident = std::uint32_t;
using Name = std::uint32_t;

bool is_peer(const Node& node, Name name) {
    return std::ranges::binary_search(*node.peers, name);
}

std::uint64_t locator(const Node& node) {
    return std::uint64_t{node.name} << 32 | node.ident;
}

// Children that are not peers, each after the siblings that are its peers.
std::vector<Node*> regular_children(const Node& node) {
    std::vector<Node*> result;
    bool has_peers = false;
    node.children.each([&](Name name, Node* child) {
        if (is_peer(node, name)) return;
        result.push_back(child);
        has_peers = has_peers || !child->peers->empty();
    });
    if (!has_peers) return result;
    std::vector<Node*> ordered;
    std::unordered_set<Node*> started;
    auto add = [&](auto&& self, Node* child) -> void {
        if (!started.insert(child).second) return;
        for (Name name : *child->peers)
            if (!is_peer(node, name))
                if (Node* peer = node.children.find(name)) self(self, peer);
        ordered.push_back(child);
    };
    for (Node* child : result) add(add, child);
    return ordered;
}

// Bounds the recursion below; a directory can never be that deep.
constexpr std::size_t kDeepest = 4000;
// Copies are made for each way to a package; the graphs of real projects need a few per package.
constexpr std::size_t kMostVisits = 4'000'000;

class Hoister {
  public:
    explicit Hoister(Tree& tree) : tree_(tree) {}

    void run() {
        // Every pass moves at least one node up, or is the last.
        do {
            again_ = false;
            visited_.clear();
            draw_up(tree_.root);
            first_pass_ = false;
        } while (again_);
    }

  private:
    // The names that the subtree of `root` finds above it, with what it finds there: `root` must not cover
    // them.
    void collect_used(Node& root) {
        used_.clear();
        const std::uint32_t mark = ++tree_.mark;
        root.mark = mark;
        std::vector<std::pair<Node*, Node*>> open{{&root, nullptr}};  // (node, its parent)
        while (!open.empty()) {
            auto [node, parent] = open.back();
            open.pop_back();
            for (const auto& [name, ident] : node->hoisted) {
                if (parent && parent->children.find(name)) continue;
                if (const Node* found = find_above(name)) used_[name] = found->ident;
            }
            node->children.each([&, node = node](Name name, Node* child) {
                if (is_peer(*node, name) || child->mark == mark) return;
                child->mark = mark;
                open.emplace_back(child, node);
            });
        }
    }

    // What a directory below the roots finds under this name in the current one or above it.
    const Node* find_above(Name name) const {
        for (auto root = roots_.rbegin(); root != roots_.rend(); ++root)
            if (const Node* found = (*root)->children.find(name)) return found;
        return nullptr;
    }

    // Who wants which identity of each name below `root`: its own children first, then by how many depend on
    // it.
    void rank(Node& root) {
        struct Usage {
            Name name;
            Ident ident;
            std::unordered_set<Ident> dependents, peer_dependents;
        };
        std::vector<Usage> usages;
        std::unordered_map<std::uint64_t, std::size_t> index;
        auto usage = [&](const Node& node) -> Usage& {
            auto [entry, fresh] = index.try_emplace(locator(node), usages.size());
            if (fresh) usages.push_back({node.name, node.ident, {}, {}});
            return usages[entry->second];
        };
        const std::uint32_t mark = ++tree_.mark;
        root.mark = mark;
        wanted_.clear();
        wanted_[root.name] = {root.ident};
        root.children.each([&](Name name, Node* child) {
            if (is_peer(root, name)) return;
            wanted_[name] = {child->ident};
        });
        // Depth first without recursion: the graph may be as deep as it is large.
        struct Frame {
            Node* node;
            std::vector<Node*> children;
            std::size_t next = 0;
        };
        std::vector<Frame> frames;
        auto enter = [&](Node& node) {
            Frame frame{&node, {}};
            node.children.each([&](Name, Node* child) { frame.children.push_back(child); });
            frames.push_back(std::move(frame));
        };
        for (enter(root); !frames.empty();) {
            Frame& frame = frames.back();
            if (frame.next == frame.children.size()) {
                frames.pop_back();
                continue;
            }
            Node& child = *frame.children[frame.next++];
            if (is_peer(*frame.node, child.name)) {
                if (frame.node != &root) usage(child).peer_dependents.insert(frame.node->ident);
                continue;
            }
            usage(child).dependents.insert(frame.node->ident);
            if (child.mark == mark) continue;
            child.mark = mark;
            enter(child);
        }
        std::ranges::stable_sort(usages, std::ranges::greater{}, [](const Usage& u) {
            return u.dependents.size() + u.peer_dependents.size();
        });
        for (const Usage& u : usages) {
            if (is_peer(root, u.name)) continue;
            auto& idents = wanted_[u.name];
            if (std::ranges::find(idents, u.ident) == idents.end()) idents.push_back(u.ident);
        }
    }

    void draw_up(Node* root) {
        if (!visited_.insert(root).second) return;
        if (roots_.size() > kDeepest) throw TooDeep();
        roots_.push_back(root);
        root_locators_.insert(locator(*root));
        if (!root->children.empty()) {
            rank(*root);
            roots_.pop_back();
            collect_used(*root);
            roots_.push_back(root);
            while (pass(*root)) continue;
        }
        for (Node* child : regular_children(*root))
            if (child->kind != NodeKind::link && !root_locators_.contains(locator(*child)))
                draw_up(own(*root, child));
        root_locators_.erase(locator(*root));
        roots_.pop_back();
    }

    // One walk below `root`. True when something changed.
    bool pass(Node& root) {
        changed_ = false;
        std::vector<Node*> fresh = regular_children(root);
        while (!fresh.empty()) {
            std::vector<Node*> now = std::move(fresh);
            fresh.clear();
            for (Node* child : now) {
                if (child->border || child->kind == NodeKind::link || locator(*child) == locator(root))
                    continue;
                if (root.children.find(child->name) != child) continue;  // replaced meanwhile
                path_.assign(1, &root);
                lift_children(root, own(root, child), fresh);
            }
        }
        bool next_choice = false;
        for (auto& [name, idents] : wanted_)
            if (idents.size() > 1 && !root.children.find(name)) {
                idents.erase(idents.begin());
                next_choice = true;
            }
        again_ = again_ || changed_;
        return changed_ || next_choice;
    }

    // Moves what can move from `parent` to `root`, then looks below what stayed. `path_` is root … parent's
    // parent.
    void lift_children(Node& root, Node* parent, std::vector<Node*>& fresh) {
        if (path_.size() > kDeepest || ++visits_ > kMostVisits) throw TooDeep();
        path_.push_back(parent);
        std::vector<Node*> children = regular_children(*parent), stay;
        std::vector<Node*> waits_for;  // pairs: (child, sibling it must not leave behind)
        for (Node* child : children)
            if (!can_move(root, *parent, *child, waits_for)) stay.push_back(child);
        for (bool grown = !stay.empty(); grown;) {
            grown = false;
            for (std::size_t i = 0; i < waits_for.size(); i += 2)
                if (std::ranges::find(stay, waits_for[i + 1]) != stay.end() &&
                    std::ranges::find(stay, waits_for[i]) == stay.end()) {
                    stay.push_back(waits_for[i]);
                    grown = true;
                }
        }
        for (Node* child : children) {
            if (std::ranges::find(stay, child) != stay.end()) continue;
            changed_ = true;
            parent->children.erase(child->name);
            parent->hoisted.emplace_back(child->name, child->ident);
            if (!root.children.find(child->name) && root.ident != child->ident) {
                root.children.set(child->name, child);
                fresh.push_back(child);
            }
        }
        for (Node* child : children) {
            if (std::ranges::find(stay, child) == stay.end() || child->border ||
                child->kind == NodeKind::link)
                continue;
            if (std::ranges::any_of(path_, [&](Node* above) { return locator(*above) == locator(*child); }) ||
                root_locators_.contains(locator(*child)))
                continue;  // a cycle: it is resolved above
            lift_children(root, own(*parent, child), fresh);
        }
        path_.pop_back();
    }

    bool can_move(Node& root, const Node& parent, const Node& child, std::vector<Node*>& waits_for) const {
        if (child.kind == NodeKind::link || child.ident == parent.ident) return false;
        auto wanted = wanted_.find(child.name);
        if (wanted == wanted_.end() || wanted->second.front() != child.ident) return false;
        if (const Node* there = root.children.find(child.name); there && there->ident != child.ident)
            return false;
        if (auto used = used_.find(child.name); used != used_.end() && used->second != child.ident)
            return false;
        for (std::size_t i = path_.size(); i-- > 1;)
            if (const Node* between = path_[i]->children.find(child.name);
                between && between->ident != child.ident)
                return false;
        return peers_allow(root, child, waits_for) && (first_pass_ || still_finds_its_own(child));
    }

    bool peers_allow(const Node& root, const Node& child, std::vector<Node*>& waits_for) const {
        std::vector<Name> open = *child.peers;
        for (std::size_t i = path_.size(); i-- > 1 && !open.empty();) {
            for (std::size_t k = 0; k < open.size();) {
                const Name name = open[k];
                if (is_peer(*path_[i], name) && path_[i]->children.find(name)) {
                    ++k;
                    continue;
                }
                Node* provided = path_[i]->children.find(name);
                if (provided && root.children.find(name) != provided) {
                    if (i + 1 != path_.size()) return false;
                    waits_for.push_back(const_cast<Node*>(&child));
                    waits_for.push_back(provided);
                }
                open.erase(open.begin() + static_cast<std::ptrdiff_t>(k));
            }
        }
        return true;
    }

    // What went up from `child` earlier must be found from the new place too.
    bool still_finds_its_own(const Node& child) const {
        for (const auto& [name, ident] : child.hoisted) {
            const Node* found = find_above(name);
            if (!found || found->ident != ident) return false;
        }
        return true;
    }

    // The copy of `child` that belongs to `parent` alone.
    Node* own(Node& parent, Node* child) {
        if (child->own) return child;
        Node& copy = tree_.nodes.emplace_back(*child);
        copy.own = true;
        if (Node* self = copy.children.find(copy.name); self && self->ident == copy.ident)
            copy.children.set(copy.name, &copy);
        parent.children.set(copy.name, &copy);
        return &copy;
    }

    Tree& tree_;
    bool first_pass_ = true, again_ = false, changed_ = false;
    std::size_t visits_ = 0;
    std::vector<Node*> roots_;  // the tree's root … the current one
    std::unordered_set<std::uint64_t> root_locators_;
    std::vector<Node*> path_;
    std::unordered_set<const Node*> visited_;
    std::unordered_map<Name, Ident> used_;
    std::unordered_map<Name, std::vector<Ident>> wanted_;
};

}  // namespace

void hoist(Tree& tree) {
    Hoister(tree).run();
}

}  // namespace pmx::hoisted
