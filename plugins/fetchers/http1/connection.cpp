#include "connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

namespace pmx::http1 {

namespace asio = boost::asio;
using asio::posix::descriptor_base;

namespace {

constexpr auto kQuietly = asio::as_tuple(asio::use_awaitable);
constexpr int kStepsInARow = 32;
// An address that does not answer must not use up the whole time where there are others.
constexpr Millis kFirstAddresses{3000};

std::string errno_text(int number) {
    return number ? std::strerror(number) : "connection closed";
}

}  // namespace

void Flight::interrupt() {
    if (connection) connection->interrupt();
    if (waiting) waiting->cancel();
}

Connection::~Connection() {
    if (flight_ && flight_->connection == this) flight_->connection = nullptr;
    // Without this OpenSSL holds the connection for broken off and its session for unfit to resume.
    if (ssl_ && SSL_is_init_finished(ssl_.get()))
        SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    // Before the descriptor goes: OpenSSL does not own it.
    ssl_.reset();
    tunnel_.reset();
}

void Connection::lend(Flight* flight) {
    if (flight_ && flight_->connection == this) flight_->connection = nullptr;
    flight_ = flight;
    if (flight_) flight_->connection = this;
}

Failure Connection::broken(std::string_view doing) const {
    std::string why = tls_error_.empty() ? errno_text(error_) : tls_error_;
    return Failure{PMX_UNAVAILABLE, true, std::string(doing) + ": " + why, "check the network and try again",
                   error_};
}

Task<> Connection::wait(Step step) {
    steps_ = 0;
    flight_->check();
    auto what = step == Step::write ? descriptor_base::wait_write : descriptor_base::wait_read;
    auto [error] = co_await socket_.async_wait(what, kQuietly);
    flight_->check();
    if (error) {
        Failure failure = broken("the connection broke");
        throw failure;
    }
}

Task<asio::ip::tcp::endpoint> Connection::open(std::vector<asio::ip::tcp::endpoint> endpoints,
                                               std::string local_address) {
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        const auto endpoint = endpoints[i];
        error_ = 0;
        int fd =
            ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
        if (fd < 0) {
            error_ = errno;
            continue;
        }
        boost::system::error_code ignored;
        socket_.close(ignored);
        socket_.assign(fd);
        int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (!local_address.empty()) {
            auto address = asio::ip::make_address(local_address, ignored);
            asio::ip::tcp::endpoint local(address, 0);
            if (ignored || ::bind(fd, local.data(), static_cast<socklen_t>(local.size())) != 0) {
                throw Failure{PMX_INVALID, false, "cannot use the local address " + local_address,
                              "correct or remove the setting local-address", ignored ? 0 : errno};
            }
        }
        flight_->touch();
        bool last = i + 1 == endpoints.size();
        if (!last) flight_->deadline = std::min(flight_->deadline, Clock::now() + kFirstAddresses);
        if (::connect(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) {
            error_ = errno;
            if (error_ == EINPROGRESS) {
                co_await socket_.async_wait(descriptor_base::wait_write, kQuietly);
                if (flight_->timed_out && !last) {
                    flight_->timed_out = false;
                    error_ = ETIMEDOUT;
                    continue;
                }
                flight_->check();
                socklen_t size = sizeof error_;
                ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_, &size);
            }
        }
        if (error_ == 0) {
            flight_->touch();
            co_return endpoint;
        }
    }
    Failure failure = broken("cannot connect");
    throw failure;
}

