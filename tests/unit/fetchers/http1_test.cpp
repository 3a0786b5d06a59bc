#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "fetchers/bench.hpp"
#include "fetchers/server.hpp"

namespace pmx::test {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Not;

const std::map<std::string, std::string> kQuick = {
    {"fetch-retry-mintimeout", "1"}, {"fetch-retry-maxtimeout", "5"}, {"fetch-timeout", "20000"}};

std::map<std::string, std::string> quick(std::map<std::string, std::string> more) {
    more.insert(kQuick.begin(), kQuick.end());
    return more;
}

std::string noise(std::size_t size) {
    std::string out(size, '\0');
    std::uint32_t x = 12345;
    for (char& c : out) c = static_cast<char>((x = x * 1664525u + 1013904223u) >> 24);
    return out;
}

bool asks(const std::string& head, const std::string& path) {
    return head.find("GET " + path + " ") == 0;
}

TEST(Http1, DeliversABodyOfKnownLength) {
    std::string body = noise(3'000'000);
    Server server(Server::answering([&](const std::string&) { return ok(body, "X-A: b\r\n"); }));
    Bench bench("http1", kQuick);
    Got got = bench.get({server.url("/a.tgz")});
    EXPECT_EQ(got.result, PMX_OK) << bench.reports();
    EXPECT_EQ(got.status, 200u);
    EXPECT_EQ(got.length, body.size());
    EXPECT_EQ(got.body, body);
    EXPECT_EQ(got.headers["X-A"], "b");
    EXPECT_EQ(bench.count("bytes_fetched"), body.size());
}

TEST(Http1, AsksForGzipForPackumentsOnly) {
    Server server(Server::answering([](const std::string&) { return ok("x"); }));
    Bench bench("http1", kQuick);
    bench.transport["user-agent"] = "pmx/test";
    bench.get({server.url("/a")});
    bench.get({server.url("/b"),
               PMX_FETCH_PACKUMENT,
               100,
               {{"Accept", "application/json"}, {"Host", "evil.example"}}});
    auto heads = server.heads();
    ASSERT_EQ(heads.size(), 2u);
    EXPECT_THAT(heads[0], HasSubstr("Accept-Encoding: identity\r\n"));
    EXPECT_THAT(heads[0], HasSubstr("User-Agent: pmx/test\r\n"));
    EXPECT_THAT(heads[1], HasSubstr("Accept-Encoding: gzip\r\n"));
    EXPECT_THAT(heads[1], HasSubstr("Accept: application/json\r\n"));
    EXPECT_THAT(heads, Each(Not(HasSubstr("evil"))));
    EXPECT_EQ(server.connections(), 1) << "the second request takes the first one's connection";
}

TEST(Http1, UndoesEncodingsAndChunks) {
    std::string body = noise(300'000) + std::string(500'000, 'x');
    std::string two = gzip(body.substr(0, 1000)) + gzip(body.substr(1000));
    Server server(Server::answering([&](const std::string& head) {
        if (asks(head, "/chunked"))
            return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body, 7001);
        if (asks(head, "/gzip")) return ok(gzip(body), "Content-Encoding: gzip\r\n");
        if (asks(head, "/members")) return ok(two, "Content-Encoding: gzip\r\n");
        if (asks(head, "/both"))
            return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n" +
                   chunked(gzip(body), 333);
        return ok(gzip(body), "Content-Type: application/gzip\r\n");
    }));
    Bench bench("http1", kQuick);
    for (const char* path : {"/chunked", "/gzip", "/members", "/both"}) {
        Got got = bench.get({server.url(path)});
        EXPECT_EQ(got.result, PMX_OK) << path << bench.reports();
        EXPECT_TRUE(got.body == body) << path;
        EXPECT_EQ(got.length, UINT64_MAX);
    }
    EXPECT_EQ(bench.get({server.url("/archive")}).body, gzip(body)) << "an archive's gzip is its own";
    for (const char* path : {"/gzip", "/both"})
        EXPECT_TRUE(bench.get({server.url(path), PMX_FETCH_PACKUMENT, 1 << 20, {{"accept-encoding", "gzip"}}}).body == gzip(body))
            << path << ": who asks for an encoding undoes it";
    EXPECT_EQ(server.connections(), 1);
}

