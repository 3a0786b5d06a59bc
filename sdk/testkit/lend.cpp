#include "lend.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

namespace pmx::testkit {

void end_in_handler(const char* text);  // process.cpp

namespace {

// One piece of guarded memory: [pages, guard) is lent, the page at `guard` never is.
struct Span {
    const char *pages = nullptr, *start = nullptr, *guard = nullptr;
    const char* what = nullptr;  // all zero: 65,536 of them cost the command nothing before the first is used
    std::atomic<bool> over{false};
};
constexpr std::size_t kSpans = 1u << 16;
Span spans[kSpans];  // read by a signal handler; never moves
std::atomic<std::size_t> span_count{0};

void on_fault(int number, siginfo_t* info, void*) {
    const char* at = static_cast<const char*>(info->si_addr);
    std::size_t count = std::min(span_count.load(), kSpans);
    for (std::size_t i = 0; i < count; ++i) {
        const Span& span = spans[i];
        if (at < span.pages || at >= span.guard + ::sysconf(_SC_PAGESIZE)) continue;
        static char text[256];
        std::strcpy(text, at >= span.guard  ? "it read past the end of "
                          : span.over       ? "it used, after the call, the borrowed "
                                            : "it wrote to the borrowed ");
        std::strncat(text, span.what, 128);
        end_in_handler(text);
    }
    std::signal(number, SIG_DFL);  // a crash of its own: let it be one
}

}  // namespace

void watch_lent() {
    // A stack of its own: the fault may be an overflow.
    static char stack[65536];
    stack_t alternative{stack, 0, sizeof stack};
    ::sigaltstack(&alternative, nullptr);
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaction(SIGSEGV, &action, nullptr);
    ::sigaction(SIGBUS, &action, nullptr);
}

const void* Lent::copy(const void* bytes, std::size_t length, const char* what, bool in_oldest_plain) {
    if (how_ == Lending::plain || how_ == Lending::longest || (how_ == Lending::oldest && in_oldest_plain)) {
        void* own = std::malloc(length ? length : 1);
        std::memcpy(own, bytes, length);
        return own;
    }
    std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    std::size_t room = (length + page) / page * page;  // at least a byte more, for who takes it to end in a NUL
    if (how_ != Lending::revoked) room = (length + page - 1) / page * page;
    auto* pages = static_cast<char*>(::mmap(nullptr, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::size_t number = span_count.fetch_add(1);
    if (pages == MAP_FAILED || number >= kSpans) throw Stop{Outcome::skip, "there is no room for guarded memory"};
    char* start = how_ == Lending::revoked ? pages : pages + room - length;
    std::memcpy(start, bytes, length);
    ::mprotect(pages + room, page, PROT_NONE);
    if (how_ == Lending::read_only) ::mprotect(pages, room, PROT_READ);
    spans[number].pages = pages;
    spans[number].start = start;
    spans[number].guard = pages + room;
    spans[number].what = what;
    if (how_ == Lending::revoked) spans_.push_back(number);
    return start;
}

void Lent::end() {
    for (std::size_t number : spans_) {
        Span& span = spans[number];
        span.over = true;
        ::mprotect(const_cast<char*>(span.pages), static_cast<std::size_t>(span.guard - span.pages), PROT_NONE);
    }
    spans_.clear();
}

}  // namespace pmx::testkit
