// Inflater: a whole gzip file in memory to a whole tar in memory. One per thread, reused from archive to archive. Called by
// unpack; knows nothing of tar but that bytes without a gzip header may be one already. Keeps the limits, whatever the
// archive claims, and says in words what a body is that is no archive.
#pragma once

#include <string_view>

#include "base/gunzip.hpp"
#include "base/result.hpp"

namespace pmx {

struct UnpackLimits;

class Inflater {
  public:
    // The tar inside `archive`, valid until the next call. All members of a file of several are joined; whatever
    // follows the last one (padding, garbage) is ignored, as zlib's users do. Input without the gzip magic is returned
    // as it is when it could be a tar, and refused with PMX_E_ARCHIVE when it is another format.
    Result<std::string_view> inflate(std::string_view archive, std::string_view id, const UnpackLimits& limits);

  private:
    Gunzip gunzip_;
};

}  // namespace pmx
