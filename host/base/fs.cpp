#include "base/fs.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <dirent.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/metrics.hpp"

namespace pmx {
namespace {

template <class Call>
auto retry(Call call) {
    decltype(call()) result;
    do result = call();
    while (result < 0 && errno == EINTR);
    return result;
}

FileStat from(const struct stat& s) {
    return {static_cast<std::uint64_t>(s.st_size), s.st_ino, s.st_dev,
            static_cast<std::int64_t>(s.st_mtim.tv_sec) * 1'000'000'000 + s.st_mtim.tv_nsec, s.st_mode,
            static_cast<std::uint32_t>(s.st_nlink)};
}

Result<Fd> open_with(int dir, const char* name, int flags, const char* doing) {
    count(Sys::open);
    int fd = retry([&] { return ::openat(dir, name, flags | O_CLOEXEC); });
    if (fd < 0) return fail_errno(errno, doing, name);
    return Fd(fd);
}

}  // namespace

void Fd::reset() {
    if (fd_ < 0) return;
    count(Sys::close);
    ::close(std::exchange(fd_, -1));
}

Result<Fd> open_dir(int dir, const char* name) { return open_with(dir, name, O_RDONLY | O_DIRECTORY, "cannot open the directory"); }
Result<Fd> open_dir_nofollow(int dir, const char* name) {
    return open_with(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, "cannot open the directory");
}
Result<Fd> open_read(int dir, const char* name) { return open_with(dir, name, O_RDONLY, "cannot open"); }

Result<std::optional<Fd>> open_read_if_exists(int dir, const char* name) {
    count(Sys::open);
    int fd = retry([&] { return ::openat(dir, name, O_RDONLY | O_CLOEXEC); });
    if (fd >= 0) return std::optional<Fd>(Fd(fd));
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<Fd>();
    return fail_errno(errno, "cannot open", name);
}

Result<std::optional<FileStat>> stat_at(int dir, const char* name) {
    count(Sys::stat);
    struct stat s;
    if (::fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW) == 0) return std::optional(from(s));
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<FileStat>();
    return fail_errno(errno, "cannot look at", name);
}

Result<FileStat> stat_fd(int fd) {
    count(Sys::stat);
    struct stat s;
    if (::fstat(fd, &s) != 0) return fail_errno(errno, "cannot look at", "an open file");
    return from(s);
}

Result<std::string> read_all(int fd, std::string_view subject, std::size_t limit) {
    PMX_TRY(FileStat info, stat_fd(fd));
    if (S_ISDIR(info.mode)) return fail_errno(EISDIR, "cannot read", std::string(subject));
    std::string out;
    std::size_t used = 0;
    for (;;) {
        if (used == out.size()) out.resize(used + (used ? used : static_cast<std::size_t>(info.size) + 1));
        count(Sys::read);
        ssize_t n = retry([&] { return ::read(fd, out.data() + used, out.size() - used); });
        if (n < 0) return fail_errno(errno, "cannot read", std::string(subject));
        if (n == 0) break;
        used += static_cast<std::size_t>(n);
        if (used > limit)
            return fail(Code::IO, fmt::format("larger than the {} bytes allowed here", limit), std::string(subject));
    }
    out.resize(used);
    return out;
}

Result<std::string> read_file(int dir, const char* name, std::size_t limit) {
    PMX_TRY(Fd fd, open_read(dir, name));
    return read_all(fd.raw(), name, limit);
}

Result<std::optional<std::string>> read_file_if_exists(int dir, const char* name, std::size_t limit) {
    PMX_TRY(std::optional<Fd> fd, open_read_if_exists(dir, name));
    if (!fd) return std::optional<std::string>();
    PMX_TRY(std::string text, read_all(fd->raw(), name, limit));
    return std::optional(std::move(text));
}

