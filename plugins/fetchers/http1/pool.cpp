#include "pool.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pmx::http1 {

namespace asio = boost::asio;

void Lease::drop() {
    if (!connection) return;
    connection.reset();
    --pool->open_;
}

void Lease::give_back() {
    if (!connection) return;
    connection->lend(nullptr);
    connection->reused = true;
    pool->idle_.push_back({std::move(connection), std::move(route), Clock::now()});
}

Lease Pool::reuse(const std::string& route, Flight& flight) {
    for (std::size_t i = idle_.size(); i-- > 0;) {
        if (idle_[i].route != route) continue;
        Lease lease(this, std::move(idle_[i].connection), route);
        idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
        if (!lease.connection->is_quiet()) continue;
        lease.connection->lend(&flight);
        return lease;
    }
    return {};
}

Lease Pool::add(const std::string& route, Flight& flight) {
    while (open_ >= cap_ && !idle_.empty()) {
        idle_.erase(idle_.begin());
        --open_;
    }
    Lease lease(this, std::make_unique<Connection>(io_), route);
    ++open_;
    lease.connection->lend(&flight);
    return lease;
}

void Pool::close_idle(Clock::time_point before) {
    auto kept =
        std::find_if(idle_.begin(), idle_.end(), [&](const Idle& idle) { return idle.since >= before; });
    open_ -= static_cast<std::size_t>(kept - idle_.begin());
    idle_.erase(idle_.begin(), kept);
}

Task<> Pool::connect(Connection& connection, std::string host, std::uint16_t port, std::string local_address,
                     Flight& flight) {
    std::shared_ptr<Name> name = co_await addresses(std::move(host), port, flight);
    asio::ip::tcp::endpoint winner = co_await connection.open(name->endpoints, std::move(local_address));
    auto at = std::find(name->endpoints.begin(), name->endpoints.end(), winner);
    if (at != name->endpoints.end()) std::swap(*at, name->endpoints.front());
}

Task<std::shared_ptr<Pool::Name>> Pool::addresses(std::string host, std::uint16_t port, Flight& flight) {
    std::string key = host + " " + std::to_string(port);
    std::shared_ptr<Name>& slot = names_[key];
    if (!slot) {
        slot = std::make_shared<Name>();
        boost::system::error_code no_literal;
        auto literal = asio::ip::make_address(host, no_literal);
        if (!no_literal) {
            slot->done = true;
            slot->endpoints.emplace_back(literal, port);
        } else {
            resolver_.async_resolve(
                host, std::to_string(port),
                [name = slot](boost::system::error_code error, Resolver::results_type results) {
                    name->done = true;
                    name->error = error;
                    for (const auto& entry : results) name->endpoints.push_back(entry.endpoint());
                    for (asio::steady_timer* waiter : name->waiters) waiter->cancel();
                });
        }
    }
    std::shared_ptr<Name> name = slot;
    if (!name->done) {
        asio::steady_timer timer(io_, asio::steady_timer::time_point::max());
        name->waiters.push_back(&timer);
        flight.waiting = &timer;
        flight.touch();
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        flight.waiting = nullptr;
        std::erase(name->waiters, &timer);
        flight.check();
    }
    if (name->error || name->endpoints.empty()) {
        // A failure is not remembered: the next try asks again.
        if (auto it = names_.find(key); it != names_.end() && it->second == name) names_.erase(it);
        bool final = name->error == asio::error::host_not_found || name->error == asio::error::no_data;
        throw Failure{PMX_UNAVAILABLE, !final, "cannot find the host " + host + ": " + name->error.message(),
                      "check the URL, the network and the proxy settings"};
    }
    co_return name;
}

}  // namespace pmx::http1
