#include <atomic>
#include <cerrno>
#include <charconv>
#include <exception>
#include <new>
#include <optional>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.hpp"
#include "base/hash.hpp"
#include "base/metrics.hpp"
#include "store/archive_source.hpp"
#include "store/contents.hpp"
#include "store/gzip.hpp"
#include "store/index.hpp"
#include "store/package_json.hpp"
#include "store/paths.hpp"
#include "store/store.hpp"

namespace pmx {
namespace {

constexpr std::size_t kLargestManifest = 64u << 20;  // of which the store reads what the install must know

// A directory nobody else writes, under tmp/. Removed unless published.
class Workplace {
  public:
    Workplace(int temporary, const std::string& store) : temporary_(temporary), store_(store) {}
    ~Workplace() {
        if (!name_.empty()) (void)remove_tree(temporary_, name_.c_str());
    }
    Result<Fd> open() {
        static std::atomic<unsigned> serial{0};
        for (;;) {
            name_ = fmt::format("{}-{}", ::getpid(), serial++);
            count(Sys::mkdir);
            if (::mkdirat(temporary_, name_.c_str(), 0777) == 0) break;
            // A killed run with our number left this one; prune takes it away.
            if (errno == EEXIST) continue;
            int error = errno;
            name_.clear();
            return fail_errno(error, "cannot write to the store", store_, Code::STORE);
        }
        return open_dir_nofollow(temporary_, name_.c_str());
    }
    const std::string& name() const { return name_; }
    void release() { name_.clear(); }

