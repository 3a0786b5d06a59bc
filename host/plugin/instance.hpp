// Plugin: one instance of a loaded library, with the host services it was given. Made by the loader, shared by the
// handles of plugins.hpp, destroyed when the last of them is gone; the library stays. Private to this room.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "plugin/plugins.hpp"
#include "pmx/services.h"

namespace pmx {

// What all plugins of one Plugins share. Outlives Plugins where a handle does.
struct HostRoom {
    HostServices services;
    std::mutex mutex;
    std::map<std::string, std::uint64_t, std::less<>> counters;  // names that Metrics has no field for
    void diagnostic(int severity, std::string_view what, std::string_view subject, std::string_view remedy) const;
};

// The pmx_op of one call: collects what is reported and turns the call's status into an Error. [any]
class Op {
  public:
    Op(const HostRoom& room, const PluginInfo& info);
    Op(const Op&) = delete;
    const pmx_op* c() const { return &op_; }

    // The Error of a call that ended with `status`: the last PMX_ERROR it reported, or a sentence of our own. `doing`
    // is what failed ("the fetch"), `subject` on what; both only fill gaps. MISMATCH and the fetch statuses become what
    // `codes` says.
    struct Codes {
        Code mismatch = Code::PLUGIN_FAILED, not_found = Code::PLUGIN_FAILED, denied = Code::PLUGIN_FAILED,
             unavailable = Code::PLUGIN_FAILED, invalid = Code::PLUGIN_FAILED, unsupported = Code::PLUGIN_FAILED;
    };
    Error error(pmx_status status, std::string_view doing, std::string_view subject, const Codes& codes) const;
    // The last reported sentence becomes a diagnostic (a call that went well and complained nevertheless).
    void forward() const;

  private:
    struct Said {
        std::string what, subject, remedy;
        int sys;
    };
    static int is_cancelled(const pmx_op* op) noexcept;
    static void report(const pmx_op* op, pmx_severity severity, pmx_str what, pmx_str subject, pmx_str remedy,
                       std::int32_t system_error) noexcept;
    static void progress(const pmx_op* op, std::uint64_t done, std::uint64_t total) noexcept;

    pmx_op op_;
    const HostRoom& room_;
    const PluginInfo& info_;
    mutable std::mutex mutex_;
    std::optional<Said> said_;
};

inline std::string_view view(pmx_str text) { return text.length ? std::string_view(text.data, text.length) : std::string_view(); }
inline pmx_str str(std::string_view text) { return {text.data(), text.size()}; }
// Statuses outside the closed set are PMX_FAILED.
inline pmx_status closed(pmx_status status) {
    return static_cast<unsigned>(status) <= static_cast<unsigned>(PMX_FAILED) ? status : PMX_FAILED;
}

// The tables of services.h for one instance; `scratch` directories vanish with it.
class ServiceTables {
  public:
    explicit ServiceTables(std::shared_ptr<HostRoom> room);
    ~ServiceTables();
    ServiceTables(const ServiceTables&) = delete;
    const pmx_host* host() const { return &host_; }

  private:
    static const void* service(const pmx_host* host, const char* id) noexcept;
    static pmx_status make_scratch(const pmx_scratch* scratch, char* buffer, std::size_t capacity) noexcept;

    std::shared_ptr<HostRoom> room_;
    std::mutex mutex_;
    std::vector<std::string> scratch_dirs_;
    pmx_host host_;
    pmx_log log_;
    pmx_executor executor_;
    pmx_counters counters_;
    pmx_scratch scratch_;
    pmx_digest digest_;
    pmx_credentials credentials_;
    pmx_requests requests_;
    pmx_registry registry_;
};

// One request of a fetcher. It stays until the instance ends, so that a late or second complete() hits something.
struct FetchSlot;

class Plugin {
  public:
    Plugin(std::shared_ptr<HostRoom> room, PluginInfo info, const pmx_plugin* table);
    ~Plugin();
    Plugin(const Plugin&) = delete;

    // [setup] Checks `values` against the declared options and makes the instance.
    Result<> create(const OptionValues& values);

    template <class Table>
    const Table& functions() const {
        return *static_cast<const Table*>(table_->functions);
    }
    void* self() const { return self_; }
    const PluginInfo& info() const { return info_; }
    const HostRoom& room() const { return *room_; }
    FetchSlot& new_slot(FetchRequest request, std::function<void(Result<FetchResponse>)> done);

  private:
    std::shared_ptr<HostRoom> room_;
    const PluginInfo info_;
    const pmx_plugin* table_;
    std::unique_ptr<ServiceTables> services_;
    void* self_ = nullptr;
    bool created_ = false;
    std::mutex mutex_;
    std::deque<std::unique_ptr<FetchSlot>> slots_;
};

// options.cpp: the declared options of a table, and the values that an instance gets.
Result<std::vector<PluginOption>> declared_options(const pmx_plugin& table, const std::string& file);
Result<OptionValues> checked_options(const PluginInfo& info, const OptionValues& values);

// elf.cpp: what a file says about itself before it is loaded.
struct LibrarySymbols {
    bool has_entry = false;          // pmx_plugin_entry_v1
    std::vector<unsigned> majors;    // of every pmx_plugin_entry_vN it defines
    std::string fault;               // why it is no library for this machine; "" = it is one
    bool unknown = false;            // a library whose symbols cannot be listed: ask the dynamic linker
};
Result<LibrarySymbols> library_symbols(const std::string& file);

// Plugins that are part of this program (PMX_STATIC_PLUGINS); generated by plugins/CMakeLists.txt.
struct StaticPlugin {
    const char* name;
    pmx_plugin_entry entry;
};

}  // namespace pmx
