#include "registry/packument_file.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <limits>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/checksum.hpp"
#include "base/fs.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "model/contained_path.hpp"

namespace pmx {
namespace {

constexpr char kMagic[8] = {'p', 'm', 'x', 'p', 'a', 'c', 'k', '2'};
constexpr std::size_t kLargest = 1u << 30;

struct Slice {
    std::uint32_t at = 0, size = 0;
};
struct Head {
    char magic[8];
    std::uint64_t sum = 0;        // of everything from file_size to the pieces
    std::int64_t fetched_ms = 0;  // changed in place, so not part of the sum
    std::uint64_t file_size = 0;
    std::uint32_t texts_at = 0, texts_size = 0, pieces_size = 0, body_size = 0;
    std::uint32_t versions = 0, tags = 0, pieces = 0, has_times = 0;
    Slice subject, name, modified, etag, last_modified;  // of the texts
};
struct VersionRow {
    Slice version, time;  // of the texts
    Slice piece;          // of the decoded document
    std::uint32_t sum = 0;  // of the piece, where the document is plain
};
struct TagRow {
    Slice name, version;  // of the texts
};
struct PieceRow {
    std::uint32_t version = 0;  // which
    Slice place;                // of the pieces
    std::uint32_t sum = 0;
};
static_assert(sizeof(PieceRow) == 16 && sizeof(Head) == 104 && sizeof(VersionRow) == 28 && sizeof(TagRow) == 16, "the form on disk has no gaps");
constexpr std::size_t kSummedFrom = offsetof(Head, file_size);

// A file that stays mapped as long as somebody looks at it.
std::shared_ptr<const void> map_file(const std::string& path, std::string_view& bytes) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat stat {};
    if (!fd || ::fstat(fd.raw(), &stat) != 0 || !S_ISREG(stat.st_mode)) return nullptr;
    const auto size = static_cast<std::size_t>(stat.st_size);
    if (size < sizeof(Head) || size > kLargest) return nullptr;
    void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.raw(), 0);
    if (at == MAP_FAILED) return nullptr;
    bytes = {static_cast<const char*>(at), size};
    return {at, [size](const void* p) { ::munmap(const_cast<void*>(p), size); }};
}

class Texts {
  public:
    Slice add(std::string_view text) {
        const Slice slice{static_cast<std::uint32_t>(all.size()), static_cast<std::uint32_t>(text.size())};
        all += text;
        return slice;
    }
    std::string all;
};

template <class Row>
Row row_at(std::string_view bytes, std::size_t at) {
    Row row;
    std::memcpy(&row, bytes.data() + at, sizeof row);
    return row;
}

bool write_all(int fd, std::array<iovec, 5>& parts) {
    std::size_t next = 0;
    while (next < parts.size()) {
        if (parts[next].iov_len == 0) {
            ++next;
            continue;
        }
        const ssize_t written = ::writev(fd, parts.data() + next, static_cast<int>(parts.size() - next));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        for (auto left = static_cast<std::size_t>(written); left > 0;) {
            const std::size_t taken = std::min(left, parts[next].iov_len);
            parts[next].iov_base = static_cast<char*>(parts[next].iov_base) + taken;
            parts[next].iov_len -= taken;
            left -= taken;
            if (parts[next].iov_len == 0) ++next;
        }
    }
    return true;
}

iovec part(const void* at, std::size_t size) { return {const_cast<void*>(at), size}; }

}  // namespace

