#include "parts.hpp"

#include <algorithm>

namespace pmx::http1 {

namespace {

[[noreturn]] void wrong_part(const std::string& what) {
    Failure failure{PMX_UNAVAILABLE, true, "the server was asked for a part of the archive and " + what,
                    "check the registry and the proxy on the way"};
    failure.wrong_part = true;
    throw failure;
}

constexpr std::size_t kPiece = 256 * 1024;

// "bytes 0-99/1000"
bool is_range(std::string_view value, std::uint64_t first, std::uint64_t last, std::uint64_t size) {
    std::string wanted = std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(size);
    return value.size() == wanted.size() + 6 && equals_ignoring_case(value.substr(0, 5), "bytes") && value[5] == ' ' &&
           value.substr(6) == wanted;
}

}  // namespace

bool offers_parts(const Head& head) {
    return head.status == 200 && head.length && !head.chunked && head.coding == Coding::identity &&
           equals_ignoring_case(head.header("accept-ranges"), "bytes");
}

Parts::Parts(boost::asio::io_context& io, Sink& sink, const Head& head, std::uint64_t at, std::size_t count, Url url,
             std::string text, Millis timeout)
    : url(std::move(url)), length(*head.length), changed(io, boost::asio::steady_timer::time_point::max()), sink_(sink),
      text_(std::move(text)), etag_(head.header("etag")), modified_(head.header("last-modified")), parts_(count) {
    std::uint64_t each = (length - at) / count;
    for (Part& part : parts_) {
        part.begin = part.at = part.given = at;
        part.end = at += each;
        part.flight.timeout = timeout;
    }
    parts_.back().end = length;
    first().state = Part::State::running;
}

void* Parts::room(Part& part, std::size_t want) {
    part.direct = &part == &parts_[front_];
    if (part.direct) {
        part.buffer.reset();
        return sink_.room(want);
    }
    if (!part.buffer) part.buffer.reset(new char[part.end - part.begin]);
    return part.buffer.get() + (part.at - part.begin);
}

void Parts::came(Part& part, std::size_t size) {
    part.at += size;
    if (part.direct) {
        sink_.commit(size);
        part.given = part.at;
    }
    while (front_ < parts_.size()) {
        Part& front = parts_[front_];
        while (front.given < front.at) {
            std::size_t piece = static_cast<std::size_t>(std::min<std::uint64_t>(front.at - front.given, kPiece));
            sink_.append({front.buffer.get() + (front.given - front.begin), piece});
            front.given += piece;
        }
        // Whoever brings the rest of it still holds the room that it was given.
        if (front.at < front.end) return;
        front.buffer.reset();
        ++front_;
    }
}

// In order, so that little comes ahead of the front.
Part* Parts::next_later(std::size_t most) {
    const auto is_on_its_way = [](const Part& part) { return part.state == Part::State::waiting || part.state == Part::State::running; };
    if (static_cast<std::size_t>(std::count_if(parts_.begin(), parts_.end(), is_on_its_way)) >= most) return nullptr;
    auto next = std::find_if(parts_.begin(), parts_.end(), [](const Part& part) { return part.state == Part::State::later; });
    if (next == parts_.end() || static_cast<std::size_t>(next - parts_.begin()) > front_ + most) return nullptr;
    return &*next;
}

std::string Parts::request(const Part& part) const {
    std::string text = text_.substr(0, text_.size() - 2);
    text += "Range: bytes=" + std::to_string(part.at) + "-" + std::to_string(part.end - 1) + "\r\n";
    // A weak tag says too little, and a date beside a tag is not to be used.
    if (etag_.starts_with('"'))
        text += "If-Range: " + etag_ + "\r\n";
    else if (etag_.empty() && !modified_.empty())
        text += "If-Range: " + modified_ + "\r\n";
    return text + "\r\n";
}

void Parts::check(const Part& part, const Head& answer) const {
    if (answer.status != 206) wrong_part("answered " + std::to_string(answer.status));
    if (!is_range(answer.header("content-range"), part.at, part.end - 1, length)) wrong_part("sent another");
    if (answer.coding != Coding::identity || answer.chunked || answer.length != part.end - part.at)
        wrong_part("sent one of another length");
    std::string_view etag = answer.header("etag"), modified = answer.header("last-modified");
    if ((!etag.empty() && etag != etag_) || (!modified.empty() && !modified_.empty() && modified != modified_))
        wrong_part("sent one of another archive");
}

void Parts::give_up(Part& part) {
    part.state = Part::State::gone;
    part.flight.cancelled = true;
    part.flight.interrupt();
}

bool Parts::extend_first() {
    for (std::size_t i = 1; i < parts_.size(); ++i) {
        Part& next = parts_[i];
        if (next.end <= first().end) continue;
        if (next.has_begun()) return false;
        give_up(next);
        first().end = next.end;
        next.end = next.begin;
        front_ = 0;
        return true;
    }
    return false;
}

// The first is the front as long as it is open: nothing of the others is with the host.
void Parts::leave_all_to_first() {
    for (std::size_t i = 1; i < parts_.size(); ++i) {
        Part& part = parts_[i];
        give_up(part);
        part.at = part.end = part.given = part.begin;
    }
    first().end = length;
}

void Parts::watch(Clock::time_point now, bool cancelled) {
    for (Part& part : parts_) {
        if (!part.flight.cancelled && !cancelled && now < part.flight.deadline) continue;
        part.flight.cancelled |= cancelled;
        part.flight.timed_out |= !part.flight.cancelled;
        part.flight.interrupt();
    }
}

void Parts::stop() {
    for (Part& part : parts_) give_up(part);
}

bool Parts::has_begun() const {
    return std::any_of(parts_.begin() + 1, parts_.end(), [](const Part& part) { return part.has_begun() && part.state != Part::State::gone; });
}

bool Parts::is_missing() const {
    return std::any_of(parts_.begin(), parts_.end(),
                       [](const Part& part) { return part.state == Part::State::gone && part.at < part.end; });
}

}  // namespace pmx::http1
