// Plugins: found by name, loaded with Boost.DLL (or linked in), negotiated, and called through typed handles that turn
// statuses into Results. Loading happens at most once per library and on first use; nothing is scanned. The handles'
// methods carry the SDK's thread tags; load() is [setup].
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.hpp"
#include "base/pages.hpp"
#include "base/pool.hpp"
#include "base/result.hpp"
#include "model/graph.hpp"
#include "model/plan.hpp"
#include "pmx/fetcher.h"
#include "pmx/importer.h"
#include "pmx/layout.h"
#include "pmx/services.h"
#include "pmx/validator.h"

namespace pmx {

enum class PluginKind : std::uint8_t { layout, importer, fetcher, validator };

// Values for options, by name; a plugin gets those that it declares. "PLUGIN.OPTION" is for one plugin, wins, and must be
// declared. Lists have many items.
using OptionValues = std::map<std::string, std::vector<std::string>, std::less<>>;

// What the host offers to plugins during a run. Everything is optional; functions may be called from any thread.
struct HostServices {
    std::function<void(int severity, std::string_view line)> log;
    std::size_t executor_width = 1;
    std::function<void(std::size_t count, const std::function<void(std::size_t)>& body)> parallel_for;
    Metrics* metrics = nullptr;
    std::string scratch_parent;  // where pmx.scratch/1 makes directories
    std::function<std::string(std::string_view url)> authorization;                           // "" = none
    std::function<std::string(std::string_view url, std::string_view key)> transport;         // "" = none
    const CancelFlag* cancel = nullptr;
    // A library from outside the installation is about to be loaded, and this user has not used it before, or not with
    // this content (`changed`). What was used stands in `record`.
    std::string record;
    std::function<void(std::string_view name, std::string_view file, bool changed)> first_use;
    std::function<void(int severity, std::string_view what, std::string_view subject, std::string_view remedy)> diagnostic;
    std::function<void(const pmx_retry& retry)> retrying;
    // The document at `path` of the registry that the package's name belongs to; waits for it.
    std::function<Result<std::string>(std::string_view package, std::string_view path)> registry;
};

// Where plugins are looked for: each directory of `path`, then the installation's own. A name with '/' is a file.
struct PluginPath {
    std::vector<std::string> directories;  // --plugin-path, PMX_PLUGIN_PATH, user configuration; never from a project
    bool allow_drafts = false;
};

class Plugin;  // one loaded library and its instance

// One option as a plugin declares it.
struct PluginOption {
    std::string name, summary;
    pmx_option_type type = PMX_OPTION_STRING;
    std::vector<std::string> fallback;  // one for scalars, any number for lists; empty: no value
    std::vector<std::string> choices;   // empty: any
    std::int64_t minimum = 0, maximum = 0;  // equal: no bounds
};

struct PluginInfo {
    std::string name, version, summary, kind, file;
    std::uint32_t capabilities = 0;
    bool builtin = false;  // from the installation or linked in
    std::vector<PluginOption> options;
    std::uint16_t needs_minor = 0;  // of the interface: the lowest that it can live with
};

// A library that a name would find, or that another of the same name hides. Nothing of it has run.
struct FoundPlugin {
    std::string name, file;  // "linked in: NAME" for a part of this program
    bool builtin = false, hidden = false;
};

class Layout {
  public:
    // Runs the layout over `graph` and checks every path. [worker]
    Result<Plan> plan(const Graph& graph) const;
    const PluginInfo& info() const;
    std::shared_ptr<Plugin> plugin;
};

class Importer {
  public:
    // PMX_UNSUPPORTED is not an error: the status tells the chain to go on. [worker]
    Result<pmx_status> import(const pmx_import& job, std::size_t& done) const;
    const PluginInfo& info() const;
    std::shared_ptr<Plugin> plugin;
};

// Takes a body while it arrives, in order. Calls come one after another, from any thread, and must not block.
class BodyTaker {
  public:
    virtual ~BodyTaker() = default;
    virtual void add(Pages piece) = 0;
    // What came so far is worthless: the body begins anew.
    virtual void restart() = 0;
};

struct FetchRequest {
    std::string url, subject, commit, path;
    std::string integrity = {};  // what the lockfile promises; the fetcher may use it as a name, the host checks it
    std::vector<std::pair<std::string, std::string>> headers;
    std::uint32_t purpose = PMX_FETCH_ARCHIVE;
    std::uint64_t size_limit = 4ull << 30;
    // While it runs, from any thread: 0 bytes when an answer begins (each try has one), then what has arrived. `total`
    // is UINT64_MAX where the server does not say.
    std::function<void(std::uint64_t received, std::uint64_t total)> progress = {};
    // Asked when a body is known to be longer than `large`, at most once for each try: who takes it while it arrives, or
    // null: it is held whole. `total` as above. Who took the beginning takes all further tries.
    std::function<std::shared_ptr<BodyTaker>(std::uint64_t total)> taker = {};
    std::uint64_t large = UINT64_MAX;
};
struct FetchResponse {
    std::uint32_t status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;         // empty where somebody took it
    std::uint64_t taken = 0;  // bytes that somebody took
};

class Fetcher {
  public:
    bool takes(std::string_view url) const;  // by scheme
    bool is_blocking() const;
    // `done` is called exactly once, from any thread, possibly before this returns. [any]
    void fetch(FetchRequest request, std::function<void(Result<FetchResponse>)> done) const;
    const PluginInfo& info() const;
    std::shared_ptr<Plugin> plugin;
};

// What one validator makes of an archive that arrives in pieces. Gone before it ended: nobody asks for its verdict.
// [one thread]
class ArchiveCheck {
  public:
    ArchiveCheck(std::shared_ptr<Plugin> plugin, std::string id, const pmx_archive_check& check);
    ArchiveCheck(ArchiveCheck&& other) noexcept;
    ~ArchiveCheck();
    Result<> add(std::string_view piece);
    // As check_archive of all pieces. Once.
    Result<> end();

