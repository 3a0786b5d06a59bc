#include "install/check.hpp"

namespace pmx {
namespace {
pmx_str str(std::string_view text) { return {text.data(), text.size()}; }
}  // namespace

Result<bool> check_object(Run& run, const std::vector<Validator>& validators, const ObjectView& object, pmx_level level,
                          std::string_view id) {
    if (level == PMX_LEVEL_NONE) return true;
    StageTimer timer(run.metrics, Stage::check, id);
    thread_local std::vector<pmx_row> rows;
    rows.clear();
    rows.reserve(object.files.size());
    bool digests = object.digests.size() == object.files.size() * 32;
    for (std::size_t i = 0; i < object.files.size(); ++i) {
        const ObjectFile& file = object.files[i];
        auto digest = digests ? reinterpret_cast<const std::uint8_t*>(object.digests.data()) + i * 32 : nullptr;
        rows.push_back({str(file.source), str(file.path), file.size, file.inode, file.mtime_ns, file.mode, digests ? 32u : 0u, digest});
    }
    pmx_object view{sizeof(pmx_object), sizeof(pmx_row), object.dir.raw(), level, str(id), rows.data(), rows.size()};
    for (const Validator& validator : validators) {
        if (!validator.checks_objects()) continue;
        std::size_t bad = 0;
        PMX_TRY(bool holds, validator.check_object(view, bad));
        if (!holds) {
            std::string_view path = bad < object.files.size() ? object.files[bad].path : std::string_view();
            run.events.explain("checked " + std::string(id) + ": its stored file " + std::string(path) +
                               " is not what was unpacked; it will be fetched again");
            return false;
        }
    }
    run.metrics.files_checked += object.files.size();
    return true;
}

Result<> check_manifest(const std::vector<Validator>& validators, const ObjectView& object, const Package& package) {
    std::string json;
    for (const Validator& validator : validators) {
        if (!validator.checks_manifests()) continue;
        if (json.empty()) {
            for (const ObjectFile& file : object.files)
                if (file.path == "package.json") {
                    PMX_TRY(json, read_file(object.dir.raw(), file.source.data(), 64u << 20));
                }
        }
        pmx_manifest manifest{sizeof(pmx_manifest), 0, str(package.id), str(package.name), str(package.version), str(json),
                              str(package.resolution.integrity)};
        PMX_CHECK(validator.check_manifest(manifest));
    }
    return {};
}

pmx_level check_level(const Settings& settings) {
    std::string_view level = settings.text("check");
    return level == "none" ? PMX_LEVEL_NONE : level == "content" ? PMX_LEVEL_CONTENT : PMX_LEVEL_STAT;
}

}  // namespace pmx
