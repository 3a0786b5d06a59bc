#include <fmt/format.h>

#include "base/text.hpp"
#include "resolve/hooks.hpp"

namespace pmx {

std::optional<std::string_view> catalog_of(std::string_view specifier) {
    if (!specifier.starts_with("catalog:")) return std::nullopt;
    std::string_view name = trim(specifier.substr(8));
    return name.empty() ? "default" : name;
}

Result<std::optional<FromCatalog>> resolve_catalog(const Policy& policy, std::string_view alias, std::string_view specifier) {
    auto name = catalog_of(specifier);
    if (!name) return std::optional<FromCatalog>();
    const std::string subject = fmt::format("{}@{}", alias, specifier);
    auto catalog = policy.catalogs.find(std::string(*name));
    if (catalog == policy.catalogs.end() || !catalog->second.contains(std::string(alias))) {
        std::vector<std::string_view> names;
        if (catalog == policy.catalogs.end()) {
            for (const auto& [other, entries] : policy.catalogs) names.push_back(other);
            std::string near = nearest(*name, names);
            if (!near.empty()) near = fmt::format(" (did you mean catalog:{}?)", near);
            return fail(Code::CATALOG, fmt::format("there is no catalog \"{}\" that could hold {}", *name, alias), subject,
                        fmt::format("write {}: into the catalog \"{}\" of pnpm-workspace.yaml{}", alias, *name, near));
        }
        for (const auto& [other, entry] : catalog->second) names.push_back(other);
        std::string near = nearest(alias, names);
        if (!near.empty()) near = fmt::format(" (it has {})", near);
        return fail(Code::CATALOG, fmt::format("the catalog \"{}\" has no entry for {}", *name, alias), subject,
                    fmt::format("write {}: into the catalog \"{}\" of pnpm-workspace.yaml{}", alias, *name, near));
    }
    const std::string& value = catalog->second.find(std::string(alias))->second;
    auto refuse = [&](std::string what) {
        return fail(Code::CATALOG, std::move(what), fmt::format("{}: {} in the catalog \"{}\"", alias, value, *name),
                    "write a version, a range or an npm: alias there");
    };
    if (catalog_of(value)) return refuse("an entry of a catalog refers to a catalog");
    for (std::string_view protocol : {"workspace:", "link:", "file:"})
        if (value.starts_with(protocol)) return refuse(fmt::format("an entry of a catalog cannot be {}", protocol));
    return std::optional<FromCatalog>(FromCatalog{std::string(*name), value});
}

}  // namespace pmx
