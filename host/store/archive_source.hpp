// ArchiveSource: an archive as its bytes come, for unpack. One that is whole is one piece (WholeArchive); one that is still
// arriving comes in many (install/arrival). [one thread]
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace pmx {

class ArchiveSource {
  public:
    virtual ~ArchiveSource() = default;
    // The next piece, waiting for it; "" at the end. Valid until the next call. The first has 512 bytes, or all there are.
    virtual Result<std::string_view> next() = 0;
    // The last piece that was shown was the last that there is: nothing had to be waited for.
    virtual bool was_whole() const = 0;
    // Waits until more than `count` bytes are known to be there, shown or not, or all; says how many.
    virtual Result<std::uint64_t> more_than(std::uint64_t count) = 0;
    // Whether these are the right bytes, all of them: asked before anything is published, and before another reason is given
    // for refusing them.
    virtual Result<> prove() = 0;
};

// In memory, and proven before.
class WholeArchive final : public ArchiveSource {
  public:
    explicit WholeArchive(std::string_view bytes) : size_(bytes.size()), bytes_(bytes) {}
    Result<std::string_view> next() override { return std::exchange(bytes_, {}); }
    bool was_whole() const override { return true; }
    Result<std::uint64_t> more_than(std::uint64_t) override { return size_; }
    Result<> prove() override { return {}; }

  private:
    const std::uint64_t size_;
    std::string_view bytes_;
};

}  // namespace pmx
