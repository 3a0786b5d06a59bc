#include <chrono>
#include <map>
#include <mutex>

#include <simdjson.h>
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
          settings_store_(join_path(settings.text("store-dir"), "v1")), virtual_store_(settings.text("virtual-store-dir")),
          current_lockfile_(join_path(join_path(settings.root, settings.text("virtual-store-dir")), "lock.yaml")) {}

    void context(std::string_view, std::string_view, std::string_view store_dir, std::string_view virtual_store_dir, std::string_view) override {
        told_context_ = true;
        manifest();
        auto there = stat_at(AT_FDCWD, current_lockfile_.c_str());
        emit("pnpm:context", "debug", [&](JsonWriter& json) {
            json.key("currentLockfileExists").value(there && *there).key("storeDir").value(store_dir);
            json.key("virtualStoreDir").value(join_path(prefix_, virtual_store_dir));
        });
    }
    void stage(std::string_view name) override {
        emit("pnpm:stage", "debug", [&](JsonWriter& json) { json.key("prefix").value(prefix_).key("stage").value(name); });
        resolved_anew_ |= name == "resolution_started";
        if (name == "importing_started" && !resolved_anew_) message("info", "Lockfile is up to date, resolution step is skipped");
        std::lock_guard lock(mutex_);
        flush_locked();
    }
    void resolving(std::size_t, std::size_t) override {}
    void packages_found(std::size_t) override {}
    void resolved(std::string_view package) override { arrived("resolved", package); }
    void found_in_store(std::string_view package) override { arrived("found_in_store", package); }
    void fetched(std::string_view package) override { arrived("fetched", package); }
    void fetch_started(std::string_view package, std::uint64_t size) override {
        emit("pnpm:fetching-progress", "debug", [&](JsonWriter& json) {
            auto failed = failed_attempts_.find(package);
            unsigned attempt = 1 + (failed == failed_attempts_.end() ? 0 : failed->second);
            json.key("status").value("started").key("attempt").value(attempt).key("packageId").value(without_peers(package)).key("size");
            size == UINT64_MAX ? json.null() : json.value(size);
        });
    }
    // As pnpm: large archives only, and not for every packet.
    void fetch_progress(std::string_view package, std::uint64_t received, std::uint64_t size) override {
        constexpr std::uint64_t kLarge = 5u << 20;
        constexpr std::int64_t kPause = 500'000'000;
        if (size == UINT64_MAX || size < kLarge) return;
        {
            std::lock_guard lock(mutex_);
            std::int64_t now = ns_since(begun_);
            auto [told, first] = told_ns_.try_emplace(std::string(package), now);
            if (!first && received < size && now - told->second < kPause) return;
            told->second = now;
        }
        emit("pnpm:fetching-progress", "debug", [&](JsonWriter& json) {
            json.key("status").value("in_progress").key("downloaded").value(received).key("packageId").value(without_peers(package));
        });
    }
    void request_retry(const RequestRetry& retry) override {
        emit("pnpm:request-retry", "debug", [&](JsonWriter& json) {
            failed_attempts_[std::string(retry.package)] = retry.attempt;
            json.key("attempt").value(retry.attempt).key("error").object().key("message").value(retry.message);
            if (retry.http_status != 0) json.key("httpStatusCode").value(std::to_string(retry.http_status));
            json.end().key("maxRetries").value(retry.max_retries).key("method").value("GET").key("timeout").value(retry.wait_ms);
            json.key("url").value(retry.url);
        });
    }
    void imported(std::string_view, std::string_view to, std::string_view importer) override {
        emit("pnpm:progress", "debug", [&](JsonWriter& json) {
            json.key("status").value("imported").key("method").value(pnpm_method(importer)).key("requester").value(prefix_);
            json.key("to").value(join_path(prefix_, to));
        });
    }
    void import_method(std::string_view name) override {
        emit("pnpm:package-import-method", "debug", [&](JsonWriter& json) { json.key("method").value(pnpm_method(name)); });
    }
    void root_dependency(const RootDependency& dependency) override {
        emit("pnpm:root", "debug", [&](JsonWriter& json) {
            json.key("prefix").value(join_path(prefix_, dependency.project)).key(dependency.added ? "added" : "removed").object();
            json.key("name").value(dependency.name);
            if (dependency.added) json.key("realName").value(dependency.real_name);
            if (!dependency.version.empty()) json.key("version").value(dependency.version);
            json.key("dependencyType").value(dependency.type).end();
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
        // Where nothing had to be done nothing was begun either; programs wait for the same frame all the same.
        if (!told_context_) {
            context({}, {}, settings_store_, virtual_store_, {});
            stage("importing_started");
            stage("importing_done");
        }
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

    static std::string_view pnpm_method(std::string_view importer) { return importer == "reflink" ? "clone" : importer; }

    // The install has read and checked this file; here it only loses its line breaks.
    void manifest() {
        constexpr std::size_t kLimit = 8u << 20;
        auto text = read_file(AT_FDCWD, join_path(prefix_, "package.json").c_str(), kLimit);
        if (!text) return;
        if (text->starts_with("\xef\xbb\xbf")) text->erase(0, 3);
        simdjson::dom::parser parser;
        simdjson::dom::element parsed;
        if (parser.parse(*text).get(parsed) != simdjson::SUCCESS) return;
        emit("pnpm:package-manifest", "debug",
             [&](JsonWriter& json) { json.key("prefix").value(prefix_).key("initial").raw(simdjson::minify(parsed)); });
    }
    void arrived(std::string_view status, std::string_view package) {
        emit("pnpm:progress", "debug", [&](JsonWriter& json) {
            json.key("status").value(status).key("packageId").value(without_peers(package)).key("requester").value(prefix_);
        });
    }
    template <class Rest>
    void lifecycle(std::string_view package, std::string_view event, Rest&& rest) {
        emit("pnpm:lifecycle", "debug", [&](JsonWriter& json) {
            std::string& wd = script_dirs_[std::string(package) + " " + std::string(event)];
            rest(json, wd);
            // pnpm names a project by its directory.
            json.key("depPath").value(join_path(prefix_, package) == wd ? std::string_view(wd) : package);
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
    const std::string settings_store_, virtual_store_;
    const std::string current_lockfile_;
    const std::int64_t started_ms_ = wall_ms();
    const Clock::time_point begun_ = Clock::now();
    std::mutex mutex_;
    std::string pending_;
    std::map<std::string, std::int64_t, std::less<>> told_ns_;  // by package: its last bytes
    std::map<std::string, unsigned, std::less<>> failed_attempts_;  // by package
    bool resolved_anew_ = false;
    bool told_context_ = false;
    std::map<std::string, std::string> script_dirs_;  // where a script that has started runs
    std::int64_t flushed_ns_ = 0;
};

}  // namespace

std::unique_ptr<Reporter> make_ndjson_reporter(const Settings& settings, Screen screen) {
    return std::make_unique<Ndjson>(settings, std::move(screen));
}

}  // namespace pmx
