// Cases of fetchers: a server of the kit's own that answers well, badly, too much, or not at all; and files.
#include "pmx/fetcher.h"

#include <condition_variable>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

#include "process.hpp"
#include "server.hpp"
#include "tree.hpp"
#include "workout.hpp"

namespace pmx::testkit {

namespace {

std::string_view view(pmx_str s) { return s.length ? std::string_view(s.data, s.length) : std::string_view(); }

constexpr std::size_t kCanary = 64;

// Where one response goes: does what the host does, and notices what the host must not be asked. Never freed.
class Receiver {
  public:
    Receiver(Bench& bench, Window& window, std::unique_ptr<Lent> lent, std::uint64_t limit)
        : bench_(bench), window_(window), lent_(std::move(lent)), limit_(limit) {
        response_ = {sizeof response_, this, &head, &buffer, &commit, &restart, &complete};
    }
    const pmx_response* c() const { return &response_; }
    bool wait(int ms) {
        std::unique_lock lock(mutex_);
        return there_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return completes_ > 0; });
    }
    int completes() {
        std::lock_guard lock(mutex_);
        return completes_;
    }

    // Read once it is complete.
    pmx_status status = PMX_FAILED;
    std::uint32_t http = 0;
    std::uint64_t length = 0;
    std::string body;
    std::map<std::string, std::string> headers;

  private:
    static Receiver& of(const pmx_response* response) { return *static_cast<Receiver*>(response->host); }
    // One at a time: a second thread inside is a breach.
    class Turn {
      public:
        Turn(Receiver& r, const char* function) : r_(r) {
            if (r.inside_.exchange(true)) r.bench_.breach("thread", text("two threads used one response at once, in ", function));
            std::lock_guard lock(r.mutex_);
            late = r.completes_ > 0;
            if (late) r.bench_.breach("completion", text("it called ", function, " after complete()"));
        }
        ~Turn() { r_.inside_ = false; }
        bool late;

      private:
        Receiver& r_;
    };
    static pmx_status head(const pmx_response* response, std::uint32_t status, std::uint64_t length, const pmx_header* headers,
                           std::size_t count) noexcept {
        Receiver& r = of(response);
        Turn turn(r, "head");
        if (turn.late) return PMX_FAILED;
        if (r.has_head_) {
            r.bench_.breach("completion", "it called head twice without restart");
            return PMX_FAILED;
        }
        r.has_head_ = true;
        r.http = status;
        r.length = length;
        for (std::size_t i = 0; i < count; ++i) r.headers[std::string(view(headers[i].name))] = view(headers[i].value);
        return length != UINT64_MAX && length > r.limit_ ? PMX_INVALID : PMX_OK;
    }
    static void* buffer(const pmx_response* response, std::size_t want) noexcept {
        Receiver& r = of(response);
        Turn turn(r, "buffer");
        if (turn.late) return nullptr;
        if (!r.has_head_) r.bench_.breach("completion", "it called buffer before head");
        if (!r.has_head_ || want > r.limit_ + (4u << 20)) return nullptr;
        r.room_.assign(want + kCanary, '\xa5');
        r.wanted_ = want;
        return r.room_.data();
    }
    static pmx_status commit(const pmx_response* response, std::size_t written) noexcept {
        Receiver& r = of(response);
        Turn turn(r, "commit");
        if (turn.late) return PMX_FAILED;
        if (written > r.wanted_) {
            r.bench_.breach("completion", text("it committed ", written, " bytes and had asked for room for ", r.wanted_));
            return PMX_FAILED;
        }
        if (r.room_.compare(r.wanted_, kCanary, std::string(kCanary, '\xa5')) != 0)
            r.bench_.breach("completion", "it wrote past the room that it had asked for");
        if (r.body.size() + written > r.limit_) return PMX_INVALID;
        r.body.append(r.room_, 0, written);
        r.room_.erase(0, written);
        r.wanted_ -= written;
        return PMX_OK;
    }
    static void restart(const pmx_response* response) noexcept {
        Receiver& r = of(response);
        Turn turn(r, "restart");
        if (turn.late) return;
        r.has_head_ = false;
        r.body.clear();
        r.headers.clear();
    }
    static void complete(const pmx_response* response, pmx_status status) noexcept {
        Receiver& r = of(response);
        Turn turn(r, "complete");
        if (turn.late) return;
        // From here the request is gone.
        r.window_.close();
        r.lent_->end();
        r.status = Instance::judged(r.bench_, r.window_, status);
        if (r.status == PMX_OK && !r.has_head_) r.bench_.breach("completion", "it completed with PMX_OK and had given no head");
        std::lock_guard lock(r.mutex_);
        ++r.completes_;
        r.there_.notify_all();
    }

