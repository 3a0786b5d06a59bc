#include "plugin/instance.hpp"

namespace pmx {

namespace {
Op::Codes codes_of(Code verdict) {
    Op::Codes codes;
    codes.mismatch = codes.invalid = codes.unsupported = verdict;
    return codes;
}

constexpr std::string_view kCheckOfArchive = "the check of an archive";
}  // namespace

Result<> Validator::check_archive(const pmx_archive& archive) const {
    if (!checks_archives()) return {};
    Op op(plugin->room(), plugin->info());
    pmx_status status = closed(plugin->functions<pmx_validator>().check_archive(plugin->self(), op.c(), &archive));
    if (status == PMX_OK) return {};
    return Failure(op.error(status, kCheckOfArchive, view(archive.id), codes_of(Code::INTEGRITY)));
}

Result<ArchiveCheck> Validator::begin_archive(const pmx_archive& archive) const {
    Op op(plugin->room(), plugin->info());
    pmx_archive_check check{sizeof(pmx_archive_check), 0, nullptr, nullptr, nullptr};
    pmx_status status = closed(plugin->functions<pmx_validator>().begin_archive(plugin->self(), op.c(), &archive, &check));
    if (status != PMX_OK) return Failure(op.error(status, kCheckOfArchive, view(archive.id), codes_of(Code::INTEGRITY)));
    if (!check.add || !check.end)
        return fail(Code::PLUGIN_FAILED, "plugin " + plugin->info().name + " began a check that cannot go on", std::string(view(archive.id)),
                    "tell its author");
    return ArchiveCheck(plugin, std::string(view(archive.id)), check);
}

ArchiveCheck::ArchiveCheck(std::shared_ptr<Plugin> plugin, std::string id, const pmx_archive_check& check)
    : plugin_(std::move(plugin)), id_(std::move(id)), check_(check) {}

ArchiveCheck::ArchiveCheck(ArchiveCheck&& other) noexcept
    : plugin_(std::exchange(other.plugin_, nullptr)), id_(std::move(other.id_)), check_(other.check_) {}

ArchiveCheck::~ArchiveCheck() {
    if (!plugin_) return;
    Op op(plugin_->room(), plugin_->info());
    (void)check_.end(check_.self, op.c(), 0);
}

Result<> ArchiveCheck::add(std::string_view piece) {
    Op op(plugin_->room(), plugin_->info());
    pmx_status status = closed(check_.add(check_.self, op.c(), str(piece)));
    if (status == PMX_OK) return {};
    return Failure(op.error(status, kCheckOfArchive, id_, codes_of(Code::INTEGRITY)));
}

Result<> ArchiveCheck::end() {
    const std::shared_ptr<Plugin> plugin = std::exchange(plugin_, nullptr);
    Op op(plugin->room(), plugin->info());
    pmx_status status = closed(check_.end(check_.self, op.c(), 1));
    if (status == PMX_OK) return {};
    return Failure(op.error(status, kCheckOfArchive, id_, codes_of(Code::INTEGRITY)));
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
bool Validator::takes_pieces() const {
    const pmx_validator& functions = plugin->functions<pmx_validator>();
    return PMX_HAS(&functions, pmx_validator, begin_archive) && functions.begin_archive != nullptr;
}
bool Validator::checks_objects() const { return plugin->functions<pmx_validator>().check_object != nullptr; }
bool Validator::checks_manifests() const { return plugin->functions<pmx_validator>().check_manifest != nullptr; }
const PluginInfo& Validator::info() const { return plugin->info(); }

}  // namespace pmx
