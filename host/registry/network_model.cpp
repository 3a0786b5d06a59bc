#include "registry/network_model.hpp"

#include <algorithm>

namespace pmx::registry {

namespace {

// Finer pieces would be truer and cost a timer each; four milliseconds is less than clients can tell.
constexpr double piece_seconds = 0.004;
constexpr std::size_t largest_piece = 64 * 1024;

std::chrono::steady_clock::duration span(double seconds) {
    return std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
}

double seconds_per_byte(double mbps) { return mbps > 0 ? 8.0 / (mbps * 1e6) : 0; }

}  // namespace

SharedLine::SharedLine(const NetworkOptions& options) : seconds_per_byte_(seconds_per_byte(options.total_mbps)) {}

Moment SharedLine::book(Moment start, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    free_at_ = std::max(free_at_, start) + span(seconds_per_byte_ * static_cast<double>(bytes));
    return free_at_;
}

NetworkModel::NetworkModel(const NetworkOptions& options, Moment accepted)
    : round_trip_(span(options.latency_ms / 1000)), connect_(round_trip_ * options.connect_round_trips),
      seconds_per_byte_(seconds_per_byte(options.bandwidth_mbps)), accepted_(accepted) {
    double slowest = options.bandwidth_mbps;
    if (options.total_mbps > 0 && (slowest <= 0 || options.total_mbps < slowest)) slowest = options.total_mbps;
    if (slowest > 0)
        piece_ = std::clamp(static_cast<std::size_t>(slowest * 1e6 / 8 * piece_seconds), segment_bytes, largest_piece);
    if (seconds_per_byte_ > 0 && options.latency_ms > 0) {
        const double held = options.latency_ms / 1000 / seconds_per_byte_;
        largest_window_ = std::max(initial_window, static_cast<std::size_t>(held));
        window_ = initial_window;
    }
}

Moment NetworkModel::begin_answer(Moment now) {
    clock_ = std::max(clock_, std::max(now, accepted_ + connect_) + round_trip_);
    // What was sent before has been acknowledged by now: the window has grown by it.
    window_ = std::min(window_ + sent_, largest_window_);
    sent_ = 0;
    round_start_ = clock_;
    return clock_;
}

NetworkModel::Piece NetworkModel::next(std::size_t left) {
    std::size_t size = piece_ == 0 ? left : std::min(left, piece_);
    if (window_ != 0) {
        if (sent_ >= window_) {
            clock_ = round_start_ = std::max(round_start_ + round_trip_, clock_);
            window_ = std::min(window_ * 2, largest_window_);
            sent_ = 0;
        }
        size = std::min(size, window_ - sent_);
        sent_ += size;
    }
    const Moment start = clock_;
    clock_ += span(seconds_per_byte_ * static_cast<double>(size));
    return {size, start, clock_};
}

void NetworkModel::held_until(Moment moment) { clock_ = std::max(clock_, moment); }

}  // namespace pmx::registry
