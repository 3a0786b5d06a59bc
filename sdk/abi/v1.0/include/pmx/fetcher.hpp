// The C++ face of fetcher.h. See plugin.hpp.
#pragma once

#include <span>

#include "pmx/fetcher.h"
#include "pmx/plugin.hpp"

namespace pmx::sdk {

// The receiving end of one request. Copyable handle; complete() ends it.
class Response {
  public:
    explicit Response(const pmx_response* response) : r_(response) {}
    void head(std::uint32_t status, std::uint64_t length = UINT64_MAX, std::span<const pmx_header> headers = {}) const {
        must(r_->head(r_, status, length, headers.data(), headers.size()));
    }
    // Room to write into; follow with commit().
    void* buffer(std::size_t want) const {
        void* room = r_->buffer(r_, want);
        if (!room) throw Error(PMX_NO_MEMORY, "the host has no room for this body");
        return room;
    }
    void commit(std::size_t written) const { must(r_->commit(r_, written)); }
    void append(std::string_view bytes) const {
        std::char_traits<char>::copy(static_cast<char*>(buffer(bytes.size())), bytes.data(), bytes.size());
        commit(bytes.size());
    }
    void restart() const { r_->restart(r_); }
    void complete(pmx_status status) const { r_->complete(r_, status); }
    const pmx_response* raw() const { return r_; }

  private:
    static void must(pmx_status status) {
        if (status != PMX_OK) throw Error(status, "the host refused the body");
    }
    const pmx_response* r_;
};

template <class Class>
struct FetcherTable {
    static pmx_status fetch(void* self, const pmx_op* op, const pmx_request* request, const pmx_response* response) noexcept {
        return guarded(op, [&] {
            static_cast<Class*>(self)->fetch(Op(op), *request, Response(response));
            return PMX_OK;
        });
    }
    static constexpr pmx_fetcher functions = {sizeof(pmx_fetcher), 0, Class::kSchemes, &fetch};
};

// For a fetcher with PMX_CAP_BLOCKING: derive from it and write `void get(Op, const pmx_request&, Response)`, which
// delivers the body and returns, or throws.
template <class Class>
class BlockingFetcher {
  public:
    void fetch(Op op, const pmx_request& request, Response response) {
        pmx_status status = guarded(op.raw(), [&] {
            static_cast<Class*>(this)->get(op, request, response);
            return PMX_OK;
        });
        response.complete(status);
    }
};

}  // namespace pmx::sdk

// static constexpr const char* Class::kSchemes; void Class::fetch(Op, const pmx_request&, Response): throwing means
// that the request was not started and complete() was not called.
#define PMX_FETCHER(Class, name, version, summary, capabilities, options, option_count)                          \
    PMX_PLUGIN_TABLE(Class, name, version, summary, PMX_KIND_FETCHER, &pmx::sdk::FetcherTable<Class>::functions, \
                     capabilities, options, option_count)
