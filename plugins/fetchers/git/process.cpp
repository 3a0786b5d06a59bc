#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace pmx::git {

namespace {

constexpr int kPollMs = 50;
constexpr std::size_t kComplaintLimit = 2048;

struct Pipe {
    int read = -1, write = -1;
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw sdk::io_error(errno, "cannot make a pipe", "git");
        read = ends[0];
        write = ends[1];
        ::fcntl(read, F_SETFL, O_NONBLOCK);
    }
    Pipe(const Pipe&) = delete;
    ~Pipe() {
        close(read);
        close(write);
    }
    static void close(int& fd) {
        if (fd >= 0) ::close(fd);
        fd = -1;
    }
};

// Kills and reaps what still runs when its scope ends.
struct Child {
    pid_t pid = -1;
    int status = 0;
    bool reap(int flags) {
        if (pid < 0) return true;
        pid_t got;
        do {
            got = ::waitpid(pid, &status, flags);
        } while (got < 0 && errno == EINTR);
        if (got == 0) return false;
        pid = -1;
        return true;
    }
    ~Child() {
        if (pid < 0) return;
        ::kill(-pid, SIGKILL);
        ::kill(pid, SIGKILL);
        reap(0);
    }
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
    out.push_back(nullptr);
    return out;
}

pid_t spawn(const Command& command, int out, int err) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGQUIT}) sigaddset(&defaults, signal);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    // A session of its own: no terminal to ask for passwords on, and a group to kill.
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<char*> arguments = pointers(command.arguments), environment = pointers(command.environment);
    pid_t pid = -1;
    int error =
        ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environment.data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        throw sdk::Error(PMX_UNAVAILABLE, "cannot start the git program", command.arguments[0],
                         error == ENOENT ? "install git, or put it on PATH" : "", error);
    return pid;
}

// Takes what is there; false at the end of the stream.
template <class Take>
bool drain(int fd, Take&& take) {
    std::array<char, 64 * 1024> room;
    for (int i = 0; i < 16; ++i) {
        ssize_t got = ::read(fd, room.data(), room.size());
        if (got > 0)
            take(std::string_view(room.data(), static_cast<std::size_t>(got)));
        else if (got == 0)
            return false;
        else if (errno != EINTR)
            return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    return true;
}

std::string last_lines(std::string text) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (unsigned char c : text) {
        if (c == '\n') {
            if (!out.empty() && !out.ends_with("; ")) out += "; ";
        } else if (c < 0x20 || c == 0x7f || c >= 0x80) {
            out += {'\\', 'x', kDigits[c >> 4], kDigits[c & 15]};
        } else {
            out += static_cast<char>(c);
        }
    }
    if (out.ends_with("; ")) out.resize(out.size() - 2);
    return out;
}

}  // namespace

Outcome run(const Command& command, const sdk::Op& op, const std::function<void(std::string_view)>& output) {
    Pipe out, err;
    Child child;
    child.pid = spawn(command, out.write, err.write);
    Pipe::close(out.write);
    Pipe::close(err.write);
    std::string complaint;
    auto complain = [&](std::string_view bytes) {
        complaint += bytes;
        if (complaint.size() > kComplaintLimit) complaint.erase(0, complaint.size() - kComplaintLimit);
    };
    // Its own end counts, not the end of its pipes: what it started in the background may hold those open.
    for (bool ended = false; !ended;) {
        op.throw_if_cancelled();
        std::array<pollfd, 2> fds = {pollfd{out.read, POLLIN, 0}, pollfd{err.read, POLLIN, 0}};
        ::poll(fds.data(), fds.size(), kPollMs);
        ended = child.reap(WNOHANG);
        bool more = true;
        while (more) {
            more = false;
            if (out.read >= 0) {
                if (!drain(out.read, [&](std::string_view bytes) {
                        more = ended;
                        output(bytes);
                    }))
                    Pipe::close(out.read);
            }
            if (err.read >= 0 && !drain(err.read, complain)) Pipe::close(err.read);
            op.throw_if_cancelled();
        }
        if (out.read < 0 && err.read < 0 && !ended) ::poll(nullptr, 0, 1);
    }
    int code = WIFEXITED(child.status) ? WEXITSTATUS(child.status) : 128 + WTERMSIG(child.status);
    return {code, last_lines(std::move(complaint))};
}

}  // namespace pmx::git
