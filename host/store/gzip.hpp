// Inflater: a whole gzip file in memory to a whole tar in memory. One per thread, reused from archive to archive, so
// that the decompressor and the pages of the buffer are paid for once. Called by unpack; knows nothing of tar but that
// bytes without a gzip header may be one already. Never writes past the limits, whatever the archive claims.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.hpp"

struct libdeflate_decompressor;

namespace pmx {

struct UnpackLimits;

class Inflater {
  public:
    Inflater();
    ~Inflater();
    Inflater(const Inflater&) = delete;

    // The tar inside `archive`, valid until the next call. All members of a file of several are joined; whatever
    // follows the last one (padding, garbage) is ignored, as zlib's users do. Input without the gzip magic is returned
    // as it is when it could be a tar, and refused with PMX_E_ARCHIVE when it is another format.
    Result<std::string_view> inflate(std::string_view archive, std::string_view id, const UnpackLimits& limits);

  private:
    void reserve(std::size_t capacity, std::size_t used);

    struct Free {
        void operator()(libdeflate_decompressor* it) const;
    };
    std::unique_ptr<libdeflate_decompressor, Free> decompressor_;
    struct Release {
        void operator()(char* it) const;
    };
    std::unique_ptr<char[], Release> buffer_;
    std::size_t capacity_ = 0;
};

}  // namespace pmx
