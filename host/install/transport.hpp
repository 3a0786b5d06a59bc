// Transport: which fetcher takes a URL, and how it is called: fetchers are loaded on first use, blocking ones get threads
// of their own, a cancelled or --offline run sends nothing. One per run, shared by the fetch stage (archives) and the
// resolve stage (packuments, archives of URL dependencies), so that all use the same connections. [any thread]
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/metrics.hpp"
#include "base/pool.hpp"
#include "config/settings.hpp"
#include "install/request_record.hpp"
#include "plugin/plugins.hpp"

namespace pmx {

class Transport {
  public:
    using Done = std::function<void(Result<FetchResponse>)>;

    Transport(const Settings& settings, Plugins& plugins, CancelFlag& cancel)
        : settings_(settings), plugins_(plugins), cancel_(cancel) {}

    // Each request is told here when it has ended, from any thread. Before the first one.
    void record(std::function<void(RequestRecord)> to) { record_ = std::move(to); }
    // `done` is called exactly once, from any thread, possibly before this returns.
    void fetch(FetchRequest request, Done done);
    // Waits for the answer. Not from a callback of a fetcher.
    Result<FetchResponse> fetch_and_wait(FetchRequest request);
    // What pmx.registry/1 gives to validators: the document at `path` of the registry that `package` belongs to. As above.
    Result<std::string> document(std::string_view package, std::string_view path);

  private:
    void watch(FetchRequest& request, Done& done) const;
    Result<const Fetcher*> fetcher_for(const std::string& url);

    const Settings& settings_;
    Plugins& plugins_;
    CancelFlag& cancel_;
    std::function<void(RequestRecord)> record_;
    std::mutex mutex_;
    std::map<std::string, Fetcher> fetchers_;  // by plugin name
    std::unique_ptr<Pool> blocking_;           // for fetchers that block: file, git
};

// At most `width` requests at once; the rest wait in the order in which they came.
class BoundedTransport {
  public:
    BoundedTransport(Transport& transport, Metrics& metrics, std::size_t width) : transport_(transport), metrics_(metrics), width_(width) {}
    ~BoundedTransport();  // waits for what was sent

    void fetch(FetchRequest request, Transport::Done done);

  private:
    struct Pending {
        FetchRequest request;
        Transport::Done done;
    };
    void pump();

    Transport& transport_;
    Metrics& metrics_;
    const std::size_t width_;
    std::mutex mutex_;
    std::condition_variable idle_;
    std::deque<Pending> pending_;
    std::size_t in_flight_ = 0, callbacks_ = 0;
    bool pumping_ = false;
};

}  // namespace pmx
