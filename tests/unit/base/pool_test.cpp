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

}  // namespace
}  // namespace pmx
