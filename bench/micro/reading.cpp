// Lockfiles and packuments: text to values.
#include "inputs.hpp"
#include "lockfile/lockfile.hpp"
#include "registry/packument.hpp"
#include "resolve/pick.hpp"

namespace pmx::micro {
namespace {

void lockfile(benchmark::State& state) {
    const std::string text = lockfile_text(static_cast<std::size_t>(state.range(0)));
    Counted counted(state);
    for (auto _ : state) {
        auto read = read_lockfile("pnpm-lock.yaml", text);
        if (!read && failed(state, read.error())) break;
        benchmark::DoNotOptimize(read->graph.packages.data());
    }
    counted.done();
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(lockfile)->Arg(1000)->Unit(benchmark::kMicrosecond);

void scan(benchmark::State& state) {
    const auto text = std::make_shared<const std::string>(packument_text(static_cast<std::size_t>(state.range(0))));
    Counted counted(state);
    for (auto _ : state) {
        auto packument = Packument::scan(*text, text, "library");
        if (!packument && failed(state, packument.error())) break;
        benchmark::DoNotOptimize(packument->get());
    }
    counted.done();
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(text->size()));
}
BENCHMARK(scan)->Arg(300)->Unit(benchmark::kMicrosecond);

void pick_version(benchmark::State& state) {
    const auto text = std::make_shared<const std::string>(packument_text(300));
    const auto packument = Packument::scan(*text, text, "library");
    const auto specifier = parse_specifier("library", "^1.2.0");
    if (!packument || !specifier) return state.SkipWithError("the inputs are broken");
    const Policy policy;
    Counted counted(state);
    for (auto _ : state) {
        PickRequest request;
        request.specifier = &*specifier;
        auto picked = pick(**packument, request, policy);
        if (!picked && failed(state, picked.error())) break;
        auto manifest = (*packument)->manifest(*picked);
        benchmark::DoNotOptimize(manifest->tarball.data());
    }
    counted.done();
}
BENCHMARK(pick_version)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace pmx::micro
