#include "base/pool.hpp"

#include <gtest/gtest.h>

namespace pmx {
namespace {

TEST(Pool, BlockedProducersAllGetThrough) {
    for (std::size_t capacity : {1u, 2u, 3u, 16u}) {
        StageMetrics gauges;
        std::atomic<std::size_t> ran{0};
        {
            Pool pool(2, capacity, &gauges);
            std::vector<std::thread> producers;
            for (int p = 0; p < 3; ++p)
                producers.emplace_back([&] {
                    for (int i = 0; i < 300; ++i) pool.submit([&](std::uint32_t) { ++ran; });
                });
            for (std::thread& producer : producers) producer.join();
            pool.drain();
            EXPECT_EQ(ran, 900u);
        }
        EXPECT_LE(gauges.queued.high_water(), static_cast<std::int64_t>(capacity));
        EXPECT_EQ(gauges.queued.now(), 0);
    }
}

TEST(Pool, AWorkerThatSubmitsToAFullQueueRunsTheTaskItself) {
    std::atomic<int> ran{0};
    Pool pool(1, 1);
    pool.submit([&](std::uint32_t) {
        for (int i = 0; i < 10; ++i) pool.submit([&](std::uint32_t) { ++ran; });
    });
    pool.drain();
    EXPECT_EQ(ran, 10);
}

TEST(Pool, WhereAPlaceIsFreeTheCallerDoesTheTask) {
    Pool pool(2, 4);
    const std::thread::id here = std::this_thread::get_id();
    std::thread::id where;
    pool.submit_or_run([&](std::uint32_t) { where = std::this_thread::get_id(); });
    EXPECT_EQ(where, here);

    // Both places are taken: it waits for one, and the caller does not.
    std::mutex gate;
    gate.lock();
    std::atomic<int> begun{0};
    for (int i = 0; i < 2; ++i)
        pool.submit([&](std::uint32_t) {
            ++begun;
            std::lock_guard wait(gate);
        });
    while (begun < 2) std::this_thread::yield();
    std::atomic<bool> late{false};
    pool.submit_or_run([&](std::uint32_t) { late = true; });
    EXPECT_FALSE(late);
    gate.unlock();
    pool.drain();
    EXPECT_TRUE(late);
}

TEST(Pool, HelpersAndWorkersTogetherStayBelowTheWidth) {
    for (std::size_t width : {1u, 2u, 3u}) {
        std::atomic<int> now{0}, most{0}, ran{0};
        Pool pool(width, 8);
        auto task = [&](std::uint32_t) {
            int at_once = ++now, before = most;
            while (before < at_once && !most.compare_exchange_weak(before, at_once)) {
            }
            for (int i = 0; i < 3; ++i) std::this_thread::yield();
            --now;
            ++ran;
        };
        std::vector<std::thread> producers;
        for (int p = 0; p < 4; ++p)
            producers.emplace_back([&, p] {
                for (int i = 0; i < 2000; ++i) (i + p) % 3 ? pool.submit_or_run(task) : pool.submit(task);
            });
        for (std::thread& producer : producers) producer.join();
        pool.drain();
        EXPECT_EQ(ran, 8000);
        EXPECT_LE(most, static_cast<int>(width));
    }
}

}  // namespace
}  // namespace pmx
