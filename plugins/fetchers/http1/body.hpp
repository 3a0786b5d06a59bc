// The way of a body from the wire to the host: chunks taken apart, an encoding undone, the limit kept. Bodies
// of known length without an encoding do not come through here: they are read straight into the host's memory
// (exchange.cpp). [io thread]
#pragma once

#include <pmx/fetcher.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "head.hpp"

namespace pmx::http1 {

// The host's end: asks for room, keeps the limit, turns refusals into Failure.
class Sink {
  public:
    Sink(const pmx_response* response, std::uint64_t limit) : response_(response), limit_(limit) {}
    void head(const Head& head, std::uint64_t length);
    void* room(std::size_t want);
    void commit(std::size_t written);
    void append(std::string_view bytes);
    void restart();  // forgets the body so far, if there is one
    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t limit() const { return limit_; }

  private:
    const pmx_response* response_;
    const std::uint64_t limit_;
    std::uint64_t bytes_ = 0;
};

[[noreturn]] void throw_too_long(std::uint64_t limit);
[[noreturn]] void throw_truncated();

// gzip (any number of members) or deflate (with or without the zlib wrapper) into a sink. A gzip body of usual size is
// kept until it is whole and then inflated in one go, which takes a third of the time; others are inflated as they come.
class Inflater {
  public:
    explicit Inflater(Coding coding);
    ~Inflater();
    void write(std::string_view bytes, Sink& sink);
    void finish(Sink& sink);  // throws when the stream is not complete

  private:
    void stream(std::string_view bytes, Sink& sink);
    bool inflate_whole(Sink& sink);
    struct State;
    std::unique_ptr<State> state_;
};

// Takes "chunked" apart. Feeds what is body to `out`; remembers where it is between calls.
class Dechunker {
  public:
    // How many bytes of `bytes` belong to this body; the rest is not ours.
    template <class Out>
    std::size_t write(std::string_view bytes, Out&& out) {
        std::size_t at = 0;
        while (at < bytes.size() && state_ != State::done) {
            if (state_ != State::data) {
                step(bytes[at++]);
                continue;
            }
            std::size_t take =
                left_ < bytes.size() - at ? static_cast<std::size_t>(left_) : bytes.size() - at;
            out(bytes.substr(at, take));
            at += take;
            left_ -= take;
            if (left_ == 0) state_ = State::data_cr;
        }
        return at;
    }
    bool is_done() const { return state_ == State::done; }

  private:
    enum class State : std::uint8_t {
        size,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer_start,
        trailer,
        end_lf,
        done
    };
    void step(char c);
    State state_ = State::size;
    std::uint64_t left_ = 0;
    unsigned digits_ = 0;
    std::size_t extra_ = 0;  // bytes of extensions and trailers: bounded
};

}  // namespace pmx::http1
