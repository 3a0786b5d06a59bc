// Growing: a dependency more in a lockfile that this resolver made itself. Walking all of it again would find what it holds;
// so the walk of tree.hpp takes that as it stands, follows only what is new, and the peers of what stands are not looked for
// again. It is the same walk: the same order, the same picks. It ends with nothing, and everything is walked, wherever the
// new packages could touch what stands: they have peers or are somebody's, bring or move versions that others chose
// among, or make required what was optional. [one thread]
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "lockfile/lockfile.hpp"
#include "resolve/tree.hpp"

namespace pmx {

struct Growth {
    // To be written. Its texts are also those of TreeInput::wanted, which has to outlive it; new packages stand last.
    Lockfile lockfile;
    std::size_t walked = 0;  // packages whose dependencies were looked at
};

// For an input whose lockfile is_own. nullopt: everything has to be walked.
Result<std::optional<Growth>> grow_lockfile(const TreeInput& input);

}  // namespace pmx
