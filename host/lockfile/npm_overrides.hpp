// NpmOverride: the `overrides` of a project's package.json by npm's rules: nested objects count below the package they
// are named after, keys may carry a range, values may refer to the project's own dependencies ("$react"). Read by the
// resolver and by the writer of version 2. Pure. [any thread]
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "lockfile/npm_entry.hpp"

namespace pmx {

class NpmOverride {
  public:
    // nullptr where there are none. PMX_E_CONFIG for what is no object of overrides or nests too deep.
    static Result<std::unique_ptr<const NpmOverride>> parse(std::string_view json, std::string_view subject);

    // The rule for an edge of a node to which this one applies: a more special one, or this one.
    const NpmOverride* of_edge(std::string_view name, std::string_view spec) const;


    // What the edge's specifier becomes; "" = it stays. `root`: whose dependencies "$name" means.
    std::string_view value(std::string_view name, const NpmEntry& root) const;

  private:
    friend class NpmOverrideReader;
    bool fits(std::string_view spec, std::string_view name) const;

    std::string name_, range_, value_;  // range_: "*" for any; value_: "*" changes nothing
    const NpmOverride* parent_ = nullptr;
    std::vector<std::unique_ptr<NpmOverride>> children_;
};

}  // namespace pmx
