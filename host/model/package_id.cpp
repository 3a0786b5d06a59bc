#include "model/package_id.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "model/semver.hpp"

namespace pmx {
namespace {

constexpr std::size_t kShortHash = 32;  // hexadecimal digits of the digest in a slot's name

// Where the trailing groups of balanced parentheses start; the whole size when there are none.
std::size_t suffix_start(std::string_view id) {
    if (!id.ends_with(')')) return id.size();
    std::size_t depth = 0;
    for (std::size_t at = id.size(); at-- > 0;) {
        if (id[at] == ')') {
            ++depth;
        } else if (id[at] == '(') {
            if (depth == 0) return id.size();
            --depth;
        } else if (depth == 0) {
            return at + 1;
        }
    }
    return id.size();
}

struct Suffixes {
    std::string_view patch, peers;
};
Suffixes suffixes(std::string_view id) {
    std::string_view tail = id.substr(suffix_start(id));
    if (!tail.starts_with("(patch_hash=")) return {{}, tail};
    std::size_t peers = tail.find('(', 1);
    return {tail.substr(0, peers), peers == tail.npos ? std::string_view() : tail.substr(peers)};
}

// Words before a ':' that mean a protocol and never a registry.
bool is_protocol(std::string_view word) {
    constexpr std::string_view kProtocols[] = {"file", "link", "workspace", "runtime", "npm",       "jsr",
                                               "git",  "http", "https",     "catalog", "portal",    "patch",
                                               "exec", "ssh",  "github",    "gitlab",  "bitbucket", "gist"};
    return std::find(std::begin(kProtocols), std::end(kProtocols), word) != std::end(kProtocols);
}

bool is_letter(char c) {
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

}  // namespace

std::optional<RegistryVersion> parse_registry_version(std::string_view text) {
    std::size_t colon = text.find(':');
    if (colon == text.npos || colon == 0 || !is_letter(text[0])) return std::nullopt;
    RegistryVersion out{text.substr(0, colon), text.substr(colon + 1)};
    for (char c : out.registry)
        if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.') return std::nullopt;
    if (is_protocol(out.registry) || !Version::parse(out.version)) return std::nullopt;
    return out;
}

std::optional<PackageId> parse_package_id(std::string_view id) {
    std::size_t at = id.find('@', 1);
    if (at == id.npos) return std::nullopt;
    PackageId out;
    out.name = id.substr(0, at);
    auto [patch, peers] = suffixes(id);
    out.patch = patch;
    out.peers = peers;
    std::size_t end = suffix_start(id);
    if (end <= at) return std::nullopt;
    out.version = id.substr(at + 1, end - at - 1);
    if (auto qualified = parse_registry_version(out.version)) {
        out.registry = qualified->registry;
        out.version = qualified->version;
        out.is_semver = true;
    } else {
        out.is_semver = Version::parse(out.version).has_value();
    }
    return out;
}

std::string_view without_suffix(std::string_view id) {
    return id.substr(0, suffix_start(id));
}

std::string without_peers(std::string_view id) {
    std::string out(without_suffix(id));
    out += suffixes(id).patch;
    return out;
}

std::optional<std::string> id_of_reference(std::string_view reference, std::string_view alias) {
    if (reference.starts_with("link:")) return std::nullopt;
    if (reference.starts_with('@')) return std::string(reference);
    std::size_t at = reference.find('@'), colon = reference.find(':'), bracket = reference.find('(');
    // An '@' before any protocol or peer belongs to a name: the reference is a whole id already.
    if (at != reference.npos && at < std::min(colon, bracket)) return std::string(reference);
    std::string out(alias);
    out.append("@").append(reference);
    return out;
}

bool is_runtime_id(std::string_view id) {
    std::size_t at = id.find('@', 1);
    return at != id.npos && id.substr(at + 1).starts_with("runtime:");
}

std::string dep_path_to_file_name(std::string_view id, std::size_t max_length) {
    if (id.starts_with('/')) id.remove_prefix(1);
    std::string name;
    name.reserve(id.size());
    if (id.ends_with(')')) id.remove_suffix(1);
    for (std::size_t at = 0; at < id.size(); ++at) {
        char c = id[at];
        if (c == '(' || c == ')') {
            if (c == ')' && at + 1 < id.size() && id[at + 1] == '(') ++at;
            name += '_';
        } else {
            name += std::string_view("\\/:*?\"<>|#").find(c) == std::string_view::npos ? c : '+';
        }
    }
    bool upper = std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (name.size() <= max_length && (!upper || name.starts_with("file+"))) return name;
    std::size_t keep = std::min(name.size(), max_length > kShortHash ? max_length - kShortHash - 1 : 0);
    while (keep > 0 && keep < name.size() && (static_cast<unsigned char>(name[keep]) & 0xc0) == 0x80) --keep;
    return name.substr(0, keep) + "_" + sha256_hex(name).substr(0, kShortHash);
}

}  // namespace pmx
