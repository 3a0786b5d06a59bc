#include "plugin/instance.hpp"

namespace pmx {

Result<pmx_status> Importer::import(const pmx_import& job, std::size_t& done) const {
    Op op(plugin->room(), plugin->info());
    done = 0;
    pmx_status status = closed(plugin->functions<pmx_importer>().import(plugin->self(), op.c(), &job, &done));
    if (done > job.file_count || (status == PMX_OK && done != job.file_count)) {
        std::size_t claimed = done;
        done = std::min(done, job.file_count);
        return fail(Code::PLUGIN_FAILED,
                    "plugin " + info().name + " claims " + std::to_string(claimed) + " of " +
                        std::to_string(job.file_count) + " files imported",
                    info().file, "use another importer: --import copy");
    }
    if (status == PMX_OK || status == PMX_UNSUPPORTED) return status;
    Op::Codes codes;
    codes.not_found = codes.denied = codes.unavailable = codes.invalid = Code::IO;
    return Failure(op.error(status, "importing files", {}, codes));
}

const PluginInfo& Importer::info() const { return plugin->info(); }

}  // namespace pmx
