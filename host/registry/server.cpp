#include "registry/server.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "registry/faults.hpp"
#include "registry/package_source.hpp"

namespace pmx::registry {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t largest_head = 64 * 1024;
constexpr std::size_t largest_request_body = 1024 * 1024;
constexpr std::size_t shaped_piece = 64 * 1024;

struct Tally {
    std::atomic<std::uint64_t> requests{0}, packuments{0}, tarballs{0}, not_found{0}, not_modified{0}, faults{0},
        bytes{0}, connections{0}, connections_open{0}, connections_peak{0}, in_flight{0}, in_flight_peak{0};

    static void raise(std::atomic<std::uint64_t>& peak, std::uint64_t now) {
        std::uint64_t seen = peak.load();
        while (seen < now && !peak.compare_exchange_weak(seen, now)) {
        }
    }
    void zero() {
        for (auto* counter : {&requests, &packuments, &tarballs, &not_found, &not_modified, &faults, &bytes,
                              &connections})
            *counter = 0;
        connections_peak = connections_open.load();
        in_flight_peak = in_flight.load();
    }
};

// One line that all connections share: each piece books the time after the last booked one.
class Line {
  public:
    explicit Line(double mbps) : seconds_per_byte_(mbps > 0 ? 8.0 / (mbps * 1e6) : 0) {}
    bool limited() const { return seconds_per_byte_ > 0; }
    Clock::time_point book(std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        const auto start = std::max(free_at_, Clock::now());
        free_at_ = start + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(seconds_per_byte_ * static_cast<double>(bytes)));
        return free_at_;
    }

  private:
    double seconds_per_byte_;
    std::mutex mutex_;
    Clock::time_point free_at_{};
};

struct Request {
    std::string method, path, host, if_none_match, authorization, body;
    bool keep_alive = true, gzip = false, abbreviated = false;
};

struct Answer {
    int status = 200;
    std::string type = "application/json";
    std::string extra;  // whole header lines
    Body body;
};

std::string_view reason(int status) {
    switch (status) {
        case 200: return "OK";
        case 302: return "Found";
        case 304: return "Not Modified";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 429: return "Too Many Requests";
        case 500: return "Internal Server Error";
        case 503: return "Service Unavailable";
        default: return "Status";
    }
}

Body body_of(std::string text) {
    auto kept = std::make_shared<const std::string>(std::move(text));
    return {*kept, kept, {}};
}

Answer plain_error(int status, std::string_view message) {
    Answer answer;
    answer.status = status;
    std::string text;
    JsonWriter(text).object().key("error").value(printable(message)).end();
    answer.body = body_of(std::move(text));
    return answer;
}

bool has_no_case(std::string_view text, std::string_view part) {
    return to_lower_ascii(text).find(part) != std::string::npos;
}

// The head without its blank line; false: not HTTP.
bool parse_head(std::string_view head, Request& request, std::size_t& body_size) {
    const auto line_end = head.find("\r\n");
    const auto first = head.substr(0, line_end);
    const auto parts = split(first, ' ');
    if (parts.size() != 3 || !parts[2].starts_with("HTTP/1.") || parts[1].empty() || parts[1][0] != '/') return false;
    request.method = parts[0];
    request.path = percent_decode(parts[1].substr(0, parts[1].find_first_of("?#")));
    request.keep_alive = parts[2] != "HTTP/1.0";
    body_size = 0;
    std::size_t at = line_end;
    while (at != std::string_view::npos && at + 2 < head.size()) {
        at += 2;
        const auto end = head.find("\r\n", at);
        const auto line = head.substr(at, end == std::string_view::npos ? end : end - at);
        at = end;
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return false;
        const std::string name = to_lower_ascii(line.substr(0, colon));
        const auto value = trim(line.substr(colon + 1));
        if (name == "host") request.host = value;
        else if (name == "if-none-match") request.if_none_match = value;
        else if (name == "authorization") request.authorization = value;
        else if (name == "connection") request.keep_alive = !has_no_case(value, "close");
        else if (name == "accept-encoding") request.gzip = has_no_case(value, "gzip");
        else if (name == "accept") request.abbreviated = has_no_case(value, "application/vnd.npm.install-v1+json");
        else if (name == "content-length") {
            for (const char c : value) {
                if (c < '0' || c > '9' || body_size > largest_request_body) return false;
                body_size = body_size * 10 + static_cast<std::size_t>(c - '0');
            }
            if (body_size > largest_request_body) return false;
        } else if (name == "transfer-encoding") return false;
    }
    return true;
}

}  // namespace

struct RegistryServer::State {
    explicit State(const ServeOptions& wanted)
        : options(wanted), source(wanted.directory), line(wanted.bandwidth_mbps) {}

