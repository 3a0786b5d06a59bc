#include "process.hpp"

#include <csignal>
#include <cstddef>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pmx::testkit {

namespace {

// Shared with the parent: survives whatever the plugin does to descriptors, to the heap, and to the process.
struct Note {
    volatile int outcome;  // -1: none yet
    char doing[512];
    char detail[4096];
};
Note* note = nullptr;  // of the case that this process runs

void write_note(Outcome outcome, std::string_view detail) {
    std::size_t length = std::min(detail.size(), sizeof note->detail - 1);
    std::memcpy(note->detail, detail.data(), length);
    note->detail[length] = '\0';
    note->outcome = static_cast<int>(outcome);
}

std::string last_line(int fd) {
    char buffer[4096];
    off_t size = ::lseek(fd, 0, SEEK_END), from = size > 4095 ? size - 4095 : 0;
    ssize_t n = ::pread(fd, buffer, sizeof buffer - 1, from);
    std::string text(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.substr(text.rfind('\n') + 1).substr(0, 300);
}

[[noreturn]] void run_case(const Options& options, const std::function<void()>& body, int output) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int number : {SIGINT, SIGTERM, SIGPIPE}) std::signal(number, number == SIGPIPE ? SIG_IGN : SIG_DFL);
    rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(null, 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    ::close(null);
    if (options.in_child) options.in_child();
    try {
        body();
        if (note->outcome < 0) write_note(Outcome::pass, "");
    } catch (const Stop& stop) {
        write_note(stop.outcome, stop.text);
    } catch (const std::exception& error) {
        write_note(Outcome::fail, std::string("the kit itself failed: ") + error.what());
    }
    ::_exit(0);
}

// True when the child ended by itself.
bool wait_within(pid_t child, std::chrono::milliseconds limit, int& status) {
    auto end = std::chrono::steady_clock::now() + limit;
    for (unsigned pause = 200;; pause = std::min(pause * 2, 5000u)) {
        pid_t ended = ::waitpid(child, &status, WNOHANG);
        if (ended == child || (ended < 0 && errno == ECHILD)) return true;
        if (std::chrono::steady_clock::now() > end) return false;
        ::usleep(pause);
    }
}

}  // namespace

// For signal handlers: the verdict, and the end of the process.
[[noreturn]] void end_in_handler(const char* text) {
    std::size_t length = std::min(std::strlen(text), sizeof note->detail - 600);
    std::memcpy(note->detail, text, length);
    note->detail[length] = '\0';
    if (note->doing[0]) {
        std::strcat(note->detail, " (");
        std::strcat(note->detail, note->doing);
        std::strcat(note->detail, ")");
    }
    note->outcome = static_cast<int>(Outcome::fail);
    ::_exit(0);
}

void doing(std::string_view what) {
    if (!note) return;
    std::size_t length = std::min(what.size(), sizeof note->doing - 1);
    std::memcpy(note->doing, what.data(), length);
    note->doing[length] = '\0';
}

Verdict run_apart(const Options& options, const std::function<void()>& body) {
    auto start = std::chrono::steady_clock::now();
    auto* shared = static_cast<Note*>(::mmap(nullptr, sizeof(Note), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    int output = ::memfd_create("output", MFD_CLOEXEC);
    Verdict verdict{{}, Outcome::fail, "the kit cannot start a process", 0};
    if (shared == MAP_FAILED || output < 0) return verdict;
    shared->outcome = -1;
    Note* outer = note;
    if (options.before_fork) options.before_fork();
    pid_t child = ::fork();
    if (child == 0) {
        note = shared;
        run_case(options, body, output);
    }
    if (options.in_parent) options.in_parent();
    note = outer;
    int status = 0;
    bool in_time = child < 0 || wait_within(child, options.limit, status);
    if (child > 0) ::kill(-child, SIGKILL);  // and what it started
    if (!in_time) ::waitpid(child, &status, 0);
    std::string during = shared->doing[0] ? text(" (", shared->doing, ")") : std::string();
    if (shared->outcome >= 0 && in_time) {
        verdict.outcome = static_cast<Outcome>(shared->outcome);
        verdict.detail = shared->detail;
    } else if (!in_time) {
        verdict.detail = text("it did not end within ", options.limit.count() / 1000.0, " s", during);
    } else if (child > 0) {
        // The C library blocks signals around the start of a thread: the filter's trap is then the end.
        bool forbidden = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
        verdict.outcome = forbidden ? Outcome::fail : Outcome::crash;
        std::string said = last_line(output);
        verdict.detail = forbidden             ? text("it started a thread or a program, or did what else is forbidden here", during)
                         : WIFSIGNALED(status) ? text(::strsignal(WTERMSIG(status)), during)
                                               : text("it ended the process with status ", WEXITSTATUS(status), during);
        if (!said.empty()) verdict.detail += ": " + said;
    }
    ::close(output);
    ::munmap(shared, sizeof(Note));
    verdict.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return verdict;
}

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kMachine = 0;
#endif

// A BPF program that looks at the number of a system call, and sometimes at one of its arguments.
class Filter {
  public:
    Filter() {
        add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
        jump(BPF_JEQ, kMachine, 1, 0);
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
    }
    void on(int call, std::uint32_t action) {
        if (call < 0) return;
        jump(BPF_JEQ, static_cast<std::uint32_t>(call), 0, 1);
        add(BPF_RET | BPF_K, action);
    }
    // Where any bit of `mask` is set in the lower half of argument `index`, or none with `action` for none.
    void on_bits(int call, unsigned index, std::uint32_t mask, std::uint32_t some, std::uint32_t none) {
        if (call < 0) return;
        jump(BPF_JEQ, static_cast<std::uint32_t>(call), 0, 4);
        add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * index));
        jump(BPF_JSET, mask, 0, 1);
        add(BPF_RET | BPF_K, some);
        add(BPF_RET | BPF_K, none);
    }
    bool install() {
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
        return kMachine != 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
               ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
    }

  private:
    void add(int code, std::uint32_t value) { code_.push_back({static_cast<std::uint16_t>(code), 0, 0, value}); }
    void jump(int test, std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
        code_.push_back({static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), yes, no, value});
    }
    std::vector<sock_filter> code_;
};

