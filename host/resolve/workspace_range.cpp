#include "resolve/workspace_range.hpp"

#include "base/text.hpp"
#include "model/range.hpp"

namespace pmx {

std::optional<std::size_t> resolve_workspace_range(std::string_view range, std::span<const std::string_view> versions) {
    range = trim(range);
    const bool any = range.empty() || range == "*" || range == "^" || range == "~";
    const auto wanted = any ? std::nullopt : Range::parse(range, {.loose = true});
    if (!any && !wanted) return std::nullopt;
    std::optional<std::size_t> best;
    std::optional<Version> highest;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        auto version = Version::parse(versions[i], true);
        if (wanted && !(version && wanted->satisfied_by(*version))) continue;
        if (best && !(version && (!highest || *highest < *version))) continue;
        best = i;
        highest = std::move(version);
    }
    return best;
}

}  // namespace pmx
