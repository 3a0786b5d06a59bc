#include <chrono>
#include <map>
#include <mutex>

#include <unistd.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "cli/progress.hpp"

namespace pmx {
namespace {

std::int64_t wall_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host_name() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

class Ndjson final : public Reporter {
  public:
    Ndjson(const Settings& settings, Screen screen)
        : screen_(std::move(screen)), host_(host_name()), pid_(::getpid()), prefix_(settings.root), explains_(settings.flag("explain")),
          current_lockfile_(join_path(join_path(settings.root, settings.text("virtual-store-dir")), "lock.yaml")) {}

    void context(std::string_view, std::string_view, std::string_view store_dir, std::string_view virtual_store_dir, std::string_view) override {
        auto there = stat_at(AT_FDCWD, current_lockfile_.c_str());
        emit("pnpm:context", "debug", [&](JsonWriter& json) {
            json.key("currentLockfileExists").value(there && *there).key("storeDir").value(store_dir);
            json.key("virtualStoreDir").value(join_path(prefix_, virtual_store_dir));
        });
    }
    void stage(std::string_view name) override {
        emit("pnpm:stage", "debug", [&](JsonWriter& json) { json.key("prefix").value(prefix_).key("stage").value(name); });
        std::lock_guard lock(mutex_);
        flush_locked();
    }
    void packages_found(std::size_t) override {}
    void found_in_store(std::string_view package) override { arrived("found_in_store", package); }
    void fetched(std::string_view package) override { arrived("fetched", package); }
    void imported(std::string_view, std::string_view to) override {
        emit("pnpm:progress", "debug", [&](JsonWriter& json) {
            json.key("method").value(method_.empty() ? "hardlink" : method_).key("requester").value(prefix_);
            json.key("status").value("imported").key("to").value(join_path(prefix_, to));
        });
    }
    void import_method(std::string_view name) override {
        std::string_view pnpm_name = name == "reflink" ? "clone" : name;
        emit("pnpm:package-import-method", "debug", [&](JsonWriter& json) {
            method_ = pnpm_name;
            json.key("method").value(pnpm_name);
        });
    }
    void skipped_optional(std::string_view package, std::string_view reason, std::string_view details) override {
        std::string_view id = without_peers(package);
        std::size_t at = id.rfind('@');
        emit("pnpm:skipped-optional-dependency", "debug", [&](JsonWriter& json) {
            if (!details.empty()) json.key("details").value(details);
            json.key("package").object().key("id").value(id);
            if (at != id.npos && at > 0) json.key("name").value(id.substr(0, at)).key("version").value(id.substr(at + 1));
            json.end().key("prefix").value(prefix_).key("reason").value(reason);
        });
    }
    void ignored_scripts(const std::vector<std::string>& packages) override {
        emit("pnpm:ignored-scripts", "debug", [&](JsonWriter& json) {
            json.key("packageNames").array();
            for (const std::string& package : packages) json.value(package);
            json.end();
        });
    }
    void script_started(std::string_view package, std::string_view event, std::string_view script, std::string_view directory) override {
        lifecycle(package, event, [&](JsonWriter& json, std::string& wd) {
            wd = directory;
            json.key("script").value(script).key("optional").value(false);
        });
    }
    void script_line(std::string_view package, std::string_view event, std::string_view line, bool error) override {
        lifecycle(package, event, [&](JsonWriter& json, std::string&) {
            json.key("line").value(line).key("stdio").value(error ? "stderr" : "stdout");
        });
    }
    void script_ended(std::string_view package, std::string_view event, int status) override {
        lifecycle(package, event, [&](JsonWriter& json, std::string&) { json.key("exitCode").value(status).key("optional").value(false); });
    }
    void stats(std::uint64_t added, std::uint64_t removed) override {
        emit("pnpm:stats", "debug", [&](JsonWriter& json) { json.key("prefix").value(prefix_).key("added").value(added); });
        emit("pnpm:stats", "debug", [&](JsonWriter& json) { json.key("prefix").value(prefix_).key("removed").value(removed); });
    }
    void warning(std::string_view text) override { message("warn", text); }
    void explain(std::string_view text) override {
        if (explains_) message("debug", text);
    }
    bool explains() const override { return explains_; }

    void finished(const InstallReport& report) override {
        if (report.up_to_date) message("info", "Already up to date");
        emit("pnpm:summary", "debug", [&](JsonWriter& json) { json.key("prefix").value(prefix_); });
        end();
    }
    void failed(const Error& error) override {
        emit("pnpm", "error", [&](JsonWriter& json) {
            json.key("code").value(code_name(error.code)).key("message").value(error.what).key("subject").value(error.subject);
            if (!error.remedy.empty()) json.key("hint").value(error.remedy);
            json.key("err").object().key("name").value("Error").key("message").value(error.what).key("code").value(code_name(error.code)).end();
            json.key("prefix").value(prefix_);
        });
        end();
    }

  private:
    // pnpm's package ids do not hold the peers.
    static std::string_view without_peers(std::string_view package) { return package.substr(0, package.find('(')); }

    void arrived(std::string_view status, std::string_view package) {
        for (std::string_view one : {std::string_view("resolved"), status})
            emit("pnpm:progress", "debug", [&](JsonWriter& json) {
                json.key("packageId").value(without_peers(package)).key("requester").value(prefix_).key("status").value(one);
            });
    }
    template <class Rest>
    void lifecycle(std::string_view package, std::string_view event, Rest&& rest) {
        emit("pnpm:lifecycle", "debug", [&](JsonWriter& json) {
            std::string& wd = script_dirs_[std::string(package) + " " + std::string(event)];
            json.key("depPath").value(package);
            rest(json, wd);
            json.key("stage").value(event).key("wd").value(wd);
        });
    }
    void message(std::string_view level, std::string_view text) {
        emit("pnpm", level, [&](JsonWriter& json) { json.key("message").value(text).key("prefix").value(prefix_); });
    }
    void end() {
        emit("pnpm:execution-time", "debug", [&](JsonWriter& json) { json.key("startedAt").value(started_ms_).key("endedAt").value(wall_ms()); });
        std::lock_guard lock(mutex_);
        flush_locked();
    }

    template <class Payload>
    void emit(std::string_view name, std::string_view level, Payload&& payload) {
        std::lock_guard lock(mutex_);
        JsonWriter json(pending_);
        json.object().key("time").value(wall_ms()).key("hostname").value(host_).key("pid").value(static_cast<std::int64_t>(pid_));
        json.key("name").value(name).key("level").value(level);
        payload(json);
        json.end();
        pending_ += '\n';
        constexpr std::size_t kEnough = 32 * 1024;
        std::int64_t now = ns_since(begun_);
        if (pending_.size() < kEnough && now - flushed_ns_ < 100'000'000) return;
        flush_locked();
        flushed_ns_ = now;
    }
    void flush_locked() {
        if (!pending_.empty()) screen_.write(pending_);
        pending_.clear();
    }

    const Screen screen_;
    const std::string host_;
    const int pid_;
    const std::string prefix_;
    const bool explains_;
    const std::string current_lockfile_;
    const std::int64_t started_ms_ = wall_ms();
    const Clock::time_point begun_ = Clock::now();
    std::mutex mutex_;
    std::string pending_, method_;
    std::map<std::string, std::string> script_dirs_;  // where a script that has started runs
    std::int64_t flushed_ns_ = 0;
};

}  // namespace

std::unique_ptr<Reporter> make_ndjson_reporter(const Settings& settings, Screen screen) {
    return std::make_unique<Ndjson>(settings, std::move(screen));
}

}  // namespace pmx
