#include "resolve/peer_issues.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "model/pattern.hpp"
#include "model/range.hpp"

namespace pmx {
namespace {

bool fits_any(std::string_view text, const std::vector<std::string>& patterns) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& p) { return matches_pattern(p, text); });
}

struct Named {
    std::string_view name, range;  // the range is "" where there is none
};
Named split_selector(std::string_view selector) {
    std::size_t at = selector.find('@', 1);
    return at == selector.npos ? Named{selector, {}} : Named{selector.substr(0, at), selector.substr(at + 1)};
}

class Issues {
  public:
    Issues(const DependencyTree& tree, const PeerContexts& contexts, const Policy& policy)
        : tree_(tree), contexts_(contexts), policy_(policy) {}

    std::vector<PeerIssue> all() {
        find_wrong();
        if (wrong_.empty()) return {};
        for (std::size_t project = 0; project < tree_.projects.size(); ++project) in_project(project);
        return std::move(issues_);
    }

  private:
    struct Wrong {
        const PeerDependency* peer;
        std::string found;
    };

    void find_wrong() {
        for (std::uint32_t at = 0; at < contexts_.nodes.size(); ++at) {
            const PeerNode& node = contexts_.nodes[at];
            if (!node.is_used) continue;
            const PackageRecord& record = tree_.packages[node.package].record;
            for (const PeerDependency& peer : record.peers) {
                if (has_itself(tree_, tree_.packages[node.package], peer.name)) continue;
                if (auto found = fault(node, record, peer)) wrong_[at].push_back({&peer, *found});
            }
        }
    }

    // nullopt: nothing is wrong; "" = it is missing; else what was found.
    std::optional<std::string> fault(const PeerNode& node, const PackageRecord& record,
                                     const PeerDependency& peer) const {
        auto name = std::lower_bound(contexts_.names.begin(), contexts_.names.end(), peer.name) -
                    contexts_.names.begin();
        PeerPlace place = contexts_.bound_of(node, static_cast<std::uint32_t>(name));
        if (place.is_nothing()) {
            if (peer.optional || fits_any(peer.name, policy_.peers_ignore_missing)) return std::nullopt;
            return "";
        }
        // A project's version is not known here; a package that is no registry's may have none.
        if (place.is_link()) return std::nullopt;
        std::string_view version = tree_.packages[contexts_.nodes[place.index()].package].record.version;
        if (version.empty() || fits_any(peer.name, policy_.peers_allow_any)) return std::nullopt;
        std::string_view range = peer.range;
        if (range.starts_with("workspace:")) range.remove_prefix(10);
        if (range == "*" || range == "^" || range == "~" ||
            satisfies(version, range, {.loose = true, .include_prerelease = true}))
            return std::nullopt;
        for (const auto& [selector, allowed] : policy_.peers_allowed_versions)
            if (is_allowed(selector, allowed, record, peer.name, version)) return std::nullopt;
        return std::string(version);
    }

    // "react" or "parent>react" or "parent@^1>react".
    static bool is_allowed(std::string_view selector, std::string_view allowed, const PackageRecord& record,
                           std::string_view peer, std::string_view version) {
        if (std::size_t arrow = selector.find('>'); arrow != selector.npos) {
            Named parent = split_selector(selector.substr(0, arrow));
            if (parent.name != record.name) return false;
            if (!parent.range.empty() &&
                !satisfies(record.version, parent.range, {.include_prerelease = true}))
                return false;
            selector = selector.substr(arrow + 1);
        }
        return split_selector(selector).name == peer &&
               (allowed == "*" || satisfies(version, allowed, {.include_prerelease = true}));
    }

    // Breadth first: the shortest way is the one to tell.
    void in_project(std::size_t project) {
        came_from_.assign(contexts_.nodes.size(), kUnreached);
        std::vector<std::uint32_t> queue;
        auto reach = [&](PeerPlace place, std::uint32_t from) {
            if (!place.is_node() || came_from_[place.index()] != kUnreached) return;
            came_from_[place.index()] = from;
            queue.push_back(place.index());
        };
        for (PeerPlace place : contexts_.direct[project]) reach(place, kProject);
        for (std::size_t at = 0; at < queue.size(); ++at) {
            std::uint32_t node = queue[at];
            if (auto wrong = wrong_.find(node); wrong != wrong_.end())
                for (const Wrong& w : wrong->second) add(project, node, w);
            const PeerNode& n = contexts_.nodes[node];
            for (std::uint32_t i = 0; i < tree_.packages[n.package].edge_count; ++i)
                reach(contexts_.places[n.first_child + i], node);
        }
    }

