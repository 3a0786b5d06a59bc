// An archive to a stored object: inflate, read the tar, write the files, publish; and the same object found again.
#include "inputs.hpp"
#include "store/store.hpp"

namespace pmx::micro {
namespace {

void unpack(benchmark::State& state) {
    const std::string bytes = archive(static_cast<std::size_t>(state.range(0)));
    const Place place;
    auto store = Store::open(place.path + "/store", true);
    if (!store && failed(state, store.error())) return;
    Counted counted(state);
    std::size_t number = 0;
    for (auto _ : state) {
        auto done = store->unpack(Store::key_of_url(std::to_string(number++)), bytes, "library@1.0.0", false);
        if (!done && failed(state, done.error())) break;
    }
    counted.done();
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(unpack)->Arg(100)->Iterations(60)->Unit(benchmark::kMicrosecond);

void find(benchmark::State& state) {
    const Place place;
    auto store = Store::open(place.path + "/store", true);
    if (!store && failed(state, store.error())) return;
    const std::string key = Store::key_of_url("one");
    auto made = store->unpack(key, archive(static_cast<std::size_t>(state.range(0))), "library@1.0.0", false);
    if (!made && failed(state, made.error())) return;
    Counted counted(state);
    for (auto _ : state) {
        auto found = store->find(key);
        if (!found && failed(state, found.error())) break;
        benchmark::DoNotOptimize((*found)->files.data());
    }
    counted.done();
}
BENCHMARK(find)->Arg(100)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace pmx::micro
