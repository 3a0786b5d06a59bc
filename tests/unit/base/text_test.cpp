#include "base/text.hpp"

#include <gtest/gtest.h>

#include "base/fs.hpp"

using namespace pmx;

TEST(Text, ControlBytesNeverReachTheTerminal) {
    EXPECT_EQ(printable("a\x1b[31mb\xff"), "a\\x1b[31mb\\xff");
    EXPECT_EQ(printable("grün"), "grün");
    EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");
}

TEST(Text, Base64RoundTrip) {
    std::vector<std::uint8_t> bytes{0, 1, 2, 250, 251};
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    EXPECT_EQ(from_base64("a"), std::nullopt);
    EXPECT_EQ(from_base64("a=b="), std::nullopt);
}

TEST(Text, JsonWriterNestsAndEscapes) {
    std::string out;
    JsonWriter w(out);
    w.object().key("a").value("x\"\n").key("b").array().value(1).value(true).null().end().end();
    EXPECT_EQ(out, R"({"a":"x\"\n","b":[1,true,null]})");
}

TEST(Paths, JoinIsLexical) {
    EXPECT_EQ(join_path("/a/b", "../c/./d"), "/a/c/d");
    EXPECT_EQ(join_path("a", "../../x"), "../x");
    EXPECT_EQ(join_path("/a", "/b"), "/b");
    EXPECT_EQ(join_path("/", ".."), "/");
}

TEST(Paths, RelativeFindsTheWay) {
    EXPECT_EQ(relative_path("node_modules", "node_modules/.pnpm/a"), ".pnpm/a");
    EXPECT_EQ(relative_path("/a/b/c", "/a/d"), "../../d");
    EXPECT_EQ(relative_path("/a", "/a"), ".");
}
