#include "base/pool.hpp"

#include <algorithm>

namespace pmx {
namespace {
thread_local const Pool* this_pool = nullptr;
thread_local std::uint32_t this_worker = 0;
}  // namespace

Pool::Pool(std::size_t threads, std::size_t capacity, StageMetrics* gauges)
    : threads_(std::max<std::size_t>(threads, 1)), capacity_(std::max<std::size_t>(capacity, 1)), gauges_(gauges) {}

Pool::~Pool() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    not_empty_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

void Pool::start_one_locked() {
    auto number = static_cast<std::uint32_t>(workers_.size());
    workers_.emplace_back([this, number] { work(number); });
}

void Pool::submit(Task task) {
    std::unique_lock lock(mutex_);
    if (queue_.size() >= capacity_ && this_pool == this) {
        lock.unlock();
        task(this_worker);
        return;
    }
    not_full_.wait(lock, [&] { return queue_.size() < capacity_; });
    enqueue_locked(std::move(task));
}

void Pool::enqueue_locked(Task task) {
    queue_.push_back({std::move(task), ns_since(epoch_)});
    if (gauges_) gauges_->queued.enter();
    if (waiting_ < queue_.size() && workers_.size() < threads_) start_one_locked();
    // While locked: once it is not, a worker may do the task and let somebody destroy this pool.
    not_empty_.notify_one();
}

void Pool::submit_or_run(Task task) {
    std::unique_lock lock(mutex_);
    if (running_ >= threads_ || !queue_.empty()) {
        lock.unlock();
        return submit(std::move(task));
    }
    ++running_;
    lock.unlock();
    task(0);
    task = nullptr;
    lock.lock();
    ended_locked();
    // A worker that found no place free goes on.
    if (!queue_.empty()) not_empty_.notify_one();
}

void Pool::ended_locked() {
    --running_;
    if (queue_.empty() && running_ == 0) idle_.notify_all();
}

void Pool::drain() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return queue_.empty() && running_ == 0; });
}

void Pool::work(std::uint32_t worker) {
    this_pool = this;
    this_worker = worker;
    std::unique_lock lock(mutex_);
    for (;;) {
        ++waiting_;
        not_empty_.wait(lock, [&] { return queue_.empty() ? stopping_ : running_ < threads_; });
        --waiting_;
        if (queue_.empty()) return;
        Item item = std::move(queue_.front());
        queue_.pop_front();
        ++running_;
        if (gauges_) {
            gauges_->queued.leave();
            gauges_->wait_ns.fetch_add(ns_since(epoch_) - item.queued_at_ns, std::memory_order_relaxed);
        }
        // A producer that waits is woken once half of the queue is gone: one that were woken for each free slot would
        // push its worker off the processor every time.
        bool room = queue_.size() == capacity_ / 2;
        lock.unlock();
        if (room) not_full_.notify_all();
        item.task(worker);
        item.task = nullptr;
        lock.lock();
        ended_locked();
    }
}

}  // namespace pmx
