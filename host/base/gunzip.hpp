// Gunzip: whole gzip files in memory, one after another, into one buffer, so that the decompressor and the pages of the
// buffer are paid for once. Never writes past the bound, whatever a file claims. For archives (store/gzip) and for
// documents (registry/packument_text). [one thread]
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

struct libdeflate_decompressor;

namespace pmx {

class Gunzip {
  public:
    enum class Outcome : std::uint8_t {
        done,
        damaged,    // truncated, or no gzip
        too_long,   // more than `bound` bytes would come out
        no_memory,
    };

    Gunzip();
    ~Gunzip();
    Gunzip(const Gunzip&) = delete;

    // All members of a file of several are joined; whatever follows the last one (padding, garbage) is ignored, as zlib's
    // users do. `text` is valid until the next call.
    Outcome inflate(std::string_view bytes, std::uint64_t bound, std::string_view& text);

    // The size that the last member claims. It is a hint only: wrong with several members, padding, or a liar.
    static std::size_t claimed_size(std::string_view bytes);
    static bool is_gzip(std::string_view bytes) { return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b'; }

  private:
    bool reserve(std::size_t capacity, std::size_t used);

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
