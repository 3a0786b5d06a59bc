// --timing: the metrics of a finished run as a table for people, as JSON for programs, and as Chrome trace events that
// Perfetto opens (one span per package and stage, one track per stage and worker). Called once, at the end. Pure.
#pragma once

#include <string>

#include "base/metrics.hpp"
#include "install/install.hpp"

namespace pmx {

std::string timing_table(const Metrics& metrics, const InstallReport& report);
std::string timing_json(const Metrics& metrics, const InstallReport& report);
std::string timing_trace(Metrics& metrics);  // takes the spans

}  // namespace pmx
