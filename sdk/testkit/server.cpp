#include "server.hpp"

#include <algorithm>
#include <stdexcept>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pmx::testkit {

namespace {

int listening(int& port) {
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(fd, 128) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0)
        throw std::runtime_error("no server can be started on loopback");
    port = ntohs(at.sin_port);
    return fd;
}

bool readable(int fd, int ms) {
    pollfd wait{fd, POLLIN, 0};
    return ::poll(&wait, 1, ms) > 0;
}

// A head of a request; false at the end of the connection.
bool read_head(int fd, const std::atomic<bool>& stopping, std::string& kept, Asked& asked) {
    std::size_t end;
    while ((end = kept.find("\r\n\r\n")) == kept.npos) {
        if (stopping) return false;
        if (!readable(fd, 20)) continue;
        char buffer[8192];
        ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0 || kept.size() > (1u << 20)) return false;
        kept.append(buffer, static_cast<std::size_t>(n));
    }
    std::string head = kept.substr(0, end + 2);
    kept.erase(0, end + 4);
    asked = {};
    std::size_t line = head.find("\r\n"), first = head.find(' '), second = head.find(' ', first + 1);
    asked.method = head.substr(0, first);
    asked.target = head.substr(first + 1, second - first - 1);
    while (line + 2 < head.size()) {
        std::size_t next = head.find("\r\n", line + 2), colon = head.find(':', line + 2);
        if (colon < next) {
            std::string name = head.substr(line + 2, colon - line - 2), value = head.substr(colon + 1, next - colon - 1);
            std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
            value.erase(0, value.find_first_not_of(' '));
            asked.headers[name] = value;
        }
        line = next;
    }
    return true;
}

}  // namespace

bool Peer::send(std::string_view bytes) {
    while (!bytes.empty() && !stopping_) {
        pollfd wait{fd_, POLLOUT, 0};
        if (::poll(&wait, 1, 20) <= 0) continue;
        ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
        if (n > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
            sent_ += static_cast<std::uint64_t>(n);
        }
    }
    return bytes.empty();
}

void Peer::stall() {
    char byte;
    while (!stopping_)
        if (readable(fd_, 20) && ::recv(fd_, &byte, 1, MSG_PEEK) <= 0) return;
}

void Peer::pause(int ms) {
    for (; ms > 0 && !stopping_; ms -= 5) ::usleep(5000);
}

Server::Server() : listener_(listening(port_)) {
    accepting_ = std::thread([this] { accept_all(); });
}

Server::~Server() {
    stopping_ = true;
    accepting_.join();
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
}

std::string Server::origin() const { return "http://127.0.0.1:" + std::to_string(port_); }

void Server::on(const std::string& target, Answer answer) {
    std::lock_guard lock(mutex_);
    answers_[target] = std::move(answer);
}

void Server::on(const std::string& target, std::string body, int status, std::string headers) {
    on(target, [=](Peer& peer, const Asked&) {
        return peer.send("HTTP/1.1 " + std::to_string(status) + " Whatever\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    });
}

std::vector<Asked> Server::asked() const {
    std::lock_guard lock(mutex_);
    return asked_;
}

void Server::accept_all() {
    while (!stopping_) {
        if (!readable(listener_, 20)) continue;
        int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) continue;
        ++connections_;
        threads_.emplace_back([this, fd] { serve(fd); });
    }
}

void Server::serve(int fd) {
    std::string kept;
    Asked asked;
    while (read_head(fd, stopping_, kept, asked)) {
        Answer answer;
        {
            std::lock_guard lock(mutex_);
            asked_.push_back(asked);
            auto found = answers_.find(asked.target.substr(0, asked.target.find('?')));
            if (found != answers_.end()) answer = found->second;
        }
        int now = ++now_;
        for (int most = most_; now > most && !most_.compare_exchange_weak(most, now);) {
        }
        Peer peer(fd, stopping_);
        bool keep = answer ? answer(peer, asked) : peer.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        for (std::uint64_t longest = longest_; peer.sent() > longest && !longest_.compare_exchange_weak(longest, peer.sent());) {
        }
        --now_;
        if (!keep) break;
    }
    ::shutdown(fd, SHUT_RDWR);
    ::close(fd);
}

int closed_port() {
    int port = 0;
    ::close(listening(port));
    return port;
}

}  // namespace pmx::testkit
