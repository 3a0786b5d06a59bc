#include "store/gzip.hpp"

#include "store/archives.hpp"

namespace pmx {
namespace {

using namespace test;
using testing::HasSubstr;

class Gzip : public testing::Test {
  protected:
    Inflater inflater;
    UnpackLimits limits;
    // Whole, and in pieces: one answer.
    std::string out(std::string_view bytes) {
        WholeArchive whole(bytes);
        std::string all = out_of(whole);
        for (std::size_t piece : {bytes.size() / 3 + 1, std::max<std::size_t>(bytes.size() / 5000, 1), std::size_t{65536}}) {
            InPieces pieces(bytes, piece);
            EXPECT_TRUE(out_of(pieces) == all) << bytes.size() << " bytes in pieces of " << piece;
        }
        return all;
    }
    std::string out_of(ArchiveSource& source) {
        std::string all;
        auto failed = [](const Error& error) {
            EXPECT_EQ(error.code, Code::ARCHIVE);
            return "error: " + error.what;
        };
        if (auto opened = inflater.open(source, "test", limits); !opened) return failed(opened.error());
        for (std::size_t turn = 0;; ++turn) {
            const std::size_t least = 1 + turn * 7919 % 3000;
            auto piece = inflater.look(least);
            if (!piece) return failed(piece.error());
            if (piece->empty()) return all;
            // Some of it, or all: what was not taken comes again.
            const std::size_t some = turn % 3 ? piece->size() : std::min(piece->size(), least);
            all.append(*piece, 0, some);
            inflater.take(some);
        }
    }
};

TEST_F(Gzip, RoundTripsOfManySizesThroughOneBuffer) {
    // From 4 MB on it comes in windows.
    for (std::size_t size : {0u, 1u, 511u, 5000u, 3u << 20, 100u, 9u << 20, 1u << 16, 5u << 20}) {
        std::string body = noise(size / 3 + 1, 5) + std::string(size, 'a');
        for (int level : {1, 6, 12}) EXPECT_TRUE(out(gzip(body, level)) == body) << size;
    }
}

TEST_F(Gzip, SeveralMembersAreOne) {
    std::string a = noise(70'000, 1), b(200'000, 'z');
    EXPECT_TRUE(out(gzip(a) + gzip("") + gzip(b)) == a + b);
    std::string c = noise(6u << 20, 2);
    EXPECT_TRUE(out(gzip(c) + gzip(a)) == c + a) << "the size at the end is the small one's";
    EXPECT_TRUE(out(gzip(a) + gzip(c) + gzip("") + gzip(b)) == a + c + b);
}

TEST_F(Gzip, WhatFollowsTheLastMemberIsIgnored) {
    EXPECT_EQ(out(gzip("body") + std::string(512, '\0')), "body");
    EXPECT_EQ(out(gzip("body") + "garbage"), "body");
    EXPECT_EQ(out(gzip("body") + "\x1f"), "body");
    std::string large = noise(5u << 20, 6);
    for (std::string_view after : {"garbage", "\x1f", "g", ""}) EXPECT_TRUE(out(gzip(large) + std::string(after)) == large) << after;
    EXPECT_TRUE(out(gzip(large) + std::string(700, '\0')) == large);
    EXPECT_EQ(out(gzip(std::string(1u << 20, 'q')) + std::string(8, '\xff')), std::string(1u << 20, 'q')) << "a size hint that lies";
}

TEST_F(Gzip, MembersThatMeetAnywhereInTwoPieces) {
    std::string a = noise(700, 8), b = noise(900, 9), bytes = gzip(a) + gzip(b), lone = gzip(a) + "\x1f" + "x";
    const std::size_t meet = gzip(a).size();
    ASSERT_GT(meet, 512u);
    for (std::size_t first = meet - 12; first < meet + 12; ++first) {
        InPieces pieces(bytes, first);
        EXPECT_TRUE(out_of(pieces) == a + b) << first - meet;
        InPieces garbage(lone, first);
        EXPECT_TRUE(out_of(garbage) == a) << first - meet;
    }
}

// A server may announce what it likes: what is made never runs ahead of what has come.
TEST_F(Gzip, ABombThatArrivesIsHeldBack) {
    limits.ratio = 20;
    std::string zeros = gzip(std::string(200u << 20, '\0')), random = gzip(noise(12u << 20, 4));
    InPieces pieces(zeros, 1000);
    ASSERT_TRUE(inflater.open(pieces, "test", limits));
    std::uint64_t made = 0;
    for (;;) {
        auto piece = inflater.look(1);
        if (!piece) {
            EXPECT_THAT(piece.error().what, HasSubstr("unpacks to more than"));
            break;
        }
        ASSERT_FALSE(piece->empty());
        made += piece->size();
        inflater.take(piece->size());
    }
    EXPECT_LE(made, 65u << 20);
    // The same zeros are no bomb in front of so much that does not compress: that is waited for.
    const std::string both = zeros + random;
    InPieces late(both, 1000);
    std::string all = out_of(late);
    EXPECT_EQ(all.size(), (200u << 20) + (12u << 20)) << all.substr(0, 100);
}

// What is taken for a size at the end sends it through the windows.
const std::string kLie = "\xff\xff\xff\x7f";

TEST_F(Gzip, EveryTruncationIsAnError) {
    std::string whole = gzip(noise(300, 1) + "tail");
    for (std::size_t size = 2; size < whole.size(); ++size) {
        EXPECT_THAT(out(whole.substr(0, size)), HasSubstr("error: "));
        EXPECT_THAT(out(whole.substr(0, size) + kLie), HasSubstr("error: "));
    }
    EXPECT_EQ(out(whole + kLie), noise(300, 1) + "tail");
    EXPECT_THAT(out(gzip("x") + whole.substr(0, whole.size() - 1)), HasSubstr("truncated or damaged")) << "a second member";
    std::string large = gzip(noise(5u << 20, 3));
    for (std::size_t size : {100uz, 70'000uz, large.size() / 2, large.size() - 9, large.size() - 8, large.size() - 1})
        EXPECT_THAT(out(large.substr(0, size)), HasSubstr("truncated or damaged")) << size;
}

TEST_F(Gzip, EveryFlippedBitIsAnErrorOrTheSameBytes) {
    std::string body = noise(200, 1), whole = gzip(body);
    for (std::size_t bit = 16; bit < whole.size() * 8; ++bit) {
        std::string bad = whole;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
        const std::string lie = bad + kLie;
        WholeArchive whole_bytes(bad), in_windows(lie);
        InPieces in_pieces(bad, 50);
        for (ArchiveSource* source : std::initializer_list<ArchiveSource*>{&whole_bytes, &in_windows, &in_pieces}) {
            std::string got = out_of(*source);
            EXPECT_TRUE(got == body || got.starts_with("error: ")) << bit;
        }
    }
}

TEST_F(Gzip, FlippedBitsOfALargeOneToo) {
    std::string body = noise(5u << 20, 4), whole = gzip(body, 1);
    for (std::size_t at = 2; at < whole.size(); at += 1 + whole.size() / 97) {
        std::string bad = whole;
        bad[at] = static_cast<char>(bad[at] ^ 0x10);
        std::string got = out(bad);
        EXPECT_TRUE(got == body || got.starts_with("error: ")) << at;
    }
}

TEST_F(Gzip, TheBoundHoldsInWindowsToo) {
    limits.unpacked_bytes = 6u << 20;
    EXPECT_EQ(out(gzip(std::string(6u << 20, 'x'))).size(), 6u << 20);
    EXPECT_THAT(out(gzip(std::string((6u << 20) + 1, 'x'))), HasSubstr("6291456"));
    EXPECT_THAT(out(gzip(noise(5u << 20, 1)) + gzip(std::string(2u << 20, 'x'))), HasSubstr("6291456"));
}

TEST_F(Gzip, OtherFormatsAreNamed) {
    using namespace std::string_literals;
    EXPECT_THAT(out(""), HasSubstr("it is empty"));
    EXPECT_THAT(out("\xFD"s + "7zXZ\0"s + std::string(600, 'x')), HasSubstr("xz"));
    EXPECT_THAT(out("BZh9" + std::string(600, 'x')), HasSubstr("bzip2"));
    EXPECT_THAT(out("\x28\xB5\x2F\xFD" + std::string(600, 'x')), HasSubstr("zstd"));
    EXPECT_THAT(out("PK\x03\x04" + std::string(600, 'x')), HasSubstr("zip"));
    EXPECT_THAT(out("<html>sign in</html>"), HasSubstr("HTML"));
    EXPECT_THAT(out("{\"error\":\"x\"}"), HasSubstr("JSON"));
    EXPECT_THAT(out("hello"), HasSubstr("neither gzip nor tar"));
    std::string plain = tar({{"package/a", "x"}});
    EXPECT_EQ(out(plain), plain) << "a plain tar is taken as it is";
}

}  // namespace
}  // namespace pmx
