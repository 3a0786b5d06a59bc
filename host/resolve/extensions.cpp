#include "resolve/extensions.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/hash.hpp"
#include "base/text.hpp"

namespace pmx {
namespace {

namespace dom = simdjson::dom;

enum class Fix : std::uint8_t { dependency, peer, optional_peer };
struct KnownMistake {
    std::string_view name, range;
    Fix kind;
    std::string_view key, value;
};
// By name, and within a name in the order in which they apply.
constexpr KnownMistake known_mistakes[] = {
#include "resolve/compatibility_db.inc"
};

Failure wrong(std::string what) {
    return fail(Code::CONFIG, std::move(what), "packageExtensions", "write \"name@range\": {dependencies: {…}, peerDependencies: {…}, peerDependenciesMeta: {…}}");
}

// What the manifest says itself stays.
void add(TextMap& map, std::string_view name, std::string_view value) {
    if (find(map, name) == nullptr) map.emplace_back(name, value);
}
void add(std::vector<std::string>& names, std::string_view name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
}

// "string:<length>:<text>", the length in UTF-16 units as JavaScript counts.
std::string hashed_text(std::string_view utf8) {
    std::size_t units = 0;
    for (unsigned char c : utf8) units += (c & 0xC0) != 0x80 ? (c >= 0xF0 ? 2 : 1) : 0;
    return fmt::format("string:{}:{}", units, utf8);
}
std::string hashed_object(std::vector<std::pair<std::string, std::string>> fields) {
    std::sort(fields.begin(), fields.end());
    std::string out = fmt::format("object:{}:", fields.size());
    for (const auto& [key, value] : fields) out += hashed_text(key) + ":" + value + ",";
    return out;
}
std::string hashed_map(const TextMap& map) {
    std::vector<std::pair<std::string, std::string>> fields;
    for (const auto& [key, value] : map) fields.emplace_back(key, hashed_text(value));
    return hashed_object(std::move(fields));
}

Result<TextMap> text_map(dom::element value, std::string_view field) {
    dom::object members;
    if (value.get(members) != simdjson::SUCCESS) return wrong(fmt::format("{} is no map", field));
    TextMap map;
    for (auto [key, member] : members) {
        std::string_view text;
        if (member.get(text) != simdjson::SUCCESS) return wrong(fmt::format("{} has a value that is no text: {}", field, key));
        map.emplace_back(key, text);
    }
    return map;
}

}  // namespace

Result<Extensions> Extensions::make(std::string_view json, bool ignore_compatibility_db) {
    Extensions extensions;
    extensions.compatibility_ = !ignore_compatibility_db;
    if (json.empty()) return extensions;
    dom::parser parser;
    dom::object all;
    if (parser.parse(simdjson::padded_string(json)).get(all) != simdjson::SUCCESS) return wrong("the value is no map");
    std::vector<std::pair<std::string, std::string>> hashed;
    for (auto [selector, value] : all) {
        dom::object members;
        if (value.get(members) != simdjson::SUCCESS) return wrong(fmt::format("{} has no map of fields", selector));
        Extension extension;
        std::vector<std::pair<std::string, std::string>> fields;
        for (auto [field, content] : members) {
            if (content.is_null()) continue;
            TextMap* map = field == "dependencies"           ? &extension.dependencies
                           : field == "optionalDependencies" ? &extension.optional_dependencies
                           : field == "peerDependencies"     ? &extension.peer_dependencies
                                                             : nullptr;
            if (map != nullptr) {
                PMX_TRY(*map, text_map(content, field));
                fields.emplace_back(field, hashed_map(*map));
            } else if (field == "peerDependenciesMeta") {
                dom::object metas;
                if (content.get(metas) != simdjson::SUCCESS) return wrong("peerDependenciesMeta is no map");
                std::vector<std::pair<std::string, std::string>> hashed_metas;
                for (auto [peer, meta] : metas) {
                    bool optional = false;
                    bool said = meta["optional"].get(optional) == simdjson::SUCCESS;
                    if (optional) extension.optional_peers.emplace_back(peer);
                    hashed_metas.emplace_back(peer, said ? hashed_object({{"optional", optional ? "bool:true" : "bool:false"}}) : hashed_object({}));
                }
                fields.emplace_back(field, hashed_object(std::move(hashed_metas)));
            }
        }
        hashed.emplace_back(selector, hashed_object(std::move(fields)));
        std::size_t at = selector.find('@', 1);
        if (at != selector.npos) {
            extension.range = Range::parse(selector.substr(at + 1));
            if (!extension.range) return wrong(fmt::format("\"{}\" is no range of versions", selector.substr(at + 1)));
        }
        extensions.own_[std::string(selector.substr(0, at))].push_back(std::move(extension));
    }
    if (!hashed.empty()) extensions.checksum_ = "sha256-" + to_base64(hash(HashAlgorithm::sha256, hashed_object(std::move(hashed))).span());
    return extensions;
}

void Extensions::extend(Manifest& manifest, const Extension& extension) {
    for (const auto& [name, value] : extension.dependencies) add(manifest.dependencies, name, value);
    for (const auto& [name, value] : extension.optional_dependencies) add(manifest.optional_dependencies, name, value);
    for (const auto& [name, value] : extension.peer_dependencies) add(manifest.peer_dependencies, name, value);
    for (const std::string& peer : extension.optional_peers) add(manifest.optional_peers, peer);
}

void Extensions::apply_compatibility(Manifest& manifest) const {
    auto less = [](const KnownMistake& row, std::string_view name) { return row.name < name; };
    const KnownMistake* row = std::lower_bound(std::begin(known_mistakes), std::end(known_mistakes), manifest.name, less);
    auto version = row != std::end(known_mistakes) && row->name == manifest.name ? Version::parse(manifest.version) : std::nullopt;
    if (!version) return;
    std::string_view range;
    bool fits = false;
    for (; row != std::end(known_mistakes) && row->name == manifest.name; ++row) {
        if (row->range != range) {
            range = row->range;
            auto parsed = Range::parse(range);
            fits = parsed && parsed->satisfied_by(*version);
        }
        if (!fits) continue;
        if (row->kind == Fix::dependency) add(manifest.dependencies, row->key, row->value);
        else if (row->kind == Fix::peer) add(manifest.peer_dependencies, row->key, row->value);
        else add(manifest.optional_peers, row->key);
    }
}

void Extensions::apply(Manifest& manifest) const {
    if (compatibility_) apply_compatibility(manifest);
    if (own_.empty()) return;
    auto found = own_.find(manifest.name);
    if (found == own_.end()) return;
    auto version = Version::parse(manifest.version);
    for (const Extension& extension : found->second)
        if (!extension.range || (version && extension.range->satisfied_by(*version))) extend(manifest, extension);
}

}  // namespace pmx
