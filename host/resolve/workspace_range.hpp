// Which project of a workspace "workspace:^1.0.0" means, by version. Pure. [any thread]
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace pmx {

// Index of the highest version that fits `range` (what follows "workspace:", without a name). "*", "^", "~" and nothing
// mean every version, prereleases too; a range admits them as it does elsewhere. Texts that are no versions fit only those.
std::optional<std::size_t> resolve_workspace_range(std::string_view range, std::span<const std::string_view> versions);

}  // namespace pmx
