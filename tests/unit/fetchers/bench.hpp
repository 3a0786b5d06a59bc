// The other side of a fetcher plugin: a host in a few lines over the bare C ABI, so that these tests see
// exactly what the plugin calls and how often.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "pmx/fetcher.h"
#include "pmx/services.h"

namespace pmx::test {

inline std::string text(pmx_str s) {
    return {s.data, s.length};
}
inline pmx_str str(const std::string& s) {
    return {s.data(), s.size()};
}

struct Ask {
    std::string url;
    std::uint32_t purpose = PMX_FETCH_ARCHIVE;
    std::uint64_t limit = 1u << 30;
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string commit{}, path{}, subject = "thing@1.0.0", integrity{};
};

struct Got {
    pmx_status result = PMX_FAILED;
    unsigned status = 0;
    std::uint64_t length = 0;
    std::string body;
    std::map<std::string, std::string> headers;
    int heads = 0, restarts = 0, completions = 0;
    bool started = false;
};

class Bench {
  public:
    std::function<std::string(const std::string& url)> authorization = [](const std::string&) { return ""; };
    std::map<std::string, std::string> transport;  // key → value, for every URL
    std::atomic<bool> cancelled{false};

    Bench(const std::string& plugin, std::map<std::string, std::string> options = {}) {
        char pattern[] = "/tmp/pmx-fetchers-XXXXXX";
        scratch_dir_ = ::mkdtemp(pattern);
        library_ = ::dlopen((std::string(PMX_BINARY_DIR "/lib/pmx/plugins/") + plugin + ".so").c_str(),
                            RTLD_NOW | RTLD_LOCAL);
        if (!library_) throw std::runtime_error(::dlerror());
        table_ = reinterpret_cast<pmx_plugin_entry>(::dlsym(library_, PMX_ENTRY_SYMBOL))();
        for (auto& [name, value] : options) values_.push_back({name, value});
        for (Value& value : values_) value.item = str(value.text);
        std::vector<pmx_option_value> passed;
        for (Value& value : values_) passed.push_back({str(value.name), &value.item, 1});
        pmx_config config{sizeof config, sizeof(pmx_option_value), passed.data(), passed.size()};
        created = table_->create(&host_, &op_, &config, &self_);
    }
    Bench(const Bench&) = delete;
    ~Bench() {
        end();
        std::error_code ignored;
        std::filesystem::remove_all(scratch_dir_, ignored);
    }
    // Destroys the instance; requests that were under way are complete afterwards.
    void end() {
        if (self_) table_->destroy(self_);
        self_ = nullptr;
    }

