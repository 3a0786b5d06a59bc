// Processes of the kit: a case in a child with a time limit, and system calls of this process that are forbidden or made
// to fail (seccomp; needs no privilege). Private to the kit.
#pragma once

#include <initializer_list>

#include "bench.hpp"

namespace pmx::testkit {

// Runs `body` in a child and says how it ended. Its output is kept from the terminal and quoted when it crashes.
Verdict run_apart(const Options& options, const std::function<void()>& body);

// From now on, on this thread and those it starts, the process ends with a failed verdict when it does one of these.
enum Forbidden : unsigned {
    no_threads = 1,
    no_processes = 2,
    no_network = 4,
    no_writing = 8,   // opening a file to write, making directories and links
    no_files = 16,    // opening anything
};
void forbid(unsigned what);  // skips the case where the kernel has no filters

// The system calls fail with `error` from now on, on this thread and those it starts.
void let_fail(std::initializer_list<int> calls, int error);

// Open descriptors and threads of this process.
std::vector<int> descriptors();
std::size_t thread_count();

}  // namespace pmx::testkit
