// An importer that lets an exception out where a source is missing; otherwise it copies.
#include <pmx/target_file.hpp>

namespace {

using namespace pmx::sdk;

pmx_status import(void*, const pmx_op* op, const pmx_import* raw, std::size_t* done) {
    Import job(raw);
    Calls calls;
    for (*done = 0; *done < job.count(); ++*done) {
        const pmx_file& file = job.file(*done);
        if (op->is_cancelled(op)) return PMX_CANCELLED;
        if (::faccessat(job.source_fd(), file.source.data, F_OK, 0) != 0) throw std::runtime_error("there is no such file");
        pmx_status status = guarded(op, [&] {
            SourceFile from(job, file, calls);
            TargetFile to(job, file, 0777, calls);
            char buffer[65536];
            for (ssize_t n; (n = ::read(from.fd(), buffer, sizeof buffer)) > 0;)
                if (::write(to.fd(), buffer, static_cast<std::size_t>(n)) != n) throw io_error(errno, "cannot write", std::string(view(file.target)));
            to.keep();
            return PMX_OK;
        });
        if (status != PMX_OK) return status;
    }
    return PMX_OK;
}

pmx_status create(const pmx_host*, const pmx_op*, const pmx_config*, void**) { return PMX_OK; }
void destroy(void*) {}
constexpr pmx_importer functions = {sizeof functions, 0, import};
constexpr pmx_plugin table = {sizeof table, PMX_ABI_MAJOR, 0, 0, sizeof(pmx_option), "throws", "0.0.1", "Throws", PMX_KIND_IMPORTER, &functions, nullptr, 0,
                              create, destroy};

}  // namespace

extern "C" PMX_EXPORT const pmx_plugin* PMX_ENTRY(void) { return &table; }
