#include "lockfile/npm_legacy.hpp"

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "lockfile/npm_overrides.hpp"

namespace pmx {
namespace {

constexpr std::string_view kModules = "node_modules/";
constexpr unsigned kMaxDepth = 200;

class LegacyTree {
  public:
    LegacyTree(const Lockfile& lockfile, const NpmOverride* overrides) : lockfile_(lockfile), overrides_(overrides) {
        for (const NpmEntry& entry : lockfile.entries) {
            by_path_[entry.path] = &entry;
            std::size_t modules = entry.path.rfind(kModules);
            if (modules == std::string_view::npos || (modules != 0 && entry.path[modules - 1] != '/')) continue;
            children_[modules == 0 ? std::string_view() : entry.path.substr(0, modules - 1)].push_back(&entry);
        }
    }

    NpmValue dependencies(std::string_view owner, unsigned depth) const {
        NpmValue out = NpmValue::object();
        auto kids = children_.find(owner);
        if (kids == children_.end() || depth > kMaxDepth) return out;
        for (const NpmEntry* kid : kids->second) out.add(npm_place_name(kid->path), entry(*kid, depth));
        return out;
    }

  private:
    static std::string quoted(std::string_view text) {
        std::string out;
        append_json_string(out, text);
        return out;
    }
    static bool is_not_of_a_registry(std::string_view resolved) { return resolved.starts_with("git") || resolved.starts_with("file:"); }

    NpmValue entry(const NpmEntry& place, unsigned depth) const {
        NpmValue out = NpmValue::object();
        const NpmEntry* target = &place;
        if (place.link)
            if (auto found = by_path_.find(place.resolved); found != by_path_.end()) target = found->second;
        bool foreign = is_not_of_a_registry(place.resolved);
        if (place.link) {
            out.add("version", NpmValue::json(quoted("file:" + std::string(place.resolved)), parser_));
        } else if (foreign) {
            out.add("version", NpmValue::text(place.resolved));
        } else if (!place.name.empty() && place.name != npm_place_name(place.path)) {
            out.add("version", NpmValue::json(quoted("npm:" + std::string(place.name) + "@" + std::string(place.version)), parser_));
        } else if (!place.version.empty()) {
            out.add("version", NpmValue::text(place.version));
        }
        if (!place.resolved.empty() && !place.link && !foreign) out.add("resolved", NpmValue::text(place.resolved));
        if (!place.integrity.empty()) out.add("integrity", NpmValue::text(place.integrity));
        if (place.in_bundle) out.add("bundled", NpmValue::literal("true"));
        for (auto [key, set] : {std::pair("extraneous", target->extraneous), std::pair("peer", target->peer && !target->extraneous),
                                std::pair("devOptional", target->dev_optional), std::pair("dev", target->dev), std::pair("optional", target->optional)})
            if (set) out.add(key, NpmValue::literal("true"));
        NpmValue requires_ = NpmValue::object();
        const NpmOverride* rule = overrides_ ? overrides_->of_edge(npm_place_name(place.path), target->version) : nullptr;
        auto add = [&](std::string_view name, std::string_view specifier) {
            std::string_view value = rule ? rule->of_edge(name, specifier)->value(name, lockfile_.entries.front()) : std::string_view();
            requires_.add(name, NpmValue::json(quoted(value.empty() ? specifier : value), parser_));
        };
        auto is_optional = [&](std::string_view name) {
            return std::any_of(target->optional_dependencies.begin(), target->optional_dependencies.end(), [&](const auto& d) { return d.first == name; });
        };
        for (const auto& [name, specifier] : target->dependencies)
            if (!is_optional(name)) add(name, specifier);
        for (const auto& [name, specifier] : target->optional_dependencies) add(name, specifier);
        if (place.link)
            for (const auto& [name, specifier] : target->dev_dependencies) add(name, specifier);
        if (!requires_.is_empty() || !target->peer_dependencies.empty()) out.add("requires", std::move(requires_));
        if (NpmValue kids = dependencies(target->path, depth + 1); !kids.is_empty()) out.add("dependencies", std::move(kids));
        return out;
    }

    const Lockfile& lockfile_;
    const NpmOverride* overrides_;
    std::map<std::string_view, const NpmEntry*> by_path_;
    std::map<std::string_view, std::vector<const NpmEntry*>> children_;
    mutable simdjson::dom::parser parser_;
};

}  // namespace

NpmValue npm_legacy_dependencies(const Lockfile& lockfile, std::string_view overrides) {
    auto parsed = NpmOverride::parse(overrides, lockfile.file_name);
    return LegacyTree(lockfile, parsed ? parsed->get() : nullptr).dependencies({}, 0);
}

}  // namespace pmx
