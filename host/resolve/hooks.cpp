#include "resolve/hooks.hpp"

#include <algorithm>

#include "model/pattern.hpp"
#include "resolve/extensions.hpp"
#include "resolve/overrides.hpp"

namespace pmx {

struct Hooks::Rules {
    Extensions extensions;
    Overrides overrides;
    PatternList ignored_optional;

    void apply(Manifest& manifest, std::string_view dir) const {
        extensions.apply(manifest);
        if (!overrides.empty()) overrides.apply(manifest, dir);
        if (ignored_optional.empty() || manifest.optional_dependencies.empty()) return;
        // An optional dependency may be repeated among the others.
        std::erase_if(manifest.dependencies, [&](const auto& entry) {
            return find(manifest.optional_dependencies, entry.first) != nullptr && ignored_optional.matches(entry.first);
        });
        std::erase_if(manifest.optional_dependencies, [&](const auto& entry) { return ignored_optional.matches(entry.first); });
    }
};

Hooks::Hooks() = default;
Hooks::~Hooks() = default;
Hooks::Hooks(Hooks&&) noexcept = default;
Hooks& Hooks::operator=(Hooks&&) noexcept = default;

Result<Hooks> Hooks::make(const Policy& policy, const std::string& root) {
    auto rules = std::make_unique<Rules>();
    PMX_TRY(rules->extensions, Extensions::make(policy.package_extensions_json, policy.ignore_compatibility_db));
    PMX_TRY(rules->overrides, Overrides::make(policy, root));
    rules->ignored_optional = PatternList(policy.ignored_optional);
    Hooks hooks;
    hooks.rules_ = std::move(rules);
    return hooks;
}

void Hooks::apply(Manifest& manifest) const { rules_->apply(manifest, {}); }
void Hooks::apply_to_project(Manifest& manifest, const std::string& dir) const { rules_->apply(manifest, dir); }

std::optional<std::string> Hooks::override_of(std::string_view name, std::string_view specifier, std::string_view dir) const {
    return rules_->overrides.empty() ? std::nullopt : rules_->overrides.value_of(name, specifier, dir);
}

bool Hooks::is_empty() const { return rules_->extensions.empty() && rules_->overrides.empty() && rules_->ignored_optional.empty(); }

std::vector<std::pair<std::string, std::string>> Hooks::recorded_overrides() const {
    std::vector<std::pair<std::string, std::string>> recorded;
    for (const Override& rule : rules_->overrides.list()) recorded.emplace_back(rule.text, rule.value);
    return recorded;
}

std::string Hooks::extensions_checksum() const { return rules_->extensions.checksum(); }

}  // namespace pmx