    Got get(Ask ask) { return all({std::move(ask)}).front(); }
    std::vector<Got> all(std::vector<Ask> asks) {
        for (Ask& ask : asks) start(std::move(ask));
        return wait();
    }
    void start(Ask ask) {
        Slot& slot = slots_.emplace_back();
        slot.bench = this;
        slot.ask = std::move(ask);
        for (auto& [name, value] : slot.ask.headers) slot.headers.push_back({str(name), str(value)});
        slot.request = {sizeof slot.request,   slot.ask.purpose,     str(slot.ask.url),
                        str(slot.ask.subject), slot.headers.data(),  slot.headers.size(),
                        slot.ask.limit,        str(slot.ask.commit), str(slot.ask.path),
                        str(slot.ask.integrity)};
        slot.response = {sizeof slot.response, &slot, &head, &buffer, &commit, &restart, &complete};
        pmx_status status = static_cast<const pmx_fetcher*>(table_->functions)
                                ->fetch(self_, &op_, &slot.request, &slot.response);
        std::lock_guard lock(mutex_);
        slot.got.started = status == PMX_OK;
        if (status != PMX_OK) slot.got.result = status;
    }
    std::vector<Got> wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] {
            return std::all_of(slots_.begin(), slots_.end(),
                               [](const Slot& s) { return !s.got.started || s.got.completions; });
        });
        std::vector<Got> out;
        for (Slot& slot : slots_) out.push_back(std::move(slot.got));
        lock.unlock();
        slots_.clear();
        return out;
    }
    std::uint64_t count(const std::string& name) {
        std::lock_guard lock(mutex_);
        return counters_[name];
    }
    // Everything that was reported, one line each.
    std::string reports(int at_least = PMX_NOTE) {
        std::lock_guard lock(mutex_);
        std::string out;
        for (auto& [severity, line] : reports_)
            if (severity >= at_least) out += line + "\n";
        return out;
    }

    pmx_status created = PMX_FAILED;

  private:
    struct Value {
        std::string name, text;
        pmx_str item{};
    };
    struct Slot {
        Bench* bench;
        Ask ask;
        std::vector<pmx_header> headers;
        pmx_request request;
        pmx_response response;
        std::size_t room = 0, used = 0;
        Got got;
    };
    static Slot& of(const pmx_response* r) { return *static_cast<Slot*>(r->host); }
    static Bench& of(const pmx_op* op) { return *static_cast<Bench*>(op->host); }
    static pmx_status head(const pmx_response* r, std::uint32_t status, std::uint64_t length,
                           const pmx_header* headers, std::size_t count) {
        Got& got = of(r).got;
        EXPECT_EQ(got.heads, got.restarts ? got.heads : 0) << "head() comes once, or after restart()";
        ++got.heads;
        got.status = status;
        got.length = length;
        got.headers.clear();
        for (std::size_t i = 0; i < count; ++i) got.headers[text(headers[i].name)] = text(headers[i].value);
        return PMX_OK;
    }
    static void* buffer(const pmx_response* r, std::size_t want) {
        Slot& slot = of(r);
        EXPECT_GT(slot.got.heads, 0) << "head() comes before the body";
        slot.room = want;
        slot.got.body.resize(slot.used + want);
        return slot.got.body.data() + slot.used;
    }
    static pmx_status commit(const pmx_response* r, std::size_t written) {
        Slot& slot = of(r);
        EXPECT_LE(written, slot.room);
        slot.used += written;
        slot.room -= written;
        return PMX_OK;
    }
    static void restart(const pmx_response* r) {
        Slot& slot = of(r);
        ++slot.got.restarts;
        slot.used = 0;
    }
    static void complete(const pmx_response* r, pmx_status status) {
        Slot& slot = of(r);
        slot.got.body.resize(slot.used);
        Bench& bench = *slot.bench;
        std::lock_guard lock(bench.mutex_);
        EXPECT_EQ(slot.got.completions, 0) << "complete() comes once";
        ++slot.got.completions;
        slot.got.result = status;
        bench.changed_.notify_all();
    }
    static const void* service(const pmx_host* host, const char* id) {
        Bench& bench = *static_cast<Bench*>(host->host);
        std::string wanted = id;
        if (wanted == PMX_SERVICE_COUNTERS) return &bench.counters_table_;
        if (wanted == PMX_SERVICE_CREDENTIALS) return &bench.credentials_table_;
        if (wanted == PMX_SERVICE_SCRATCH) return &bench.scratch_table_;
        return nullptr;
    }

    void* library_ = nullptr;
    const pmx_plugin* table_ = nullptr;
    void* self_ = nullptr;
    std::list<Value> values_;
    std::list<Slot> slots_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::uint64_t> counters_;
    std::vector<std::pair<int, std::string>> reports_;
    std::string scratch_dir_;
    int scratch_count_ = 0;
    pmx_host host_{sizeof host_, PMX_ABI_MAJOR, PMX_ABI_MINOR, this, &service};
    pmx_op op_{sizeof op_, this, [](const pmx_op* op) -> int { return of(op).cancelled; },
               [](const pmx_op* op, pmx_severity severity, pmx_str what, pmx_str subject, pmx_str remedy,
                  std::int32_t) {
                   std::lock_guard lock(of(op).mutex_);
                   of(op).reports_.emplace_back(severity,
                                                text(what) + " | " + text(subject) + " | " + text(remedy));
               },
               [](const pmx_op*, std::uint64_t, std::uint64_t) {}};
    pmx_counters counters_table_{sizeof counters_table_, this,
                                 [](const pmx_counters* c, const char* name, std::uint64_t by) {
                                     auto& bench = *static_cast<Bench*>(c->host);
                                     std::lock_guard lock(bench.mutex_);
                                     bench.counters_[name] += by;
                                 },
                                 [](const pmx_counters* c, const char* name, std::uint64_t value) {
                                     auto& bench = *static_cast<Bench*>(c->host);
                                     std::lock_guard lock(bench.mutex_);
                                     auto& high = bench.counters_[name];
                                     high = std::max(high, value);
                                 }};
    pmx_credentials credentials_table_{
        sizeof credentials_table_, this,
        [](const pmx_credentials* c, pmx_str url, void (*emit)(void*, pmx_str), void* context) {
            std::string value = static_cast<Bench*>(c->host)->authorization(text(url));
            if (!value.empty()) emit(context, str(value));
        },
        [](const pmx_credentials* c, pmx_str, const char* key, void (*emit)(void*, pmx_str), void* context) {
            auto& values = static_cast<Bench*>(c->host)->transport;
            if (auto it = values.find(key); it != values.end()) emit(context, str(it->second));
        }};
    pmx_scratch scratch_table_{
        sizeof scratch_table_, this, [](const pmx_scratch* s, char* buffer, std::size_t capacity) {
            auto& bench = *static_cast<Bench*>(s->host);
            std::lock_guard lock(bench.mutex_);
            std::string path = bench.scratch_dir_ + "/" + std::to_string(bench.scratch_count_++);
            std::filesystem::create_directory(path);
            if (path.size() >= capacity) return PMX_INVALID;
            path.copy(buffer, path.size());
            buffer[path.size()] = 0;
            return PMX_OK;
        }};
};

}  // namespace pmx::test
