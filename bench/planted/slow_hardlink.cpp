// The hardlink importer with a fault of known size: after the files of a package are linked, it spins for DELAY_NS for each
// of them. `./dev bench --prove planted` builds it twice, with nought and with a share of what a link costs, and asks the
// lab to find the difference.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include <pmx/importer.hpp>

#ifndef DELAY_NS
#define DELAY_NS 0
#endif

namespace {

using namespace pmx::sdk;

class SlowHardlink {
  public:
    SlowHardlink(Host host, const Config&) : counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)) {}

    void import_files(Op, const Import& job, std::size_t& done) {
        if (job.is_private() || job.replaces() || !job.same_device()) throw Error(PMX_UNSUPPORTED, "plain hardlinks only");
        using clock = std::chrono::steady_clock;
        std::size_t first = done;
        for (; done < job.count(); ++done) {
            const pmx_file& file = job.file(done);
            if (::linkat(job.source_fd(), file.source.data, job.target_fd(), file.target.data, 0) != 0)
                throw Error(PMX_UNSUPPORTED, "no hardlink possible");
        }
        if (counters_) counters_->add(counters_, "files_linked", done - first);
        auto end = clock::now() + std::chrono::nanoseconds(static_cast<long long>(DELAY_NS) * static_cast<long long>(done - first));
        while (clock::now() < end) {}
    }

  private:
    const pmx_counters* counters_;
};

}  // namespace

PMX_IMPORTER(SlowHardlink, "slow-hardlink", "1.0.0", "hardlink with a planted delay", 0, nullptr, 0)
