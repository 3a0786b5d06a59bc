// Packument: a registry's document about one package, scanned once and parsed only where it is asked: versions are
// kept as pieces of the text, so that four megabytes cost what the one version that is needed costs. Tolerates what npm
// tolerates (wrong types are as if absent). Immutable after scan(). [any thread]
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "model/manifest.hpp"
#include "model/semver.hpp"

namespace pmx {

// One version, parsed on request.
struct VersionManifest {
    Manifest manifest;
    std::string deprecated;  // the text ("" = no); `true` reads as a text too
    std::string integrity;   // SRI; made from shasum ("sha1-…") where the registry has nothing better; "" = none
    std::string tarball;     // absolute URL as the registry gave it; "" = none
    std::uint64_t unpacked_size = 0, file_count = 0;  // 0 = not said
    bool has_install_script = false, has_shrinkwrap = false;
    std::string license, funding_json, bin_json;  // for npm's lockfiles
};

class Packument {
  public:
    struct Entry {
        std::string_view version;  // as written: a key of `versions`
        std::string_view text;     // its JSON
    };

    // `text` is the whole document (a cache file's part or a response's body), owned by `keep`. PMX_E_PACKUMENT when it is
    // no JSON object; everything less is tolerated.
    static Result<std::shared_ptr<const Packument>> scan(std::string_view text, std::shared_ptr<const void> keep,
                                                         std::string_view subject);

    std::string_view name() const { return name_; }
    // Sorted by precedence, highest first; entries whose key is no version are left out.
    std::span<const Entry> versions() const { return entries_; }
    const Version& parsed(std::size_t index) const { return parsed_[index]; }
    std::optional<std::size_t> find(std::string_view version) const;
    std::span<const std::pair<std::string_view, std::string_view>> dist_tags() const { return tags_; }
    std::string_view tag(std::string_view name) const;  // "" when absent
    // "2021-01-01T00:00:00.000Z"; "" where the document has no time for it.
    std::string_view time(std::string_view version) const;
    std::string_view modified() const { return modified_; }
    bool has_times() const { return has_times_; }

    // Cheap question: a scan of the piece, no parse. [any thread]
    bool is_deprecated(std::size_t index) const;
    Result<VersionManifest> manifest(std::size_t index) const;

  private:
    std::string_view name_, modified_;
    std::vector<Entry> entries_;
    std::vector<Version> parsed_;
    std::vector<std::pair<std::string_view, std::string_view>> tags_;
    std::vector<std::pair<std::string_view, std::string_view>> times_;  // sorted by version text
    bool has_times_ = false;
    std::shared_ptr<const void> keep_;
    std::string subject_;
};

}  // namespace pmx
