// The fetch stage: from a package to bytes in memory, or, of a large one, to whoever takes them while they arrive. It holds the queue, the network cap, and the bound on archives
// that have arrived and wait to be unpacked; what a request looks like on the wire is the fetcher plugin's business.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "install/arrival.hpp"
#include "install/run.hpp"
#include "install/transport.hpp"
#include "model/graph.hpp"

namespace pmx {

// Where a package's archive comes from. PMX_E_NO_REGISTRY, PMX_E_RESOLUTION_UNSUPPORTED. Pure.
Result<FetchRequest> archive_request(const Package& package, const Settings& settings, const std::string& root);

// Archives that their registry does not serve below its own path, and whose they are: URL → package name. What several
// packages claim belongs to none. Settings::authorization() wants to know. Pure.
std::map<std::string, std::string, std::less<>> archives_elsewhere(const Graph& graph, const Settings& settings);

class FetchStage {
  public:
    using Arrived = std::function<void(std::size_t job, const std::string& url, Result<FetchResponse>)>;
    using Arriving = std::function<std::shared_ptr<Arrival>(std::size_t job, const std::string& url)>;

    // At most `network` requests run at once, and at most `bodies` archives are held that nobody has consumed.
    // `arrived` is called from any thread and must not block. `arriving`, too, when an answer turns out to be large: what it
    // gives takes the body in place of arrived(), and is told the end.
    FetchStage(Run& run, std::size_t network, std::size_t bodies, Arrived arrived, Arriving arriving);
    ~FetchStage();

    void add(std::size_t job, FetchRequest request);
    // The archive of one arrived(), or of one arriving() that is done, is gone from memory: the next request may start.
    void consumed(std::size_t bytes);

  private:
    struct Pending {
        std::size_t job;
        FetchRequest request;
    };
    void pump();
    void start(Pending pending);

    Run& run_;
    const std::size_t network_, bodies_;
    Arrived arrived_;
    Arriving arriving_;
    std::mutex mutex_;
    std::deque<Pending> pending_;
    std::size_t in_flight_ = 0, held_ = 0, held_bytes_ = 0, callbacks_ = 0;
    bool pumping_ = false;
    std::condition_variable idle_;
};

}  // namespace pmx
