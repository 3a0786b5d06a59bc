#include "model/manifest.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "model/vectors.hpp"

using namespace pmx;
using pmx::test::is_undefined;
using pmx::test::Json;

namespace {

Manifest parsed(std::string_view text) {
    auto manifest = parse_manifest(text, "test");
    EXPECT_TRUE(manifest.has_value()) << text;
    return manifest ? *manifest : Manifest{};
}

std::map<std::string, std::string> sorted(const TextMap& map) {
    return {map.begin(), map.end()};
}

// What of an expected JSON object a TextMap can hold.
std::map<std::string, std::string> texts(const Json& parent, const char* key) {
    std::map<std::string, std::string> out;
    if (parent.contains(key) && parent[key].is_object())
        for (auto& [name, value] : parent[key].items())
            if (value.is_string()) out[name] = value;
    return out;
}

}  // namespace

TEST(Manifest, ReadsTheFieldsThatAnInstallNeeds) {
    Manifest m = parsed(R"({"name":"@s/a","version":"1.2.3","dependencies":{"b":"^1","c":"2"},
        "peerDependencies":{"p":"*"},"peerDependenciesMeta":{"p":{"optional":true},"q":{"optional":false}},
        "dependenciesMeta":{"b":{"injected":true}},"bundledDependencies":true,"os":"linux","cpu":["x64","!arm"],
        "engines":{"node":">=18"},"workspaces":{"packages":["a/*"]},"overrides":{"x":{"y":"1"}},
        "publishConfig":{"directory":"dist"},"pnpm":{"overrides":{"z":"1"}},"gypfile":false})");
    EXPECT_EQ(m.name, "@s/a");
    EXPECT_EQ(*find(m.dependencies, "b"), "^1");
    EXPECT_TRUE(m.is_optional_peer("p"));
    EXPECT_FALSE(m.is_optional_peer("q"));
    EXPECT_EQ(m.injected, std::vector<std::string>{"b"});
    EXPECT_TRUE(m.bundles_all);
    EXPECT_EQ(bundled_names(m), (std::vector<std::string>{"b", "c"}));
    EXPECT_EQ(m.os, std::vector<std::string>{"linux"});
    EXPECT_EQ(*find(m.engines, "node"), ">=18");
    EXPECT_EQ(m.workspaces, std::vector<std::string>{"a/*"});
    EXPECT_EQ(m.overrides_json, R"({"x":{"y":"1"}})");
    EXPECT_EQ(m.publish_directory, "dist");
    EXPECT_EQ(m.gypfile, false);
}

TEST(Manifest, EveryFieldMayHaveEveryType) {
    for (const char* key : {"name",
                            "version",
                            "dependencies",
                            "devDependencies",
                            "optionalDependencies",
                            "main",
                            "peerDependencies",
                            "peerDependenciesMeta",
                            "dependenciesMeta",
                            "bundleDependencies",
                            "bin",
                            "directories",
                            "scripts",
                            "gypfile",
                            "os",
                            "cpu",
                            "libc",
                            "engines",
                            "workspaces",
                            "files",
                            "publishConfig",
                            "packageManager",
                            "overrides",
                            "resolutions",
                            "pnpm"})
        for (const char* value :
             {"null", "true", "false", "0", "1.5", "-3", R"("")", R"("x y")", "[]", "[1,null,[]]", R"(["x"])",
              "{}", R"({"x":null})", R"({"x":"y"})", R"({"x":{"optional":1}})"}) {
            Manifest m = parsed(std::string("{\"") + key + "\":" + value + "}");
            bins_of(m);
            bundled_names(m);
        }
}

TEST(Manifest, AKeyWrittenTwiceHasItsLastValue) {
    Manifest m = parsed(R"({"dependencies":{"a":"1","b":"1","a":"2"},"name":"x","name":"y"})");
    EXPECT_EQ(m.name, "y");
    EXPECT_EQ(m.dependencies, (TextMap{{"a", "2"}, {"b", "1"}}));
}

TEST(Manifest, LenientWhereJsonParseIs) {
    EXPECT_EQ(parsed("\xef\xbb\xbf{\"name\":\"a\"}").name, "a");
    EXPECT_EQ(
        parsed(R"({"description":"\ud800","n":1e999,"m":123456789012345678901234567890,"name":"a"})").name,
        "a");
    EXPECT_EQ(parsed("{\"description\":\"\xe9\",\"name\":\"a\"}").name, "a");
    EXPECT_EQ(parsed("{\"d\":" + std::string(3000, '[') + std::string(3000, ']') + ",\"name\":\"a\"}").name,
              "a");
    for (const char* bad :
         {"", "  ", "{", "{\"a\":1,}", "{/**/}", "nul", "{\"a\":01e999}", "{\"a\":\"\xe9}", "null", "5"})
        EXPECT_FALSE(parse_manifest(bad, "test").has_value()) << bad;
    EXPECT_FALSE(parse_manifest(std::string(200000, '['), "test").has_value());
}

TEST(Manifest, HugeMapsTakeLinearTime) {
    std::string text = R"({"name":"x","directories":{"bin":"bin"},"dependencies":{)";
    std::vector<std::string> paths;
    for (int i = 0; i < 60000; ++i) {
        std::string number = std::to_string(i % 50000);
        text += (i > 0 ? ",\"p" : "\"p") + number + "\":\"" + std::to_string(i) + "\"";
        paths.push_back("bin/" + std::to_string(i % 3) + "/f" + number);
    }
    Manifest m = parsed(text + "}}");
    ASSERT_EQ(m.dependencies.size(), 50000u);
    EXPECT_EQ(m.dependencies[7], (std::pair<std::string, std::string>{"p7", "50007"}));
    std::vector<std::string_view> files(paths.begin(), paths.end());
    EXPECT_EQ(bins_of(m, files).size(), 50000u);
}

