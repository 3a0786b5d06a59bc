// Running: one install, or a phase of one, on a thread of its own, so that the thread that asked stays free for signals
// and callbacks. It waits in next() for what the engine tells; the engine never waits for it. Nothing here knows Python:
// module.cpp puts the interpreter's lock around it.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/figures.hpp"
#include "base/pool.hpp"
#include "install/install.hpp"
#include "tables.hpp"

namespace pmx::python {

// What one function of Events was called with.
struct Event {
    std::string_view kind;  // static storage
    std::int64_t time_ns = 0;  // since the run began
    std::vector<std::pair<const char*, std::variant<std::string, std::int64_t, bool>>> fields;
};

struct Request {
    std::string dir;        // absolute
    std::string document;   // the configuration, JSON
    std::map<std::string, std::string> environment;
    std::vector<std::string> plugin_dirs;  // looked at last: those of the installation that the module belongs to
    Until until = Until::commit;
    std::shared_ptr<const GraphTable> graph;  // resolved before: nothing is resolved
    std::string planner;
    std::vector<const pmx_plugin*> strategies;
    Edits edits;            // `projects` is filled in
    bool events = false;    // keep every event for next(); otherwise only what Outcome holds
    bool trace = false;     // spans and requests
};

// Graph and plan of a run, as columns once somebody wants to see them: most calls want figures.
class Made {
  public:
    Made(StageValues values, std::string layout, bool planned) : values_(std::move(values)), layout_(std::move(layout)), planned_(planned) {}
    std::shared_ptr<const GraphTable> graph();
    std::shared_ptr<const PlanTable> plan();  // null before the plan stage

  private:
    std::mutex mutex_;
    StageValues values_;
    const std::string layout_;
    const bool planned_;
    std::shared_ptr<const GraphTable> graph_;
    std::shared_ptr<const PlanTable> plan_;
};

struct Outcome {
    InstallReport report;
    double wall = 0;        // seconds, settings and all
    std::string root;       // the directory of the lockfile
    std::string store_dir;
    std::vector<StageFigures> stages;
    std::vector<Figure> counters, system_calls;
    std::vector<std::string> warnings, ignored_scripts;
    std::vector<std::pair<std::string, std::string>> skipped;  // package, reason
    std::shared_ptr<class Made> made;  // null where nothing had to be read
    std::vector<Span> spans;
    std::vector<RequestRecord> requests;
    Clock::time_point start;
    std::uint64_t events_dropped = 0;
};

class Running {
  public:
    explicit Running(Request request);
    ~Running();  // cancels, and waits

    // The next event; nullopt when `seconds` have passed, or the run has ended and all has been told.
    std::optional<Event> next(double seconds);
    // True once it has ended; waits up to `seconds` for that.
    bool wait(double seconds);
    bool ended() const;
    void cancel() { cancel_.set(); }
    bool is_cancelled() const { return cancel_.is_set(); }
    // After the end, once.
    Result<Outcome> take();

  private:
    class Listener;
    void work();
    Result<Outcome> run();

    Request request_;
    CancelFlag cancel_;
    mutable std::mutex mutex_;
    std::condition_variable told_;
    std::deque<Event> events_;
    std::uint64_t dropped_ = 0;
    bool ended_ = false;
    std::optional<Result<Outcome>> outcome_;
    std::thread thread_;  // last: it uses everything above
};

}  // namespace pmx::python