constexpr const char* kDeeds[] = {"", "it started a thread", "it started a process", "it used the network", "it wrote to the disk",
                                  "it opened a file"};

void on_forbidden(int, siginfo_t* info, void*) {
    int deed = info->si_errno;  // what the filter said
    end_in_handler(deed > 0 && deed < 6 ? kDeeds[deed] : "it did what is forbidden here");
}

#ifndef SYS_open
#define SYS_open -1
#define SYS_creat -1
#define SYS_mkdir -1
#define SYS_fork -1
#define SYS_vfork -1
#define SYS_link -1
#define SYS_symlink -1
#define SYS_rename -1
#define SYS_unlink -1
#endif

}  // namespace

void forbid(unsigned what) {
    struct sigaction action {};
    action.sa_sigaction = on_forbidden;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGSYS, &action, nullptr);
    auto trap = [](std::uint32_t deed) { return SECCOMP_RET_TRAP | deed; };
    Filter filter;
    if (what & (no_threads | no_processes)) {
        // The C library asks for clone3 first, whose flags a filter cannot see, and takes clone where there is none.
        filter.on(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
        filter.on_bits(SYS_clone, 0, CLONE_THREAD, what & no_threads ? trap(1) : SECCOMP_RET_ALLOW,
                       what & no_processes ? trap(2) : SECCOMP_RET_ALLOW);
    }
    if (what & no_processes)
        for (int call : {SYS_fork, SYS_vfork, SYS_execve, SYS_execveat}) filter.on(call, trap(2));
    if (what & no_network)
        for (int call : {SYS_socket, SYS_connect}) filter.on(call, trap(3));
    if (what & no_files)
        for (int call : {SYS_open, SYS_openat, SYS_openat2, SYS_creat}) filter.on(call, trap(5));
    if (what & no_writing) {
        filter.on_bits(SYS_openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, trap(4), SECCOMP_RET_ALLOW);
        filter.on_bits(SYS_open, 1, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, trap(4), SECCOMP_RET_ALLOW);
        for (int call : {SYS_creat, SYS_mkdir, SYS_mkdirat, SYS_link, SYS_linkat, SYS_symlink, SYS_symlinkat, SYS_rename, SYS_renameat,
                         SYS_renameat2, SYS_unlink, SYS_unlinkat})
            filter.on(call, trap(4));
    }
    if (!filter.install()) skip("this kernel has no filters of system calls");
}

void let_fail(std::initializer_list<int> calls, int error) {
    Filter filter;
    for (int call : calls) filter.on(call, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error));
    if (!filter.install()) skip("this kernel has no filters of system calls");
}

std::vector<int> descriptors() {
    std::vector<int> open;
    DIR* dir = ::opendir("/proc/self/fd");
    if (!dir) return open;
    while (dirent* entry = ::readdir(dir))
        if (entry->d_name[0] != '.') {
            int fd = std::atoi(entry->d_name);
            if (fd != ::dirfd(dir)) open.push_back(fd);
        }
    ::closedir(dir);
    return open;
}

std::size_t thread_count() {
    std::size_t count = 0;
    if (DIR* dir = ::opendir("/proc/self/task")) {
        while (dirent* entry = ::readdir(dir)) count += entry->d_name[0] != '.';
        ::closedir(dir);
    }
    return count;
}

}  // namespace pmx::testkit
