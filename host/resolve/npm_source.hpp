// NpmSource: what npm's resolver knows of packages: the entry that a lockfile would have for the version that a
// specifier means, from packuments, archives and repositories, and for a directory, from its package.json. Asked by
// npm_resolve.cpp; every answer is kept for the run. [one thread]
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.hpp"
#include "lockfile/lockfile.hpp"
#include "lockfile/npm_entry.hpp"
#include "resolve/npm_tree.hpp"
#include "resolve/tree.hpp"

namespace pmx {

class NpmSource {
  public:
    NpmSource(const TreeInput& input, NpmNodes& nodes) : input_(input), nodes_(nodes) {}

    // Asks for what an entry depends on, ahead of need. Never waits.
    void want(const NpmEntry& entry);
    // `base`: the directory that paths are relative to. Remembered, errors too.
    const Result<const NpmEntry*>& get(std::string_view name, std::string_view spec, std::string_view base);
    // Of a directory relative to the root. `manifest`: as it is to be, where that is not what is on the disk; `old`: what
    // the lockfile says, for what the manifest does not hold and a directory that cannot be read.
    const NpmEntry* directory(std::string_view dir, const Manifest* manifest, const NpmEntry* old);
    // What a package brings in its archive: with `bundleDependencies`, or with a lockfile of its own. Paths start at the
    // package ("node_modules/x"); what lies inside comes after.
    Result<std::vector<const NpmEntry*>> inside(const NpmEntry& package);
    std::size_t asked() const { return asked_; }

  private:
    Result<const NpmEntry*> of_registry(const Specifier& specifier);
    Result<const NpmEntry*> of_source(const Specifier& specifier, std::string_view base);
    Result<std::size_t> pick(const Packument& packument, const Specifier& specifier);
    Result<std::size_t> pick_range(const Packument& packument, const Specifier& specifier, std::string_view range);
    bool runs_here(const Packument& packument, std::size_t version) const;
    bool is_early(const Packument& packument, std::size_t version) const;
    void fill(NpmEntry& entry, const Manifest& manifest, std::string_view json);
    std::string_view keep(std::string_view text) { return text.empty() ? std::string_view() : nodes_.keep(std::string(text)); }

    const TreeInput& input_;
    NpmNodes& nodes_;
    std::deque<NpmEntry> entries_;
    std::deque<Lockfile> shrinkwraps_;
    std::unordered_map<std::string, Result<const NpmEntry*>> answers_;
    std::unordered_map<std::string, const NpmEntry*> versions_;  // "name@version" of a registry
    std::unordered_set<std::string> wanted_;
    std::size_t asked_ = 0;
};

}  // namespace pmx