TEST(Http1, ReadsOldAnswersToTheEndOfTheConnection) {
    Server server([](Peer& peer) {
        std::string head;
        if (peer.request(head)) peer.send("HTTP/1.0 200 OK\r\n\r\nold body");
    });
    Bench bench("http1", kQuick);
    EXPECT_EQ(bench.get({server.url("/a")}).body, "old body");
    EXPECT_EQ(bench.get({server.url("/a")}).body, "old body");
    EXPECT_EQ(server.connections(), 2);
}

TEST(Http1, KeepsItsCap) {
    Server server(Server::answering([](const std::string&) { return ok("body"); }));
    Bench bench("http1", quick({{"network-concurrency", "8"}}));
    std::vector<Ask> asks;
    for (int i = 0; i < 200; ++i) asks.push_back({server.url("/" + std::to_string(i))});
    for (const Got& got : bench.all(asks)) EXPECT_EQ(got.result, PMX_OK);
    EXPECT_EQ(bench.count("requests"), 200u);
    EXPECT_LE(bench.count("connections_high_water"), 8u);
    EXPECT_LE(bench.count("requests_high_water"), 8u);
    EXPECT_GE(bench.count("requests_high_water"), 2u);
    EXPECT_LE(server.connections(), 8);
}

TEST(Http1, ClosesIdleConnectionsOfOtherOriginsAtTheCap) {
    Server one(Server::answering([](const std::string&) { return ok("1"); }));
    Server two(Server::answering([](const std::string&) { return ok("2"); }));
    Bench bench("http1", quick({{"network-concurrency", "1"}}));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(bench.get({one.url("/")}).body, "1");
        EXPECT_EQ(bench.get({two.url("/")}).body, "2");
    }
    EXPECT_EQ(bench.count("connections_high_water"), 1u);
}

TEST(Http1, RetriesServerErrorsAndRestartsTheBody) {
    std::atomic<int> asked{0};
    Server server(Server::answering([&](const std::string&) {
        return ++asked < 3 ? "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno" : ok("yes");
    }));
    Bench bench("http1", kQuick);
    Got got = bench.get({server.url("/")});
    EXPECT_EQ(got.result, PMX_OK);
    EXPECT_EQ(got.body, "yes");
    EXPECT_EQ(got.restarts, 2);
    EXPECT_EQ(bench.count("retries"), 2u);
    EXPECT_EQ(server.connections(), 1) << "a short refusal leaves the connection usable";
}

TEST(Http1, GivesUpAfterTheRetries) {
    Server server(
        Server::answering([](const std::string&) { return "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"; }));
    Bench bench("http1", kQuick);
    Got got = bench.get({server.url("/x?token=hush")});
    EXPECT_EQ(got.result, PMX_UNAVAILABLE);
    EXPECT_EQ(got.status, 503u);
    EXPECT_EQ(bench.count("retries"), 2u);
    EXPECT_THAT(bench.reports(PMX_ERROR), HasSubstr("thing@1.0.0: the server answered 503 (3 tries)"));
    EXPECT_THAT(bench.reports(), Not(HasSubstr("hush")));
}

TEST(Http1, HonoursRetryAfterUpToTheLongestWait) {
    for (std::string after : {"3600", "Fri, 01 Jan 2100 00:00:00 GMT", "0", "nonsense"}) {
        std::atomic<int> asked{0};
        Server server(Server::answering([&](const std::string&) {
            return ++asked == 1
                       ? "HTTP/1.1 429 Slow\r\nRetry-After: " + after + "\r\nContent-Length: 0\r\n\r\n"
                       : ok("yes");
        }));
        Bench bench("http1", kQuick);
        EXPECT_EQ(bench.get({server.url("/")}).body, "yes") << after;
        std::string waited = after == "0" ? "in 0 ms" : after == "nonsense" ? "in 1 ms" : "in 5 ms";
        EXPECT_THAT(bench.reports(PMX_WARNING), HasSubstr(waited)) << after;
    }
}

