// Figures: what a Metrics holds, by name and in one order, for whoever shows it: `--timing`, the Python module. Read it
// when the run has ended. Pure. [any thread]
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/metrics.hpp"

namespace pmx {

struct Figure {
    std::string_view name;  // static storage
    std::uint64_t value;
};
std::vector<Figure> counters(const Metrics& metrics);
// System calls of this process so far, by kind.
std::vector<Figure> system_calls();

// One stage that had something to do. Times in nanoseconds; `first` since Metrics::start.
struct StageFigures {
    Stage stage;
    std::int64_t first, wall, sum, max, wait;
    std::uint64_t tasks;
    std::int64_t running, queued;  // most at once
};
std::vector<StageFigures> stage_figures(const Metrics& metrics);

}  // namespace pmx
