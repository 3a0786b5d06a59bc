// What goes wrong inside the fetcher, thrown from the place that notices and caught where the request is run;
// and the flight, the part of a running request that its watcher (one timer for all of them) may interrupt.
// [io thread]
#pragma once

#include <pmx/abi.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <string>

namespace pmx::http1 {

using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

struct Failure {
    pmx_status status = PMX_UNAVAILABLE;
    bool retryable = true;
    std::string what{};
    std::string remedy{};
    int system_error = 0;
    bool quiet = false;                   // somebody else has said why
    bool before_response = false;         // the connection died and not one byte of an answer had come
    bool wrong_part = false;              // another answer than the part that was asked for
    std::optional<Millis> retry_after{};  // what the server asked for
};

// What is being handled in a catch, as a Failure.
Failure failure_now();

class Connection;

struct Flight {
    Millis timeout{60000};
    Clock::time_point deadline = Clock::time_point::max();
    bool cancelled = false;
    bool timed_out = false;
    Connection* connection = nullptr;  // what it waits for now, if anything
    boost::asio::steady_timer* waiting = nullptr;

    void touch() { deadline = Clock::now() + timeout; }
    void interrupt();  // ends the wait that is under way
    // Throws when the watcher interrupted this request.
    void check() const {
        if (cancelled) throw Failure{PMX_CANCELLED, false, "cancelled", {}, 0, true};
        if (timed_out)
            throw Failure{PMX_UNAVAILABLE, true,
                          "no byte came for " + std::to_string(timeout.count()) + " ms",
                          "raise fetch-timeout, or check the network"};
    }
};

}  // namespace pmx::http1
