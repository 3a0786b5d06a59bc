// PackageSource: a directory of packages seen as a registry. Each package folder (<name> or @scope/<name>) is one of
//   sources   <name>/<version>/…files…             packed on first use, packument made from the package.json files
//   recorded  <name>/package.json + *.tgz beside    a packument as a registry sent it; tarball URLs are replaced
//   mirrored  <name>/-/<file>.tgz                   packument made from the archives
// An optional <name>/dist-tags.json overrides the tags, <name>/times.json the times of sources and mirrors: by version
// "2026-01-31T12:00:00.000Z", or a number of minutes before now; every other version is years old. What was made once is
// kept for good, compressed where that was asked for: a served directory must not change. Called by the embedded
// registry's threads; never writes, never leaves the directory. [any thread]
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pmx::registry {

// Bytes that outlive every response that borrows them.
struct Body {
    std::string_view bytes;
    std::shared_ptr<const void> keep;
    std::string etag;  // with quotes
    int fd = -1;       // of a file with these very bytes, where one is held open
};

Body text_body(std::string text);  // without an etag

class PackageSource {
  public:
    explicit PackageSource(std::string directory) : directory_(std::move(directory)) {}

    enum class Form { full, abbreviated };
    // `base` is this server's own URL without a trailing slash; `compressed` asks for gzip. Errors: FETCH_NOT_FOUND
    // when there is no such package, anything else when the directory is broken.
    Result<Body> packument(const std::string& name, Form form, const std::string& base, bool compressed);
    // `file` is the last component of a tarball URL.
    Result<Body> tarball(const std::string& name, const std::string& file);

    // Makes what clients ask for first, the compressed abbreviated packument of every package, on `threads` threads; how
    // many there are. Names the package that is broken.
    Result<std::size_t> prepare(const std::string& base, int threads);
    // How many packuments and archives have been made so far.
    std::uint64_t made() const { return made_; }

  private:
    Result<std::vector<std::string>> names() const;
    Result<std::string> make_packument(const std::string& name, Form form, const std::string& base);
    Result<std::string> recorded_packument(const std::string& name, const std::string& text, Form form,
                                           const std::string& base);

    std::string directory_;
    std::atomic<std::uint64_t> made_{0};
    std::mutex mutex_;
    std::map<std::string, Body> packuments_;  // by form, base, coding and name
    std::map<std::string, Body> tarballs_;    // by name/file
};

}  // namespace pmx::registry
