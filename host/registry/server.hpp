// RegistryServer: an npm registry over HTTP/1.1 on 127.0.0.1 that serves a directory (package_source.hpp): the registry
// of the tests, of `./dev demo` and of the bench, so an answer costs one prepared buffer and one write. It can be made
// slow (latency, a shared line of limited bandwidth) and bad (faults.hpp). Besides packages it answers
//     GET /-/ping                 {}
//     GET /-/pmx/counters         what was asked and sent; DELETE sets it to zero
//     POST, DELETE /-/pmx/faults  adds rules, one a line; forgets all
// start() returns when the port is open; the server's own threads do the rest. Never writes to disk, never listens
// elsewhere than on the loopback address. [one owner; counters() from any thread]
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace pmx::registry {

struct ServeOptions {
    std::string directory;
    std::uint16_t port = 0;      // 0: any
    int latency_ms = 0;          // before each answer
    double bandwidth_mbps = 0;   // of all connections together; 0: no limit
    int threads = 2;
    std::vector<std::string> faults;
};

struct ServeCounters {
    std::uint64_t requests = 0, packuments = 0, tarballs = 0, not_found = 0, not_modified = 0, faults = 0, bytes = 0;
    std::uint64_t connections = 0, connections_open = 0, connections_peak = 0, in_flight_peak = 0;
};

std::string to_json(const ServeCounters& counters);

class RegistryServer {
  public:
    static Result<std::unique_ptr<RegistryServer>> start(const ServeOptions& options);
    ~RegistryServer();
    std::uint16_t port() const;
    std::string url() const;  // "http://127.0.0.1:PORT"
    ServeCounters counters() const;

  private:
    struct State;
    explicit RegistryServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace pmx::registry