TEST(Http1, RefusalsAreNotRetried) {
    const std::map<int, pmx_status> expected = {
        {404, PMX_NOT_FOUND},   {410, PMX_NOT_FOUND},   {401, PMX_DENIED},     {403, PMX_DENIED},
        {400, PMX_UNAVAILABLE}, {206, PMX_UNAVAILABLE}, {302, PMX_UNAVAILABLE}};
    for (auto [status, result] : expected) {
        Server server(Server::answering([status = status](const std::string&) {
            return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 3\r\n\r\nwhy";
        }));
        Bench bench("http1", kQuick);
        Got got = bench.get({server.url("/")});
        EXPECT_EQ(got.result, result) << status;
        EXPECT_EQ(got.status, static_cast<unsigned>(status));
        EXPECT_EQ(got.body, "");
        EXPECT_EQ(bench.count("requests"), 1u) << status;
        EXPECT_THAT(bench.reports(PMX_ERROR), HasSubstr(std::to_string(status)));
    }
}

TEST(Http1, TakesNotModified) {
    Server server(Server::answering([](const std::string&) {
        return "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 10\r\n\r\n";
    }));
    Bench bench("http1", kQuick);
    for (int i = 0; i < 2; ++i) {
        Got got = bench.get({server.url("/"), PMX_FETCH_PACKUMENT, 100, {{"If-None-Match", "\"a\""}}});
        EXPECT_EQ(got.result, PMX_OK);
        EXPECT_EQ(got.status, 304u);
    }
    EXPECT_EQ(server.connections(), 1);
}

TEST(Http1, CredentialsFollowTheUrlNotTheRedirect) {
    Server other(Server::answering([](const std::string&) { return ok("elsewhere"); }));
    Server server(Server::answering([&](const std::string& head) -> std::string {
        if (asks(head, "/leave"))
            return "HTTP/1.1 302 Found\r\nLocation: http://user:pw@127.0.0.1:" +
                   std::to_string(other.port()) + "/there\r\nContent-Length: 0\r\n\r\n";
        if (asks(head, "/stay")) return "HTTP/1.1 307 X\r\nLocation: ../here\r\nContent-Length: 0\r\n\r\n";
        return ok("here");
    }));
    Bench bench("http1", kQuick);
    std::vector<std::string> asked;
    bench.authorization = [&](const std::string& url) {
        asked.push_back(url);
        return url.find(server.url("/")) == 0 ? "Bearer s3cret" : "";
    };
    EXPECT_EQ(bench.get({server.url("/leave")}).body, "elsewhere");
    EXPECT_EQ(bench.get({server.url("/stay")}).body, "here");
    ASSERT_EQ(other.heads().size(), 1u);
    EXPECT_THAT(other.heads()[0], Not(HasSubstr("Authorization")));
    EXPECT_THAT(server.heads(), Each(HasSubstr("Authorization: Bearer s3cret\r\n")));
    EXPECT_EQ(asked.size(), 4u) << "asked for every hop";
    EXPECT_THAT(bench.reports(), Not(HasSubstr("s3cret")));
}

TEST(Http1, CredentialsOfTheUrlItselfStayWithIt) {
    Server other(Server::answering([](const std::string&) { return ok("x"); }));
    Server server(Server::answering([&](const std::string&) {
        return "HTTP/1.1 301 X\r\nLocation: " + other.url("/") + "\r\nContent-Length: 0\r\n\r\n";
    }));
    Bench bench("http1", kQuick);
    bench.get({"http://me:p%40ss@127.0.0.1:" + std::to_string(server.port()) + "/"});
    EXPECT_THAT(server.heads()[0], HasSubstr("Authorization: Basic bWU6cEBzcw==\r\n"));
    EXPECT_THAT(other.heads()[0], Not(HasSubstr("Authorization")));
}

TEST(Http1, RedirectsAreBounded) {
    Server server(Server::answering([](const std::string& head) -> std::string {
        std::string to = "/loop";
        if (head.find("GET /n") == 0) to = "/n" + std::to_string(std::stoi(head.substr(6)) + 1);
        if (head.find("GET /scheme") == 0) to = "file:///etc/passwd";
        return "HTTP/1.1 302 X\r\nLocation: " + to + "\r\nContent-Length: 0\r\n\r\n";
    }));
    Bench bench("http1", kQuick);
    EXPECT_EQ(bench.get({server.url("/loop")}).result, PMX_UNAVAILABLE);
    EXPECT_THAT(bench.reports(PMX_ERROR), HasSubstr("in a circle"));
    EXPECT_EQ(bench.get({server.url("/n1")}).result, PMX_UNAVAILABLE);
    EXPECT_THAT(bench.reports(PMX_ERROR), HasSubstr("more than 10 redirects"));
    EXPECT_EQ(bench.get({server.url("/scheme")}).result, PMX_UNAVAILABLE);
    EXPECT_THAT(bench.reports(PMX_ERROR), HasSubstr("no http URL"));
}

