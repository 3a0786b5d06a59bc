#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "model/range.hpp"
#include "resolve/hooks.hpp"

namespace pmx {

Result<Patches> Patches::make(const Policy& policy) {
    Patches patches;
    for (const auto& [key, hash] : policy.patched) {
        Rule rule{key, hash, key, "", std::nullopt, false, false};
        if (std::size_t at = key.find('@', 1); !key.empty() && at != key.npos) {
            rule.name = key.substr(0, at);
            rule.range = trim(std::string_view(key).substr(at + 1));
        }
        rule.exact = !rule.range.empty() && Version::parse(rule.range).has_value();
        rule.all = rule.range.empty() || rule.range == "*";
        if (!rule.exact && !rule.all) {
            rule.parsed = Range::parse(rule.range);
            if (!rule.parsed)
                return fail(Code::CONFIG, fmt::format("\"{}\" is no range of versions", rule.range), "patchedDependencies: " + key,
                            "write name, name@1.0.0 or name@^1.0.0");
        }
        patches.rules_.push_back(std::move(rule));
    }
    return patches;
}

Result<std::optional<PatchRule>> Patches::find(std::string_view name, std::string_view version) const {
    const Rule *exact = nullptr, *ranged = nullptr, *all = nullptr;
    std::vector<std::string> fitting;
    auto parsed = Version::parse(version);
    for (const Rule& rule : rules_) {
        if (rule.name != name) continue;
        if (rule.exact) {
            if (rule.range == version) exact = &rule;
        } else if (rule.all) {
            all = &rule;
        } else if (parsed && rule.parsed->satisfied_by(*parsed)) {
            ranged = &rule;
            fitting.push_back(rule.key);
        }
    }
    const Rule* chosen = exact ? exact : ranged ? ranged : all;
    if (!exact && fitting.size() > 1) {
        std::string keys;
        for (const std::string& key : fitting) keys += (keys.empty() ? "" : ", ") + key;
        return fail(Code::PATCH, fmt::format("{} patches fit, and only one can be applied: {}", fitting.size(), keys),
                    fmt::format("{}@{}", name, version), fmt::format("add {}@{} to patchedDependencies, or make the ranges exclude each other", name, version));
    }
    if (chosen == nullptr) return std::optional<PatchRule>();
    return std::optional<PatchRule>(PatchRule{chosen->key, chosen->hash});
}

std::vector<std::string> Patches::unused(const std::vector<std::string>& used) const {
    std::vector<std::string> keys;
    for (const Rule& rule : rules_)
        if (std::find(used.begin(), used.end(), rule.key) == used.end()) keys.push_back(rule.key);
    return keys;
}

}  // namespace pmx
