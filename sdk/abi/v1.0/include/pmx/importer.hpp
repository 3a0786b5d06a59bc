// The C++ face of importer.h. See plugin.hpp.
#pragma once

#include "pmx/importer.h"
#include "pmx/plugin.hpp"

namespace pmx::sdk {

// One package to import.
class Import {
  public:
    explicit Import(const pmx_import* job) : j_(job) {}
    int source_fd() const { return j_->source_fd; }
    int target_fd() const { return j_->target_fd; }
    std::size_t count() const { return j_->file_count; }
    const pmx_file& file(std::size_t i) const {
        return *reinterpret_cast<const pmx_file*>(reinterpret_cast<const char*>(j_->files) + i * j_->file_size);
    }
    bool is_private() const { return j_->flags & PMX_IMPORT_PRIVATE; }
    bool replaces() const { return j_->flags & PMX_IMPORT_REPLACE; }
    std::uint64_t source_device() const { return j_->source_device; }
    std::uint64_t target_device() const { return j_->target_device; }
    bool same_device() const { return j_->source_device == j_->target_device; }

  private:
    const pmx_import* j_;
};

template <class Class>
struct ImporterTable {
    static pmx_status import(void* self, const pmx_op* op, const pmx_import* job, size_t* done) noexcept {
        *done = 0;
        return guarded(op, [&] {
            static_cast<Class*>(self)->import_files(Op(op), Import(job), *done);
            return PMX_OK;
        });
    }
    static constexpr pmx_importer functions = {sizeof(pmx_importer), 0, &import};
};

}  // namespace pmx::sdk

// void Class::import_files(Op, const Import&, size_t& done): counts `done` up as files are made; throws
// Error(PMX_UNSUPPORTED, …) to hand the rest to the next importer.
#define PMX_IMPORTER(Class, name, version, summary, capabilities, options, option_count)                           \
    PMX_PLUGIN_TABLE(Class, name, version, summary, PMX_KIND_IMPORTER, &pmx::sdk::ImporterTable<Class>::functions, \
                     capabilities, options, option_count)
