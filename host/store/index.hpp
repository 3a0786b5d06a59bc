// The index of an object: what its flat files are. One file, written once, read with one read() and used where it lies;
// docs/STORE.md has the format byte by byte. Written by unpack, read by Store::find, verify and prune. Pure: bytes in,
// bytes out. A reader trusts nothing: checksum, bounds, and every path again. [any thread]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/store.hpp"

namespace pmx {

inline constexpr std::string_view kIndexName = "index";

// Collects an object's rows; `bytes()` gives the file. Strings are copied on the way in.
class IndexWriter {
  public:
    // The returned reference is stable until the next add_file: fill in what the disk said after writing.
    struct Row {
        std::uint64_t size = 0, inode = 0;
        std::int64_t mtime_ns = 0;
        std::uint64_t checksum = 0;  // XXH3-64 of the content
        std::uint32_t mode = 0;
        std::string_view path;
        std::uint32_t ordinal = 0;   // the file's name
    };
    void add_file(const Row& row) { rows_.push_back(row); }
    void add_dir(std::string_view path) { dirs_.push_back(path); }
    void add_digest(std::string_view sha256) { digests_ += sha256; }
    void describe(std::string_view id, const ObjectManifest& manifest);
    // The views given before must still be valid.
    std::string bytes() const;

  private:
    std::vector<Row> rows_;
    std::vector<std::string_view> dirs_;
    std::string digests_;
    std::string_view id_;
    ObjectManifest manifest_;
};

// Takes the file's bytes into `view` (storage and everything that points into it; not dir, not device). False when the
// bytes are no whole index of this version: torn, damaged, foreign, or with a path that leaves the package.
bool read_index(std::string bytes, ObjectView& view);

}  // namespace pmx
