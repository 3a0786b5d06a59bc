// A server that does what a test tells it, byte by byte: a thread for each connection, plain or TLS, on
// 127.0.0.1.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pmx::test {

class Server;

// The server's end of one connection.
class Peer {
  public:
    bool request(std::string& head);  // false at the end
    void send(std::string_view bytes);
    void until_closed();           // stalls
    void reset();                  // closes with RST
    void join(const Peer& other);  // bytes to and fro until one side ends (a tunnel)
    int index = 0;                 // the how-manieth connection, from 0
    int fd = -1;
    SSL* ssl = nullptr;

  private:
    friend class Server;
    long read(char* to, std::size_t room);
    std::string pending_;
};

struct Identity {
    std::string certificate, key;  // PEM, self-signed, for localhost and 127.0.0.1
};
Identity make_identity(const std::string& host = "localhost");

class Server {
  public:
    using Serve = std::function<void(Peer&)>;
    explicit Server(Serve serve, const Identity* identity = nullptr, const std::string& client_ca = {});
    // Answers every request on every connection with what `answer` makes of its head.
    static Serve answering(std::function<std::string(const std::string& head)> answer);
    ~Server();
    std::string url(const std::string& path, const std::string& host = "127.0.0.1") const;
    int port() const { return port_; }
    int connections() const { return connections_; }
    int most_at_once() const { return most_; }
    std::vector<std::string> heads();  // of all requests so far

  private:
    friend class Peer;
    void accept_all();
    Serve serve_;
    SSL_CTX* tls_ = nullptr;
    int listener_ = -1, port_ = 0;
    std::atomic<int> connections_{0}, now_{0}, most_{0};
    std::atomic<bool> ending_{false};
    std::mutex mutex_;
    std::vector<int> fds_;
    std::vector<std::string> heads_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

std::string ok(const std::string& body, const std::string& headers = {});
std::string gzip(const std::string& bytes);
std::string chunked(const std::string& body, std::size_t step);

}  // namespace pmx::test
