#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "lockfile/codecs.hpp"
#include "lockfile/dep_path.hpp"
#include "lockfile/lockfile.hpp"
#include "lockfile/yaml_lines.hpp"
#include "lockfile_cases.hpp"

namespace pmx {
namespace {

using namespace lockfile_cases;

constexpr const char* kSmall = R"(lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

catalogs:
  default:
    react:
      specifier: ^19.0.0
      version: 19.1.0

overrides:
  zeta: 2.0.0
  alpha>beta: 1.0.0

packageExtensionsChecksum: sha256-abc=

patchedDependencies:
  is-positive@1.0.0: aaaa
  old@1.0.0:
    hash: bbbb
    path: patches/old.patch

importers:

  .:
    dependencies:
      is-positive:
        specifier: 1.0.0
        version: 1.0.0(patch_hash=aaaa)
      react:
        specifier: 'catalog:'
        version: 19.1.0
      lib:
        specifier: workspace:*
        version: link:packages/lib
      alias:
        specifier: npm:@acme/foo@100.0.0
        version: '@acme/foo@100.0.0(react@19.1.0)'
    devDependencies:
      tool:
        specifier: ^1.0.0
        version: 1.0.0
    dependenciesMeta:
      lib:
        injected: true

  packages/lib:
    dependencies:
      other:
        specifier: link:../../../other
        version: link:../../../other
      inj:
        specifier: file:../inj
        version: file:packages/inj(react@19.1.0)
    optionalDependencies:
      missing-here:
        specifier: 1.0.0
        version: 1.0.0

packages:

  '@acme/foo@100.0.0':
    resolution: {integrity: sha512-AAAA}
    engines: {node: '>=18', npm: '*'}
    cpu: [x64, arm64]
    os: [linux]
    libc: glibc
    deprecated: Long text, with a comma
    hasBin: true
    bundledDependencies:
      - inner
    peerDependencies:
      react: '*'
      a-peer: ^1.0.0
    peerDependenciesMeta:
      a-peer:
        optional: true

  inj@file:packages/inj:
    resolution: {directory: packages/inj, type: directory}
    peerDependencies:
      react: '*'

  is-positive@1.0.0:
    resolution: {integrity: sha512-BBBB}