    ServeOptions options;
    PackageSource source;
    Faults faults;
    Line line;
    Tally tally;
    std::uint16_t port = 0;
    std::vector<std::unique_ptr<asio::io_context>> contexts;  // one a thread: a connection never changes threads
    std::optional<tcp::acceptor> acceptor;
    std::vector<std::thread> threads;
    std::size_t next = 0;

    void accept();
    Answer answer(const Request& request);
    Answer package(const Request& request, const std::string& base);
    Answer control(const Request& request);
    ServeCounters counters() const;
};

namespace {

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(tcp::socket socket, asio::io_context& context, Tally& tally, Line& line, Faults& faults, int latency_ms,
               std::function<Answer(const Request&)> answer)
        : socket_(std::move(socket)), timer_(context), tally_(tally), line_(line), faults_(faults),
          latency_(latency_ms), answer_of_(std::move(answer)) {
        ++tally_.connections;
        Tally::raise(tally_.connections_peak, ++tally_.connections_open);
    }
    ~Connection() { --tally_.connections_open; }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void read() {
        const auto end = in_.find("\r\n\r\n");
        if (end == std::string::npos) {
            if (in_.size() > largest_head) return;
            return read_more();
        }
        std::size_t body_size = 0;
        request_ = {};
        if (!parse_head(std::string_view(in_).substr(0, end), request_, body_size)) {
            request_.keep_alive = false;
            in_.clear();
            ++tally_.in_flight;
            return begin(plain_error(400, "not a request that this server reads"));
        }
        if (in_.size() < end + 4 + body_size) return read_more();
        request_.body = in_.substr(end + 4, body_size);
        in_.erase(0, end + 4 + body_size);
        handle();
    }

  private:
    using Self = std::shared_ptr<Connection>;

    void read_more() {
        socket_.async_read_some(asio::buffer(chunk_),
                                [self = shared_from_this()](const boost::system::error_code& error, std::size_t n) {
                                    if (error) return;
                                    self->in_.append(self->chunk_.data(), n);
                                    self->read();
                                });
    }

    void handle() {
        const bool control = request_.path.starts_with("/-/pmx/");  // asking for the counters changes none
        if (!control) ++tally_.requests;
        Tally::raise(tally_.in_flight_peak, ++tally_.in_flight);
        fault_ = control ? std::nullopt : faults_.take(request_.method, request_.path, request_.authorization);
        auto wait = latency_;
        if (fault_) {
            ++tally_.faults;
            if (fault_->kind == Fault::Kind::close) return finish(false);
            if (fault_->kind == Fault::Kind::delay) wait += std::chrono::milliseconds(fault_->number);
        }
        if (wait.count() == 0) return begin(faulty_answer());
        after(Clock::now() + wait, [this] { begin(faulty_answer()); });
    }

    Answer faulty_answer() {
        if (!fault_) return answer_of_(request_);
        Answer made;
        switch (fault_->kind) {
            case Fault::Kind::status:
                made = plain_error(fault_->status, "a fault was asked for");
                if (!fault_->argument.empty()) made.extra = "Retry-After: " + fault_->argument + "\r\n";
                return made;
            case Fault::Kind::need_auth: return plain_error(401, "authentication is needed");
            case Fault::Kind::redirect:
                made = plain_error(302, "elsewhere");
                made.extra = "Location: " + replace_all(fault_->argument, "*", request_.path) + "\r\n";
                return made;
            case Fault::Kind::html:
                made.type = "text/html";
                made.body = body_of("<!doctype html><title>Sign in to this network</title>\n");
                return made;
            case Fault::Kind::endless:
                made.type = "application/octet-stream";
                made.body = body_of(std::string(1 << 20, 'x'));
                return made;
            case Fault::Kind::wrong_bytes: {
                made = answer_of_(request_);
                std::string changed(made.body.bytes);
                if (!changed.empty()) changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
                made.body = body_of(std::move(changed));
                return made;
            }
            default: return answer_of_(request_);
        }
    }

