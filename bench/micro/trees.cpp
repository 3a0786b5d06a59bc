// What plugins do to a tree: a layout's plan, an importer's links, and what it costs to call one at all.
#include "base/fs.hpp"
#include "base/metrics.hpp"
#include "inputs.hpp"
#include "lockfile/lockfile.hpp"
#include "plugin/plugins.hpp"
#include "store/store.hpp"

namespace pmx::micro {
namespace {

struct Host {
    Metrics metrics;
    CancelFlag cancel;
    HostServices services() {
        HostServices found;
        found.metrics = &metrics;
        found.cancel = &cancel;
        return found;
    }
    Plugins plugins{PluginPath{}, services()};
};

void plan(benchmark::State& state) {
    Host host;
    auto layout = host.plugins.layout("isolated", {});
    if (!layout && failed(state, layout.error())) return;
    auto lockfile = read_lockfile("pnpm-lock.yaml", lockfile_text(static_cast<std::size_t>(state.range(0))));
    if (!lockfile && failed(state, lockfile.error())) return;
    Counted counted(state);
    for (auto _ : state) {
        auto plan = layout->plan(lockfile->graph);
        if (!plan && failed(state, plan.error())) break;
        benchmark::DoNotOptimize(&*plan);
    }
    counted.done();
}
BENCHMARK(plan)->Arg(1000)->Unit(benchmark::kMicrosecond);

pmx_str view(std::string_view text) { return {text.data(), text.size()}; }

void link(benchmark::State& state) {
    Host host;
    auto importer = host.plugins.importer("hardlink", {});
    if (!importer && failed(state, importer.error())) return;
    const Place place;
    auto store = Store::open(place.path + "/store", true);
    if (!store && failed(state, store.error())) return;
    auto made = store->unpack(Store::key_of_url("one"), archive(static_cast<std::size_t>(state.range(0))), "library@1.0.0", false);
    if (!made && failed(state, made.error())) return;
    const ObjectView& object = made->view;
    std::vector<pmx_file> files;
    for (const ObjectFile& file : object.files)
        files.push_back({view(file.source), view(file.path), file.size, file.mode, 0});
    Counted counted(state);
    std::size_t number = 0;
    for (auto _ : state) {
        state.PauseTiming();
        counted.pause();
        const std::string target = place.path + "/target-" + std::to_string(number++);
        auto ready = make_dirs(AT_FDCWD, target);
        for (const std::string_view dir : object.dirs) ready = ready ? make_dirs(AT_FDCWD, target + "/" + std::string(dir)) : ready;
        auto opened = open_dir(AT_FDCWD, target.c_str());
        counted.resume();
        state.ResumeTiming();
        if (!opened && failed(state, opened.error())) break;
        pmx_import job{};
        job.size = sizeof job;
        job.file_size = sizeof(pmx_file);
        job.source_fd = object.dir.raw();
        job.target_fd = opened->raw();
        job.files = files.data();
        job.file_count = files.size();
        job.source_device = job.target_device = object.device;
        std::size_t done = 0;
        auto result = importer->import(job, done);
        if (!result && failed(state, result.error())) break;
        if (done != files.size()) return state.SkipWithError("not every file was linked");
    }
    counted.done();
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(files.size()));
}
BENCHMARK(link)->Arg(100)->Iterations(200)->Unit(benchmark::kMicrosecond);

// No file to link: what is left is the way there and back.
void plugin_boundary(benchmark::State& state) {
    Host host;
    auto importer = host.plugins.importer("hardlink", {});
    if (!importer && failed(state, importer.error())) return;
    auto here = open_dir(AT_FDCWD, "/");
    if (!here && failed(state, here.error())) return;
    Counted counted(state);
    for (auto _ : state) {
        pmx_import job{};
        job.size = sizeof job;
        job.file_size = sizeof(pmx_file);
        job.source_fd = job.target_fd = here->raw();
        std::size_t done = 0;
        auto result = importer->import(job, done);
        if (!result && failed(state, result.error())) break;
    }
    counted.done();
}
BENCHMARK(plugin_boundary);

}  // namespace
}  // namespace pmx::micro
