#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/text.hpp"
#include "plugin/fetch_slot.hpp"

namespace pmx {

namespace {
// What a head() may promise and be believed; more room comes with the bytes.
constexpr std::uint64_t kBelieved = 64u << 20;
// Bytes that go to a taker at once: enough to be worth waking somebody.
constexpr std::size_t kPiece = 256u << 10;
}  // namespace

FetchSlot::FetchSlot(const Plugin& plugin, FetchRequest request, std::function<void(Result<FetchResponse>)> done)
    : plugin_(plugin), request_(std::move(request)), done_(std::move(done)), op_(plugin.room(), plugin.info()) {
    for (const auto& [name, value] : request_.headers) headers_.push_back({str(name), str(value)});
    c_request_ = {sizeof c_request_,  request_.purpose,  str(request_.url),    str(request_.subject), headers_.data(),
                  headers_.size(), request_.size_limit, str(request_.commit), str(request_.path),
                  str(request_.integrity)};
    c_response_ = {sizeof c_response_, this, &head, &buffer, &commit, &restart, &complete};
}

void FetchSlot::start() {
    pmx_status status = closed(
        plugin_.functions<pmx_fetcher>().fetch(plugin_.self(), op_.c(), &c_request_, &c_response_));
    bool blocking = plugin_.info().capabilities & PMX_CAP_BLOCKING;
    if (status == PMX_OK && !blocking) return;
    if (!claim()) {
        if (status != PMX_OK)
            plugin_.room().diagnostic(PMX_WARNING, "plugin " + plugin_.info().name + " completed a request that it refused",
                                      request_.subject, "tell its author");
        return;
    }
    if (status != PMX_OK) return finish(Failure(error(status)));
    finish(fail(Code::PLUGIN_FAILED, "plugin " + plugin_.info().name + " returned from a fetch that it did not complete",
                request_.subject, "tell its author, or use another fetcher"));
}

void FetchSlot::abandon() {
    if (claim())
        finish(fail(Code::PLUGIN_FAILED, "plugin " + plugin_.info().name + " ended without completing a fetch",
                    request_.subject, "tell its author, or use another fetcher"));
}

void FetchSlot::finish(Result<FetchResponse> result) {
    auto done = std::exchange(done_, nullptr);
    request_.headers = {};
    request_.taker = nullptr;
    taker_ = nullptr;
    headers_ = {};
    response_ = {};
    done(std::move(result));
}

Error FetchSlot::error(pmx_status status) const {
    if (limit_hit_ && status != PMX_CANCELLED)
        return fail(Code::FETCH, "the body is longer than " + human_bytes(request_.size_limit), request_.subject,
                    "look at what the server sends for " + request_.url).value();
    Op::Codes codes;
    codes.not_found = Code::FETCH_NOT_FOUND;
    codes.denied = Code::FETCH_AUTH;
    codes.unavailable = codes.invalid = codes.unsupported = Code::FETCH;
    codes.mismatch = Code::INTEGRITY;
    return op_.error(status, "the fetch", request_.subject, codes);
}

// A call after complete() breaks the contract; it is told once and changes nothing.
bool FetchSlot::is_over(const char* function) {
    if (!over_.load(std::memory_order_acquire)) return false;
    plugin_.room().diagnostic(PMX_WARNING,
                              "plugin " + plugin_.info().name + " called " + function + " on a request that was complete (" +
                                  std::string(code_name(Code::PLUGIN_FAILED)) + ")",
                              request_.subject, "tell its author; the first result stands");
    return true;
}

void FetchSlot::look_for_taker() {
    if (taker_ || has_asked_ || !request_.taker || response_.status < 200 || response_.status > 299) return;
    if ((total_ == UINT64_MAX ? committed_ : total_) <= request_.large) return;
    has_asked_ = true;
    taker_ = request_.taker(total_);
    if (!taker_ || held_ == 0) return;
    // Its length was not known: what has come of it is the first piece.
    if (!piece_.reserve(held_)) throw std::bad_alloc();
    std::memcpy(piece_.data(), response_.body.data(), held_);
    piece_.used = std::exchange(held_, 0);
    response_.body = {};
}

// The first piece of a try, and all but its last, have kPiece bytes at least.
void FetchSlot::hand_over() {
    response_.taken = committed_;
    if (piece_.used) taker_->add(std::exchange(piece_, {}));
}

pmx_status FetchSlot::too_long() {
    limit_hit_ = true;
    return PMX_INVALID;
}

pmx_status FetchSlot::head(const pmx_response* response, std::uint32_t status, std::uint64_t length,
                           const pmx_header* headers, std::size_t header_count) noexcept try {
    FetchSlot& slot = of(response);
    if (slot.is_over("head")) return PMX_FAILED;
    if (slot.has_head_) return PMX_FAILED;
    slot.has_head_ = true;
    slot.response_.status = status;
    for (std::size_t i = 0; i < header_count; ++i)
        slot.response_.headers.emplace_back(view(headers[i].name), view(headers[i].value));
    if (slot.request_.progress && status >= 200 && status < 300) slot.request_.progress(0, length);
    slot.total_ = length;
    if (length == UINT64_MAX) return PMX_OK;
    if (length > slot.request_.size_limit) return slot.too_long();
    slot.look_for_taker();
    if (!slot.taker_) slot.response_.body.resize(static_cast<std::size_t>(std::min(length, kBelieved)));
    return PMX_OK;
} catch (...) {
    return PMX_NO_MEMORY;
}

void* FetchSlot::buffer(const pmx_response* response, std::size_t want) noexcept try {
    FetchSlot& slot = of(response);
    if (slot.is_over("buffer") || !slot.has_head_) return nullptr;
    // One buffer beyond the limit is room to find out that there is more; a longer one is not.
    constexpr std::size_t slack = 1u << 20;
    if (want > slack && want - slack > slot.request_.size_limit - slot.committed_) return nullptr;
    if (slot.taker_) {
        Pages& piece = slot.piece_;
        if (want > piece.capacity() - piece.used && !piece.reserve(std::max(piece.used, kPiece) + want)) return nullptr;
        return piece.data() + piece.used;
    }
    std::string& body = slot.response_.body;
    if (want > body.size() - slot.held_) body.resize(std::max(slot.held_ + want, body.size() + body.size() / 2));
    return body.data() + slot.held_;
} catch (...) {
    return nullptr;
}

pmx_status FetchSlot::commit(const pmx_response* response, std::size_t written) noexcept try {
    FetchSlot& slot = of(response);
    if (slot.is_over("commit")) return PMX_FAILED;
    if (written > (slot.taker_ ? slot.piece_.capacity() - slot.piece_.used : slot.response_.body.size() - slot.held_)) return PMX_FAILED;
    if (written > slot.request_.size_limit - slot.committed_) return slot.too_long();
    slot.committed_ += written;
    (slot.taker_ ? slot.piece_.used : slot.held_) += written;
    slot.look_for_taker();
    if (slot.piece_.used >= kPiece) slot.hand_over();
    if (slot.request_.progress) slot.request_.progress(slot.committed_, slot.total_);
    return PMX_OK;
} catch (...) {
    return PMX_FAILED;
}

void FetchSlot::restart(const pmx_response* response) noexcept try {
    FetchSlot& slot = of(response);
    if (slot.is_over("restart")) return;
    slot.has_head_ = slot.limit_hit_ = false;
    slot.committed_ = slot.held_ = slot.piece_.used = 0;
    slot.has_asked_ = false;
    if (slot.taker_) slot.taker_->restart();
    slot.response_.status = 0;
    slot.response_.headers.clear();
} catch (...) {
}

void FetchSlot::complete(const pmx_response* response, pmx_status status) noexcept try {
    FetchSlot& slot = of(response);
    if (!slot.claim()) {
        slot.is_over("complete");
        return;
    }
    status = closed(status);
    if (status != PMX_OK) return slot.finish(Failure(slot.error(status)));
    if (slot.limit_hit_) return slot.finish(Failure(slot.error(PMX_INVALID)));
    if (!slot.has_head_)
        return slot.finish(fail(Code::PLUGIN_FAILED,
                                "plugin " + slot.plugin_.info().name + " completed a fetch without a response",
                                slot.request_.subject, "tell its author, or use another fetcher"));
    if (slot.taker_) slot.hand_over();
    slot.response_.body.resize(slot.held_);
    slot.finish(std::move(slot.response_));
} catch (...) {
    // Only `done` can have thrown, and it was called.
}

bool Fetcher::takes(std::string_view url) const {
    std::string_view scheme = url.substr(0, std::min(url.find(':'), url.size()));
    if (scheme.size() == url.size()) return false;
    std::string lower = to_lower_ascii(scheme);
    for (std::string_view known : split(plugin->functions<pmx_fetcher>().schemes, ','))
        if (known == lower) return true;
    return false;
}

bool Fetcher::is_blocking() const { return info().capabilities & PMX_CAP_BLOCKING; }

void Fetcher::fetch(FetchRequest request, std::function<void(Result<FetchResponse>)> done) const {
    plugin->new_slot(std::move(request), std::move(done)).start();
}

const PluginInfo& Fetcher::info() const { return plugin->info(); }

}  // namespace pmx
