#include "registry/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <boost/asio/post.hpp>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/text.hpp"

namespace pmx::registry {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Clock = std::chrono::steady_clock;

namespace {

// Below this a second system call costs more than the copy that it saves.
constexpr std::size_t smallest_sendfile = 32 * 1024;
constexpr std::size_t largest_slow_piece = 64 * 1024;

}  // namespace

Answer error_answer(int status, std::string_view message) {
    Answer answer;
    answer.status = status;
    std::string text;
    JsonWriter(text).object().key("error").value(printable(message)).end();
    answer.body = text_body(std::move(text));
    return answer;
}

Connection::Connection(tcp::socket socket, asio::io_context& context, const ServerParts& parts)
    : socket_(std::move(socket)), timer_(context), parts_(parts), model_(parts.network, Clock::now()),
      has_latency_(parts.network.latency_ms > 0) {
    parts_.tally.connected();
}

Connection::~Connection() { parts_.tally.disconnected(); }

void Connection::read() {
    const auto end = in_.find("\r\n\r\n");
    if (end == std::string::npos) {
        if (in_.size() > largest_request_head) return;
        return read_more();
    }
    request_ = {};
    if (!parse_head(std::string_view(in_).substr(0, end), request_)) {
        request_.keep_alive = false;
        in_.clear();
        parts_.tally.begin_request();
        return begin(error_answer(400, "not a request that this server reads"));
    }
    const std::size_t whole = end + 4 + request_.body_size;
    if (in_.size() < whole) return read_more();
    request_.body = in_.substr(end + 4, request_.body_size);
    in_.erase(0, whole);
    handle();
}

void Connection::read_more() {
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](const boost::system::error_code& error, std::size_t n) {
                                if (error) return;
                                self->in_.append(self->chunk_.data(), n);
                                self->read();
                            });
}

void Connection::handle() {
    const bool control = request_.path.starts_with("/-/pmx/");  // asking for the counters changes none
    if (!control) ++parts_.tally.requests;
    parts_.tally.begin_request();
    if (control) return begin(parts_.answerer.answer(request_));
    fault_ = parts_.faults.take(request_);
    if (fault_) ++parts_.tally.faults;
    if (is(Fault::Kind::close)) return finish(false);
    begin(faulty_answer());
}

Answer Connection::faulty_answer() {
    if (!fault_) return parts_.answerer.answer(request_);
    Answer made;
    switch (fault_->kind) {
        case Fault::Kind::status:
            made = error_answer(fault_->status, "a fault was asked for");
            if (!fault_->argument.empty()) made.extra = "Retry-After: " + fault_->argument + "\r\n";
            return made;
        case Fault::Kind::need_auth: return error_answer(401, "authentication is needed");
        case Fault::Kind::redirect:
            made = error_answer(302, "elsewhere");
            made.extra = "Location: " + replace_all(fault_->argument, "*", request_.path) + "\r\n";
            return made;
        case Fault::Kind::html:
            made.type = "text/html";
            made.body = text_body("<!doctype html><title>Sign in to this network</title>\n");
            return made;
        case Fault::Kind::endless:
            made.type = "application/octet-stream";
            made.body = text_body(std::string(1 << 20, 'x'));
            return made;
        case Fault::Kind::wrong_bytes: {
            made = parts_.answerer.answer(request_);
            std::string changed(made.body.bytes);
            if (!changed.empty()) changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
            made.body = text_body(std::move(changed));
            return made;
        }
        case Fault::Kind::ignore_range: request_.range.clear(); return parts_.answerer.answer(request_);
        case Fault::Kind::wrong_range:
            if (!request_.range.empty()) request_.range = "bytes=0-999";
            return parts_.answerer.answer(request_);
        default: return parts_.answerer.answer(request_);
    }
}

