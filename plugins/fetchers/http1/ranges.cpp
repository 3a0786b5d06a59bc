// The client's way with a large archive: the first answer goes on, and what lies behind it is asked for in parts, over
// connections of their own (parts.hpp keeps the books). It can only gain time: where the server does not keep to what it
// offers, the first answer brings everything by itself, and where that is over, the archive is asked for again in one.
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

#include "client.hpp"

namespace pmx::http1 {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kRead = 256 * 1024;
// Measured: docs/adr/0028.
constexpr std::uint64_t kLeastArchive = 4u << 20;
constexpr std::uint64_t kLeastPart = 1u << 20, kMostPart = 5u << 19;
// On their way at once, each over a connection.
constexpr std::size_t kMostAtOnce = 8;
// What may be ahead of its front, of all archives together: those bytes are kept here.
constexpr std::uint64_t kMostAhead = 96u << 20;
// An origin that ever answered sooner is near: what is slow there is this machine, and parts only cost.
constexpr Millis kNear{10};
// A server that is this far away is worth asking at once; of another one the first bytes tell.
constexpr Millis kFar{25};
constexpr Millis kLook{30};
constexpr Millis kWorthIt{250};

bool is_worth_it(Clock::duration since_head, std::uint64_t came, std::uint64_t left) {
    if (since_head < kLook || came == 0) return false;
    double rest = static_cast<double>(left) / static_cast<double>(came);
    return std::chrono::duration<double>(since_head).count() * rest > std::chrono::duration<double>(kWorthIt).count();
}

// No more than this comes ahead of an archive's front while its parts are asked for in order.
std::uint64_t ahead_of(std::uint64_t left) { return std::min<std::uint64_t>(left, kMostAtOnce * kMostPart); }

}  // namespace

bool Client::may_split(const Job& job, const Url& url, const Head& head) const {
    const pmx_request& request = *job.request;
    if (job.in_one || options_.concurrency < 2 || request.purpose != PMX_FETCH_ARCHIVE) return false;
    // Parts of two archives under one address are found out by whoever looks at the whole.
    if (!PMX_HAS(&request, pmx_request, integrity) || request.integrity.length == 0) return false;
    if (!offers_parts(head) || *head.length < kLeastArchive || in_one_.count(url.origin())) return false;
    for (std::size_t i = 0; i < request.header_count; ++i)
        if (equals_ignoring_case(sdk::view(request.headers[i].name), "range")) return false;
    return true;
}

Task<> Client::read_large(Job& job, const Url& url, std::string text, Answer answer) {
    const std::uint64_t length = *answer.head.length;
    if (length > job.sink.limit()) throw_too_long(job.sink.limit());
    job.sink.head(answer.head, length);
    std::size_t have = static_cast<std::size_t>(std::min<std::uint64_t>(answer.rest.size(), length));
    job.sink.append(std::string_view(answer.rest).substr(0, have));
    std::uint64_t at = have;
    const Clock::time_point begun = Clock::now();
    const auto is_split_now = [&] {
        if (soonest_[url.origin()] < kNear) return false;
        if (ahead_ + ahead_of(length - at) > kMostAhead || length - at < 2 * kLeastPart) return false;
        return answer.waited >= kFar || is_worth_it(Clock::now() - begun, at, length - at);
    };
    while (at < length && !is_split_now()) {
        std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(length - at, kRead));
        void* room = job.sink.room(want);
        std::size_t got = co_await answer.lease.connection->read_some(room, want);
        if (got == 0) throw_truncated();
        job.sink.commit(got);
        at += got;
    }
    if (at == length) {
        if (answer.head.keep_alive && answer.rest.size() <= length) answer.lease.give_back();
        co_return;
    }
    const std::uint64_t few = std::min<std::uint64_t>({kMostAtOnce, options_.concurrency, (length - at) / kLeastPart});
    const std::size_t count = static_cast<std::size_t>(std::max(few, (length - at + kMostPart - 1) / kMostPart));
    job.parts = std::make_shared<Parts>(io_, job.sink, answer.head, at, count, url, std::move(text), options_.timeout);
    this->count("archives_in_parts");
    ahead_ += job.ahead = ahead_of(length - at);
    ask_for_more(job.parts);
    pump();

    std::optional<Failure> failure;
    try {
        co_await read_first(job, answer);
        co_await wait_for_parts(job, false);
    } catch (...) {
        failure = failure_now();
    }
    // They write to memory that is the host's: none may be left behind.
    if (failure) job.parts->stop();
    co_await wait_for_parts(job, true);
    if (failure) throw *failure;
}

