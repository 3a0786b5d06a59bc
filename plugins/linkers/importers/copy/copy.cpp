// copy: every file of the package is a copy of the store's file, made by the kernel where it can (copy_file_range) and
// through a buffer where it cannot. Works everywhere; a file that was begun and not finished is removed again.
#include <array>
#include <memory>

#include <pmx/target_file.hpp>

namespace {

using namespace pmx::sdk;

class Copy {
  public:
    Copy(Host host, const Config&)
        : counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)), umask_(current_umask()) {}

    void import_files(Op op, const Import& job, std::size_t& done) {
        Job state{op, job, {}, job.same_device(), {}};
        pmx_status status = guarded(op.raw(), [&] {
            for (; done < job.count(); ++done) {
                if (done % 64 == 0) op.throw_if_cancelled();
                copy(state, job.file(done));
            }
            return PMX_OK;
        });
        state.calls.report(counters_);
        if (counters_ && done) counters_->add(counters_, "files_copied", done);
        if (status != PMX_OK) throw Reported(status);
    }

  private:
    using Buffer = std::array<char, 256 * 1024>;
    struct Job {
        Op op;
        const Import& import;
        Calls calls;
        bool kernel_copies;  // copy_file_range is worth a try: not after it has failed once in this job
        std::unique_ptr<Buffer> buffer;
    };

    void copy(Job& job, const pmx_file& file) const {
        SourceFile source(job.import, file, job.calls);
        TargetFile target(job.import, file, umask_, job.calls);
        for (std::uint64_t copied = 0; copied < file.bytes;) {
            std::uint64_t step = job.kernel_copies ? by_kernel(job, source, target, file, file.bytes - copied)
                                                   : by_buffer(job, source, target, file, file.bytes - copied);
            if (step == 0 && job.kernel_copies) {
                job.kernel_copies = false;
                continue;
            }
            if (step == 0)
                throw Error(PMX_IO, "a file is shorter than expected", std::string(view(file.source)),
                            "run `pmx store verify --repair`");
            copied += step;
            if (copied < file.bytes) job.op.throw_if_cancelled();
        }
        target.keep();
    }

    // 0: the kernel does not copy between these two; nothing was written.
    static std::uint64_t by_kernel(Job& job, const SourceFile& source, const TargetFile& target, const pmx_file& file,
                                   std::uint64_t want) {
        std::size_t most = want < (64u << 20) ? static_cast<std::size_t>(want) : 64u << 20;
        for (;;) {
            ++job.calls.write;
            ssize_t n = ::copy_file_range(source.fd(), nullptr, target.fd(), nullptr, most, 0);
            if (n >= 0) return static_cast<std::uint64_t>(n);
            if (errno == EINTR) continue;
            if (errno == ENOSPC || errno == EDQUOT || errno == EIO)
                throw io_error(errno, "cannot write", std::string(view(file.target)));
            return 0;
        }
    }

    static std::uint64_t by_buffer(Job& job, const SourceFile& source, const TargetFile& target, const pmx_file& file,
                                   std::uint64_t want) {
        if (!job.buffer) job.buffer.reset(new Buffer);
        std::size_t most = want < job.buffer->size() ? static_cast<std::size_t>(want) : job.buffer->size();
        ssize_t got;
        do {
            ++job.calls.read;
            got = ::read(source.fd(), job.buffer->data(), most);
        } while (got < 0 && errno == EINTR);
        if (got < 0) throw io_error(errno, "cannot read", std::string(view(file.source)));
        for (ssize_t written = 0; written < got;) {
            ++job.calls.write;
            ssize_t n = ::write(target.fd(), job.buffer->data() + written, static_cast<std::size_t>(got - written));
            if (n < 0 && errno != EINTR) throw io_error(errno, "cannot write", std::string(view(file.target)));
            if (n > 0) written += n;
        }
        return static_cast<std::uint64_t>(got);
    }

    const pmx_counters* counters_;
    const mode_t umask_;
};

}  // namespace

PMX_IMPORTER(Copy, "copy", "1.0.0", "Files are copies of the store's", 0, nullptr, 0)
