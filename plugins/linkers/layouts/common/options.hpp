// Options that several layouts share, read once when an instance is made. Keeps copies: configuration is
// borrowed for the length of create() only.
#pragma once

#include <pmx/layout.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "hoisting.hpp"

namespace pmx::layouts {

// A directory as people write it, as the plan wants it: no "./" in front, no '/' at the end.
inline std::string tidy_dir(std::string_view text, std::string_view fallback) {
    while (text.starts_with("./")) text.remove_prefix(2);
    while (text.ends_with('/')) text.remove_suffix(1);
    return std::string(text.empty() ? fallback : text);
}

// "node_modules/.pnpm" unless it was moved; a moved modules-dir takes it along.
inline std::string virtual_store_dir(const sdk::Config& config, const std::string& modules_dir) {
    std::string dir = tidy_dir(config.text("virtual-store-dir"), "node_modules/.pnpm");
    return dir == "node_modules/.pnpm" ? modules_dir + "/.pnpm" : dir;
}

// The texts of a hoist-pattern option and their rules.
class HoistOptions {
  public:
    explicit HoistOptions(const sdk::Config& config) {
        if (config.flag("hoist", true))
            for (std::string_view pattern : config.list("hoist-pattern")) private_.emplace_back(pattern);
        for (std::string_view pattern : config.list("public-hoist-pattern")) public_.emplace_back(pattern);
        if (config.flag("shamefully-hoist")) public_ = {"*"};
        workspace_packages_ = config.flag("hoist-workspace-packages", true);
    }
    HoistRules rules() const {
        return {Patterns({private_.begin(), private_.end()}), Patterns({public_.begin(), public_.end()}),
                workspace_packages_};
    }

  private:
    std::vector<std::string> private_, public_;
    bool workspace_packages_;
};

// "packages/a/" for a project directory, "" for the root.
inline std::string project_prefix(std::string_view dir) {
    return dir == "." ? std::string() : std::string(dir) + '/';
}

// May this package bring executables? A directory's manifest is not in the lockfile, so it may.
inline bool may_have_bins(const pmx_package& package) {
    return package.flags & (PMX_PACKAGE_HAS_BIN | PMX_PACKAGE_DIRECTORY);
}

}  // namespace pmx::layouts
