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
    std::string out(std::string_view bytes) {
        auto result = inflater.inflate(bytes, "test", limits);
        if (!result) {
            EXPECT_EQ(result.error().code, Code::ARCHIVE);
            return "error: " + result.error().what;
        }
        return std::string(*result);
    }
};

TEST_F(Gzip, RoundTripsOfManySizesThroughOneBuffer) {
    for (std::size_t size : {0u, 1u, 511u, 5000u, 3u << 20, 100u, 1u << 16}) {
        std::string body = noise(size / 3 + 1, 5) + std::string(size, 'a');
        for (int level : {1, 6, 12}) EXPECT_TRUE(out(gzip(body, level)) == body) << size;
    }
}

TEST_F(Gzip, SeveralMembersAreOne) {
    std::string a = noise(70'000, 1), b(200'000, 'z');
    EXPECT_TRUE(out(gzip(a) + gzip("") + gzip(b)) == a + b);
}

TEST_F(Gzip, WhatFollowsTheLastMemberIsIgnored) {
    EXPECT_EQ(out(gzip("body") + std::string(512, '\0')), "body");
    EXPECT_EQ(out(gzip("body") + "garbage"), "body");
    EXPECT_EQ(out(gzip("body") + "\x1f"), "body");
    EXPECT_EQ(out(gzip(std::string(1u << 20, 'q')) + std::string(8, '\xff')), std::string(1u << 20, 'q')) << "a size hint that lies";
}

TEST_F(Gzip, EveryTruncationIsAnError) {
    std::string whole = gzip(noise(300, 1) + "tail");
    for (std::size_t size = 2; size < whole.size(); ++size) EXPECT_THAT(out(whole.substr(0, size)), HasSubstr("error: "));
    EXPECT_THAT(out(gzip("x") + whole.substr(0, whole.size() - 1)), HasSubstr("truncated or damaged")) << "a second member";
}

TEST_F(Gzip, EveryFlippedBitIsAnErrorOrTheSameBytes) {
    std::string body = noise(200, 1), whole = gzip(body);
    for (std::size_t bit = 16; bit < whole.size() * 8; ++bit) {
        std::string bad = whole;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
        std::string got = out(bad);
        EXPECT_TRUE(got == body || got.starts_with("error: ")) << bit;
    }
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
