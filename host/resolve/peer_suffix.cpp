// Dependency paths: "name@version(patch_hash=…)(peer@1.0.0)".
#include <algorithm>

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
    std::string out;
    for (char c : dir) {
        bool reserved = static_cast<unsigned char>(c) < 0x20 || std::string_view("\"*+/:<>?\\|").find(c) != std::string_view::npos;
        if (!reserved)
            out += c;
        else if (!out.ends_with('+'))
            out += '+';
    }
    out.erase(0, std::min(out.find_first_not_of('.'), out.size()));
    return out;
}

namespace {

// By name of a peer: whether packages of that name are, by way of other names, their own peers.
std::vector<bool> names_in_circles(const DependencyTree& tree, const PeerContexts& contexts) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
    for (const PeerNode& node : contexts.nodes) {
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
    return out;
}

}  // namespace

std::vector<std::string> peer_ids(const DependencyTree& tree, const PeerContexts& contexts, const Policy& policy) {
    std::vector<std::uint32_t> offsets{0}, targets;
    for (const PeerNode& node : contexts.nodes) {
        for (const FoundPeer& peer : contexts.found_of(node))
            if (peer.place.is_node()) targets.push_back(peer.place.index());
        offsets.push_back(static_cast<std::uint32_t>(targets.size()));
    }
    StrongComponents circles = strong_components(offsets, targets);
    std::vector<std::string> ids(contexts.nodes.size()), links;
    for (std::string_view dir : contexts.links) links.push_back(link_peer_version(dir));
    std::vector<bool> by_name = names_in_circles(tree, contexts);
    std::vector<std::string> built;
    std::vector<std::string_view> segments;
    for (std::uint32_t at : circles.members) {
        const PeerNode& node = contexts.nodes[at];
        const TreePackage& package = tree.packages[node.package];
        segments.clear();
        built.clear();
        built.reserve(node.found_count);
        for (const FoundPeer& peer : contexts.found_of(node)) {
            if (peer.place.is_link()) {
                built.push_back(std::string(contexts.names[peer.name]) + "@" + links[peer.place.index()]);
                segments.push_back(built.back());
                continue;
            }
            std::uint32_t to = peer.place.index();
            const TreePackage& provider = tree.packages[contexts.nodes[to].package];
            bool in_circle = to == at || by_name[peer.name] || circles.members_of(circles.of[to]).size() > 1;
            segments.push_back(in_circle || policy.dedupe_peers ? provider.record.key : std::string_view(ids[to]));
        }
        ids[at] = own_id(package) + peer_suffix(segments, policy.peers_suffix_max_length);
    }
    return ids;
}

}  // namespace pmx
