// Connection: one client of the embedded registry: reads a request, waits as the network model and the faults say, sends
// the answer, reads the next. What the answers are it asks an Answerer. Bodies are not copied here: small ones leave with
// their head in one write, files through sendfile. Lives as long as one of its operations is pending. [its context's thread]
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "registry/faults.hpp"
#include "registry/http_request.hpp"
#include "registry/network_model.hpp"
#include "registry/package_source.hpp"
#include "registry/serve_counters.hpp"

namespace pmx::registry {

struct Answer {
    int status = 200;
    std::string_view type = "application/json";
    std::string extra;  // whole header lines
    Body body;
    std::size_t first = 0;  // of a part: where in its file the body begins
    enum class Kind : std::uint8_t { other, control, abbreviated, full, tarball } kind = Kind::other;
};

Answer error_answer(int status, std::string_view message);

// [any thread]
class Answerer {
  public:
    virtual ~Answerer() = default;
    virtual Answer answer(const HttpRequest& request) = 0;
};

// What all connections of a server share; outlives them.
struct ServerParts {
    const NetworkOptions& network;
    SharedLine& line;
    Faults& faults;
    ServeTally& tally;
    Answerer& answerer;
};

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(boost::asio::ip::tcp::socket socket, boost::asio::io_context& context, const ServerParts& parts);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void read();

  private:
    void read_more();
    void handle();
    Answer faulty_answer();
    void begin(Answer answer);
    void write_next();
    void write_shaped();
    void write_slowly();
    void write(std::size_t upto);
    void send_due();
    // One system call; what it took. Negative: errno.
    std::ptrdiff_t send_once();
    void wrote();
    void wait_for_leave();
    void finish(bool again);
    void count_body(std::uint64_t bytes);
    bool is(Fault::Kind kind) const { return fault_.has_value() && fault_->kind == kind; }
    template <class Then>
    void after(Moment when, Then then);

    boost::asio::ip::tcp::socket socket_;
    boost::asio::steady_timer timer_;
    const ServerParts parts_;
    NetworkModel model_;
    const bool has_latency_;
    std::array<char, 8192> chunk_{};
    std::string in_, head_;
    HttpRequest request_;
    Answer answer_;
    std::optional<Fault> fault_;
    Moment start_{};  // when the answer's first byte may be there
    std::size_t head_sent_ = 0;
    std::size_t at_ = 0;     // of the body
    std::size_t end_ = 0;    // where this answer stops, faults considered
    std::size_t due_ = 0;    // may be sent up to here now
};

}  // namespace pmx::registry
