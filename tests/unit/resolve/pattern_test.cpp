// Name patterns: pnpm's recorded calls.
#include <gtest/gtest.h>

#include "model/pattern.hpp"
#include "model/vectors.hpp"

namespace pmx {
namespace {

TEST(pattern, recorded_calls) {
    PMX_VECTORS(json, "pnpm-vectors/matcher.json");
    std::size_t checked = 0;
    for (const test::Json& c : json["cases"]) {
        if (!c.contains("callArgs")) continue;
        std::vector<std::string> patterns;
        if (c["args"][0].is_string()) patterns.push_back(c["args"][0]);
        else patterns = c["args"][0].get<std::vector<std::string>>();
        PatternList list(patterns);
        std::string name = c["callArgs"][0];
        if (c["result"].is_boolean()) EXPECT_EQ(list.matches(name), c["result"].get<bool>()) << c.dump();
        else EXPECT_EQ(list.match(name), c["result"].get<int>()) << c.dump();
        ++checked;
    }
    EXPECT_EQ(checked, 43u);
}

TEST(pattern, a_list_of_nothing_lets_nothing_in) { EXPECT_FALSE(PatternList().matches("a")); }

}  // namespace
}  // namespace pmx
