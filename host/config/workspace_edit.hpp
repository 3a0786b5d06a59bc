// WorkspaceEdit: catalog entries of pnpm-workspace.yaml as text, so that an update of one touches its line and nothing
// else: comments, quotes and order of the rest stay. Pure; the caller writes the text. [one thread]
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pmx {

// `text` with `specifier` as what `catalog` ("default" for `catalog:`) holds for `name`: the old value replaced, or an entry
// put in by its name; a catalog that is not there yet comes last in the file. `path` names the file in errors
// (PMX_E_CONFIG).
Result<std::string> with_catalog_entry(std::string_view text, std::string_view catalog, std::string_view name, std::string_view specifier,
                                       const std::string& path);

}  // namespace pmx
