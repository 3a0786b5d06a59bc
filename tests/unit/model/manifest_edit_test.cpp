// What pnpm 12.21 writes for the same edit where it keeps the file's form; where it formats the whole file anew, only the
// lines concerned change here. The expected texts were taken from the real command.
#include "model/manifest_edit.hpp"

#include <gtest/gtest.h>

#include "model/manifest.hpp"

namespace pmx {
namespace {

ManifestEdit opened(std::string_view text) {
    auto edit = ManifestEdit::open(text, "package.json");
    EXPECT_TRUE(edit) << (edit ? "" : edit.error().what);
    return std::move(*edit);
}

std::string with_aa(std::string_view text) {
    ManifestEdit edit = opened(text);
    edit.set("dependencies", "aa", "^2.1.0");
    return edit.text();
}

std::string without(std::string_view text, std::string_view group, std::string_view name) {
    ManifestEdit edit = opened(text);
    EXPECT_TRUE(edit.remove(group, name));
    return edit.text();
}

TEST(ManifestEdit, ANewGroupComesLast) {
    EXPECT_EQ(with_aa("{\n  \"name\": \"x\",\n  \"version\": \"1.0.0\"\n}\n"),
              "{\n  \"name\": \"x\",\n  \"version\": \"1.0.0\",\n  \"dependencies\": {\n    \"aa\": \"^2.1.0\"\n  }\n}\n");
    EXPECT_EQ(with_aa("{\n  \"devDependencies\": {},\n  \"name\": \"x\"\n}\n"),
              "{\n  \"devDependencies\": {},\n  \"name\": \"x\",\n  \"dependencies\": {\n    \"aa\": \"^2.1.0\"\n  }\n}\n");
}

TEST(ManifestEdit, IndentationLineEndsAndTheEndOfTheFileStay) {
    EXPECT_EQ(with_aa("{\n    \"name\": \"x\"\n}"), "{\n    \"name\": \"x\",\n    \"dependencies\": {\n        \"aa\": \"^2.1.0\"\n    }\n}");
    EXPECT_EQ(with_aa("{\n\t\"name\": \"x\"\n}\n"), "{\n\t\"name\": \"x\",\n\t\"dependencies\": {\n\t\t\"aa\": \"^2.1.0\"\n\t}\n}\n");
    EXPECT_EQ(with_aa("{\r\n  \"name\": \"x\"\r\n}\r\n"),
              "{\r\n  \"name\": \"x\",\r\n  \"dependencies\": {\r\n    \"aa\": \"^2.1.0\"\r\n  }\r\n}\r\n");
    EXPECT_EQ(with_aa("{\"name\":\"x\"}"), "{\"name\":\"x\",\"dependencies\":{\"aa\":\"^2.1.0\"}}");
    EXPECT_EQ(with_aa("{}\n"), "{\"dependencies\":{\"aa\":\"^2.1.0\"}}\n");
    EXPECT_EQ(with_aa("\xEF\xBB\xBF{\n  \"name\": \"x\"\n}\n"),
              "\xEF\xBB\xBF{\n  \"name\": \"x\",\n  \"dependencies\": {\n    \"aa\": \"^2.1.0\"\n  }\n}\n");
}

TEST(ManifestEdit, AFileThatIsNotThereYet) { EXPECT_EQ(with_aa(""), "{\n  \"dependencies\": {\n    \"aa\": \"^2.1.0\"\n  }\n}\n"); }

TEST(ManifestEdit, EntriesStandByTheirBytes) {
    EXPECT_EQ(with_aa("{\n  \"dependencies\": {\n    \"@s/dd\": \"1.0.0\",\n    \"zz\": \"^1.0.0\"\n  }\n}\n"),
              "{\n  \"dependencies\": {\n    \"@s/dd\": \"1.0.0\",\n    \"aa\": \"^2.1.0\",\n    \"zz\": \"^1.0.0\"\n  }\n}\n");
    ManifestEdit edit = opened("{\n  \"dependencies\": {\n    \"ab\": \"1\"\n  }\n}\n");
    for (const char* name : {"a_b", "aB", "B", "a.b", "a-b"}) edit.set("dependencies", name, "1");
    EXPECT_EQ(edit.text(), "{\n  \"dependencies\": {\n    \"B\": \"1\",\n    \"a-b\": \"1\",\n    \"a.b\": \"1\",\n    \"aB\": \"1\",\n"
                           "    \"a_b\": \"1\",\n    \"ab\": \"1\"\n  }\n}\n");
}

TEST(ManifestEdit, ANewNameSortsItsGroupAndNoOther) {
    EXPECT_EQ(with_aa("{\n  \"dependencies\": {\n    \"zz\": \"1\",\n    \"cc\": \"2\"\n  },\n  \"devDependencies\": {\n    \"zz\": \"1\",\n    \"bb\": \"1\"\n  }\n}\n"),
              "{\n  \"dependencies\": {\n    \"aa\": \"^2.1.0\",\n    \"cc\": \"2\",\n    \"zz\": \"1\"\n  },\n  \"devDependencies\": {\n    \"zz\": \"1\",\n    \"bb\": \"1\"\n  }\n}\n");
}

TEST(ManifestEdit, AValueChangesInItsPlace) {
    EXPECT_EQ(with_aa("{ \"dependencies\": {\"zz\":\"1\",   \"aa\" :  \"^1.0.0\"} , \"n\": 1.0, \"m\": 1e3,\"s\": \"\\u00e9 \\/\" }"),
              "{ \"dependencies\": {\"zz\":\"1\",   \"aa\" :  \"^2.1.0\"} , \"n\": 1.0, \"m\": 1e3,\"s\": \"\\u00e9 \\/\" }");
}

TEST(ManifestEdit, WhatStaysAsItWasChangesNothing) {
    const char* text = "{\n  \"name\": \"x\", \"dependencies\": {\"aa\": \"^2.1.0\"}\n}\n";
    EXPECT_EQ(with_aa(text), text);
    ManifestEdit edit = opened(text);
    EXPECT_FALSE(edit.remove("dependencies", "bb"));
    EXPECT_FALSE(edit.remove("devDependencies", "aa"));
    EXPECT_EQ(edit.text(), text);
}

TEST(ManifestEdit, OneLineKeepsItsSpaces) {
    EXPECT_EQ(with_aa("{ \"name\": \"x\", \"dependencies\": { \"zz\": \"1\" } }"),
              "{ \"name\": \"x\", \"dependencies\": { \"aa\": \"^2.1.0\", \"zz\": \"1\" } }");
    EXPECT_EQ(without("{ \"name\": \"x\", \"dependencies\": { \"aa\": \"1\", \"zz\": \"1\" } }", "dependencies", "aa"),
              "{ \"name\": \"x\", \"dependencies\": { \"zz\": \"1\" } }");
}

TEST(ManifestEdit, TheLastOneTakesItsGroupWithIt) {
    EXPECT_EQ(without("{\n  \"name\": \"x\",\n  \"dependencies\": {\n    \"aa\": \"1\"\n  },\n  \"z\": 1\n}\n", "dependencies", "aa"),
              "{\n  \"name\": \"x\",\n  \"z\": 1\n}\n");
    EXPECT_EQ(without("{\n  \"name\": \"x\",\n  \"dependencies\": {\n    \"aa\": \"1\"\n  }\n}\n", "dependencies", "aa"), "{\n  \"name\": \"x\"\n}\n");
    EXPECT_EQ(without("{\n  \"dependencies\": {\n    \"aa\": \"1\"\n  },\n  \"name\": \"x\"\n}\n", "dependencies", "aa"), "{\n  \"name\": \"x\"\n}\n");
    EXPECT_EQ(without("{\n  \"dependencies\": {\n    \"aa\": \"1\",\n    \"bb\": \"1\"\n  }\n}\n", "dependencies", "bb"),
              "{\n  \"dependencies\": {\n    \"aa\": \"1\"\n  }\n}\n");
}

TEST(ManifestEdit, FromOneGroupToAnother) {
    ManifestEdit edit = opened("{\n  \"dependencies\": {\n    \"aa\": \"^1.0.0\"\n  },\n  \"devDependencies\": {\n    \"zz\": \"^1.0.0\"\n  }\n}\n");
    edit.remove("dependencies", "aa");
    edit.set("devDependencies", "aa", "^1.0.0");
    EXPECT_EQ(edit.text(), "{\n  \"devDependencies\": {\n    \"aa\": \"^1.0.0\",\n    \"zz\": \"^1.0.0\"\n  }\n}\n");
}

TEST(ManifestEdit, AGroupThatGoesAndComesBack) {
    ManifestEdit edit = opened("{\n  \"dependencies\": {\n    \"aa\": \"1\"\n  },\n  \"name\": \"x\"\n}\n");
    edit.remove("dependencies", "aa");
    edit.set("dependencies", "bb", "2");
    EXPECT_EQ(edit.text(), "{\n  \"name\": \"x\",\n  \"dependencies\": {\n    \"bb\": \"2\"\n  }\n}\n");
}

TEST(ManifestEdit, KeysWrittenTwiceCountAsTheLast) {
    const char* text = "{\n  \"dependencies\": {\"zz\": \"1\"},\n  \"dependencies\": {\"aa\": \"1\", \"aa\": \"2\"}\n}";
    EXPECT_EQ(with_aa(text), "{\n  \"dependencies\": {\"zz\": \"1\"},\n  \"dependencies\": {\"aa\": \"1\", \"aa\": \"^2.1.0\"}\n}");
    // The one in front must not come back to life.
    EXPECT_EQ(without(text, "dependencies", "aa"), "{\n}");
}

TEST(ManifestEdit, KeysWithEscapesAreFound) {
    EXPECT_EQ(with_aa("{\n  \"depend\\u0065ncies\": {\n    \"\\u0061a\": \"1\"\n  }\n}"),
              "{\n  \"depend\\u0065ncies\": {\n    \"\\u0061a\": \"^2.1.0\"\n  }\n}");
}

TEST(ManifestEdit, AGroupOfAnotherTypeMakesRoom) {
    EXPECT_EQ(with_aa("{\n  \"dependencies\": [],\n  \"x\": null\n}\n"), "{\n  \"dependencies\": {\n    \"aa\": \"^2.1.0\"\n  },\n  \"x\": null\n}\n");
}

TEST(ManifestEdit, DependenciesMeta) {
    ManifestEdit edit = opened("{\n  \"name\": \"x\"\n}\n");
    edit.set_meta("aa", "injected", true);
    EXPECT_EQ(edit.text(), "{\n  \"name\": \"x\",\n  \"dependenciesMeta\": {\n    \"aa\": {\n      \"injected\": true\n    }\n  }\n}\n");
    edit = opened("{\n  \"dependenciesMeta\": {\n    \"aa\": {\"note\": 1}\n  }\n}\n");
    edit.set_meta("aa", "injected", true);
    EXPECT_EQ(edit.text(), "{\n  \"dependenciesMeta\": {\n    \"aa\": {\"note\": 1, \"injected\": true}\n  }\n}\n");
    EXPECT_TRUE(edit.remove_meta("aa"));
    EXPECT_EQ(edit.text(), "{\n  \"dependenciesMeta\": {\n  }\n}\n");
}

TEST(ManifestEdit, WhatIsNoObjectIsRefused) {
    for (const char* text : {"[]", "\"x\"", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":\"", "{,}", "{\"a\":[}"}) {
        auto edit = ManifestEdit::open(text, "package.json");
        ASSERT_FALSE(edit) << text;
        EXPECT_EQ(edit.error().code, Code::MANIFEST);
    }
}

TEST(ManifestEdit, DepthAndSizeCostNothing) {
    std::string deep = "{\"a\":" + std::string(2000000, '[') + std::string(2000000, ']') + "}";
    EXPECT_EQ(with_aa(deep).size(), deep.size() + std::string_view(",\"dependencies\":{\"aa\":\"^2.1.0\"}").size());
    std::string wide = "{\"dependencies\":{\"b0\":\"1\"";
    for (int i = 1; i < 100000; ++i) wide += ",\"b" + std::to_string(i) + "\":\"1\"";
    wide += "}}";
    std::string edited = with_aa(wide);
    auto manifest = parse_manifest(edited, "package.json");
    ASSERT_TRUE(manifest);
    EXPECT_EQ(manifest->dependencies.size(), 100001u);
}

}  // namespace
}  // namespace pmx