    Bench& bench_;
    Window& window_;
    std::unique_ptr<Lent> lent_;
    const std::uint64_t limit_;
    pmx_response response_;
    std::atomic<bool> inside_{false};
    std::mutex mutex_;
    std::condition_variable there_;
    int completes_ = 0;
    bool has_head_ = false;
    std::string room_;
    std::size_t wanted_ = 0;
};

struct Request {
    std::string url;
    std::uint64_t limit = 16u << 20;
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::uint32_t purpose = PMX_FETCH_ARCHIVE;
};

struct Flight {
    Window* window;
    Receiver* receiver;
    pmx_status started;
};

Flight start(Bench& bench, Instance& instance, const Request& ask, Window* given = nullptr) {
    Window& window = given ? *given : Window::open(bench);
    auto lent = std::make_unique<Lent>(bench);
    std::vector<pmx_header> headers;
    for (const auto& [name, value] : ask.headers) headers.push_back({lent->string(name, "pmx_header.name"), lent->string(value, "pmx_header.value")});
    pmx_request request{};
    request.purpose = ask.purpose;
    request.url = lent->string(ask.url, "pmx_request.url");
    request.subject = lent->string("left-pad@1.3.0", "pmx_request.subject");
    request.headers = lent->fixed(headers, "pmx_request.headers");
    request.header_count = headers.size();
    request.size_limit = ask.limit;
    request.commit = lent->string("0123456789abcdef0123456789abcdef01234567", "pmx_request.commit");
    const pmx_request* borrowed = lent->whole(request, "pmx_request", offsetof(pmx_request, integrity));
    auto* receiver = new Receiver(bench, window, std::move(lent), ask.limit);
    pmx_status status = instance.call(window, [&](const pmx_op* op) {
        return bench.functions<pmx_fetcher>().fetch(instance.self(), op, borrowed, receiver->c());
    }, true);
    bool blocking = bench.table->capabilities & PMX_CAP_BLOCKING;
    if (status != PMX_OK && receiver->completes() > 0) bench.breach("completion", text("it returned ", name_of(status), " and completed the request too"));
    if (status == PMX_OK && blocking && receiver->completes() == 0)
        bench.breach("completion", "it says that it blocks (PMX_CAP_BLOCKING), and returned without completing");
    return {&window, receiver, status};
}

struct Fetched {
    pmx_status status;
    std::uint32_t http;
    std::string body, said;
    std::map<std::string, std::string> headers;
};

Fetched finish(Flight flight, int ms = 6000) {
    if (flight.started != PMX_OK) return {flight.started, 0, "", flight.window->said(), {}};
    if (!flight.receiver->wait(ms)) fail("it did not complete a request within ", ms / 1000.0, " s");
    Receiver& r = *flight.receiver;
    return {r.status, r.http, r.body, flight.window->said(), r.headers};
}

Fetched fetch(Bench& bench, Instance& instance, const Request& ask, Window* window = nullptr) {
    doing("GET " + ask.url);
    return finish(start(bench, instance, ask, window));
}

bool takes(const Bench& bench, std::string_view scheme) {
    std::string_view schemes = bench.functions<pmx_fetcher>().schemes;
    for (std::size_t at = 0; at <= schemes.size();) {
        std::size_t comma = std::min(schemes.find(',', at), schemes.size());
        if (schemes.substr(at, comma - at) == scheme) return true;
        at = comma + 1;
    }
    return false;
}

