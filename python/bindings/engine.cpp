#include "engine.hpp"

#include <algorithm>
#include <chrono>
#include <exception>

#include "base/fs.hpp"
#include "install/suggest_choice.hpp"

namespace pmx::python {
namespace {

// Nobody reads: progress of single downloads goes first, then everything.
constexpr std::size_t kProgressLimit = 20'000, kLimit = 2'000'000;

std::chrono::nanoseconds span_of(double seconds) { return std::chrono::nanoseconds(static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1e9) * 1e9)); }

}  // namespace

class Running::Listener final : public Events {
  public:
    Listener(Running& run, bool all, bool explains) : run_(run), all_(all), explains_(explains) {}

    void context(std::string_view lockfile, std::string_view linker, std::string_view store_dir, std::string_view virtual_store_dir,
                 std::string_view check) override {
        tell("context", {{"lockfile", std::string(lockfile)}, {"linker", std::string(linker)}, {"store_dir", std::string(store_dir)},
                         {"virtual_store_dir", std::string(virtual_store_dir)}, {"check", std::string(check)}});
    }
    void stage(std::string_view name) override { tell("stage", {{"name", std::string(name)}}); }
    void resolving(std::size_t asked, std::size_t chosen) override { tell("resolving", {{"asked", number(asked)}, {"chosen", number(chosen)}}); }
    void packages_found(std::size_t count) override { tell("packages_found", {{"count", number(count)}}); }
    void resolved(std::string_view package) override { tell("resolved", {{"package", std::string(package)}}); }
    void found_in_store(std::string_view package) override { tell("found_in_store", {{"package", std::string(package)}}); }
    void fetch_started(std::string_view package, std::uint64_t size) override {
        tell("fetch_started", {{"package", std::string(package)}, {"size", size == UINT64_MAX ? std::int64_t(-1) : number(size)}});
    }
    void fetch_progress(std::string_view package, std::uint64_t received, std::uint64_t size) override {
        if (all_) tell("fetch_progress", {{"package", std::string(package)}, {"received", number(received)},
                                          {"size", size == UINT64_MAX ? std::int64_t(-1) : number(size)}}, kProgressLimit);
    }
    void request_retry(const RequestRetry& retry) override {
        tell("request_retry", {{"package", std::string(retry.package)}, {"url", std::string(retry.url)}, {"message", std::string(retry.message)},
                               {"attempt", number(retry.attempt)}, {"max_retries", number(retry.max_retries)}, {"status", number(retry.http_status)},
                               {"wait_ms", number(retry.wait_ms)}});
    }
    void fetched(std::string_view package) override { tell("fetched", {{"package", std::string(package)}}); }
    void imported(std::string_view package, std::string_view to, std::string_view importer) override {
        if (all_) tell("imported", {{"package", std::string(package)}, {"to", std::string(to)}, {"importer", std::string(importer)}});
    }
    void import_method(std::string_view name) override { tell("import_method", {{"name", std::string(name)}}); }
    void skipped_optional(std::string_view package, std::string_view reason, std::string_view details) override {
        {
            std::lock_guard lock(mutex_);
            skipped_.emplace_back(package, reason);
        }
        tell("skipped_optional", {{"package", std::string(package)}, {"reason", std::string(reason)}, {"details", std::string(details)}});
    }
    void ignored_scripts(const std::vector<std::string>& packages) override {
        {
            std::lock_guard lock(mutex_);
            ignored_ = packages;
        }
        tell("ignored_scripts", {{"count", number(packages.size())}});
    }
    void script_started(std::string_view package, std::string_view event, std::string_view script, std::string_view directory) override {
        tell("script_started", {{"package", std::string(package)}, {"event", std::string(event)}, {"script", std::string(script)}, {"directory", std::string(directory)}});
    }
    void script_line(std::string_view package, std::string_view event, std::string_view line, bool error) override {
        tell("script_line", {{"package", std::string(package)}, {"event", std::string(event)}, {"line", std::string(line)}, {"error", error}});
    }
    void script_ended(std::string_view package, std::string_view event, int status) override {
        tell("script_ended", {{"package", std::string(package)}, {"event", std::string(event)}, {"status", std::int64_t(status)}});
    }
    void stats(std::uint64_t added, std::uint64_t removed) override { tell("stats", {{"added", number(added)}, {"removed", number(removed)}}); }
    void root_dependency(const RootDependency& d) override {
        tell("root_dependency", {{"project", std::string(d.project)}, {"name", std::string(d.name)}, {"real_name", std::string(d.real_name)},
                                 {"version", std::string(d.version)}, {"type", std::string(d.type)}, {"added", d.added}});
    }
    void warning(std::string_view text) override {
        {
            std::lock_guard lock(mutex_);
            if (warnings_.size() < kProgressLimit) warnings_.emplace_back(text);
        }
        tell("warning", {{"text", std::string(text)}});
    }
    void explain(std::string_view text) override {
        if (explains_) tell("explain", {{"text", std::string(text)}});
    }
    bool explains() const override { return explains_; }

    void give_to(Outcome& outcome) {
        outcome.warnings = std::move(warnings_);
        outcome.ignored_scripts = std::move(ignored_);
        outcome.skipped = std::move(skipped_);
    }

