// A large archive over several connections: that it comes whole and right whatever the server makes of Range.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>

#include "fetchers/bench.hpp"
#include "fetchers/server.hpp"

namespace pmx::test {
namespace {

using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kSize = (6u << 20) + (1u << 19);
constexpr int kParts = 5;  // that are asked for beside the first answer

std::map<std::string, std::string> options(std::map<std::string, std::string> more = {}) {
    more.insert({{"fetch-retry-mintimeout", "1"}, {"fetch-retry-maxtimeout", "5"}, {"fetch-timeout", "20000"}});
    return more;
}

struct Asked {
    std::size_t first, last;
    int number;  // of all that asked for a part, from 0
};

// One archive, and a server of it that seems far away. Its first answer stops early until `answered` parts have been, so that
// each of them is one the client waits for.
class Archive {
  public:
    std::string body, etag = "ETag: \"one\"\r\n";
    int wait_for = kParts;
    // Instead of the right answer, when it returns true.
    std::function<bool(Peer&, const Asked&)> odd = [](Peer&, const Asked&) { return false; };
    std::function<void(Peer&, std::string_view rest)> finish = [](Peer& peer, std::string_view rest) { peer.send(rest); };
    std::atomic<int> asked{0}, answered{0}, whole{0};
    std::atomic<bool> left{false};  // the first answer's connection is closed

