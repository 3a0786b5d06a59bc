#include "registry/packument.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "model/vectors.hpp"
#include "registry/packument_scan.hpp"

namespace pmx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using PackumentPtr = std::shared_ptr<const Packument>;

Result<PackumentPtr> scan(std::string text, std::string_view name = "w") {
    auto kept = std::make_shared<const std::string>(std::move(text));
    return Packument::scan(*kept, kept, name);
}

PackumentPtr scanned(std::string text) {
    auto result = scan(std::move(text));
    if (!result) {
        ADD_FAILURE() << to_string(result.error());
        return *scan("{}");
    }
    return *result;
}

// "versions" with one version, whose manifest is `manifest`.
PackumentPtr one(const std::string& manifest) { return scanned(R"({"name":"w","versions":{"1.0.0":)" + manifest + "}}"); }

VersionManifest read(const PackumentPtr& packument, std::size_t index = 0) {
    auto manifest = packument->manifest(index);
    if (manifest) return *manifest;
    ADD_FAILURE() << to_string(manifest.error());
    return {};
}

std::vector<std::string> versions_of(const Packument& packument) {
    std::vector<std::string> list;
    for (const auto& entry : packument.versions()) list.emplace_back(entry.version);
    return list;
}

TEST(Packument, ListsVersionsHighestFirst) {
    auto p = scanned(R"({"versions":{"1.0.0":{},"1.10.0":{},"1.9.0":{},"2.0.0-rc.2":{},"2.0.0-rc.10":{},"2.0.0":{},"1.0.0-a":{}}})");
    EXPECT_THAT(versions_of(*p), ElementsAre("2.0.0", "2.0.0-rc.10", "2.0.0-rc.2", "1.10.0", "1.9.0", "1.0.0", "1.0.0-a"));
    for (std::size_t i = 0; i < p->versions().size(); ++i) {
        EXPECT_EQ(p->find(p->versions()[i].version), i);
        EXPECT_EQ(p->parsed(i), *Version::parse(p->versions()[i].version));
    }
    EXPECT_EQ(p->find("3.0.0"), std::nullopt);
    EXPECT_EQ(p->find("no version"), std::nullopt);
}

TEST(Packument, LeavesOutWhatIsNoVersion) {
    auto p = scanned(R"({"versions":{"1.0":{},"v1.1.0":{},"1.2.0beta":{},"1.0.0":{},"0.9.0":null,"0.8.0":5,"0.7.0":[],"__proto__":{}}})");
    EXPECT_THAT(versions_of(*p), ElementsAre("v1.1.0", "1.0.0"));
}

TEST(Packument, BuildPartsAreOrderedByTextWhateverTheirPlace) {
    EXPECT_THAT(versions_of(*scanned(R"({"versions":{"1.0.0+b":{},"1.0.0+a":{},"1.0.0":{}}})")), ElementsAre("1.0.0", "1.0.0+a", "1.0.0+b"));
    EXPECT_EQ(scanned(R"({"versions":{"1.0.0+b":{},"1.0.0+a":{}}})")->find("1.0.0+b"), 1u);
}

TEST(Packument, TheLastOfTwoKeysCounts) {
    auto p = scanned(R"({"versions":{"1.0.0":{"deprecated":"first"},"2.0.0":{},"1.0.0":{"deprecated":"second"}},
                         "dist-tags":{"latest":"1.0.0","latest":"2.0.0"}})");
    EXPECT_THAT(versions_of(*p), ElementsAre("2.0.0", "1.0.0"));
    EXPECT_EQ(read(p, 1).deprecated, "second");
    EXPECT_EQ(p->tag("latest"), "2.0.0");
    EXPECT_THAT(versions_of(*scanned(R"({"versions":{"1.0.0":{}},"versions":{"2.0.0":{}}})")), ElementsAre("2.0.0"));
    EXPECT_THAT(versions_of(*scanned(R"({"versions":{"1.0.0":{}},"versions":null})")), ElementsAre());
}

TEST(Packument, TagsAreTextsOnly) {
    auto p = scanned(R"({"dist-tags":{"next":"9.9.9","latest":"1.0.0","bad":{},"worse":null,"odd\u0021":"1.0.0"},"versions":{"1.0.0":{}}})");
    EXPECT_THAT(std::vector(p->dist_tags().begin(), p->dist_tags().end()),
                ElementsAre(Pair("latest", "1.0.0"), Pair("next", "9.9.9"), Pair("odd!", "1.0.0")));
    EXPECT_EQ(p->tag("bad"), "");
    EXPECT_EQ(p->tag("nothing"), "");
}

