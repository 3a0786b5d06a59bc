// pnpm_lockfile_text(): what pnpm wrote, read and written again, is what pnpm wrote.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <nlohmann/json.hpp>

#include "lockfile/lockfile.hpp"
#include "lockfile/yaml_lines.hpp"
#include "lockfile/yaml_write.hpp"
#include "lockfile_cases.hpp"

namespace pmx {
namespace {

using namespace lockfile_cases;

std::string written(const std::string& text) {
    auto lockfile = read_lockfile("pnpm-lock.yaml", text);
    if (!lockfile) return to_string(lockfile.error());
    auto read = read_records(*lockfile);
    if (!read) return to_string(read.error());
    return pnpm_lockfile_text(*lockfile);
}

// The first line that differs, so that a failure can be read.
testing::AssertionResult same(const std::string& got, const std::string& want) {
    if (got == want) return testing::AssertionSuccess();
    std::istringstream a(got), b(want);
    std::string x, y;
    for (int line = 1;; ++line) {
        bool more_a = static_cast<bool>(std::getline(a, x)), more_b = static_cast<bool>(std::getline(b, y));
        if (!more_a) x = "(the end)";
        if (!more_b) y = "(the end)";
        if (x != y || !more_a || !more_b)
            return testing::AssertionFailure() << "line " << line << "\n  got  " << x << "\n  want " << y;
    }
}

TEST(PnpmWrite, FixtureProjectsComeOutAsTheyWere) {
    PMX_NEEDS_SHARED("fixtures/projects");
    int seen = 0;
    for (const auto& project : std::filesystem::directory_iterator(shared("fixtures/projects"))) {
        auto path = project.path() / "pnpm-lock.yaml";
        if (!std::filesystem::exists(path)) continue;
        std::string text = slurp(path);
        EXPECT_TRUE(same(written(text), text)) << path;
        ++seen;
    }
    EXPECT_GE(seen, 8);
}

TEST(PnpmWrite, OurOwnCasesComeOutAsTheyWere) {
    int seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(PMX_SOURCE_DIR "/tests/golden/lockfiles")) {
        auto path = entry.path() / "pnpm-lock.yaml";
        if (!std::filesystem::exists(path)) continue;
        std::string text = slurp(path);
        EXPECT_TRUE(same(written(text), text)) << path;
        ++seen;
    }
    EXPECT_GE(seen, 10);
}

TEST(PnpmWrite, RecordedInstallsComeOutAsTheyWere) {
    PMX_NEEDS_SHARED("vectors/pnpm-golden/golden.json");
    auto golden = nlohmann::json::parse(slurp(shared("vectors/pnpm-golden/golden.json")));
    int seen = 0;
    for (const auto& item : golden["cases"]) {
        const auto& result = item["result"]["isolated"];
        if (!result.contains("lockfile") || !result["lockfile"].is_string()) continue;
        std::string text = result["lockfile"].get<std::string>();
        EXPECT_TRUE(same(written(text), text)) << item["id"] << " " << item["title"];
        ++seen;
    }
    EXPECT_GE(seen, 150);
}

// Each text as pnpm 12.21 wrote it for a package's `deprecated`.
struct Scalar {
    std::string text, yaml;
};
const Scalar kScalars[] = {
    {"plain text", "plain text"},
    {"two\nlines", "|-\n      two\n      lines"},
    {"ends\n", "|\n      ends"},
    {"ends twice\n\n", "|+\n      ends twice\n"},
    {"\nbegins", "|-\n\n      begins"},
    {"  lead space", "'  lead space'"},
    {"  lead\nlines", "|2-\n        lead\n      lines"},
    {"trail space ", "'trail space '"},
    {"it's", "it's"},
    {"say \"x\"", "say \"x\""},
    {"both ' and \"", "both ' and \""},
    {"a: b", "'a: b'"},
    {"a:b", "a:b"},
    {"a #c", "'a #c'"},
    {"a#c", "a#c"},
    {"- x", "'- x'"},
    {"-x", "'-x'"},
    {"@x", "'@x'"},
    {"%x", "'%x'"},
    {"`x", "'`x'"},
    {"=x", "'=x'"},
    {"?x", "'?x'"},
    {"? x", "'? x'"},
    {"!x", "'!x'"},
    {"&x", "'&x'"},
    {"*x", "'*x'"},
    {"|", "'|'"},
    {"> x", "'> x'"},
    {":x", "':x'"},
    {"x:", "'x:'"},
    {"[x", "'[x'"},
    {"{x}", "'{x}'"},
    {"x, y", "x, y"},
    {"1.0", "'1.0'"},
    {"10", "'10'"},
    {"true", "'true'"},
    {"yes", "yes"},
    {"y", "y"},
    {"no", "no"},
    {"~", "'~'"},
    {"null", "'null'"},
    {"Null", "'Null'"},
    {"2021-01-01", "'2021-01-01'"},
    {"2021-01-01 10:00:00", "'2021-01-01 10:00:00'"},
    {"0x1f", "'0x1f'"},
    {"0b1", "'0b1'"},
    {"0o7", "'0o7'"},
    {"1_000", "'1_000'"},
    {"1e5", "'1e5'"},
    {".5", "'.5'"},
    {"+1", "'+1'"},
    {".inf", "'.inf'"},
    {"-.inf", "'-.inf'"},
    {".nan", "'.nan'"},
    {"<<", "'<<'"},
    {"tab\011here", "\"tab\\there\""},
    {"tab\011and\nlines", "\"tab\\tand\\nlines\""},
    {"uni \303\251 \346\227\245\346\234\254 \360\237\230\200", "uni \303\251 \346\227\245\346\234\254 \360\237\230\200"},
    {"ctl \001 x", "\"ctl \\x01 x\""},
    {"nel \302\205 x", "\"nel \\N x\""},
    {"nbsp\302\240x", "\"nbsp\\_x\""},
    {"ls\342\200\250x", "\"ls\\Lx\""},
    {"bom\357\273\277x", "\"bom\\uFEFFx\""},
    {"cr\015\nlf", "\"cr\\r\\nlf\""},
    {"a\177b", "\"a\\x7Fb\""},
    {"line one\n\nline three", "|-\n      line one\n\n      line three"},
    {"line\n  indented\nback", "|-\n      line\n        indented\n      back"},
    {"#hash", "'#hash'"},
    {"trail:\nx", "|-\n      trail:\n      x"},
    {"  \n x", "|2-\n        \n       x"},
    {"\n\n x", "|2-\n\n\n       x"},
    {"a\\b", "a\\b"},
    {"\\", "\\"},
    {"-", "'-'"},
    {"--", "'--'"},
    {"1.", "'1.'"},
    {"1.0.0", "1.0.0"},
    {"12:30:45", "12:30:45"},
    {"190:20:30", "190:20:30"},
    {"e5", "e5"},
    {"0", "'0'"},
    {"00", "'00'"},
    {"0123", "'0123'"},
    {"08", "'08'"},
    {"-", "'-'"},
    {"-1", "'-1'"},
    {"_1", "_1"},
    {"1_", "1_"},
    {"0x", "0x"},
    {"0b", "0b"},
    {"0x_", "0x_"},
    {"1__0", "'1__0'"},
    {"- ", "'- '"},
    {"\011", "\"\\t\""},
    {"a\n", "|\n      a"},
};

TEST(PnpmWrite, ScalarsAreQuotedAsJsYamlDoes) {
    for (const Scalar& scalar : kScalars) {
        std::string out;
        append_yaml_scalar(out, scalar.text, YamlPlace::value, 6);
        EXPECT_EQ(out, scalar.yaml);
    }
    auto flow = [](const char* text) {
        std::string out;
        append_yaml_scalar(out, text, YamlPlace::flow);
        return out;
    };
    EXPECT_EQ(flow(">=1, <3"), "'>=1, <3'");
    EXPECT_EQ(flow("^1 || ^2"), "^1 || ^2");
    EXPECT_EQ(flow("a b"), "a b");
    EXPECT_EQ(flow("{x}"), "'{x}'");
    EXPECT_EQ(flow(""), "''");
}

// What was written is read again as the same text, by the fast reader alone.
TEST(PnpmWrite, ScalarsAreReadBack) {
    for (const Scalar& scalar : kScalars) {
        std::string text = "  a:\n    b: " + scalar.yaml + "\n    c: d\n";
        Arena arena;
        auto tree = read_yaml_lines(text, arena, 1);
        ASSERT_TRUE(tree.has_value()) << text;
        const YamlNode* a = tree->find(tree->root(), "a");
        ASSERT_NE(a, nullptr);
        const YamlNode* b = tree->find(*a, "b");
        ASSERT_NE(b, nullptr);
        EXPECT_EQ(b->scalar, scalar.text);
        EXPECT_NE(tree->find(*a, "c"), nullptr);
    }
}

// Written by pnpm 12.21: odd names of projects, odd fields, links to oneself, a libc that is one text.
const std::string kOdd = R"(lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

overrides:
  z>q: 1.0.0
  b: '1'
  '@s/x@^1': '-'

packageExtensionsChecksum: sha256-fCwzJIm4Mat1DCzTLlsLS9FPMqbBrBi3I/Hws3SqHIQ=

importers:

