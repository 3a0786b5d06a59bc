// StoreLook: what the store has of a graph, asked on a thread of its own while the tree is planned. It works out every
// package's key and, where the tree is empty, reads the pack of these objects and finds and checks the first of them, one
// after the other, until somebody wants to know. The pipeline does the rest; no result depends on how far this came. Never
// fetches, never links, never repairs. Made and taken by one thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "install/run.hpp"
#include "install/verify.hpp"
#include "model/graph.hpp"
#include "store/pack.hpp"
#include "store/store.hpp"

namespace pmx {

// What StoreLook has found, for the pipeline.
class StoreSeen {
  public:
    std::vector<std::string> keys;  // by package; "" where it is stored nowhere, or not wanted here
    std::vector<std::string> all;   // every one of them once, sorted
    std::optional<Pack> pack;
    std::unique_ptr<PackWriter> new_pack;  // where there is none yet, and there should be
    std::string pack_name;

    // An object that was found and, by the level of this run, checked. Once; one that is being checked is waited for.
    // [worker]
    std::optional<ObjectView> take(const std::string& key);

  private:
    friend class StoreLook;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string_view checking_;
    std::unordered_map<std::string_view, ObjectView> checked_;
};

class StoreLook {
  public:
    // `graph` must not change until take(). `empty_tree`: everything will be linked, so what is found is worth keeping.
    StoreLook(Run& run, const Store& store, const Graph& graph, const LoadingValidators& validators, bool empty_tree);
    ~StoreLook();
    StoreLook(const StoreLook&) = delete;

    // Ends the look, once; the object that is being checked may still come. PMX_E_INTEGRITY: a package has an integrity
    // that is none.
    Result<std::shared_ptr<StoreSeen>> take();

  private:
    Result<> look(StoreSeen& seen) const;
    void check_first(StoreSeen& seen) const;

    Run& run_;
    const Store& store_;
    const Graph& graph_;
    const LoadingValidators& validators_;
    const bool empty_tree_;
    std::atomic<bool> wanted_{false};
    std::shared_ptr<StoreSeen> seen_ = std::make_shared<StoreSeen>();
    std::promise<Result<>> looked_;
    std::thread thread_;
};

}  // namespace pmx
