// An importer that ends as its option `end` says.
#include <pmx/importer.hpp>

namespace {

using namespace pmx::sdk;

constexpr pmx_option options[] = {option_text("end", "How", "lie")};

class OddImporter {
  public:
    OddImporter(Host, const Config& config) : end_(config.text("end")) {}
    void import_files(Op op, const Import& job, std::size_t& done) {
        if (end_ == "lie") return;
        if (end_ == "too-many") done = job.count() + 5;
        if (end_ == "full") throw io_error(ENOSPC, "cannot write", "some/file");
        if (end_ == "denied") throw io_error(EACCES, "cannot write", "some/file");
        if (end_ == "unknown-status") throw Error(static_cast<pmx_status>(99), "it went wrong");
        if (end_ == "silent") throw Reported(PMX_FAILED);
        if (end_ == "twice") op.report(PMX_ERROR, "the first"), throw Error(PMX_IO, "the second");
        if (end_ == "unsupported") throw Error(PMX_UNSUPPORTED, "not here");
        if (end_ == "cancelled") op.throw_if_cancelled();
    }

  private:
    std::string end_;
};

}  // namespace

PMX_IMPORTER(OddImporter, "odd-importer", "0.0.1", "Ends as it is told", 0, options, 1)
