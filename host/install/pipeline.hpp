// The pipeline: everything between plan and bins, without barriers.
//
//     job ── find ──┬─ stored ── check ──┬────────────────────────────┬── link ── places
//                   │            └ bad ──┤                            │
//                   └─ missing ──────────┴─ fetch ── verify ── unpack ┘
//
// A job is one stored object and the places it goes to. Directories and symbolic links are made on the calling thread while
// archives arrive, the last links with the help of threads that have nothing left to link; find, check and link run in one
// pool, verify and unpack in another, requests in the fetcher. A large
// archive is fetched, verified and unpacked at once (arrival.hpp): it shows in the store when its last byte has been verified.
// Every pool and queue is bounded by a cap read at run time, and its high-water mark is a counter.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/pool.hpp"
#include "install/ahead.hpp"
#include "install/arrival.hpp"
#include "install/check.hpp"
#include "install/fetch.hpp"
#include "install/link.hpp"
#include "install/run.hpp"
#include "install/store_look.hpp"
#include "install/tree.hpp"
#include "install/until.hpp"
#include "install/verify.hpp"
#include "model/graph.hpp"
#include "model/plan.hpp"
#include "store/store.hpp"

namespace pmx {

// What later stages need to know of a package that was linked.
struct PackageFacts {
    std::vector<std::pair<std::string, std::string>> bins;  // (name, path in the package)
    std::vector<std::string> bundled;  // names carried in the package's own archive
    bool has_install_script = false;
    bool known = false;
};

struct PipelineResult {
    std::vector<PackageFacts> facts;            // by package
    std::vector<std::uint32_t> failed_optional; // packages that could not be had and were optional
    std::vector<std::string> keys;              // every object that the plan uses
    std::vector<bool> keep;                     // by place: what was kept, slots of the shared store that stood included
};

class Pipeline {
  public:
    // `keep[place]`: this place holds its package already. `keep_links[link]`: this link stands. `ahead`: what was fetched while the graph grew; may be null.
    // With `until` fetch or check it ends at the store: nothing is made in the tree, and `importers` may be null.
    // `seen`: what was asked of the store already.
    Pipeline(Run& run, Store& store, const Graph& graph, const Plan& plan, Tree& tree, std::vector<bool> keep, std::vector<bool> keep_links,
             std::shared_ptr<StoreSeen> seen, std::vector<Validator> validators, std::unique_ptr<ImporterChain> importers, Ahead* ahead = nullptr,
             Until until = Until::commit);
    ~Pipeline();

    // Runs to the end, or to the first error.
    Result<PipelineResult> run();

  private:
    struct Job {
        std::string key;                     // "" for a directory dependency
        std::vector<std::uint32_t> packages; // several when peers multiply one archive
        std::vector<std::uint32_t> places;   // those to be linked
        bool optional = true, repair = false, done = false;
    };

    std::vector<Job> group();
    Result<> make_places(const Job& job);
    Result<> make_symlinks();
    Result<> make_next_links();
    void submit_found(std::size_t job);
    void find_and_link(std::size_t job);
    Result<bool> holds(const Job& job, const ObjectView& object) const;
    void link_stored(std::size_t job, ObjectView object);
    void arrived(std::size_t job, const std::string& url, Result<FetchResponse> response);
    std::shared_ptr<Arrival> arriving(std::size_t job, const std::string& url);
    Result<ObjectView> verify_and_unpack(std::size_t job, const std::string& url, std::string_view body);
    Result<ObjectView> unpack(std::size_t job, ArchiveSource& archive);
    void unpacked(std::size_t job, std::size_t held, Result<ObjectView> view);
    void link_places(std::size_t job, ObjectView object);
    Result<> link_place(const Job& job, std::uint32_t place, const ObjectView& object);
    void remember_facts(const Job& job, const ObjectView& object);
    void finish_job(std::size_t job, Result<> outcome);
    void finish_one_locked(Result<> outcome);
    void withdraw_unfinished();
    bool links() const { return until_ >= Until::link; }
    bool stopping() const { return run_.cancel.is_set(); }
    const Package& package_of(const Job& job) const { return graph_.packages[job.packages.front()]; }

    Run& run_;
    Store& store_;
    const Graph& graph_;
    const Plan& plan_;
    Tree& tree_;
    const std::vector<bool> keep_, keep_links_;
    const std::shared_ptr<StoreSeen> seen_;
    const std::vector<Validator> validators_;
    const pmx_level level_;
    LinkStage link_;
    Ahead* const ahead_;
    const Until until_;
    std::vector<Job> jobs_;
    PipelineResult result_;

    std::mutex mutex_;
    std::condition_variable done_;
    std::size_t open_jobs_ = 0;
    std::atomic<std::size_t> begun_jobs_{0};
    std::vector<std::uint32_t> links_;  // to be made, their directories are there
    std::atomic<bool> links_are_ready_{false};
    std::atomic<std::size_t> next_link_{0};
    std::optional<Error> error_;

    // Last members, first destroyed: their threads use everything above.
    std::unique_ptr<Pool> unpack_pool_, link_pool_;
    std::unique_ptr<Arrivals> arrivals_;
    std::unique_ptr<FetchStage> fetch_;
};

}  // namespace pmx
