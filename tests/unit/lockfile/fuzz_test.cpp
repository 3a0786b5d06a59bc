// Damaged lockfiles: any value or a clean error, never a crash, a hang or an unsafe name.
#include <random>

#include "lockfile/lockfile.hpp"
#include "lockfile/yaml_lines.hpp"
#include "model/contained_path.hpp"

namespace pmx {
namespace {

constexpr const char* kPnpm = R"(lockfileVersion: '9.0'

settings:
  autoInstallPeers: true

overrides:
  'a>b': ^1.0.0

importers:

  .:
    dependencies:
      '@s/a':
        specifier: ^1.0.0
        version: 1.0.0(b@2.0.0)
      l:
        specifier: link:../l
        version: link:../l

packages:

  '@s/a@1.0.0':
    resolution: {integrity: sha512-AAAA}
    engines: {node: '>=18'}
    cpu: [x64, arm64]
    deprecated: |-
      two
      lines
    bundledDependencies:
      - inner

  b@2.0.0:
    resolution: {path: /p, tarball: https://codeload.example/x/tar.gz/0123, gitHosted: true}
    hasBin: true

snapshots:

  '@s/a@1.0.0(b@2.0.0)':
    dependencies:
      b: 2.0.0

  b@2.0.0: {}
)";

constexpr const char* kNpm = R"({
  "name": "x",
  "lockfileVersion": 3,
  "packages": {
    "": {"dependencies": {"a": "^1.0.0"}},
    "node_modules/a": {"version": "1.0.0", "resolved": "http://127.0.0.1/a/-/a-1.0.0.tgz",
      "integrity": "sha512-AAAA", "dependencies": {"b": "*"}, "os": ["linux"], "bin": {"a": "a.js"}},
    "node_modules/a/node_modules/b": {"version": "1.0.0", "resolved": "git+ssh://git@h.example/b.git#0123"},
    "node_modules/w": {"resolved": "packages/w", "link": true},
    "packages/w": {"version": "1.0.0", "devDependencies": {"a": "1"}}
  }
})";

void check(const char* name, const std::string& text) {
    auto lockfile = read_lockfile(name, text);
    if (!lockfile) {
        EXPECT_FALSE(lockfile.error().what.empty());
        EXPECT_NE(lockfile.error().code, Code::INTERNAL);
        return;
    }
    const Graph& graph = lockfile->graph;
    for (const Edge& e : graph.edges) {
        EXPECT_TRUE(is_safe_package_name(e.alias)) << e.alias;
        EXPECT_TRUE(e.target == kNoPackage ? !e.link.empty() : e.target < graph.packages.size());
    }
    for (const Package& p : graph.packages) EXPECT_TRUE(is_safe_package_name(p.name)) << p.name;
    for (const Location& l : graph.locations) EXPECT_TRUE(is_contained_path(l.path)) << l.path;
    current_lockfile_text(*lockfile, {true, false, true});
    if (lockfile->format == LockfileFormat::pnpm && read_records(*lockfile)) {
        // What was written is read as the same again.
        std::string written = pnpm_lockfile_text(*lockfile);
        auto again = read_lockfile(name, written);
        ASSERT_TRUE(again.has_value()) << to_string(again.error()) << text << written;
        ASSERT_TRUE(read_records(*again).has_value()) << written;
        EXPECT_EQ(pnpm_lockfile_text(*again), written) << text;
    }
    npm_hidden_lockfile_text(*lockfile, {0});
}

void damage(const char* name, const std::string& whole) {
    for (std::size_t size = 0; size <= whole.size(); ++size) check(name, whole.substr(0, size));
    std::mt19937 random(20260901);
    constexpr std::string_view kBytes = " \n\t:'\"{}[],-&*!|>?#@%()\\/.~\0<=0a";
    for (int round = 0; round < 6000; ++round) {
        std::string text = whole;
        for (unsigned n = 1 + random() % 3; n > 0; --n) {
            std::size_t at = random() % text.size();
            switch (random() % 4) {
                case 0: text[at] = static_cast<char>(text[at] ^ (1 << random() % 8)); break;
                case 1: text[at] = kBytes[random() % kBytes.size()]; break;
                case 2: text.insert(at, 1, kBytes[random() % kBytes.size()]); break;
                default: text.erase(at, 1 + random() % 12); break;
            }
            if (text.empty()) text = " ";
        }
        check(name, text);
    }
}

TEST(LockfileFuzz, DamagedPnpmLockfiles) { damage("pnpm-lock.yaml", kPnpm); }
TEST(LockfileFuzz, DamagedNpmLockfiles) { damage("package-lock.json", kNpm); }

std::string dump(const YamlTree& tree, const YamlNode& node) {
    std::string out = std::to_string(static_cast<int>(node.kind)) + (node.quoted ? "q" : "p") + std::string(node.scalar);
    for (const YamlNode* child = tree.first(node); child; child = tree.next(*child))
        out += "\n" + std::string(child->key) + "=" + dump(tree, *child);
    return out;
}

// Where the fast reader gives a value for damaged text, the general one gives the same. (No '?' here: yaml-cpp refuses
// it inside flow scalars, where YAML and real lockfiles allow it.)
TEST(LockfileFuzz, TheFastReaderNeverMisreads) {
    std::mt19937 random(7);
    constexpr std::string_view kBytes = " \n:'\"{}[],-&*!|>#@%()\\/.~<=0a";
    std::string whole = kPnpm;
    int both = 0;
    for (int round = 0; round < 8000; ++round) {
        std::string text = whole;
        for (unsigned n = 1 + random() % 2; n > 0; --n) {
            std::size_t at = random() % text.size();
            if (random() % 3 == 0) text.erase(at, 1 + random() % 6);
            else if (random() % 2) text[at] = kBytes[random() % kBytes.size()];
            else text.insert(at, 1, kBytes[random() % kBytes.size()]);
        }
        Arena arena;
        auto fast = read_yaml_lines(text, arena, 1);
        if (!fast) continue;
        auto slow = read_yaml_slowly(text, arena, 1);
        ASSERT_TRUE(slow.has_value()) << text << to_string(slow.error());
        ASSERT_EQ(dump(*fast, fast->root()), dump(*slow, slow->root())) << text;
        ++both;
    }
    EXPECT_GT(both, 500);
}

}  // namespace
}  // namespace pmx
