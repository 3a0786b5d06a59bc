// Extensions: what manifests lack and packageExtensions adds: dependencies, optional and peer dependencies and which
// peers are optional; what a manifest says itself stays. The built-in list of known mistakes comes first, then the
// project's own. Used by Hooks alone. Pure. [any thread]
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "model/manifest.hpp"
#include "model/range.hpp"

namespace pmx {

class Extensions {
  public:
    // `json`: the setting's text, "" for none. PMX_E_CONFIG for what is no such map.
    static Result<Extensions> make(std::string_view json, bool ignore_compatibility_db);

    void apply(Manifest& manifest) const;
    bool empty() const { return !compatibility_ && own_.empty(); }
    // As pnpm writes it: "sha256-…" of the setting, whatever the order of its keys; "" where it is empty.
    const std::string& checksum() const { return checksum_; }

  private:
    struct Extension {
        std::optional<Range> range;  // nullopt: every version
        TextMap dependencies, optional_dependencies, peer_dependencies;
        std::vector<std::string> optional_peers;
    };
    static void extend(Manifest& manifest, const Extension& extension);
    void apply_compatibility(Manifest& manifest) const;

    bool compatibility_ = false;
    std::unordered_map<std::string, std::vector<Extension>> own_;
    std::string checksum_;
};

}  // namespace pmx
