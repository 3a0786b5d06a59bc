#include "plugin/instance.hpp"

namespace pmx {

namespace {
Op::Codes codes_of(Code verdict) {
    Op::Codes codes;
    codes.mismatch = codes.invalid = codes.unsupported = verdict;
    return codes;
}
}  // namespace

Result<> Validator::check_archive(const pmx_archive& archive) const {
    if (!checks_archives()) return {};
    Op op(plugin->room(), plugin->info());
    pmx_status status = closed(plugin->functions<pmx_validator>().check_archive(plugin->self(), op.c(), &archive));
    if (status == PMX_OK) return {};
    return Failure(op.error(status, "the check of an archive", view(archive.id), codes_of(Code::INTEGRITY)));
}

Result<bool> Validator::check_object(const pmx_object& object, std::size_t& bad) const {
    bad = 0;
    if (!checks_objects()) return true;
    Op op(plugin->room(), plugin->info());
    pmx_status status = closed(plugin->functions<pmx_validator>().check_object(plugin->self(), op.c(), &object, &bad));
    if (status == PMX_OK) return true;
    if (bad >= object.row_count) bad = 0;
    if (status == PMX_MISMATCH) {
        op.forward();
        return false;
    }
    return Failure(op.error(status, "the check of a stored object", view(object.id), codes_of(Code::STORE)));
}

Result<> Validator::check_manifest(const pmx_manifest& manifest) const {
    if (!checks_manifests()) return {};
    Op op(plugin->room(), plugin->info());
    pmx_status status = closed(plugin->functions<pmx_validator>().check_manifest(plugin->self(), op.c(), &manifest));
    if (status == PMX_OK) return {};
    return Failure(op.error(status, "the check of a manifest", view(manifest.id), codes_of(Code::POLICY)));
}

bool Validator::checks_archives() const { return plugin->functions<pmx_validator>().check_archive != nullptr; }
bool Validator::checks_objects() const { return plugin->functions<pmx_validator>().check_object != nullptr; }
bool Validator::checks_manifests() const { return plugin->functions<pmx_validator>().check_manifest != nullptr; }
const PluginInfo& Validator::info() const { return plugin->info(); }

}  // namespace pmx
