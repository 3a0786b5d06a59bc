// Pins: what the existing lockfile says, indexed for the walk, less what is to be updated. Called by the walk only. Reads
// the lockfile, which outlives it. [one thread]
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/pattern.hpp"
#include "model/specifier.hpp"
#include "resolve/pick.hpp"
#include "resolve/tree.hpp"

namespace pmx {

// Exact: nothing but a registry's version under its own name.
bool is_registry_record(const PackageRecord& record);
bool is_registry_kind(SpecifierKind kind);
Preferred::Kind preferred_kind(SpecifierKind kind);
// A version or range that `version` satisfies; never a tag.
bool is_satisfied(const Specifier& specifier, std::string_view version);

class Pins {
  public:
    explicit Pins(const TreeInput& input);

    bool empty() const { return lockfile_ == nullptr; }
    // The edges of the lockfile may be followed. Not so where overrides or extensions changed, nor under dedupe: then its
    // versions are preferred, and no more.
    bool edges_hold() const { return edges_hold_; }

    // Registry versions of this name that the lockfile has and that are still preferred.
    std::span<const PackageRecord* const> versions(std::string_view name) const;
    // The one that satisfies, where there is exactly one and no other choice could be better; else nullptr.
    const PackageRecord* only_fit(const Specifier& specifier) const;
    // This very version, where the lockfile's edges may be followed.
    const PackageRecord* exact(std::string_view name, std::string_view version) const;
    // How many versions of this name the lockfile has, whatever is updated.
    std::size_t count(std::string_view name) const;

    // A project's or a package's locked dependency. nullptr when there is none or when it may not be followed.
    const Edge* direct(std::string_view dir, std::string_view alias) const;
    std::string_view direct_specifier(std::string_view dir, std::string_view alias) const;
    // How many specifiers the lockfile has of it.
    std::size_t direct_count(std::string_view dir) const;
    bool knows_project(std::string_view dir) const { return projects_.contains(dir); }
    // Index into graph().packages of some package with this record; kNoPackage when there is none.
    std::uint32_t package(std::string_view key) const;
    const Graph& graph() const { return lockfile_->graph; }
    const PackageRecord* record_of(const Edge& edge) const;
    const PackageRecord* record_of_package(std::uint32_t package) const { return records_[package]; }
    // The catalog's entry is what it was.
    bool same_catalog(std::string_view catalog, std::string_view alias, std::string_view specifier) const;

    // `update` means this package here: pins of it are given up. `dir`: of the project, for direct dependencies (depth 0).
    bool is_updated(std::string_view name, std::uint32_t depth, std::string_view dir) const;
    // A project now asks for a version of this name that the lockfile has not: edges to it are looked at again.
    void add_moved(std::string_view name, const Specifier& specifier);
    bool has_moved() const { return !moved_.empty(); }
    bool is_moved(std::string_view name) const { return !moved_.empty() && moved_.contains(name); }
    const std::vector<const Specifier*>* moved(std::string_view name) const;

  private:
    const Lockfile* lockfile_ = nullptr;
    UpdateScope update_;
    PatternList updated_names_;
    bool edges_hold_ = true;
    std::unordered_map<std::string_view, std::vector<const PackageRecord*>> versions_;
    std::unordered_map<std::string_view, std::uint32_t> packages_;  // record key → the first package of that record
    std::vector<const PackageRecord*> records_;                     // by package
    struct Locked {
        std::unordered_map<std::string_view, const Edge*> edges;
        std::unordered_map<std::string_view, std::string_view> specifiers;
    };
    std::unordered_map<std::string_view, Locked> projects_;
    std::unordered_map<std::string_view, std::vector<const Specifier*>> moved_;
};

}  // namespace pmx
