#include "cli/progress.hpp"

#include <atomic>
#include <mutex>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/command_line.hpp"

namespace pmx {
namespace {

constexpr std::int64_t kRedrawNs = 100'000'000;

class Silent final : public Reporter {
  public:
    explicit Silent(Screen screen) : screen_(std::move(screen)) {}
    void context(std::string_view, std::string_view, std::string_view, std::string_view, std::string_view) override {}
    void stage(std::string_view) override {}
    void packages_found(std::size_t) override {}
    void found_in_store(std::string_view) override {}
    void fetched(std::string_view) override {}
    void imported(std::string_view, std::string_view) override {}
    void import_method(std::string_view) override {}
    void skipped_optional(std::string_view, std::string_view, std::string_view) override {}
    void ignored_scripts(const std::vector<std::string>&) override {}
    void script_started(std::string_view, std::string_view, std::string_view, std::string_view) override {}
    void script_line(std::string_view, std::string_view, std::string_view, bool) override {}
    void script_ended(std::string_view, std::string_view, int) override {}
    void stats(std::uint64_t, std::uint64_t) override {}
    void warning(std::string_view) override {}
    void explain(std::string_view) override {}
    bool explains() const override { return false; }
    void finished(const InstallReport&) override {}
    void failed(const Error& error) override { screen_.write(error_text(error, screen_.colour)); }

  private:
    const Screen screen_;
};

class Lines final : public Reporter {
  public:
    Lines(const Settings& settings, const Metrics& metrics, Screen screen)
        : metrics_(metrics), screen_(std::move(screen)), explains_(settings.flag("explain")),
          warns_(settings.text("loglevel") != "error"), informs_(warns_ && settings.text("loglevel") != "warn") {}

    void context(std::string_view lockfile, std::string_view linker, std::string_view store_dir, std::string_view,
                 std::string_view check) override {
        if (!screen_.terminal && informs_)
            line(fmt::format("{}, linker {}, check {}, store {}", lockfile, linker, check, store_dir));
    }
    void stage(std::string_view) override { draw(true); }
    void packages_found(std::size_t count) override {
        found_.store(count, std::memory_order_relaxed);
        if (!screen_.terminal && informs_) line(fmt::format("packages found {}", count));
        draw(true);
    }
    void found_in_store(std::string_view) override { draw(false); }
    void fetched(std::string_view) override {
        fetched_.fetch_add(1, std::memory_order_relaxed);
        draw(false);
    }
    void imported(std::string_view, std::string_view) override {
        linked_.fetch_add(1, std::memory_order_relaxed);
        draw(false);
    }
    void import_method(std::string_view) override {}
    void skipped_optional(std::string_view package, std::string_view reason, std::string_view details) override {
        if (explains_) line(fmt::format("skipped {}: {}{}{}", package, reason, details.empty() ? "" : ": ", details));
    }
    void ignored_scripts(const std::vector<std::string>& packages) override {
        std::string list;
        for (const std::string& package : packages) list += (list.empty() ? "" : ", ") + package;
        if (warns_) line("install scripts that were not run: " + list + " (allowBuilds in pnpm-workspace.yaml allows them)");
    }
    void script_started(std::string_view package, std::string_view event, std::string_view script, std::string_view) override {
        if (informs_) line(fmt::format("{} {}$ {}", package, event, script));
    }
    void script_line(std::string_view package, std::string_view event, std::string_view text, bool) override {
        if (informs_) line(fmt::format("{} {}: {}", package, event, text));
    }
    void script_ended(std::string_view package, std::string_view event, int status) override {
        if (informs_ && status != 0) line(fmt::format("{} {}: failed with status {}", package, event, status));
    }
    void stats(std::uint64_t, std::uint64_t) override {}
    void warning(std::string_view text) override {
        if (warns_) line(fmt::format("{}warning{} {}", screen_.colour ? "\x1b[33m" : "", screen_.colour ? "\x1b[0m" : "", printable(text)));
    }
    void explain(std::string_view text) override {
        if (explains_) line(text);
    }
    bool explains() const override { return explains_; }

    void finished(const InstallReport& report) override {
        double seconds = static_cast<double>(ns_since(metrics_.start)) / 1e9;
        if (!informs_) return erase();
        if (report.up_to_date) return line("Already up to date · " + human_seconds(seconds));
        line(fmt::format("added {}, removed {} · warm {}, cold {} · {} · {}", report.added, report.removed, report.warm, report.cold,
                         human_bytes(metrics_.bytes_fetched.load(std::memory_order_relaxed)), human_seconds(seconds)));
    }
    void failed(const Error& error) override {
        erase();
        screen_.write(error_text(error, screen_.colour));
    }

  private:
    void line(std::string_view text) {
        std::lock_guard lock(mutex_);
        std::string out = drawn_ ? "\r\x1b[K" : "";
        drawn_ = false;
        out += printable_keeping_colour(text);
        screen_.write(out + "\n");
    }
    std::string printable_keeping_colour(std::string_view text) const {
        return text.starts_with("\x1b[33mwarning") ? std::string(text) : printable(text);
    }
    void erase() {
        std::lock_guard lock(mutex_);
        if (drawn_) screen_.write("\r\x1b[K");
        drawn_ = false;
    }
    // Whoever holds the pen draws; the others go on.
    void draw(bool now) {
        if (!screen_.terminal || !informs_) return;
        std::int64_t at = ns_since(metrics_.start);
        if (!now && at - last_drawn_ns_.load(std::memory_order_relaxed) < kRedrawNs) return;
        std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock) return;
        last_drawn_ns_.store(at, std::memory_order_relaxed);
        drawn_ = true;
        screen_.write(fmt::format("\r\x1b[Kpackages found {}, fetched {}, linked {} · {} · {}", found_.load(std::memory_order_relaxed),
                                  fetched_.load(std::memory_order_relaxed), linked_.load(std::memory_order_relaxed),
                                  human_bytes(metrics_.bytes_fetched.load(std::memory_order_relaxed)),
                                  human_seconds(static_cast<double>(at) / 1e9)));
    }

    const Metrics& metrics_;
    const Screen screen_;
    const bool explains_, warns_, informs_;
    std::atomic<std::uint64_t> found_{0}, fetched_{0}, linked_{0};
    std::atomic<std::int64_t> last_drawn_ns_{-kRedrawNs};
    std::mutex mutex_;
    bool drawn_ = false;
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