TEST(Packument, TimesBelongToVersionsInAnyOrder) {
    auto p = scanned(R"({"time":{"created":"c","modified":"m","2.0.0":"t2","0.1.0":"gone","1.0.0":"t1"},
                         "versions":{"1.0.0":{},"1.5.0":{},"2.0.0":{}}})");
    EXPECT_TRUE(p->has_times());
    EXPECT_EQ(p->modified(), "m");
    EXPECT_EQ(p->time("1.0.0"), "t1");
    EXPECT_EQ(p->time("2.0.0"), "t2");
    EXPECT_EQ(p->time("1.5.0"), "");
    EXPECT_EQ(p->time("0.1.0"), "");
    EXPECT_EQ(p->time(std::size_t{0}), "t2");
    for (const char* none : {R"({"versions":{"1.0.0":{}},"time":null})", R"({"versions":{"1.0.0":{}},"modified":"x"})"}) {
        auto bare = scanned(none);
        EXPECT_FALSE(bare->has_times());
        EXPECT_EQ(bare->time("1.0.0"), "");
        EXPECT_EQ(bare->time(std::size_t{0}), "");
    }
    EXPECT_EQ(scanned(R"({"modified":"own","time":{"modified":"other"}})")->modified(), "own");
}

TEST(Packument, ReadsOneVersion) {
    auto m = read(one(R"({"name":"else","version":"1.0.0","dependencies":{"x":"^1"},"deprecated":"no\u0021 \ud83d\ude00",
        "license":{"type":"MIT","url":"u"},"funding":{"url":"f"},"bin":"./a.js","hasInstallScript":true,"_hasShrinkwrap":true,
        "dist":{"integrity":"sha512-x","shasum":"00","tarball":"http:\/\/h\/w.tgz","unpackedSize":1234,"fileCount":5,"signatures":[{}]}})"));
    EXPECT_EQ(m.manifest.name, "w") << "the name that was asked for, whatever the manifest says";
    EXPECT_THAT(m.manifest.dependencies, ElementsAre(Pair("x", "^1")));
    EXPECT_EQ(m.deprecated, "no! \xf0\x9f\x98\x80");
    EXPECT_EQ(m.license, "MIT");
    EXPECT_EQ(m.funding_json, R"({"url":"f"})");
    EXPECT_EQ(m.bin_json, R"("./a.js")");
    EXPECT_EQ(m.integrity, "sha512-x");
    EXPECT_EQ(m.tarball, "http://h/w.tgz");
    EXPECT_EQ(m.unpacked_size, 1234u);
    EXPECT_EQ(m.file_count, 5u);
    EXPECT_TRUE(m.has_install_script);
    EXPECT_TRUE(m.has_shrinkwrap);
}

TEST(Packument, ScriptsOfAFullDocumentSayThatThereAreSome) {
    EXPECT_TRUE(read(one(R"({"scripts":{"postinstall":"x"}})")).has_install_script);
    EXPECT_FALSE(read(one(R"({"scripts":{"prepare":"x"}})")).has_install_script);
    EXPECT_FALSE(read(one(R"({"scripts":"x"})")).has_install_script);
}

TEST(Packument, AShasumBecomesAnIntegrity) {
    const std::string sum(40, '1');
    EXPECT_EQ(read(one(R"({"dist":{"shasum":")" + sum + "\"}}")).integrity, "sha1-ERERERERERERERERERERERERERE=");
    EXPECT_EQ(read(one(R"({"dist":{"integrity":null,"shasum":")" + sum + "\"}}")).integrity, "sha1-ERERERERERERERERERERERERERE=");
    EXPECT_EQ(read(one(R"({"dist":{"integrity":"not-a-hash"}})")).integrity, "not-a-hash") << "refused when it is checked";
    EXPECT_EQ(read(one(R"({"dist":null})")).integrity, "");
    EXPECT_EQ(read(one("{}")).tarball, "");
    auto refused = one(R"({"dist":{"shasum":"xyz"}})")->manifest(0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::PACKUMENT);
}

TEST(Packument, WrongTypesAreAsIfAbsent) {
    for (const char* field : {"dependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta", "bundledDependencies",
                              "scripts", "directories", "engines", "os", "bin", "license", "funding", "deprecated", "dist", "version", "name"})
        for (const char* value : {"[]", "{}", "5", "null", "true", "\"\"", "[[]]", "{\"a\":[1]}", "-1e5"}) {
            auto p = one(std::string(1, '{').append("\"").append(field).append("\":").append(value).append("}"));
            EXPECT_TRUE(p->manifest(0)) << field << " " << value;
            p->is_deprecated(0);
        }
    EXPECT_THAT(read(one(R"({"dependencies":[]})")).manifest.dependencies, ElementsAre());
    EXPECT_THAT(read(one(R"({"dependencies":{"x":1,"y":"2"}})")).manifest.dependencies, ElementsAre(Pair("y", "2")));
}

