#include "registry/serve_counters.hpp"

#include <sys/resource.h>

#include "base/text.hpp"

namespace pmx::registry {

namespace {

struct Used {
    std::int64_t user_us, system_us, switches;
};

Used used() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto micros = [](const timeval& time) { return static_cast<std::int64_t>(time.tv_sec) * 1000000 + time.tv_usec; };
    return {micros(usage.ru_utime), micros(usage.ru_stime), usage.ru_nvcsw + usage.ru_nivcsw};
}

void raise(ServeTally::Count& peak, std::uint64_t now) {
    std::uint64_t seen = peak.load();
    while (seen < now && !peak.compare_exchange_weak(seen, now)) {
    }
}

}  // namespace

void ServeTally::connected() {
    ++connections_;
    raise(connections_peak_, ++connections_open_);
}

void ServeTally::begin_request() { raise(in_flight_peak_, ++in_flight_); }

ServeCounters ServeTally::counters() const {
    ServeCounters c;
    c.requests = requests;
    c.abbreviated = abbreviated;
    c.full = full;
    c.packuments = c.abbreviated + c.full;
    c.tarballs = tarballs;
    c.ranges = ranges;
    c.not_found = not_found;
    c.not_modified = not_modified;
    c.faults = faults;
    c.bytes = bytes;
    c.packument_bytes = packument_bytes;
    c.tarball_bytes = tarball_bytes;
    c.connections = connections_;
    c.connections_open = connections_open_;
    c.connections_peak = connections_peak_;
    c.in_flight_peak = in_flight_peak_;
    const Used now = used();
    c.user_seconds = static_cast<double>(now.user_us - user_us_) / 1e6;
    c.system_seconds = static_cast<double>(now.system_us - system_us_) / 1e6;
    c.context_switches = static_cast<std::uint64_t>(now.switches - switches_);
    return c;
}

void ServeTally::zero() {
    for (Count* count : {&requests, &abbreviated, &full, &tarballs, &ranges, &not_found, &not_modified, &faults, &bytes,
                         &packument_bytes, &tarball_bytes, &connections_})
        *count = 0;
    connections_peak_ = connections_open_.load();
    in_flight_peak_ = in_flight_.load();
    const Used now = used();
    user_us_ = now.user_us;
    system_us_ = now.system_us;
    switches_ = now.switches;
}

std::string to_json(const ServeCounters& c) {
    std::string out;
    JsonWriter json(out);
    json.object();
    json.key("requests").value(c.requests).key("packuments").value(c.packuments);
    json.key("abbreviated").value(c.abbreviated).key("full").value(c.full).key("tarballs").value(c.tarballs).key("ranges").value(c.ranges);
    json.key("notFound").value(c.not_found).key("notModified").value(c.not_modified).key("faults").value(c.faults);
    json.key("bytes").value(c.bytes).key("packumentBytes").value(c.packument_bytes);
    json.key("tarballBytes").value(c.tarball_bytes).key("connections").value(c.connections);
    json.key("connectionsOpen").value(c.connections_open).key("connectionsPeak").value(c.connections_peak);
    json.key("inFlightPeak").value(c.in_flight_peak).key("prepared").value(c.prepared);
    json.key("userSeconds").value(c.user_seconds).key("systemSeconds").value(c.system_seconds);
    json.key("contextSwitches").value(c.context_switches).end();
    return out;
}

}  // namespace pmx::registry
