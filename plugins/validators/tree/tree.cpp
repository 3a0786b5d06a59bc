// tree: a stored object is still what its index says, at one of the levels of docs/STORE.md. `none` believes; `stat`
// looks at size, mtime, inode, mode and type of every file, one fstatat each; `content` also reads every file and
// compares its SHA-256 where the index holds one. Changes nothing.
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include <fcntl.h>
// The digest itself and not EVP: that brings all of OpenSSL to every run, of which few compare contents.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pmx/validator.hpp>

namespace {

using namespace pmx::sdk;

struct CloseFd {
    int fd;
    ~CloseFd() {
        if (fd >= 0) ::close(fd);
    }
};

// Computes SHA-256 of files, one after another.
class FileHasher {
  public:
    std::array<unsigned char, 32> hash(int fd, const std::string& subject, std::uint64_t& reads) {
        std::array<unsigned char, 32> digest;
        SHA256_CTX context;
        bool ok = SHA256_Init(&context) == 1;
        for (;;) {
            ++reads;
            ssize_t n = ::read(fd, buffer_->data(), buffer_->size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) throw io_error(errno, "cannot read a stored file", subject);
            if (n == 0) break;
            ok = ok && SHA256_Update(&context, buffer_->data(), static_cast<std::size_t>(n)) == 1;
        }
        if (!ok || SHA256_Final(digest.data(), &context) != 1) throw Error(PMX_FAILED, "the digest could not be computed", subject);
        return digest;
    }

  private:
    std::unique_ptr<std::array<char, 256 * 1024>> buffer_{new std::array<char, 256 * 1024>};
};

class Tree {
  public:
    Tree(Host host, const Config&) : counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)) {}

    pmx_status check_object(Op op, const Object& object, std::size_t& bad) {
        if (object.level() == PMX_LEVEL_NONE) return PMX_OK;
        std::uint64_t stats = 0, opens = 0, reads = 0;
        std::unique_ptr<FileHasher> hasher;
        if (object.level() >= PMX_LEVEL_CONTENT) hasher = std::make_unique<FileHasher>();
        std::string fault;
        std::size_t i = 0;
        for (; i < object.count() && fault.empty(); ++i) {
            if (i % 64 == 0) op.throw_if_cancelled();
            const pmx_row& row = object.row(i);
            ++stats;
            if (hasher && row.digest_length == 32) {
                ++opens;
                fault = check_content(object.fd(), row, *hasher, reads);
            } else {
                struct stat found;
                fault = ::fstatat(object.fd(), row.name.data, &found, AT_SYMLINK_NOFOLLOW) == 0
                            ? difference(row, found)
                            : missing(row, errno);
            }
        }
        count("sys_stat", stats);
        count("sys_open", opens);
        count("sys_close", opens);
        count("sys_read", reads);
        if (fault.empty()) return PMX_OK;
        bad = i - 1;
        op.report(PMX_ERROR, "the stored file of \"" + std::string(view(object.row(bad).path)) + "\" " + fault,
                  object.id(), "run `pmx store verify --repair`, or install again");
        return PMX_MISMATCH;
    }

  private:
    void count(const char* name, std::uint64_t by) const {
        if (counters_ && by) counters_->add(counters_, name, by);
    }

    static std::string check_content(int dir, const pmx_row& row, FileHasher& hasher, std::uint64_t& reads) {
        CloseFd file{::openat(dir, row.name.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
        if (file.fd < 0) {
            if (errno == ELOOP) return "is a symbolic link";
            return missing(row, errno);
        }
        struct stat found;
        if (::fstat(file.fd, &found) != 0) return missing(row, errno);
        if (std::string fault = difference(row, found); !fault.empty()) return fault;
        auto digest = hasher.hash(file.fd, std::string(view(row.path)), reads);
        return std::equal(digest.begin(), digest.end(), row.digest) ? "" : "has other content than when it was stored";
    }

    // Only what is gone or in the way is damage; a directory that cannot be read at all is an error.
    static std::string missing(const pmx_row& row, int number) {
        if (number == ENOENT) return "is missing";
        if (number == ENXIO) return "is no regular file";
        throw io_error(number, "cannot look at a stored file", std::string(view(row.path)));
    }

    static std::string difference(const pmx_row& row, const struct stat& found) {
        auto number = [](const char* what, auto wanted, auto got) {
            return std::string("has another ") + what + ": " + std::to_string(got) + " instead of " + std::to_string(wanted);
        };
        if (S_ISLNK(found.st_mode)) return "is a symbolic link";
        if (!S_ISREG(found.st_mode)) return "is no regular file";
        if (static_cast<std::uint64_t>(found.st_size) != row.bytes)
            return number("size", row.bytes, static_cast<std::uint64_t>(found.st_size));
        if (found.st_ino != row.inode)
            return number("inode", row.inode, static_cast<std::uint64_t>(found.st_ino));
        std::int64_t mtime = found.st_mtim.tv_sec * std::int64_t{1'000'000'000} + found.st_mtim.tv_nsec;
        if (mtime != row.mtime_ns) return number("modification time", row.mtime_ns, mtime);
        if ((found.st_mode & 07777) != row.mode) {
            char text[64];
            std::snprintf(text, sizeof text, "has another mode: %04o instead of %04o",
                          static_cast<unsigned>(found.st_mode & 07777), static_cast<unsigned>(row.mode));
            return text;
        }
        return {};
    }

    const pmx_counters* counters_;
};

}  // namespace

PMX_VALIDATOR(Tree, "tree", "1.0.0", "Stored objects are what their index says", 0, nullptr, 0)
