// Inputs of a fixed seed, shaped like real ones: the same bytes on every machine. [one thread]
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <benchmark/benchmark.h>

#include "allocations.hpp"
#include "base/result.hpp"

namespace pmx::micro {

// A pnpm-lock.yaml of `packages` packages, with up to six dependencies each.
std::string lockfile_text(std::size_t packages);
// A packument in the install form.
std::string packument_text(std::size_t versions);
// A .tgz of `files` sources of a few kilobytes, and a package.json.
std::string archive(std::size_t files);

// A directory of one benchmark, removed with it: below PMX_MICRO_DIR, else /dev/shm, else TMPDIR.
class Place {
  public:
    Place();
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    std::string path;
};

// Counts what happens between its construction and done() into the benchmark's counters, by iteration.
class Counted {
  public:
    explicit Counted(benchmark::State& state) : state_(state), before_(allocations()) {}
    // What is done outside the clock does not count.
    void pause() { paused_ = allocations(); }
    void resume();
    void done();

  private:
    benchmark::State& state_;
    Allocations before_, paused_;
};

// A benchmark that cannot go on says why.
bool failed(benchmark::State& state, const Error& error);

}  // namespace pmx::micro
