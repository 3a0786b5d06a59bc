#include "config/workspace_edit.hpp"

#include <gtest/gtest.h>

namespace pmx {
namespace {

std::string put(std::string_view text, std::string_view catalog, std::string_view name, std::string_view specifier) {
    auto edited = with_catalog_entry(text, catalog, name, specifier, "pnpm-workspace.yaml");
    return edited ? *edited : "error: " + edited.error().what;
}

TEST(WorkspaceEdit, AValueChangesAndNothingElse) {
    EXPECT_EQ(put("packages: [a]\ncatalog:\n  # note\n  aa:   \"^1.0.0\" # x\n\n  zz: 1.0.0\n", "default", "aa", "^1.2.0"),
              "packages: [a]\ncatalog:\n  # note\n  aa:   ^1.2.0 # x\n\n  zz: 1.0.0\n");
    EXPECT_EQ(put("catalogs:\n  two:\n    bb: ~1.0.0\n", "two", "bb", "~1.3.0"), "catalogs:\n  two:\n    bb: ~1.3.0\n");
    EXPECT_EQ(put("catalog: {'@s/dd': ^1.0.0, zz: 1.0.0}\n", "default", "@s/dd", "^2.0.0"), "catalog: {'@s/dd': ^2.0.0, zz: 1.0.0}\n");
    EXPECT_EQ(put("catalog:\r\n  aa: ^1.0.0\r\nx: 1\r\n", "default", "aa", "^1.2.0"), "catalog:\r\n  aa: ^1.2.0\r\nx: 1\r\n");
    EXPECT_EQ(put("# \xC3\xA9\ncatalog: {\xC3\xA9: 1.0.0, aa: ^1.0.0}\n", "default", "aa", "^1.2.0"), "# \xC3\xA9\ncatalog: {\xC3\xA9: 1.0.0, aa: ^1.2.0}\n");
}

TEST(WorkspaceEdit, NewEntriesStandByNameWhereTheOthersDo) {
    EXPECT_EQ(put("packages:\n  - a\ncatalog:\n  zz: 1.0.0\n", "default", "@s/dd", "^1.0.1"), "packages:\n  - a\ncatalog:\n  '@s/dd': ^1.0.1\n  zz: 1.0.0\n");
    EXPECT_EQ(put("catalog:\n    zz: 1.0.0\n    bb: ^1.0.0\n\n# end\nfoo: 1\n", "default", "aa", "^2.1.0"),
              "catalog:\n    zz: 1.0.0\n    bb: ^1.0.0\n    aa: ^2.1.0\n\n# end\nfoo: 1\n");
    EXPECT_EQ(put("catalog: {zz: 1.0.0}\nfoo: 1\n", "default", "aa", "^2.1.0"), "catalog: {aa: ^2.1.0, zz: 1.0.0}\nfoo: 1\n");
    EXPECT_EQ(put("catalog: {aa: 1.0.0}", "default", "zz", "^2.1.0"), "catalog: {aa: 1.0.0, zz: ^2.1.0}");
    EXPECT_EQ(put("catalog:\n  aa: 1.0.0", "default", "zz", "^2.1.0"), "catalog:\n  aa: 1.0.0\n  zz: ^2.1.0");
}

TEST(WorkspaceEdit, NewCatalogs) {
    EXPECT_EQ(put("packages: [a]\n", "default", "aa", "^2.1.0"), "packages: [a]\ncatalog:\n  aa: ^2.1.0\n");
    EXPECT_EQ(put("", "default", "aa", "^2.1.0"), "catalog:\n  aa: ^2.1.0\n");
    EXPECT_EQ(put("packages:\n  - a\ncatalog:\n  zz: \"1.0.0\"", "q", "aa", "^2.1.0"),
              "packages:\n  - a\ncatalog:\n  zz: \"1.0.0\"\ncatalogs:\n  q:\n    aa: ^2.1.0\n");
    EXPECT_EQ(put("catalogs:\n  b:\n    zz: \"1.0.0\"\nx: 1\n", "q", "aa", "^2.1.0"), "catalogs:\n  b:\n    zz: \"1.0.0\"\n  q:\n    aa: ^2.1.0\nx: 1\n");
    EXPECT_EQ(put("catalogs:\n  default:\n    zz: \"1.0.0\"\nx: 1\n", "default", "aa", "^2.1.0"),
              "catalogs:\n  default:\n    aa: ^2.1.0\n    zz: \"1.0.0\"\nx: 1\n");
}

TEST(WorkspaceEdit, QuotesWhereYamlNeedsThem) {
    EXPECT_EQ(put("catalog:\n  aa: ^1.0.0\n", "default", "aa", ">=1"), "catalog:\n  aa: '>=1'\n");
    EXPECT_EQ(put("catalog:\n  aa: ^1.0.0\n", "default", "aa", "*"), "catalog:\n  aa: '*'\n");
    EXPECT_EQ(put("catalog:\n  aa: ^1.0.0\n", "default", "aa", "1"), "catalog:\n  aa: '1'\n");
}

TEST(WorkspaceEdit, WhatCannotBeEditedIsSaid) {
    for (const char* text : {"[]", "catalog: text\n", "catalog:\n  aa: &x ^1.0.0\n", "catalog:\n  aa: >-\n    ^1.0.0\n", "a: [", "catalog:\n"}) {
        auto edited = with_catalog_entry(text, "default", "aa", "^2.0.0", "pnpm-workspace.yaml");
        ASSERT_FALSE(edited) << text << *edited;
        EXPECT_EQ(edited.error().code, Code::CONFIG);
    }
}

}  // namespace
}  // namespace pmx