TEST(Http1, TruncatedBodiesAreFailuresAndRetried) {
    for (std::string answer :
         {std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
          std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"),
          std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
          "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip("hello hello hello").substr(0, 20)}) {
        Server server([&](Peer& peer) {
            std::string head;
            if (peer.request(head)) peer.send(peer.index == 0 ? answer : ok("whole"));
        });
        Bench bench("http1", kQuick);
        Got got = bench.get({server.url("/")});
        EXPECT_EQ(got.result, PMX_OK) << answer;
        EXPECT_EQ(got.body, "whole");
        EXPECT_EQ(got.restarts, 1);
        EXPECT_THAT(bench.reports(), HasSubstr("ended too early"));
    }
}

TEST(Http1, StalledAnswersTimeOut) {
    Server server([&](Peer& peer) {
        std::string head;
        if (!peer.request(head)) return;
        if (peer.index == 1) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
        if (peer.index == 2) return peer.send(ok("hello"));
        peer.until_closed();
    });
    Bench bench("http1",
                {{"fetch-retry-mintimeout", "1"}, {"fetch-timeout", "30"}, {"fetch-retry-factor", "1"}});
    Got got = bench.get({server.url("/")});
    EXPECT_EQ(got.result, PMX_OK) << bench.reports();
    EXPECT_EQ(got.body, "hello");
    EXPECT_THAT(bench.reports(), HasSubstr("no byte came for 30 ms"));
}

TEST(Http1, AKeptConnectionThatDiedCountsForNothing) {
    Server server([](Peer& peer) {
        std::string head;
        if (!peer.request(head)) return;
        peer.send(ok("one"));
        // Takes the second request and dies without a word.
        if (peer.request(head)) peer.reset();
    });
    Bench bench("http1", quick({{"fetch-retries", "0"}}));
    EXPECT_EQ(bench.get({server.url("/")}).body, "one");
    EXPECT_EQ(bench.get({server.url("/")}).body, "one");
    EXPECT_EQ(bench.count("retries"), 0u);
    EXPECT_EQ(server.connections(), 2);
}

TEST(Http1, ConnectionsThatDieAreRetriedThenReported) {
    Server server([](Peer& peer) { peer.reset(); });
    Bench bench("http1", kQuick);
    EXPECT_EQ(bench.get({server.url("/")}).result, PMX_UNAVAILABLE);
    EXPECT_EQ(bench.count("retries"), 2u);
    int closed;
    {
        Server gone([](Peer&) {});
        closed = gone.port();
    }
    EXPECT_EQ(bench.get({"http://127.0.0.1:" + std::to_string(closed) + "/"}).result, PMX_UNAVAILABLE);
    EXPECT_THAT(bench.reports(PMX_ERROR), HasSubstr("cannot connect"));
}

TEST(Http1, TheLimitHolds) {
    std::string bomb = gzip(std::string(20'000'000, 'x'));
    Server server(Server::answering([&](const std::string& head) {
        if (asks(head, "/known")) return ok(std::string(101, 'x'));
        if (asks(head, "/bomb")) return ok(bomb, "Content-Encoding: gzip\r\n");
        return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(std::string(5000, 'x'), 10);
    }));
    Bench bench("http1", kQuick);
    for (const char* path : {"/known", "/bomb", "/chunks"}) {
        Got got = bench.get({server.url(path), PMX_FETCH_ARCHIVE, 100});
        EXPECT_EQ(got.result, PMX_INVALID) << path;
        EXPECT_LE(got.body.size(), 100u) << path;
        EXPECT_EQ(got.restarts, 0);
    }
    EXPECT_EQ(bench.get({server.url("/known"), PMX_FETCH_ARCHIVE, 101}).result, PMX_OK);
}

TEST(Http1, MalformedAnswersAreErrors) {
    using namespace std::string_literals;
    const std::vector<std::string> answers = {
        "",
        "garbage\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nA\0b: c\r\nContent-Length: 5\r\n\r\nhello"s,
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" + std::string(100'000, 'x'),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + std::string(100'000, 'e') +
            "\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        [] {
            std::string many;
            for (int i = 0; i < 100; ++i) many += "HTTP/1.1 103 Early Hints\r\n\r\n";
            return many;
        }()};
    for (const std::string& answer : answers) {
        Server server([&](Peer& peer) {
            std::string head;
            if (peer.request(head)) peer.send(answer);
        });
        Bench bench("http1", quick({{"fetch-retries", "1"}}));
        Got got = bench.get({server.url("/")});
        EXPECT_EQ(got.result, PMX_UNAVAILABLE) << answer.substr(0, 80);
        EXPECT_EQ(got.completions, 1);
        EXPECT_THAT(bench.reports(PMX_ERROR), HasSubstr("cannot fetch")) << answer.substr(0, 80);
    }
}

