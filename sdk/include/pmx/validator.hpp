// The C++ face of validator.h. See plugin.hpp.
#pragma once

#include <memory>

#include "pmx/plugin.hpp"
#include "pmx/validator.h"

namespace pmx::sdk {

// A stored object to look at.
class Object {
  public:
    explicit Object(const pmx_object* object) : o_(object) {}
    int fd() const { return o_->fd; }
    pmx_level level() const { return static_cast<pmx_level>(o_->level); }
    std::string_view id() const { return view(o_->id); }
    std::size_t count() const { return o_->row_count; }
    const pmx_row& row(std::size_t i) const {
        return *reinterpret_cast<const pmx_row*>(reinterpret_cast<const char*>(o_->rows) + i * o_->row_size);
    }

  private:
    const pmx_object* o_;
};

template <class Class>
struct ValidatorTable {
    static pmx_status check_archive(void* self, const pmx_op* op, const pmx_archive* archive) noexcept {
        return guarded(op, [&] { return static_cast<Class*>(self)->check_archive(Op(op), *archive); });
    }
    static pmx_status check_object(void* self, const pmx_op* op, const pmx_object* object, size_t* bad) noexcept {
        return guarded(op, [&] { return static_cast<Class*>(self)->check_object(Op(op), Object(object), *bad); });
    }
    static pmx_status check_manifest(void* self, const pmx_op* op, const pmx_manifest* manifest) noexcept {
        return guarded(op, [&] { return static_cast<Class*>(self)->check_manifest(Op(op), *manifest); });
    }
    template <class Check>
    struct CheckTable {
        static pmx_status add(void* check, const pmx_op* op, pmx_str piece) noexcept {
            return guarded(op, [&] { return static_cast<Check*>(check)->add(Op(op), view(piece)); });
        }
        static pmx_status end(void* check, const pmx_op* op, int32_t whole) noexcept {
            const std::unique_ptr<Check> mine(static_cast<Check*>(check));
            return guarded(op, [&] { return whole ? mine->end(Op(op)) : PMX_CANCELLED; });
        }
    };
    static pmx_status begin_archive(void* self, const pmx_op* op, const pmx_archive* archive, pmx_archive_check* check) noexcept {
        return guarded(op, [&] {
            auto begun = static_cast<Class*>(self)->begin_archive(Op(op), *archive);
            using Check = typename decltype(begun)::element_type;
            check->add = &CheckTable<Check>::add;
            check->end = &CheckTable<Check>::end;
            check->self = begun.release();
            return PMX_OK;
        });
    }
    static constexpr bool kPieces = requires(Class c, Op op, const pmx_archive& a) { c.begin_archive(op, a); };
    static constexpr bool kArchive = requires(Class c, Op op, const pmx_archive& a) { c.check_archive(op, a); };
    static constexpr bool kObject = requires(Class c, Op op, const Object& o, size_t& bad) { c.check_object(op, o, bad); };
    static constexpr bool kManifest = requires(Class c, Op op, const pmx_manifest& m) { c.check_manifest(op, m); };
    static constexpr pmx_validator make() {
        pmx_validator table = {sizeof(pmx_validator), 0, nullptr, nullptr, nullptr, nullptr};
        if constexpr (kArchive) table.check_archive = &check_archive;
        if constexpr (kObject) table.check_object = &check_object;
        if constexpr (kManifest) table.check_manifest = &check_manifest;
        if constexpr (kPieces) table.begin_archive = &begin_archive;
        return table;
    }
    static constexpr pmx_validator functions = make();
};

}  // namespace pmx::sdk

// Any of: pmx_status Class::check_archive(Op, const pmx_archive&), check_object(Op, const Object&, size_t& bad),
// check_manifest(Op, const pmx_manifest&). Beside check_archive: std::unique_ptr<Check> begin_archive(Op, const pmx_archive&)
// for archives in pieces, with Check::add(Op, std::string_view) and Check::end(Op), which both return a pmx_status.
#define PMX_VALIDATOR(Class, name, version, summary, capabilities, options, option_count)                            \
    PMX_PLUGIN_TABLE(Class, name, version, summary, PMX_KIND_VALIDATOR, &pmx::sdk::ValidatorTable<Class>::functions, \
                     capabilities, options, option_count)
