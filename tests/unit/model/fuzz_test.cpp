// Damaged package.json files: a value whose executables stay inside the package, or a clean error; never a crash or a hang.
#include <random>

#include <gtest/gtest.h>

#include "model/contained_path.hpp"
#include "model/manifest.hpp"

namespace pmx {
namespace {

constexpr std::string_view kWhole = R"({
  "name": "@scope/name", "version": " =v1.2.3+build ",
  "dependencies": {"a": "^1.0.0 || >=2 <3", "b": "npm:c@1", "d": "workspace:*", "e": "file:../e"},
  "optionalDependencies": {"a": "1"}, "peerDependencies": {"p": "*"},
  "peerDependenciesMeta": {"p": {"optional": true}}, "dependenciesMeta": {"d": {"injected": true}},
  "bundleDependencies": ["a"], "bundledDependencies": true,
  "bin": {"tool": "./bin/tool.js", "../up": "../../up.js", "\u0000": "a\\b"}, "directories": {"bin": "bin"},
  "scripts": {"install": "node-gyp rebuild", "postinstall": "node_modules/.bin/x"}, "gypfile": false,
  "os": ["linux", "!win32"], "cpu": "x64", "libc": ["glibc"], "engines": {"node": ">=18"},
  "workspaces": {"packages": ["packages/*", "!**/test/**"]}, "files": ["lib", 1],
  "publishConfig": {"directory": "dist", "linkDirectory": false}, "packageManager": "pnpm@9.0.0+sha512.00",
  "overrides": {"a": {"b": "1"}}, "resolutions": {"x": 1e999}, "pnpm": {"overrides": {"a>b": "\ud800"}}
})";

void look(const Manifest& manifest) {
    const std::string_view files[] = {"bin/tool.js", "bin/../../x", "lib/a.js"};
    for (BinRule rule : {BinRule::pnpm, BinRule::npm})
        for (const Bin& bin : bins_of(manifest, files, rule)) {
            EXPECT_TRUE(is_contained_path(bin.path)) << bin.path;
            EXPECT_TRUE(is_contained_path(bin.name)) << bin.name;
            EXPECT_EQ(bin.name.find('/'), std::string::npos) << bin.name;
        }
    bundled_names(manifest);
    npm_normal_bin(manifest);
}

bool check(std::string_view text) {
    auto manifest = parse_manifest(text, "damaged");
    if (!manifest) {
        EXPECT_EQ(manifest.error().code, Code::MANIFEST) << text;
        return false;
    }
    look(*manifest);
    if (auto prepared = prepare(*manifest, "damaged")) look(*prepared);
    return true;
}

TEST(ManifestFuzz, EveryPrefix) {
    for (std::size_t size = 0; size < kWhole.size(); ++size) EXPECT_FALSE(check(kWhole.substr(0, size))) << size;
    EXPECT_TRUE(check(kWhole));
}

TEST(ManifestFuzz, DamagedBytes) {
    std::mt19937 random(20260902);
    constexpr std::string_view kBytes("{}[]\",:\\/.@ \n\t0-eEtfn!*\0\xef\xbb\xbf\xff\xc0", 29);
    int values = 0;
    for (int round = 0; round < 20000; ++round) {
        std::string text(kWhole);
        for (unsigned n = 1 + random() % 3; n > 0; --n) {
            std::size_t at = random() % text.size();
            switch (random() % 5) {
                case 0: text[at] = static_cast<char>(text[at] ^ (1 << random() % 8)); break;
                case 1: text[at] = kBytes[random() % kBytes.size()]; break;
                case 2: text.insert(at, 1, kBytes[random() % kBytes.size()]); break;
                case 3: text.insert(at, text.substr(random() % text.size(), random() % 40)); break;
                default: text.erase(at, 1 + random() % 12); break;
            }
            if (text.empty()) text = " ";
        }
        values += check(text);
    }
    EXPECT_GT(values, 500);
}

// Every field of a manifest with every kind of value.
TEST(ManifestFuzz, WrongTypesEverywhere) {
    const std::string_view fields[] = {"name", "version", "dependencies", "devDependencies", "optionalDependencies",
        "peerDependencies", "peerDependenciesMeta", "dependenciesMeta", "bundleDependencies", "bundledDependencies", "bin",
        "directories", "scripts", "gypfile", "os", "cpu", "libc", "engines", "workspaces", "files", "publishConfig",
        "packageManager", "overrides", "resolutions", "pnpm"};
    const std::string_view values[] = {"null", "true", "false", "-0", "1e999", R"("")", R"("../../x")", R"("\u0000\ud800")",
        "[]", "[[[]]]", R"([null,1,"a",{"a":"../b"}])", "{}", R"({"":"","a":null,"b":[],"c":{"d":1},"__proto__":"x"})",
        R"({"packages":7,"bin":["x"],"directory":{}})"};
    for (std::string_view field : fields)
        for (std::string_view value : values) {
            std::string text = "{\"" + std::string(field) + "\":" + std::string(value) + "}";
            EXPECT_TRUE(check(text)) << text;
            check("{\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":{\"x\":\"1\"}," + text.substr(1));
        }
}

TEST(ManifestFuzz, DepthEndsInAnAnswer) {
    for (std::size_t depth : {1000u, 100000u, 2000000u})
        for (const char* pair : {"[]", "{}"}) {
            std::string text = "{\"x\":";
            for (std::size_t i = 0; i < depth; ++i) text += pair[0] == '[' ? "[" : "{\"a\":";
            check(text);
            text += "1" + std::string(depth, pair[1]) + "}";
            check(text);
        }
}

}  // namespace
}  // namespace pmx