std::optional<PackumentFile::Loaded> PackumentFile::read(const std::string& path, std::string_view name) {
    std::string_view bytes;
    auto keep = map_file(path, bytes);
    if (!keep) return std::nullopt;
    const Head head = row_at<Head>(bytes, 0);
    const std::uint64_t tags_at = sizeof(Head) + std::uint64_t{head.versions} * sizeof(VersionRow);
    const std::uint64_t pieces_rows_at = tags_at + std::uint64_t{head.tags} * sizeof(TagRow);
    const std::uint64_t rows_end = pieces_rows_at + std::uint64_t{head.pieces} * sizeof(PieceRow);
    const std::uint64_t pieces_at = std::uint64_t{head.texts_at} + head.texts_size, body_at = pieces_at + head.pieces_size;
    if (std::memcmp(head.magic, kMagic, sizeof kMagic) != 0 || head.file_size != bytes.size() || head.texts_at != rows_end ||
        body_at + head.body_size != bytes.size() || checksum(bytes.substr(kSummedFrom, pieces_at - kSummedFrom)) != head.sum)
        return std::nullopt;
    const std::string_view texts = bytes.substr(head.texts_at, head.texts_size), pieces = bytes.substr(pieces_at, head.pieces_size);
    const std::string_view body = bytes.substr(body_at);
    bool sound = true;
    const auto piece = [&sound](std::string_view of, Slice slice) {
        if (std::uint64_t{slice.at} + slice.size <= of.size()) return of.substr(slice.at, slice.size);
        sound = false;
        return std::string_view();
    };
    if (piece(texts, head.subject) != name) return std::nullopt;

    auto made = std::make_shared<Packument>();
    Packument& out = *made;
    out.name_ = piece(texts, head.name);
    out.modified_ = piece(texts, head.modified);
    out.has_times_ = head.has_times != 0;
    out.entries_.reserve(head.versions);
    out.parsed_.reserve(head.versions);
    auto text = std::make_unique<PackumentText>(body, keep);
    if (!text->is_gzip()) text->sums_.reserve(head.versions);
    if (out.has_times_) out.times_.reserve(head.versions);
    for (std::uint32_t i = 0; i < head.versions; ++i) {
        const auto row = row_at<VersionRow>(bytes, sizeof(Head) + i * sizeof(VersionRow));
        const std::string_view version = piece(texts, row.version);
        auto parsed = Packument::read_version(version);
        if (!parsed) return std::nullopt;
        out.entries_.push_back({version, {row.piece.at, row.piece.size}});
        out.parsed_.push_back(std::move(*parsed));
        if (!text->is_gzip()) text->sums_.push_back(row.sum);
        if (out.has_times_) out.times_.push_back(piece(texts, row.time));
    }
    for (std::uint32_t i = 0; i < head.tags; ++i) {
        const auto row = row_at<TagRow>(bytes, tags_at + i * sizeof(TagRow));
        out.tags_.emplace_back(piece(texts, row.name), piece(texts, row.version));
    }
    for (std::uint32_t i = 0; i < head.pieces; ++i) {
        const auto row = row_at<PieceRow>(bytes, pieces_rows_at + i * sizeof(PieceRow));
        if (row.version >= head.versions) return std::nullopt;
        text->held_[row.version] = piece(pieces, row.place);
        text->held_sums_[row.version] = row.sum;
    }
    text->file_ = path;
    out.subject_ = name;
    out.keep_ = std::move(keep);
    out.text_ = std::move(text);
    PackumentStamp stamp{std::string(piece(texts, head.etag)), std::string(piece(texts, head.last_modified)), head.fetched_ms};
    if (!sound) return std::nullopt;
    return Loaded{std::move(made), std::move(stamp)};
}

