#include "script/process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <map>

#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.hpp"

extern char** environ;

namespace pmx {
namespace {

// Splits a stream into lines; a line longer than 64 kB is delivered in pieces.
class LineSplitter {
  public:
    template <class Line>
    void feed(std::string_view bytes, Line&& line) {
        for (char c : bytes) {
            if (c == '\n' || pending_.size() >= 64 * 1024) {
                line(pending_);
                pending_.clear();
                if (c == '\n') continue;
            }
            pending_ += c;
        }
    }
    template <class Line>
    void finish(Line&& line) {
        if (!pending_.empty()) line(pending_);
    }

  private:
    std::string pending_;
};

}  // namespace

Result<int> run_program(const Program& program, const CancelFlag& cancel) {
    int out[2], error[2];
    if (::pipe2(out, O_CLOEXEC) != 0) return fail_errno(errno, "cannot make a pipe for", program.arguments[0]);
    Fd out_read(out[0]), out_write(out[1]);
    if (::pipe2(error, O_CLOEXEC) != 0) return fail_errno(errno, "cannot make a pipe for", program.arguments[0]);
    Fd error_read(error[0]), error_write(error[1]);

    std::map<std::string, std::string> variables;
    for (char** entry = environ; entry && *entry; ++entry) {
        std::string_view text(*entry);
        std::size_t equals = text.find('=');
        if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    for (const auto& [name, value] : program.environment) variables[name] = value;
    std::vector<std::string> assignments;
    for (const auto& [name, value] : variables) assignments.push_back(name + "=" + value);
    std::vector<char*> envp, argv;
    for (std::string& text : assignments) envp.push_back(text.data());
    envp.push_back(nullptr);
    for (const std::string& text : program.arguments) argv.push_back(const_cast<char*>(text.c_str()));
    argv.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out_write.raw(), 1);
    posix_spawn_file_actions_adddup2(&actions, error_write.raw(), 2);
    posix_spawn_file_actions_addchdir_np(&actions, program.directory.c_str());
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    pid_t child = 0;
    int failed = ::posix_spawnp(&child, argv[0], &actions, &attributes, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed) return fail_errno(failed, "cannot start", program.arguments[0]);
    out_write.reset();
    error_write.reset();

    std::array<LineSplitter, 2> splitters;
    std::array<pollfd, 2> polls{pollfd{out_read.raw(), POLLIN, 0}, pollfd{error_read.raw(), POLLIN, 0}};
    bool cancelled = false;
    int kill_rounds = 0;
    int status = 0;
    bool reaped = false;
    auto deliver = [&](std::size_t i) {
        return [&, i](std::string_view text) {
            if (program.line) program.line(text, i == 1);
        };
    };
    while (polls[0].fd >= 0 || polls[1].fd >= 0) {
        int ready = ::poll(polls.data(), polls.size(), 50);
        if (cancel.is_set()) {
            cancelled = true;
            ::kill(-child, kill_rounds++ < 20 ? SIGTERM : SIGKILL);
        }
        if (ready <= 0) {
            // The child may be gone while a daemon of its own still holds the pipes: that one is not waited for.
            if (!reaped && ::waitpid(child, &status, WNOHANG) == child) reaped = true;
            if (reaped && ready == 0) break;
            continue;
        }
        for (std::size_t i = 0; i < polls.size(); ++i) {
            if (polls[i].fd < 0 || !polls[i].revents) continue;
            char buffer[16 * 1024];
            ssize_t n = ::read(polls[i].fd, buffer, sizeof buffer);
            if (n > 0) splitters[i].feed({buffer, static_cast<std::size_t>(n)}, deliver(i));
            else if (n == 0 || errno != EINTR) polls[i].fd = -1;
        }
    }
    for (std::size_t i = 0; i < splitters.size(); ++i) splitters[i].finish(deliver(i));
    while (!reaped) {
        if (cancel.is_set()) {
            cancelled = true;
            ::kill(-child, SIGKILL);
        }
        pid_t got = ::waitpid(child, &status, WNOHANG);
        if (got == child || (got < 0 && errno != EINTR)) break;
        ::poll(nullptr, 0, 10);
    }
    if (cancelled) return fail(Code::CANCELLED, "interrupted", program.arguments[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace pmx
