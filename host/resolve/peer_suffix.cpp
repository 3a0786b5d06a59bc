// Dependency paths: "name@version(patch_hash=…)(peer@1.0.0)".
#include <algorithm>
#include <unordered_map>

#include "base/hash.hpp"
#include "resolve/peer_graph.hpp"
#include "resolve/strong_components.hpp"

namespace pmx {
namespace {

constexpr std::size_t kShortHash = 32;  // hexadecimal digits

std::string own_id(const TreePackage& p) {
    std::string id(p.record.key);
    if (!p.patch_hash.empty()) id.append("(patch_hash=").append(p.patch_hash).append(")");
    return id;
}

}  // namespace

std::string peer_suffix(std::vector<std::string_view> segments, std::size_t max) {
    if (segments.empty()) return {};
    std::sort(segments.begin(), segments.end());
    segments.erase(std::unique(segments.begin(), segments.end()), segments.end());
    std::string body;
    for (std::string_view segment : segments) {
        if (!body.empty()) body += ")(";
        body += segment;
    }
    if (body.size() > max) body = sha256_hex(body).substr(0, kShortHash);
    return "(" + body + ")";
}

std::string link_peer_version(std::string_view dir) {
    dir.remove_prefix(std::min(dir.find_first_not_of('.'), dir.size()));
    std::string out;
    for (char c : dir) {
        bool reserved = static_cast<unsigned char>(c) < 0x20 ||
                        std::string_view("\"*+/:<>?\\|").find(c) != std::string_view::npos;
        if (!reserved)
            out += c;
        else if (!out.empty() && !out.ends_with('+'))
            out += '+';
    }
    if (out.ends_with('+')) out.pop_back();
    return out;
}

namespace {

// By name of a peer: whether packages of that name are, by way of other names, their own peers.
std::vector<bool> names_in_circles(const DependencyTree& tree, const PeerContexts& contexts) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
    for (const PeerNode& node : contexts.nodes) {
        if (!node.is_used) continue;
        std::string_view name = tree.packages[node.package].record.name;
        auto at = std::lower_bound(contexts.names.begin(), contexts.names.end(), name);
        if (at == contexts.names.end() || *at != name) continue;
        for (const FoundPeer& peer : contexts.found_of(node))
            edges.emplace_back(static_cast<std::uint32_t>(at - contexts.names.begin()), peer.name);
    }
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    std::vector<std::uint32_t> offsets(contexts.names.size() + 1), targets;
    for (const auto& [from, to] : edges) {
        ++offsets[from + 1];
        targets.push_back(to);
    }
    for (std::size_t i = 1; i < offsets.size(); ++i) offsets[i] += offsets[i - 1];
    StrongComponents circles = strong_components(offsets, targets);
    std::vector<bool> out(contexts.names.size());
    for (std::uint32_t i = 0; i < out.size(); ++i) out[i] = circles.members_of(circles.of[i]).size() > 1;
    for (const auto& [from, to] : edges)
        if (from == to) out[from] = true;
    return out;
}

class Ids {
  public:
    Ids(const DependencyTree& tree, PeerContexts& contexts, const Policy& policy)
        : tree_(tree), contexts_(contexts), policy_(policy), by_name_(names_in_circles(tree, contexts)) {
        for (std::string_view dir : contexts.links) links_.push_back(link_peer_version(dir));
        StrongComponents circles = components();
        in_circle_.resize(contexts_.nodes.size());
        for (std::uint32_t i = 0; i < in_circle_.size(); ++i)
            in_circle_[i] = circles.members_of(circles.of[i]).size() > 1;
    }

    std::vector<std::string> make() {
        find_classes();
        // Each round adds names to paths or is the last; there are no more than there are names.
        while (tell_apart()) {
        }
        render();
        return std::move(ids_);
    }

  private:
    // Of nodes, by the peers that they have found.
    StrongComponents components() const {
        std::vector<std::uint32_t> offsets{0}, targets;
        for (const PeerNode& node : contexts_.nodes) {
            for (const FoundPeer& peer : contexts_.found_of(node))
                if (peer.place.is_node()) targets.push_back(peer.place.index());
            offsets.push_back(static_cast<std::uint32_t>(targets.size()));
        }
        return strong_components(offsets, targets);
    }

    void render() {
        StrongComponents circles = components();
        ids_.assign(contexts_.nodes.size(), {});
        std::vector<std::string> built;
        std::vector<std::string_view> segments;
        for (std::uint32_t at : circles.members) {
            const PeerNode& node = contexts_.nodes[at];
            segments.clear();
            built.clear();
            built.reserve(node.found_count);
            for (const FoundPeer& peer : contexts_.found_of(node)) {
                if (peer.place.is_link()) {
                    built.push_back(std::string(contexts_.names[peer.name]) + "@" +
                                    links_[peer.place.index()]);
                    segments.push_back(built.back());
                    continue;
                }
                std::uint32_t to = peer.place.index();
                bool plain = is_plain(at, peer) || circles.of[to] == circles.of[at];
                segments.push_back(plain ? tree_.packages[contexts_.nodes[to].package].record.key
                                         : std::string_view(ids_[to]));
            }
            ids_[at] =
                own_id(tree_.packages[node.package]) + peer_suffix(segments, policy_.peers_suffix_max_length);
        }
    }

    // Stands in the path of `at` without its own peers.
    bool is_plain(std::uint32_t at, const FoundPeer& peer) const {
        std::uint32_t to = peer.place.index();
        return to == at || by_name_[peer.name] || in_circle_[to] || policy_.dedupe_peers;
    }

