#include "exchange.hpp"

#include <algorithm>

namespace pmx::http1 {

namespace {

constexpr std::size_t kHeadRead = 16 * 1024;
constexpr std::size_t kBodyRead = 256 * 1024;
constexpr std::size_t kDecodedRead = 64 * 1024;
constexpr std::uint64_t kDiscardLimit = 64 * 1024;
constexpr int kInterimLimit = 16;

// Known length, no encoding: the host's memory is what recv() writes to.
Task<> read_plain(Connection& connection, std::uint64_t length, std::string_view rest, Sink& sink) {
    std::size_t have = static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), length));
    sink.append(rest.substr(0, have));
    for (std::uint64_t left = length - have; left > 0;) {
        std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(left, kBodyRead));
        void* room = sink.room(want);
        std::size_t got = co_await connection.read_some(room, want);
        if (got == 0) throw_truncated();
        sink.commit(got);
        left -= got;
    }
}

}  // namespace

Task<Head> read_head(Connection& connection, std::string& rest) {
    bool anything = false;
    for (int interim = 0; interim < kInterimLimit; ++interim) {
        std::size_t searched = 0;
        for (;;) {
            std::size_t end = head_end(rest, searched);
            if (end > kHeadLimit || (end == 0 && rest.size() > kHeadLimit))
                throw Failure{PMX_UNAVAILABLE, false, "the server's answer has more than 64 KiB of headers"};
            if (end) {
                Head head = parse_head(std::string_view(rest).substr(0, end));
                rest.erase(0, end);
                if (head.status == 101)
                    throw Failure{PMX_UNAVAILABLE, false, "the server wants to speak another protocol"};
                if (head.status >= 200) co_return head;
                break;
            }
            if (!std::string_view("HTTP/").starts_with(std::string_view(rest).substr(0, 5)))
                throw Failure{PMX_UNAVAILABLE, true, "the server's answer is not HTTP",
                              "check the registry URL and the proxy settings"};
            searched = rest.size();
            rest.resize(searched + kHeadRead);
            std::size_t got = 0;
            std::optional<Failure> failure;
            try {
                got = co_await connection.read_some(rest.data() + searched, kHeadRead);
            } catch (Failure& caught) {
                failure = std::move(caught);
            }
            if (!failure && got == 0)
                failure = Failure{PMX_UNAVAILABLE, true, "the server closed the connection without an answer",
                                  "check the network and try again"};
            if (failure) {
                failure->before_response = !anything && searched == 0;
                throw *failure;
            }
            anything = true;
            rest.resize(searched + got);
        }
    }
    throw Failure{PMX_UNAVAILABLE, false, "the server sends interim answers without end"};
}

Task<bool> read_body(Connection& connection, const Head& head, std::string rest, Sink& sink, bool decode) {
    if (head.coding == Coding::unknown)
        throw Failure{PMX_UNAVAILABLE, false, "the server sent an unknown Content-Encoding"};
    bool plain = head.coding == Coding::identity || !decode;
    if (plain && head.length && *head.length > sink.limit()) throw_too_long(sink.limit());
    sink.head(head, plain && head.length ? *head.length : UINT64_MAX);
    if (plain && head.length) {
        co_await read_plain(connection, *head.length, rest, sink);
        co_return head.keep_alive&& rest.size() <= *head.length;
    }

    std::optional<Inflater> inflater;
    if (!plain) inflater.emplace(head.coding);
    auto out = [&](std::string_view bytes) {
        if (inflater)
            inflater->write(bytes, sink);
        else
            sink.append(bytes);
    };
    Dechunker chunks;
    std::uint64_t left = head.length.value_or(UINT64_MAX);
    bool clean = true;  // nothing came after the body
    auto take = [&](std::string_view bytes) {
        std::size_t used = bytes.size();
        if (head.chunked) {
            used = chunks.write(bytes, out);
        } else {
            used = static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size()));
            left -= used;
            out(bytes.substr(0, used));
        }
        clean = used == bytes.size();
    };
    auto is_done = [&] { return head.chunked ? chunks.is_done() : left == 0; };

    take(rest);
    rest.resize(kDecodedRead);
    while (!is_done()) {
        std::size_t got = co_await connection.read_some(rest.data(), rest.size());
        if (got == 0) {
            // Only a body with neither length nor chunks ends with its connection.
            if (head.chunked || head.length) throw_truncated();
            clean = false;
            break;
        }
        take(std::string_view(rest).substr(0, got));
    }
    if (inflater && head.length != 0u) inflater->finish(sink);
    co_return clean&& head.keep_alive;
}

Task<bool> discard_body(Connection& connection, const Head& head, std::string rest) {
    if (!head.keep_alive) co_return false;
    if (head.chunked) {
        Dechunker chunks;
        std::uint64_t seen = 0;
        for (;;) {
            seen += rest.size();
            std::size_t used = chunks.write(rest, [](std::string_view) {});
            if (chunks.is_done()) co_return used == rest.size();
            if (seen > kDiscardLimit) co_return false;
            rest.resize(kHeadRead);
            rest.resize(co_await connection.read_some(rest.data(), rest.size()));
            if (rest.empty()) co_return false;
        }
    }
    if (!head.length || *head.length > kDiscardLimit || rest.size() > *head.length) co_return false;
    for (std::uint64_t left = *head.length - rest.size(); left > 0;) {
        rest.resize(static_cast<std::size_t>(left));
        std::size_t got = co_await connection.read_some(rest.data(), rest.size());
        if (got == 0) co_return false;
        left -= got;
    }
    co_return true;
}

}  // namespace pmx::http1
