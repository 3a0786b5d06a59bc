#include "store/gzip.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "store/store.hpp"

namespace pmx {
namespace {

// Below this a high ratio proves nothing: a package may hold one large file of zeros.
constexpr std::uint64_t kRatioFrom = 64u << 20;

constexpr std::string_view kRemedy = "fetch it again; if that does not help, report this package to its registry";

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

}  // namespace

Result<std::string_view> Inflater::inflate(std::string_view archive, std::string_view id, const UnpackLimits& limits) {
    auto refuse = [&](std::string what) { return fail(Code::ARCHIVE, std::move(what), std::string(id), std::string(kRemedy)); };
    if (archive.size() > limits.archive_bytes)
        return refuse(fmt::format("the archive is larger than {} bytes", limits.archive_bytes));
    if (!Gunzip::is_gzip(archive)) {
        // A tar has whole blocks and its name, never a control byte, first.
        if (archive.size() < 512 || guess(archive) != "it is neither gzip nor tar")
            return refuse(fmt::format("this is no package archive: {}", guess(archive)));
        if (archive.size() > limits.unpacked_bytes) return refuse("the archive is larger than allowed");
        return archive;
    }
    const std::uint64_t bound = std::min<std::uint64_t>(
        limits.unpacked_bytes, std::max<std::uint64_t>(kRatioFrom, limits.ratio * archive.size()));
    std::string_view tar;
    switch (gunzip_.inflate(archive, bound, tar)) {
        case Gunzip::Outcome::done: return tar;
        case Gunzip::Outcome::too_long: return refuse(fmt::format("the archive unpacks to more than {} bytes, which a package never does", bound));
        case Gunzip::Outcome::no_memory: return fail(Code::INTERNAL, "out of memory for unpacking", std::string(id));
        case Gunzip::Outcome::damaged: break;
    }
    return refuse("the archive is truncated or damaged: its gzip data ends or breaks early");
}

}  // namespace pmx
