// hardlink: every file of the package is one more name of the store's file. One linkat a file, nothing else; the file
// keeps the mode that it has in the store. The next importer takes over where two names for one inode cannot be: on
// another file system, at the inode's link limit, or where the tree must not share storage with the store.
#include <pmx/target_file.hpp>

namespace {

using namespace pmx::sdk;

class Hardlink {
  public:
    Hardlink(Host host, const Config&) : counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)) {}

    void import_files(Op op, const Import& job, std::size_t& done) {
        if (job.is_private()) throw Error(PMX_UNSUPPORTED, "a private copy cannot be a hardlink");
        if (!job.same_device()) throw Error(PMX_UNSUPPORTED, "the store is on another file system");
        Calls calls;
        pmx_status status = guarded(op.raw(), [&] {
            for (; done < job.count(); ++done) {
                if (done % 64 == 0) op.throw_if_cancelled();
                link(job, job.file(done), calls);
            }
            return PMX_OK;
        });
        calls.report(counters_);
        if (counters_ && done) counters_->add(counters_, "files_linked", done);
        if (status != PMX_OK) throw Reported(status);
    }

  private:
    static void link(const Import& job, const pmx_file& file, Calls& calls) {
        for (bool again = job.replaces();; again = false) {
            ++calls.link;
            if (::linkat(job.source_fd(), file.source.data, job.target_fd(), file.target.data, 0) == 0) return;
            switch (errno) {
                case EXDEV:
                case EMLINK:
                case EPERM:
                case EOPNOTSUPP:
                    throw Error(PMX_UNSUPPORTED, "no hardlink possible", std::string(view(file.target)));
                case EEXIST:
                    if (!again) break;
                    // Not link-and-rename: rename does nothing, and leaves both names, when they are one inode.
                    ++calls.unlink;
                    if (::unlinkat(job.target_fd(), file.target.data, 0) != 0 && errno != ENOENT)
                        throw io_error(errno, "cannot replace", std::string(view(file.target)));
                    continue;
            }
            throw io_error(errno, "cannot hardlink", std::string(view(file.target)));
        }
    }

    const pmx_counters* counters_;
};

}  // namespace

PMX_IMPORTER(Hardlink, "hardlink", "1.0.0", "Files share their storage with the store", 0, nullptr, 0)
