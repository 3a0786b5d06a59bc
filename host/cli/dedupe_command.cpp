#include "cli/command_line.hpp"
#include "install/install.hpp"

namespace pmx {

Result<> dedupe_command(const Invocation& given, const Door& door) {
    Invocation invocation = given;
    for (const char* flag : {"filter", "filter-prod"})
        if (auto found = invocation.options.find(flag); found != invocation.options.end() && !found->second.empty())
            return fail(Code::USAGE, "dedupe looks at the whole lockfile", "--" + std::string(flag), "leave the filter out");
    PMX_TRY(Settings settings, settings_for(invocation, door));
    Edits edits;
    edits.dedupe = edits.update.dedupe = true;
    if (!invocation.has("check")) return run_install(invocation, door, edits);

    invocation.flags.insert_or_assign("dry-run", std::vector<std::string>{"true"});
    invocation.flags.insert_or_assign("lockfile-only", std::vector<std::string>{"true"});
    InstallReport report;
    PMX_CHECK(run_install(invocation, door, edits, &report));
    if (!report.lockfile_changed) return {};
    return fail(Code::LOCKFILE_OUTDATED, "the lockfile holds versions that others could replace", settings.root, "run pmx dedupe");
}

}  // namespace pmx
