// One connection: a non-blocking socket, TLS on it where the origin wants that, and waits that the flight's
// watcher can end. Reads go straight into the caller's memory. It belongs to the io thread and never outlives
// it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "failure.hpp"
#include "tls.hpp"

namespace pmx::http1 {

template <class T = void>
using Task = boost::asio::awaitable<T>;

class Connection {
  public:
    explicit Connection(boost::asio::io_context& io) : socket_(io) {}
    ~Connection();
    Connection(const Connection&) = delete;

    // The request that uses this connection now; null while it is idle.
    void lend(Flight* flight);
    // Tries each endpoint in turn and returns the one that worked.
    Task<boost::asio::ip::tcp::endpoint> open(std::vector<boost::asio::ip::tcp::endpoint> endpoints,
                                              std::string local_address);
    // Puts TLS on top of what is there: the socket, or the TLS of a proxy. True when a session was resumed.
    Task<bool> start_tls(SslPtr ssl);
    // At least one byte, or 0 at an orderly end. Throws when the peer broke the connection off.
    Task<std::size_t> read_some(void* to, std::size_t room);
    Task<> write(std::string_view bytes);
    // Idle connections only: has the peer neither closed it nor said anything?
    bool is_quiet();
    void interrupt() {
        boost::system::error_code ignored;
        socket_.cancel(ignored);
    }

    bool reused = false;

  private:
    enum class Step { done, read, write, end, broken };
    Step try_read(void* to, std::size_t room, std::size_t& got);
    Step try_write(const char* from, std::size_t size, std::size_t& put);
    Step after_tls(int result);
    Task<> wait(Step step);
    Failure broken(std::string_view doing) const;

    boost::asio::posix::stream_descriptor socket_;
    SslPtr tunnel_, ssl_;  // tunnel_: TLS to a proxy that carries ssl_
    Flight* flight_ = nullptr;
    int error_ = 0;
    std::string tls_error_;
    int steps_ = 0;  // reads since the last wait: one fast peer does not starve the others
};

}  // namespace pmx::http1
