#include "install/saved_specifier.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "model/range.hpp"
#include "model/semver.hpp"
#include "model/specifier.hpp"

namespace pmx {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_wild(std::string_view part) { return part == "x" || part == "X" || part == "*"; }

// "npm:name@" of an alias, "jsr:", "work:name@"; "" where the range stands alone.
std::string protocol_of(const Specifier& specifier, std::string_view text) {
    if (!specifier.is_alias && specifier.registry.empty()) return {};
    std::size_t colon = text.find(':');
    if (colon == text.npos) return {};
    if (std::size_t at = text.find('@', colon + 2); at != text.npos) return std::string(text.substr(0, at + 1));
    bool only_a_name = specifier.kind == SpecifierKind::tag && text.substr(colon + 1) != specifier.value;
    return only_a_name ? std::string(text) + "@" : std::string(text.substr(0, colon + 1));
}

bool is_of_registry(SpecifierKind kind) {
    return kind == SpecifierKind::version || kind == SpecifierKind::range || kind == SpecifierKind::tag;
}

// Of a manifest's own text, which may be an alias.
std::optional<std::string> prefix_of(std::string_view alias, std::string_view text, const SaveRules& rules) {
    if (text.empty()) return std::nullopt;
    auto parsed = parse_specifier(alias, text, rules.registries);
    if (!parsed || !is_of_registry(parsed->kind)) return std::nullopt;
    return range_prefix(parsed->value);
}

// `name`: "other@" where another project stands behind the alias.
std::string workspace_specifier(std::string_view requested, std::string_view name, std::string_view range, const Found& found, const SaveRules& rules) {
    bool asked = requested.starts_with("workspace:");
    std::optional<std::string> prefix = range_prefix(range);
    if (rules.protocol == "rolling") {
        if (range == "*") return "workspace:*";
        std::string rolling = prefix ? *prefix : rules.prefix;
        return "workspace:" + (rolling == "^" || rolling == "~" ? rolling : "*");
    }
    if (found.version.empty()) return std::string(requested);
    std::string plain = (prefix ? *prefix : rules.prefix) + found.version;
    return rules.protocol == "false" && !asked ? plain : "workspace:" + std::string(name) + plain;
}

}  // namespace

SaveRules save_rules(const Settings& settings) {
    SaveRules rules;
    rules.prefix = settings.flag("save-exact") ? "" : std::string(settings.text("save-prefix"));
    rules.protocol = settings.text("save-workspace-protocol");
    for (const auto& [name, url] : settings.named_registries) rules.registries += (rules.registries.empty() ? "" : " ") + name;
    return rules;
}

std::optional<std::string> range_prefix(std::string_view range) {
    range = trim(range);
    if (range == "*") return "^";
    std::string prefix;
    if (range.starts_with('^') || range.starts_with('~') || range.starts_with('=')) {
        prefix = range.front();
        range = trim(range.substr(1));
    }
    if (range.starts_with('v')) range.remove_prefix(1);
    if (range.empty() || !is_digit(range.front()) || range.find_first_of(" \t|<>") != range.npos) return std::nullopt;
    if (prefix == "^" || prefix == "~") return prefix;
    std::string_view core = range.substr(0, range.find_first_of("-+"));
    std::vector<std::string_view> parts = split(core, '.');
    if (parts.size() > 3) return std::nullopt;
    for (std::string_view part : parts)
        if (!is_wild(part) && (part.empty() || !std::all_of(part.begin(), part.end(), is_digit))) return std::nullopt;
    if (prefix == "=") return parts.size() == 3 ? std::optional<std::string>("=") : std::nullopt;
    return parts.size() == 1 ? "^" : parts.size() == 2 ? "~" : "";
}

std::string added_specifier(std::string_view alias, std::string_view requested, std::string_view previous, const Found& found,
                            const SaveRules& rules) {
    auto parsed = parse_specifier(alias, requested, rules.registries);
    if (!parsed) return std::string(requested);
    if (parsed->kind == SpecifierKind::workspace) {
        std::string_view range = parsed->value;
        // A path: nothing that a version could be put into.
        if (range != "*" && range != "^" && range != "~" && !Range::parse(range)) return std::string(requested);
        std::string name = parsed->is_alias ? parsed->name + "@" : "";
        if (parsed->is_alias && rules.protocol == "rolling") return std::string(requested);
        if (rules.protocol == "rolling" && (range == "^" || range == "~")) return std::string(requested);
        if (range == "^" || range == "~") return workspace_specifier(requested, name, std::string(range) + "0.0.0", found, rules);
        return workspace_specifier(requested, name, range, found, rules);
    }
    if (!is_of_registry(parsed->kind)) return std::string(requested);
    if (found.workspace) return parsed->is_alias ? std::string(requested) : workspace_specifier(requested, "", parsed->value, found, rules);
    std::optional<Version> version = Version::parse(found.version);
    if (!version) return std::string(requested);

    std::string protocol = protocol_of(*parsed, requested);
    if (parsed->kind == SpecifierKind::version) {
        bool equals = trim(requested.substr(std::min(protocol.size(), requested.size()))).starts_with('=');
        return protocol + (equals ? "=" : "") + parsed->value;
    }
    std::optional<std::string> before = prefix_of(alias, previous, rules);
    std::optional<std::string> asked = parsed->kind == SpecifierKind::range ? range_prefix(parsed->value) : std::nullopt;
    // What cannot be said better, and stands there already.
    if (parsed->kind == SpecifierKind::range && !asked && trim(requested) == trim(previous)) return std::string(requested);
    // A prerelease is saved as it is, unless the manifest already allowed more.
    std::string prefix = version->is_prerelease() ? before.value_or("") : asked ? *asked : before ? *before : rules.prefix;
    return protocol + prefix + found.version;
}

std::string updated_specifier(std::string_view alias, std::string_view text, const Found& found, bool latest, const SaveRules& rules) {
    std::string same(text);
    auto parsed = parse_specifier(alias, text, rules.registries);
    if (!parsed || found.workspace) return same;
    if (parsed->kind != SpecifierKind::range && parsed->kind != SpecifierKind::version) return same;
    std::optional<Version> version = Version::parse(found.version);
    if (!version) return same;
    std::string protocol = protocol_of(*parsed, text);
    if (parsed->kind == SpecifierKind::version) {
        if (found.version == parsed->value) return same;
        bool equals = trim(text.substr(std::min(protocol.size(), text.size()))).starts_with('=');
        return protocol + (equals ? "=" : "") + found.version;
    }
    if (std::optional<std::string> prefix = range_prefix(parsed->value)) return protocol + *prefix + found.version;
    auto range = Range::parse(parsed->value);
    if (!latest || (range && range->satisfied_by(*version))) return same;
    return protocol + rules.prefix + found.version;
}

}  // namespace pmx
