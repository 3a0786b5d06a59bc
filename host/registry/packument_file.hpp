// PackumentFile: the form in which the cache on disk keeps a packument: a head, the versions sorted with the places of
// their pieces, the tags, the few texts that are looked at (names, times, ETag), the pieces that the run asked for, and the
// document as it came, mostly gzip. Mapped when it is read: a version that was asked for before costs its own pages, and
// another one a decoding. The head and the index carry a sum, each piece its own, which is checked when the piece is used
// (gzip has one itself): a damaged file is as if it were not there. Written beside its place and renamed. Used by
// packuments.cpp. [any thread]
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "registry/packument.hpp"

namespace pmx {

// What a request for the same document should say, and how old the copy is.
struct PackumentStamp {
    std::string etag, last_modified;
    std::int64_t fetched_ms = 0;  // since 1970
};

class PackumentFile {
  public:
    struct Loaded {
        std::shared_ptr<const Packument> packument;
        PackumentStamp stamp;
    };
    // nullopt: no such file, or one that is damaged, of another form or of another package.
    static std::optional<Loaded> read(const std::string& path, std::string_view name);
    // Directories above `path` must exist.
    static Result<> write(const std::string& path, const Packument& packument, const PackumentStamp& stamp);
    // The copy was found to be as good as new. Failure is no harm: it is asked about again.
    static void touch(const std::string& path, std::int64_t fetched_ms);

    // Below the directory of the cache: "packuments/<registry>/<name>.<form>"; "" when no safe name can be made.
    static std::string relative_path(std::string_view registry, std::string_view name, bool full);
};

}  // namespace pmx
