// PackumentText: a packument's document in the form that is at hand: plain JSON in memory or in a mapped file, or gzip as
// the registry sent it, of which only the pieces that somebody asked for are kept decoded. Sixty megabytes of documents are
// ten of gzip and two of pieces; where a piece that nobody asked for before is wanted, the document is decoded again, and
// then stays. Used by packument*.cpp. [any thread]
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pmx {

class PackumentText {
  public:
    // Where a piece is in the decoded document.
    struct Place {
        std::uint32_t at = 0, size = 0;
    };
    static constexpr std::uint64_t kLargest = 512ull << 20;  // decoded

    // `body` is owned by `keep`. Where it is gzip, `decoded` may lend what is in it, until end_loan().
    PackumentText(std::string_view body, std::shared_ptr<const void> keep, std::string_view decoded = {});

    // Valid as long as this is. PMX_E_PACKUMENT, without a subject, where a file of the cache was damaged.
    Result<std::string_view> piece(std::size_t index, Place place) const;
    void end_loan() const;

    bool is_gzip() const { return gzip_; }
    std::string_view body() const { return body_; }
    // Of gzip: the pieces that were asked for.
    std::vector<std::pair<std::size_t, std::string_view>> held() const;

  private:
    friend class PackumentFile;
    Error damaged() const;

    const std::string_view body_;
    const std::shared_ptr<const void> keep_;
    const bool gzip_;
    // From the cache on disk: the file to give up when a sum differs; of plain text, each piece's sum.
    std::string file_;
    std::vector<std::uint32_t> sums_;
    std::map<std::size_t, std::uint32_t> held_sums_;  // not looked at yet
    mutable std::mutex mutex_;                        // guards what follows, and held_sums_ once this is shared
    mutable std::string_view text_;                   // decoded, when it is at hand
    mutable bool lent_ = false;
    mutable std::string decoded_;
    mutable std::map<std::size_t, std::string_view> held_;
    mutable std::map<std::size_t, std::string> copies_;
};

}  // namespace pmx
