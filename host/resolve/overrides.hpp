// Overrides: "foo", "foo@2", "bar@1>foo", and "foo@" (convergence: only where its version satisfies what is asked).
// What stands under a parent counts before what does not, what names a range before what names none, the first written
// before the later ones. Used by Hooks alone. Pure. [any thread]
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "model/manifest.hpp"
#include "model/range.hpp"
#include "resolve/policy.hpp"

namespace pmx {

// A selector taken apart. A range is "" where the selector ends in '@', nullopt where it has none.
struct OverrideSelector {
    std::string parent, name;
    std::optional<std::string> parent_range, range;
    bool has_parent = false;
};
// nullopt for what is none.
std::optional<OverrideSelector> parse_override_selector(std::string_view text);

struct Override {
    OverrideSelector selector;
    std::string text;   // the selector as written
    std::string value;  // catalogs resolved
    bool converge = false;
    std::optional<Range> parent_range, range;
    std::optional<Version> version;  // where it converges
    std::string protocol, path;      // "link:" or "file:" and its absolute path
    bool is_relative = false;
};

class Overrides {
  public:
    static Result<Overrides> make(const Policy& policy, const std::string& root);

    bool empty() const { return list_.empty(); }
    const std::vector<Override>& list() const { return list_; }
    // `dir`: where relative overrides start; "" for packages, which have no place of their own.
    void apply(Manifest& manifest, std::string_view dir) const;
    // The value for a dependency that no manifest declares.
    std::optional<std::string> value_of(std::string_view name, std::string_view specifier, std::string_view dir) const;

  private:
    struct Parent;
    const Override* choose(const Parent& parent, std::string_view name, std::string_view specifier) const;
    void apply_to(TextMap& dependencies, const Parent& parent, std::string_view dir) const;
    void apply_to_peers(Manifest& manifest, const Parent& parent, std::string_view dir) const;

    std::vector<Override> list_;
    std::unordered_map<std::string, std::vector<std::size_t>> by_name_;  // strongest first
};

}  // namespace pmx