    void begin(Answer answer) {
        answer_ = std::move(answer);
        const bool endless = fault_ && fault_->kind == Fault::Kind::endless;
        const bool bare = answer_.status == 304;
        head_ = "HTTP/1.1 " + std::to_string(answer_.status) + " ";
        head_.append(reason(answer_.status)).append("\r\n");
        if (!bare) head_.append("Content-Type: ").append(answer_.type).append("\r\n");
        if (!bare && !endless)
            head_.append("Content-Length: ").append(std::to_string(answer_.body.bytes.size())).append("\r\n");
        if (!answer_.body.etag.empty()) head_.append("ETag: ").append(answer_.body.etag).append("\r\n");
        head_.append(answer_.extra);
        head_.append(request_.keep_alive && !endless ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
        rest_ = bare || request_.method == "HEAD" ? std::string_view() : answer_.body.bytes;
        limit_ = rest_.size();
        if (fault_ && (fault_->kind == Fault::Kind::truncate || fault_->kind == Fault::Kind::stall))
            limit_ = fault_->number < 0 ? rest_.size() / 2
                                        : std::min<std::size_t>(rest_.size(), static_cast<std::size_t>(fault_->number));
        const bool shaped = line_.limited() || (fault_ && fault_->kind == Fault::Kind::slow);
        if (shaped) return write_shaped();
        write(limit_);
    }

    // Head (once) and the next `size` bytes of the body in one write.
    void write(std::size_t size) {
        const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head_), asio::buffer(rest_.data(), size)};
        asio::async_write(socket_, buffers,
                          [self = shared_from_this(), size](const boost::system::error_code& error, std::size_t n) {
                              self->tally_.bytes += n;
                              if (error) return self->finish(false);
                              self->head_.clear();
                              self->rest_.remove_prefix(size);
                              self->limit_ -= size;
                              self->wrote();
                          });
    }

    void write_shaped() {
        const bool slow = fault_ && fault_->kind == Fault::Kind::slow;
        const auto rate = slow ? std::max<std::int64_t>(fault_->number, 1) : 0;
        const auto most = slow ? std::clamp<std::size_t>(static_cast<std::size_t>(rate) / 10, 1, shaped_piece)
                               : shaped_piece;
        const std::size_t size = std::min(limit_, most);
        const auto due = slow ? Clock::now() + std::chrono::microseconds(1000000 * static_cast<std::int64_t>(size) / rate)
                              : line_.book(head_.size() + size);
        after(due, [this, size] { write(size); });
    }

    void wrote() {
        const auto is = [&](Fault::Kind kind) { return fault_.has_value() && fault_->kind == kind; };
        if (limit_ > 0) return write_shaped();
        if (is(Fault::Kind::endless)) {
            rest_ = answer_.body.bytes;
            limit_ = rest_.size();
            return write(limit_);
        }
        if (is(Fault::Kind::truncate)) return finish(false);
        if (is(Fault::Kind::stall)) return wait_for_leave();
        finish(request_.keep_alive);
    }

    // Silence until the client closes.
    void wait_for_leave() {
        socket_.async_read_some(asio::buffer(chunk_),
                                [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                                    if (error) return self->finish(false);
                                    self->wait_for_leave();
                                });
    }

    void finish(bool again) {
        --tally_.in_flight;
        answer_ = {};
        fault_.reset();
        if (again) return read();
        boost::system::error_code ignored;
        socket_.shutdown(tcp::socket::shutdown_both, ignored);
        socket_.close(ignored);
    }

    template <class Then>
    void after(Clock::time_point when, Then then) {
        timer_.expires_at(when);
        timer_.async_wait([self = shared_from_this(), then](const boost::system::error_code& error) {
            if (!error) then();
        });
    }

    tcp::socket socket_;
    asio::steady_timer timer_;
    Tally& tally_;
    Line& line_;
    Faults& faults_;
    std::chrono::milliseconds latency_;
    std::function<Answer(const Request&)> answer_of_;
    std::array<char, 8192> chunk_{};
    std::string in_, head_;
    Request request_;
    Answer answer_;
    std::optional<Fault> fault_;
    std::string_view rest_;
    std::size_t limit_ = 0;
};

}  // namespace

void RegistryServer::State::accept() {
    auto& context = *contexts[next++ % contexts.size()];
    acceptor->async_accept(context, [this, &context](const boost::system::error_code& error, tcp::socket socket) {
        if (error == asio::error::operation_aborted) return;
        if (!error) {
            boost::system::error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            auto connection =
                std::make_shared<Connection>(std::move(socket), context, tally, line, faults, options.latency_ms,
                                             [this](const Request& request) { return answer(request); });
            asio::post(context, [connection] { connection->read(); });
        }
        accept();
    });
}

Answer RegistryServer::State::answer(const Request& request) {
    const std::string base = "http://" + (request.host.empty() ? "127.0.0.1:" + std::to_string(port) : request.host);
    if (request.path.starts_with("/-/pmx/")) return control(request);
    if (request.method != "GET" && request.method != "HEAD") return plain_error(405, "this registry only serves");
    Answer made;
    if (request.path == "/-/ping" || request.path == "/") {
        made.body = body_of("{}");
        return made;
    }
    made = package(request, base);
    if (made.status == 404) ++tally.not_found;
    if (made.status == 200 && !request.if_none_match.empty() && !made.body.etag.empty() &&
        request.if_none_match.find(made.body.etag) != std::string::npos) {
        ++tally.not_modified;
        made.status = 304;
    }
    return made;
}

