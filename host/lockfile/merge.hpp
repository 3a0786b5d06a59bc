// The parts of merge_conflicts(): the sides of a text with conflict markers, and the merge of two lockfiles of one
// format. Called by merge.cpp only. Pure. [any thread]
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pmx {

struct ConflictSides {
    std::string ours, theirs, base;
    bool has_base = false;  // diff3 style: what both sides began from is in the text too
};
// nullopt where there are no markers. PMX_E_LOCKFILE_CONFLICT for markers that do not match.
Result<std::optional<ConflictSides>> split_conflicts(std::string_view text);

// Texts with LF line ends and valid UTF-8. The result is a lockfile's text, not necessarily in its package manager's form.
Result<std::string> merge_pnpm_lockfiles(const ConflictSides& sides);
Result<std::string> merge_npm_lockfiles(const ConflictSides& sides);

}  // namespace pmx