  private:
    std::shared_ptr<Plugin> plugin_;  // null: it has ended
    std::string id_;
    pmx_archive_check check_;
};

class Validator {
  public:
    // OK, or the error that stops the install (PMX_E_INTEGRITY, PMX_E_POLICY). [worker]
    Result<> check_archive(const pmx_archive& archive) const;
    // The same, for an archive whose bytes are still to come. [worker]
    Result<ArchiveCheck> begin_archive(const pmx_archive& archive) const;
    // false: the object does not hold and must be repaired; `bad` is the row. [worker]
    Result<bool> check_object(const pmx_object& object, std::size_t& bad) const;
    Result<> check_manifest(const pmx_manifest& manifest) const;
    bool checks_archives() const;
    bool takes_pieces() const;  // of an archive
    bool checks_objects() const;
    bool checks_manifests() const;
    const PluginInfo& info() const;
    std::shared_ptr<Plugin> plugin;
};

// Loads plugins for one run and keeps them until it is destroyed.
class Plugins {
  public:
    Plugins(PluginPath path, HostServices services);
    ~Plugins();
    // `name` is a plugin's name or a path. Errors list each path tried, or say both versions and the remedy.
    Result<Layout> layout(std::string_view name, const OptionValues& options);
    Result<Importer> importer(std::string_view name, const OptionValues& options);
    Result<Fetcher> fetcher(std::string_view name, const OptionValues& options);
    Result<Validator> validator(std::string_view name, const OptionValues& options);
    // A strategy of this very program, found by its name before any library. The table outlives this. Negotiated like
    // a library's.
    Result<> add(const pmx_plugin* table);
    // What a library says about itself; loads it, makes no instance.
    Result<PluginInfo> describe(std::string_view name);
    // What lies on the search path and in the installation, in that order and sorted by name in each directory, without
    // loading anything; for `pmx plugin list`.
    std::vector<FoundPlugin> found() const;
    std::size_t loaded() const;  // libraries so far: the no-op install asserts 0
    // Counters of plugins that Metrics has no field for, by name; for --timing.
    std::map<std::string, std::uint64_t, std::less<>> counters() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pmx