    // Nodes of one class are of one package and have found the same, class by class.
    void find_classes() {
        class_.resize(contexts_.nodes.size());
        for (std::uint32_t i = 0; i < class_.size(); ++i) class_[i] = contexts_.nodes[i].package;
        std::size_t count = 0;
        std::vector<std::uint32_t> next(class_.size());
        std::u32string key;
        for (;;) {
            std::unordered_map<std::u32string, std::uint32_t, WordsHash> known;
            known.reserve(std::max(count, tree_.packages.size()));
            for (std::uint32_t i = 0; i < class_.size(); ++i) {
                key.assign(1, class_[i]);
                for (const FoundPeer& peer : contexts_.found_of(contexts_.nodes[i])) {
                    key.push_back(peer.name);
                    key.push_back(class_of(peer.place));
                }
                next[i] = known.try_emplace(key, static_cast<std::uint32_t>(known.size())).first->second;
            }
            class_.swap(next);
            if (known.size() == count) return;
            count = known.size();
        }
    }
    std::uint32_t class_of(PeerPlace place) const {
        return place.is_node() ? class_[place.index()] : place.strong().code();
    }

    // By package: names that do not mean the same to all of its nodes.
    std::vector<std::vector<std::uint32_t>> find_distinctive() const {
        struct Seen {
            std::uint32_t name, meaning, times;
        };
        std::vector<std::vector<std::uint32_t>> nodes_of(tree_.packages.size()), out(tree_.packages.size());
        for (std::uint32_t i = 0; i < contexts_.nodes.size(); ++i)
            if (contexts_.nodes[i].is_used) nodes_of[contexts_.nodes[i].package].push_back(i);
        std::vector<Seen> seen(contexts_.names.size(), Seen{UINT32_MAX, 0, 0});
        for (std::uint32_t package = 0; package < nodes_of.size(); ++package) {
            if (nodes_of[package].size() < 2) continue;
            std::vector<std::uint32_t> names;
            auto differs = [&](std::uint32_t name) { return seen[name].times == UINT32_MAX; };
            for (std::uint32_t node : nodes_of[package])
                for (const FoundPeer& peer : contexts_.found_of(contexts_.nodes[node])) {
                    Seen& s = seen[peer.name];
                    if (s.name != package) {
                        s = {package, class_of(peer.place), 1};
                        names.push_back(peer.name);
                    } else if (s.meaning != class_of(peer.place)) {
                        s.times = UINT32_MAX;
                    } else if (!differs(peer.name)) {
                        ++s.times;
                    }
                }
            for (std::uint32_t name : names)
                if (seen[name].times != nodes_of[package].size()) out[package].push_back(name);
            std::sort(out[package].begin(), out[package].end());
        }
        return out;
    }

    // Where the plain name of a peer could mean several variants of it, what they differ in stands in the
    // path as well.
    bool tell_apart() {
        std::vector<std::vector<std::uint32_t>> distinctive = find_distinctive();
        bool changed = false;
        std::vector<FoundPeer> found;
        std::vector<std::vector<FoundPeer>> more(contexts_.nodes.size());
        for (std::uint32_t at = 0; at < contexts_.nodes.size(); ++at) {
            const PeerNode& node = contexts_.nodes[at];
            std::span<const FoundPeer> known = contexts_.found_of(node);
            found.assign(known.begin(), known.end());
            auto is_known = [&](std::uint32_t name) {
                return std::any_of(found.begin(), found.end(),
                                   [&](const FoundPeer& p) { return p.name == name; });
            };
            for (const FoundPeer& peer : known) {
                if (!peer.place.is_node() || peer.place.index() == at || !is_plain(at, peer)) continue;
                const PeerNode& provider = contexts_.nodes[peer.place.index()];
                const std::vector<std::uint32_t>& differ = distinctive[provider.package];
                if (differ.empty()) continue;
                for (const FoundPeer& its : contexts_.found_of(provider))
                    if (std::binary_search(differ.begin(), differ.end(), its.name) &&
                        !is_itself(node, its) && !is_known(its.name))
                        found.push_back(its);
            }
            if (found.size() == known.size()) continue;
            std::sort(found.begin(), found.end(),
                      [](const FoundPeer& a, const FoundPeer& b) { return a.name < b.name; });
            more[at] = found;
            changed = true;
        }
        for (std::uint32_t at = 0; at < more.size(); ++at) {
            if (more[at].empty()) continue;
            contexts_.nodes[at].first_found = static_cast<std::uint32_t>(contexts_.found.size());
            contexts_.nodes[at].found_count = static_cast<std::uint32_t>(more[at].size());
            contexts_.found.insert(contexts_.found.end(), more[at].begin(), more[at].end());
        }
        return changed;
    }

    bool is_itself(const PeerNode& node, const FoundPeer& peer) const {
        return peer.place.is_node() && contexts_.nodes[peer.place.index()].package == node.package;
    }

    const DependencyTree& tree_;
    PeerContexts& contexts_;
    const Policy& policy_;
    std::vector<bool> by_name_, in_circle_;
    std::vector<std::uint32_t> class_;  // by node
    std::vector<std::string> links_, ids_;
};

}  // namespace

std::vector<std::string> peer_ids(const DependencyTree& tree, PeerContexts& contexts, const Policy& policy) {
    return Ids(tree, contexts, policy).make();
}

}  // namespace pmx