  private:
    static std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }
    void tell(std::string_view kind, decltype(Event::fields) fields, std::size_t limit = kLimit) {
        if (!all_) return;
        std::lock_guard lock(run_.mutex_);
        if (run_.events_.size() >= limit) {
            ++run_.dropped_;
            return;
        }
        run_.events_.push_back({kind, ns_since(start_), std::move(fields)});
        run_.told_.notify_one();
    }

    Running& run_;
    const bool all_, explains_;
    const Clock::time_point start_ = Clock::now();
    std::mutex mutex_;
    std::vector<std::string> warnings_, ignored_;
    std::vector<std::pair<std::string, std::string>> skipped_;
};

std::shared_ptr<const GraphTable> Made::graph() {
    std::lock_guard lock(mutex_);
    if (!graph_) graph_ = graph_table(values_.lockfile.graph, values_.lockfile.file_name, std::move(values_.lockfile_text));
    return graph_;
}

std::shared_ptr<const PlanTable> Made::plan() {
    if (!planned_) return nullptr;
    auto of = graph();
    std::lock_guard lock(mutex_);
    if (!plan_) plan_ = plan_table(values_.plan, layout_, of);
    return plan_;
}

Running::Running(Request request) : request_(std::move(request)), thread_([this] { work(); }) {}

Running::~Running() {
    cancel_.set();
    thread_.join();
}

void Running::work() {
    Result<Outcome> outcome = [&]() -> Result<Outcome> {
        try {
            return run();
        } catch (const std::exception& error) {
            return fail(Code::INTERNAL, error.what(), {}, "this is a bug in pmx");
        }
    }();
    std::lock_guard lock(mutex_);
    outcome_.emplace(std::move(outcome));
    ended_ = true;
    told_.notify_all();
}

Result<Outcome> Running::run() {
    Outcome outcome;
    outcome.start = Clock::now();
    std::vector<Figure> before = system_calls();
    PMX_TRY(Settings settings, load_settings(request_.dir, {{"config-json", {request_.document}}}, request_.environment));
    auto& path = settings.values.find("plugin-path")->second.items;
    path.insert(path.end(), request_.plugin_dirs.begin(), request_.plugin_dirs.end());
    Listener listener(*this, request_.events, settings.flag("explain"));
    Metrics metrics;
    metrics.start = outcome.start;
    metrics.trace = request_.trace;
    std::mutex requests;
    StageValues values;
    LockfileText resolved;

    InstallOptions options;
    options.settings = &settings;
    options.dir = request_.dir;
    options.cancel = &cancel_;
    options.events = &listener;
    options.metrics = &metrics;
    options.edits = request_.edits;
    if (options.edits.any()) options.edits.projects = options.edits.update.projects = {relative_path(settings.root, request_.dir)};
    auto ci = request_.environment.find("CI");
    options.ci = ci != request_.environment.end() && !ci->second.empty() && ci->second != "false";
    options.until = request_.until;
    if (request_.graph) {
        resolved = {request_.graph->lockfile_name, request_.graph->lockfile_text};
        options.resolved = &resolved;
    }
    options.planner = request_.planner;
    options.strategies = request_.strategies;
    options.values = &values;
    if (request_.trace)
        options.requested = [&](RequestRecord record) {
            std::lock_guard lock(requests);
            outcome.requests.push_back(std::move(record));
        };
    auto report = install(options);
    if (!report) {
        suggest_choice(report.error(), settings);
        if (report.error().code == Code::CANCELLED && report.error().remedy.empty()) report.error().remedy = "the same call goes on where it ended";
        return tl::make_unexpected(std::move(report).error());
    }
    outcome.report = std::move(*report);
    outcome.root = settings.root;
    outcome.store_dir = settings.text("store-dir");
    outcome.stages = stage_figures(metrics);
    outcome.counters = counters(metrics);
    outcome.system_calls = system_calls();
    for (std::size_t i = 0; i < before.size(); ++i) outcome.system_calls[i].value -= before[i].value;
    outcome.spans = metrics.take_spans();
    listener.give_to(outcome);
    outcome.wall = static_cast<double>(ns_since(outcome.start)) / 1e9;
    if (values.known) outcome.made = std::make_shared<Made>(std::move(values), outcome.report.linker, request_.until >= Until::plan);
    return outcome;
}

std::optional<Event> Running::next(double seconds) {
    std::unique_lock lock(mutex_);
    told_.wait_for(lock, span_of(seconds), [&] { return !events_.empty() || ended_; });
    if (events_.empty()) return std::nullopt;
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
}

bool Running::wait(double seconds) {
    std::unique_lock lock(mutex_);
    return told_.wait_for(lock, span_of(seconds), [&] { return ended_; });
}

bool Running::ended() const {
    std::lock_guard lock(mutex_);
    return ended_ && events_.empty();
}

Result<Outcome> Running::take() {
    std::lock_guard lock(mutex_);
    if (!outcome_) return fail(Code::INTERNAL, "the run has not ended, or its outcome was taken");
    Result<Outcome> outcome = std::move(*outcome_);
    outcome_.reset();
    if (outcome) outcome->events_dropped = dropped_;
    return outcome;
}

}  // namespace pmx::python
