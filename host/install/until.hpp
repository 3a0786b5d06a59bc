// Until: how far a run goes. A phase is the same run that ends earlier, never another way of doing the work: what it made
// stays, and since only `commit` writes the lockfile and the records, the next run goes on from there. Plain values.
#pragma once

#include <cstdint>

namespace pmx {

enum class Until : std::uint8_t {
    resolve,  // the graph is known
    plan,     // so are the steps; nothing has been touched
    fetch,    // every package of the plan is in the store
    check,    // and is what it was when it was unpacked; damaged ones have been fetched again
    link,     // and in its places; executables, scripts and records are missing
    commit,   // everything
};

}  // namespace pmx
