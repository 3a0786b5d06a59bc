// TarReader: walks a tar as it comes, entry by entry. Reads ustar, PAX (path, linkpath, size; global headers are passed
// over, as npm does), GNU long names and base-256 numbers, and old v7 archives. Pure: no disk. What it cannot be sure of
// is an error: an archive that two readers understand differently is a way to smuggle. Called by unpack. [any thread,
// one reader each]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pmx {

// Where a TarReader's bytes come from.
class TarSource {
  public:
    virtual ~TarSource() = default;
    // What comes next: at least `least` bytes, or all that is left. Valid until the next look.
    virtual Result<std::string_view> look(std::size_t least) = 0;
    // Takes `count` of the bytes that the last look showed.
    virtual void take(std::size_t count) = 0;
};

enum class TarType : std::uint8_t { file, directory, link, symlink, other };

struct TarEntry {
    TarType type = TarType::other;
    std::string_view path;  // as the archive says it; valid until the next read or call
    std::string_view link;  // target of a link; valid until the next read or call
    std::uint64_t size = 0; // of its content, as the archive says: read() may find that it ends before
    std::uint32_t mode = 0;
};

class TarReader {
  public:
    TarReader(TarSource& source, std::string_view id) : source_(source), id_(id) {}
    // false at the end. Metadata entries never show; unknown types and devices show as `other`. What was not read of the
    // entry before is passed over.
    Result<bool> next(TarEntry& entry);
    // The next piece of the entry's content, "" at its end: in one piece where it is not longer than kWhole. Valid until
    // the next read or call.
    Result<std::string_view> read();
    static constexpr std::size_t kWhole = 512u << 10;

  private:
    Result<> read_pax(std::string_view body);
    // Passes over bytes; when they end early that is `broken(what)`, or nothing where `what` is "".
    Result<> pass(std::uint64_t count, std::string_view what);
    void take(std::size_t count);
    Failure broken(std::string_view what) const;

    TarSource& source_;
    const std::string_view id_;
    std::uint64_t at_ = 0;                       // bytes taken
    std::uint64_t body_ = 0, padding_ = 0;       // of the current entry: still to come
    bool any_ = false;
    std::optional<std::string> long_path_, long_link_;  // from PAX or GNU headers, for the next entry
    std::optional<std::uint64_t> long_size_;
    std::string path_, link_;                    // of the current entry, where they do not stand in its header
};

}  // namespace pmx