  private:
    int temporary_;
    const std::string& store_;
    std::string name_;
};

Result<> write_all(int fd, std::string_view bytes, const std::string& store) {
    while (!bytes.empty()) {
        count(Sys::write);
        ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno(errno, "cannot write to the store", store, Code::STORE);
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<Fd> create(int dir, const char* name, mode_t mode, const std::string& store) {
    for (;;) {
        count(Sys::open);
        int fd = ::openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd >= 0) return Fd(fd);
        if (errno != EINTR) return fail_errno(errno, "cannot write to the store", store, Code::STORE);
    }
}

// Pieces of a file, in order, as the sums that the index keeps of it.
class Sums {
  public:
    explicit Sums(bool with_digest) {
        if (with_digest) digest_.emplace(HashAlgorithm::sha256);
    }
    void update(std::string_view piece) {
        checksum_.update(piece);
        if (digest_) digest_->update(piece);
    }
    std::uint64_t checksum() const { return checksum_.value(); }
    Digest digest() { return digest_->finish(); }

  private:
    Checksum checksum_;
    std::optional<Hasher> digest_;
};

// A file of the object as it was written.
struct Written {
    IndexWriter::Row row;
    Digest digest;
};

struct Name {
    explicit Name(std::uint32_t ordinal) { *std::to_chars(text, text + sizeof text - 1, ordinal).ptr = '\0'; }
    char text[16];
};

// Writes what the reader has of its entry; `kept`, when there is one, gets a copy.
Result<Written> write_file(int dir, std::uint32_t ordinal, bool executable, const TarEntry& entry, TarReader& reader, bool with_digest,
                           std::string* kept, const std::string& store) {
    PMX_TRY(Fd fd, create(dir, Name(ordinal).text, executable ? 0777 : 0666, store));
    Written written;
    PMX_TRY(std::string_view piece, reader.read());
    if (kept) kept->assign(piece);
    PMX_CHECK(write_all(fd.raw(), piece, store));
    if (piece.size() == entry.size) {
        written.row.checksum = pmx::checksum(piece);
        if (with_digest) written.digest = hash(HashAlgorithm::sha256, piece);
    } else {
        Sums sums(with_digest);
        for (; !piece.empty();) {
            sums.update(piece);
            PMX_TRY(piece, reader.read());
            if (kept && kept->size() < kLargestManifest) kept->append(piece);
            PMX_CHECK(write_all(fd.raw(), piece, store));
        }
        written.row.checksum = sums.checksum();
        if (with_digest) written.digest = sums.digest();
    }
    PMX_TRY(FileStat info, stat_fd(fd.raw()));
    written.row.size = entry.size;
    written.row.inode = info.inode;
    written.row.mtime_ns = info.mtime_ns;
    written.row.mode = info.mode & 07777;
    written.row.ordinal = ordinal;
    return written;
}

// Who may read it may run it.
Result<> make_executable(int dir, Written& file, const std::string& store) {
    const std::uint32_t mode = file.row.mode | (file.row.mode & 0444) >> 2;
    count(Sys::other);
    if (::fchmodat(dir, Name(file.row.ordinal).text, mode, 0) != 0) return fail_errno(errno, "cannot write to the store", store, Code::STORE);
    file.row.mode = mode;
    return {};
}

}  // namespace

Result<Store::Unpacked> Store::unpack(const std::string& key, std::string_view archive, std::string_view id, bool replace,
                                      std::string_view subdir, const UnpackLimits& limits, bool with_digests) const {
    WholeArchive whole(archive);
    return unpack(key, whole, id, replace, subdir, limits, with_digests);
}

Result<Store::Unpacked> Store::unpack(const std::string& key, ArchiveSource& archive, std::string_view id, bool replace,
                                      std::string_view subdir, const UnpackLimits& limits, bool with_digests) const {
    Result<Unpacked> outcome = [&]() -> Result<Unpacked> {
        try {
            return unpack_or_throw(key, archive, id, replace, subdir, limits, with_digests);
        } catch (const std::bad_alloc&) {
            return fail(Code::ARCHIVE, "the archive needs more memory than there is", std::string(id),
                        "lower --unpack-concurrency");
        } catch (const std::exception& error) {
            return fail(Code::INTERNAL, error.what(), std::string(id));
        }
    }();
    // What is wrong with bytes that nobody promised is not what is wrong.
    if (!outcome) PMX_CHECK(archive.prove());
    return outcome;
}

Result<Store::Unpacked> Store::unpack_or_throw(const std::string& key, ArchiveSource& archive, std::string_view id,
                                               bool replace, std::string_view subdir, const UnpackLimits& limits,
                                               bool with_digests) const {
    if (read_only_) return read_only();
    PMX_TRY([[maybe_unused]] std::string place, object_path(key));
    // A worker unpacks thousands of archives: its decompressor and its pages stay with the thread.
    thread_local Inflater inflater;
    PMX_CHECK(inflater.open(archive, id, limits));
    Contents contents(id, limits);
    PMX_CHECK(contents.only_below(subdir));

    // The files are written while the archive is inflated; what refuses it takes the directory away again.
    Workplace workplace(temporary_.raw(), path_);
    PMX_TRY(Fd dir, workplace.open());
    TarReader reader(inflater, id);
    TarEntry entry;
    std::vector<Written> written;
    std::string package_json;
    for (;;) {
        PMX_TRY(bool more, reader.next(entry));
        if (!more) break;
        PMX_TRY(std::optional<std::uint32_t> number, contents.admit(entry));
        if (!number) continue;
        if (*number == written.size()) written.emplace_back();
        else PMX_CHECK(remove_file(dir.raw(), Name(*number).text));
        const Contents::File& file = contents.files[*number];
        PMX_TRY(written[*number], write_file(dir.raw(), *number, file.executable, entry, reader, with_digests,
                                             file.path == "package.json" ? &package_json : nullptr, path_));
    }
    PMX_CHECK(contents.finish());

    Arena arena;
    std::vector<std::string_view> paths;
    paths.reserve(contents.files.size());
    for (const Contents::File& file : contents.files) paths.push_back(file.path);
    ObjectManifest manifest = read_package_json(package_json, id, arena, paths);
    // Hard links share their mode with the store, so the bit is set here and not when a bin is linked.
    for (const ObjectBin& bin : manifest.bins)
        if (auto number = contents.find(bin.path); number && !(written[*number].row.mode & 0100))
            PMX_CHECK(make_executable(dir.raw(), written[*number], path_));

    IndexWriter index;
    std::uint64_t bytes = 0;
    const std::uint32_t marker = contents.marker();
    auto add = [&](std::uint32_t number) {
        written[number].row.path = contents.files[number].path;
        index.add_file(written[number].row);
        if (with_digests) index.add_digest({reinterpret_cast<const char*>(written[number].digest.bytes.data()), written[number].digest.size});
        bytes += written[number].row.size;
    };
    for (std::uint32_t number = 0; number < written.size(); ++number)
        if (number != marker) add(number);
    add(marker);
    for (std::string_view path : contents.dirs) index.add_dir(path);
    index.describe(id, manifest);

    ObjectView view;
    if (!read_index(index.bytes(), view))
        return fail(Code::INTERNAL, "the index of an object does not read back", std::string(id));
    {
        PMX_TRY(Fd fd, create(dir.raw(), kIndexName.data(), 0666, path_));
        PMX_CHECK(write_all(fd.raw(), view.storage, path_));
    }
    view.dir = std::move(dir);
    view.device = device_;
    PMX_CHECK(archive.prove());
    PMX_TRY(Unpacked unpacked, publish(key, workplace.name(), std::move(view), replace));
    // A loser's copy is still there under its temporary name, and so is an object that was swapped out.
    if (unpacked.published && !unpacked.swapped) workplace.release();
    unpacked.files = contents.files.size();
    unpacked.bytes = bytes;
    return unpacked;
}

Result<Store::Unpacked> Store::publish(const std::string& key, const std::string& temporary, ObjectView view,
                                       bool replace) const {
    PMX_TRY(std::string place, object_path(key));
    for (int attempt = 0; attempt < 16; ++attempt) {
        count(Sys::rename);
        if (::renameat(temporary_.raw(), temporary.c_str(), objects_.raw(), place.c_str()) == 0)
            return Unpacked{std::move(view), 0, 0, true, false};
        if (errno == ENOENT) {
            PMX_CHECK(make_dir(objects_.raw(), place.substr(0, 2).c_str()));
            continue;
        }
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            return fail_errno(errno, "cannot write to the store", path_, Code::STORE);
        if (!replace) {
            PMX_TRY(std::optional<ObjectView> winner, find(key));
            if (winner) return Unpacked{std::move(*winner), 0, 0, false, false};
        }
        // What stands there is to be repaired, or is no whole object.
        auto swapped = exchange_at(temporary_.raw(), temporary.c_str(), objects_.raw(), place.c_str());
        if (swapped) return Unpacked{std::move(view), 0, 0, true, true};
        if (swapped.error().sys == ENOENT) continue;
        if (swapped.error().sys != EINVAL && swapped.error().sys != ENOSYS)
            return fail_errno(swapped.error().sys, "cannot write to the store", path_, Code::STORE);
        // No exchange on this file system: for a moment the object is away, which readers take as not there.
        PMX_CHECK(discard(key));
    }
    return fail(Code::STORE_BUSY, "other processes keep replacing this object", key, "run pmx again");
}

}  // namespace pmx
