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
#include <xxhash.h>

#include "base/fs.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "model/contained_path.hpp"

namespace pmx {
namespace {

constexpr char kMagic[8] = {'p', 'm', 'x', 'p', 'a', 'c', 'k', '1'};
constexpr std::size_t kLargest = 1u << 30;

struct Slice {
    std::uint32_t at = 0, size = 0;
};
struct Head {
    char magic[8];
    std::uint64_t sum = 0;        // of everything from file_size to the document
    std::int64_t fetched_ms = 0;  // changed in place, so not part of the sum
    std::uint64_t file_size = 0;
    std::uint32_t texts_at = 0, texts_size = 0, document_at = 0, document_size = 0;
    std::uint32_t versions = 0, tags = 0, has_times = 0, reserved = 0;
    Slice subject, name, modified, etag, last_modified;  // of the texts
};
struct VersionRow {
    Slice version, time;  // of the texts
    Slice piece;          // of the document
    std::uint32_t sum = 0;
};
struct TagRow {
    Slice name, version;  // of the texts
};
static_assert(sizeof(Head) == 104 && sizeof(VersionRow) == 28 && sizeof(TagRow) == 16, "the form on disk has no gaps");
constexpr std::size_t kSummedFrom = offsetof(Head, file_size);

std::uint64_t sum_of(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

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
    const std::uint64_t rows_end = sizeof(Head) + std::uint64_t{head.versions} * sizeof(VersionRow) + std::uint64_t{head.tags} * sizeof(TagRow);
    if (std::memcmp(head.magic, kMagic, sizeof kMagic) != 0 || head.file_size != bytes.size() || head.texts_at != rows_end ||
        rows_end + head.texts_size != head.document_at || std::uint64_t{head.document_at} + head.document_size != bytes.size() ||
        sum_of(bytes.substr(kSummedFrom, head.document_at - kSummedFrom)) != head.sum)
        return std::nullopt;
    const std::string_view texts = bytes.substr(head.texts_at, head.texts_size), document = bytes.substr(head.document_at);
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
    out.sums_.reserve(head.versions);
    if (out.has_times_) out.times_.reserve(head.versions);
    for (std::uint32_t i = 0; i < head.versions; ++i) {
        const auto row = row_at<VersionRow>(bytes, sizeof(Head) + i * sizeof(VersionRow));
        const std::string_view version = piece(texts, row.version);
        auto parsed = Packument::read_version(version);
        if (!parsed) return std::nullopt;
        out.entries_.push_back({version, piece(document, row.piece)});
        out.parsed_.push_back(std::move(*parsed));
        out.sums_.push_back(row.sum);
        if (out.has_times_) out.times_.push_back(piece(texts, row.time));
    }
    for (std::uint32_t i = 0; i < head.tags; ++i) {
        const auto row = row_at<TagRow>(bytes, sizeof(Head) + head.versions * sizeof(VersionRow) + i * sizeof(TagRow));
        out.tags_.emplace_back(piece(texts, row.name), piece(texts, row.version));
    }
    out.subject_ = name;
    out.file_ = path;
    out.keep_ = std::move(keep);
    PackumentStamp stamp{std::string(piece(texts, head.etag)), std::string(piece(texts, head.last_modified)), head.fetched_ms};
    if (!sound) return std::nullopt;
    return Loaded{std::move(made), std::move(stamp)};
}

Result<> PackumentFile::write(const std::string& path, const Packument& packument, std::string_view document, const PackumentStamp& stamp) {
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
        row.piece = {static_cast<std::uint32_t>(entry.text.data() - document.data()), static_cast<std::uint32_t>(entry.text.size())};
        row.sum = static_cast<std::uint32_t>(sum_of(entry.text));
    }
    for (std::size_t i = 0; i < tags.size(); ++i)
        tags[i] = {texts.add(packument.tags_[i].first), texts.add(packument.tags_[i].second)};
    const std::size_t versions_size = versions.size() * sizeof(VersionRow), tags_size = tags.size() * sizeof(TagRow);
    const std::size_t document_at = sizeof(Head) + versions_size + tags_size + texts.all.size();
    if (document_at + document.size() > kLargest) return {};  // not worth keeping
    head.versions = static_cast<std::uint32_t>(versions.size());
    head.tags = static_cast<std::uint32_t>(tags.size());
    head.texts_at = static_cast<std::uint32_t>(sizeof(Head) + versions_size + tags_size);
    head.texts_size = static_cast<std::uint32_t>(texts.all.size());
    head.document_at = static_cast<std::uint32_t>(document_at);
    head.document_size = static_cast<std::uint32_t>(document.size());
    head.file_size = document_at + document.size();

    std::string summed(reinterpret_cast<const char*>(&head) + kSummedFrom, sizeof head - kSummedFrom);
    summed.append(reinterpret_cast<const char*>(versions.data()), versions_size);
    summed.append(reinterpret_cast<const char*>(tags.data()), tags_size);
    summed += texts.all;
    head.sum = sum_of(summed);

    // No two threads of one process have this address at the same time.
    const std::string beside = path + ".new-" + std::to_string(::getpid()) + "-" + std::to_string(reinterpret_cast<std::uintptr_t>(&head));
    const Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (!fd) return fail_errno(errno, "cannot write the cache of package metadata", beside);
    std::array<iovec, 5> parts{part(&head, kSummedFrom), part(summed.data(), summed.size()), part(document.data(), document.size())};
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