  neg@https://codeload.github.com/k/neg/tar.gz/0123:
    resolution: {path: /packages/neg, tarball: https://codeload.github.com/k/neg/tar.gz/0123, gitHosted: true}
    version: 2.1.0

  react@19.1.0:
    resolution: {integrity: sha512-CCCC}

  tool@1.0.0:
    resolution: {integrity: sha512-DDDD, tarball: https://registry.example/x/tool-1.0.0.tgz}
    bundledDependencies: true

snapshots:

  '@acme/foo@100.0.0(react@19.1.0)':
    dependencies:
      react: 19.1.0
    transitivePeerDependencies:
      - a-peer

  inj@file:packages/inj(react@19.1.0):
    dependencies:
      lib: link:packages/lib
      react: 19.1.0

  is-positive@1.0.0(patch_hash=aaaa): {}

  neg@https://codeload.github.com/k/neg/tar.gz/0123:
    optional: true

  react@19.1.0: {}

  tool@1.0.0:
    dependencies:
      react: 19.1.0
    optionalDependencies:
      neg: https://codeload.github.com/k/neg/tar.gz/0123
)";

Lockfile read(std::string text) {
    auto lockfile = read_lockfile("pnpm-lock.yaml", std::move(text));
    EXPECT_TRUE(lockfile.has_value()) << (lockfile ? "" : to_string(lockfile.error()));
    return lockfile ? std::move(*lockfile) : Lockfile{};
}

Error read_error(std::string text) {
    auto lockfile = read_lockfile("pnpm-lock.yaml", std::move(text));
    EXPECT_FALSE(lockfile.has_value());
    return lockfile ? Error{} : lockfile.error();
}

const Package& package(const Lockfile& l, std::string_view id) {
    for (const Package& p : l.graph.packages)
        if (p.id == id) return p;
    ADD_FAILURE() << "no package " << id;
    static const Package none;
    return none;
}

std::vector<std::string_view> strings(const Lockfile& l, std::uint32_t first, std::uint32_t count) {
    return {l.graph.strings.begin() + first, l.graph.strings.begin() + first + count};
}

std::string with(std::string_view from, std::string_view to) {
    std::string text = kSmall;
    std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

std::ptrdiff_t line_at(std::size_t offset) {
    return 1 + std::count(kSmall, kSmall + offset, '\n');
}

TEST(PnpmLock, ReadsEverySection) {
    Lockfile l = read(kSmall);
    EXPECT_EQ(l.version, "9.0");
    EXPECT_EQ(l.settings.at("autoInstallPeers"), "true");
    EXPECT_EQ(l.catalogs.at("default").at("react"), (std::pair<std::string, std::string>("^19.0.0", "19.1.0")));
    ASSERT_EQ(l.overrides.size(), 2u);
    EXPECT_EQ(l.overrides[0].first, "zeta");
    EXPECT_EQ(l.overrides[1].first, "alpha>beta");
    EXPECT_EQ(l.patched[1], (std::pair<std::string_view, std::string_view>("old@1.0.0", "bbbb")));
    EXPECT_EQ(l.package_extensions_checksum, "sha256-abc=");
    ASSERT_EQ(l.graph.packages.size(), 6u);

    const Package& foo = package(l, "@acme/foo@100.0.0(react@19.1.0)");
    EXPECT_EQ(foo.name, "@acme/foo");
    EXPECT_EQ(foo.version, "100.0.0");
    EXPECT_EQ(foo.engines_node, ">=18");
    EXPECT_TRUE(foo.has_bin);
    EXPECT_EQ(foo.deprecated, "Long text, with a comma");
    EXPECT_EQ(strings(l, foo.first_cpu, foo.cpu_count), (std::vector<std::string_view>{"x64", "arm64"}));
    EXPECT_EQ(strings(l, foo.first_libc, foo.libc_count), (std::vector<std::string_view>{"glibc"}));
    EXPECT_EQ(strings(l, foo.first_peer, foo.peer_count), (std::vector<std::string_view>{"a-peer", "react"}));
    EXPECT_EQ(strings(l, foo.first_bundled, foo.bundled_count), (std::vector<std::string_view>{"inner"}));
    EXPECT_EQ(strings(l, foo.first_transitive_peer, foo.transitive_peer_count), (std::vector<std::string_view>{"a-peer"}));
    EXPECT_FALSE(foo.dev_only);

    const Package& tool = package(l, "tool@1.0.0");
    EXPECT_TRUE(tool.dev_only);
    EXPECT_TRUE(tool.bundles_all);
    EXPECT_EQ(tool.resolution.kind, ResolutionKind::registry);
    EXPECT_EQ(tool.resolution.tarball, "https://registry.example/x/tool-1.0.0.tgz");
    ASSERT_EQ(tool.edge_count, 2u);
    EXPECT_EQ(l.graph.begin_edges(tool)[1].kind, EdgeKind::optional);

    const Package& neg = package(l, "neg@https://codeload.github.com/k/neg/tar.gz/0123");
    EXPECT_EQ(neg.resolution.kind, ResolutionKind::tarball);
    EXPECT_TRUE(neg.resolution.git_hosted);
    EXPECT_EQ(neg.resolution.path, "packages/neg");
    EXPECT_EQ(neg.version, "2.1.0");
    EXPECT_TRUE(neg.optional);
    EXPECT_EQ(package(l, "is-positive@1.0.0(patch_hash=aaaa)").patch_hash, "aaaa");

    const Package& inj = package(l, "inj@file:packages/inj(react@19.1.0)");
    EXPECT_EQ(inj.resolution.kind, ResolutionKind::directory);
    EXPECT_EQ(inj.resolution.directory, "packages/inj");
    EXPECT_EQ(l.graph.begin_edges(inj)[0].link, "packages/lib");
}

TEST(PnpmLock, NormalisesLinksToTheLockfilesDirectory) {
    Lockfile l = read(kSmall);
    ASSERT_EQ(l.graph.projects.size(), 2u);
    EXPECT_EQ(l.graph.projects[0].dir, ".");
    EXPECT_EQ(l.graph.projects[1].dir, "packages/lib");
    const Edge* e = l.graph.begin_edges(l.graph.projects[1]);
    ASSERT_EQ(l.graph.projects[1].edge_count, 2u) << "a missing optional dependency is left out";
    EXPECT_EQ(e[0].alias, "other");
    EXPECT_EQ(e[0].link, "../other");
    EXPECT_EQ(l.projects[0].injected.size(), 1u);
    EXPECT_EQ(l.projects[1].specifiers.size(), 3u);
}

TEST(PnpmLock, ErrorsNameTheirLine) {
    EXPECT_EQ(read_error(with("lockfileVersion: '9.0'", "lockfileVersion: '6.0'")).code, Code::LOCKFILE_VERSION);
    EXPECT_EQ(read_error(with("settings:\n", "<<<<<<< HEAD\nsettings:\n")).code, Code::LOCKFILE_CONFLICT);
    Error duplicate = read_error(with("  react@19.1.0: {}\n", "  react@19.1.0: {}\n\n  react@19.1.0: {}\n"));
    EXPECT_EQ(duplicate.code, Code::LOCKFILE_BROKEN);
    std::size_t second = std::string_view(kSmall).find("  react@19.1.0: {}\n");
    EXPECT_EQ(duplicate.subject, "pnpm-lock.yaml:" + std::to_string(line_at(second) + 2));
    EXPECT_EQ(read_error(with("  autoInstallPeers: true", "\tautoInstallPeers: true")).subject, "pnpm-lock.yaml:4");
    Error missing = read_error(with("  react@19.1.0: {}\n", ""));
    EXPECT_EQ(missing.code, Code::LOCKFILE_MISSING_DEPENDENCY);
    std::size_t edge = std::string_view(kSmall).find("      react: 19.1.0\n    transitive");
    EXPECT_EQ(missing.subject, "pnpm-lock.yaml:" + std::to_string(line_at(edge)));
    EXPECT_EQ(read_error(with("  react@19.1.0:\n    resolution: {integrity: sha512-CCCC}\n", "")).code,
              Code::LOCKFILE_MISSING_DEPENDENCY);
    EXPECT_EQ(read_error(with("'9.0'", "'9.0")).code, Code::LOCKFILE_BROKEN);
    EXPECT_EQ(read_error("").code, Code::LOCKFILE_BROKEN);
    EXPECT_EQ(read_error("---\nlockfileVersion: '9.0'\n").code, Code::LOCKFILE_BROKEN);
    EXPECT_EQ(read_error(std::string("lockfileVersion: '9.0'\n\0", 24)).code, Code::LOCKFILE_BROKEN);
    EXPECT_EQ(read_error("lockfileVersion: '9.0'\nx: \xff\n").code, Code::LOCKFILE_BROKEN);
}

TEST(PnpmLock, RefusesUnsafeNamesAndPaths) {
    for (const char* alias : {"'../evil'", "'.bin'", "node_modules", "'@a/../b'", "a/b", "\"e\\nvil\""})
        EXPECT_EQ(read_error(with("      tool:", "      " + std::string(alias) + ":")).code, Code::UNSAFE_PATH) << alias;
    EXPECT_EQ(read_error(with("path: /packages/neg", "path: /packages/../../neg")).code, Code::UNSAFE_PATH);
    EXPECT_EQ(read_error(with("  packages/lib:\n", "  /etc:\n")).code, Code::UNSAFE_PATH);
    EXPECT_EQ(read_error(with("version: 2.1.0", "version: ../2")).code, Code::LOCKFILE_BROKEN);
}

TEST(PnpmLock, UnknownResolutionsAreFatalUnlessOptional) {
    std::string binary = "resolution: {type: binary, url: https://registry.example/x.zip}";
    EXPECT_EQ(read_error(with("resolution: {integrity: sha512-CCCC}", binary)).code, Code::RESOLUTION_UNSUPPORTED);
    std::string text = with("resolution: {path: /packages/neg, tarball: https://codeload.github.com/k/neg/tar.gz/0123, "
                            "gitHosted: true}", binary);
    Lockfile l = read(text);
    EXPECT_EQ(l.graph.packages.size(), 5u);
    EXPECT_EQ(package(l, "tool@1.0.0").edge_count, 1u);
}

TEST(PnpmLock, NormalisesLineEndsAndBomAndSkipsTheEnvDocument) {
    std::string crlf = "\xEF\xBB\xBF";
    for (char c : std::string(kSmall)) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
    Lockfile l = read(crlf);
    EXPECT_EQ(l.text, kSmall);
    EXPECT_EQ(l.document, kSmall);
    Lockfile two = read("---\nlockfileVersion: '9.0'\nimporters:\n  .: {}\n---\n" + std::string(kSmall));
    EXPECT_EQ(two.document, kSmall);
    EXPECT_EQ(two.graph.packages.size(), 6u);
    Error error = read_error("---\nfoo: bar\n---\n" + with("  react@19.1.0: {}\n", ""));
    std::size_t edge = std::string_view(kSmall).find("      react: 19.1.0\n    transitive");
    EXPECT_EQ(error.subject, "pnpm-lock.yaml:" + std::to_string(line_at(edge) + 3));
}

// Escapes and very long keys are what pnpm itself writes.
TEST(PnpmLock, EscapesAndExplicitKeys) {
    for (auto [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"deprecated: Long text, with a comma", "deprecated: \"Long \\x74ext, with a comma\""},
             {"  react@19.1.0: {}\n", "  ? react@19.1.0\n  : {}\n"}}) {
        std::string text = with(from, to);
        Arena arena;
        EXPECT_TRUE(read_yaml_lines(text, arena, 1)) << to;
        Lockfile l = read(text);
        EXPECT_EQ(package(l, "@acme/foo@100.0.0(react@19.1.0)").deprecated, "Long text, with a comma");
        EXPECT_EQ(package(l, "react@19.1.0").resolution.integrity, "sha512-CCCC");
    }
}

// What the fast reader declines, the general one reads, with the same value.
TEST(PnpmLock, ConstructsOutsideTheFastSubset) {
    Lockfile plain = read(kSmall);
    for (auto [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"resolution: {integrity: sha512-CCCC}", "resolution: {\n      integrity: sha512-CCCC}"},
             {"deprecated: Long text, with a comma", "deprecated: Long text,\n      with a comma"},
             {"deprecated: Long text, with a comma", "deprecated: >-\n      Long text,\n      with a comma"},
             {"  react@19.1.0: {}\n", "  ?   react@19.1.0\n  : {}\n"},
             {"specifier: ^19.0.0", "specifier: &anchor ^19.0.0"}}) {
        std::string text = with(from, to);
        Arena arena;
        EXPECT_FALSE(read_yaml_lines(text, arena, 1)) << to;
        Lockfile l = read(text);
        ASSERT_EQ(l.graph.packages.size(), plain.graph.packages.size()) << to;
        EXPECT_EQ(package(l, "@acme/foo@100.0.0(react@19.1.0)").deprecated, "Long text, with a comma");
        EXPECT_EQ(package(l, "react@19.1.0").resolution.integrity, "sha512-CCCC");
    }
    EXPECT_EQ(read_error(with("  autoInstallPeers: true", "  <<: {a: b}")).code, Code::LOCKFILE_BROKEN);
    std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
    for (char c = 'b'; c < 'k'; ++c) {
        bomb += std::string(1, c) + ": &" + c + " [";
        for (int i = 0; i < 9; ++i) bomb += (i ? ",*" : "*") + std::string(1, static_cast<char>(c - 1));
        bomb += "]\n";
    }
    EXPECT_EQ(read_error(bomb).code, Code::LOCKFILE_BROKEN);
}

TEST(PnpmLock, ReadsAPrunedPeerVariantOfADirectory) {
    Lockfile l = read(
        "lockfileVersion: '9.0'\nimporters:\n  .: {}\nsnapshots:\n"
        "  dir@file:packages/dir(peer@1.0.0): {}\n  tar@file:vendor/tar-1.0.0.TGZ(peer@1.0.0): {}\n");
    EXPECT_EQ(package(l, "dir@file:packages/dir(peer@1.0.0)").resolution.directory, "packages/dir");
    EXPECT_EQ(package(l, "tar@file:vendor/tar-1.0.0.TGZ(peer@1.0.0)").resolution.kind, ResolutionKind::tarball);
}

std::string dump(const YamlTree& tree, const YamlNode& node) {
    switch (node.kind) {
        case YamlKind::null: return "~";
        case YamlKind::scalar: return (node.quoted ? "'" : "\"") + std::string(node.scalar) + "\"";
        case YamlKind::map:
        case YamlKind::list: break;
    }
    std::string out = node.kind == YamlKind::map ? "{" : "[";
    for (const YamlNode* child = tree.first(node); child; child = tree.next(*child))
        out += "\n" + std::to_string(child->line) + " " + std::string(child->key) + "=" + dump(tree, *child);
    return out + (node.kind == YamlKind::map ? "}" : "]");
}

void expect_same_as_oracle(const std::string& name, std::string_view text) {
    Arena arena;
    auto fast = read_yaml_lines(text, arena, 1);
    ASSERT_TRUE(fast) << name << ": the fast reader declined";
    auto slow = read_yaml_slowly(text, arena, 1);
    ASSERT_TRUE(slow) << name << ": " << to_string(slow.error());
    EXPECT_TRUE(dump(*fast, fast->root()) == dump(*slow, slow->root())) << name;
}

TEST(PnpmLock, FixturesReadAsTheOracleReadsThem) {
    PMX_NEEDS_SHARED("fixtures/projects");
    int count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(shared("fixtures/projects"))) {
        if (entry.path().filename() != "pnpm-lock.yaml") continue;
        ++count;
        Lockfile l = read(slurp(entry.path()));
        EXPECT_GT(l.graph.packages.size(), 100u) << entry.path();
        expect_same_as_oracle(entry.path(), l.document);
    }
    EXPECT_GE(count, 8);
}

TEST(PnpmLock, GoldenLockfilesReadAsTheOracleReadsThem) {
    PMX_NEEDS_SHARED("vectors/pnpm-golden/golden.json");
    auto golden = nlohmann::json::parse(slurp(shared("vectors/pnpm-golden/golden.json")));
    int count = 0;
    for (const auto& c : golden["cases"]) {
        const auto& result = c["result"]["isolated"];
        if (!result.contains("lockfile") || !result["lockfile"].is_string()) continue;
        std::string text = result["lockfile"];
        ++count;
        Lockfile l = read(text);
        expect_same_as_oracle(c["id"], l.document);
    }
    EXPECT_GT(count, 150);
}

TEST(PnpmLock, YamlDocumentsLikePnpm) {
    PMX_NEEDS_SHARED("vectors/pnpm-vectors/lockfile-fs.json");
    int count = 0;
    auto vectors = nlohmann::json::parse(slurp(shared("vectors/pnpm-vectors/lockfile-fs.json")));
    for (const auto& c : vectors["cases"]) {
        if (!c["fn"].get<std::string>().ends_with("#extractMainDocument")) continue;
        std::string text = c["args"][0], plain;
        for (char ch : text)
            if (ch != '\r') plain += ch;
        EXPECT_EQ(main_document(plain), c["result"].get<std::string>()) << c["test"];
        ++count;
    }
    EXPECT_EQ(count, 5);
}

TEST(DepPath, LikePnpm) {
    PMX_NEEDS_SHARED("vectors/pnpm-vectors/deps-path.json");
    auto vectors = nlohmann::json::parse(slurp(shared("vectors/pnpm-vectors/deps-path.json")));
    int count = 0;
    for (const auto& c : vectors["cases"]) {
        std::string fn = c["fn"];
        fn = fn.substr(fn.find('#') + 1);
        if (c.contains("throws")) continue;
        const auto& result = c["result"];
        if (fn == "parse") {
            DepPath path = parse_dep_path(c["args"][0].get_ref<const std::string&>());
            EXPECT_EQ(path.name, result.value("name", "")) << c["args"];
            std::string_view registry = registry_of_reference(path.reference);
            bool named = result.contains("registryName") && result["registryName"].is_string();
            EXPECT_EQ(registry, named ? result["registryName"].get<std::string>() : "");
            std::string patch = path.patch_hash.empty() ? "" : "(patch_hash=" + std::string(path.patch_hash) + ")";
            EXPECT_EQ(patch, result["patchHash"].is_string() ? result["patchHash"].get<std::string>() : "");
            ++count;
        } else if (fn == "refToRelative") {
            std::string buffer;
            std::string_view key = dep_path_of(c["args"][1].get_ref<const std::string&>(),
                                               c["args"][0].get_ref<const std::string&>(), buffer);
            EXPECT_EQ(key, result.is_null() ? "" : result.get<std::string>()) << c["args"];
            ++count;
        } else if (fn == "removeSuffix" || fn == "tryGetPackageId") {
            EXPECT_EQ(parse_dep_path(c["args"][0].get_ref<const std::string&>()).package_key, result.get<std::string>());
            ++count;
        }
    }
    EXPECT_GT(count, 25);
}

}  // namespace
}  // namespace pmx
