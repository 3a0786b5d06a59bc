// Damaged configuration files: .npmrc never fails, pmx.yaml and pnpm-workspace.yaml give settings or PMX_E_CONFIG; nothing
// crashes or hangs, and a project's file never names native code by a path or takes a credential to another host.
#include <random>

#include <gtest/gtest.h>

#include "config/credentials.hpp"
#include "config/npmrc.hpp"
#include "config/settings_table.hpp"
#include "config/workspace.hpp"
#include "config/workspace_yaml.hpp"

namespace pmx {
namespace {

constexpr std::string_view kNpmrc = R"(registry = https://registry.example/npm/
@scope:registry="https://scoped.example:8443/"
//registry.example/npm/:_authToken=${TOKEN}
//scoped.example:8443/:_auth = dXNlcjpwYXNz
//x.example/:username=u
//x.example/:_password=cA==
; comment
ca[]="-----BEGIN CERTIFICATE-----\nAAAA"
ca[] = second
https-proxy=http://u:p@proxy.example:3128
noproxy = localhost,.internal.example
strict-ssl = false
[section.with\.dots]
key = 'quoted \' value' # end
tokenHelper=/bin/false
)";

constexpr std::string_view kPnpm = R"(packages:
  - packages/*
  - '!**/test/**'
catalog:
  a: ^1.0.0
catalogs:
  old: {a: 0.1.0}
overrides:
  'a>b@1': '2'
patchedDependencies:
  a@1.0.0: patches/a.patch
supportedArchitectures:
  os: [linux, current]
  cpu: [x64]
onlyBuiltDependencies: [a]
allowBuilds:
  b: true
nodeLinker: hoisted
networkConcurrency: 12
anchors: &x [1, 2]
again: *x
)";

constexpr std::string_view kPmx = R"(linker: isolated
import: auto
check: stat
network-concurrency: 8
validator: [integrity, tree]
store-dir: ./store
public-hoist-pattern:
  - '*types*'
)";

constexpr std::string_view kBytes(" \n\r\t:'\"{}[],-&*!|>?#@%();=\\/.~$\0<0a\xff\xc3\xef\xbb\xbf", 40);

// `rounds` damaged copies of `whole`, and each of its beginnings.
template <class Check>
void damage(std::string_view whole, unsigned rounds, const Check& check) {
    for (std::size_t size = 0; size <= whole.size(); ++size) check(std::string(whole.substr(0, size)));
    std::mt19937 random(20260903);
    for (unsigned round = 0; round < rounds; ++round) {
        std::string text(whole);
        for (unsigned n = 1 + random() % 4; n > 0; --n) {
            std::size_t at = random() % text.size();
            switch (random() % 5) {
                case 0: text[at] = static_cast<char>(text[at] ^ (1 << random() % 8)); break;
                case 1: text[at] = kBytes[random() % kBytes.size()]; break;
                case 2: text.insert(at, 1, kBytes[random() % kBytes.size()]); break;
                case 3: text.insert(at, text.substr(random() % text.size(), random() % 30)); break;
                default: text.erase(at, 1 + random() % 12); break;
            }
            if (text.empty()) text = " ";
        }
        check(text);
    }
}

TEST(ConfigFuzz, Npmrc) {
    const Environment environment{{"TOKEN", "s3cret-of-the-user"}, {"HOME", "/nowhere"}};
    damage(kNpmrc, 6000, [&](const std::string& text) {
        for (bool trusted : {true, false}) {
            Settings settings;
            merge_npmrc(settings, text, "/p/.npmrc", trusted, trusted ? Source::user : Source::project, environment,
                        "https://default.example/");
            for (const char* url : {"https://registry.example/npm/a/-/a-1.tgz", "https://scoped.example:8443/", "", "//", "http://[::1"}) {
                std::string header = authorization_header(settings.npmrc, url, "https://registry.example/npm/");
                // What a project's file says is never filled from the user's environment.
                if (text == kNpmrc && std::string_view(url).ends_with(".tgz")) {
                    EXPECT_EQ(header.find("s3cret") != std::string::npos, trusted);
                }
                EXPECT_TRUE(trusted || header.find("s3cret") == std::string::npos) << text;
                proxy_for(settings.npmrc, url);
                nearest_key(settings.npmrc, url, "cert");
            }
            for (const auto& [key, value] : settings.npmrc)
                EXPECT_TRUE(trusted || !key.ends_with("tokenHelper")) << text;
        }
    });
}

void yaml(std::string_view whole, YamlFile kind) {
    Settings undamaged;
    auto read = merge_yaml(undamaged, whole, "/p/file.yaml", kind);
    ASSERT_TRUE(read) << to_string(read.error());
    damage(whole, 5000, [&](const std::string& text) {
        Settings settings;
        auto merged = merge_yaml(settings, text, "/p/file.yaml", kind);
        if (!merged) {
            EXPECT_EQ(merged.error().code, Code::CONFIG) << text << to_string(merged.error());
            EXPECT_FALSE(merged.error().what.empty());
        }
        for (const auto& [name, value] : settings.values) {
            const SettingSpec* spec = find_setting(name);
            ASSERT_NE(spec, nullptr) << name;
            if (!spec->native) continue;
            for (const std::string& item : value.items) EXPECT_EQ(item.find('/'), std::string::npos) << text;
        }
        workspace_admits(settings.workspace_packages, "packages/a");
    });
}

TEST(ConfigFuzz, PnpmWorkspace) { yaml(kPnpm, YamlFile::pnpm_workspace); }
TEST(ConfigFuzz, PmxYaml) { yaml(kPmx, YamlFile::project); }
TEST(ConfigFuzz, NothingOfAProjectIsNativeCode) {
    for (const SettingSpec& spec : settings_table()) {
        if (!spec.native) continue;
        for (const char* value : {"./evil.so", "/tmp/evil.so", "..\\evil.so", "evil.so"}) {
            Settings settings;
            EXPECT_FALSE(merge_yaml(settings, std::string(spec.name) + ": " + value + "\n", "/p/pmx.yaml", YamlFile::project)) << spec.name;
        }
    }
}

TEST(ConfigFuzz, WorkspacePatternsEndInAnAnswer) {
    std::mt19937 random(5);
    for (int round = 0; round < 4000; ++round) {
        std::string pattern, path;
        for (unsigned n = random() % 24; n > 0; --n) pattern += "*?/!ab.{},[]\\"[random() % 13];
        for (unsigned n = random() % 24; n > 0; --n) path += "ab/."[random() % 4];
        workspace_admits({pattern}, path);
    }
    std::string stars, name(200, 'a');
    for (int i = 0; i < 60; ++i) stars += "**/a*";
    EXPECT_FALSE(workspace_admits({stars + "b"}, name));
    std::string deep = "a";
    for (int i = 0; i < 100; ++i) deep += "/a";
    EXPECT_FALSE(workspace_admits({stars + "/b"}, deep));
}

}  // namespace
}  // namespace pmx
