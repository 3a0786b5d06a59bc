// The conformance kit: holds a plugin to the contract, each case in a process of its own, with a time limit. The door of
// `pmx plugin check`, and of programs that have a table in memory (a language binding): check() takes either.
//
// Call it from a thread while nothing else of this process needs to go on in the child of a fork(); the cases fork, load
// or use the plugin there, and end without running anything of the parent's. It writes below $TMPDIR and /dev/shm, in
// directories that are gone when it returns, talks to servers of its own on loopback, and prints nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pmx/abi.h"

namespace pmx::testkit {

// skip: the case does not apply, or not here; `detail` says why. warn: not forbidden, and worth a look.
enum class Outcome { pass, warn, skip, fail, crash };
std::string_view word(Outcome outcome);

struct CaseInfo {
    std::string_view name;     // "importer.emlink"
    std::string_view kind;     // "importer"; "" for all
    std::string_view promise;  // what it holds a plugin to, one sentence
};
std::span<const CaseInfo> cases();

struct Verdict {
    std::string name;
    Outcome outcome = Outcome::pass;
    std::string detail;  // "" for pass
    double seconds = 0;
};

// A library, or a table in this process that lives as long as the call. Cases of the library itself skip a table.
struct Subject {
    std::string file;
    const pmx_plugin* table = nullptr;
};

struct Options {
    std::vector<std::string> only;  // names, or beginnings that end in '*'; empty: all that fit the kind
    // Values for options of the plugin, for one that cannot start without them: "PLUGIN.OPTION" → items.
    std::map<std::string, std::vector<std::string>> values;
    std::uint64_t seed = 1;         // of everything that is chosen; the same seed chooses the same
    std::chrono::milliseconds limit{10000};           // for one case
    std::function<void(const Verdict&)> told;         // after each case
    std::function<bool()> stop;                       // asked between cases
    // Around the fork of every case, for a language that keeps state: before it, after it in the parent, in the child.
    std::function<void()> before_fork, in_parent, in_child;
};

// The verdicts of the cases that were chosen, in order.
std::vector<Verdict> check(const Subject& subject, const Options& options);

}  // namespace pmx::testkit
