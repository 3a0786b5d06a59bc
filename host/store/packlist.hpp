// PackList: which files of a directory belong to its package, as npm packs it and as pnpm takes a `file:` directory:
// the `files` field, .npmignore (else .gitignore), and what is always in or always out. Called by view_directory. Pure:
// it is asked about paths and answers. Symbolic links are nobody's: the walk never offers them. [any thread]
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pmx {

// One ignore file: gitignore's syntax, relative to the directory that it stands in.
class IgnoreRules {
  public:
    IgnoreRules() = default;
    IgnoreRules(std::string_view text, std::string_view below);
    enum class Verdict { silent, ignored, kept };
    Verdict verdict(std::string_view path, bool is_dir) const;

  private:
    struct Rule {
        std::string pattern;
        bool negated, dir_only, anchored;
    };
    std::string below_;
    std::vector<Rule> rules_;
};

class PackList {
  public:
    PackList(std::string_view package_json, std::string_view id);
    // `rules`: the ignore files from the root down to the entry's directory.
    bool enters(std::string_view dir, std::span<const IgnoreRules* const> rules) const;
    bool takes(std::string_view file, std::span<const IgnoreRules* const> rules) const;

  private:
    bool listed(std::string_view file) const;
    bool has_files_ = false;
    std::vector<std::string> always_;                    // main, bin
    std::vector<std::pair<std::string, bool>> files_;    // pattern, negated
};

// A glob against a whole path: `*` and `?` stay within a component, `**` crosses them, [a-z] is a class.
bool glob_matches(std::string_view pattern, std::string_view path);

}  // namespace pmx
