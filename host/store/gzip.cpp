#include "store/gzip.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include <sys/mman.h>

#include <fmt/format.h>
#include <libdeflate.h>

#include "store/store.hpp"

namespace pmx {
namespace {

// A buffer above this size is given back after its archive: a run's memory is not its largest package times its threads.
constexpr std::size_t kKeep = 32u << 20;
// Below this a high ratio proves nothing: a package may hold one large file of zeros.
constexpr std::uint64_t kRatioFrom = 64u << 20;

constexpr std::string_view kRemedy = "fetch it again; if that does not help, report this package to its registry";

bool is_gzip(std::string_view bytes) { return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b'; }

// What a body that is no archive looks like, for an error people can act on.
std::string_view guess(std::string_view bytes) {
    using namespace std::string_view_literals;
    if (bytes.empty()) return "it is empty";
    if (bytes.starts_with("\xFD"
                          "7zXZ"sv))
        return "it is compressed with xz, and packages are gzip";
    if (bytes.starts_with("BZh")) return "it is compressed with bzip2, and packages are gzip";
    if (bytes.starts_with("\x28\xB5\x2F\xFD"sv)) return "it is compressed with zstd, and packages are gzip";
    if (bytes.starts_with("PK\x03\x04"sv)) return "it is a zip file";
    std::size_t at = bytes.find_first_not_of(" \t\r\n");
    if (at != std::string_view::npos && bytes[at] == '<') return "it is an HTML or XML page";
    if (at != std::string_view::npos && bytes[at] == '{') return "it is a JSON document";
    return "it is neither gzip nor tar";
}

// The size that the last member claims. It is a hint only: wrong with several members, padding, or a liar.
std::size_t claimed_size(std::string_view archive) {
    if (archive.size() < 18) return 0;
    std::uint32_t size;
    std::memcpy(&size, archive.data() + archive.size() - 4, 4);
    return size;
}

}  // namespace

void Inflater::Free::operator()(libdeflate_decompressor* it) const { libdeflate_free_decompressor(it); }

Inflater::Inflater() : decompressor_(libdeflate_alloc_decompressor()) {}
Inflater::~Inflater() = default;

void Inflater::Release::operator()(char* it) const { std::free(it); }

// Large buffers ask for huge pages: a 130 MB package touched 32,000 small ones, each a fault.
void Inflater::reserve(std::size_t capacity, std::size_t used) {
    if (capacity <= capacity_) return;
    constexpr std::size_t huge = 2u << 20;
    if (capacity >= huge) capacity = (capacity + huge - 1) / huge * huge;
    std::unique_ptr<char[], Release> larger(static_cast<char*>(std::aligned_alloc(capacity >= huge ? huge : 64, (capacity + 63) / 64 * 64)));
    if (!larger) throw std::bad_alloc();
    if (capacity >= huge) ::madvise(larger.get(), capacity, MADV_HUGEPAGE);
    if (used) std::memcpy(larger.get(), buffer_.get(), used);
    buffer_ = std::move(larger);
    capacity_ = capacity;
}

Result<std::string_view> Inflater::inflate(std::string_view archive, std::string_view id, const UnpackLimits& limits) {
    auto refuse = [&](std::string what) { return fail(Code::ARCHIVE, std::move(what), std::string(id), std::string(kRemedy)); };
    if (archive.size() > limits.archive_bytes)
        return refuse(fmt::format("the archive is larger than {} bytes", limits.archive_bytes));
    if (!is_gzip(archive)) {
        // A tar has whole blocks and its name, never a control byte, first.
        if (archive.size() < 512 || guess(archive) != "it is neither gzip nor tar")
            return refuse(fmt::format("this is no package archive: {}", guess(archive)));
        if (archive.size() > limits.unpacked_bytes) return refuse("the archive is larger than allowed");
        return archive;
    }
    if (!decompressor_) return fail(Code::INTERNAL, "out of memory for a decompressor", std::string(id));

    const std::uint64_t bound = std::min<std::uint64_t>(
        limits.unpacked_bytes, std::max<std::uint64_t>(kRatioFrom, limits.ratio * archive.size()));
    if (capacity_ > kKeep) {
        buffer_.reset();
        capacity_ = 0;
    }
    std::size_t hint = std::max<std::size_t>(claimed_size(archive), archive.size() * 2 + 4096);
    // A hint may be a lie: believe no more than what deflate can do with so many bytes.
    hint = std::min<std::size_t>({hint, archive.size() * 1032 + 4096, static_cast<std::size_t>(bound)});
    reserve(hint, 0);

    std::size_t used = 0;
    for (std::string_view rest = archive; is_gzip(rest);) {
        std::size_t consumed = 0, produced = 0;
        std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(capacity_, bound)) - used;
        libdeflate_result result = libdeflate_gzip_decompress_ex(decompressor_.get(), rest.data(), rest.size(),
                                                                 buffer_.get() + used, room, &consumed, &produced);
        if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
            if (used + room >= bound)
                return refuse(fmt::format("the archive unpacks to more than {} bytes, which a package never does", bound));
            reserve(static_cast<std::size_t>(std::min<std::uint64_t>(bound, std::uint64_t{capacity_} * 2)), used);
            continue;
        }
        if (result != LIBDEFLATE_SUCCESS) return refuse("the archive is truncated or damaged: its gzip data ends or breaks early");
        used += produced;
        rest.remove_prefix(consumed);
    }
    return std::string_view(buffer_.get(), used);
}

}  // namespace pmx
