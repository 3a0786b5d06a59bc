// RegistryServer: an npm registry over HTTP/1.1 on 127.0.0.1 that serves a directory (package_source.hpp): the registry
// of the tests, of `./dev demo` and of the bench, so an answer costs one body that is ready and one or two system calls.
// It can be made slow (network_model.hpp) and bad (faults.hpp). Besides packages it answers
//     GET /-/ping                 {}
//     GET /-/pmx/counters         what was asked and sent; POST or DELETE answers the same and sets it to zero
//     GET /-/pmx/missing          the first hundred paths that were asked for and are not here, since then
//     POST, DELETE /-/pmx/faults  adds rules, one a line; forgets all
// start() returns when the port is open; the server's own threads do the rest. Never writes to disk, never listens
// elsewhere than on the loopback address. [one owner; counters() from any thread]
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "registry/network_model.hpp"
#include "registry/serve_counters.hpp"

namespace pmx::registry {

struct ServeOptions {
    std::string directory;
    std::uint16_t port = 0;      // 0: any
    NetworkOptions network;
    bool ranges = true;          // parts of archives are served
    bool prepare = false;        // packuments are made before the port is told, not when they are asked for
    int threads = 2;
    std::vector<std::string> faults;
};

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
