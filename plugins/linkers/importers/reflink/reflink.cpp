// reflink: every file of the package is a copy-on-write clone (FICLONE) of the store's file. Where the file systems
// cannot do that, it says so once per pair of devices and from then on before it touches anything.
#include <mutex>

#include <linux/fs.h>
#include <sys/ioctl.h>

#include <pmx/target_file.hpp>

namespace {

using namespace pmx::sdk;

class Reflink {
  public:
    Reflink(Host host, const Config&)
        : counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)), umask_(current_umask()) {}

    void import_files(Op op, const Import& job, std::size_t& done) {
        if (!job.same_device() || is_known_impossible(job))
            throw Error(PMX_UNSUPPORTED, "the file system has no copy-on-write clones");
        Calls calls;
        pmx_status status = guarded(op.raw(), [&] {
            for (; done < job.count(); ++done) {
                if (done % 64 == 0) op.throw_if_cancelled();
                clone(job, job.file(done), calls);
            }
            return PMX_OK;
        });
        calls.report(counters_);
        if (counters_ && done) counters_->add(counters_, "files_reflinked", done);
        if (status != PMX_OK) throw Reported(status);
    }

  private:
    void clone(const Import& job, const pmx_file& file, Calls& calls) {
        SourceFile source(job, file, calls);
        TargetFile target(job, file, umask_, calls);
        // An empty file is whole already, and no proof of what the file system can do.
        if (file.bytes > 0) {
            ++calls.ioctl;
            if (::ioctl(target.fd(), FICLONE, source.fd()) != 0) {
                int number = errno;
                if (number == EOPNOTSUPP || number == EXDEV || number == EINVAL || number == ENOTTY || number == EPERM) {
                    remember_impossible(job);
                    throw Error(PMX_UNSUPPORTED, "the file system has no copy-on-write clones");
                }
                throw io_error(number, "cannot clone", std::string(view(file.target)));
            }
        }
        target.keep();
    }

    static std::pair<std::uint64_t, std::uint64_t> devices(const Import& job) {
        return {job.source_device(), job.target_device()};
    }
    bool is_known_impossible(const Import& job) {
        std::lock_guard lock(mutex_);
        for (const auto& pair : impossible_)
            if (pair == devices(job)) return true;
        return false;
    }
    void remember_impossible(const Import& job) {
        std::lock_guard lock(mutex_);
        impossible_.push_back(devices(job));
    }

    const pmx_counters* counters_;
    const mode_t umask_;
    std::mutex mutex_;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> impossible_;
};

}  // namespace

PMX_IMPORTER(Reflink, "reflink", "1.0.0", "Files are copy-on-write clones of the store's", 0, nullptr, 0)