    void add(std::size_t project, std::uint32_t node, const Wrong& wrong) {
        PeerIssue issue;
        issue.project = tree_.projects[project].dir;
        for (std::uint32_t at = node; at != kProject; at = came_from_[at]) {
            const PackageRecord& record = tree_.packages[contexts_.nodes[at].package].record;
            issue.parents.push_back(record.version.empty()
                                        ? std::string(record.key)
                                        : std::string(record.name) + "@" + std::string(record.version));
        }
        std::reverse(issue.parents.begin(), issue.parents.end());
        issue.peer = wrong.peer->name;
        issue.wanted = wrong.peer->range;
        issue.found = wrong.found;
        issue.optional = wrong.peer->optional;
        issues_.push_back(std::move(issue));
    }

    static constexpr std::uint32_t kUnreached = UINT32_MAX, kProject = UINT32_MAX - 1;
    const DependencyTree& tree_;
    const PeerContexts& contexts_;
    const Policy& policy_;
    std::map<std::uint32_t, std::vector<Wrong>> wrong_;  // by node
    std::vector<std::uint32_t> came_from_;
    std::vector<PeerIssue> issues_;
};

// The issues of a project as a tree of the packages on the way.
struct Branch {
    std::vector<std::pair<std::string, Branch>> below;
    std::vector<std::string> faults;

    Branch& child(const std::string& name) {
        for (auto& [known, branch] : below)
            if (known == name) return branch;
        return below.emplace_back(name, Branch{}).second;
    }
};

constexpr std::size_t kShownWay =
    30;  // packages on the way to who wants the peer; the middle of a longer one is left out

void print(const Branch& branch, const std::string& margin, std::string& out) {
    std::size_t left = branch.faults.size() + branch.below.size();
    for (const std::string& fault : branch.faults) out += margin + (--left ? "├── " : "└── ") + fault + "\n";
    for (const auto& [name, below] : branch.below) {
        bool is_last = --left == 0;
        out += margin + (is_last ? "└─┬ " : "├─┬ ") + name + "\n";
        print(below, margin + (is_last ? "  " : "│ "), out);
    }
}

std::string spaced(const std::string& package) {
    std::size_t at = package.find('@', 1);
    return at == package.npos ? package : package.substr(0, at) + " " + package.substr(at + 1);
}

}  // namespace

std::vector<PeerIssue> peer_issues(const DependencyTree& tree, const PeerContexts& contexts,
                                   const Policy& policy) {
    return Issues(tree, contexts, policy).all();
}

std::string describe_peer_issues(const std::vector<PeerIssue>& issues) {
    std::vector<std::pair<std::string, Branch>> projects;
    for (const PeerIssue& issue : issues) {
        if (projects.empty() || projects.back().first != issue.project)
            projects.emplace_back(issue.project, Branch{});
        Branch* at = &projects.back().second;
        for (std::size_t i = 0; i < issue.parents.size(); ++i) {
            if (issue.parents.size() > kShownWay && i == kShownWay / 2) {
                at = &at->child("…");
                i = issue.parents.size() - kShownWay / 2;
            }
            at = &at->child(spaced(issue.parents[i]));
        }
        std::string wanted =
            issue.wanted.find(' ') == std::string::npos ? issue.wanted : "\"" + issue.wanted + "\"";
        at->faults.push_back(issue.found.empty()
                                 ? "✕ missing peer " + issue.peer + "@" + wanted
                                 : "✕ unmet peer " + issue.peer + "@" + wanted + ": found " + issue.found);
    }
    std::string out;
    for (const auto& [project, branch] : projects) {
        if (!out.empty()) out += "\n";
        out += project + "\n";
        print(branch, "", out);
    }
    return out;
}

}  // namespace pmx