TEST(Packument, DeprecatedIsATextOrTrue) {
    EXPECT_TRUE(one(R"({"deprecated":"x"})")->is_deprecated(0));
    EXPECT_TRUE(one(R"({"deprecated":true})")->is_deprecated(0));
    EXPECT_EQ(read(one(R"({"deprecated":true})")).deprecated, "");
    for (const char* no : {R"({"deprecated":false})", R"({"deprecated":""})", R"({"deprecated":{}})", R"({"x":{"deprecated":"x"}})",
                           R"({"deprecated":"x","deprecated":""})", "{}"})
        EXPECT_FALSE(one(no)->is_deprecated(0)) << no;
}

TEST(Packument, ReadsAMarkAndBytesThatAreNotUtf8) {
    EXPECT_EQ(scanned("\xef\xbb\xbf{\"name\":\"w\"}")->name(), "w");
    EXPECT_EQ(read(one("{\"deprecated\":\"a\xff\"}")).deprecated, "a\xef\xbf\xbd");
    EXPECT_EQ(read(one(R"({"deprecated":"a\ud800b"})")).deprecated, "a\xef\xbf\xbd" "b");
}

TEST(Packument, RefusesWhatIsNoPackument) {
    for (const char* text : {"", " ", "[]", "5", "null", "\"x\"", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{a:1}",
                             "{} {}", "{}x", R"({"versions":{"1.0.0":{"a":"b)", R"({"versions":{"1.0.0":{}})", "{\"a\":\"\\\"}", "<html></html>"}) {
        auto result = scan(text);
        ASSERT_FALSE(result) << text;
        EXPECT_EQ(result.error().code, Code::PACKUMENT);
        EXPECT_EQ(result.error().subject, "w");
        EXPECT_FALSE(result.error().remedy.empty());
    }
    EXPECT_THAT(scan("<!doctype html>").error().what, HasSubstr("page"));
    // What is broken inside one version harms that version only.
    auto p = scanned(R"({"versions":{"1.0.0":{"a":tru},"2.0.0":{}}})");
    EXPECT_TRUE(p->manifest(0));
    ASSERT_FALSE(p->manifest(1));
    EXPECT_EQ(p->manifest(1).error().code, Code::PACKUMENT);
    EXPECT_EQ(p->manifest(1).error().subject, "w@1.0.0");
}

TEST(Packument, DepthAndSizeAreNoDanger) {
    const std::string deep(5'000'000, '[');
    EXPECT_FALSE(scan("{\"readme\":" + deep));
    EXPECT_TRUE(scan("{\"readme\":" + deep + std::string(deep.size(), ']') + "}"));
    auto p = one("{\"x\":" + deep + std::string(deep.size(), ']') + "}");
    EXPECT_EQ(p->versions().size(), 1u);
    EXPECT_FALSE(p->manifest(0));
    EXPECT_EQ(scanned("{\"readme\":\"" + std::string(8'000'000, '\\') + "\",\"name\":\"w\"}")->name(), "w");
    std::string quotes;
    for (int i = 0; i < 1'000'000; ++i) quotes += "\\\"";
    EXPECT_EQ(scanned("{\"readme\":\"" + quotes + "\",\"name\":\"w\"}")->name(), "w");

    // Every rank shared by all, every key written twice, times in another order.
    std::string versions, times;
    for (int i = 0; i < 40'000; ++i) {
        if (i > 0) versions += ',', times += ',';
        versions.append("\"1.0.0+").append(std::to_string(i * 7919 % 20'000)).append("\":{}");
        times.append("\"1.0.0+").append(std::to_string(i % 20'000)).append("\":\"t\"");
    }
    auto many = scanned("{\"versions\":{" + versions + "},\"time\":{" + times + "}}");
    EXPECT_EQ(many->versions().size(), 20'000u);
    EXPECT_EQ(many->time(std::size_t{19'999}), "t");
}

// The skipper against a reader that goes byte by byte, at every alignment.
TEST(PackumentScan, SkipsExactlyOneValue) {
    std::mt19937 random(7);
    const std::string_view pieces[] = {"\"a\"", "\"\\\\\"", "\"\\\"\"", "\"]}\"", "[", "]", "{", "}", ",", ":", " ", "1", "\"\\\\\\\"[\"", "\"\"",
                                       "\"abcdefghijklmnopqrstuvwxyz0123456789\""};
    const auto slow_end = [](std::string_view text) -> std::size_t {
        std::size_t depth = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '"') {
                for (++i; i < text.size() && text[i] != '"'; ++i)
                    if (text[i] == '\\') ++i;
            } else if (text[i] == '[' || text[i] == '{') {
                ++depth;
            } else if ((text[i] == ']' || text[i] == '}') && --depth == 0) {
                return i + 1;
            }
        }
        return 0;
    };
    for (int round = 0; round < 20'000; ++round) {
        std::string text = "[";
        for (unsigned n = random() % 60; n > 0; --n) text += pieces[random() % std::size(pieces)];
        JsonWalk walk(text);
        std::string_view value;
        const std::size_t end = walk.value(value) ? value.size() : 0;
        ASSERT_EQ(end, slow_end(text)) << text;
    }
}

TEST(Packument, AnyBytesAreReadOrRefused) {
    const std::string seed = R"({"name":"w","dist-tags":{"latest":"1.0.0","b\u0065ta":"2.0.0-beta.1"},"modified":"2020-01-01T00:00:00.000Z",
        "versions":{"1.0.0":{"name":"w","version":"1.0.0","dependencies":{"x":"^1.0.0"},"deprecated":"a\ud83d\ude00","bin":{"w":"w.js"},
        "dist":{"shasum":"1111111111111111111111111111111111111111","tarball":"http://h/w-1.0.0.tgz","unpackedSize":12}},
        "2.0.0-beta.1":{"version":"2.0.0-beta.1","license":{"type":"MIT"},"engines":["node"],"dist":{"integrity":"sha512-abc"}},"1.0.0+b":{}},
        "time":{"created":"a","modified":"b","1.0.0":"c","2.0.0-beta.1":"d"},"readme":"\\\\ \" [ { ] }"})";
    std::mt19937 random(1);
    for (int round = 0; round < 30'000; ++round) {
        std::string text = seed;
        for (unsigned n = 1 + random() % 6; n > 0; --n) {
            const std::size_t at = random() % text.size();
            switch (random() % 5) {
                case 0: text[at] = static_cast<char>(random()); break;
                case 1: text[at] = R"("\{}[]:,0tn)"[random() % 11]; break;
                case 2: text.erase(at, 1 + random() % 20); break;
                case 3: text.insert(at, seed, random() % seed.size(), random() % 40); break;
                default: text.resize(at + 1); break;
            }
            if (text.empty()) text.assign(1, '{');
        }
        auto result = scan(text);
        if (!result) continue;
        const Packument& p = **result;
        for (std::size_t i = 0; i < p.versions().size(); ++i) {
            (void)p.manifest(i);
            (void)p.is_deprecated(i);
            EXPECT_TRUE(p.find(p.versions()[i].version));
            EXPECT_GE(p.parsed(i == 0 ? 0 : i - 1), p.parsed(i));
            (void)p.time(p.versions()[i].version);
        }
        (void)p.tag("latest");
    }
}

// What the recorded corpus says of metadata alone; the cases that are about HTTP or archives belong to others.
TEST(Packument, TheOddOnesOfTheWild) {
    PMX_VECTORS(corpus, "packuments/corpus.json");
    std::size_t seen = 0;
    for (const auto& item : corpus.at("cases")) {
        const std::string id = item.at("id");
        for (const auto& [name, document] : item.at("packuments").items()) {
            if (document.is_object() && document.contains("$raw")) continue;
            ++seen;
            auto result = scan(document.dump(), name);
            ASSERT_TRUE(result) << id;
            const Packument& p = **result;
            for (std::size_t i = 0; i < p.versions().size(); ++i) {
                auto manifest = p.manifest(i);
                ASSERT_TRUE(manifest) << id << ": " << to_string(manifest.error());
                EXPECT_EQ(manifest->manifest.name, name) << id;
            }
            EXPECT_EQ(p.versions().empty(), id == "versions-array") << id;
            if (id == "deprecated-true") { EXPECT_TRUE(p.is_deprecated(0)); }
            if (id == "ver-loose") { EXPECT_THAT(versions_of(p), ElementsAre("v1.1.0", "1.0.0")); }
            if (id == "ver-null-entry") { EXPECT_THAT(versions_of(p), ElementsAre("1.0.0")); }
            if (id == "tags-nonstring") { EXPECT_EQ(p.dist_tags().size(), 1u); }
            if (id == "time-missing") { EXPECT_FALSE(p.has_times()); }
            if (id.starts_with("dependencies-")) { EXPECT_TRUE(p.manifest(0)->manifest.dependencies.empty()) << id; }
        }
    }
    EXPECT_GT(seen, 40u);
}

}  // namespace
}  // namespace pmx
