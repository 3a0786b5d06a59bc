#include "install/arrival.hpp"

#include <algorithm>

#include "install/verify.hpp"

namespace pmx {

Arrival::~Arrival() {
    drop_locked();
    metrics_.bodies.leave(static_cast<std::int64_t>(current_.used));
}

void Arrival::add(Pages piece) {
    metrics_.bodies.enter(static_cast<std::int64_t>(piece.used));
    std::lock_guard lock(mutex_);
    come_ += piece.used;
    pieces_.push_back(std::move(piece));
    there_.notify_one();
}

void Arrival::restart() {
    std::lock_guard lock(mutex_);
    drop_locked();
    come_ = 0;
    again_ = true;
    there_.notify_one();
}

void Arrival::end(Result<> outcome) {
    std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
    over_ = true;
    there_.notify_one();
}

void Arrival::drop_locked() {
    for (const Pages& piece : pieces_) metrics_.bodies.leave(static_cast<std::int64_t>(piece.used));
    pieces_.clear();
}

void Arrival::begin() {
    checks_.clear();
    verdict_.reset();
    {
        std::lock_guard lock(mutex_);
        again_ = false;
    }
    auto begun = begin_archive(validators_, package_, url_);
    if (begun) checks_ = std::move(*begun);
    else verdict_ = tl::make_unexpected(std::move(begun).error());
}

// Why there is nothing to be had.
Result<> Arrival::state_locked() const {
    if (cancel_.is_set()) return fail(Code::CANCELLED, "cancelled");
    if (again_) return fail(Code::CANCELLED, "the body begins anew", std::string(package_.id));
    if (over_) return outcome_;
    return {};
}

Result<std::string_view> Arrival::next() {
    if (verdict_ && !*verdict_) return Failure(verdict_->error());
    metrics_.bodies.leave(static_cast<std::int64_t>(current_.used));
    current_ = {};
    {
        std::unique_lock lock(mutex_);
        there_.wait(lock, [this] { return again_ || over_ || !pieces_.empty(); });
        PMX_CHECK(state_locked());
        if (pieces_.empty()) return std::string_view();
        current_ = std::move(pieces_.front());
        pieces_.pop_front();
    }
    for (ArchiveCheck& check : checks_)
        if (auto taken = check.add(current_.view()); !taken) {
            verdict_ = std::move(taken);
            return Failure(verdict_->error());
        }
    return current_.view();
}

Result<std::uint64_t> Arrival::more_than(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    there_.wait(lock, [&] { return again_ || over_ || come_ > count; });
    PMX_CHECK(state_locked());
    return come_;
}

Result<> Arrival::prove() {
    while (!verdict_) {
        PMX_TRY(std::string_view piece, next());
        if (piece.empty()) verdict_ = ask_all();
    }
    return *verdict_;
}

Result<> Arrival::ask_all() {
    StageTimer timer(metrics_, Stage::verify, package_.id);
    for (ArchiveCheck& check : checks_) PMX_CHECK(check.end());
    return {};
}

bool Arrival::finish() {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (again_) return false;  // what is there is the new try's
        drop_locked();
        if (over_) return true;
        there_.wait(lock);
    }
}

std::shared_ptr<Arrival> Arrivals::begin(const std::vector<Validator>& validators, const Package& package, std::string url, Unpack unpack, Done done) {
    if (!take_pieces(validators)) return nullptr;
    if (busy_.fetch_add(1) >= most_) {
        --busy_;
        return nullptr;
    }
    ++metrics_.archives_streamed;
    auto arrival = std::make_shared<Arrival>(metrics_, cancel_, validators, package, std::move(url));
    pool_.submit([this, arrival, unpack = std::move(unpack), done = std::move(done)](std::uint32_t) mutable {
        for (bool whole = false; !whole;) {
            arrival->begin();
            Result<ObjectView> view = unpack(*arrival);
            whole = arrival->finish();
            if (!whole) continue;
            arrival.reset();
            --busy_;
            done(std::move(view));
        }
    });
    return arrival;
}

}  // namespace pmx