TEST(Http1, SkipsInterimAnswersAndIgnoresWhatFollowsTheBody) {
    Server server([](Peer& peer) {
        std::string head;
        if (peer.request(head))
            peer.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + ok("right") +
                      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
        peer.until_closed();
    });
    Bench bench("http1", kQuick);
    EXPECT_EQ(bench.get({server.url("/")}).body, "right");
    EXPECT_EQ(bench.get({server.url("/")}).body, "right") << "an answer that nobody asked for answers nobody";
    EXPECT_EQ(server.connections(), 2);
}

TEST(Http1, CancelledRequestsComplete) {
    Server server([](Peer& peer) {
        std::string head;
        peer.request(head);
        peer.until_closed();
    });
    Bench bench("http1", quick({{"network-concurrency", "2"}}));
    for (int i = 0; i < 6; ++i) bench.start({server.url("/")});
    bench.cancelled = true;
    for (const Got& got : bench.wait()) EXPECT_EQ(got.result, PMX_CANCELLED);
    EXPECT_EQ(bench.reports(PMX_ERROR), "");
}

TEST(Http1, CancelledWhileWaitingForARetry) {
    Server server(
        Server::answering([](const std::string&) { return "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"; }));
    Bench bench("http1", {{"fetch-retry-mintimeout", "3600000"}, {"fetch-retry-maxtimeout", "3600000"}});
    bench.start({server.url("/")});
    while (bench.count("retries") == 0) std::this_thread::yield();
    bench.cancelled = true;
    EXPECT_EQ(bench.wait().front().result, PMX_CANCELLED);
}

TEST(Http1, DestructionCompletesWhatIsUnderWay) {
    Server server([](Peer& peer) { peer.until_closed(); });
    Bench bench("http1", quick({{"network-concurrency", "2"}}));
    for (int i = 0; i < 4; ++i) bench.start({server.url("/")});
    bench.end();
    for (const Got& got : bench.wait()) EXPECT_EQ(got.result, PMX_CANCELLED);
}

TEST(Http1, UrlsThatAreNoneAreNotStarted) {
    Bench bench("http1", kQuick);
    for (std::string url : {"http://", "http:///x", "ftp://a/", "http://a b/", "http://a:99999/",
                            "http://a\r\nX: y/", "nonsense", "http://[::1/"}) {
        Got got = bench.get({url});
        EXPECT_EQ(got.result, PMX_INVALID) << url;
        EXPECT_EQ(got.completions, 0);
    }
    EXPECT_EQ(bench.get({"http://a/", PMX_FETCH_ARCHIVE, 1, {{"X", "a\r\nEvil: b"}}}).result, PMX_INVALID);
}

TEST(Http1, UnknownHostsAreReported) {
    Bench bench("http1", quick({{"fetch-retries", "0"}}));
    EXPECT_EQ(bench.get({"http://no-such-host.invalid/"}).result, PMX_UNAVAILABLE);
    EXPECT_THAT(bench.reports(PMX_ERROR), HasSubstr("cannot find the host no-such-host.invalid"));
}

TEST(Http1, BadOptionsAreRefused) {
    EXPECT_EQ(Bench("http1", {{"network-concurrency", "0"}}).created, PMX_INVALID);
    EXPECT_EQ(Bench("http1", {{"fetch-timeout", "soon"}}).created, PMX_INVALID);
}

