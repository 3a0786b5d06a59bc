// The kit's side of the boundary, a proxy that checks while it serves: Instance makes one instance of the plugin with host
// services that know whether the instance still lives; Window is the pmx_op of one call, and knows whether the call still
// runs. What the plugin does against the rules is a breach of the Bench. Private to the kit.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>

#include "lend.hpp"
#include "pmx/services.h"

namespace pmx::testkit {

class Instance;

// Windows stay in memory for the life of the process, so that a late use hits something.
class Window {
  public:
    static Window& open(Bench& bench) { return *new Window(bench); }
    const pmx_op* c() const { return &op_; }
    void close() { is_open_ = false; }
    bool is_open() const { return is_open_; }
    void cancel() { cancelled_ = true; }
    void cancel_after(int asks) { asks_left_ = asks; }  // the plugin may ask so often before it is told
    int asks() const { return asks_; }
    // The last error that was reported.
    std::string said() const;
    bool has_said() const { return !said().empty(); }

  private:
    explicit Window(Bench& bench);
    static int is_cancelled(const pmx_op* op) noexcept;
    static void report(const pmx_op* op, pmx_severity, pmx_str what, pmx_str subject, pmx_str remedy, std::int32_t) noexcept;
    static void progress(const pmx_op* op, std::uint64_t, std::uint64_t) noexcept;
    bool check(const char* function) const;

    Bench& bench_;
    pmx_op op_;
    std::atomic<bool> is_open_{true}, cancelled_{false};
    std::atomic<int> asks_{0}, asks_left_{-1};
    mutable std::mutex mutex_;
    std::string said_;
};

using Values = std::map<std::string, std::vector<std::string>>;

class Instance {
  public:
    // Options that `values` does not name have the bench's usual value, or their default. Fails the case when the plugin does not start.
    explicit Instance(Bench& bench, const Values& values = {});
    ~Instance() { end(); }
    Instance(const Instance&) = delete;
    // The status of create(), for cases that want a failure; on success the instance is ended at once.
    static pmx_status try_create(Bench& bench, const Values& values, bool with_services, std::string* said);

    void* self() const { return self_; }
    void end();
    // Runs body(window's op), which calls a function of the plugin: an exception, a status outside the closed set and a
    // failure without a sentence are breaches. `window` is closed afterwards unless the call goes on (a fetcher).
    template <class Body>
    pmx_status call(Window& window, Body&& body, bool goes_on = false) {
        pmx_status status = PMX_FAILED;
        try {
            status = body(window.c());
        } catch (const std::exception& error) {
            bench_.breach("exceptions", text("an exception came out of the plugin: ", error.what()));
        } catch (...) {
            bench_.breach("exceptions", "something was thrown out of the plugin");
        }
        if (!goes_on) window.close();
        return judged(bench_, window, status);
    }
    // PMX_FAILED for what is no status.
    static pmx_status judged(Bench& bench, const Window& window, pmx_status status);
    std::map<std::string, std::uint64_t> counters() const;
    // The Authorization of URLs that begin so. Before the first fetch.
    void authorize(const std::string& beginning, const std::string& value);

  private:
    struct Services;
    Instance(Bench& bench, const Values& values, bool with_services);
    pmx_status create(const Values& values, Window& window);

    Bench& bench_;
    Services* services_;  // never freed: used late by a plugin that keeps going
    void* self_ = nullptr;
    bool created_ = false;
};

std::string_view name_of(pmx_status status);

}  // namespace pmx::testkit