  '!odd': {}

  (grp): {}

  '-dash': {}

  .:
    dependencies:
      al:
        specifier: npm:q@^1
        version: q@1.0.0
      dirdep:
        specifier: file:dirdep
        version: link:dirdep
      e1:
        specifier: 1.0.0
        version: 1.0.0
      e2:
        specifier: 1.0.0
        version: 1.0.0
      e3:
        specifier: 1.0.0
        version: 1.0.0
      e4:
        specifier: 1.0.0
        version: 1.0.0
      e5:
        specifier: 1.0.0
        version: 1.0.0(q@1.0.0)
      e6:
        specifier: 1.0.0
        version: 1.0.0
      e7:
        specifier: 1.0.0
        version: 1.0.0
      e8:
        specifier: 1.0.0
        version: 1.0.0
      e9:
        specifier: 1.0.0
        version: 1.0.0
      inj:
        specifier: workspace:*
        version: link:packages/inj
      li:
        specifier: link:li
        version: link:li
      self:
        specifier: link:.
        version: 'link:'
      tb:
        specifier: file:tb.tgz
        version: file:tb.tgz(q@1.0.0)
      w:
        specifier: workspace:*
        version: link:packages/w
    dependenciesMeta:
      inj:
        injected: true
      q:
        injected: false
      z:
        built: false
    devDependencies:
      q:
        specifier: '1'
        version: 1.0.0
    optionalDependencies:
      z:
        specifier: '*'
        version: 1.0.0

