#include <fmt/format.h>
#include <unistd.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/progress.hpp"
#include "cli/selection.hpp"
#include "cli/timing.hpp"
#include "install/install.hpp"
#include "install/suggest_choice.hpp"

namespace pmx {
namespace {

Result<> print_timing(const Settings& settings, Metrics& metrics, const InstallReport& report) {
    std::string_view kind = settings.text("timing");
    if (kind == "off") return {};
    std::string text = kind == "table" ? timing_table(metrics, report) : kind == "json" ? timing_json(metrics, report) : timing_trace(metrics);
    if (std::string file(settings.text("timing-file")); !file.empty()) return write_file_atomically(AT_FDCWD, file.c_str(), text);
    kind == "table" ? write_err(text) : write_out(text);
    return {};
}

bool is_set(const std::map<std::string, std::string>& environment, const char* name) {
    auto found = environment.find(name);
    return found != environment.end() && !found->second.empty() && found->second != "false";
}

}  // namespace

Result<> run_install(const Invocation& invocation, const Door& door, const Edits& edits, InstallReport* done) {
    Metrics metrics;
    PMX_TRY(Settings settings, settings_for(invocation, door));
    metrics.trace = settings.text("timing") == "trace";
    Screen screen{write_err, ::isatty(STDERR_FILENO) == 1 && !is_set(door.environment, "CI"), colours_on_stderr(door.environment)};
    std::unique_ptr<Reporter> reporter = make_reporter(settings, metrics, std::move(screen));

    InstallOptions options;
    options.settings = &settings;
    PMX_TRY(options.dir, working_dir(invocation));
    options.cancel = door.cancel;
    options.events = reporter.get();
    options.metrics = &metrics;
    options.ci = is_set(door.environment, "CI");
    options.edits = edits;
    auto report = install(options);
    if (!report) {
        suggest_choice(report.error(), settings);
        if (report.error().code == Code::CANCELLED && report.error().remedy.empty()) report.error().remedy = "run pmx install again to go on";
        reporter->failed(report.error());
        Error told = std::move(report).error();
        told.what.clear();  // the reporter has said it; main only keeps the exit status
        return tl::make_unexpected(std::move(told));
    }
    reporter->finished(*report);
    if (done) *done = *report;
    for (const std::string& line : report->plan) write_out(line + "\n");
    return print_timing(settings, metrics, *report);
}

Result<> install_command(const Invocation& invocation, const Door& door) {
    Edits edits;
    if (invocation.options.contains("filter") || invocation.options.contains("filter-prod")) {
        PMX_TRY(Settings settings, settings_for(invocation, door));
        PMX_TRY(Selection selection, select_projects(invocation, door, settings, RootToo::yes));
        if (selection.chosen.empty()) return {};
        edits.only = selection.only();
    }
    return run_install(invocation, door, edits);
}

}  // namespace pmx
