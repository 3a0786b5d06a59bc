#include "body.hpp"

#include <libdeflate.h>
#include <zlib.h>

#include <cstring>
#include <string>
#include <vector>

#include "failure.hpp"

namespace pmx::http1 {

namespace {

constexpr std::size_t kRoom = 64 * 1024;
constexpr std::size_t kExtraLimit = 64 * 1024;
constexpr std::size_t kWhole = 32u << 20;  // a longer body is not kept
constexpr std::size_t kMostPerByte = 1032;  // what deflate can make of one byte

[[noreturn]] void bad_chunk() {
    throw Failure{PMX_UNAVAILABLE, true, "the server sent a malformed chunk",
                  "try again; if it stays, tell the registry"};
}

[[noreturn]] void bad_encoding() {
    throw Failure{PMX_UNAVAILABLE, true, "the server sent a body that its Content-Encoding does not describe",
                  "try again; if it stays, tell the registry"};
}

}  // namespace

void throw_too_long(std::uint64_t limit) {
    throw Failure{PMX_INVALID, false,
                  "the body is longer than the limit of " + std::to_string(limit) + " bytes"};
}

void throw_truncated() {
    throw Failure{PMX_UNAVAILABLE, true, "the body ended too early", "check the network and try again"};
}

void Sink::head(const Head& head, std::uint64_t length) {
    std::vector<pmx_header> headers;
    headers.reserve(head.headers.size());
    for (const auto& [name, value] : head.headers)
        headers.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
    pmx_status status = response_->head(response_, head.status, length, headers.data(), headers.size());
    if (status != PMX_OK) throw Failure{status, false, "the host refused the answer", {}, 0, true};
}

void* Sink::room(std::size_t want) {
    void* room = response_->buffer(response_, want);
    if (!room) throw Failure{PMX_NO_MEMORY, false, "the host has no room for this body"};
    return room;
}

void Sink::commit(std::size_t written) {
    bytes_ += written;
    if (bytes_ > limit_) throw_too_long(limit_);
    pmx_status status = response_->commit(response_, written);
    if (status != PMX_OK) throw Failure{status, false, "the host refused the body", {}, 0, true};
}

void Sink::append(std::string_view bytes) {
    if (bytes.empty()) return;
    if (bytes.size() > limit_ - bytes_) throw_too_long(limit_);
    std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
    commit(bytes.size());
}

void Sink::restart() {
    response_->restart(response_);
    bytes_ = 0;
}

struct Inflater::State {
    z_stream stream{};
    Coding coding;
    bool begun = false;     // the stream is initialised
    bool complete = false;  // at the end of a member
    std::string kept;       // a body that is to be inflated whole
    bool keeps = false;
};

Inflater::Inflater(Coding coding) : state_(new State) {
    state_->coding = coding;
    state_->keeps = coding == Coding::gzip;
}

Inflater::~Inflater() {
    if (state_->begun) inflateEnd(&state_->stream);
}

void Inflater::write(std::string_view bytes, Sink& sink) {
    if (!state_->keeps) return stream(bytes, sink);
    state_->kept += bytes;
    if (state_->kept.size() <= kWhole) return;
    state_->keeps = false;
    std::string kept = std::move(state_->kept);
    stream(kept, sink);
}

// The last four bytes of a member say how long it is: true of the whole body where it is one member, as all are in
// practice. Whatever is not so is left to stream().
bool Inflater::inflate_whole(Sink& sink) {
    const std::string& kept = state_->kept;
    if (kept.size() < 18) return false;
    auto byte = [&](std::size_t from_end) { return static_cast<std::size_t>(static_cast<unsigned char>(kept[kept.size() - from_end])); };
    std::size_t length = byte(4) | byte(3) << 8 | byte(2) << 16 | byte(1) << 24;
    if (length == 0 || length > sink.limit() - sink.bytes() || length / kMostPerByte > kept.size()) return false;
    struct Free {
        void operator()(libdeflate_decompressor* it) const { libdeflate_free_decompressor(it); }
    };
    static thread_local std::unique_ptr<libdeflate_decompressor, Free> inflater(libdeflate_alloc_decompressor());
    if (!inflater) return false;
    std::size_t read = 0, written = 0;
    auto result = libdeflate_gzip_decompress_ex(inflater.get(), kept.data(), kept.size(), sink.room(length), length, &read, &written);
    if (result != LIBDEFLATE_SUCCESS || read != kept.size()) return false;
    sink.commit(written);
    return true;
}

void Inflater::stream(std::string_view bytes, Sink& sink) {
    if (bytes.empty()) return;
    z_stream& stream = state_->stream;
    if (!state_->begun) {
        // "deflate" means zlib, but servers exist that send the bare stream: the first byte tells them apart.
        bool bare =
            state_->coding == Coding::deflate && (static_cast<unsigned char>(bytes[0]) & 0x0f) != Z_DEFLATED;
        int window = state_->coding == Coding::gzip ? MAX_WBITS + 16 : bare ? -MAX_WBITS : MAX_WBITS;
        if (inflateInit2(&stream, window) != Z_OK)
            throw Failure{PMX_NO_MEMORY, false, "no room to undo an encoding"};
        state_->begun = true;
    }
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    for (;;) {
        if (state_->complete) {
            if (stream.avail_in == 0) return;
            if (state_->coding != Coding::gzip || inflateReset(&stream) != Z_OK) bad_encoding();
            state_->complete = false;
        }
        stream.next_out = static_cast<Bytef*>(sink.room(kRoom));
        stream.avail_out = kRoom;
        int result = inflate(&stream, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) bad_encoding();
        sink.commit(kRoom - stream.avail_out);
        state_->complete = result == Z_STREAM_END;
        if (!state_->complete && stream.avail_out != 0) return;
    }
}

void Inflater::finish(Sink& sink) {
    if (state_->keeps) {
        if (inflate_whole(sink)) return;
        stream(state_->kept, sink);
    }
    if (!state_->complete) throw_truncated();
}

void Dechunker::step(char c) {
    auto extra = [&] {
        if (++extra_ > kExtraLimit) bad_chunk();
    };
    switch (state_) {
        case State::size: {
            int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
            if (digit >= 0) {
                if (++digits_ > 15) bad_chunk();
                left_ = left_ * 16 + static_cast<unsigned>(digit);
            } else if (digits_ == 0) {
                bad_chunk();
            } else if (c == '\r') {
                state_ = State::size_lf;
            } else if (c == ';' || c == ' ' || c == '\t') {
                state_ = State::extension;
            } else {
                bad_chunk();
            }
            break;
        }
        case State::extension:
            extra();
            if (c == '\n') bad_chunk();
            if (c == '\r') state_ = State::size_lf;
            break;
        case State::size_lf:
            if (c != '\n') bad_chunk();
            digits_ = 0;
            state_ = left_ ? State::data : State::trailer_start;
            break;
        case State::data_cr:
            if (c != '\r') bad_chunk();
            state_ = State::data_lf;
            break;
        case State::data_lf:
            if (c != '\n') bad_chunk();
            state_ = State::size;
            break;
        case State::trailer_start:
            extra();
            state_ = c == '\r' ? State::end_lf : State::trailer;
            break;
        case State::trailer:
            extra();
            if (c == '\n') state_ = State::trailer_start;
            break;
        case State::end_lf:
            if (c != '\n') bad_chunk();
            state_ = State::done;
            break;
        case State::data:
        case State::done:
            break;
    }
}

}  // namespace pmx::http1
