#include "cli/progress.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/command_line.hpp"

namespace pmx {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};

class Silent final : public Reporter {
  public:
    explicit Silent(Screen screen) : screen_(std::move(screen)) {}
    void context(std::string_view, std::string_view, std::string_view, std::string_view, std::string_view) override {}
    void stage(std::string_view) override {}
    void resolving(std::size_t, std::size_t) override {}
    void packages_found(std::size_t) override {}
    void resolved(std::string_view) override {}
    void found_in_store(std::string_view) override {}
    void fetch_started(std::string_view, std::uint64_t) override {}
    void fetch_progress(std::string_view, std::uint64_t, std::uint64_t) override {}
    void request_retry(const RequestRetry&) override {}
    void fetched(std::string_view) override {}
    void imported(std::string_view, std::string_view, std::string_view) override {}
    void import_method(std::string_view) override {}
    void skipped_optional(std::string_view, std::string_view, std::string_view) override {}
    void ignored_scripts(const std::vector<std::string>&) override {}
    void script_started(std::string_view, std::string_view, std::string_view, std::string_view) override {}
    void script_line(std::string_view, std::string_view, std::string_view, bool) override {}
    void script_ended(std::string_view, std::string_view, int) override {}
    void stats(std::uint64_t, std::uint64_t) override {}
    void root_dependency(const RootDependency&) override {}
    void warning(std::string_view) override {}
    void explain(std::string_view) override {}
    bool explains() const override { return false; }
    void finished(const InstallReport&) override {}
    void failed(const Error& error) override { screen_.write(error_text(error, screen_.colour)); }

  private:
    const Screen screen_;
};

// One line that is redrawn on a terminal, by a ticker that lives only there; plain lines elsewhere. Whoever writes holds
// the pen, and takes the live line away first.
class Lines final : public Reporter {
  public:
    Lines(const Settings& settings, const Metrics& metrics, Screen screen)
        : metrics_(metrics), screen_(std::move(screen)), explains_(settings.flag("explain")),
          warns_(settings.text("loglevel") != "error"), informs_(warns_ && settings.text("loglevel") != "warn"),
          tells_all_(settings.text("loglevel") == "debug") {}
    ~Lines() override { stop_ticking(); }

    void context(std::string_view lockfile, std::string_view linker, std::string_view store_dir, std::string_view,
                 std::string_view check) override {
        if (!informs_) return;
        if (screen_.terminal) start_ticking();
        else line(fmt::format("{}, linker {}, check {}, store {}", lockfile, linker, check, store_dir));
    }
    void stage(std::string_view name) override {
        if (!informs_) return;
        if (name == "resolution_started" && screen_.terminal) start_ticking();
        if (name == "resolution_done" && !screen_.terminal) line(fmt::format("packages resolved {}", chosen_.load(std::memory_order_relaxed)));
    }
    void resolving(std::size_t asked, std::size_t chosen) override {
        asked_.store(asked, std::memory_order_relaxed);
        chosen_.store(chosen, std::memory_order_relaxed);
    }
    void packages_found(std::size_t count) override {
        found_.store(count, std::memory_order_relaxed);
        if (!screen_.terminal && informs_) line(fmt::format("packages found {}", count));
    }
    void resolved(std::string_view) override {}
    void found_in_store(std::string_view) override {}
    void fetch_started(std::string_view, std::uint64_t) override {}
    void fetch_progress(std::string_view package, std::uint64_t received, std::uint64_t) override {
        if (!screen_.terminal) return;
        std::lock_guard lock(mutex_);
        arriving_[std::string(package)] = received;
    }
    void request_retry(const RequestRetry& retry) override {
        constexpr unsigned kShown = 3;  // a registry that is down says the same for every package
        unsigned number = retries_.fetch_add(1, std::memory_order_relaxed);
        if (number == kShown && !tells_all_) warning("more requests are tried again; --loglevel debug shows each");
        if (number >= kShown && !tells_all_) return;
        warning(fmt::format("cannot fetch {}: {}; try {} of {} in {}: {}", retry.package, retry.message, retry.attempt + 1,
                            retry.max_retries + 1, human_seconds(static_cast<double>(retry.wait_ms) / 1e3), retry.url));
    }
    void fetched(std::string_view package) override {
        fetched_.fetch_add(1, std::memory_order_relaxed);
        if (!screen_.terminal) return;
        std::lock_guard lock(mutex_);
        auto found = arriving_.find(package);
        if (found == arriving_.end()) return;
        arrived_ += found->second;
        arriving_.erase(found);
    }
    void imported(std::string_view, std::string_view, std::string_view) override { linked_.fetch_add(1, std::memory_order_relaxed); }
    void import_method(std::string_view) override {}
    void skipped_optional(std::string_view package, std::string_view reason, std::string_view details) override {
        if (explains_) line(fmt::format("skipped {}: {}{}{}", package, reason, details.empty() ? "" : ": ", details));
    }
    void ignored_scripts(const std::vector<std::string>& packages) override {
        std::string list;
        for (const std::string& package : packages) list += (list.empty() ? "" : ", ") + package;
        if (!list.empty()) warning("install scripts that were not run: " + list + " (allowBuilds in pnpm-workspace.yaml allows them)");
    }
    void script_started(std::string_view package, std::string_view event, std::string_view script, std::string_view) override {
        if (informs_) line(fmt::format("{} {}$ {}", label(package), event, script));
    }
    void script_line(std::string_view package, std::string_view event, std::string_view text, bool) override {
        if (informs_) line(fmt::format("{} {}: {}", label(package), event, text));
    }
    void script_ended(std::string_view package, std::string_view event, int status) override {
        if (informs_ && status != 0) line(fmt::format("{} {}: failed with status {}", label(package), event, status));
    }
    void stats(std::uint64_t, std::uint64_t) override {}
    void root_dependency(const RootDependency&) override {}
    void warning(std::string_view text) override {
        if (warns_) line(text, screen_.colour ? "\x1b[33mwarning\x1b[0m " : "warning ");
    }
    void explain(std::string_view text) override {
        if (explains_) line(text);
    }
    bool explains() const override { return explains_; }