TEST(ManifestBins, NamesAndPathsStayInside) {
    Manifest m = parsed(
        R"({"name":"@s/tool","bin":{"ok":"./a/../b.js","../x":"c.js","out":"../d.js","$":"e.js","dir":"./",
        "a b":"f.js","@s/scoped":"g.js"}})");
    EXPECT_EQ(bins_of(m), (std::vector<Bin>{{"ok", "b.js"}, {"$", "e.js"}, {"scoped", "g.js"}}));
    for (const Bin& bin : bins_of(m, {}, BinRule::npm)) {
        EXPECT_EQ(bin.name.find('/'), std::string::npos);
        EXPECT_FALSE(bin.path.starts_with('/') || bin.path.starts_with(".."));
    }
    EXPECT_EQ(bins_of(parsed(R"({"name":"@s/tool","bin":"x.js"})")), (std::vector<Bin>{{"tool", "x.js"}}));
    EXPECT_TRUE(bins_of(parsed(R"({"bin":"x.js"})")).empty());
    EXPECT_TRUE(
        bins_of(parsed(R"({"name":"x","bin":{"a\u0000b":"x","b":"x\u0000"}})"), {}, BinRule::npm).empty());
}

TEST(ManifestBins, ADirectoryOfExecutables) {
    std::vector<std::string_view> files{"bin/a",    "bin/sub/b.js", "bin/.hidden",
                                        "bin/.d/x", "binary/c",     "package.json"};
    Manifest m = parsed(R"({"name":"x","directories":{"bin":"./bin/"}})");
    EXPECT_TRUE(has_bin_directory(m));
    EXPECT_EQ(bins_of(m, files), (std::vector<Bin>{{"a", "bin/a"}, {"b.js", "bin/sub/b.js"}}));
    EXPECT_TRUE(bins_of(parsed(R"({"name":"x","directories":{"bin":"../bin"}})"), files).empty());
    EXPECT_FALSE(has_bin_directory(parsed(R"({"name":"x","bin":{},"directories":{"bin":"bin"}})")));
}

TEST(ManifestVectors, NpmNormalBin) {
    PMX_VECTORS(json, "manifest/bin-normalize.json");
    for (const Json& c : json["cases"]) {
        Manifest m = parsed(c["input"].dump());
        std::map<std::string, std::string> want;
        if (!is_undefined(c["result"])) want = c["result"].get<std::map<std::string, std::string>>();
        EXPECT_EQ(sorted(npm_normal_bin(m)), want) << c.dump();
    }
}

TEST(ManifestVectors, PnpmBins) {
    PMX_VECTORS(json, "pnpm-vectors/bins-resolver.json");
    std::vector<std::string_view> files{"bin-dir/" "rootBin.js", "bin-dir/subdir/subBin.js", "package.json"};
    for (const Json& c : json["cases"]) {
        std::string root = c["args"][1];
        std::map<std::string, std::string> want, got;
        for (const Json& bin : c["result"]) want[bin["name"]] = bin["path"];
        for (const Bin& bin : bins_of(parsed(c["args"][0].dump()), files))
            got[bin.name] = root + "/" + bin.path;
        EXPECT_EQ(got, want) << c.dump();
    }
}

TEST(ManifestVectors, NpmPrepare) {
    PMX_VECTORS(json, "manifest/package-json-normalize.json");
    for (const Json& c : json["cases"]) {
        SCOPED_TRACE(c.dump().substr(0, 300));
        std::string text;
        if (c.contains("raw")) {
            auto bytes = from_base64(c["base64"].get<std::string>());
            text.assign(bytes->begin(), bytes->end());
        } else {
            text = c["input"].dump();
        }
        auto manifest = parse_manifest(text, "test");
        auto prepared = manifest ? prepare(*manifest, "test") : manifest;
        const Json& want = c["prepare"];
        ASSERT_EQ(prepared.has_value(), !want.contains("throws"));
        if (!prepared || !want.is_object()) continue;
        EXPECT_EQ(prepared->name, want.value("name", ""));
        EXPECT_EQ(prepared->version, want.value("version", ""));
        EXPECT_EQ(sorted(prepared->dependencies), texts(want, "dependencies"));
        EXPECT_EQ(sorted(prepared->dev_dependencies), texts(want, "devDependencies"));
        EXPECT_EQ(sorted(prepared->optional_dependencies), texts(want, "optionalDependencies"));
        EXPECT_EQ(sorted(prepared->peer_dependencies), texts(want, "peerDependencies"));
        EXPECT_EQ(sorted(prepared->scripts), texts(want, "scripts"));
        EXPECT_EQ(prepared->bundled, want.value("bundleDependencies", std::vector<std::string>{}));
        if (has_bin_directory(*prepared)) {  // npm ran in a folder that held package.json alone
            std::string_view file = "package.json";
            std::map<std::string, std::string> got;
            for (const Bin& bin : bins_of(*prepared, {&file, 1}, BinRule::npm))
                got[bin.name] = "/" + bin.path;
            EXPECT_EQ(got, texts(want, "bin"));
        } else {
            EXPECT_EQ(sorted(npm_normal_bin(*prepared)), texts(want, "bin"));
        }
    }
}
