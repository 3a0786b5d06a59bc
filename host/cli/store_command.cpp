#include <fmt/format.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "store/store.hpp"

namespace pmx {
namespace {

Result<> status(const Store& store) {
    PMX_TRY(Store::Status status, store.status());
    write_out(fmt::format("{}\n  packages  {}\n  files     {}\n  size      {}\n  projects  {}\n", store.path(), status.objects, status.files,
                          human_bytes(status.bytes), status.projects));
    return {};
}

Result<> verify(const Store& store, bool content, bool repair) {
    PMX_TRY(std::vector<Store::Problem> problems, store.verify(content, repair, [](std::size_t, std::size_t) {}));
    for (const Store::Problem& problem : problems) write_out(printable(fmt::format("{}  {}: {}\n", problem.key.substr(0, 16), problem.id, problem.what)));
    if (problems.empty()) {
        write_out("every stored package is whole\n");
        return {};
    }
    if (repair) {
        write_out(fmt::format("{} bad packages removed; the next install fetches them again\n", problems.size()));
        return {};
    }
    return fail(Code::STORE, fmt::format("{} stored packages are not as they were written", problems.size()), store.path(),
                "pmx store verify --repair removes them; the next install fetches them again");
}

Result<> prune(const Store& store, bool dry_run) {
    PMX_TRY(Store::Pruned pruned, store.prune(dry_run));
    write_out(fmt::format("{} {} packages, {}; {} projects are gone\n", dry_run ? "would remove" : "removed", pruned.objects,
                          human_bytes(pruned.bytes), pruned.projects));
    return {};
}

}  // namespace

Result<> store_command(const Invocation& invocation, const Door& door) {
    PMX_TRY(Settings settings, settings_for(invocation, door));
    std::string dir(settings.text("store-dir"));
    if (invocation.command == "store path") return write_out(dir + "\n"), Result<>();
    PMX_TRY(std::optional<FileStat> there, stat_at(AT_FDCWD, dir.c_str()));
    if (!there) return write_out("there is no store yet at " + dir + "\n"), Result<>();
    PMX_TRY(Store store, Store::open(dir, false));
    if (invocation.command == "store status") return status(store);
    if (invocation.command == "store verify") return verify(store, invocation.has("content"), invocation.has("repair"));
    return prune(store, invocation.has("dry-run"));
}

}  // namespace pmx