Result<> PackumentFile::write(const std::string& path, const Packument& packument, const PackumentStamp& stamp) {
    const PackumentText& text = *packument.text_;
    const std::string_view body = text.body();
    Texts texts;
    Head head{};
    std::memcpy(head.magic, kMagic, sizeof kMagic);
    head.fetched_ms = stamp.fetched_ms;
    head.subject = texts.add(packument.subject_);
    head.name = texts.add(packument.name_);
    head.modified = texts.add(packument.modified_);
    head.etag = texts.add(stamp.etag);
    head.last_modified = texts.add(stamp.last_modified);
    head.has_times = packument.has_times_;
    std::vector<VersionRow> versions(packument.entries_.size());
    std::vector<TagRow> tags(packument.tags_.size());
    for (std::size_t i = 0; i < versions.size(); ++i) {
        const Packument::Entry& entry = packument.entries_[i];
        VersionRow& row = versions[i];
        row.version = texts.add(entry.version);
        if (packument.has_times_) row.time = texts.add(packument.times_[i]);
        row.piece = {entry.place.at, entry.place.size};
        if (!text.is_gzip()) row.sum = static_cast<std::uint32_t>(checksum(body.substr(entry.place.at, entry.place.size)));
    }
    for (std::size_t i = 0; i < tags.size(); ++i)
        tags[i] = {texts.add(packument.tags_[i].first), texts.add(packument.tags_[i].second)};
    std::vector<PieceRow> piece_rows;
    std::string pieces;
    for (const auto& [version, piece] : text.held()) {
        piece_rows.push_back({static_cast<std::uint32_t>(version), {static_cast<std::uint32_t>(pieces.size()), static_cast<std::uint32_t>(piece.size())},
                              static_cast<std::uint32_t>(checksum(piece))});
        pieces += piece;
    }
    const std::size_t versions_size = versions.size() * sizeof(VersionRow), tags_size = tags.size() * sizeof(TagRow);
    const std::size_t piece_rows_size = piece_rows.size() * sizeof(PieceRow);
    const std::size_t texts_at = sizeof(Head) + versions_size + tags_size + piece_rows_size;
    const std::size_t size = texts_at + texts.all.size() + pieces.size() + body.size();
    if (size > kLargest) return {};  // not worth keeping
    head.versions = static_cast<std::uint32_t>(versions.size());
    head.tags = static_cast<std::uint32_t>(tags.size());
    head.pieces = static_cast<std::uint32_t>(piece_rows.size());
    head.texts_at = static_cast<std::uint32_t>(texts_at);
    head.texts_size = static_cast<std::uint32_t>(texts.all.size());
    head.pieces_size = static_cast<std::uint32_t>(pieces.size());
    head.body_size = static_cast<std::uint32_t>(body.size());
    head.file_size = size;

    std::string summed(reinterpret_cast<const char*>(&head) + kSummedFrom, sizeof head - kSummedFrom);
    summed.append(reinterpret_cast<const char*>(versions.data()), versions_size);
    summed.append(reinterpret_cast<const char*>(tags.data()), tags_size);
    summed.append(reinterpret_cast<const char*>(piece_rows.data()), piece_rows_size);
    summed += texts.all;
    head.sum = checksum(summed);

    // No two threads of one process have this address at the same time.
    const std::string beside = path + ".new-" + std::to_string(::getpid()) + "-" + std::to_string(reinterpret_cast<std::uintptr_t>(&head));
    const Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (!fd) return fail_errno(errno, "cannot write the cache of package metadata", beside);
    std::array<iovec, 5> parts{part(&head, kSummedFrom), part(summed.data(), summed.size()), part(pieces.data(), pieces.size()), part(body.data(), body.size())};
    if (!write_all(fd.raw(), parts) || ::rename(beside.c_str(), path.c_str()) != 0) {
        const int error = errno;
        ::unlink(beside.c_str());
        return fail_errno(error, "cannot write the cache of package metadata", path);
    }
    return {};
}

void PackumentFile::touch(const std::string& path, std::int64_t fetched_ms) {
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (fd) (void)!::pwrite(fd.raw(), &fetched_ms, sizeof fetched_ms, offsetof(Head, fetched_ms));
}

std::string PackumentFile::relative_path(std::string_view registry, std::string_view name, bool full) {
    if (!is_safe_package_name(name) || name.size() > 200) return {};
    if (registry.starts_with("https://")) registry.remove_prefix(8);
    while (registry.ends_with('/')) registry.remove_suffix(1);
    std::string place = percent_encode(registry);
    if (place.size() > 200) place = quick_hash_hex(registry);
    if (place.empty() || place.front() == '.') place.insert(place.begin(), '_');
    std::string file(name);
    // Directories that differ in case only are one on some disks: the name inside the file tells them apart.
    return "packuments/" + place + "/" + file + (full ? ".full" : ".short");
}

}  // namespace pmx