  '@s/x': {}

  Z: {}

  'a: b': {}

  dirdep:
    dependencies:
      q:
        specifier: '1'
        version: 1.0.0

  li: {}

  packages/inj:
    dependencies:
      q:
        specifier: '1'
        version: 1.0.0
      r:
        specifier: '*'
        version: 1.0.0
    linkDirectory: false
    publishDirectory: dist

  packages/p2:
    publishDirectory: dist

  packages/p3:
    publishDirectory: 'di: st'

  packages/w:
    dependencies:
      abs:
        specifier: link:/tmp
        version: link:../../../../../..
      li:
        specifier: link:../../li
        version: link:../../li
      out:
        specifier: link:../../../out
        version: link:../../../out
      self:
        specifier: link:.
        version: 'link:'

  ünï: {}

packages:

  e1@1.0.0:
    resolution: {integrity: sha512-C+G0VmZU326grkAoxYAsUQP0IHFZWytyPjB7SoaijHwjQdGpNBWKQV/R/swcKD0rny6TNO9nY4l441vN4Qu+qQ==}
    engines: {a b: x, node: '>=1, <3', npm: '1', pnpm: '>= 8', yarn: ''}
    cpu: [x64, any]
    os: [linux, '!win32', darwin]
    libc: [glibc]

  e2@1.0.0:
    resolution: {integrity: sha512-7llJe7yRmjPUF+EC/5LoxZJjArIOAGLr89xBrTwxmNmZQFpy5P0OIgKo2/v8OvKHvj6buuwameX7ibHb18HHlQ==}
    libc: musl

  e3@1.0.0:
    resolution: {integrity: sha512-oPuulx89Aca/9bzi6lvdCkzG/vmuZnYH0bXl7Pv93ezyeevANtJCre6qjMslGpYkhrQAr8/jYMTqwjkZoUJp7A==}
    cpu: ['{x}']

