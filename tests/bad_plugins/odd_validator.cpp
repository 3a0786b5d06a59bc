// A validator whose manifest check tries every host service, and whose archive check is not there.
#include <atomic>
#include <cstdio>

#include <unistd.h>

#include <pmx/validator.hpp>

namespace {

using namespace pmx::sdk;

class OddValidator {
  public:
    OddValidator(Host host, const Config&) : host_(host) {}

    pmx_status check_manifest(Op op, const pmx_manifest& manifest) {
        if (view(manifest.name) == "forbidden") {
            op.report(PMX_ERROR, "this package is not allowed", view(manifest.id), "ask for an exception");
            return PMX_MISMATCH;
        }
        if (host_.raw()->service(host_.raw(), "pmx.future/1")) return PMX_FAILED;
        auto* log = host_.service<pmx_log>(PMX_SERVICE_LOG);
        log->write(log, PMX_NOTE, str("a line"));
        auto* counters = host_.service<pmx_counters>(PMX_SERVICE_COUNTERS);
        counters->add(counters, "requests", 2);
        counters->add(counters, "sys_ioctl", 3);
        counters->add(counters, "own_number", 4);
        counters->add(counters, "own_number", 1);
        counters->high_water(counters, "own_peak", 9);
        counters->high_water(counters, "own_peak", 7);
        auto* digest = host_.service<pmx_digest>(PMX_SERVICE_DIGEST);
        std::uint8_t bytes[64];
        std::size_t length = 0;
        if (digest->compute(digest, "sha1", str("abc"), bytes, &length) != PMX_OK || length != 20 || bytes[0] != 0xa9)
            return PMX_FAILED;
        if (digest->compute(digest, "crc32", str("abc"), bytes, &length) != PMX_UNSUPPORTED) return PMX_FAILED;
        auto* executor = host_.service<pmx_executor>(PMX_SERVICE_EXECUTOR);
        std::atomic<std::size_t> sum{0};
        auto add = [](void* context, std::size_t i) { *static_cast<std::atomic<std::size_t>*>(context) += i; };
        executor->parallel_for(executor, 101, add, &sum);
        if (sum != 5050) return PMX_FAILED;
        auto* scratch = host_.service<pmx_scratch>(PMX_SERVICE_SCRATCH);
        char path[4096];
        if (scratch->make(scratch, path, 3) != PMX_INVALID) return PMX_FAILED;
        if (scratch->make(scratch, path, sizeof path) != PMX_OK || ::access(path, W_OK) != 0) return PMX_IO;
        std::string file = std::string(path) + "/left-behind";
        if (std::FILE* out = std::fopen(file.c_str(), "w")) std::fclose(out);
        auto* credentials = host_.service<pmx_credentials>(PMX_SERVICE_CREDENTIALS);
        std::string seen;
        auto keep = [](void* context, pmx_str value) { *static_cast<std::string*>(context) += view(value); };
        credentials->authorization(credentials, str("https://registry.example/"), keep, &seen);
        credentials->transport(credentials, str("https://registry.example/"), "proxy", keep, &seen);
        op.report(PMX_NOTE, seen, path);
        return PMX_OK;
    }

  private:
    Host host_;
};

}  // namespace

PMX_VALIDATOR(OddValidator, "odd-validator", "0.0.1", "Tries every service", 0, nullptr, 0)