    void finished(const InstallReport& report) override {
        stop_ticking();
        double seconds = static_cast<double>(ns_since(metrics_.start)) / 1e9;
        if (!informs_) return;
        if (report.up_to_date) return line("Already up to date · " + human_seconds(seconds));
        line(fmt::format("added {}, removed {} · warm {}, cold {} · {} · {}", report.added, report.removed, report.warm, report.cold,
                         human_bytes(metrics_.bytes_fetched.load(std::memory_order_relaxed)), human_seconds(seconds)));
    }
    void failed(const Error& error) override {
        stop_ticking();
        screen_.write(error_text(error, screen_.colour));
    }

  private:
    static std::string_view label(std::string_view package) { return package == "." ? std::string_view("this project") : package; }
    // `mark` goes to the screen as it is.
    void line(std::string_view text, std::string_view mark = {}) {
        std::lock_guard lock(mutex_);
        std::string out = drawn_ ? "\r\x1b[K" : "";
        drawn_ = false;
        out += mark;
        out += printable(text);
        screen_.write(out + "\n");
    }
    void start_ticking() {
        std::lock_guard lock(mutex_);
        if (ticker_.joinable()) return;
        ticker_ = std::thread([this] {
            std::unique_lock held(mutex_);
            do draw_locked();
            while (!stop_.wait_for(held, kRedraw, [this] { return stopping_; }));
        });
    }
    // The live line goes with it.
    void stop_ticking() {
        {
            std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        stop_.notify_all();
        if (ticker_.joinable()) ticker_.join();
        std::lock_guard lock(mutex_);
        if (drawn_) screen_.write("\r\x1b[K");
        drawn_ = false;
    }
    void draw_locked() {
        std::uint64_t bytes = arrived_;
        for (const auto& [package, received] : arriving_) bytes += received;
        drawn_ = true;
        if (found_.load(std::memory_order_relaxed) == 0 && asked_.load(std::memory_order_relaxed) != 0)
            return screen_.write(fmt::format("\r\x1b[K\x1b[?7lresolving: {} names asked for, {} packages chosen · {}\x1b[?7h",
                                             asked_.load(std::memory_order_relaxed), chosen_.load(std::memory_order_relaxed),
                                             human_seconds(static_cast<double>(ns_since(metrics_.start)) / 1e9)));
        // Without line wrap: a line that does not fit is cut, not scrolled.
        screen_.write(fmt::format("\r\x1b[K\x1b[?7lpackages found {}, fetched {}, linked {} · {} · {}\x1b[?7h", found_.load(std::memory_order_relaxed),
                                  fetched_.load(std::memory_order_relaxed), linked_.load(std::memory_order_relaxed), human_bytes(bytes),
                                  human_seconds(static_cast<double>(ns_since(metrics_.start)) / 1e9)));
    }

    const Metrics& metrics_;
    const Screen screen_;
    const bool explains_, warns_, informs_;
    const bool tells_all_;
    std::atomic<std::uint64_t> found_{0}, fetched_{0}, linked_{0}, asked_{0}, chosen_{0};
    std::atomic<unsigned> retries_{0};
    std::mutex mutex_;
    std::condition_variable stop_;
    std::map<std::string, std::uint64_t, std::less<>> arriving_;  // bytes of archives that are under way
    std::uint64_t arrived_ = 0;
    bool drawn_ = false, stopping_ = false;
    std::thread ticker_;
};

}  // namespace

std::unique_ptr<Reporter> make_reporter(const Settings& settings, const Metrics& metrics, Screen screen) {
    std::string_view kind = settings.text("reporter");
    if (kind == "silent") return std::make_unique<Silent>(std::move(screen));
    if (kind == "ndjson") return make_ndjson_reporter(settings, std::move(screen));
    if (kind == "append-only") screen.terminal = false;
    return std::make_unique<Lines>(settings, metrics, std::move(screen));
}

}  // namespace pmx
