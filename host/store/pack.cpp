#include "store/pack.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/checksum.hpp"
#include "base/metrics.hpp"
#include "store/paths.hpp"

namespace pmx {
namespace {

constexpr char kMagic[8] = {'p', 'm', 'x', 'p', 'a', 'c', 'k', '1'};
constexpr std::uint64_t kLargestTable = 256u << 20, kLargestIndex = 256u << 20;
// A piece begins at a multiple of the step and holds whatever begins in its first step.
constexpr std::size_t kStep = 128u << 10, kPiece = 2 * kStep;

struct Head {
    char magic[8];
    std::uint64_t checksum;  // XXH3-64 of the table
    std::uint64_t table, size, count;  // where the table begins: to the end of the file, of which this is the size; its rows
};
struct Row {
    std::uint64_t at;
    std::uint32_t size, key;  // bytes of the index, and of the key, which follows
};
static_assert(sizeof(Head) == 40 && sizeof(Row) == 16);

// False: there are fewer.
bool read_at(int fd, char* to, std::size_t size, std::uint64_t at) {
    while (size > 0) {
        count(Sys::read);
        ssize_t n = ::pread(fd, to, size, static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        to += n;
        size -= static_cast<std::size_t>(n);
        at += static_cast<std::uint64_t>(n);
    }
    return true;
}

bool write_at(int fd, std::string_view bytes, std::uint64_t at) {
    while (!bytes.empty()) {
        count(Sys::write);
        ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
        at += static_cast<std::uint64_t>(n);
    }
    return true;
}

}  // namespace

std::string pack_name(std::span<const std::string> keys) {
    Checksum sum;
    for (const std::string& key : keys) {
        sum.update(key);
        sum.update("\n");
    }
    return fmt::format("{:016x}", sum.value());
}

std::optional<Pack> Pack::read(int packs, const std::string& name) {
    static std::atomic<std::uint64_t> numbers{0};
    Pack pack;
    pack.number_ = ++numbers;
    count(Sys::open);
    pack.file_ = Fd(::openat(packs, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    Head head;
    if (!pack.file_ || !read_at(pack.file_.raw(), reinterpret_cast<char*>(&head), sizeof head, 0)) return std::nullopt;
    if (std::memcmp(head.magic, kMagic, sizeof kMagic) != 0 || head.table < sizeof head || head.table > head.size || head.size - head.table > kLargestTable)
        return std::nullopt;
    auto info = stat_fd(pack.file_.raw());
    if (!info || !info->is_file() || info->size != head.size) return std::nullopt;
    pack.table_.resize(head.size - head.table);
    const std::string_view table = pack.table_;
    if (!read_at(pack.file_.raw(), pack.table_.data(), table.size(), head.table) || checksum(table) != head.checksum) return std::nullopt;
    pack.places_.reserve(std::min<std::uint64_t>(head.count, table.size() / sizeof(Row)));
    for (std::size_t at = 0; at < table.size();) {
        Row row;
        if (table.size() - at < sizeof row) return std::nullopt;
        std::memcpy(&row, table.data() + at, sizeof row);
        at += sizeof row;
        if (table.size() - at < row.key || row.at > head.table || row.size > head.table - row.at) return std::nullopt;
        pack.places_.emplace(table.substr(at, row.key), Place{row.at, row.size});
        at += row.key;
    }
    if (pack.places_.size() != head.count) return std::nullopt;
    return pack;
}

std::string Pack::index_of(std::string_view key) const {
    auto found = places_.find(key);
    if (found == places_.end() || found->second.size > kLargestIndex) return {};
    const Place place = found->second;
    std::string bytes;
    if (place.size > kStep) {
        bytes.resize(place.size);
        return read_at(file_.raw(), bytes.data(), bytes.size(), place.at) ? bytes : std::string();
    }
    struct Piece {
        std::uint64_t of = 0, at = 0, size = 0;
        std::unique_ptr<char[]> bytes{new char[kPiece]};
    };
    thread_local Piece piece;
    if (piece.of != number_ || place.at < piece.at || place.at + place.size > piece.at + piece.size) {
        piece.of = 0;
        count(Sys::read);
        const std::uint64_t from = place.at - place.at % kStep;
        ssize_t n = ::pread(file_.raw(), piece.bytes.get(), kPiece, static_cast<off_t>(from));
        if (n < static_cast<ssize_t>(place.at - from + place.size)) return {};
        piece.of = number_;
        piece.at = from;
        piece.size = static_cast<std::uint64_t>(n);
    }
    bytes.assign(piece.bytes.get() + (place.at - piece.at), place.size);
    return bytes;
}

PackWriter::PackWriter(int temporary, std::string name, Fd file, std::size_t expected)
    : temporary_(temporary), name_(std::move(name)), file_(std::move(file)), expected_(expected), end_(sizeof(Head)) {}

PackWriter::~PackWriter() {
    if (file_) (void)remove_file(temporary_, name_.c_str());
}

Result<std::unique_ptr<PackWriter>> PackWriter::begin(int temporary, std::size_t expected) {
    static std::atomic<unsigned> serial{0};
    std::string name = fmt::format("{}-{}-pack", ::getpid(), serial++);
    PMX_CHECK(remove_file(temporary, name.c_str()));
    count(Sys::open);
    Fd file(::openat(temporary, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (!file) return fail_errno(errno, "cannot write to the store", name, Code::STORE);
    return std::unique_ptr<PackWriter>(new PackWriter(temporary, std::move(name), std::move(file), expected));
}

void PackWriter::add(std::string_view key, std::string_view index) {
    if (failed_.load(std::memory_order_relaxed)) return;
    Row row{0, static_cast<std::uint32_t>(index.size()), static_cast<std::uint32_t>(key.size())};
    {
        std::lock_guard lock(mutex_);
        row.at = end_;
        end_ += index.size();
        ++count_;
        table_.append(reinterpret_cast<const char*>(&row), sizeof row).append(key);
    }
    // Each its own stretch of the file, in whatever order they come.
    if (!write_at(file_.raw(), index, row.at)) failed_ = true;
}

Result<> PackWriter::finish(int packs, const std::string& name) {
    if (failed_ || count_ != expected_) return {};
    Head head{{}, checksum(table_), end_, end_ + table_.size(), count_};
    std::memcpy(head.magic, kMagic, sizeof kMagic);
    if (!write_at(file_.raw(), table_, end_) || !write_at(file_.raw(), {reinterpret_cast<const char*>(&head), sizeof head}, 0)) return {};
    PMX_CHECK(rename_at(temporary_, name_.c_str(), packs, name.c_str()));
    file_.reset();
    return {};
}

}  // namespace pmx
