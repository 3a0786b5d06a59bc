// Metrics of one run: monotonic counters, high-water marks and stage clocks, all lock-free, read at the end by the
// printer, by `--timing` and by tests. A Metrics belongs to a Run; system-call counters are per process because the
// kernel's are. [any thread]
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace pmx {

// System calls by kind, counted where they are made (base/fs.cpp and the host's own call sites).
#define PMX_SYSCALLS(X) \
    X(open) X(close) X(read) X(write) X(stat) X(mkdir) X(link) X(symlink) X(rename) X(unlink) X(readdir) X(ioctl) X(other)
enum class Sys : unsigned {
#define PMX_X(name) name,
    PMX_SYSCALLS(PMX_X)
#undef PMX_X
        count_
};
std::string_view sys_name(Sys kind);

struct SysCounters {
    std::atomic<std::uint64_t> n[static_cast<unsigned>(Sys::count_)]{};
};
// The process's counters: incremented by every call in base/fs.cpp; plugins report theirs through pmx.counters.
SysCounters& sys_counters();
inline void count(Sys kind, std::uint64_t by = 1) {
    sys_counters().n[static_cast<unsigned>(kind)].fetch_add(by, std::memory_order_relaxed);
}

// The stages of an install, in order; also file names in host/install/, trace spans and progress words.
#define PMX_STAGES(X) X(read) X(resolve) X(plan) X(fetch) X(verify) X(unpack) X(check) X(link) X(bins) X(build) X(commit)
enum class Stage : unsigned {
#define PMX_X(name) name,
    PMX_STAGES(PMX_X)
#undef PMX_X
        count_
};
std::string_view stage_name(Stage stage);

// A value and the highest it has been.
class Gauge {
  public:
    void enter(std::int64_t by = 1) {
        std::int64_t now = now_.fetch_add(by, std::memory_order_relaxed) + by;
        std::int64_t high = high_.load(std::memory_order_relaxed);
        while (now > high && !high_.compare_exchange_weak(high, now, std::memory_order_relaxed)) {
        }
    }
    void leave(std::int64_t by = 1) { now_.fetch_sub(by, std::memory_order_relaxed); }
    std::int64_t now() const { return now_.load(std::memory_order_relaxed); }
    std::int64_t high_water() const { return high_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::int64_t> now_{0}, high_{0};
};

using Clock = std::chrono::steady_clock;
inline std::int64_t ns_since(Clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
}

struct StageMetrics {
    std::atomic<std::int64_t> first_ns{INT64_MAX}, last_ns{0};  // since Metrics::start; wall = last - first
    std::atomic<std::int64_t> sum_ns{0}, max_ns{0};             // of single tasks
    std::atomic<std::int64_t> wait_ns{0};                       // time tasks sat in the stage's queue
    std::atomic<std::uint64_t> tasks{0};
    Gauge running;                                              // tasks at once: the high-water mark tests assert on
    Gauge queued;
};

// One span of a trace: which package was in which stage, when, on which worker.
struct Span {
    Stage stage;
    std::uint32_t worker;
    std::int64_t start_ns, end_ns;
    std::string subject;
};

class Metrics {
  public:
    Clock::time_point start = Clock::now();
    StageMetrics stages[static_cast<unsigned>(Stage::count_)];
    StageMetrics& at(Stage stage) { return stages[static_cast<unsigned>(stage)]; }

    std::atomic<std::uint64_t> warm{0}, cold{0};          // packages found in the store / fetched
    std::atomic<std::uint64_t> kept{0}, linked{0};        // places left as they were / made
    std::atomic<std::uint64_t> files_linked{0}, files_copied{0}, files_reflinked{0}, files_unpacked{0}, files_checked{0};
    std::atomic<std::uint64_t> dirs_made{0}, symlinks_made{0}, bins_made{0}, removed{0};
    std::atomic<std::uint64_t> bytes_fetched{0}, bytes_unpacked{0};
    std::atomic<std::uint64_t> requests{0}, retries{0}, repaired{0}, skipped{0}, archives_streamed{0};
    Gauge bodies;                                          // downloaded archives in memory, in bytes

    bool trace = false;                                    // spans are kept only when asked for
    void add_span(Span span);
    std::vector<Span> take_spans();

  private:
    std::mutex mutex_;
    std::vector<Span> spans_;
};

// Times one task of a stage: [construction, destruction).
class StageTimer {
  public:
    StageTimer(Metrics& metrics, Stage stage, std::string_view subject = {}, std::uint32_t worker = 0);
    ~StageTimer();
    StageTimer(const StageTimer&) = delete;

  private:
    Metrics& metrics_;
    Stage stage_;
    std::uint32_t worker_;
    std::int64_t start_ns_;
    std::string_view subject_;
};

}  // namespace pmx