Result<> write_file_atomically(int dir, const char* name, std::string_view bytes, Durable durable) {
    PMX_TRY(std::optional<FileStat> existing, stat_at(dir, name));
    if (existing && existing->is_symlink())
        return fail(Code::UNSAFE_PATH, "refusing to write through a symbolic link", name,
                    "remove the link, or make it a real file");
    if (existing && existing->is_file() && existing->size == bytes.size()) {
        auto old = read_file(dir, name);
        if (old && *old == bytes) return {};
    }
    static std::atomic<unsigned> serial{0};
    std::string temporary = fmt::format("{}.{}-{}.tmp", name, ::getpid(), serial++);
    count(Sys::open);
    Fd fd(retry([&] { return ::openat(dir, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); }));
    if (!fd) return fail_errno(errno, "cannot create", temporary);
    auto give_up = [&](int error) {
        ::unlinkat(dir, temporary.c_str(), 0);
        return fail_errno(error, "cannot write", name);
    };
    for (std::size_t done = 0; done < bytes.size();) {
        count(Sys::write);
        ssize_t n = retry([&] { return ::write(fd.raw(), bytes.data() + done, bytes.size() - done); });
        if (n < 0) return give_up(errno);
        done += static_cast<std::size_t>(n);
    }
    if (durable == Durable::yes) {
        count(Sys::other);
        if (::fsync(fd.raw()) != 0 && errno != EINVAL && errno != EROFS) return give_up(errno);
    }
    fd.reset();
    count(Sys::rename);
    if (::renameat(dir, temporary.c_str(), dir, name) != 0) return give_up(errno);
    return {};
}

Result<> make_dir(int dir, const char* name, mode_t mode) {
    count(Sys::mkdir);
    if (::mkdirat(dir, name, mode) == 0) return {};
    int error = errno;
    if (error == EEXIST) {
        struct stat s;
        count(Sys::stat);
        if (::fstatat(dir, name, &s, 0) == 0 && S_ISDIR(s.st_mode)) return {};
        return fail_errno(ENOTDIR, "a file stands where a directory must be", name);
    }
    return fail_errno(error, "cannot make the directory", name);
}

Result<> make_dirs(int dir, std::string_view path, mode_t mode) {
    std::string full(path);
    count(Sys::mkdir);
    if (full.empty() || ::mkdirat(dir, full.c_str(), mode) == 0) return {};
    if (errno == EEXIST) return make_dir(dir, full.c_str(), mode);
    if (errno != ENOENT) return fail_errno(errno, "cannot make the directory", full);
    std::string parent = parent_path(path);
    if (parent.empty() || parent == path) return fail_errno(ENOENT, "cannot make the directory", full);
    PMX_CHECK(make_dirs(dir, parent, mode));
    return make_dir(dir, full.c_str(), mode);
}

Result<> make_symlink(int dir, const char* name, const char* target) {
    count(Sys::symlink);
    if (::symlinkat(target, dir, name) == 0) return {};
    return fail_errno(errno, "cannot make the symbolic link", name);
}

Result<std::string> read_link(int dir, const char* name) {
    char buffer[4096];
    count(Sys::other);
    ssize_t n = ::readlinkat(dir, name, buffer, sizeof buffer);
    if (n < 0) return fail_errno(errno, "cannot read the symbolic link", name);
    return std::string(buffer, static_cast<std::size_t>(n));
}

Result<> rename_at(int from_dir, const char* from, int to_dir, const char* to) {
    count(Sys::rename);
    if (::renameat(from_dir, from, to_dir, to) == 0) return {};
    return fail_errno(errno, fmt::format("cannot move {} to", from), to);
}

Result<> exchange_at(int from_dir, const char* from, int to_dir, const char* to) {
    count(Sys::rename);
    if (::syscall(SYS_renameat2, from_dir, from, to_dir, to, 2 /* RENAME_EXCHANGE */) == 0) return {};
    return fail_errno(errno, fmt::format("cannot exchange {} with", from), to);
}

Result<> remove_file(int dir, const char* name) {
    count(Sys::unlink);
    if (::unlinkat(dir, name, 0) == 0 || errno == ENOENT) return {};
    return fail_errno(errno, "cannot remove", name);
}