  e4@1.0.0:
    resolution: {integrity: sha512-clcBXPYXRpw5sAlGyIEdHvmiWcYamQiGIjyMJXYFBIM/fdtkwremB00oKO8YKzU3TSs6vSmNBIuvQCc116HVdw==}
    hasBin: true
    bundledDependencies: true

  e5@1.0.0:
    resolution: {integrity: sha512-LVQXt4xljeHvr/7nnC02IyxCvux77vijqcGDmYo+QmabJrUstVHRw0IE4rBseOXA0iZgWfBNcd+pKIvrkqTC3Q==}
    peerDependencies:
      mo: '*'
      q: '>=1'
      r: ''
    peerDependenciesMeta:
      mo:
        optional: true
    bundledDependencies:
      - z
      - b

  e6@1.0.0:
    resolution: {integrity: sha512-HUaePwiPgdlr7znAlkgBj2JKiT1rz1gBACSGTEUjUz9DkvMQqFk79Bf3MmdqmnTgUo8I2jpquN+Yw+fOUeWR5g==}
    peerDependencies:
      mo: '*'
    peerDependenciesMeta:
      mo:
        optional: true

  e7@1.0.0:
    resolution: {integrity: sha512-4yN8BJNGfDm8AugfcN4moXccqDNJ5/4rtW4RY38rOU5Wx+v1h5grC8poWGXYR6nRgoQy27LW68XfvzagkhT7hw==}
    hasBin: true
    peerDependencies:
      r: 1 || 2

  e8@1.0.0:
    resolution: {integrity: sha512-CAOcFWCVDSmzJgnSknXRZJIFTFLb9qG2vtltYiSLEy6lIdM9Fi3zBxxI/DdbOobNbxIb/F/L24kKlMFT7VuYDg==}

  e9@1.0.0:
    resolution: {integrity: sha512-4l2S7v+CAjIbkFfWlSVXyOme2UjXqLqI4aQfrhmfzkBiAkL2vkUm+1On37LlVIxBZUyuHK21+Eqas7GQpVWybw==}

  q@1.0.0:
    resolution: {integrity: sha512-DFaIzLSwYqeE3fm7AABz6XBNDprFxZzsK+CyBFTOD9zjZNjXcisMNTr17vShC/NKhtkkhMn5sxDr555apjOjbQ==}

  r@1.0.0:
    resolution: {integrity: sha512-pNziANo+jSSLMwnsFFtu8whdV5fj8PCD2pvlM7sRk/aA3PymXFrJp8xyP6TSyW0OVELKTi2gkf+PpFX4V0OjkQ==}

  tb@file:tb.tgz:
    resolution: {integrity: sha512-Mgzr963kGukNJr8SeVoZ/wxusa+Cf/TrlXXmJLK7zQLNreORx/2hY23IisNjzCpx+iBWPSa2nP82FHZA+qL5iw==, tarball: file:tb.tgz}
    version: 3.2.1
    hasBin: true
    peerDependencies:
      q: '*'

  z@1.0.0:
    resolution: {integrity: sha512-6Qw5q3yZe8pwfGuc6GXx/+bQT5Iyfc9tqkLMVZlzuYXlpTXF+Uuxd98pje31aQqDMbggcdWV2LfdWiyrtvWByg==}

ignoredOptionalDependencies:
  - zzz
  - aaa

snapshots:

  e1@1.0.0: {}

  e2@1.0.0: {}

  e3@1.0.0: {}

  e4@1.0.0: {}

  e5@1.0.0(q@1.0.0):
    dependencies:
      q: 1.0.0

  e6@1.0.0: {}

  e7@1.0.0:
    optionalDependencies:
      q: 1.0.0

  e8@1.0.0: {}

  e9@1.0.0: {}

  q@1.0.0:
    dependencies:
      r: 1.0.0

  r@1.0.0: {}

  tb@file:tb.tgz(q@1.0.0):
    dependencies:
      q: 1.0.0

  z@1.0.0:
    optional: true
)";

TEST(PnpmWrite, OddShapesComeOutAsTheyWere) { EXPECT_TRUE(same(written(kOdd), kOdd)); }