TEST(Http1, TlsVerifiesAndResumes) {
    Identity identity = make_identity();
    std::string body = noise(2'000'000);
    // One request a connection, so that the second connection has a session to resume.
    Server server(
        [&](Peer& peer) {
            std::string head;
            if (peer.request(head)) peer.send(ok(body, "Connection: close\r\n"));
        },
        &identity);
    Bench bench("http1", kQuick);
    bench.transport["ca"] = identity.certificate;
    for (const char* host : {"localhost", "127.0.0.1"})
        for (int i = 0; i < 2; ++i) {
            Got got = bench.get({server.url("/", host)});
            EXPECT_EQ(got.result, PMX_OK) << bench.reports();
            EXPECT_TRUE(got.body == body);
        }
    EXPECT_EQ(bench.count("tls_resumed"), 2u);
}

TEST(Http1, TlsKeepsConnections) {
    Identity identity = make_identity();
    Server server(Server::answering([](const std::string&) { return ok("x"); }), &identity);
    Bench bench("http1", kQuick);
    bench.transport["ca"] = identity.certificate;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(bench.get({server.url("/", "localhost")}).body, "x");
    EXPECT_EQ(server.connections(), 1);
}

TEST(Http1, TlsRefusesStrangersUnlessToldOtherwise) {
    Identity identity = make_identity(), stranger = make_identity("registry.example");
    Server server(Server::answering([](const std::string&) { return ok("x"); }), &identity);
    Server wrong(Server::answering([](const std::string&) { return ok("x"); }), &stranger);
    {
        Bench bench("http1", kQuick);
        EXPECT_EQ(bench.get({server.url("/", "localhost")}).result, PMX_UNAVAILABLE);
        EXPECT_EQ(bench.count("retries"), 0u) << "a refused certificate stays refused";
        EXPECT_THAT(bench.reports(PMX_ERROR), HasSubstr("certificate was refused"));
    }
    {
        Bench bench("http1", kQuick);
        bench.transport["ca"] = stranger.certificate;
        EXPECT_EQ(bench.get({wrong.url("/", "localhost")}).result, PMX_UNAVAILABLE)
            << "trusted, but another host";
        EXPECT_TRUE(server.heads().empty() && wrong.heads().empty());
    }
    Bench bench("http1", kQuick);
    bench.transport["strict-ssl"] = "false";
    EXPECT_EQ(bench.get({wrong.url("/", "localhost")}).body, "x");
}

TEST(Http1, TlsShowsTheClientCertificate) {
    Identity identity = make_identity(), client = make_identity("client");
    Server server(Server::answering([](const std::string&) { return ok("x"); }), &identity,
                  client.certificate);
    Bench bench("http1", kQuick);
    bench.transport = {{"ca", identity.certificate}, {"cert", client.certificate}, {"key", client.key}};
    EXPECT_EQ(bench.get({server.url("/", "localhost")}).body, "x") << bench.reports();
    Bench without("http1", quick({{"fetch-retries", "0"}}));
    without.transport = {{"ca", identity.certificate}};
    EXPECT_EQ(without.get({server.url("/", "localhost")}).result, PMX_UNAVAILABLE);
    Bench broken("http1", kQuick);
    broken.transport = {{"ca", identity.certificate}, {"cert", client.certificate}, {"key", identity.key}};
    EXPECT_EQ(broken.get({server.url("/", "localhost")}).result, PMX_INVALID);
    EXPECT_THAT(broken.reports(), Not(HasSubstr("PRIVATE KEY")));
}

TEST(Http1, TlsRedirectsStayOnTls) {
    Identity identity = make_identity();
    Server plain(Server::answering([](const std::string&) { return ok("x"); }));
    Server server(Server::answering([&](const std::string&) {
                      return "HTTP/1.1 302 X\r\nLocation: " + plain.url("/") +
                             "\r\nContent-Length: 0\r\n\r\n";
                  }),
                  &identity);
    Bench bench("http1", kQuick);
    bench.transport["ca"] = identity.certificate;
    EXPECT_EQ(bench.get({server.url("/", "localhost")}).result, PMX_UNAVAILABLE);
    EXPECT_TRUE(plain.heads().empty());
}

