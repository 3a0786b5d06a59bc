// NetworkModel: when the bytes of an answer would have arrived over a real line: a round trip for each request and one
// more (or several) for a new connection, slow start from ten segments to what the line holds, a rate for each connection
// and one for all together. It only computes: moments go in and come out, so a test brings its own clock. Asked by the
// embedded registry's connections, one model each. [one thread; SharedLine: any thread]
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>

namespace pmx::registry {

using Moment = std::chrono::steady_clock::time_point;

struct NetworkOptions {
    double latency_ms = 0;      // a round trip
    double bandwidth_mbps = 0;  // of each connection; 0: no limit, and no slow start
    double total_mbps = 0;      // of all connections together; 0: no limit
    int connect_round_trips = 1;  // before the first request of a connection gets through: 1 TCP, 2 with TLS 1.3
};

inline constexpr std::size_t segment_bytes = 1460;
inline constexpr std::size_t initial_window = 10 * segment_bytes;

// What all connections share: each piece takes the time after the one before it.
class SharedLine {
  public:
    explicit SharedLine(const NetworkOptions& options);
    bool is_limited() const { return seconds_per_byte_ > 0; }
    // A piece that reached the line at `start`; when it is through. Called when that piece is due, so that nobody waits
    // for what is not there yet.
    Moment book(Moment start, std::size_t bytes);

  private:
    double seconds_per_byte_;
    std::mutex mutex_;
    Moment free_at_{};
};

class NetworkModel {
  public:
    struct Piece {
        std::size_t size;
        Moment start, due;  // on the connection's own line; due: its last byte is there
    };

    NetworkModel(const NetworkOptions& options, Moment accepted);

    // A whole request was here at `now`; when the first byte of the answer reaches the client.
    Moment begin_answer(Moment now);
    // The next piece of an answer that has `left` bytes to go.
    Piece next(std::size_t left);
    // The piece was held up elsewhere: what follows it cannot come earlier.
    void held_until(Moment moment);
    // False: next() gives everything at once.
    bool is_paced() const { return piece_ != 0; }
    std::size_t window() const { return window_; }

  private:
    using Span = std::chrono::steady_clock::duration;
    Span round_trip_, connect_;
    double seconds_per_byte_;
    Moment accepted_;
    Moment clock_{};        // when the connection's line is free
    Moment round_start_{};  // of the window that is being sent
    std::size_t window_ = 0, largest_window_ = 0;  // 0: no windows
    std::size_t sent_ = 0;  // of the window
    std::size_t piece_ = 0;
};

}  // namespace pmx::registry
