// A large archive in parts: which bytes come over which connection, and what of them the host has. The first part is the
// answer to the plain request, which is all of the body and can go on past its end; the others were asked for with Range.
// The host gets bytes in order: the front of them straight from the wire, what came ahead of it out of a buffer.
// Bookkeeping only: ranges.cpp talks to the server. [io thread]
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "body.hpp"
#include "failure.hpp"
#include "head.hpp"
#include "url.hpp"

namespace pmx::http1 {

struct Part {
    enum class State : std::uint8_t {
        later,    // for others before it to end
        waiting,  // for its turn to be asked for
        running,
        done,
        gone,  // given up: the first brings these bytes, or nobody
    };
    std::uint64_t begin = 0, end = 0;
    std::uint64_t at = 0;            // what came ends here
    std::uint64_t given = 0;         // what the host has ends here
    std::unique_ptr<char[]> buffer;  // from begin, while it is not the front
    bool direct = false;             // the room given last is the host's
    State state = State::later;
    unsigned tries = 0;
    Flight flight;
    bool has_begun() const { return at > begin; }
};

class Parts {
  public:
    // `at` bytes of the body are with the host. `text`: the request that brought `head`. Throws Failure.
    Parts(boost::asio::io_context& io, Sink& sink, const Head& head, std::uint64_t at, std::size_t count, Url url,
          std::string text, Millis timeout);
    Parts(const Parts&) = delete;

    Part& first() { return parts_.front(); }
    std::vector<Part>& all() { return parts_; }
    // Where the next `want` bytes of the part go. Throws Failure.
    void* room(Part& part, std::size_t want);
    // `size` of them are there. Throws Failure where the host does not want them.
    void came(Part& part, std::size_t size);
    bool is_whole() const { return front_ == parts_.size(); }
    // The next part to ask for, while fewer than `most` are on their way and it lies no more than `most` ahead of the front;
    // null otherwise.
    Part* next_later(std::size_t most);

    // The request for what is still to come of the part.
    std::string request(const Part& part) const;
    // Throws Failure unless the answer is exactly what request() asked for.
    void check(const Part& part, const Head& answer) const;

    // The first part is at its end: it takes over the next one if nothing of that came.
    bool extend_first();
    // The first answer brings all the rest by itself; nobody else is believed.
    void leave_all_to_first();
    // Ends the waits of those that brought nothing for too long, or of all.
    void watch(Clock::time_point now, bool cancelled);
    // Nobody brings anything any more.
    void stop();
    bool has_begun() const;   // any but the first
    bool is_missing() const;  // something was given up that nobody brings

    const Url url;
    const std::uint64_t length;
    std::size_t running = 0;         // coroutines that may still write
    bool is_first_open = true;       // its connection can bring more
    std::optional<Failure> failure;  // it cannot end well
    boost::asio::steady_timer changed;

  private:
    void give_up(Part& part);

    Sink& sink_;
    const std::string text_, etag_, modified_;
    std::vector<Part> parts_;  // as they lie in the body; one that was taken over is empty
    std::size_t front_ = 0;    // the first that is not whole
};

// What of an archive's first answer says that its parts can be asked for.
bool offers_parts(const Head& head);

}  // namespace pmx::http1
