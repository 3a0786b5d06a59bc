// TarReader: walks a tar that lies in memory and returns its entries as views into it. Reads ustar, PAX (path,
// linkpath, size; global headers are passed over, as npm does), GNU long names and base-256 numbers, and old v7
// archives. Pure: no disk. What it cannot be sure of is an error: an archive that two readers understand differently is
// a way to smuggle. Called by unpack. [any thread, one reader each]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pmx {

enum class TarType : std::uint8_t { file, directory, link, symlink, other };

struct TarEntry {
    TarType type = TarType::other;
    std::string_view path;  // as the archive says it; valid until the next call
    std::string_view link;  // target of a link; valid until the next call
    std::string_view data;  // valid as long as the archive
    std::uint32_t mode = 0;
};

class TarReader {
  public:
    TarReader(std::string_view tar, std::string_view id) : tar_(tar), id_(id) {}
    // false at the end. Metadata entries never show; unknown types and devices show as `other`.
    Result<bool> next(TarEntry& entry);

  private:
    struct Header;
    Result<> read_pax(std::string_view body);
    bool starts_entry(std::size_t at) const;
    Failure broken(std::string what) const;

    std::string_view tar_, id_;
    std::size_t at_ = 0;
    bool any_ = false;
    std::optional<std::string_view> long_path_, long_link_;  // from PAX or GNU headers, for the next entry
    std::optional<std::uint64_t> long_size_;
    std::string joined_;  // prefix/name
};

}  // namespace pmx
