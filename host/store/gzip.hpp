// Inflater: an archive, whole or still arriving, as the tar that it holds, a window at a time, so that a package of 130 MB
// needs neither 130 MB nor their page faults. One per thread, reused from archive to archive. Called by unpack; knows nothing of tar
// but that bytes without a gzip header may be one already. Keeps the limits, whatever the archive claims, and says in
// words what a body is that is no archive. [one thread]
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/gunzip.hpp"
#include "base/result.hpp"
#include "store/archive_source.hpp"
#include "store/store.hpp"
#include "store/tar.hpp"

struct inflate_state;

namespace pmx {

class Inflater final : public TarSource {
  public:
    Inflater();
    ~Inflater() override;

    // Begins with an archive, which must stay until the last look. All members of a gzip file of several are joined;
    // whatever follows the last one (padding, garbage) is ignored, as zlib's users do. Without the gzip magic it is taken
    // as it is when it could be a tar, and refused with PMX_E_ARCHIVE when it is another format.
    Result<> open(ArchiveSource& archive, std::string_view id, const UnpackLimits& limits);

    Result<std::string_view> look(std::size_t least) override;
    void take(std::size_t count) override;

  private:
    Result<> fill();
    Result<> copy();
    Result<> pull();
    Result<> keep_bound();
    Result<bool> begins_member();
    void make_room(std::size_t least);
    Failure refuse(std::string what) const;

    Gunzip gunzip_;                         // for what is small
    std::unique_ptr<inflate_state> state_;  // for what is not
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_ = 0, begin_ = 0, end_ = 0;  // what was made and not yet taken: [begin_, end_) of the buffer
    ArchiveSource* source_ = nullptr;
    UnpackLimits limits_;
    std::string_view rest_;   // of the archive's piece; of a tar in memory: what was not yet taken
    std::string_view after_;  // the piece behind rest_, where that is carry_
    char carry_ = 0;
    std::uint64_t seen_ = 0, made_ = 0, bound_ = 0;
    bool in_memory_ = false, is_gzip_ = false, all_seen_ = false, finished_ = false;
    std::string id_;
};

}  // namespace pmx