Answer RegistryServer::State::package(const Request& request, const std::string& base) {
    const std::string path = request.path.substr(1);
    Answer made;
    const auto failed = [&](const Error& error) {
        return error.code == Code::FETCH_NOT_FOUND ? plain_error(404, "not found: " + path)
                                                   : plain_error(500, to_string(error));
    };
    if (const auto dash = path.find("/-/"); dash != std::string::npos) {
        auto body = source.tarball(path.substr(0, dash), std::string(base_name(path)));
        if (!body) return failed(body.error());
        ++tally.tarballs;
        made.type = "application/octet-stream";
        made.body = std::move(*body);
        return made;
    }
    const auto form = request.abbreviated ? PackageSource::Form::abbreviated : PackageSource::Form::full;
    auto body = source.packument(path, form, base, request.gzip);
    if (!body) return failed(body.error());
    ++tally.packuments;
    if (request.abbreviated) made.type = "application/vnd.npm.install-v1+json";
    if (request.gzip) made.extra = "Content-Encoding: gzip\r\n";
    made.extra += "Vary: Accept, Accept-Encoding\r\n";
    made.body = std::move(*body);
    return made;
}

Answer RegistryServer::State::control(const Request& request) {
    Answer made;
    made.body = body_of("{}");
    if (request.path == "/-/pmx/counters") {
        if (request.method == "DELETE") tally.zero();
        made.body = body_of(to_json(counters()));
        return made;
    }
    if (request.path == "/-/pmx/faults") {
        if (request.method == "DELETE") {
            faults.clear();
        } else if (request.method == "POST") {
            for (const auto line : split(request.body, '\n')) {
                if (trim(line).empty()) continue;
                if (auto added = faults.add(line); !added) return plain_error(400, to_string(added.error()));
            }
        }
        return made;
    }
    return plain_error(404, "no such control");
}

ServeCounters RegistryServer::State::counters() const {
    ServeCounters c;
    c.requests = tally.requests;
    c.packuments = tally.packuments;
    c.tarballs = tally.tarballs;
    c.not_found = tally.not_found;
    c.not_modified = tally.not_modified;
    c.faults = tally.faults;
    c.bytes = tally.bytes;
    c.connections = tally.connections;
    c.connections_open = tally.connections_open;
    c.connections_peak = tally.connections_peak;
    c.in_flight_peak = tally.in_flight_peak;
    return c;
}

std::string to_json(const ServeCounters& c) {
    std::string out;
    JsonWriter json(out);
    json.object();
    json.key("requests").value(c.requests).key("packuments").value(c.packuments).key("tarballs").value(c.tarballs);
    json.key("notFound").value(c.not_found).key("notModified").value(c.not_modified).key("faults").value(c.faults);
    json.key("bytes").value(c.bytes).key("connections").value(c.connections);
    json.key("connectionsOpen").value(c.connections_open).key("connectionsPeak").value(c.connections_peak);
    json.key("inFlightPeak").value(c.in_flight_peak).end();
    return out;
}

RegistryServer::RegistryServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<RegistryServer>> RegistryServer::start(const ServeOptions& options) {
    auto state = std::make_unique<State>(options);
    PMX_TRY(const auto directory, open_dir(AT_FDCWD, options.directory.c_str()));
    for (const auto& line : options.faults) PMX_CHECK(state->faults.add(line));
    try {
        for (int i = 0; i < std::max(1, options.threads); ++i)
            state->contexts.push_back(std::make_unique<asio::io_context>(1));
        auto& acceptor = state->acceptor.emplace(*state->contexts[0]);
        acceptor.open(tcp::v4());
        acceptor.set_option(tcp::acceptor::reuse_address(true));
        acceptor.bind({asio::ip::address_v4::loopback(), options.port});
        acceptor.listen(4096);
        state->port = acceptor.local_endpoint().port();
        state->accept();
        for (auto& context : state->contexts) {
            state->threads.emplace_back([&context = *context] {
                const auto stay = asio::make_work_guard(context);
                context.run();
            });
        }
    } catch (const std::exception& error) {
        for (auto& context : state->contexts) context->stop();
        for (auto& thread : state->threads) thread.join();
        return fail(Code::IO, std::string("cannot serve: ") + error.what(),
                    "127.0.0.1:" + std::to_string(options.port), "choose another --port");
    }
    return std::unique_ptr<RegistryServer>(new RegistryServer(std::move(state)));
}

RegistryServer::~RegistryServer() {
    for (auto& context : state_->contexts) context->stop();
    for (auto& thread : state_->threads) thread.join();
    // Connections hold references into the state: they go with their contexts, before it.
    state_->acceptor.reset();
    state_->contexts.clear();
}

std::uint16_t RegistryServer::port() const { return state_->port; }
std::string RegistryServer::url() const { return "http://127.0.0.1:" + std::to_string(state_->port); }
ServeCounters RegistryServer::counters() const { return state_->counters(); }

}  // namespace pmx::registry
