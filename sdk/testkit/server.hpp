// A server of HTTP on loopback that does as each case says, right or wrong, one thread a connection. Private to the kit.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pmx::testkit {

struct Asked {
    std::string method, target;
    std::map<std::string, std::string> headers;  // names in small letters
};

// The other end of one connection.
class Peer {
  public:
    Peer(int fd, const std::atomic<bool>& stopping) : fd_(fd), stopping_(stopping) {}
    // False when the other end is gone.
    bool send(std::string_view bytes);
    // Until the other end closes, or the server stops.
    void stall();
    void pause(int ms);
    std::uint64_t sent() const { return sent_; }

  private:
    int fd_;
    const std::atomic<bool>& stopping_;
    std::uint64_t sent_ = 0;
};

class Server {
  public:
    // Answers one request; true to keep the connection.
    using Answer = std::function<bool(Peer&, const Asked&)>;
    Server();
    ~Server();
    Server(const Server&) = delete;
    std::string origin() const;  // "http://127.0.0.1:PORT"
    void on(const std::string& target, Answer answer);
    // A whole answer: 200 unless said otherwise, with its length.
    void on(const std::string& target, std::string body, int status = 200, std::string headers = {});

    std::vector<Asked> asked() const;
    int most_at_once() const { return most_; }      // requests under way
    int connections() const { return connections_; }
    std::uint64_t longest() const { return longest_; }  // bytes of the longest answer

  private:
    void accept_all();
    void serve(int fd);
    int port_ = 0, listener_ = -1;  // in this order: the listener says which port it is
    std::atomic<bool> stopping_{false};
    std::atomic<int> now_{0}, most_{0}, connections_{0};
    std::atomic<std::uint64_t> longest_{0};
    mutable std::mutex mutex_;
    std::map<std::string, Answer> answers_;
    std::vector<Asked> asked_;
    std::vector<std::thread> threads_;
    std::thread accepting_;
};

// A port of loopback where nobody listens.
int closed_port();

}  // namespace pmx::testkit
