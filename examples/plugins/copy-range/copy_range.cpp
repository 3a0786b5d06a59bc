// copy-range: every file is a copy that the kernel makes (copy_file_range): no byte comes into this process, and file
// systems that can share blocks or copy on the server do so. Where the kernel refuses, the next importer continues.
#include <pmx/target_file.hpp>

namespace {

using namespace pmx::sdk;

class CopyRange {
  public:
    CopyRange(Host host, const Config&)
        : counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)), umask_(current_umask()) {}

    void import_files(Op op, const Import& job, std::size_t& done) {
        Calls calls;
        pmx_status status = guarded(op.raw(), [&] {
            for (; done < job.count(); ++done) {
                op.throw_if_cancelled();
                copy(job, job.file(done), calls);
            }
            return PMX_OK;
        });
        // Counted whether it went well or not, and once a job: a counter is shared between threads.
        calls.report(counters_);
        if (counters_ && done) counters_->add(counters_, "files_copied", done);
        if (status != PMX_OK) throw Reported(status);
    }

  private:
    void copy(const Import& job, const pmx_file& file, Calls& calls) const {
        SourceFile source(job, file, calls);
        TargetFile target(job, file, umask_, calls);  // gone again when this throws
        for (std::uint64_t left = file.bytes; left > 0;) {
            ++calls.write;
            ssize_t n = ::copy_file_range(source.fd(), nullptr, target.fd(), nullptr, left < kMost ? left : kMost, 0);
            if (n > 0) {
                left -= static_cast<std::uint64_t>(n);
                continue;
            }
            if (n < 0 && errno == EINTR) continue;
            if (n == 0) throw Error(PMX_IO, "a file is shorter than expected", std::string(view(file.source)));
            if (errno == EXDEV || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
                throw Error(PMX_UNSUPPORTED, "the kernel does not copy between these file systems");
            throw io_error(errno, "cannot copy", std::string(view(file.target)));
        }
        target.keep();
    }

    static constexpr std::uint64_t kMost = 1u << 30;
    const pmx_counters* counters_;
    const mode_t umask_;
};

}  // namespace

PMX_IMPORTER(CopyRange, "copy-range", "1.0.0", "Files are copies that the kernel makes", 0, nullptr, 0)
