#include "cli/chooser.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace pmx {
namespace {

std::string after(std::size_t count, std::initializer_list<std::string_view> keys) {
    Choice choice(count);
    for (std::string_view key : keys) {
        Choice::Next next = choice.key(key);
        if (next == Choice::Next::cancelled) return "cancelled";
        if (next == Choice::Next::done) break;
    }
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += choice.chosen()[i] ? '1' + static_cast<char>(i) : '.';
    return out;
}

TEST(Chooser, KeysMoveAndChoose) {
    EXPECT_EQ(after(3, {" ", "\r"}), "1..");
    EXPECT_EQ(after(3, {"\x1b[B", " ", "j", " ", "\n"}), ".23");
    EXPECT_EQ(after(3, {"\x1b[A", " "}), "..3");
    EXPECT_EQ(after(3, {"k", "k", "k", " ", " "}), "...");
    EXPECT_EQ(after(3, {"2", "3", "2"}), "..3");
    EXPECT_EQ(after(3, {"a"}), "123");
    EXPECT_EQ(after(3, {"a", "a"}), "...");
    EXPECT_EQ(after(3, {" ", "i"}), ".23");
    EXPECT_EQ(after(3, {"9", "x", "\x1b[Z", "\xff"}), "...");
}

TEST(Chooser, WhoLeavesChoosesNothing) {
    for (std::string_view key : {"q", "\x1b", "\x03", ""}) EXPECT_EQ(after(2, {" ", key}), "cancelled");
    EXPECT_EQ(after(0, {" ", "j", "k", "a", "\r"}), "");
}

TEST(Chooser, WithoutATerminalItSaysSo) {
    if (::isatty(STDIN_FILENO) == 1) GTEST_SKIP() << "this is a terminal";
    auto chosen = choose("?", {"a"}, {});
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().code, Code::USAGE);
}

}  // namespace
}  // namespace pmx
