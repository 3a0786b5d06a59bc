#include "cli/newer.hpp"

#include "cli/installed.hpp"
#include "cli/progress.hpp"
#include "install/read.hpp"
#include "model/pattern.hpp"

namespace pmx {

Result<std::vector<OutdatedEntry>> newer_versions(const Door& door, const Settings& settings, const Selection& selection,
                                                  const std::function<bool(std::string_view alias, EdgeKind kind)>& wanted, bool compatible) {
    PMX_TRY(std::optional<Lockfile> lockfile, wanted_lockfile(settings));
    auto installed = read_current_lockfile(settings.root, settings.text("modules-dir"), settings.text("virtual-store-dir"));
    if (!lockfile && !installed) return fail(Code::NO_LOCKFILE, "nothing is installed here, and there is no lockfile", settings.root, "run pmx install");
    Metrics metrics;
    // Warnings are all that is told: no progress, no summary.
    std::unique_ptr<Reporter> reporter = make_reporter(settings, metrics, Screen{write_err, false, colours_on_stderr(door.environment)});
    static CancelFlag never;
    PatternList ignored(settings.update_ignored_dependencies);
    OutdatedQuery query;
    query.settings = &settings;
    query.events = reporter.get();
    query.metrics = &metrics;
    query.cancel = door.cancel ? door.cancel : &never;
    query.compatible = compatible;
    query.wants = [&](std::string_view alias, EdgeKind kind) { return wanted(alias, kind) && !ignored.matches(alias); };
    for (std::size_t i : selection.chosen) query.projects.push_back(&selection.projects[i]);
    return find_outdated(query, lockfile ? *lockfile : *installed, installed ? &*installed : nullptr);
}

}  // namespace pmx
