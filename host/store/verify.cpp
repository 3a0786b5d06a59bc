#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_set>

#include <fmt/format.h>
#include <unistd.h>

#include "base/checksum.hpp"
#include "base/hash.hpp"
#include "base/metrics.hpp"
#include "base/text.hpp"
#include "store/index.hpp"
#include "store/paths.hpp"
#include "store/store.hpp"

namespace pmx {
namespace {

constexpr std::size_t kChunk = 256 * 1024;

// Why the content is not what was unpacked; "" when it is.
std::string content_fault(const ObjectView& view, std::size_t at) {
    const ObjectFile& file = view.files[at];
    count(Sys::open);
    Fd fd(::openat(view.dir.raw(), file.source.data(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return fmt::format("cannot be read ({})", std::strerror(errno));
    Checksum sum;
    Hasher hasher(HashAlgorithm::sha256);
    const bool digested = view.digests.size() == view.files.size() * 32;
    std::string chunk(static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, file.size + 1)), '\0');
    for (;;) {
        count(Sys::read);
        ssize_t n = ::read(fd.raw(), chunk.data(), chunk.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fmt::format("cannot be read ({})", std::strerror(errno));
        if (n == 0) break;
        std::string_view bytes(chunk.data(), static_cast<std::size_t>(n));
        sum.update(bytes);
        if (digested) hasher.update(bytes);
    }
    if (sum.value() != file.checksum) return "its content has changed";
    if (digested) {
        Digest digest = hasher.finish();
        if (std::memcmp(digest.bytes.data(), view.digests.data() + at * 32, 32) != 0) return "its content has changed";
    }
    return {};
}

std::string stat_fault(const ObjectView& view, const ObjectFile& file) {
    Result<std::optional<FileStat>> info = stat_at(view.dir.raw(), file.source.data());
    if (!info) return info.error().what;
    if (!*info) return "is missing";
    const FileStat& now = **info;
    if (now.is_symlink()) return "is a symbolic link now";
    if (!now.is_file()) return "is no regular file now";
    if (now.size != file.size) return fmt::format("has {} bytes instead of {}", now.size, file.size);
    if ((now.mode & 07777) != file.mode) return fmt::format("has mode {:o} instead of {:o}", now.mode & 07777, file.mode);
    if (now.inode != file.inode) return "was replaced (another inode)";
    if (now.mtime_ns != file.mtime_ns) return "was written to (another modification time)";
    return {};
}

// The first fault and how many more; "" when the object is whole.
std::string object_fault(const ObjectView& view, bool content) {
    std::string first;
    std::size_t more = 0;
    auto note = [&](std::string_view path, std::string fault) {
        if (fault.empty()) return;
        if (first.empty()) first = fmt::format("{} {}", printable(path), fault);
        else ++more;
    };
    std::unordered_set<std::string_view> expected{kIndexName};
    for (std::size_t i = 0; i < view.files.size(); ++i) {
        expected.insert(view.files[i].source);
        std::string fault = stat_fault(view, view.files[i]);
        if (fault.empty() && content) fault = content_fault(view, i);
        note(view.files[i].path, std::move(fault));
    }
    if (auto entries = list_dir(view.dir.raw())) {
        for (const DirEntry& entry : *entries)
            if (!expected.contains(entry.name)) note(entry.name, "does not belong to the package");
    } else {
        note("the directory", entries.error().what);
    }
    return more ? fmt::format("{}, and {} more", first, more) : first;
}

}  // namespace

Result<std::vector<Store::Problem>> Store::verify(bool content, bool repair,
                                                  const std::function<void(std::size_t, std::size_t)>& tick) const {
    std::optional<FileLock> lock;
    if (repair) {
        if (read_only_) return read_only();
        // An install may be linking what would be taken away.
        PMX_TRY(lock, FileLock::take(root_.raw(), kLockName, FileLock::Mode::exclusive, false));
        if (!lock)
            return fail(Code::STORE_BUSY, "an install uses the store", path_, "repair it when no pmx is running");
    }
    PMX_TRY(std::vector<std::string> all, keys());
    std::vector<Problem> problems;
    std::size_t done = 0;
    for (const std::string& key : all) {
        PMX_TRY(std::optional<ObjectView> view, find(key));
        std::string fault = view ? object_fault(*view, content) : "its index is missing or damaged";
        if (!fault.empty()) {
            problems.push_back({key, view ? std::string(view->id) : std::string(), std::move(fault)});
            view.reset();
            if (repair) PMX_CHECK(discard(key));
        }
        if (tick) tick(++done, all.size());
    }
    return problems;
}

Result<Store::Status> Store::status() const {
    Status status;
    PMX_TRY(std::vector<std::string> all, keys());
    for (const std::string& key : all) {
        PMX_TRY(std::optional<ObjectView> view, find(key));
        if (!view) continue;
        ++status.objects;
        status.files += view->files.size();
        for (const ObjectFile& file : view->files) status.bytes += file.size;
    }
    PMX_TRY(std::vector<ProjectRecord> known, projects());
    status.projects = known.size();
    return status;
}

}  // namespace pmx
