// Events: what an install tells while it runs. Implemented by the progress printer, by `--reporter ndjson` and by the
// Python module; the engine prints nothing itself. Every function may be called from any thread, several at once, and
// must return quickly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pmx {

// A dependency of a project itself that came or went.
struct RootDependency {
    std::string_view project;    // relative to the root, "." for the root
    std::string_view name, real_name, version;  // `version` may be empty: links
    std::string_view type;       // "prod", "dev", "optional"
    bool added = true;
};

struct RequestRetry {
    std::string_view package, url, message;
    unsigned attempt = 1, max_retries = 0, http_status = 0;  // http_status 0: no answer
    std::uint64_t wait_ms = 0;
};

class Events {
  public:
    virtual ~Events() = default;

    virtual void context(std::string_view lockfile, std::string_view linker, std::string_view store_dir,
                         std::string_view virtual_store_dir, std::string_view check) = 0;
    // "resolution_started", "resolution_done", "importing_started", "importing_done"
    virtual void stage(std::string_view name) = 0;
    virtual void resolving(std::size_t asked, std::size_t chosen) = 0;  // names asked for, packages chosen so far
    virtual void packages_found(std::size_t count) = 0;         // how many places the plan has
    virtual void resolved(std::string_view package) = 0;        // it has places to be made
    virtual void found_in_store(std::string_view package) = 0;
    // An answer begins, `size` UINT64_MAX when unknown; then the bytes that arrived so far.
    virtual void fetch_started(std::string_view package, std::uint64_t size) = 0;
    virtual void fetch_progress(std::string_view package, std::uint64_t received, std::uint64_t size) = 0;
    virtual void request_retry(const RequestRetry& retry) = 0;
    virtual void fetched(std::string_view package) = 0;
    virtual void imported(std::string_view package, std::string_view to, std::string_view importer) = 0;
    virtual void import_method(std::string_view name) = 0;      // once per importer that was used
    virtual void skipped_optional(std::string_view package, std::string_view reason, std::string_view details) = 0;
    virtual void ignored_scripts(const std::vector<std::string>& packages) = 0;  // may be none
    virtual void script_started(std::string_view package, std::string_view event, std::string_view script,
                                std::string_view directory) = 0;
    virtual void script_line(std::string_view package, std::string_view event, std::string_view line, bool error) = 0;
    virtual void script_ended(std::string_view package, std::string_view event, int status) = 0;
    virtual void stats(std::uint64_t added, std::uint64_t removed) = 0;
    virtual void root_dependency(const RootDependency& dependency) = 0;
    virtual void warning(std::string_view text) = 0;
    virtual void explain(std::string_view text) = 0;            // why something was done; dropped unless --explain
    virtual bool explains() const = 0;
};

}  // namespace pmx
