#include "install/arrival.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pmx {
namespace {

using namespace std::chrono_literals;

Pages piece(std::string_view bytes) {
    Pages pages;
    EXPECT_TRUE(pages.reserve(bytes.size()));
    bytes.copy(pages.data(), bytes.size());
    pages.used = bytes.size();
    return pages;
}

// Arrivals without a network: the test is the fetcher.
class ArrivalTest : public testing::Test {
  protected:
    Metrics metrics;
    CancelFlag cancel;
    std::vector<Validator> validators;
    Package package{};

    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> tries;  // what each try saw, "…" where it was broken off
    std::optional<Result<ObjectView>> outcome;

    // Reads everything and proves it, as the store does.
    Arrivals::Unpack reads() {
        return [this](ArchiveSource& archive) -> Result<ObjectView> {
            std::string all;
            auto read = [&]() -> Result<> {
                for (;;) {
                    PMX_TRY(std::string_view piece, archive.next());
                    if (piece.empty()) return archive.prove();
                    all.append(piece);
                    std::lock_guard lock(mutex);
                    seen += piece.size();
                    changed.notify_all();
                }
            };
            Result<> done = read();
            std::lock_guard lock(mutex);
            tries.push_back(all + (done ? "" : "…"));
            if (!done) return Failure(done.error());
            return ObjectView();
        };
    }
    Arrivals::Done tells() {
        return [this](Result<ObjectView> view) {
            std::lock_guard lock(mutex);
            outcome = std::move(view);
            changed.notify_all();
        };
    }
    void wait_seen(std::size_t bytes) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return seen >= bytes; });
    }
    Result<ObjectView>& wait_done() {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return outcome.has_value(); });
        return *outcome;
    }
    std::size_t seen = 0;
    Arrivals arrivals{metrics, cancel, 2};
};

TEST_F(ArrivalTest, PiecesComeInOrderAndTheEndIsToldOnce) {
    auto arrival = arrivals.begin(validators, package, "u", reads(), tells());
    ASSERT_TRUE(arrival);
    arrival->add(piece("one "));
    wait_seen(4);
    EXPECT_FALSE(outcome) << "the last byte is not there";
    arrival->add(piece("two"));
    arrival->end({});
    EXPECT_TRUE(wait_done());
    EXPECT_THAT(tries, testing::ElementsAre("one two"));
    EXPECT_EQ(metrics.archives_streamed, 1u);
    arrival.reset();
    arrivals.drain();
    EXPECT_EQ(metrics.bodies.now(), 0) << "everything was given back";
}

TEST_F(ArrivalTest, ARetryInTheMiddleBeginsFromNothing) {
    auto arrival = arrivals.begin(validators, package, "u", reads(), tells());
    arrival->add(piece("first half of a body that breaks"));
    wait_seen(32);
    arrival->restart();
    arrival->add(piece("the whole"));
    arrival->end({});
    EXPECT_TRUE(wait_done());
    ASSERT_FALSE(tries.empty());
    EXPECT_EQ(tries.back(), "the whole");
    for (std::size_t i = 0; i + 1 < tries.size(); ++i) EXPECT_THAT(tries[i], testing::EndsWith("…"));
    arrival.reset();
    arrivals.drain();
    EXPECT_EQ(metrics.bodies.now(), 0);
}

TEST_F(ArrivalTest, ManyRetriesAtAnyMoment) {
    for (int round = 0; round < 200; ++round) {
        tries.clear();
        outcome.reset();
        auto arrival = arrivals.begin(validators, package, "u", reads(), tells());
        ASSERT_TRUE(arrival);
        for (int retry = 0; retry < round % 5; ++retry) {
            for (int i = 0; i < retry * 3; ++i) arrival->add(piece("old"));
            if (round % 3 == 0) std::this_thread::yield();
            arrival->restart();
        }
        arrival->add(piece("new"));
        arrival->end({});
        ASSERT_TRUE(wait_done());
        EXPECT_EQ(tries.back(), "new");
        arrival.reset();
        arrivals.drain();
        ASSERT_EQ(metrics.bodies.now(), 0);
    }
}

TEST_F(ArrivalTest, WhatEndsTheFetchIsTheError) {
    auto arrival = arrivals.begin(validators, package, "u", reads(), tells());
    arrival->add(piece("half"));
    wait_seen(4);
    arrival->end(fail(Code::FETCH, "the body ended too early"));
    auto& done = wait_done();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::FETCH);
}

TEST_F(ArrivalTest, ACancelledRunProvesNothing) {
    auto arrival = arrivals.begin(validators, package, "u", reads(), tells());
    arrival->add(piece("half"));
    wait_seen(4);
    cancel.set();
    arrival->add(piece("the other half"));
    arrival->end({});
    auto& done = wait_done();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::CANCELLED);
}

// Who unpacks may be through with it long before it has come: what still comes is no longer anybody's.
TEST_F(ArrivalTest, AnErrorWaitsForTheEndOfTheFetch) {
    auto gives_up = [](ArchiveSource&) -> Result<ObjectView> { return fail(Code::DISK_FULL, "full"); };
    auto arrival = arrivals.begin(validators, package, "u", gives_up, tells());
    for (int i = 0; i < 100; ++i) arrival->add(piece(std::string(1000, 'x')));
    {
        std::lock_guard lock(mutex);
        EXPECT_FALSE(outcome);
    }
    arrival->end({});
    EXPECT_EQ(wait_done().error().code, Code::DISK_FULL);
    arrival.reset();
    arrivals.drain();
    EXPECT_EQ(metrics.bodies.now(), 0);
}

TEST_F(ArrivalTest, NoMoreAtOnceThanThereAreThreads) {
    auto one = arrivals.begin(validators, package, "1", reads(), [](auto) {}), two = arrivals.begin(validators, package, "2", reads(), [](auto) {});
    ASSERT_TRUE(one && two);
    EXPECT_FALSE(arrivals.begin(validators, package, "3", reads(), tells())) << "it is taken whole";
    one->end({});
    two->end({});
    arrivals.drain();
    auto three = arrivals.begin(validators, package, "3", reads(), tells());
    ASSERT_TRUE(three);
    three->end({});
    EXPECT_TRUE(wait_done());
    EXPECT_EQ(metrics.archives_streamed, 3u);
}

}  // namespace
}  // namespace pmx
