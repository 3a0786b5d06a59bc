// Arrivals: large archives that are unpacked while they arrive, a few at once, each by a thread of its own. An Arrival is one
// of them: the fetcher's thread puts pieces in and never waits; the other thread takes them out, tells the validators of
// each, and unpacks. What comes out is published only when all bytes are there and every validator has agreed (ADR 29).
// Begun by the pipeline and by Ahead, through the fetch stage.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.hpp"
#include "base/pages.hpp"
#include "base/pool.hpp"
#include "model/graph.hpp"
#include "plugin/plugins.hpp"
#include "store/archive_source.hpp"
#include "store/store.hpp"

namespace pmx {

// From here on an archive is worth a thread.
constexpr std::uint64_t kLargeArchive = 4u << 20;
// So many at once: each has a thread, and what has come faster than it unpacks is in memory.
constexpr std::size_t kArrivals = 2;

class Arrival final : public BodyTaker, public ArchiveSource {
  public:
    // `validators` and `package` outlive it.
    Arrival(Metrics& metrics, const CancelFlag& cancel, const std::vector<Validator>& validators, const Package& package, std::string url)
        : metrics_(metrics), cancel_(cancel), validators_(validators), package_(package), url_(std::move(url)) {}
    ~Arrival() override;

    // By the network, one call after another.
    void add(Pages piece) override;
    void restart() override;
    void end(Result<> outcome);  // nothing comes any more

    // By the one who unpacks: before each try, as an ArchiveSource, and after each try.
    void begin();
    Result<std::string_view> next() override;
    bool was_whole() const override { return false; }
    Result<std::uint64_t> more_than(std::uint64_t count) override;
    Result<> prove() override;
    // Lets the rest pass by. False: the body has begun anew, and so must whoever unpacks it.
    bool finish();

  private:
    Result<> state_locked() const;
    void drop_locked();
    Result<> ask_all();

    Metrics& metrics_;
    const CancelFlag& cancel_;
    const std::vector<Validator>& validators_;
    const Package& package_;
    const std::string url_;

    std::mutex mutex_;
    std::condition_variable there_;
    std::deque<Pages> pieces_;  // that nobody has taken
    std::uint64_t come_ = 0;          // bytes, of this try
    bool again_ = false, over_ = false;
    Result<> outcome_;

    // Of the thread that unpacks.
    Pages current_;
    std::vector<ArchiveCheck> checks_;
    std::optional<Result<>> verdict_;
};

class Arrivals {
  public:
    using Unpack = std::function<Result<ObjectView>(ArchiveSource&)>;
    using Done = std::function<void(Result<ObjectView>)>;

    // At most `most` at once; the threads start with the first.
    Arrivals(Metrics& metrics, const CancelFlag& cancel, std::size_t most) : metrics_(metrics), cancel_(cancel), most_(most), pool_(most, most) {}

    // Null where all threads are taken, or a validator wants to see archives whole. `unpack` is called for each try of the
    // fetch, `done` once, after end(); both on a thread of this. Does not wait.
    std::shared_ptr<Arrival> begin(const std::vector<Validator>& validators, const Package& package, std::string url, Unpack unpack, Done done);
    void drain() { pool_.drain(); }

  private:
    Metrics& metrics_;
    const CancelFlag& cancel_;
    const std::size_t most_;
    std::atomic<std::size_t> busy_{0};
    Pool pool_;
};

}  // namespace pmx