Task<bool> Connection::start_tls(SslPtr ssl) {
    if (ssl_) {
        tunnel_ = std::move(ssl_);
        BIO* bio = BIO_new(BIO_f_ssl());
        if (!bio) throw Failure{PMX_NO_MEMORY, false, "OpenSSL has no room for a tunnel"};
        BIO_set_ssl(bio, tunnel_.get(), BIO_NOCLOSE);
        SSL_set_bio(ssl.get(), bio, bio);
    } else if (SSL_set_fd(ssl.get(), socket_.native_handle()) != 1) {
        throw Failure{PMX_NO_MEMORY, false, "OpenSSL has no room for a connection"};
    }
    ssl_ = std::move(ssl);
    SSL_set_connect_state(ssl_.get());
    flight_->touch();
    for (;;) {
        ERR_clear_error();
        int result = SSL_do_handshake(ssl_.get());
        if (result == 1) break;
        Step step = after_tls(result);
        if (step == Step::read || step == Step::write) {
            co_await wait(step);
            flight_->touch();
            continue;
        }
        // A refused certificate stays refused; a connection that was cut off during the handshake may work
        // next time.
        bool refused = SSL_get_verify_result(ssl_.get()) != X509_V_OK;
        Failure failure{PMX_UNAVAILABLE, !refused, {}, {}, error_};
        failure.what = refused || !tls_error_.empty()
                           ? Tls::failure_text(ssl_.get()) + (refused ? "" : " (" + tls_error_ + ")")
                           : "the connection broke during the TLS handshake: " + errno_text(error_);
        failure.remedy =
            refused ? "name your authority with cafile or ca, or, at your own risk, set strict-ssl=false"
                    : "check the network and try again";
        throw failure;
    }
    flight_->touch();
    co_return SSL_session_reused(ssl_.get()) == 1;
}

Connection::Step Connection::after_tls(int result) {
    int saved = errno;
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return Step::read;
        case SSL_ERROR_WANT_WRITE:
            return Step::write;
        case SSL_ERROR_ZERO_RETURN:
            return Step::end;
        case SSL_ERROR_SYSCALL:
            error_ = saved;
            break;
        default:
            error_ = 0;
            if (const char* reason = ERR_reason_error_string(ERR_peek_last_error())) tls_error_ = reason;
    }
    ERR_clear_error();
    return Step::broken;
}

Connection::Step Connection::try_read(void* to, std::size_t room, std::size_t& got) {
    if (ssl_) {
        ERR_clear_error();
        int result = SSL_read_ex(ssl_.get(), to, room, &got);
        return result == 1 ? Step::done : after_tls(result);
    }
    for (;;) {
        ssize_t n = ::recv(socket_.native_handle(), to, room, 0);
        if (n > 0) {
            got = static_cast<std::size_t>(n);
            return Step::done;
        }
        if (n == 0) return Step::end;
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return Step::read;
        error_ = errno;
        return Step::broken;
    }
}

Connection::Step Connection::try_write(const char* from, std::size_t size, std::size_t& put) {
    if (ssl_) {
        ERR_clear_error();
        int result = SSL_write_ex(ssl_.get(), from, size, &put);
        return result == 1 ? Step::done : after_tls(result);
    }
    for (;;) {
        ssize_t n = ::send(socket_.native_handle(), from, size, MSG_NOSIGNAL);
        if (n >= 0) {
            put = static_cast<std::size_t>(n);
            return Step::done;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return Step::write;
        error_ = errno;
        return Step::broken;
    }
}

Task<std::size_t> Connection::read_some(void* to, std::size_t room) {
    for (;;) {
        if (++steps_ > kStepsInARow) {
            steps_ = 0;
            co_await asio::post(socket_.get_executor(), asio::use_awaitable);
            flight_->check();
        }
        std::size_t got = 0;
        Step step = try_read(to, room, got);
        if (step == Step::done) {
            flight_->touch();
            co_return got;
        }
        if (step == Step::end) co_return 0;
        if (step == Step::broken) {
            Failure failure = broken("the connection broke");
            throw failure;
        }
        co_await wait(step);
    }
}

Task<> Connection::write(std::string_view bytes) {
    while (!bytes.empty()) {
        std::size_t put = 0;
        Step step = try_write(bytes.data(), bytes.size(), put);
        if (step == Step::done) {
            flight_->touch();
            bytes.remove_prefix(put);
        } else if (step == Step::broken || step == Step::end) {
            Failure failure = broken("the connection broke");
            throw failure;
        } else {
            co_await wait(step);
        }
    }
}

bool Connection::is_quiet() {
    char byte;
    ssize_t n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (n <= 0 || !ssl_) return false;
    // TLS: what is there may be a session ticket, which is no answer to anything.
    ERR_clear_error();
    int result = SSL_peek(ssl_.get(), &byte, 1);
    return result <= 0 && after_tls(result) == Step::read;
}

}  // namespace pmx::http1