void Connection::begin(Answer answer) {
    answer_ = std::move(answer);
    const bool endless = is(Fault::Kind::endless);
    const bool bare = answer_.status == 304;
    const std::size_t size = answer_.body.bytes.size();
    head_.assign("HTTP/1.1 ").append(std::to_string(answer_.status)).append(" ");
    head_.append(reason_phrase(answer_.status)).append("\r\n");
    if (!bare) head_.append("Content-Type: ").append(answer_.type).append("\r\n");
    if (!bare && !endless) head_.append("Content-Length: ").append(std::to_string(size)).append("\r\n");
    if (!answer_.body.etag.empty()) head_.append("ETag: ").append(answer_.body.etag).append("\r\n");
    head_.append(answer_.extra);
    head_.append(request_.keep_alive && !endless ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
    head_sent_ = at_ = due_ = 0;
    end_ = bare || request_.method == "HEAD" ? 0 : size;
    if (is(Fault::Kind::truncate) || is(Fault::Kind::stall))
        end_ = fault_->number < 0 ? end_ / 2 : std::min(end_, static_cast<std::size_t>(fault_->number));
    const bool delayed = is(Fault::Kind::delay);
    if (answer_.kind == Answer::Kind::control || !(has_latency_ || delayed || model_.is_paced())) return write_next();
    const auto extra = std::chrono::milliseconds(delayed ? fault_->number : 0);
    start_ = model_.begin_answer(Clock::now() + extra);
    if (model_.is_paced() || is(Fault::Kind::slow)) return write_next();
    after(start_, [this] { write(end_); });
}

void Connection::write_next() {
    if (is(Fault::Kind::slow)) return write_slowly();
    if (model_.is_paced() && answer_.kind != Answer::Kind::control) return write_shaped();
    write(end_);
}

// One timer a piece, the first one's wait for the answer included. The head counts as bytes of the first piece.
void Connection::write_shaped() {
    const std::size_t head = head_.size() - head_sent_;
    const auto piece = model_.next(head + end_ - at_);
    const std::size_t upto = at_ + (piece.size > head ? piece.size - head : 0);
    if (!parts_.line.is_limited()) return after(piece.due, [this, upto] { write(upto); });
    after(piece.due, [this, piece, upto] {
        const Moment through = parts_.line.book(piece.start, piece.size);
        if (through <= piece.due) return write(upto);
        model_.held_until(through);
        after(through, [this, upto] { write(upto); });
    });
}

void Connection::write_slowly() {
    const auto rate = std::max<std::int64_t>(fault_->number, 1);
    const auto most = std::clamp<std::size_t>(static_cast<std::size_t>(rate) / 10, 1, largest_slow_piece);
    const std::size_t size = std::min(end_ - at_, most);
    after(std::max(Clock::now(), start_) + std::chrono::microseconds(1000000 * static_cast<std::int64_t>(size) / rate),
          [this, size] { write(at_ + size); });
}

void Connection::write(std::size_t upto) {
    due_ = upto;
    send_due();
}

void Connection::send_due() {
    while (head_sent_ < head_.size() || at_ < due_) {
        const auto sent = send_once();
        if (sent == -EINTR) continue;
        if (sent == -EAGAIN) {
            return socket_.async_wait(tcp::socket::wait_write,
                                      [self = shared_from_this()](const boost::system::error_code& error) {
                                          if (error) return self->finish(false);
                                          self->send_due();
                                      });
        }
        if (sent <= 0) return finish(false);
        parts_.tally.bytes += static_cast<std::uint64_t>(sent);
        const std::size_t of_head = std::min(static_cast<std::size_t>(sent), head_.size() - head_sent_);
        head_sent_ += of_head;
        at_ += static_cast<std::size_t>(sent) - of_head;
        count_body(static_cast<std::uint64_t>(sent) - of_head);
    }
    wrote();
}

std::ptrdiff_t Connection::send_once() {
    const int out = socket_.native_handle();
    const auto failed_or = [](std::ptrdiff_t n) { return n < 0 ? -static_cast<std::ptrdiff_t>(errno) : n; };
    const std::size_t left = due_ - at_;
    const bool by_file = answer_.body.fd >= 0 && left >= smallest_sendfile;
    if (head_sent_ == head_.size() && by_file) {
        auto offset = static_cast<off_t>(answer_.first + at_);
        return failed_or(::sendfile(out, answer_.body.fd, &offset, left));
    }
    std::array<iovec, 2> parts{};
    parts[0] = {head_.data() + head_sent_, head_.size() - head_sent_};
    if (!by_file) parts[1] = {const_cast<char*>(answer_.body.bytes.data()) + at_, left};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    return failed_or(::sendmsg(out, &message, MSG_NOSIGNAL | (by_file ? MSG_MORE : 0)));
}

void Connection::wrote() {
    if (at_ < end_) return write_next();
    if (is(Fault::Kind::endless)) {
        at_ = 0;
        // Not from here: a client that reads fast would make this one deep recursion.
        return asio::post(socket_.get_executor(), [self = shared_from_this()] { self->write(self->end_); });
    }
    if (is(Fault::Kind::truncate)) return finish(false);
    if (is(Fault::Kind::stall)) return wait_for_leave();
    finish(request_.keep_alive);
}

void Connection::count_body(std::uint64_t bytes) {
    if (answer_.kind == Answer::Kind::tarball) parts_.tally.tarball_bytes += bytes;
    if (answer_.kind == Answer::Kind::abbreviated || answer_.kind == Answer::Kind::full)
        parts_.tally.packument_bytes += bytes;
}

// Silence until the client closes.
void Connection::wait_for_leave() {
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                                if (error) return self->finish(false);
                                self->wait_for_leave();
                            });
}

void Connection::finish(bool again) {
    parts_.tally.end_request();
    answer_ = {};
    fault_.reset();
    if (again && in_.empty()) return read_more();
    if (again) return asio::post(socket_.get_executor(), [self = shared_from_this()] { self->read(); });
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
}

template <class Then>
void Connection::after(Moment when, Then then) {
    timer_.expires_at(when);
    timer_.async_wait([self = shared_from_this(), then](const boost::system::error_code& error) {
        if (!error) then();
    });
}

}  // namespace pmx::registry
