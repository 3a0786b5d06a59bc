#include "store/pack.hpp"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

#include "base/checksum.hpp"
#include "base/metrics.hpp"
#include "store/paths.hpp"

namespace pmx {
namespace {

constexpr char kMagic[8] = {'p', 'm', 'x', 'p', 'a', 'c', 'k', '1'};
constexpr std::size_t kLargest = 512u << 20;

struct Head {
    char magic[8];
    std::uint64_t size;  // of the file
    std::uint64_t count;
};
struct Row {
    std::uint32_t key, index;  // bytes of each; they follow
};
static_assert(sizeof(Head) == 24 && sizeof(Row) == 8);

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
    auto bytes = read_file_if_exists(packs, name.c_str(), kLargest);
    if (!bytes || !*bytes) return std::nullopt;
    Pack pack;
    pack.bytes_ = std::move(**bytes);
    const std::string_view all = pack.bytes_;
    Head head;
    if (all.size() < sizeof head) return std::nullopt;
    std::memcpy(&head, all.data(), sizeof head);
    if (std::memcmp(head.magic, kMagic, sizeof kMagic) != 0 || head.size != all.size() || head.count > all.size() / sizeof(Row)) return std::nullopt;
    pack.indexes_.reserve(head.count);
    std::size_t at = sizeof head;
    for (std::uint64_t i = 0; i < head.count; ++i) {
        Row row;
        if (all.size() - at < sizeof row) return std::nullopt;
        std::memcpy(&row, all.data() + at, sizeof row);
        at += sizeof row;
        if (all.size() - at < std::uint64_t{row.key} + row.index || !is_key(all.substr(at, row.key))) return std::nullopt;
        pack.indexes_.emplace(all.substr(at, row.key), all.substr(at + row.key, row.index));
        at += row.key + row.index;
    }
    if (at != all.size() || pack.indexes_.size() != head.count) return std::nullopt;
    return pack;
}

std::string_view Pack::index_of(std::string_view key) const {
    auto found = indexes_.find(key);
    return found == indexes_.end() ? std::string_view() : found->second;
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
    const Row row{static_cast<std::uint32_t>(key.size()), static_cast<std::uint32_t>(index.size())};
    std::string piece;
    piece.reserve(sizeof row + key.size() + index.size());
    piece.append(reinterpret_cast<const char*>(&row), sizeof row).append(key).append(index);
    // Each its own stretch of the file, in whatever order they come.
    if (!write_at(file_.raw(), piece, end_.fetch_add(piece.size()))) failed_ = true;
    ++count_;
}

Result<> PackWriter::finish(int packs, const std::string& name) {
    if (failed_ || count_ != expected_) return {};
    Head head{};
    std::memcpy(head.magic, kMagic, sizeof kMagic);
    head.size = end_;
    head.count = count_;
    if (!write_at(file_.raw(), {reinterpret_cast<const char*>(&head), sizeof head}, 0)) return {};
    PMX_CHECK(rename_at(temporary_, name_.c_str(), packs, name.c_str()));
    file_.reset();
    return {};
}

}  // namespace pmx
