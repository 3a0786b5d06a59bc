// Ahead: archives that are fetched and unpacked into the store while the graph still grows. What it brings the pipeline
// finds; what is still under way the pipeline waits for, package by package; what failed here the pipeline tries again
// and then tells. So it can only gain time: no result depends on it. Never links, never repairs. [any thread]
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/arena.hpp"
#include "base/pool.hpp"
#include "install/arrival.hpp"
#include "install/fetch.hpp"
#include "install/run.hpp"
#include "install/verify.hpp"
#include "model/package_record.hpp"
#include "model/platform.hpp"
#include "store/store.hpp"

namespace pmx {

class Ahead {
  public:
    // `validators` as the pipeline has them. `only_new`: a tree stands that holds what the lockfile has; only packages that the
    // lockfile does not have are worth a look into the store.
    Ahead(Run& run, Store& store, const LoadingValidators& validators, bool only_new);
    ~Ahead();  // waits for what was started: soon, where the run was cancelled

    // The package was chosen: fetch it unless the store has it, it does not run here, or it comes from no registry.
    void want(const PackageRecord& record);
    // True: the object is on its way, and `then` is called when it is not any more. False: it is not (any more).
    bool is_coming(const std::string& key, std::function<void()> then);
    bool only_new() const { return only_new_; }
    // The object was put into the store by this very run.
    bool has_brought(const std::string& key);

  private:
    struct Item {
        std::string key;
        Package package;
        Arena text;
        enum class State : std::uint8_t { coming, brought, absent } state = State::coming;
        std::vector<std::function<void()>> waiting;
    };
    void arrived(std::size_t item, const std::string& url, Result<FetchResponse> response);
    std::shared_ptr<Arrival> arriving(std::size_t item, const std::string& url);
    Result<ObjectView> unpack(std::size_t item, ArchiveSource& archive);
    void unpacked(std::size_t item, std::size_t held, bool brought);
    void find_or_fetch(std::size_t item);
    void settle(std::size_t item, Item::State state);
    Item* at(std::size_t item);

    Run& run_;
    Store& store_;
    const LoadingValidators& validators_;
    const bool with_digests_, only_new_;
    SupportedPlatforms supported_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Item>> items_;
    std::unordered_map<std::string, std::size_t> by_key_;
    std::condition_variable settled_;
    std::size_t coming_ = 0;
    // Last members, first destroyed: their threads use everything above.
    std::unique_ptr<Pool> unpack_pool_;
    std::unique_ptr<Arrivals> arrivals_;
    std::unique_ptr<FetchStage> fetch_;
};

}  // namespace pmx
