// What pnpm 12.21 selects in this workspace, filter by filter, as the command was asked.
#include "config/filter.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace pmx {
namespace {

WorkspaceProject project(const char* dir, const char* manifest) { return {dir, *parse_manifest(manifest, dir)}; }

std::vector<WorkspaceProject> workspace() {
    return {project(".", R"({"name":"root"})"),
            project("apps/deep/two", R"({"name":"two","devDependencies":{"one":"workspace:*"}})"),
            project("apps/noname", R"({"dependencies":{"a":"workspace:*"}})"),
            project("apps/one", R"({"name":"one","dependencies":{"a":"workspace:*"},"peerDependencies":{"d":"*"}})"),
            project("packages/a", R"({"name":"a","version":"1.0.0","dependencies":{"b":"workspace:*"}})"),
            project("packages/b", R"({"name":"b","dependencies":{"@s/c":"workspace:*"},"devDependencies":{"d":"workspace:*"}})"),
            project("packages/c", R"({"name":"@s/c","version":"1.0.0"})"),
            project("packages/d", R"({"name":"d","optionalDependencies":{"@s/c":"workspace:*"}})"),
            project("packages/sc", R"({"name":"@t/sc","dependencies":{"a":"^1.0.0"}})")};
}

// The last component of each directory; "root" for the root. A filter that starts with "prod " is a --filter-prod.
std::string selected(const std::vector<std::string>& filters, const std::string& dir = "/w", bool by_range = false, bool with_root = false) {
    std::vector<ProjectSelector> selectors;
    for (const std::string& filter : filters) {
        bool production = filter.starts_with("prod ");
        auto selector = parse_selector(production ? filter.substr(5) : filter, production);
        if (!selector) return "error";
        selectors.push_back(*selector);
    }
    FilterContext context{"/w", dir, by_range, with_root, {}};
    context.changed = [](const std::string&) { return Result<std::vector<std::string>>(std::vector<std::string>{"packages/b/src/deep", "apps"}); };
    auto projects = workspace();
    auto chosen = select_projects(projects, selectors, context);
    if (!chosen) return "error";
    std::string out;
    for (std::size_t i : *chosen) {
        std::string_view at = projects[i].dir;
        at = at == "." ? "root" : at.substr(at.rfind('/') + 1);
        out += (out.empty() ? "" : " ") + std::string(at);
    }
    return out;
}

TEST(Filter, Names) {
    EXPECT_EQ(selected({"a"}), "a");
    EXPECT_EQ(selected({"a", "b"}), "a b");
    EXPECT_EQ(selected({"@s/*"}), "c");
    EXPECT_EQ(selected({"c"}), "c");
    EXPECT_EQ(selected({"sc"}), "sc");
    EXPECT_EQ(selected({"*"}), "root two one a b c d sc");
    EXPECT_EQ(selected({"root"}), "root");
    for (const char* filter : {"nope", "no*", "^a", "a^", "packages/a", "apps/*", "@s/c@1.0.0", "a,b"}) EXPECT_EQ(selected({filter}), "") << filter;
}

TEST(Filter, DependenciesAndDependents) {
    EXPECT_EQ(selected({"a..."}), "a b c d");
    EXPECT_EQ(selected({"...a"}), "two noname one a");
    EXPECT_EQ(selected({"a^..."}), "b c d");
    EXPECT_EQ(selected({"...^a"}), "two noname one");
    EXPECT_EQ(selected({"...a..."}), "two noname one a b c d");
    EXPECT_EQ(selected({"two^..."}), "one a b c d");
    EXPECT_EQ(selected({"...@s/c"}), "two noname one a b c d");
    EXPECT_EQ(selected({"...^@s/c"}), "two noname one a b d");
}

TEST(Filter, ForProduction) {
    EXPECT_EQ(selected({"prod b..."}), "b c");
    EXPECT_EQ(selected({"prod ...@s/c"}), "noname one a b c d");
    EXPECT_EQ(selected({"a", "prod b..."}), "a b c");
}

TEST(Filter, Directories) {
    EXPECT_EQ(selected({"./packages/a"}), "a");
    EXPECT_EQ(selected({"./packages"}), "");
    EXPECT_EQ(selected({"./packages/*"}), "a b c d sc");
    EXPECT_EQ(selected({"./packages/**"}), "a b c d sc");
    EXPECT_EQ(selected({"{packages/a}"}), "a");
    EXPECT_EQ(selected({"{./packages/**}"}), "a b c d sc");
    EXPECT_EQ(selected({"...{packages/b}"}), "two noname one a b");
    EXPECT_EQ(selected({"{packages/b}..."}), "b c d");
    EXPECT_EQ(selected({"b{packages/*}"}), "b");
    EXPECT_EQ(selected({"a{packages/b}"}), "");
    EXPECT_EQ(selected({"./apps/**"}), "two noname one");
    EXPECT_EQ(selected({"./apps/deep"}), "");
    EXPECT_EQ(selected({"."}), "root");
    EXPECT_EQ(selected({".."}), "");
    EXPECT_EQ(selected({"."}, "/w/packages/a"), "a");
    EXPECT_EQ(selected({"./"}, "/w/packages/a"), "a");
    EXPECT_EQ(selected({"../b"}, "/w/packages/a"), "b");
    EXPECT_EQ(selected({"{../b}"}, "/w/packages/a"), "b");
    EXPECT_EQ(selected({"./packages/b"}, "/w/packages/a"), "");
    EXPECT_EQ(selected({"/elsewhere/**"}), "");
}

TEST(Filter, Exclusions) {
    EXPECT_EQ(selected({"!a"}), "two noname one b c d sc");
    EXPECT_EQ(selected({"!a"}, "/w", false, true), "root two noname one b c d sc");
    EXPECT_EQ(selected({"b...", "!b"}), "c d");
    EXPECT_EQ(selected({"!b", "b..."}), "c d");
    EXPECT_EQ(selected({"!@s/*"}), "two noname one a b d sc");
    EXPECT_EQ(selected({"!b..."}), "two noname one a sc");
    EXPECT_EQ(selected({"a...", "!@s/c..."}), "a b d");
    EXPECT_EQ(selected({"prod !b"}), "two noname one a c d sc");
}

TEST(Filter, RangesMeanProjectsOnlyWhereTheyAreLinked) {
    EXPECT_EQ(selected({"...^a"}, "/w", false), "two noname one");
    EXPECT_EQ(selected({"...^a"}, "/w", true), "two noname one sc");
}

// A changed file belongs to the innermost project around it; "apps" is in none but the root.
TEST(Filter, ChangedSince) {
    EXPECT_EQ(selected({"[HEAD]"}), "root b");
    EXPECT_EQ(selected({"...[HEAD]"}), "root two noname one a b");
    EXPECT_EQ(selected({"{packages/*}[HEAD]"}), "b");
    EXPECT_EQ(selected({"a[HEAD]"}), "");
}

TEST(Filter, WhatSaysNothing) {
    for (const char* filter : {"", "...", "!", "^...", "a{", "a{}", "a[", "[]", "a{b}c"}) EXPECT_EQ(selected({filter}), "error") << filter;
}

TEST(Filter, CirclesAndDepthEnd) {
    std::vector<WorkspaceProject> projects;
    for (int i = 0; i < 20000; ++i) {
        std::string next = std::to_string((i + 1) % 20000);
        projects.push_back({"p/" + std::to_string(i), {}});
        projects.back().manifest.name = "n" + std::to_string(i);
        projects.back().manifest.dependencies = {{"n" + next, "workspace:*"}};
    }
    auto chosen = select_projects(projects, {*parse_selector("...n7...")}, {"/w", "/w", false, false, {}});
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->size(), 20000u);
    std::string stars;
    for (int i = 0; i < 200; ++i) stars += "/**";
    EXPECT_EQ(selected({"." + stars + "/x"}), "");
}

}  // namespace
}  // namespace pmx