TEST(PnpmWrite, ResolutionsAndUnknownSectionsAreWrittenAsPnpmDoes) {
    const std::string text = R"(lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

importers:

  .:
    dependencies:
      a:
        specifier: github:u/a
        version: https://host.example/u/a/tar.gz/0123
      b:
        specifier: git+ssh://git@host.example/b.git
        version: git+ssh://git@host.example/b.git#0123
      c:
        specifier: github:u/c#path:/p
        version: https://host.example/u/c/tar.gz/0123#path:/p
      d:
        specifier: file:../d
        version: file:../d

packages:

  a@https://host.example/u/a/tar.gz/0123:
    resolution: {gitHosted: true, tarball: https://host.example/u/a/tar.gz/0123}
    version: 1.0.0

  b@git+ssh://git@host.example/b.git#0123:
    resolution: {commit: '0123', repo: git@host.example:b.git, type: git}
    version: 1.0.0

  c@https://host.example/u/c/tar.gz/0123#path:/p:
    resolution: {gitHosted: true, integrity: sha512-AQEB, path: /p, tarball: https://host.example/u/c/tar.gz/0123}
    version: 1.0.0

  d@file:../d:
    resolution: {directory: ../d, type: directory}
    hasBin: true

neverBuiltDependencies:
  - x

snapshots:

  a@https://host.example/u/a/tar.gz/0123: {}

  b@git+ssh://git@host.example/b.git#0123: {}

  c@https://host.example/u/c/tar.gz/0123#path:/p: {}

  d@file:../d: {}

zzz: 1
)";
    EXPECT_TRUE(same(written(text), text));
}

TEST(PnpmWrite, VeryLongKeysAreExplicitAndTheFastReaderReadsThem) {
    std::string peers;
    for (char c = 'a'; c < 'g'; ++c) peers += "(" + std::string(200, c) + "@1.0.0)";
    std::string text = "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      x:\n        specifier: '*'\n"
                       "        version: 1.0.0" + peers + "\n      y:\n        specifier: '*'\n        version: 1.0.0" + peers +
                       "\n\npackages:\n\n  x@1.0.0:\n    resolution: {integrity: sha512-AAAA}\n\n"
                       "  y@1.0.0:\n    resolution: {integrity: sha512-AAAA}\n\nsnapshots:\n\n"
                       "  ? x@1.0.0" + peers + "\n  : dependencies:\n      y: 1.0.0" + peers + "\n    optional: true\n\n"
                       "  ? y@1.0.0" + peers + "\n  : {}\n";
    EXPECT_TRUE(same(written(text), text));
    Arena arena;
    EXPECT_TRUE(read_yaml_lines(text, arena, 1).has_value());
}

TEST(PnpmWrite, TimesOfOtherThanDirectDependenciesAreDropped) {
    std::string text = R"(lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      a:
        specifier: '*'
        version: 1.0.0(b@1.0.0)

packages:

  a@1.0.0:
    resolution: {integrity: sha512-AAAA}

  b@1.0.0:
    resolution: {integrity: sha512-AAAA}

snapshots:

  a@1.0.0(b@1.0.0):
    dependencies:
      b: 1.0.0

  b@1.0.0: {}

time:
  a@1.0.0: '2021-02-11T22:54:29.120Z'
)";
    std::string more = text + "  b@1.0.0: '2021-02-11T22:54:29.120Z'\n";
    EXPECT_TRUE(same(written(text), text));
    EXPECT_TRUE(same(written(more), text));
}

// The order in which a resolver found things shows nowhere.
TEST(PnpmWrite, TheOrderOfTheArraysDoesNotMatter) {
    auto lockfile = read_lockfile("pnpm-lock.yaml", kOdd);
    ASSERT_TRUE(lockfile.has_value());
    ASSERT_TRUE(read_records(*lockfile).has_value());
    std::reverse(lockfile->records.begin(), lockfile->records.end());
    std::reverse(lockfile->graph.projects.begin(), lockfile->graph.projects.end());
    std::reverse(lockfile->projects.begin(), lockfile->projects.end());
    for (LockedProject& project : lockfile->projects) std::reverse(project.specifiers.begin(), project.specifiers.end());
    for (Package& p : lockfile->graph.packages) {
        auto first = lockfile->graph.edges.begin() + p.first_edge;
        std::reverse(first, first + p.edge_count);
    }
    EXPECT_TRUE(same(pnpm_lockfile_text(*lockfile), kOdd));
}