// The first part, and as many of the next as nobody else has begun.
Task<> Client::read_first(Job& job, Answer& answer) {
    Parts& parts = *job.parts;
    Part& first = parts.first();
    std::optional<Failure> failure;
    try {
        do {
            while (first.at < first.end) {
                std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(first.end - first.at, kRead));
                std::size_t got = co_await answer.lease.connection->read_some(parts.room(first, want), want);
                if (got == 0) throw_truncated();
                parts.came(first, got);
                if (parts.failure) throw *parts.failure;
            }
        } while (parts.extend_first());
        first.state = Part::State::done;
        if (first.end == parts.length && answer.head.keep_alive && answer.rest.size() <= parts.length)
            answer.lease.give_back();
    } catch (Failure& caught) {
        failure = std::move(caught);
    }
    parts.is_first_open = false;
    answer.lease.drop();
    ask_for_more(job.parts);
    if (failure) {
        // The others work: so does this one, asked for as they are.
        if (job.flight.cancelled || !failure->retryable || !parts.has_begun() || options_.retry.retries == 0) throw *failure;
        job.flight.timed_out = false;
        first.tries = 1;
        ask_for(job.parts, first);
    }
    if (parts.is_missing()) {
        job.in_one = true;
        throw Failure{PMX_UNAVAILABLE, true, "a part of the archive did not come", "check the network and try again"};
    }
}

// Until the archive is whole or cannot become so; `all`: until no part is under way.
Task<> Client::wait_for_parts(Job& job, bool all) {
    Parts& parts = *job.parts;
    const auto is_over = [&] { return all ? parts.running == 0 : parts.is_whole() || parts.failure.has_value(); };
    if (!is_over()) {
        // There is no connection of its own meanwhile: the place is theirs.
        --running_;
        pump();
        while (!is_over() && (all || !job.flight.cancelled)) {
            job.flight.deadline = Clock::time_point::max();
            job.flight.waiting = &parts.changed;
            co_await parts.changed.async_wait(asio::as_tuple(asio::use_awaitable));
            job.flight.waiting = nullptr;
        }
        ++running_;
    }
    if (all) co_return;
    if (job.flight.cancelled) job.flight.check();
    if (parts.failure) {
        job.in_one = true;
        throw *parts.failure;
    }
}

void Client::ask_for_more(const std::shared_ptr<Parts>& parts) {
    while (Part* part = parts->next_later(std::min(kMostAtOnce, options_.concurrency))) ask_for(parts, *part);
}

void Client::ask_for(const std::shared_ptr<Parts>& parts, Part& part) {
    part.state = Part::State::waiting;
    part.flight.deadline = Clock::time_point::max();
    part_turns_.push_back({parts, &part});
}

Task<> Client::run_part(PartTurn turn) {
    std::optional<Failure> failure;
    ++turn.part->tries;
    turn.part->flight.timed_out = false;
    try {
        co_await read_part(*turn.parts, *turn.part);
    } catch (...) {
        failure = failure_now();
    }
    turn.part->flight.deadline = Clock::time_point::max();
    --running_;
    --turn.parts->running;
    end_part(turn, failure);
    ask_for_more(turn.parts);
    turn.parts->changed.cancel();
    pump();
}

Task<> Client::read_part(Parts& parts, Part& part) {
    Answer answer = co_await ask(part.flight, parts.url, parts.request(part), "range_requests");
    part.flight.check();
    if (is_retryable_status(answer.head.status))
        throw Failure{PMX_UNAVAILABLE, true, "the server answered " + std::to_string(answer.head.status),
                      "check the network and try again"};
    parts.check(part, answer.head);
    if (answer.rest.size() > part.end - part.at) answer.head.keep_alive = false;
    std::size_t got = static_cast<std::size_t>(std::min<std::uint64_t>(answer.rest.size(), part.end - part.at));
    if (got > 0) std::memcpy(parts.room(part, got), answer.rest.data(), got);
    for (;;) {
        if (got > 0) parts.came(part, got);
        if (part.at == part.end) break;
        std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(part.end - part.at, kRead));
        got = co_await answer.lease.connection->read_some(parts.room(part, want), want);
        // Taken away while it waited: then these bytes are somebody else's.
        part.flight.check();
        if (got == 0) throw_truncated();
    }
    if (answer.head.keep_alive) answer.lease.give_back();
}

void Client::end_part(const PartTurn& turn, const std::optional<Failure>& failure) {
    Parts& parts = *turn.parts;
    Part& part = *turn.part;
    if (part.state == Part::State::gone) return;
    if (!failure) {
        part.state = Part::State::done;
        return;
    }
    if (!failure->retryable) {
        parts.failure = failure;
        return;
    }
    if (failure->wrong_part) {
        in_one_.insert(parts.url.origin());
        if (parts.is_first_open) return parts.leave_all_to_first();
    } else if (part.tries <= options_.retry.retries) {
        count("range_retries");
        return ask_for(turn.parts, part);
    }
    part.state = Part::State::gone;
    // Where the first answer goes on, it may still come to these bytes.
    if (!parts.is_first_open) parts.failure = failure;
}

}  // namespace pmx::http1
