#include "cli/timing.hpp"

#include <set>

#include <fmt/format.h>

#include "base/figures.hpp"
#include "base/text.hpp"

namespace pmx {
namespace {

double ms(std::int64_t ns) { return static_cast<double>(ns) / 1e6; }

}  // namespace

std::string timing_table(const Metrics& metrics, const InstallReport& report) {
    std::string out = fmt::format("{:<8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7} {:>7}\n", "stage", "begin ms", "wall ms", "sum ms", "max ms",
                                  "wait ms", "tasks", "at once", "queued");
    for (const StageFigures& row : stage_figures(metrics))
        out += fmt::format("{:<8} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f} {:>7} {:>7} {:>7}\n", stage_name(row.stage), ms(row.first),
                           ms(row.wall), ms(row.sum), ms(row.max), ms(row.wait), row.tasks, row.running, row.queued);
    out += fmt::format("total {:.1f} ms · warm={} cold={} · check {} · linker {}\n", ms(ns_since(metrics.start)), report.warm, report.cold,
                       report.check, report.linker);
    for (const Figure& counter : counters(metrics))
        if (counter.value > 0) out += fmt::format("  {:<24} {}\n", counter.name, counter.value);
    for (const auto& [name, value] : report.plugin_counters) out += fmt::format("  {:<24} {}\n", printable(name), value);
    out += "system calls:";
    for (const Figure& call : system_calls())
        if (call.value > 0) out += fmt::format(" {} {}", call.name, call.value);
    return out + "\n";
}

std::string timing_json(const Metrics& metrics, const InstallReport& report) {
    std::string out;
    JsonWriter json(out, 2);
    json.object().key("total_ms").value(ms(ns_since(metrics.start))).key("up_to_date").value(report.up_to_date);
    json.key("lockfile").value(report.lockfile).key("linker").value(report.linker).key("check").value(report.check);
    json.key("plugins_loaded").value(static_cast<std::uint64_t>(report.plugins_loaded));
    json.key("stages").object();
    for (const StageFigures& row : stage_figures(metrics)) {
        json.key(stage_name(row.stage)).object();
        json.key("begin_ms").value(ms(row.first)).key("wall_ms").value(ms(row.wall)).key("sum_ms").value(ms(row.sum)).key("max_ms").value(ms(row.max));
        json.key("wait_ms").value(ms(row.wait)).key("tasks").value(row.tasks).key("running_high_water").value(row.running);
        json.key("queued_high_water").value(row.queued).end();
    }
    json.end().key("counters").object();
    for (const Figure& counter : counters(metrics)) json.key(counter.name).value(counter.value);
    json.end().key("plugin_counters").object();
    for (const auto& [name, value] : report.plugin_counters) json.key(name).value(value);
    json.end().key("syscalls").object();
    for (const Figure& call : system_calls()) json.key(call.name).value(call.value);
    json.end().end();
    return out + "\n";
}

std::string timing_trace(Metrics& metrics) {
    std::string out;
    JsonWriter json(out);
    json.object().key("displayTimeUnit").value("ms").key("traceEvents").array();
    std::set<std::pair<unsigned, std::uint32_t>> tracks;
    auto track_of = [](unsigned stage, std::uint32_t worker) { return stage * 1000u + worker; };
    for (const Span& span : metrics.take_spans()) {
        unsigned stage = static_cast<unsigned>(span.stage);
        tracks.emplace(stage, span.worker);
        json.object().key("name").value(span.subject.empty() ? stage_name(span.stage) : std::string_view(span.subject));
        json.key("cat").value(stage_name(span.stage)).key("ph").value("X").key("ts").value(static_cast<double>(span.start_ns) / 1e3);
        json.key("dur").value(static_cast<double>(span.end_ns - span.start_ns) / 1e3).key("pid").value(1).key("tid").value(track_of(stage, span.worker));
        json.key("args").object().key("stage").value(stage_name(span.stage)).end().end();
    }
    for (auto [stage, worker] : tracks) {
        json.object().key("name").value("thread_name").key("ph").value("M").key("pid").value(1).key("tid").value(track_of(stage, worker));
        json.key("args").object().key("name").value(fmt::format("{} {}", stage_name(static_cast<Stage>(stage)), worker)).end().end();
    }
    json.end().end();
    return out + "\n";
}

}  // namespace pmx
