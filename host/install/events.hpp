// Events: what an install tells while it runs. Implemented by the progress printer, by `--reporter ndjson` and by the
// Python module; the engine prints nothing itself. Every function may be called from any thread, several at once, and
// must return quickly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pmx {

class Events {
  public:
    virtual ~Events() = default;

    virtual void context(std::string_view lockfile, std::string_view linker, std::string_view store_dir,
                         std::string_view virtual_store_dir, std::string_view check) = 0;
    virtual void stage(std::string_view name) = 0;              // "importing_started", "importing_done"
    virtual void packages_found(std::size_t count) = 0;         // how many places the plan has
    virtual void found_in_store(std::string_view package) = 0;
    virtual void fetched(std::string_view package) = 0;
    virtual void imported(std::string_view package, std::string_view to) = 0;
    virtual void import_method(std::string_view name) = 0;      // once per importer that was used
    virtual void skipped_optional(std::string_view package, std::string_view reason, std::string_view details) = 0;
    virtual void ignored_scripts(const std::vector<std::string>& packages) = 0;
    virtual void script_started(std::string_view package, std::string_view event, std::string_view script,
                                std::string_view directory) = 0;
    virtual void script_line(std::string_view package, std::string_view event, std::string_view line, bool error) = 0;
    virtual void script_ended(std::string_view package, std::string_view event, int status) = 0;
    virtual void stats(std::uint64_t added, std::uint64_t removed) = 0;
    virtual void warning(std::string_view text) = 0;
    virtual void explain(std::string_view text) = 0;            // why something was done; dropped unless --explain
    virtual bool explains() const = 0;
};

}  // namespace pmx
