#include "resolve/overrides.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "base/fs.hpp"
#include "resolve/hooks.hpp"

namespace pmx {
namespace {

bool is_selectable_name(std::string_view name) {
    if (name.empty() || name.front() == '.' || name.front() == '_') return false;
    if (name.front() != '@') return is_url_safe(name);
    std::size_t slash = name.find('/');
    return slash != name.npos && slash > 1 && slash + 1 < name.size() && is_url_safe(name.substr(1, slash - 1)) && is_url_safe(name.substr(slash + 1));
}

bool split_selector(std::string_view text, std::string& name, std::optional<std::string>& range) {
    std::size_t at = text.find('@', 1);
    if (text.empty()) return false;
    name = text.substr(0, at);
    if (at != text.npos) range = text.substr(at + 1);
    return is_selectable_name(name);
}

// Where a parent ends: a '>' that stands right behind a name or a version ("bar@1>foo"), not one that begins a range.
std::size_t parent_end(std::string_view text) {
    for (std::size_t i = 1; i < text.size(); ++i)
        if (text[i] == '>' && text[i - 1] != ' ' && text[i - 1] != '|' && text[i - 1] != '@') return i;
    return text.npos;
}

Failure wrong_selector(const std::string& selector) {
    return fail(Code::CONFIG, fmt::format("the selector \"{}\" cannot be understood", selector), "overrides",
                "write name, name@range, parent>name or parent@range>name@range");
}

Failure wrong_convergence(const std::string& selector, const std::string& value) {
    return fail(Code::CONFIG, fmt::format("\"{}\" converges on one version, and \"{}\" is none", selector, value), "overrides",
                "write an exact version, or leave the '@' away");
}

bool is_range_of_peers(std::string_view value) {
    return value.find("workspace:") != value.npos || value.find("catalog:") != value.npos || Range::parse(value).has_value();
}

void set(TextMap& map, std::string_view name, std::string value) {
    for (auto& [key, old] : map)
        if (key == name) return void(old = std::move(value));
    map.emplace_back(name, std::move(value));
}

// The asked range shares a version with the override's.
bool meets(const Override& rule, std::string_view specifier) {
    if (!rule.selector.range || rule.selector.range->empty() || *rule.selector.range == specifier) return true;
    if (!rule.range) return false;
    auto asked = Range::parse(specifier);
    return asked && asked->intersects(*rule.range);
}

bool converges(const Override& rule, std::string_view specifier) {
    auto asked = Range::parse(specifier);
    return asked && asked->satisfied_by(*rule.version);
}

// What a place gets: paths are the root's, and start at the place where it has a directory.
std::string value_for(const Override& rule, std::string_view dir) {
    if (rule.protocol.empty()) return rule.value;
    if (!rule.is_relative || dir.empty()) return rule.protocol + rule.path;
    return rule.protocol + relative_path(std::string(dir), rule.path);
}

}  // namespace

std::optional<OverrideSelector> parse_override_selector(std::string_view text) {
    OverrideSelector selector;
    std::size_t end = parent_end(text);
    if (end != text.npos) {
        selector.has_parent = true;
        if (!split_selector(text.substr(0, end), selector.parent, selector.parent_range)) return std::nullopt;
        text.remove_prefix(end + 1);
    }
    if (!split_selector(text, selector.name, selector.range)) return std::nullopt;
    return selector;
}

Result<Overrides> Overrides::make(const Policy& policy, const std::string& root) {
    Overrides overrides;
    for (const auto& [text, value] : policy.overrides) {
        auto selector = parse_override_selector(text);
        if (!selector) return wrong_selector(text);
        Override rule;
        rule.selector = std::move(*selector);
        rule.text = text;
        rule.value = value;
        auto from = resolve_catalog(policy, rule.selector.name, value);
        if (!from) return tl::make_unexpected(std::move(from).error().during("overrides: " + text));
        if (*from) rule.value = (*from)->specifier;
        if (rule.selector.range && rule.selector.range->empty()) {
            if (rule.selector.has_parent)
                return fail(Code::CONFIG, fmt::format("\"{}\" cannot both stand under a parent and converge", text), "overrides",
                            "name a range behind the last '@', or leave the '@' away");
            rule.version = Version::parse(rule.value);
            if (!rule.version) return wrong_convergence(text, rule.value);
            rule.converge = true;
        } else if (rule.selector.range) {
            rule.range = Range::parse(*rule.selector.range);
        }
        if (rule.selector.parent_range) rule.parent_range = Range::parse(*rule.selector.parent_range);
        for (std::string_view protocol : {"link:", "file:"}) {
            if (!rule.value.starts_with(protocol)) continue;
            std::string path = rule.value.substr(protocol.size());
            rule.protocol = protocol;
            rule.is_relative = !path.starts_with('/');
            rule.path = join_path(root, path);
        }
        overrides.list_.push_back(std::move(rule));
    }
    for (std::size_t i = 0; i < overrides.list_.size(); ++i) overrides.by_name_[overrides.list_[i].selector.name].push_back(i);
    for (auto& [name, indexes] : overrides.by_name_)
        std::stable_sort(indexes.begin(), indexes.end(), [&](std::size_t a, std::size_t b) {
            auto rank = [&](std::size_t i) {
                const Override& rule = overrides.list_[i];
                return std::tuple(rule.converge, !rule.selector.has_parent, !rule.selector.range.has_value());
            };
            return rank(a) < rank(b);
        });
    return overrides;
}

struct Overrides::Parent {
    std::string_view name;
    std::optional<Version> version;
};

const Override* Overrides::choose(const Parent& parent, std::string_view name, std::string_view specifier) const {
    auto found = by_name_.find(std::string(name));
    if (found == by_name_.end()) return nullptr;
    for (std::size_t index : found->second) {
        const Override& rule = list_[index];
        if (rule.selector.has_parent) {
            if (rule.selector.parent != parent.name) continue;
            if (rule.selector.parent_range && !(rule.parent_range && parent.version && rule.parent_range->satisfied_by(*parent.version))) continue;
        }
        if (rule.converge ? converges(rule, specifier) : meets(rule, specifier)) return &rule;
    }
    return nullptr;
}

void Overrides::apply_to(TextMap& dependencies, const Parent& parent, std::string_view dir) const {
    bool removed = false;
    for (auto& [name, specifier] : dependencies)
        if (const Override* rule = choose(parent, name, specifier)) {
            if (rule->value == "-") {
                name.clear();
                removed = true;
            } else {
                specifier = value_for(*rule, dir);
            }
        }
    if (removed) std::erase_if(dependencies, [](const auto& entry) { return entry.first.empty(); });
}

// What is no range of versions cannot be a peer's: the package then brings it as a dependency of its own.
void Overrides::apply_to_peers(Manifest& manifest, const Parent& parent, std::string_view dir) const {
    bool removed = false;
    for (auto& [name, specifier] : manifest.peer_dependencies)
        if (const Override* rule = choose(parent, name, specifier)) {
            if (rule->value == "-") {
                std::erase(manifest.optional_peers, name);
                name.clear();
                removed = true;
            } else if (is_range_of_peers(rule->value)) {
                specifier = rule->value;
            } else {
                set(manifest.dependencies, name, value_for(*rule, dir));
            }
        }
    if (removed) std::erase_if(manifest.peer_dependencies, [](const auto& entry) { return entry.first.empty(); });
}

void Overrides::apply(Manifest& manifest, std::string_view dir) const {
    Parent parent{manifest.name, Version::parse(manifest.version)};
    apply_to(manifest.dependencies, parent, dir);
    apply_to(manifest.optional_dependencies, parent, dir);
    apply_to(manifest.dev_dependencies, parent, dir);
    apply_to_peers(manifest, parent, dir);
}

std::optional<std::string> Overrides::value_of(std::string_view name, std::string_view specifier, std::string_view dir) const {
    const Override* rule = choose({"", std::nullopt}, name, specifier);
    return rule ? std::optional(value_for(*rule, dir)) : std::nullopt;
}

}  // namespace pmx
