#include "resolve/tree_record.hpp"

#include <algorithm>
#include <unordered_set>

namespace pmx {
namespace {

using Names = std::unordered_set<std::string_view>;

Names names_of(const TextMap& map) {
    Names names;
    names.reserve(map.size());
    for (const auto& [name, value] : map) names.insert(name);
    return names;
}

// "" is what some publish for "any".
bool is_required_peer(const Manifest& manifest, const Names& optional_peers, std::string_view name) {
    return !optional_peers.contains(name) && name != manifest.name;
}

}  // namespace

std::vector<PackageWant> wants_of(const Manifest& manifest, bool auto_install_peers) {
    std::vector<PackageWant> wants;
    if (manifest.bundles_all) return wants;
    wants.reserve(manifest.dependencies.size() + manifest.optional_dependencies.size());
    const Names bundled(manifest.bundled.begin(), manifest.bundled.end());
    const Names optional = names_of(manifest.optional_dependencies);
    Names left_out;
    if (auto_install_peers && !manifest.peer_dependencies.empty()) {
        const Names optional_peers(manifest.optional_peers.begin(), manifest.optional_peers.end());
        for (const auto& [name, range] : manifest.peer_dependencies)
            if (is_required_peer(manifest, optional_peers, name)) left_out.insert(name);
    }
    Names taken;
    for (const auto& [alias, text] : manifest.dependencies) {
        if (bundled.contains(alias)) continue;
        const bool is_optional = optional.contains(alias);
        if (!is_optional && left_out.contains(alias)) continue;
        if (is_optional) taken.insert(alias);
        wants.push_back({alias, text, is_optional});
    }
    for (const auto& [alias, text] : manifest.optional_dependencies)
        if (!bundled.contains(alias) && !taken.contains(alias)) wants.push_back({alias, text, true});
    std::sort(wants.begin(), wants.end(), [](const PackageWant& a, const PackageWant& b) { return a.alias < b.alias; });
    return wants;
}

std::vector<PeerDependency> peers_of(const Manifest& manifest, Arena& arena) {
    std::vector<PeerDependency> peers;
    if (manifest.peer_dependencies.empty() && manifest.optional_peers.empty()) return peers;
    const Names optional = names_of(manifest.optional_dependencies);
    const Names optional_peers(manifest.optional_peers.begin(), manifest.optional_peers.end());
    Names declared;
    for (const auto& [name, range] : manifest.peer_dependencies) {
        declared.insert(name);
        if (name == manifest.name || optional.contains(name)) continue;
        peers.push_back({arena.copy(name), arena.copy(range), optional_peers.contains(name), false});
    }
    for (const std::string& name : manifest.optional_peers) {
        if (name == manifest.name || optional.contains(name) || !declared.insert(name).second) continue;
        peers.push_back({arena.copy(name), "*", true, true});
    }
    std::sort(peers.begin(), peers.end(), [](const PeerDependency& a, const PeerDependency& b) { return a.name < b.name; });
    return peers;
}

PackageRecord record_of(const Manifest& manifest, Arena& arena) {
    PackageRecord record;
    record.name = arena.copy(manifest.name);
    record.version = arena.copy(manifest.version);
    record.peers = peers_of(manifest, arena);
    for (const auto& [name, range] : manifest.engines) record.engines.emplace_back(arena.copy(name), arena.copy(range));
    auto copy_list = [&](const std::vector<std::string>& from, std::vector<std::string_view>& to) {
        to.reserve(from.size());
        for (const std::string& item : from) to.push_back(arena.copy(item));
    };
    copy_list(manifest.os, record.os);
    copy_list(manifest.cpu, record.cpu);
    copy_list(manifest.libc, record.libc);
    copy_list(manifest.bundled, record.bundled);
    record.bundles_all = manifest.bundles_all;
    record.has_bin = manifest.bin_form == BinForm::none ? !manifest.directories_bin.empty()
                                                        : manifest.bin_form != BinForm::text || (!manifest.bin.empty() && !manifest.bin[0].second.empty());
    if (manifest.bin_form == BinForm::object && manifest.bin.empty()) record.has_bin = false;
    return record;
}

void add_packument_facts(PackageRecord& record, const VersionManifest& version, Arena& arena) {
    record.deprecated = arena.copy(version.deprecated);
    record.has_install_script = version.has_install_script;
    record.license = arena.copy(version.license);
    record.funding_json = arena.copy(version.funding_json);
    record.bin_json = arena.copy(version.bin_json);
}

PackageRecord copy_record(const PackageRecord& from, Arena& arena) {
    PackageRecord record = from;
    for (std::string_view* text : {&record.key, &record.name, &record.version, &record.deprecated, &record.license, &record.funding_json,
                                   &record.bin_json, &record.resolution.integrity, &record.resolution.tarball, &record.resolution.directory,
                                   &record.resolution.repo, &record.resolution.commit, &record.resolution.path})
        *text = arena.copy(*text);
    for (PeerDependency& peer : record.peers) {
        peer.name = arena.copy(peer.name);
        peer.range = arena.copy(peer.range);
    }
    for (auto& [name, range] : record.engines) {
        name = arena.copy(name);
        range = arena.copy(range);
    }
    for (auto* list : {&record.os, &record.cpu, &record.libc, &record.bundled})
        for (std::string_view& item : *list) item = arena.copy(item);
    return record;
}

}  // namespace pmx
