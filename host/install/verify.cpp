#include "install/verify.hpp"

#include <algorithm>

namespace pmx {
namespace {
pmx_str str(std::string_view text) { return {text.data(), text.size()}; }

pmx_archive archive_of(const Package& package, std::string_view bytes, std::string_view url) {
    return {sizeof(pmx_archive), 0, str(package.id), str(bytes), str(package.resolution.integrity), str(url), str(package.name), str(package.version)};
}
}  // namespace

Result<std::vector<Validator>> load_validators(Run& run) {
    OptionValues options = option_values(run.settings);
    std::vector<Validator> validators;
    for (const std::string& name : run.settings.list("validator")) {
        PMX_TRY(Validator validator, run.plugins.validator(name, options));
        validators.push_back(std::move(validator));
    }
    return validators;
}

LoadingValidators::LoadingValidators(Run& run) : loaded_(std::async(std::launch::async, [&run] { return load_validators(run); })) {}

Result<> verify_archive(Run& run, const std::vector<Validator>& validators, const Package& package, std::string_view bytes,
                        std::string_view url) {
    StageTimer timer(run.metrics, Stage::verify, package.id);
    const pmx_archive archive = archive_of(package, bytes, url);
    for (const Validator& validator : validators)
        if (validator.checks_archives()) PMX_CHECK(validator.check_archive(archive));
    return {};
}

Result<std::vector<ArchiveCheck>> begin_archive(const std::vector<Validator>& validators, const Package& package, std::string_view url) {
    const pmx_archive archive = archive_of(package, {}, url);
    std::vector<ArchiveCheck> checks;
    for (const Validator& validator : validators) {
        if (!validator.checks_archives()) continue;
        PMX_TRY(ArchiveCheck check, validator.begin_archive(archive));
        checks.push_back(std::move(check));
    }
    return checks;
}

bool take_pieces(const std::vector<Validator>& validators) {
    return std::all_of(validators.begin(), validators.end(),
                       [](const Validator& validator) { return !validator.checks_archives() || validator.takes_pieces(); });
}

}  // namespace pmx
