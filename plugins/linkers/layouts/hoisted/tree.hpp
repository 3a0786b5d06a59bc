// The tree that hoisting works on: one node per directory that will hold a package. Nodes start out shared
// between all parents that need the same package, and a parent gets a copy of its own just before its subtree
// is changed. Names and identities are numbers; nodes live in one arena. Used by hoist() on one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pmx::hoisted {

struct Node;

// name → node, in the order of insertion. A replaced entry keeps its turn, a removed one loses it.
class Children {
  public:
    Node* find(std::uint32_t name) const {
        std::uint32_t at = position(name);
        return at == kNowhere ? nullptr : entries_[at].second;
    }
    void set(std::uint32_t name, Node* node) {
        std::uint32_t at = position(name);
        if (at != kNowhere) {
            entries_[at].second = node;
            return;
        }
        entries_.emplace_back(name, node);
        ++count_;
        if (!index_.empty())
            index_[name] = static_cast<std::uint32_t>(entries_.size() - 1);
        else if (entries_.size() > kLinear)
            reindex();
    }
    void erase(std::uint32_t name) {
        std::uint32_t at = position(name);
        if (at == kNowhere) return;
        entries_[at].second = nullptr;
        if (!index_.empty()) index_.erase(name);
        if (--count_ == 0) {
            entries_.clear();
            index_.clear();
        } else if (entries_.size() > 2 * count_ + kLinear) {
            std::erase_if(entries_, [](const auto& e) { return !e.second; });
            index_.clear();
            if (entries_.size() > kLinear) reindex();
        }
    }
    bool empty() const { return count_ == 0; }
    // Not across set() or erase().
    template <class Visit>
    void each(Visit&& visit) const {
        for (const auto& [name, node] : entries_)
            if (node) visit(name, node);
    }

  private:
    static constexpr std::uint32_t kNowhere = UINT32_MAX;
    static constexpr std::size_t kLinear = 12;
    std::uint32_t position(std::uint32_t name) const {
        if (!index_.empty()) {
            auto found = index_.find(name);
            return found == index_.end() ? kNowhere : found->second;
        }
        for (std::uint32_t i = 0; i < entries_.size(); ++i)
            if (entries_[i].first == name && entries_[i].second) return i;
        return kNowhere;
    }
    void reindex() {
        for (std::uint32_t i = 0; i < entries_.size(); ++i)
            if (entries_[i].second) index_[entries_[i].first] = i;
    }
    std::vector<std::pair<std::uint32_t, Node*>> entries_;
    std::unordered_map<std::uint32_t, std::uint32_t> index_;
    std::size_t count_ = 0;
};

enum class NodeKind : std::uint8_t { package, link, project, placeholder };

struct Node {
    std::uint32_t name;     // under node_modules
    std::uint32_t ident;    // equal for all peer variants of one package
    std::uint32_t subject;  // index of the package, the project, or the edge of a link
    NodeKind kind = NodeKind::package;
    bool own = true;      // reached from one parent only: may be changed in place
    bool border = false;  // nothing below goes above it
    Children children;    // what stands, or is still to find its place, in its node_modules
    std::vector<std::pair<std::uint32_t, std::uint32_t>> hoisted;  // (name, ident) that went up from here
    const std::vector<std::uint32_t>* peers;                       // names that its parents provide, sorted
    std::uint32_t mark = 0;                                        // scratch of a walk
};

struct Tree {
    std::deque<Node> nodes;
    std::deque<std::vector<std::uint32_t>> peer_lists;
    Node* root = nullptr;
    std::uint32_t mark = 0;

    Node* add(std::uint32_t name, std::uint32_t ident, NodeKind kind, std::uint32_t subject,
              const std::vector<std::uint32_t>* peers) {
        nodes.push_back({name, ident, subject, kind, true, false, {}, {}, peers, 0});
        return &nodes.back();
    }
};

// Thrown by hoist() for a graph whose packages shadow each other without end.
struct TooDeep {};

// Moves every node as near to the root as Node's resolution allows, most used first.
void hoist(Tree& tree);

}  // namespace pmx::hoisted
