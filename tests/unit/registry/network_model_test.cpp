// The schedule of the modelled network, computed with a clock of the test's own.
#include "registry/network_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace pmx::registry {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

const Moment opened = Moment{} + std::chrono::hours(1);

double ms_since(Moment start, Moment moment) { return duration<double, std::milli>(moment - start).count(); }

NetworkOptions line(double latency_ms, double mbps, double total = 0) {
    NetworkOptions options;
    options.latency_ms = latency_ms;
    options.bandwidth_mbps = mbps;
    options.total_mbps = total;
    return options;
}

// When the last byte of an answer with `bytes` is there.
Moment send(NetworkModel& model, std::size_t bytes) {
    Moment due{};
    while (bytes > 0) {
        const auto piece = model.next(bytes);
        EXPECT_GT(piece.size, 0U);
        EXPECT_LE(piece.size, bytes);
        EXPECT_GE(piece.due, due);
        due = piece.due;
        bytes -= piece.size;
    }
    return due;
}

TEST(NetworkModel, WithoutLimitsEverythingIsDueAtOnce) {
    NetworkModel model(line(0, 0), opened);
    EXPECT_FALSE(model.is_paced());
    EXPECT_EQ(model.begin_answer(opened + milliseconds(3)), opened + milliseconds(3));
    EXPECT_EQ(model.next(10'000'000).size, 10'000'000U);
}

TEST(NetworkModel, ARequestCostsARoundTripAndANewConnectionOneMore) {
    NetworkModel model(line(50, 0), opened);
    EXPECT_DOUBLE_EQ(ms_since(opened, model.begin_answer(opened + milliseconds(1))), 100);
    EXPECT_DOUBLE_EQ(ms_since(opened, model.begin_answer(opened + milliseconds(200))), 250);
    NetworkModel early(line(50, 0), opened);  // opened long before it was needed
    EXPECT_DOUBLE_EQ(ms_since(opened, early.begin_answer(opened + milliseconds(70))), 120);
    auto secure = line(50, 0);
    secure.connect_round_trips = 2;
    EXPECT_DOUBLE_EQ(ms_since(opened, NetworkModel(secure, opened).begin_answer(opened)), 150);
}

TEST(NetworkModel, WithoutLatencyOnlyTheRateCounts) {
    NetworkModel model(line(0, 80), opened);  // 10 bytes a microsecond
    const auto start = model.begin_answer(opened);
    EXPECT_EQ(start, opened);
    EXPECT_NEAR(ms_since(start, send(model, 1'000'000)), 100, 0.01);
    EXPECT_EQ(model.window(), 0U);
}

TEST(NetworkModel, TheWindowDoublesEachRoundTripUpToWhatTheLineHolds) {
    NetworkModel model(line(50, 200), opened);  // holds 1.25 MB
    const auto start = model.begin_answer(opened);
    std::vector<double> starts;  // of each round trip, and what was sent in it
    std::vector<std::size_t> sent;
    for (std::size_t left = 6'000'000; left > 0;) {
        const auto piece = model.next(left);
        const double at = ms_since(start, piece.start);
        if (starts.empty() || at > starts.back() + 49.9) {
            starts.push_back(at);
            sent.push_back(0);
        }
        sent.back() += piece.size;
        left -= piece.size;
    }
    ASSERT_GE(sent.size(), 10U);
    for (std::size_t i = 0; i < 9; ++i) {
        EXPECT_NEAR(starts[i], 50.0 * static_cast<double>(i), 0.01) << i;
        EXPECT_EQ(sent[i], std::min<std::size_t>(initial_window << i, 1'250'000)) << i;
    }
    EXPECT_EQ(model.window(), 1'250'000U);
}

TEST(NetworkModel, AnAnswerOfOneWindowTakesNoFurtherRoundTrip) {
    NetworkModel small(line(50, 200), opened), large(line(50, 200), opened);
    auto start = small.begin_answer(opened);
    EXPECT_NEAR(ms_since(start, send(small, initial_window)), 14600 * 8 / 200e3, 0.001);
    start = large.begin_answer(opened);
    EXPECT_NEAR(ms_since(start, send(large, initial_window + 1)), 50, 0.01);
}

TEST(NetworkModel, FromFullSpeedOnTheLineIsNeverIdle) {
    NetworkModel model(line(20, 100), opened);  // holds 250,000 bytes
    auto now = model.begin_answer(opened);
    now = send(model, 4'000'000);
    EXPECT_EQ(model.window(), 250'000U);
    const auto start = model.begin_answer(now);
    EXPECT_NEAR(ms_since(start, send(model, 2'500'000)), 200, 0.01);
}

TEST(NetworkModel, AKeptConnectionKeepsItsWindow) {
    NetworkModel model(line(50, 200), opened);
    auto now = model.begin_answer(opened);
    now = send(model, initial_window);
    const auto start = model.begin_answer(now);
    EXPECT_EQ(model.window(), 2 * initial_window);  // grown by what was acknowledged
    EXPECT_LT(ms_since(start, send(model, 2 * initial_window)), 2);
    model.begin_answer(now + milliseconds(500));
    EXPECT_EQ(model.window(), 4 * initial_window);
    model.next(100);
    model.begin_answer(now + milliseconds(900));
    EXPECT_EQ(model.window(), 4 * initial_window + 100);
}

TEST(NetworkModel, PiecesAreSmallEnoughToBeSmoothAndNeverMoreThanSixtyFourKilobytes) {
    for (const double mbps : {0.1, 10.0, 200.0, 10000.0}) {
        NetworkModel model(line(0, mbps), opened);
        model.begin_answer(opened);
        const auto piece = model.next(10'000'000);
        EXPECT_LE(piece.size, 65536U);
        EXPECT_GE(piece.size, segment_bytes);
        EXPECT_LE(static_cast<double>(piece.size) * 8 / (mbps * 1e6), mbps < 1 ? 0.2 : 0.0041) << mbps;
    }
}

TEST(SharedLine, PiecesOfAllConnectionsFollowOneAnother) {
    const auto options = line(0, 0, 80);
    SharedLine shared(options);
    NetworkModel one(options, opened), two(options, opened);
    EXPECT_TRUE(one.is_paced());
    EXPECT_TRUE(shared.is_limited());
    one.begin_answer(opened);
    two.begin_answer(opened);
    Moment last{};
    std::size_t bytes = 0;
    for (int i = 0; i < 10; ++i)
        for (auto* model : {&one, &two}) {
            const auto piece = model->next(1'000'000);
            last = shared.book(piece.start, piece.size);
            model->held_until(last);
            bytes += piece.size;
        }
    EXPECT_NEAR(ms_since(opened, last), static_cast<double>(bytes) * 8 / 80e3, 0.01);
    // A line that was idle starts when the piece comes, not where it left off.
    const auto late = last + milliseconds(100);
    EXPECT_NEAR(ms_since(late, shared.book(late, 1000)), 0.1, 0.001);
}

TEST(SharedLine, ASlowConnectionDoesNotHoldUpTheOthers) {
    const auto options = line(0, 8, 80);  // a byte a microsecond each, ten together
    SharedLine shared(options);
    NetworkModel slow(options, opened);
    slow.begin_answer(opened);
    const auto piece = slow.next(1'000'000);
    // Its own line is the narrow one: the shared line was free long before the piece is due.
    EXPECT_LT(shared.book(piece.start, piece.size), piece.due);
}

}  // namespace
}  // namespace pmx::registry
