// ServeCounters: what the embedded registry was asked and sent, and what that cost it: a bench on few cores has to know
// how much of them its server took. Counted by the server's threads, read by whoever asks. [any thread]
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace pmx::registry {

struct ServeCounters {
    std::uint64_t requests = 0;  // all but those about the server itself ("/-/pmx/")
    std::uint64_t packuments = 0, abbreviated = 0, full = 0;  // packuments is the sum of the two
    std::uint64_t tarballs = 0, not_found = 0, not_modified = 0, faults = 0;
    std::uint64_t ranges = 0;  // parts of archives that were asked for: those do not count as tarballs
    std::uint64_t bytes = 0, packument_bytes = 0, tarball_bytes = 0;  // all, with heads; of bodies
    std::uint64_t connections = 0, connections_open = 0, connections_peak = 0, in_flight_peak = 0;
    std::uint64_t prepared = 0;  // packuments and archives that were made, not found ready
    double user_seconds = 0, system_seconds = 0;  // of the whole process
    std::uint64_t context_switches = 0;
};

std::string to_json(const ServeCounters& counters);

class ServeTally {
  public:
    using Count = std::atomic<std::uint64_t>;
    Count requests{0}, abbreviated{0}, full{0}, tarballs{0}, ranges{0}, not_found{0}, not_modified{0}, faults{0}, bytes{0},
        packument_bytes{0}, tarball_bytes{0};

    ServeTally() { zero(); }
    void connected();
    void disconnected() { --connections_open_; }
    void begin_request();
    void end_request() { --in_flight_; }

    ServeCounters counters() const;  // all but `prepared`
    // Everything but what is open and under way, which the peaks start from.
    void zero();

  private:
    Count connections_{0}, connections_open_{0}, connections_peak_{0}, in_flight_{0}, in_flight_peak_{0};
    // What the process had used when the counters were last set to zero.
    std::atomic<std::int64_t> user_us_{0}, system_us_{0}, switches_{0};
};

}  // namespace pmx::registry
