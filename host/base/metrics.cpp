#include "base/metrics.hpp"

namespace pmx {

std::string_view sys_name(Sys kind) {
    static constexpr std::string_view names[] = {
#define PMX_X(name) #name,
        PMX_SYSCALLS(PMX_X)
#undef PMX_X
    };
    return names[static_cast<unsigned>(kind)];
}

std::string_view stage_name(Stage stage) {
    static constexpr std::string_view names[] = {
#define PMX_X(name) #name,
        PMX_STAGES(PMX_X)
#undef PMX_X
    };
    return names[static_cast<unsigned>(stage)];
}

SysCounters& sys_counters() {
    static SysCounters counters;
    return counters;
}

void Metrics::add_span(Span span) {
    std::lock_guard lock(mutex_);
    spans_.push_back(std::move(span));
}

std::vector<Span> Metrics::take_spans() {
    std::lock_guard lock(mutex_);
    return std::move(spans_);
}

namespace {
void raise_to(std::atomic<std::int64_t>& target, std::int64_t value) {
    std::int64_t seen = target.load(std::memory_order_relaxed);
    while (value > seen && !target.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
}
void lower_to(std::atomic<std::int64_t>& target, std::int64_t value) {
    std::int64_t seen = target.load(std::memory_order_relaxed);
    while (value < seen && !target.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
}
}  // namespace

StageTimer::StageTimer(Metrics& metrics, Stage stage, std::string_view subject, std::uint32_t worker)
    : metrics_(metrics), stage_(stage), worker_(worker), start_ns_(ns_since(metrics.start)), subject_(subject) {
    StageMetrics& m = metrics_.at(stage_);
    m.running.enter();
    lower_to(m.first_ns, start_ns_);
}

StageTimer::~StageTimer() {
    std::int64_t end_ns = ns_since(metrics_.start);
    StageMetrics& m = metrics_.at(stage_);
    m.running.leave();
    m.tasks.fetch_add(1, std::memory_order_relaxed);
    m.sum_ns.fetch_add(end_ns - start_ns_, std::memory_order_relaxed);
    raise_to(m.max_ns, end_ns - start_ns_);
    raise_to(m.last_ns, end_ns);
    if (metrics_.trace) metrics_.add_span({stage_, worker_, start_ns_, end_ns, std::string(subject_)});
}

}  // namespace pmx
