// TargetFile: one file that an importer creates below its target directory, with the exact mode, and that vanishes
// again unless keep() is called. Used by importers that copy; Linux and other POSIX systems. [worker]
#pragma once

#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pmx/importer.hpp"

namespace pmx::sdk {

// The process's umask, read without changing it (umask(2) can only swap, which races with other threads). Read it once,
// in the constructor. 0777 when it cannot be known: then every mode is set by fchmod.
inline mode_t current_umask() {
    unsigned value = 0777;
    if (std::FILE* status = std::fopen("/proc/self/status", "re")) {
        char line[256];
        while (std::fgets(line, sizeof line, status))
            if (std::sscanf(line, "Umask: %o", &value) == 1) break;
        std::fclose(status);
    }
    return static_cast<mode_t>(value & 0777);
}

// How many system calls of each kind a job made: reported once per job.
struct Calls {
    std::uint64_t open = 0, close = 0, read = 0, write = 0, link = 0, unlink = 0, ioctl = 0, other = 0;
    void report(const pmx_counters* counters) const {
        if (!counters) return;
        auto add = [&](const char* name, std::uint64_t n) {
            if (n) counters->add(counters, name, n);
        };
        add("sys_open", open);
        add("sys_close", close);
        add("sys_read", read);
        add("sys_write", write);
        add("sys_link", link);
        add("sys_unlink", unlink);
        add("sys_ioctl", ioctl);
        add("sys_other", other);
    }
};

// The file to read from; never a symlink, never a wait for a pipe's other end.
class SourceFile {
  public:
    SourceFile(const Import& job, const pmx_file& file, Calls& calls) : calls_(calls) {
        ++calls_.open;
        fd_ = ::openat(job.source_fd(), file.source.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd_ < 0) throw io_error(errno, "cannot open the file to import", std::string(view(file.source)));
    }
    ~SourceFile() {
        ++calls_.close;
        ::close(fd_);
    }
    SourceFile(const SourceFile&) = delete;
    int fd() const { return fd_; }

  private:
    Calls& calls_;
    int fd_ = -1;
};

class TargetFile {
  public:
    // Creates it; with PMX_IMPORT_REPLACE what stands there is unlinked first, never written through: it may be a
    // hardlink into the store.
    TargetFile(const Import& job, const pmx_file& file, mode_t umask, Calls& calls)
        : calls_(calls), dir_(job.target_fd()), path_(file.target.data) {
        mode_t mode = file.mode & 07777;
        for (bool again = job.replaces();; again = false) {
            ++calls_.open;
            fd_ = ::openat(dir_, path_, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
            if (fd_ >= 0) break;
            if (errno != EEXIST || !again) throw io_error(errno, "cannot create", std::string(view(file.target)));
            ++calls_.unlink;
            if (::unlinkat(dir_, path_, 0) != 0 && errno != ENOENT)
                throw io_error(errno, "cannot replace", std::string(view(file.target)));
        }
        if (mode & (umask | 07000)) {
            ++calls_.other;
            if (::fchmod(fd_, mode) != 0) {
                int number = errno;
                discard();
                throw io_error(number, "cannot set the mode of", std::string(view(file.target)));
            }
        }
    }
    ~TargetFile() {
        if (fd_ >= 0) discard();
    }
    TargetFile(const TargetFile&) = delete;
    int fd() const { return fd_; }
    // Ends it well. A file system that reports a full disk only now is heard.
    void keep() {
        ++calls_.close;
        int failed = ::close(std::exchange(fd_, -1));
        if (failed != 0 && errno != EINTR) {
            int number = errno;
            ::unlinkat(dir_, path_, 0);
            throw io_error(number, "cannot finish", path_);
        }
    }

  private:
    void discard() {
        ++calls_.close;
        ++calls_.unlink;
        ::close(std::exchange(fd_, -1));
        ::unlinkat(dir_, path_, 0);
    }
    Calls& calls_;
    int dir_;
    const char* path_;
    int fd_ = -1;
};

}  // namespace pmx::sdk
