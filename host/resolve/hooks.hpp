// Hooks: what changes a manifest before it is resolved, in pnpm's order: packageExtensions (the built-in compatibility
// list first), overrides, ignored optional dependencies. Parsed once from a Policy, then applied to every manifest,
// a project's own included. Pure. [any thread]
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/manifest.hpp"
#include "model/range.hpp"
#include "resolve/policy.hpp"

namespace pmx {

class Hooks {
  public:
    // `root`: the lockfile's directory, to which link: and file: overrides are relative. PMX_E_CONFIG for a selector
    // that cannot be parsed or a convergence on no version, PMX_E_CATALOG for an override that refers to no entry.
    static Result<Hooks> make(const Policy& policy, const std::string& root);
    ~Hooks();
    Hooks(Hooks&&) noexcept;
    Hooks& operator=(Hooks&&) noexcept;

    // A package's manifest. [any thread]
    void apply(Manifest& manifest) const;
    // A project's, whose directory is `dir` (absolute): relative overrides are rewritten to start there.
    void apply_to_project(Manifest& manifest, const std::string& dir) const;
    // The override of a dependency that no manifest declares (an auto-installed peer); nullopt = none, "-" = leave it
    // out. `dir`: the absolute directory where relative overrides are to start; "" = they become absolute.
    std::optional<std::string> override_of(std::string_view name, std::string_view specifier, std::string_view dir = {}) const;
    // Nothing would be changed: the common case costs nothing.
    bool is_empty() const;

    // `overrides:` as the lockfile records them, catalogs resolved; `packageExtensionsChecksum`, "" for none.
    std::vector<std::pair<std::string, std::string>> recorded_overrides() const;
    std::string extensions_checksum() const;

  private:
    Hooks();
    struct Rules;
    std::unique_ptr<const Rules> rules_;
};

// "default" of "catalog:", "name" of "catalog:name"; nullopt for what is no catalog's.
std::optional<std::string_view> catalog_of(std::string_view specifier);
// "catalog:" and "catalog:name": the specifier that the catalog holds for `alias`. PMX_E_CATALOG when there is no such
// entry, or when an entry refers to what a catalog may not hold. nullopt when `specifier` is no catalog's.
struct FromCatalog {
    std::string catalog, specifier;
};
Result<std::optional<FromCatalog>> resolve_catalog(const Policy& policy, std::string_view alias, std::string_view specifier);

// Which patch belongs to a version: exact before range before all. PMX_E_PATCH when two ranges fit.
// A version that is none (of a directory or an archive) has only those that name the package.
struct PatchRule {
    std::string key, hash;
};
class Patches {
  public:
    static Result<Patches> make(const Policy& policy);
    Result<std::optional<PatchRule>> find(std::string_view name, std::string_view version) const;
    // Keys that find() never gave. For PMX_E_PATCH unless allowUnusedPatches.
    std::vector<std::string> unused(const std::vector<std::string>& used) const;
    bool is_empty() const { return rules_.empty(); }

  private:
    struct Rule {
        std::string key, hash, name, range;
        std::optional<Range> parsed;  // where it is neither exact nor all
        bool exact = false, all = false;
    };
    std::vector<Rule> rules_;
};

}  // namespace pmx