TEST(PnpmWrite, AnEnvironmentDocumentStaysInFront) {
    std::string env = "---\nlockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    configDependencies: {}\n\n---\n";
    std::string main = "lockfileVersion: '9.0'\n\nimporters:\n\n  .: {}\n";
    EXPECT_TRUE(same(written(env + main), env + main));
}

TEST(PnpmWrite, WhatAManifestSaysIsRecorded) {
    std::string text = "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n";
    auto lockfile = read_lockfile("pnpm-lock.yaml", text);
    ASSERT_TRUE(lockfile.has_value());
    auto record = [&](const char* json) {
        auto manifest = parse_manifest(json, "package.json");
        EXPECT_TRUE(manifest.has_value());
        record_manifest(lockfile->projects[0], *manifest, lockfile->graph.arena);
        return pnpm_lockfile_text(*lockfile).substr(text.size());
    };
    // As pnpm 12.21 does with the same manifests.
    EXPECT_EQ(record(R"({"publishConfig": {"directory": "./dist/", "linkDirectory": false}, "dependenciesMeta": {
                  "q": {"injected": true, "node": ">=1", "built": false, "n": 3}, "nope": {"injected": true}}})"),
              "    dependenciesMeta:\n      nope:\n        injected: true\n      q:\n        built: false\n"
              "        injected: true\n        n: 3\n        node: '>=1'\n    linkDirectory: false\n"
              "    publishDirectory: ./dist/\n");
    EXPECT_EQ(record(R"({"publishConfig": {"directory": "dist", "linkDirectory": true}, "dependenciesMeta": [1]})"),
              "    publishDirectory: dist\n");
    EXPECT_EQ(record(R"({"publishConfig": {"linkDirectory": false}})"), "{}\n");
}

TEST(Records, SayWhatTheLockfileSays) {
    auto lockfile = read_lockfile("pnpm-lock.yaml", kOdd);
    ASSERT_TRUE(lockfile.has_value());
    ASSERT_TRUE(read_records(*lockfile).has_value());
    const PackageRecord* e5 = lockfile->find_record("e5@1.0.0");
    ASSERT_NE(e5, nullptr);
    EXPECT_EQ(e5->name, "e5");
    EXPECT_EQ(e5->version, "1.0.0");
    ASSERT_EQ(e5->peers.size(), 3u);
    EXPECT_EQ(e5->peers[0].name, "mo");
    EXPECT_TRUE(e5->peers[0].optional);
    EXPECT_EQ(e5->peers[1].range, ">=1");
    EXPECT_FALSE(e5->peers[1].optional);
    EXPECT_EQ(e5->bundled, (std::vector<std::string_view>{"z", "b"}));
    const PackageRecord* e1 = lockfile->find_record("e1@1.0.0");
    ASSERT_NE(e1, nullptr);
    EXPECT_EQ(e1->os, (std::vector<std::string_view>{"linux", "!win32", "darwin"}));
    EXPECT_EQ(e1->engines.size(), 5u);
    EXPECT_EQ(lockfile->find_record("e5"), nullptr);
    EXPECT_EQ(lockfile->find_record("e5@1.0.0(q@1.0.0)"), nullptr);
    EXPECT_EQ(lockfile->find_record("tb@file:tb.tgz")->version, "3.2.1");
}

// An install leaves out an optional package of a kind it does not know; who writes must not lose it.
TEST(Records, RefuseALockfileThatCannotBeWrittenBack) {
    std::string text = R"(lockfileVersion: '9.0'

importers:

  .:
    optionalDependencies:
      node:
        specifier: runtime:22
        version: runtime:22.0.0

packages:

  node@runtime:22.0.0:
    resolution: {type: variations, variants: []}
    version: 22.0.0

snapshots:

  node@runtime:22.0.0:
    optional: true
)";
    auto lockfile = read_lockfile("pnpm-lock.yaml", text);
    ASSERT_TRUE(lockfile.has_value()) << to_string(lockfile.error());
    auto read = read_records(*lockfile);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, Code::RESOLUTION_UNSUPPORTED);
}

}  // namespace
}  // namespace pmx
