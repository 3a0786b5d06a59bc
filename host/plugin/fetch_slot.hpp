// FetchSlot: one request of a fetcher and the response that grows in it. Private to this room.
#pragma once

#include "plugin/instance.hpp"

namespace pmx {

struct FetchSlot {
    FetchSlot(const Plugin& plugin, FetchRequest request, std::function<void(Result<FetchResponse>)> done);

    // Starts it; `done` has been or will be called exactly once.
    void start();
    // Ends it with an error when the plugin never did (its instance is being destroyed).
    void abandon();

  private:
    static FetchSlot& of(const pmx_response* response) { return *static_cast<FetchSlot*>(response->host); }
    static pmx_status head(const pmx_response*, std::uint32_t status, std::uint64_t length, const pmx_header* headers,
                           std::size_t header_count) noexcept;
    static void* buffer(const pmx_response*, std::size_t want) noexcept;
    static pmx_status commit(const pmx_response*, std::size_t written) noexcept;
    static void restart(const pmx_response*) noexcept;
    static void complete(const pmx_response*, pmx_status status) noexcept;

    bool is_over(const char* function);
    pmx_status too_long();
    // True for the one caller that may end the request.
    bool claim() { return !over_.exchange(true, std::memory_order_acq_rel); }
    void finish(Result<FetchResponse> result);
    // Asks, once it is known to be large, who takes this body while it arrives.
    void look_for_taker();
    void hand_over();
    Error error(pmx_status status) const;

    const Plugin& plugin_;
    FetchRequest request_;
    std::function<void(Result<FetchResponse>)> done_;
    Op op_;
    std::vector<pmx_header> headers_;
    pmx_request c_request_;
    pmx_response c_response_;
    std::atomic<bool> over_{false};
    // Written by one thread at a time, as the contract says.
    FetchResponse response_;
    std::uint64_t committed_ = 0;  // bytes of this try
    std::size_t held_ = 0;         // of them, those in response_.body, whose size is the room handed out
    std::shared_ptr<BodyTaker> taker_;
    Pages piece_;                  // in place of the body, where there is a taker
    bool has_asked_ = false;
    std::uint64_t total_ = UINT64_MAX;
    bool has_head_ = false, limit_hit_ = false;
};

}  // namespace pmx
