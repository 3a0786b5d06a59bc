// What pnpm 12.21 saves, case by case, as the command was asked.
#include "install/saved_specifier.hpp"

#include <gtest/gtest.h>

namespace pmx {
namespace {

std::string added(std::string_view requested, std::string_view version, std::string_view previous = "", SaveRules rules = {}) {
    return added_specifier("aa", requested, previous, {std::string(version), false}, rules);
}
std::string updated(std::string_view text, std::string_view version, bool latest = false) {
    return updated_specifier("aa", text, {std::string(version), false}, latest, {});
}

TEST(SavedSpecifier, RangesOfOneBoundHaveAPrefix) {
    const std::pair<const char*, const char*> known[] = {{"^1.0.0", "^"}, {"~1", "~"}, {"1.2.3", ""}, {"1", "^"}, {"1.2", "~"}, {"1.x", "~"}, {"1.1.x", ""},
                                                         {"1.1.*", ""}, {"*", "^"}, {"=1.2.3", "="}, {"v1.2.3", ""}, {"^ 1.0.0", "^"}, {"^v1.0.0", "^"},
                                                         {"1.0.0-beta.1", ""}, {" ^1.0.0 ", "^"}};
    for (const auto& [range, prefix] : known) EXPECT_EQ(range_prefix(range), prefix) << range;
    for (const char* range : {"", "x", ">=1", "<2", "1.0 - 1.5", "1.0.0||2.0.0", "^1 || ^2", ">=1 <2", "~> 1.0", "latest", "1.2.3.4"})
        EXPECT_EQ(range_prefix(range), std::nullopt) << range;
}

TEST(SavedSpecifier, Added) {
    EXPECT_EQ(added("latest", "2.1.0"), "^2.1.0");
    EXPECT_EQ(added("old", "1.1.5"), "^1.1.5");
    EXPECT_EQ(added("1.0.0", "1.0.0"), "1.0.0");
    EXPECT_EQ(added("=1.0.0", "1.0.0", "~2.0.0"), "=1.0.0");
    EXPECT_EQ(added("v1.1.0", "1.1.0"), "1.1.0");
    EXPECT_EQ(added("1", "1.2.0"), "^1.2.0");
    EXPECT_EQ(added("1.1", "1.1.5"), "~1.1.5");
    EXPECT_EQ(added("1.x", "1.2.0"), "~1.2.0");
    EXPECT_EQ(added("1.1.x", "1.1.5"), "1.1.5");
    EXPECT_EQ(added("*", "2.0.0", "~2.0.0"), "^2.0.0");
    EXPECT_EQ(added(">=1", "2.1.0"), "^2.1.0");
    EXPECT_EQ(added("1.x || 2.x", "2.1.0"), "^2.1.0");
}

TEST(SavedSpecifier, WhatStoodThereDecidesWhereNothingIsAsked) {
    EXPECT_EQ(added("1.0 - 1.1", "1.1.5", "~1.1.5"), "~1.1.5");
    EXPECT_EQ(added("1.0 - 1.1", "1.1.5", "1.0 - 1.1"), "1.0 - 1.1");
    EXPECT_EQ(added("latest", "2.1.0", "~1.1.5"), "~2.1.0");
    EXPECT_EQ(added("latest", "2.1.0", "1.0.0"), "2.1.0");
    EXPECT_EQ(added("latest", "2.1.0", "npm:bb@~1.0.0"), "~2.1.0");
    EXPECT_EQ(added("latest", "2.1.0", "link:../aa"), "^2.1.0");
}

TEST(SavedSpecifier, PrereleasesAreSavedAsTheyAre) {
    EXPECT_EQ(added("beta", "3.0.0-beta.1"), "3.0.0-beta.1");
    EXPECT_EQ(added("^3.0.0-beta.0", "3.0.0-beta.1"), "3.0.0-beta.1");
    EXPECT_EQ(added("~3.0.0-beta.0", "3.0.0-beta.1", "^1.0.0"), "^3.0.0-beta.1");
    EXPECT_EQ(added("beta", "3.0.0-beta.1", "~1.1.5"), "~3.0.0-beta.1");
    EXPECT_EQ(added("beta", "3.0.0-beta.1", "1.0.0"), "3.0.0-beta.1");
}

TEST(SavedSpecifier, PrefixAndExactness) {
    EXPECT_EQ(added("latest", "2.1.0", "", {"~", "rolling", ""}), "~2.1.0");
    EXPECT_EQ(added("latest", "2.1.0", "", {"", "rolling", ""}), "2.1.0");
    EXPECT_EQ(added("^1", "1.2.0", "", {"", "rolling", ""}), "^1.2.0");
}

TEST(SavedSpecifier, Aliases) {
    EXPECT_EQ(added("npm:bb", "2.1.0"), "npm:bb@^2.1.0");
    EXPECT_EQ(added("npm:bb@1", "1.2.0"), "npm:bb@^1.2.0");
    EXPECT_EQ(added("npm:bb@1.0.0", "1.0.0"), "npm:bb@1.0.0");
    EXPECT_EQ(added("npm:@s/dd", "1.0.1"), "npm:@s/dd@^1.0.1");
    EXPECT_EQ(added("npm:bb@beta", "3.0.0-beta.1", "npm:bb@^1.2.0"), "npm:bb@^3.0.0-beta.1");
    EXPECT_EQ(added("jsr:@s/dd", "1.0.1"), "jsr:@s/dd@^1.0.1");
}

TEST(SavedSpecifier, WhatIsOfNoRegistryIsSavedAsAsked) {
    for (const char* text : {"link:../b", "file:../b", "./x.tgz", "git+https://host.example/r.git#v1", "http://host.example/x.tgz", "catalog:", "workspace:../b"})
        EXPECT_EQ(added(text, ""), text);
}

TEST(SavedSpecifier, ProjectsOfTheWorkspace) {
    auto saved = [](std::string_view requested, std::string_view protocol) {
        return added_specifier("bb", requested, "", {"1.3.0", true}, {"^", std::string(protocol), ""});
    };
    for (const char* text : {"workspace:*", "workspace:^", "workspace:~"}) EXPECT_EQ(saved(text, "rolling"), text);
    EXPECT_EQ(saved("workspace:^1", "rolling"), "workspace:^");
    EXPECT_EQ(saved("workspace:~1.2.0", "rolling"), "workspace:~");
    EXPECT_EQ(saved("workspace:1.3.0", "rolling"), "workspace:*");
    EXPECT_EQ(saved("latest", "rolling"), "workspace:^");
    EXPECT_EQ(saved("^1", "rolling"), "workspace:^");
    EXPECT_EQ(saved("workspace:*", "true"), "workspace:^1.3.0");
    EXPECT_EQ(saved("workspace:^", "false"), "workspace:^1.3.0");
    EXPECT_EQ(saved("latest", "true"), "workspace:^1.3.0");
    EXPECT_EQ(saved("latest", "false"), "^1.3.0");
    EXPECT_EQ(saved("workspace:b@*", "rolling"), "workspace:b@*");
    EXPECT_EQ(saved("workspace:b@*", "true"), "workspace:b@^1.3.0");
    EXPECT_EQ(saved("workspace:b@~", "false"), "workspace:b@~1.3.0");
}

TEST(SavedSpecifier, UpdatedKeepsTheFormOfTheRange) {
    EXPECT_EQ(updated("^1.0.0", "1.2.0"), "^1.2.0");
    EXPECT_EQ(updated("~1.0.0", "2.1.0", true), "~2.1.0");
    EXPECT_EQ(updated("1.x", "1.2.0"), "~1.2.0");
    EXPECT_EQ(updated("1", "1.3.0"), "^1.3.0");
    EXPECT_EQ(updated("1.1.x", "1.1.5"), "1.1.5");
    EXPECT_EQ(updated("*", "0.2.0"), "^0.2.0");
    EXPECT_EQ(updated("1.0.0", "1.3.0", true), "1.3.0");
    EXPECT_EQ(updated("=1.0.0", "2.1.0", true), "=2.1.0");
    EXPECT_EQ(updated("v1.0.0", "2.1.0", true), "2.1.0");
    EXPECT_EQ(updated("^3.0.0-beta.0", "3.0.0-beta.1"), "^3.0.0-beta.1");
    EXPECT_EQ(updated("npm:bb@^1.0.0", "2.1.0", true), "npm:bb@^2.1.0");
}

TEST(SavedSpecifier, UpdatedLeavesWhatItCannotSayBetter) {
    for (const char* text : {"", "x", ">=1.0.0", "^1.0.0 || ^2.0.0", "latest", "workspace:^1.0.0", "link:../b", "1.1.0", "v1.1.0"})
        EXPECT_EQ(updated(text, "1.1.0"), text);
    EXPECT_EQ(updated("1.0 - 1.5", "1.3.0", true), "1.0 - 1.5");
    EXPECT_EQ(updated("1.0 - 1.5", "2.1.0", true), "^2.1.0");
    EXPECT_EQ(updated("<2", "2.1.0", true), "^2.1.0");
}

}  // namespace
}  // namespace pmx
