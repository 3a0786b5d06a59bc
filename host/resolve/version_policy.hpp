// VersionPolicy: names, patterns and exact versions that a rule does not apply to: "react", "@scope/*",
// "lodash@4.17.20 || 4.17.21". Parsed once by policy_from(), asked by pick() for every name. Pure. [any thread]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pmx {

class VersionPolicy {
  public:
    // PMX_E_CONFIG for a range, or for versions of a pattern; `setting` is named in it.
    static Result<VersionPolicy> make(const std::vector<std::string>& entries, std::string_view setting);

    struct Verdict {
        bool every_version = false;
        std::vector<std::string_view> versions;  // in the author's order, each once; empty where every_version
        bool names(std::string_view version) const;
    };
    Verdict judge(std::string_view name) const;
    bool empty() const { return rules_.empty(); }

  private:
    struct Rule {
        std::string name;
        std::vector<std::string> versions;  // empty: every version
        bool pattern = false;
    };
    std::vector<Rule> rules_;
};

// Entries of one name joined, in the order of their first mention, versions sorted: what is saved in a list of exclusions.
std::vector<std::string> merge_version_entries(const std::vector<std::string>& entries);

}  // namespace pmx