void needs_http(const Bench& bench) {
    if (!takes(bench, "http")) skip("it takes ", bench.functions<pmx_fetcher>().schemes, " and no http");
}

bool declares(const Bench& bench, std::string_view name) {
    const pmx_plugin& table = *bench.table;
    for (std::size_t i = 0; i < table.option_count; ++i)
        if (reinterpret_cast<const pmx_option*>(reinterpret_cast<const char*>(table.options) + i * table.option_size)->name == name) return true;
    return false;
}

std::string head_of(std::string_view more) { return "HTTP/1.1 200 OK\r\n" + std::string(more) + "\r\n"; }

void expect_body(const Fetched& got, const std::string& wanted, std::string_view what) {
    expect(got.status == PMX_OK, what, ": it completed with ", name_of(got.status), " (", got.said, ")");
    expect(got.http == 200, what, ": it says status ", got.http);
    expect(got.body == wanted, what, ": the body has ", got.body.size(), " bytes instead of ", wanted.size(), ", or others");
}

void bodies(Bench& bench) {
    needs_http(bench);
    Server server;
    Instance instance(bench);
    std::string large(3 << 20, '\0');
    for (char& c : large) c = static_cast<char>(bench.random());
    server.on("/length", "hello", 200, "X-Kept: yes\r\n");
    server.on("/empty", "");
    server.on("/large", large);
    server.on("/chunked", [](Peer& peer, const Asked&) {
        return peer.send(head_of("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n1;ext=1\r\n,\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n");
    });
    server.on("/until-close", [](Peer& peer, const Asked&) {
        peer.send(head_of("Connection: close\r\n") + "hello");
        return false;
    });
    server.on("/drops", [](Peer& peer, const Asked&) {
        for (char c : head_of("CONTENT-length:   40\r\n") + std::string(40, 'd'))
            if (!peer.send(std::string(1, c))) return false;
        return true;
    });
    Fetched plain = fetch(bench, instance, {server.origin() + "/length"});
    expect_body(plain, "hello", "a body with its length");
    expect_body(fetch(bench, instance, {server.origin() + "/empty"}), "", "an empty body");
    expect_body(fetch(bench, instance, {server.origin() + "/chunked"}), "hello, world", "a chunked body");
    expect_body(fetch(bench, instance, {server.origin() + "/until-close"}), "hello", "a body until the end of the connection");
    expect_body(fetch(bench, instance, {server.origin() + "/large"}), large, "a body of 3 MB");
    expect_body(fetch(bench, instance, {server.origin() + "/drops"}), std::string(40, 'd'), "a body byte by byte");
    expect_body(fetch(bench, instance, {server.origin() + "/length?q=1#part"}), "hello", "a URL with a query and a fragment");
}

void sends(Bench& bench) {
    needs_http(bench);
    Server server;
    Instance instance(bench);
    server.on("/a", "x");
    Request ask{server.origin() + "/a"};
    ask.headers = {{"accept", "application/vnd.npm.install-v1+json; q=1.0, */*"}, {"x-odd", "a:b, c"}, {"if-none-match", "\"tag\""}};
    fetch(bench, instance, ask);
    auto asked = server.asked();
    expect(asked.size() == 1, "for one request the server saw ", asked.size());
    expect(asked[0].method == "GET" && asked[0].target == "/a", "it sent ", asked[0].method, " ", asked[0].target);
    for (const auto& [name, value] : ask.headers)
        expect(asked[0].headers[name] == value, "the header ", name, " arrived as \"", asked[0].headers[name], "\" instead of \"", value, "\"");
    expect(asked[0].headers.count("host") == 1, "it sent no Host header");
    expect(asked[0].headers.count("authorization") == 0, "it sent credentials that nobody gave it");
}

void statuses(Bench& bench) {
    needs_http(bench);
    Server server;
    Instance instance(bench);
    struct Row {
        int http;
        pmx_status wanted;
    };
    for (Row row : {Row{404, PMX_NOT_FOUND}, {401, PMX_DENIED}, {403, PMX_DENIED}, {500, PMX_UNAVAILABLE}, {503, PMX_UNAVAILABLE}}) {
        std::string target = "/" + std::to_string(row.http);
        server.on(target, "an explanation", row.http);
        Fetched got = fetch(bench, instance, {server.origin() + target});
        expect(got.status == row.wanted, "for ", row.http, " it completed with ", name_of(got.status), " instead of ", name_of(row.wanted));
        expect(!got.said.empty(), "for ", row.http, " it said nothing");
    }
    server.on("/304", [](Peer& peer, const Asked&) { return peer.send("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"); });
    Request again{server.origin() + "/304"};
    again.headers = {{"if-none-match", "\"x\""}};
    Fetched same = fetch(bench, instance, again);
    expect(same.status == PMX_OK && same.http == 304 && same.body.empty(), "for 304 it completed with ", name_of(same.status), ", status ", same.http);
}

// Never PMX_OK, and soon.
void expect_error(const Fetched& got, std::string_view what) {
    expect(got.status != PMX_OK, what, ": it completed with PMX_OK and ", got.body.size(), " bytes");
    expect(got.status != PMX_CANCELLED && got.status != PMX_FAILED, what, ": it completed with ", name_of(got.status), " (", got.said, ")");
}

void truncated(Bench& bench) {
    needs_http(bench);
    Server server;
    Instance instance(bench);
    auto cut = [&](const std::string& target, const std::string& bytes, const char* what) {
        server.on(target, [bytes](Peer& peer, const Asked&) {
            peer.send(bytes);
            return false;
        });
        expect_error(fetch(bench, instance, {server.origin() + target}), what);
    };
    cut("/length", head_of("Content-Length: 1000\r\n") + std::string(500, 'x'), "half of a body");
    cut("/nothing", head_of("Content-Length: 1000\r\n"), "none of a body");
    cut("/chunk", head_of("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n64\r\nhalf", "half of a chunk");
    cut("/last", head_of("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n", "a chunked body without its end");
    cut("/head", "HTTP/1.1 200 OK\r\nContent-Le", "half of a head");
    cut("/silent", "", "a connection that closes without a word");
}

void lying(Bench& bench) {
    needs_http(bench);
    Server server;
    Instance instance(bench);
    auto says = [&](const std::string& target, const std::string& bytes) {
        server.on(target, [bytes](Peer& peer, const Asked&) {
            peer.send(bytes);
            return false;
        });
        return fetch(bench, instance, {server.origin() + target, 1000});
    };
    Fetched more = says("/more", head_of("Content-Length: 5\r\n") + "hello, and more than was promised");
    expect(more.status != PMX_OK || more.body == "hello", "of a body that is longer than its length it took ", more.body.size(), " bytes");
    expect_error(says("/limit", head_of("Content-Length: 999999999999\r\n") + "x"), "a length over the limit");
    Fetched negative = says("/negative", head_of("Content-Length: -1\r\n") + "hello");
    expect(negative.status != PMX_OK || negative.body.size() <= 5, "of a negative length it took ", negative.body.size(), " bytes");
    expect_error(says("/chunk", head_of("Transfer-Encoding: chunked\r\n") + "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"), "a chunk of 2^64 - 1 bytes");
    expect_error(says("/hex", head_of("Transfer-Encoding: chunked\r\n") + "zz\r\nhello\r\n0\r\n\r\n"), "a chunk whose size is no number");
    expect_error(says("/garbage", "220 mail.example ESMTP\r\n\r\n"), "a server that speaks no HTTP");
    expect_error(says("/zeros", std::string(10000, '\0')), "zeros");
}

void endless(Bench& bench) {
    needs_http(bench);
    Server server;
    Instance instance(bench);
    constexpr std::uint64_t limit = 1u << 20;
    auto flood = [&](const std::string& target, const std::string& head, const std::string& piece, const char* what) {
        server.on(target, [=](Peer& peer, const Asked&) {
            if (!peer.send(head)) return false;
            while (peer.sent() < (64u << 20) && peer.send(piece)) {
            }
            return false;
        });
        Fetched got = fetch(bench, instance, {server.origin() + target, limit});
        expect_error(got, what);
        expect(got.body.size() <= limit, what, ": it delivered ", got.body.size(), " bytes, and the limit was ", limit);
    };
    flood("/chunks", head_of("Transfer-Encoding: chunked\r\n"), "10000\r\n" + std::string(65536, 'b') + "\r\n", "an endless chunked body");
    flood("/bytes", head_of("Connection: close\r\n"), std::string(65536, 'b'), "an endless body");
    flood("/headers", "HTTP/1.1 200 OK\r\n", "X-More: " + std::string(8000, 'h') + "\r\n", "endless headers");
    expect(server.longest() < (48u << 20), "it went on reading far beyond the limit: ", server.longest(), " bytes");
}

void stalled(Bench& bench) {
    needs_http(bench);
    if (!declares(bench, "fetch-timeout")) skip("it declares no option \"fetch-timeout\"");
    Server server;
    Instance instance(bench);
    server.on("/silent", [](Peer& peer, const Asked&) {
        peer.stall();
        return false;
    });
    server.on("/half", [](Peer& peer, const Asked&) {
        peer.send(head_of("Content-Length: 100\r\n") + "half");
        peer.stall();
        return false;
    });
    for (const char* target : {"/silent", "/half"}) {
        Fetched got = fetch(bench, instance, {server.origin() + target});
        expect(got.status == PMX_UNAVAILABLE, "a server that is silent for longer than fetch-timeout: it completed with ", name_of(got.status));
    }
}

void unreachable(Bench& bench) {
    needs_http(bench);
    Instance instance(bench);
    Fetched got = fetch(bench, instance, {text("http://127.0.0.1:", closed_port(), "/a")});
    expect(got.status == PMX_UNAVAILABLE, "where nobody listens it completed with ", name_of(got.status), " (", got.said, ") instead of PMX_UNAVAILABLE");
}

void redirects(Bench& bench) {
    needs_http(bench);
    Server server, other;
    Instance instance(bench);
    server.on("/end", "hello");
    other.on("/end", "hello");
    auto leads = [&](const std::string& from, const std::string& to, int status = 302) { server.on(from, "moved", status, "Location: " + to + "\r\n"); };
    leads("/relative", "/end");
    leads("/whole", server.origin() + "/end", 301);
    leads("/chain", "/relative", 307);
    leads("/away", other.origin() + "/end", 308);
    leads("/round", "/round");
    leads("/local", "file:///etc/hostname");
    leads("/odd", "http://[");
    for (const char* target : {"/relative", "/whole", "/chain", "/away"})
        expect_body(fetch(bench, instance, {server.origin() + target}), "hello", text("a redirect, ", target));
    std::size_t before = server.asked().size();
    expect_error(fetch(bench, instance, {server.origin() + "/round"}), "a redirect that leads to itself");
    expect(server.asked().size() < before + 60, "it followed a redirect to itself ", server.asked().size() - before, " times");
    expect_error(fetch(bench, instance, {server.origin() + "/local"}), "a redirect to a file");
    expect_error(fetch(bench, instance, {server.origin() + "/odd"}), "a redirect to no URL");
}

void tokens(Bench& bench) {
    needs_http(bench);
    Server server, other;
    Instance instance(bench);
    instance.authorize(server.origin() + "/", "Bearer the-secret");
    server.on("/end", "hello");
    other.on("/end", "hello");
    server.on("/away", "moved", 302, "Location: " + other.origin() + "/end\r\n");
    server.on("/within", "moved", 302, "Location: /end\r\n");
    expect_body(fetch(bench, instance, {server.origin() + "/within"}), "hello", "a redirect within one origin");
    expect_body(fetch(bench, instance, {server.origin() + "/away"}), "hello", "a redirect to another origin");
    for (const Asked& asked : server.asked()) {
        auto sent = asked.headers.find("authorization");
        expect(sent != asked.headers.end() && sent->second == "Bearer the-secret", "it did not send the credentials of the origin for ", asked.target);
    }
    for (const Asked& asked : other.asked())
        for (const auto& [name, value] : asked.headers)
            expect(value.find("the-secret") == value.npos, "it sent the token of one origin to another, in the header ", name);
}

void kept_connections(Bench& bench) {
    needs_http(bench);
    Server server;
    Instance instance(bench);
    server.on("/closes", [](Peer& peer, const Asked&) {
        peer.send(head_of("Content-Length: 5\r\n") + "hello");
        return false;  // without a word
    });
    server.on("/keeps", "hello");
    for (int i = 0; i < 30; ++i)
        expect_body(fetch(bench, instance, {server.origin() + (i % 3 ? "/keeps" : "/closes")}), "hello", "a server that closes kept connections");
}

void capped(Bench& bench) {
    needs_http(bench);
    if (bench.table->capabilities & PMX_CAP_BLOCKING) skip("it blocks: the host caps it by its threads");
    if (!declares(bench, "network-concurrency")) skip("it declares no option \"network-concurrency\"");
    Server server;
    Instance instance(bench, {{"network-concurrency", {"3"}}, {"fetch-timeout", {"10000"}}});
    server.on("/slow", [](Peer& peer, const Asked&) {
        peer.pause(15);
        return peer.send(head_of("Content-Length: 5\r\n") + "hello");
    });
    doing("24 requests at once, of which 3 may be under way");
    std::vector<Flight> flights;
    for (int i = 0; i < 24; ++i) flights.push_back(start(bench, instance, {server.origin() + "/slow"}));
    for (const Flight& flight : flights) expect_body(finish(flight), "hello", "one of 24");
    expect(server.most_at_once() <= 3, "network-concurrency was 3, and ", server.most_at_once(), " requests were under way");
}

void cancelled(Bench& bench) {
    needs_http(bench);
    Server server;
    Instance instance(bench);
    server.on("/silent", [](Peer& peer, const Asked&) {
        peer.stall();
        return false;
    });
    server.on("/half", [](Peer& peer, const Asked&) {
        peer.send(head_of("Content-Length: 100000\r\n") + "half");
        peer.stall();
        return false;
    });
    for (const char* target : {"/silent", "/half"}) {
        doing(text("cancelled while waiting for ", target));
        Window& window = Window::open(bench);
        std::thread later([&] {
            ::usleep(60000);
            window.cancel();
        });
        Flight flight = start(bench, instance, {server.origin() + target}, &window);
        later.join();
        bool in_time = flight.started != PMX_OK || flight.receiver->wait(1500);
        expect(in_time, "cancelled, it goes on for more than 1.5 s; op is to be asked every 100 ms");
        Fetched got = finish(flight);
        expect(got.status == PMX_CANCELLED, "cancelled, it completed with ", name_of(got.status));
    }
}

void threads(Bench& bench) {
    needs_http(bench);
    Server server;
    Instance instance(bench, {{"fetch-timeout", {"10000"}}});
    for (int t = 0; t < 8; ++t) server.on("/" + std::to_string(t), std::string(1000 + static_cast<std::size_t>(t), static_cast<char>('a' + t)));
    std::atomic<int> wrong{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < 8; ++t)
        workers.emplace_back([&, t] {
            for (int i = 0; i < 5; ++i) {
                Flight flight = start(bench, instance, {server.origin() + "/" + std::to_string(t)});
                if (flight.started != PMX_OK || !flight.receiver->wait(6000) || flight.receiver->status != PMX_OK ||
                    flight.receiver->body != std::string(1000 + static_cast<std::size_t>(t), static_cast<char>('a' + t)))
                    ++wrong;
            }
        });
    for (std::thread& worker : workers) worker.join();
    expect(wrong == 0, "eight threads at once: ", wrong.load(), " of 40 requests failed or had another's body");
}

void destroyed(Bench& bench) {
    needs_http(bench);
    if (bench.table->capabilities & PMX_CAP_BLOCKING) skip("it blocks: nothing is under way when it is destroyed");
    Server server;
    server.on("/silent", [](Peer& peer, const Asked&) {
        peer.stall();
        return false;
    });
    std::vector<Flight> flights;
    {
        Instance instance(bench);
        for (int i = 0; i < 6; ++i) flights.push_back(start(bench, instance, {server.origin() + "/silent"}));
        ::usleep(20000);
    }
    for (const Flight& flight : flights)
        expect(flight.started != PMX_OK || flight.receiver->completes() == 1, "destroy() returned, and a request was completed ", flight.receiver->completes(), " times");
    ::usleep(20000);
    bench.no_breach("completion");
    bench.no_breach("after-destroy");
}

void odd_urls(Bench& bench) {
    Instance instance(bench);
    std::string schemes = bench.functions<pmx_fetcher>().schemes, scheme = schemes.substr(0, schemes.find(','));
    for (const std::string& url : {std::string(), std::string(":"), std::string("no-scheme"), scheme + ":", scheme + "://", scheme + "://[", scheme + "://[::1",
                                   scheme + "://127.0.0.1:99999/", scheme + "://127.0.0.1:x/", scheme + "://\r\nX: y/", scheme + "://a b/", scheme + "://%00/",
                                   scheme + "://u:p@/", scheme + "://" + std::string(70000, 'h') + "/", scheme + "://127.0.0.1:1/" + std::string(200000, 'p'),
                                   scheme + ":///does/not/exist", scheme + "://127.0.0.1:1/\xff\xfe", std::string("\0\0", 2)}) {
        Fetched got = fetch(bench, instance, {url});
        expect(got.status != PMX_OK, "the URL \"", url.substr(0, 60), "\" got PMX_OK");
    }
}

void files(Bench& bench) {
    if (!takes(bench, "file")) skip("it takes ", bench.functions<pmx_fetcher>().schemes, " and no file");
    Instance instance(bench);
    std::string large(3 << 20, 'f');
    write_file(bench.scratch + "/a.tgz", "hello");
    write_file(bench.scratch + "/empty.tgz", "");
    write_file(bench.scratch + "/large.tgz", large);
    write_file(bench.scratch + "/with space.tgz", "spaced");
    if (::mkfifo((bench.scratch + "/pipe").c_str(), 0644) != 0) skip("the kit cannot make a pipe");
    auto at = [&](const std::string& name) { return Request{"file://" + bench.scratch + "/" + name}; };
    expect_body(fetch(bench, instance, at("a.tgz")), "hello", "a file");
    expect_body(fetch(bench, instance, at("empty.tgz")), "", "an empty file");
    expect_body(fetch(bench, instance, at("large.tgz")), large, "a large file");
    expect_body(fetch(bench, instance, at("with%20space.tgz")), "spaced", "a name that is percent-encoded");
    Fetched missing = fetch(bench, instance, at("missing.tgz"));
    expect(missing.status == PMX_NOT_FOUND, "for a missing file it completed with ", name_of(missing.status), " instead of PMX_NOT_FOUND");
    Request limited = at("large.tgz");
    limited.limit = 1000;
    expect_error(fetch(bench, instance, limited), "a file over the limit");
    expect_error(fetch(bench, instance, at("pipe")), "a named pipe");
    Window& window = Window::open(bench);
    window.cancel();
    Fetched got = fetch(bench, instance, at("large.tgz"), &window);
    expect(got.status == PMX_CANCELLED, "cancelled, it completed with ", name_of(got.status));
}

class FetcherWorkout : public Workout {
  public:
    explicit FetcherWorkout(Bench& bench) : bench_(bench) {
        if (takes(bench, "http")) {
            server_ = std::make_unique<Server>();
            server_->on("/a", "hello");
            server_->on("/moved", "", 302, "Location: /a\r\n");
            server_->on("/cut", [](Peer& peer, const Asked&) {
                peer.send(head_of("Content-Length: 100\r\n") + "half");
                return false;
            });
            server_->on("/chunked", [](Peer& peer, const Asked&) {
                return peer.send(head_of("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n");
            });
            server_->on("/large", std::string(300000, 'l'));
            for (const char* target : {"/a", "/moved", "/cut", "/chunked", "/large", "/missing"}) urls_.push_back(server_->origin() + target);
            urls_.push_back(text("http://127.0.0.1:", closed_port(), "/"));
        }
        if (takes(bench, "file")) {
            write_file(bench.scratch + "/a.tgz", "hello");
            for (const char* name : {"/a.tgz", "/missing.tgz"}) urls_.push_back("file://" + bench.scratch + name);
        }
        std::string schemes = bench.functions<pmx_fetcher>().schemes;
        urls_.push_back(schemes.substr(0, schemes.find(',')) + "://");
    }
    std::string run(Instance& instance) override {
        std::string out;
        for (std::size_t i = 0; i < urls_.size(); ++i)
            for (std::uint64_t limit : {std::uint64_t{16} << 20, std::uint64_t{3}}) {
                Request ask{urls_[i], limit};
                ask.headers = {{"accept", "*/*"}};
                Window& window = Window::open(bench_);
                // Not every plugin knows a setting for its patience: a request that waits is one that can be cancelled.
                Flight flight = start(bench_, instance, ask, &window);
                if (flight.started == PMX_OK && !flight.receiver->wait(2500)) window.cancel();
                Fetched got = finish(flight);
                out += text(i, " ", limit, " ", name_of(got.status), " ", got.body.size(), "\n");
            }
        return out;
    }

  private:
    Bench& bench_;
    std::unique_ptr<Server> server_;
    std::vector<std::string> urls_;
};

void completes_once(Bench& bench) {
    FetcherWorkout workout(bench);
    {
        Instance instance(bench);
        workout.run(instance);
    }
    ::usleep(10000);
    bench.no_breach("completion");
}

}  // namespace

std::unique_ptr<Workout> fetcher_workout(Bench& bench) { return std::make_unique<FetcherWorkout>(bench); }

std::vector<Case> fetcher_cases() {
    return {
        {{"fetcher.completion", "fetcher", "each request is completed exactly once, after its head and body, and never used again"}, completes_once},
        {{"fetcher.bodies", "fetcher", "bodies with a length, in chunks, until the end, empty, large, and in drops"}, bodies},
        {{"fetcher.headers", "fetcher", "the request's headers are sent as they are, and no credentials that were not given"}, sends},
        {{"fetcher.statuses", "fetcher", "404, 401, 403, 5xx and 304 become what the contract says"}, statuses},
        {{"fetcher.truncated", "fetcher", "a body that ends too early is an error"}, truncated},
        {{"fetcher.lying", "fetcher", "a length that is wrong, and what is no HTTP, is an error"}, lying},
        {{"fetcher.bomb", "fetcher", "an endless answer ends at the limit"}, endless},
        {{"fetcher.stalled", "fetcher", "a silent server is given up after fetch-timeout"}, stalled},
        {{"fetcher.unreachable", "fetcher", "nobody listens: PMX_UNAVAILABLE"}, unreachable},
        {{"fetcher.redirect", "fetcher", "redirects are followed, not for ever, and not to files"}, redirects},
        {{"fetcher.token", "fetcher", "the credentials of one origin never reach another"}, tokens},
        {{"fetcher.keep-alive", "fetcher", "connections that the server closes are no error"}, kept_connections},
        {{"fetcher.cap", "fetcher", "network-concurrency is kept"}, capped},
        {{"fetcher.cancel", "fetcher", "a cancelled request completes soon, with PMX_CANCELLED"}, cancelled},
        {{"fetcher.threads", "fetcher", "eight threads at once get their own answers"}, threads},
        {{"fetcher.destroy", "fetcher", "destroy() completes what is under way"}, destroyed},
        {{"fetcher.urls", "fetcher", "what is no URL is an error"}, odd_urls},
        {{"fetcher.files", "fetcher", "files: found, missing, too long, no files at all"}, files},
    };
}

}  // namespace pmx::testkit
