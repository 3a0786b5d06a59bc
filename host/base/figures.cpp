#include "base/figures.hpp"

namespace pmx {

std::vector<Figure> counters(const Metrics& m) {
    return {{"warm", m.warm}, {"cold", m.cold}, {"kept", m.kept}, {"linked", m.linked}, {"removed", m.removed}, {"skipped", m.skipped},
            {"repaired", m.repaired}, {"files_linked", m.files_linked}, {"files_copied", m.files_copied},
            {"files_reflinked", m.files_reflinked}, {"files_unpacked", m.files_unpacked}, {"files_checked", m.files_checked},
            {"dirs_made", m.dirs_made}, {"symlinks_made", m.symlinks_made}, {"bins_made", m.bins_made},
            {"bytes_fetched", m.bytes_fetched}, {"bytes_unpacked", m.bytes_unpacked}, {"requests", m.requests}, {"retries", m.retries}, {"archives_streamed", m.archives_streamed},
            {"bodies_high_water_bytes", static_cast<std::uint64_t>(m.bodies.high_water())}};
}

std::vector<Figure> system_calls() {
    std::vector<Figure> out;
    for (unsigned i = 0; i < static_cast<unsigned>(Sys::count_); ++i)
        out.push_back({sys_name(static_cast<Sys>(i)), sys_counters().n[i].load(std::memory_order_relaxed)});
    return out;
}

std::vector<StageFigures> stage_figures(const Metrics& metrics) {
    std::vector<StageFigures> out;
    for (unsigned i = 0; i < static_cast<unsigned>(Stage::count_); ++i) {
        const StageMetrics& m = metrics.stages[i];
        if (m.tasks == 0) continue;
        out.push_back({static_cast<Stage>(i), m.first_ns, m.last_ns - m.first_ns, m.sum_ns, m.max_ns, m.wait_ns, m.tasks,
                       m.running.high_water(), m.queued.high_water()});
    }
    return out;
}

}  // namespace pmx
