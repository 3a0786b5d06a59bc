#include "base/gunzip.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <sys/mman.h>

#include <libdeflate.h>

namespace pmx {
namespace {

// A buffer above this size is given back after its file: a run's memory is not its largest package times its threads.
constexpr std::size_t kKeep = 32u << 20;
constexpr std::size_t kMostPerByte = 1032;  // what deflate can make of one byte

}  // namespace

void Gunzip::Free::operator()(libdeflate_decompressor* it) const { libdeflate_free_decompressor(it); }
void Gunzip::Release::operator()(char* it) const { std::free(it); }

std::size_t Gunzip::claimed_size(std::string_view bytes) {
    if (bytes.size() < 18) return 0;
    std::uint32_t size;
    std::memcpy(&size, bytes.data() + bytes.size() - 4, 4);
    return size;
}

Gunzip::Gunzip() : decompressor_(libdeflate_alloc_decompressor()) {}
Gunzip::~Gunzip() = default;

// Large buffers ask for huge pages: a 130 MB package touched 32,000 small ones, each a fault.
bool Gunzip::reserve(std::size_t capacity, std::size_t used) {
    if (capacity <= capacity_) return true;
    constexpr std::size_t huge = 2u << 20;
    if (capacity >= huge) capacity = (capacity + huge - 1) / huge * huge;
    std::unique_ptr<char[], Release> larger(static_cast<char*>(std::aligned_alloc(capacity >= huge ? huge : 64, (capacity + 63) / 64 * 64)));
    if (!larger) return false;
    if (capacity >= huge) ::madvise(larger.get(), capacity, MADV_HUGEPAGE);
    if (used) std::memcpy(larger.get(), buffer_.get(), used);
    buffer_ = std::move(larger);
    capacity_ = capacity;
    return true;
}

Gunzip::Outcome Gunzip::inflate(std::string_view bytes, std::uint64_t bound, std::string_view& text) {
    if (!decompressor_) return Outcome::no_memory;
    if (!is_gzip(bytes)) return Outcome::damaged;
    if (capacity_ > kKeep) {
        buffer_.reset();
        capacity_ = 0;
    }
    std::size_t hint = std::max<std::size_t>(claimed_size(bytes), bytes.size() * 2 + 4096);
    // A hint may be a lie: believe no more than what deflate can do with so many bytes.
    hint = std::min<std::size_t>({hint, bytes.size() * kMostPerByte + 4096, static_cast<std::size_t>(bound)});
    if (!reserve(hint, 0)) return Outcome::no_memory;

    std::size_t used = 0;
    for (std::string_view rest = bytes; is_gzip(rest);) {
        std::size_t consumed = 0, produced = 0;
        std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(capacity_, bound)) - used;
        libdeflate_result result = libdeflate_gzip_decompress_ex(decompressor_.get(), rest.data(), rest.size(),
                                                                 buffer_.get() + used, room, &consumed, &produced);
        if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
            if (used + room >= bound) return Outcome::too_long;
            if (!reserve(static_cast<std::size_t>(std::min<std::uint64_t>(bound, std::uint64_t{capacity_} * 2)), used)) return Outcome::no_memory;
            continue;
        }
        if (result != LIBDEFLATE_SUCCESS) return Outcome::damaged;
        used += produced;
        rest.remove_prefix(consumed);
    }
    text = {buffer_.get(), used};
    return Outcome::done;
}

}  // namespace pmx
