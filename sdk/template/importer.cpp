// @NAME@: every file is a copy of the store's. Change copy() to move the bytes another way; TargetFile makes the file
// with its exact mode and takes it away again when something fails.
#include <array>

#include <pmx/target_file.hpp>

namespace {

using namespace pmx::sdk;

class @CLASS@ {
  public:
    @CLASS@(Host host, const Config&)
        : counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)), umask_(current_umask()) {}

    // Throw Error(PMX_UNSUPPORTED, …) to leave the rest to the next importer of the chain.
    void import_files(Op op, const Import& job, std::size_t& done) const {
        for (; done < job.count(); ++done) {
            op.throw_if_cancelled();
            copy(job, job.file(done));
            if (counters_) counters_->add(counters_, "files_copied", 1);
        }
    }

  private:
    void copy(const Import& job, const pmx_file& file) const {
        Calls calls;
        SourceFile from(job, file, calls);
        TargetFile to(job, file, umask_, calls);
        std::array<char, 65536> buffer;
        for (;;) {
            ssize_t got = ::read(from.fd(), buffer.data(), buffer.size());
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) throw io_error(errno, "cannot read", std::string(view(file.source)));
            if (got == 0) break;
            for (ssize_t written = 0; written < got;) {
                ssize_t n = ::write(to.fd(), buffer.data() + written, static_cast<std::size_t>(got - written));
                if (n < 0 && errno != EINTR) throw io_error(errno, "cannot write", std::string(view(file.target)));
                if (n > 0) written += n;
            }
        }
        to.keep();
    }

    const pmx_counters* counters_;
    const mode_t umask_;
};

}  // namespace

PMX_IMPORTER(@CLASS@, "@NAME@", "0.1.0", "Files are copies of the store's", 0, nullptr, 0)
