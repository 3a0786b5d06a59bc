// Packument: a registry's document about one package, scanned once and parsed only where it is asked: versions are
// known by their place in the document, so that four megabytes cost what the one version that is needed costs. Tolerates
// what npm tolerates (wrong types are as if absent). Immutable after scan(). [any thread]
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/arena.hpp"
#include "base/result.hpp"
#include "model/manifest.hpp"
#include "model/semver.hpp"
#include "registry/packument_text.hpp"

namespace pmx {

// One version, parsed on request.
struct VersionManifest {
    Manifest manifest;
    std::string deprecated;  // the text, as lockfiles hold it; "" also for `true`, see is_deprecated
    std::string integrity;   // SRI; made from shasum ("sha1-…") where the registry has nothing better; "" = none
    std::string tarball;     // absolute URL as the registry gave it; "" = none
    std::uint64_t unpacked_size = 0, file_count = 0;  // 0 = not said
    bool has_install_script = false, has_shrinkwrap = false;
    std::string license, funding_json, bin_json;  // for npm's lockfiles; JSON as the registry wrote it
};

class Packument {
  public:
    struct Entry {
        std::string_view version;  // as written: a key of `versions`
        PackumentText::Place place;
    };

    // `body` is the whole document as it came, plain or gzip, owned by `keep`; `subject` the name that it was asked for by;
    // `gunzip` decodes and, until end_loan(), lends the text: nobody uses it meanwhile. PMX_E_PACKUMENT when it is no JSON
    // object; everything less is tolerated.
    static Result<std::shared_ptr<const Packument>> scan(std::string_view body, std::shared_ptr<const void> keep,
                                                         std::string_view subject, class Gunzip* gunzip = nullptr);
    void end_loan() const { text_->end_loan(); }

    std::string_view name() const { return name_; }
    // Sorted by precedence, highest first, by text where precedence is equal; entries whose key is no version or whose
    // value is no object are left out.
    std::span<const Entry> versions() const { return entries_; }
    const Version& parsed(std::size_t index) const { return parsed_[index]; }
    std::optional<std::size_t> find(std::string_view version) const;
    std::span<const std::pair<std::string_view, std::string_view>> dist_tags() const { return tags_; }  // sorted by name
    std::string_view tag(std::string_view name) const;  // "" when absent
    // "2021-01-01T00:00:00.000Z"; "" where the document has no time for it.
    std::string_view time(std::string_view version) const;
    std::string_view time(std::size_t index) const { return times_.empty() ? std::string_view() : times_[index]; }
    std::string_view modified() const { return modified_; }
    bool has_times() const { return has_times_; }

    // Cheap question: a scan of the piece, no parse. True for a text and for `true`. [any thread]
    bool is_deprecated(std::size_t index) const;
    Result<VersionManifest> manifest(std::size_t index) const;
    // The version's JSON.
    Result<std::string_view> text(std::size_t index) const;

  private:
    friend class PackumentFile;
    static std::optional<Version> read_version(std::string_view text);
    void sort_versions(std::vector<Entry> found, std::vector<std::pair<std::string_view, std::string_view>> times);
    std::string_view own(std::string_view raw);  // a copy, unescaped where it has to be

    std::string_view name_, modified_;
    std::vector<Entry> entries_;
    std::vector<Version> parsed_;
    std::vector<std::string_view> times_;  // of each entry; empty when the document has none
    std::vector<std::pair<std::string_view, std::string_view>> tags_;
    bool has_times_ = false;
    Arena arena_{4096};           // of the texts above, or
    std::shared_ptr<const void> keep_;  // the mapped file that they are in
    std::string subject_;
    std::unique_ptr<PackumentText> text_;
};

}  // namespace pmx