TEST(Http1, TlsBodiesWithoutLengthEndWithCloseNotify) {
    Identity identity = make_identity();
    Server server(
        [](Peer& peer) {
            std::string head;
            if (!peer.request(head)) return;
            peer.send("HTTP/1.1 200 OK\r\n\r\nbody");
            // The first connection is cut without close_notify, as an attacker would.
            if (peer.index == 0) SSL_set_quiet_shutdown(peer.ssl, 1);
        },
        &identity);
    Bench bench("http1", kQuick);
    bench.transport["ca"] = identity.certificate;
    Got got = bench.get({server.url("/", "localhost")});
    EXPECT_EQ(got.body, "body");
    EXPECT_EQ(got.restarts, 1);
}

TEST(Http1, PlainRequestsGoThroughAProxyInAbsoluteForm) {
    Server origin(Server::answering([](const std::string&) { return ok("direct"); }));
    Server proxy(Server::answering([](const std::string&) { return ok("proxied"); }));
    Bench bench("http1", kQuick);
    bench.transport["proxy"] = "http://user:pass@127.0.0.1:" + std::to_string(proxy.port());
    EXPECT_EQ(bench.get({origin.url("/a?b=c")}).body, "proxied");
    EXPECT_EQ(bench.get({"http://registry.example/b"}).body, "proxied") << "the proxy finds the host, not we";
    ASSERT_EQ(proxy.heads().size(), 2u);
    EXPECT_EQ(proxy.heads()[0].find("GET " + origin.url("/a?b=c") + " HTTP/1.1\r\n"), 0u);
    EXPECT_THAT(proxy.heads()[0], HasSubstr("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"));
    EXPECT_EQ(proxy.connections(), 1);
    EXPECT_EQ(origin.connections(), 0);
}

// Connects to 127.0.0.1:PORT whatever the name was.
Server::Serve tunnelling() {
    return [](Peer& peer) {
        std::string head;
        if (!peer.request(head)) return;
        if (head.find("Proxy-Authorization: Basic dTpw\r\n") == std::string::npos)
            return peer.send("HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n");
        int port = std::stoi(head.substr(head.find(':') + 1));
        Peer far;
        far.fd = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(far.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            return peer.send("HTTP/1.1 502 No\r\n\r\n");
        peer.send("HTTP/1.1 200 Connection established\r\n\r\n");
        if (!peer.ssl) peer.join(far);
        ::close(far.fd);
    };
}

TEST(Http1, TlsGoesThroughATunnel) {
    Identity identity = make_identity();
    Server origin(Server::answering([](const std::string&) { return ok("secret"); }), &identity);
    Server proxy(tunnelling());
    Bench bench("http1", kQuick);
    bench.transport = {{"ca", identity.certificate},
                       {"proxy", "http://u:p@127.0.0.1:" + std::to_string(proxy.port())}};
    bench.authorization = [](const std::string&) { return "Bearer t"; };
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(bench.get({origin.url("/", "localhost")}).body, "secret") << bench.reports();
    ASSERT_EQ(proxy.heads().size(), 1u) << "the tunnel is kept";
    EXPECT_EQ(proxy.heads()[0].find("CONNECT localhost:" + std::to_string(origin.port()) + " HTTP/1.1\r\n"),
              0u);
    EXPECT_THAT(proxy.heads()[0], Not(HasSubstr("Bearer")));
    EXPECT_THAT(origin.heads(), Each(Not(HasSubstr("Proxy-"))));
}

TEST(Http1, AProxyThatRefusesIsNamed) {
    Identity identity = make_identity();
    Server origin(Server::answering([](const std::string&) { return ok("x"); }), &identity);
    Server proxy(tunnelling());
    Bench bench("http1", kQuick);
    bench.transport = {{"ca", identity.certificate},
                       {"proxy", "http://u:wrong@127.0.0.1:" + std::to_string(proxy.port())}};
    EXPECT_EQ(bench.get({origin.url("/", "localhost")}).result, PMX_DENIED);
    EXPECT_THAT(bench.reports(PMX_ERROR), HasSubstr("answered 407 to CONNECT"));
    EXPECT_THAT(bench.reports(), Not(HasSubstr("wrong")));
    Bench odd("http1", kQuick);
    odd.transport["proxy"] = "socks5://127.0.0.1:1";
    EXPECT_EQ(odd.get({"http://registry.example/"}).result, PMX_INVALID);
}

}  // namespace
}  // namespace pmx::test
