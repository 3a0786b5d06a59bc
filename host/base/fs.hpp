// The file system, dirfd-relative: descriptors that close themselves, and one function per system call that pmx makes,
// each counted by kind (see metrics.hpp). Nothing here follows a symlink that it was not told to follow. [any thread]
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/result.hpp"

namespace pmx {

// An owned file descriptor.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd() { reset(); }
    void reset();
    int raw() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

struct FileStat {
    std::uint64_t size = 0;
    std::uint64_t inode = 0;
    std::uint64_t device = 0;
    std::int64_t mtime_ns = 0;
    std::uint32_t mode = 0;
    std::uint32_t links = 0;
    bool is_dir() const { return S_ISDIR(mode); }
    bool is_file() const { return S_ISREG(mode); }
    bool is_symlink() const { return S_ISLNK(mode); }
};

// `dir` may be AT_FDCWD. `name` must be NUL-terminated; errors name it.
Result<Fd> open_dir(int dir, const char* name);                      // O_DIRECTORY | O_CLOEXEC, follows symlinks
Result<Fd> open_dir_nofollow(int dir, const char* name);             // refuses a symlink as the last component
Result<Fd> open_read(int dir, const char* name);
Result<std::optional<Fd>> open_read_if_exists(int dir, const char* name);
Result<std::optional<FileStat>> stat_at(int dir, const char* name);  // lstat; nullopt on ENOENT or ENOTDIR
Result<FileStat> stat_fd(int fd);
Result<std::string> read_all(int fd, std::string_view subject, std::size_t limit = SIZE_MAX);
Result<std::string> read_file(int dir, const char* name, std::size_t limit = SIZE_MAX);
Result<std::optional<std::string>> read_file_if_exists(int dir, const char* name, std::size_t limit = SIZE_MAX);
// Temporary name beside the target, fsync where it must outlive a power cut, rename. Refuses to replace a symlink.
// Skips the write when bytes are equal.
enum class Durable : bool { no, yes };
Result<> write_file_atomically(int dir, const char* name, std::string_view bytes, Durable durable = Durable::yes);
Result<> make_dir(int dir, const char* name, mode_t mode = 0777);    // EEXIST is success when it is a directory
Result<> make_dirs(int dir, std::string_view path, mode_t mode = 0777);
Result<> make_symlink(int dir, const char* name, const char* target);  // EEXIST is an error with sys == EEXIST
Result<std::string> read_link(int dir, const char* name);
Result<> rename_at(int from_dir, const char* from, int to_dir, const char* to);
Result<> exchange_at(int from_dir, const char* from, int to_dir, const char* to);  // RENAME_EXCHANGE
Result<> remove_file(int dir, const char* name);                     // ENOENT is success
Result<> remove_tree(int dir, const char* name);                     // never follows a symlink; ENOENT is success
// Names in a directory, "." and ".." left out, unsorted. `type` is DT_*.
struct DirEntry {
    std::string name;
    unsigned char type;
};
Result<std::vector<DirEntry>> list_dir(int dir);

std::string current_dir();
std::string home_dir();
// Lexical: joins, removes "." and "..", never touches the disk. An absolute `tail` replaces `base`.
std::string join_path(std::string_view base, std::string_view tail);
std::string parent_path(std::string_view path);
std::string_view base_name(std::string_view path);
// `to` seen from the directory `from`; both absolute or both relative to one place; lexical. "" becomes ".".
std::string relative_path(std::string_view from, std::string_view to);

// An advisory lock on a file (flock), released by destruction or by the kernel when the process dies.
class FileLock {
  public:
    enum class Mode { shared, exclusive };
    // nullopt when `wait` is false and somebody else holds it.
    static Result<std::optional<FileLock>> take(int dir, const char* name, Mode mode, bool wait);

  private:
    Fd fd_;
};

}  // namespace pmx
