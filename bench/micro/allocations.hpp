// How often this program asked for memory, and for how much: counters that no machine changes. Of the C++ heap of this
// program only; libraries that are loaded have their own. [any thread]
#pragma once

#include <cstdint>

namespace pmx::micro {

struct Allocations {
    std::uint64_t count = 0, bytes = 0;
};
Allocations allocations();

}  // namespace pmx::micro
