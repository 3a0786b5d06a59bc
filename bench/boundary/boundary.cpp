// What a call over the plugin boundary costs: the bare function, the host's handle around it, a question to the op, the
// steps of a plan, and loading a library. Run on a quiet machine; compare with a build of the preset `static`.
#include <benchmark/benchmark.h>

#include "plugin/instance.hpp"
#include "plugin/plugins.hpp"

namespace pmx {
namespace {

pmx_import empty_job() {
    pmx_import job{};
    job.size = sizeof job;
    job.file_size = sizeof(pmx_file);
    job.source_fd = job.target_fd = -1;
    return job;
}

// A call of nothing through the handle that the link stage uses: an Op, the call, the look at what came back.
void call_of_a_handle(benchmark::State& state) {
    Plugins plugins({}, {});
    auto importer = plugins.importer("copy", {});
    if (!importer) return state.SkipWithError(to_string(importer.error()).c_str());
    pmx_import job = empty_job();
    for (auto _ : state) {
        std::size_t done = 0;
        benchmark::DoNotOptimize(importer->import(job, done));
    }
}
BENCHMARK(call_of_a_handle);

// The same without the handle.
void call_of_the_function(benchmark::State& state) {
    Plugins plugins({}, {});
    auto importer = plugins.importer("copy", {});
    if (!importer) return state.SkipWithError(to_string(importer.error()).c_str());
    const Plugin& plugin = *importer->plugin;
    auto function = plugin.functions<pmx_importer>().import;
    Op op(plugin.room(), plugin.info());
    pmx_import job = empty_job();
    for (auto _ : state) {
        std::size_t done = 0;
        benchmark::DoNotOptimize(function(plugin.self(), op.c(), &job, &done));
    }
}
BENCHMARK(call_of_the_function);

void question_to_the_op(benchmark::State& state) {
    Plugins plugins({}, {});
    auto importer = plugins.importer("copy", {});
    if (!importer) return state.SkipWithError(to_string(importer.error()).c_str());
    Op op(importer->plugin->room(), importer->plugin->info());
    const pmx_op* c = op.c();
    for (auto _ : state) benchmark::DoNotOptimize(c->is_cancelled(c));
}
BENCHMARK(question_to_the_op);

// A flat project of N packages: the graph goes over, N places and N requests for executables come back.
void plan(benchmark::State& state) {
    Plugins plugins({}, {});
    auto layout = plugins.layout("hoisted", {});
    if (!layout) return state.SkipWithError(to_string(layout.error()).c_str());
    const auto count = static_cast<std::uint32_t>(state.range(0));
    Graph graph;
    graph.packages.resize(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        std::string name = "package-" + std::to_string(i);
        graph.packages[i].name = graph.arena.copy(name);
        graph.packages[i].id = graph.arena.copy(name + "@1.0.0");
        graph.packages[i].has_bin = true;
        graph.edges.push_back({graph.packages[i].name, i, {}, EdgeKind::prod});
    }
    graph.projects = {{".", "root", 0, count}};
    for (auto _ : state) {
        auto made = layout->plan(graph);
        if (!made) return state.SkipWithError(to_string(made.error()).c_str());
        benchmark::DoNotOptimize(made);
    }
    state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(plan)->Arg(100)->Arg(1300);

// From a name to an instance. The library itself is mapped once a process: a new one pays for that once.
void load(benchmark::State& state) {
    for (auto _ : state) {
        Plugins plugins({}, {});
        auto importer = plugins.importer("copy", {});
        if (!importer) return state.SkipWithError(to_string(importer.error()).c_str());
    }
}
BENCHMARK(load);

}  // namespace
}  // namespace pmx
