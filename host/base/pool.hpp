// Pool: threads with a bounded queue. `submit` blocks the producer when the queue is full (back-pressure) unless it is
// called from one of the pool's own workers, which then runs the task itself. Tasks must not throw. The destructor
// finishes every task. Depth and width are gauges that tests assert on. [any thread]
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/metrics.hpp"

namespace pmx {

class Pool {
  public:
    using Task = std::function<void(std::uint32_t worker)>;
    // `threads` ≥ 1 are started on first use, not before. `capacity` bounds the queue. `gauges` may be null.
    Pool(std::size_t threads, std::size_t capacity, StageMetrics* gauges = nullptr);
    ~Pool();
    Pool(const Pool&) = delete;

    void submit(Task task);
    // As submit, but where a thread is free and nothing waits, the caller does the task in that thread's stead: what it
    // holds is in its core's cache, and nobody has to be woken. No more tasks run at once than there are threads.
    void submit_or_run(Task task);
    // Waits until the queue is empty and no task runs.
    void drain();
    std::size_t width() const { return threads_; }

  private:
    struct Item {
        Task task;
        std::int64_t queued_at_ns;
    };
    void start_one_locked();
    void enqueue_locked(Task task);
    void ended_locked();
    void work(std::uint32_t worker);

    const std::size_t threads_, capacity_;
    StageMetrics* const gauges_;
    const Clock::time_point epoch_ = Clock::now();
    std::mutex mutex_;
    std::condition_variable not_empty_, not_full_, idle_;
    std::deque<Item> queue_;
    std::vector<std::thread> workers_;
    std::size_t running_ = 0, waiting_ = 0;
    bool stopping_ = false;
};

// Cancellation: set once, seen by everybody. Signal-safe to set.
class CancelFlag {
  public:
    void set() { flag_.store(true, std::memory_order_relaxed); }
    bool is_set() const { return flag_.load(std::memory_order_relaxed); }

  private:
    std::atomic<bool> flag_{false};
};

}  // namespace pmx
