// The connections of one instance: idle ones by route (the last used first), a cap over all of them, and the
// addresses of each host, asked for once. A Lease is one connection in use; whoever drops it without
// give_back() closes it. [io thread]
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connection.hpp"

namespace pmx::http1 {

class Pool;

struct Lease {
    Pool* pool = nullptr;
    std::unique_ptr<Connection> connection;
    std::string route;

    Lease() = default;
    Lease(Pool* pool, std::unique_ptr<Connection> connection, std::string route)
        : pool(pool), connection(std::move(connection)), route(std::move(route)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) noexcept {
        drop();
        pool = other.pool;
        connection = std::move(other.connection);
        route = std::move(other.route);
        return *this;
    }
    ~Lease() { drop(); }
    void drop();
    void give_back();
};

class Pool {
  public:
    Pool(boost::asio::io_context& io, std::size_t cap) : io_(io), cap_(cap), resolver_(io) {}

    // An idle connection of this route that is still good; an empty lease when there is none.
    Lease reuse(const std::string& route, Flight& flight);
    // A new one, not yet connected. Closes the idle connection that waited longest when the cap is reached.
    Lease add(const std::string& route, Flight& flight);
    // Connects: the addresses of `host`, the one that worked before first. Throws Failure.
    Task<> connect(Connection& connection, std::string host, std::uint16_t port, std::string local_address,
                   Flight& flight);
    void close_idle(Clock::time_point before);
    bool has_idle() const { return !idle_.empty(); }
    std::size_t open() const { return open_; }

  private:
    friend struct Lease;
    using Resolver = boost::asio::ip::tcp::resolver;
    struct Idle {
        std::unique_ptr<Connection> connection;
        std::string route;
        Clock::time_point since;
    };
    struct Name {
        bool done = false;
        boost::system::error_code error;
        std::vector<boost::asio::ip::tcp::endpoint> endpoints;
        std::vector<boost::asio::steady_timer*> waiters;
    };
    Task<std::shared_ptr<Name>> addresses(std::string host, std::uint16_t port, Flight& flight);

    boost::asio::io_context& io_;
    const std::size_t cap_;
    std::size_t open_ = 0;
    std::vector<Idle> idle_;  // oldest first; at most cap_
    Resolver resolver_;
    std::map<std::string, std::shared_ptr<Name>> names_;  // by "host port"
};

}  // namespace pmx::http1
