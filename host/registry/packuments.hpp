// Packuments: the one place where a run gets packuments from. Asks for each name once, however many want it; looks into
// the cache on disk first and revalidates (ETag, Last-Modified) what is old; keeps what it has for the run. Knows no
// transport: requests go through a function that install/ makes from the fetcher plugin. Errors are remembered as
// answers are. Writes below cache-dir only, by rename. [any thread]
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/gunzip.hpp"
#include "base/pool.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "registry/packument.hpp"
#include "registry/packument_file.hpp"

namespace pmx {

struct MetadataRequest {
    std::string url, subject;
    std::vector<std::pair<std::string, std::string>> headers;
};
struct MetadataAnswer {
    std::uint32_t status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;  // plain, or gzip as it came
};
// Starts one request; `done` is called exactly once, from any thread, possibly before it returns. Bounds what runs at once.
using SendRequest = std::function<void(MetadataRequest, std::function<void(Result<MetadataAnswer>)> done)>;

struct PackumentsOptions {
    std::string cache_dir;  // "" = no cache on disk
    bool offline = false;         // cache only: PMX_E_OFFLINE for what is not there
    bool prefer_offline = false;  // the cache, however old
    bool full = false;            // always full documents (time-based resolution)
    // Abbreviated documents have no times. Where one was modified after this moment ("2021-01-01T00:00:00.000Z"), its
    // versions' ages are unknown and the full document is asked for; "" = ages do not matter.
    std::string ages_before;
    // With ages_before: what was cached after that moment is not asked for again, as whatever is new there would be too
    // young. pnpm does so, and asks again where no version fits: whoever sets this does too (get_fresh, or a second run
    // with `revalidate`).
    bool reuse_until_cutoff = false;
    std::int64_t fresh_for_ms = 0;  // a cached document younger than this is not asked for again
    bool revalidate = false;        // everything cached is asked for again, whatever the three above say
    std::size_t readers = 2;        // threads that decode and scan answers
    // Names whose ages do not matter (minimumReleaseAgeExclude). Empty: none.
    std::function<bool(std::string_view name)> any_age = {};
};

struct PackumentCounters {
    std::atomic<std::uint64_t> requests{0}, full_requests{0}, not_modified{0}, from_cache{0}, bytes{0}, names{0};
};

class Packuments {
  public:
    using Answer = Result<std::shared_ptr<const Packument>>;

    Packuments(const Settings& settings, PackumentsOptions options, SendRequest send);
    ~Packuments();  // waits for what was sent, and for the cache to be written

    // Starts the request unless it was started; never waits. `registry` overrides the one that the name belongs to.
    // `arrived` is called once, when the answer is there, from any thread; it may call want() again, but not get().
    using Arrived = std::function<void(const Answer&)>;
    void want(std::string_view name, std::string_view registry = {}, Arrived arrived = {});
    // The answer; waits for it. PMX_E_FETCH_NOT_FOUND, PMX_E_FETCH_AUTH, PMX_E_OFFLINE, PMX_E_FETCH, PMX_E_PACKUMENT, each
    // with the registry, and with the .npmrc line that would matter where credentials do; PMX_E_UNSAFE_PATH for a name that
    // is none, PMX_E_NO_REGISTRY.
    const Answer& get(std::string_view name, std::string_view registry = {});

    // As get(), but from the registry: asks where get() answered from the cache without asking. For when no version fits.
    const Answer& get_fresh(std::string_view name, std::string_view registry = {});

    const PackumentCounters& counters() const { return counters_; }

  private:
    struct Slot;
    // A thread that runs callbacks, and what they started meanwhile: run after them, not inside, so that a long chain of
    // packages needs no deep stack.
    struct Busy {
        std::thread::id thread;
        std::deque<std::function<void()>> later;
    };
    struct Unwritten {
        std::string path;
        std::shared_ptr<const Packument> packument;
        PackumentStamp stamp;
    };
    Slot& slot(std::string_view name, std::string_view registry, bool ask, Arrived arrived, bool& fresh);
    const Answer& wait(Slot& slot, bool fresh);
    void run(std::function<void()> work);
    void start(Slot& slot);
    void begin(Slot& slot, bool full);
    void send(Slot& slot, bool full);
    // On a reader's thread: decodes and scans what came.
    void answered(Slot& slot, bool full, Result<MetadataAnswer> result, Gunzip& gunzip);
    // Takes it, or goes on to the full document when it cannot tell what has to be known.
    void accept(Slot& slot, bool full, std::shared_ptr<const Packument> packument);
    void settle(Slot& slot, Answer answer);
    bool is_fresh(const Slot& slot, const PackumentStamp& stamp) const;
    bool is_old_enough(const Slot& slot, const Packument& packument) const;
    std::string cache_path(const Slot& slot, bool full) const;
    std::optional<PackumentFile::Loaded> cached(const Slot& slot, bool full) const;
    void keep(const Slot& slot, bool full, std::shared_ptr<const Packument> packument, PackumentStamp stamp);
    // Writes one of what is kept; false: there is none.
    bool write_next();

    const Settings& settings_;
    const PackumentsOptions options_;
    std::optional<std::int64_t> cutoff_ms_;
    SendRequest send_;
    std::mutex mutex_;
    std::condition_variable settled_;
    std::unordered_map<std::string, std::unique_ptr<Slot>> slots_;
    std::list<Busy> busy_;
    std::size_t open_ = 0;
    bool ending_ = false;  // the destructor waits
    PackumentCounters counters_;
    std::mutex unwritten_mutex_;
    std::deque<Unwritten> unwritten_;
    bool writing_ = false;  // the writer is at it
    // Last, so that they are drained first: the cache is written behind the answers; answers are read beside the network.
    Pool writer_{1, SIZE_MAX};
    std::vector<Gunzip> gunzips_;  // one a reader
    Pool readers_;
};

}  // namespace pmx