    Archive() : body(kSize, '\0') {
        std::uint32_t x = 4711;
        for (char& c : body) c = static_cast<char>((x = x * 1664525u + 1013904223u) >> 24);
    }
    void serve(Peer& peer) {
        std::string head;
        while (peer.request(head)) {
            if (auto at = head.find("\r\nRange: bytes="); at != std::string::npos) {
                std::size_t dash = head.find('-', at);
                Asked part{std::stoul(head.substr(at + 15)), std::stoul(head.substr(dash + 1)), asked++};
                if (part.first >= 1 && !odd(peer, part)) send_part(peer, part.first, part.last);
                ++answered;
            } else {
                send_whole(peer);
            }
        }
    }
    Server::Serve serving() {
        return [this](Peer& peer) { serve(peer); };
    }
    std::string part_head(std::size_t first, std::size_t last, const std::string& more = {}) const {
        return "HTTP/1.1 206 Partial Content\r\n" + (more.empty() ? etag : more) + "Content-Length: " + std::to_string(last - first + 1) +
               "\r\nContent-Range: bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(body.size()) + "\r\n\r\n";
    }
    void send_part(Peer& peer, std::size_t first, std::size_t last) const {
        peer.send(part_head(first, last) + body.substr(first, last - first + 1));
    }
    static void until(const std::function<bool()>& done) {
        for (int i = 0; i < 10000 && !done(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        EXPECT_TRUE(done());
    }

  private:
    void send_whole(Peer& peer) {
        bool again = whole++ > 0;
        std::this_thread::sleep_for(std::chrono::milliseconds(40));
        std::size_t begin = again ? body.size() : 64 * 1024;
        peer.send("HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\n" + etag + "Content-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body.substr(0, begin));
        if (again) return;
        until([&] { return answered >= wait_for; });
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        finish(peer, std::string_view(body).substr(begin));
        // The next request, or the end: for the client has what it wants of this.
        if (wait_for) left = true;
    }
};

Ask archive_at(const std::string& url) {
    Ask ask{url};
    ask.integrity = "sha512-of-the-whole";
    return ask;
}

std::vector<std::string> with_range(Server& server) {
    std::vector<std::string> out;
    for (const std::string& head : server.heads())
        if (head.find("\r\nRange: ") != std::string::npos) out.push_back(head);
    return out;
}

TEST(Ranges, ALargeArchiveComesInParts) {
    Archive archive;
    Server server(archive.serving());
    Bench bench("http1", options());
    Got got = bench.get(archive_at(server.url("/big.tgz")));
    EXPECT_EQ(got.result, PMX_OK) << bench.reports();
    EXPECT_TRUE(got.body == archive.body);
    EXPECT_EQ(got.length, kSize);
    EXPECT_EQ(got.heads, 1);
    EXPECT_EQ(bench.count("requests"), 1u);
    EXPECT_EQ(bench.count("range_requests"), static_cast<unsigned>(kParts));
    EXPECT_EQ(bench.count("archives_in_parts"), 1u);
    EXPECT_EQ(bench.count("bytes_fetched"), kSize);
    auto parts = with_range(server);
    ASSERT_EQ(parts.size(), static_cast<std::size_t>(kParts));
    EXPECT_THAT(parts, Each(AllOf(HasSubstr("GET /big.tgz "), HasSubstr("If-Range: \"one\"\r\n"), HasSubstr("Accept-Encoding: identity\r\n"))));
}

TEST(Ranges, ConnectionsAreKeptForTheNext) {
    Archive archive;
    Server server(archive.serving());
    Bench bench("http1", options());
    EXPECT_TRUE(bench.get(archive_at(server.url("/big.tgz"))).body == archive.body);
    archive.whole = archive.answered = 0;
    EXPECT_TRUE(bench.get(archive_at(server.url("/big.tgz"))).body == archive.body);
    EXPECT_EQ(bench.count("range_requests"), 2u * kParts);
    EXPECT_LE(server.connections(), kParts + 2) << "all but the first one's are used again";
}

TEST(Ranges, OnlyWhereItIsSafeAndWorthIt) {
    std::string body(kSize, 'x');
    const std::map<std::string, std::string> heads = {
        {"none", "Accept-Ranges: none\r\n"}, {"silent", ""}, {"packument", "Accept-Ranges: bytes\r\n"},
        {"unchecked", "Accept-Ranges: bytes\r\n"}, {"near", "Accept-Ranges: bytes\r\n"}, {"small", "Accept-Ranges: bytes\r\n"}};
    for (const auto& [name, headers] : heads) {
        Server server(Server::answering([&](const std::string&) {
            if (name != "near") std::this_thread::sleep_for(std::chrono::milliseconds(40));
            return ok(name == "small" ? body.substr(0, 3u << 20) : body, headers);
        }));
        Bench bench("http1", options());
        Ask ask = archive_at(server.url("/a"));
        if (name == "packument") ask.purpose = PMX_FETCH_PACKUMENT;
        if (name == "unchecked") ask.integrity.clear();
        EXPECT_EQ(bench.get(ask).result, PMX_OK) << name;
        EXPECT_EQ(bench.count("range_requests"), 0u) << name;
    }
}

// What no server should say to a request for a part.
TEST(Ranges, AWrongAnswerLeavesAllToTheFirst) {
    Archive archive;
    const std::string size = std::to_string(kSize);
    const std::map<std::string, std::function<void(Peer&, const Asked&)>> answers = {
        {"ignores it", [&](Peer& peer, const Asked&) { peer.send(ok(archive.body, archive.etag)); }},
        {"416", [&](Peer& peer, const Asked&) { peer.send("HTTP/1.1 416 No\r\nContent-Range: bytes */" + size + "\r\nContent-Length: 0\r\n\r\n"); }},
        {"404", [&](Peer& peer, const Asked&) { peer.send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"); }},
        {"redirect", [&](Peer& peer, const Asked&) { peer.send("HTTP/1.1 302 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"); }},
        {"another part", [&](Peer& peer, const Asked& part) { archive.send_part(peer, part.first - 1, part.last - 1); }},
        {"a shorter one", [&](Peer& peer, const Asked& part) { archive.send_part(peer, part.first, part.last - 1); }},
        {"of another size",
         [&](Peer& peer, const Asked& part) {
             std::string head = archive.part_head(part.first, part.last);
             head.replace(head.find("/" + size), 1 + size.size(), "/9999999");
             peer.send(head + std::string(part.last - part.first + 1, 'x'));
         }},
        {"of another archive",
         [&](Peer& peer, const Asked& part) {
             peer.send(archive.part_head(part.first, part.last, "ETag: \"two\"\r\n") + std::string(part.last - part.first + 1, 'x'));
         }},
        {"no Content-Range", [&](Peer& peer, const Asked& part) { peer.send("HTTP/1.1 206 X\r\n" + ok(std::string(part.last - part.first + 1, 'x')).substr(17)); }},
        {"chunked",
         [&](Peer& peer, const Asked& part) {
             peer.send("HTTP/1.1 206 X\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes " + std::to_string(part.first) + "-" +
                       std::to_string(part.last) + "/" + size + "\r\n\r\n" + chunked(std::string(part.last - part.first + 1, 'x'), 100000));
         }},
        {"encoded", [&](Peer& peer, const Asked& part) { peer.send(archive.part_head(part.first, part.last, "Content-Encoding: gzip\r\n") + std::string(1000, 'x')); }},
    };
    for (const auto& [name, answer] : answers) {
        archive.asked = archive.answered = archive.whole = 0;
        archive.wait_for = 1;
        archive.odd = [&answer](Peer& peer, const Asked& part) { return answer(peer, part), true; };
        Server server(archive.serving());
        Bench bench("http1", options());
        Got got = bench.get(archive_at(server.url("/big.tgz")));
        EXPECT_EQ(got.result, PMX_OK) << name << bench.reports();
        EXPECT_TRUE(got.body == archive.body) << name;
        EXPECT_EQ(bench.count("requests"), 1u) << name;
        EXPECT_EQ(got.restarts, 0) << name;
        const auto ranges = bench.count("range_requests");
        archive.whole = archive.answered = 0;
        archive.wait_for = 0;
        EXPECT_TRUE(bench.get(archive_at(server.url("/big.tgz"))).body == archive.body) << name;
        EXPECT_EQ(bench.count("range_requests"), ranges) << name << ": this origin is not asked again";
    }
}

// Those that were right are not believed either: the first answer is one archive for certain.
TEST(Ranges, OneWrongAnswerAmongRightOnesLeavesAllToTheFirst) {
    Archive archive;
    archive.odd = [&](Peer& peer, const Asked& part) {
        if (part.last + 1 != kSize) return false;
        peer.send("HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n");
        return true;
    };
    Server server(archive.serving());
    Bench bench("http1", options());
    Got got = bench.get(archive_at(server.url("/big.tgz")));
    EXPECT_EQ(got.result, PMX_OK) << bench.reports();
    EXPECT_TRUE(got.body == archive.body);
    EXPECT_EQ(got.restarts, 0);
    EXPECT_EQ(bench.count("requests"), 1u);
    EXPECT_EQ(bench.count("range_fallbacks"), 0u);
}

// The others were right and the first is over: then the archive comes anew, in one.
TEST(Ranges, AWrongAnswerAfterTheFirstIsOver) {
    Archive archive;
    archive.wait_for = kParts - 1;
    archive.odd = [&](Peer& peer, const Asked& part) {
        if (part.last + 1 != kSize) return false;
        Archive::until([&] { return archive.left.load(); });
        peer.send("HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n");
        return true;
    };
    archive.finish = [](Peer& peer, std::string_view rest) {
        peer.send(rest.substr(0, 2u << 20));
        peer.until_closed();
    };
    Server server(archive.serving());
    Bench bench("http1", options({{"fetch-retries", "0"}}));
    Got got = bench.get(archive_at(server.url("/big.tgz")));
    EXPECT_EQ(got.result, PMX_OK) << bench.reports();
    EXPECT_TRUE(got.body == archive.body);
    EXPECT_EQ(got.restarts, 1);
    EXPECT_EQ(bench.count("requests"), 2u);
    EXPECT_EQ(bench.count("range_fallbacks"), 1u);
}

// A part that breaks is asked for again, from where it broke.
TEST(Ranges, APartThatBreaksIsTriedAgain) {
    for (std::string how : {"short", "reset", "503", "nothing", "stall"}) {
        Archive archive;
        std::atomic<std::size_t> broke_in{0};
        archive.odd = [&](Peer& peer, const Asked& part) {
            if (part.number != 2) return false;
            broke_in = part.first;
            if (how == "503") return peer.send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), true;
            if (how == "nothing") return ::shutdown(peer.fd, SHUT_RDWR), true;
            peer.send(archive.part_head(part.first, part.last) + archive.body.substr(part.first, 300'000));
            ++archive.answered;  // the first may go on
            if (how == "stall") peer.until_closed();
            if (how == "reset") {
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
                peer.reset();
            }
            --archive.answered;
            ::shutdown(peer.fd, how == "reset" ? SHUT_RD : SHUT_RDWR);
            return true;
        };
        // Never more than its own part.
        archive.wait_for = kParts + 1;
        archive.finish = [](Peer& peer, std::string_view rest) { peer.send(rest); };
        Server server(archive.serving());
        Bench bench("http1", options({{"fetch-timeout", how == "stall" ? "500" : "20000"}}));
        Got got = bench.get(archive_at(server.url("/big.tgz")));
        EXPECT_EQ(got.result, PMX_OK) << how << bench.reports();
        EXPECT_TRUE(got.body == archive.body) << how;
        EXPECT_EQ(got.restarts, 0) << how;
        EXPECT_EQ(bench.count("requests"), 1u) << how;
        EXPECT_GE(bench.count("range_retries"), 1u) << how;
    }
}

TEST(Ranges, APartThatNeverComesIsTheWholesBusiness) {
    Archive archive;
    archive.odd = [&](Peer& peer, const Asked& part) {
        if (part.last + 1 != kSize) return false;
        Archive::until([&] { return archive.left.load(); });
        ::shutdown(peer.fd, SHUT_RDWR);
        return true;
    };
    archive.wait_for = kParts - 1;
    archive.finish = [](Peer& peer, std::string_view rest) {
        peer.send(rest.substr(0, 2u << 20));
        peer.until_closed();
    };
    Server server(archive.serving());
    Bench bench("http1", options());
    Got got = bench.get(archive_at(server.url("/big.tgz")));
    EXPECT_EQ(got.result, PMX_OK) << bench.reports();
    EXPECT_TRUE(got.body == archive.body);
    EXPECT_EQ(bench.count("range_retries"), 2u);
    EXPECT_EQ(bench.count("range_fallbacks"), 1u);
    EXPECT_EQ(bench.count("requests"), 2u);
    EXPECT_EQ(got.restarts, 1);
}

TEST(Ranges, WhereTheFirstBreaksItsPartIsAskedForToo) {
    Archive archive;
    archive.finish = [](Peer& peer, std::string_view rest) {
        peer.send(rest.substr(0, 100'000));
        ::shutdown(peer.fd, SHUT_RDWR);
    };
    Server server(archive.serving());
    Bench bench("http1", options());
    Got got = bench.get(archive_at(server.url("/big.tgz")));
    EXPECT_EQ(got.result, PMX_OK) << bench.reports();
    EXPECT_TRUE(got.body == archive.body);
    EXPECT_EQ(got.restarts, 0);
    EXPECT_EQ(bench.count("requests"), 1u);
    EXPECT_EQ(bench.count("range_requests"), kParts + 1u);
}

TEST(Ranges, WhereNobodyAnswersTheFirstBringsAll) {
    Archive archive;
    archive.wait_for = 0;
    archive.odd = [](Peer& peer, const Asked&) { return peer.until_closed(), true; };
    Server server(archive.serving());
    Bench bench("http1", options());
    Got got = bench.get(archive_at(server.url("/big.tgz")));
    EXPECT_EQ(got.result, PMX_OK) << bench.reports();
    EXPECT_TRUE(got.body == archive.body);
    EXPECT_EQ(bench.count("requests"), 1u);
    EXPECT_EQ(got.restarts, 0);
}

TEST(Ranges, CancelledAtAnyMoment) {
    for (int moment = 0; moment < 6; ++moment) {
        Archive archive;
        Bench bench("http1", options());
        archive.wait_for = 0;
        archive.finish = [](Peer& peer, std::string_view rest) {
            peer.send(rest.substr(0, 1u << 20));
            peer.until_closed();
        };
        archive.odd = [&](Peer& peer, const Asked& part) {
            if (moment > 0) peer.send(archive.part_head(part.first, part.last));
            if (moment > 1) peer.send(archive.body.substr(part.first, 1000 * static_cast<std::size_t>(moment)));
            if (part.number == moment % 3) bench.cancelled = true;
            peer.until_closed();
            return true;
        };
        Server server(archive.serving());
        EXPECT_EQ(bench.get(archive_at(server.url("/big.tgz"))).result, PMX_CANCELLED) << moment;
    }
}

TEST(Ranges, DestructionCompletesWhatIsUnderWay) {
    Archive archive;
    archive.wait_for = 0;
    archive.finish = [](Peer& peer, std::string_view) { peer.until_closed(); };
    archive.odd = [&](Peer& peer, const Asked& part) {
        peer.send(archive.part_head(part.first, part.last) + archive.body.substr(part.first, 5000));
        ++archive.answered;
        return peer.until_closed(), true;
    };
    Server server(archive.serving());
    Bench bench("http1", options());
    bench.start(archive_at(server.url("/big.tgz")));
    Archive::until([&] { return archive.answered >= kParts; });
    bench.end();
    EXPECT_EQ(bench.wait()[0].result, PMX_CANCELLED);
}

TEST(Ranges, TheCapHolds) {
    Archive archive;
    archive.wait_for = 0;
    Server server(archive.serving());
    for (std::string cap : {"1", "2", "3"}) {
        archive.whole = 0;
        Bench bench("http1", options({{"network-concurrency", cap}}));
        std::vector<Ask> asks(4, archive_at(server.url("/big.tgz")));
        for (const Got& got : bench.all(asks)) EXPECT_TRUE(got.body == archive.body);
        EXPECT_LE(bench.count("connections_high_water"), std::stoul(cap));
        if (cap == "1") EXPECT_EQ(bench.count("range_requests"), 0u);
    }
}

TEST(Ranges, PartsAreAskedForWhereTheRedirectLedAndWithWhatBelongsThere) {
    Archive archive;
    Server storage(archive.serving());
    Server registry(Server::answering([&](const std::string&) {
        return "HTTP/1.1 302 Found\r\nLocation: " + storage.url("/final.tgz?signed=1") + "\r\nContent-Length: 0\r\n\r\n";
    }));
    Bench bench("http1", options());
    bench.authorization = [&](const std::string& url) {
        return url.starts_with(registry.url("")) ? "Bearer secret" : "";
    };
    Got got = bench.get(archive_at(registry.url("/big.tgz")));
    EXPECT_TRUE(got.body == archive.body) << bench.reports();
    EXPECT_EQ(registry.heads().size(), 1u);
    auto parts = with_range(storage);
    EXPECT_EQ(parts.size(), static_cast<std::size_t>(kParts));
    EXPECT_THAT(parts, Each(AllOf(HasSubstr("GET /final.tgz?signed=1 "), Not(HasSubstr("secret")))));
    // And to where the token belongs it goes with every part.
    bench.authorization = [&](const std::string&) { return "Bearer secret"; };
    archive.whole = archive.answered = 0;
    EXPECT_TRUE(bench.get(archive_at(storage.url("/own.tgz"))).body == archive.body);
    int with_token = 0;
    for (const std::string& head : with_range(storage)) with_token += head.find("Authorization: Bearer secret\r\n") != std::string::npos;
    EXPECT_EQ(with_token, kParts);
}

TEST(Ranges, ThroughAProxy) {
    Archive archive;
    Server proxy(archive.serving());
    Bench bench("http1", options());
    bench.transport["proxy"] = "http://user:pw@127.0.0.1:" + std::to_string(proxy.port());
    EXPECT_TRUE(bench.get(archive_at("http://registry.example/big.tgz")).body == archive.body) << bench.reports();
    auto parts = with_range(proxy);
    EXPECT_EQ(parts.size(), static_cast<std::size_t>(kParts));
    EXPECT_THAT(parts, Each(AllOf(HasSubstr("GET http://registry.example/big.tgz "), HasSubstr("Proxy-Authorization: Basic "))));
}

TEST(Ranges, OverTls) {
    Archive archive;
    Identity identity = make_identity();
    Server server(archive.serving(), &identity);
    Bench bench("http1", options());
    bench.transport["ca"] = identity.certificate;
    EXPECT_TRUE(bench.get(archive_at(server.url("/big.tgz"))).body == archive.body) << bench.reports();
    EXPECT_EQ(bench.count("range_requests"), static_cast<unsigned>(kParts));
}

}  // namespace
}  // namespace pmx::test