Result<> remove_tree(int dir, const char* name) {
    count(Sys::unlink);
    if (::unlinkat(dir, name, 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return fail_errno(errno, "cannot remove", name);
    PMX_TRY(Fd self, open_dir_nofollow(dir, name));
    PMX_TRY(std::vector<DirEntry> entries, list_dir(self.raw()));
    for (const DirEntry& entry : entries) PMX_CHECK(remove_tree(self.raw(), entry.name.c_str()));
    self.reset();
    count(Sys::unlink);
    if (::unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    return fail_errno(errno, "cannot remove the directory", name);
}

Result<std::vector<DirEntry>> list_dir(int dir) {
    count(Sys::open);
    int copy = ::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) return fail_errno(errno, "cannot list", "a directory");
    DIR* stream = ::fdopendir(copy);
    if (!stream) {
        int error = errno;
        ::close(copy);
        return fail_errno(error, "cannot list", "a directory");
    }
    std::vector<DirEntry> entries;
    count(Sys::readdir);
    for (;;) {
        errno = 0;
        dirent* entry = ::readdir(stream);
        if (!entry) break;
        std::string_view name = entry->d_name;
        if (name != "." && name != "..") entries.push_back({std::string(name), entry->d_type});
    }
    int error = errno;
    ::closedir(stream);
    if (error) return fail_errno(error, "cannot list", "a directory");
    return entries;
}

std::string current_dir() {
    char buffer[4096];
    return ::getcwd(buffer, sizeof buffer) ? buffer : "/";
}

std::string home_dir() {
    if (const char* home = std::getenv("HOME"); home && *home) return home;
    if (passwd* user = ::getpwuid(::getuid()); user && user->pw_dir) return user->pw_dir;
    return "/";
}

std::string join_path(std::string_view base, std::string_view tail) {
    std::string text;
    if (!tail.empty() && tail.front() == '/') text = tail;
    else if (base.empty()) text = tail;
    else text = std::string(base) + "/" + std::string(tail);
    bool absolute = !text.empty() && text.front() == '/';
    std::vector<std::string_view> parts;
    std::string_view rest = text;
    while (!rest.empty()) {
        std::size_t at = rest.find('/');
        std::string_view part = rest.substr(0, at);
        rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            if (!parts.empty() && parts.back() != "..") parts.pop_back();
            else if (!absolute) parts.push_back(part);
            continue;
        }
        parts.push_back(part);
    }
    std::string out = absolute ? "/" : "";
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i) out += '/';
        out += parts[i];
    }
    return out;
}

std::string parent_path(std::string_view path) {
    std::size_t at = path.rfind('/');
    if (at == std::string_view::npos) return "";
    return std::string(path.substr(0, at ? at : 1));
}

std::string_view base_name(std::string_view path) {
    std::size_t at = path.rfind('/');
    return at == std::string_view::npos ? path : path.substr(at + 1);
}

std::string relative_path(std::string_view from, std::string_view to) {
    std::string a = join_path(from, ""), b = join_path(to, "");
    std::string_view x = a, y = b;
    auto part = [](std::string_view& rest) {
        std::size_t at = rest.find('/');
        std::string_view head = rest.substr(0, at);
        rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
        return head;
    };
    while (!x.empty() && !y.empty()) {
        std::string_view rest_x = x, rest_y = y;
        if (part(rest_x) != part(rest_y)) break;
        x = rest_x;
        y = rest_y;
    }
    std::string out;
    while (!x.empty()) {
        part(x);
        out += out.empty() ? ".." : "/..";
    }
    if (!y.empty()) {
        if (!out.empty()) out += '/';
        out += y;
    }
    return out.empty() ? "." : out;
}

Result<std::optional<FileLock>> FileLock::take(int dir, const char* name, Mode mode, bool wait) {
    count(Sys::open);
    Fd fd(retry([&] { return ::openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666); }));
    if (!fd && (errno == EROFS || errno == EACCES) && mode == Mode::shared)
        fd = Fd(retry([&] { return ::openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW); }));
    if (!fd) return fail_errno(errno, "cannot open the lock", name);
    count(Sys::other);
    int operation = (mode == Mode::shared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB);
    if (retry([&] { return ::flock(fd.raw(), operation); }) != 0) {
        if (errno == EWOULDBLOCK) return std::optional<FileLock>();
        return fail_errno(errno, "cannot take the lock", name);
    }
    FileLock lock;
    lock.fd_ = std::move(fd);
    return std::optional(std::move(lock));
}

}  // namespace pmx
