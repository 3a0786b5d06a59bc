#include "lockfile/lockfile.hpp"
#include "lockfile_cases.hpp"

namespace pmx {
namespace {

// The expected texts were compared with what pnpm 12.21 wrote for these flags, byte for byte.
constexpr const char* kWanted = R"(lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

overrides:
  nothing: 1.0.0

importers:

  .:
    dependencies:
      '@acme/prod':
        specifier: 100.0.0
        version: 100.0.0
    devDependencies:
      tool:
        specifier: '*'
        version: 100.0.0
    optionalDependencies:
      bar:
        specifier: '*'
        version: 100.1.0

  packages/b:
    devDependencies:
      l:
        specifier: link:../..
        version: link:../..

packages:

  '@acme/prod@100.0.0':
    resolution: {integrity: sha512-AAAA}

  bar@100.1.0:
    resolution: {integrity: sha512-BBBB}
    os: [darwin]

  tool@100.0.0:
    resolution: {integrity: sha512-CCCC}

snapshots:

  '@acme/prod@100.0.0': {}

  bar@100.1.0:
    optional: true

  tool@100.0.0:
    optionalDependencies:
      bar: 100.1.0
)";

std::string current(std::string text, Included included) {
    auto lockfile = read_lockfile("pnpm-lock.yaml", std::move(text));
    EXPECT_TRUE(lockfile.has_value()) << (lockfile ? "" : to_string(lockfile.error()));
    return lockfile ? current_lockfile_text(*lockfile, included) : "";
}

std::string without(std::string text, std::initializer_list<std::string_view> parts) {
    for (std::string_view part : parts) {
        std::size_t at = text.find(part);
        EXPECT_NE(at, std::string::npos) << part;
        text.erase(at, part.size());
    }
    return text;
}

constexpr const char* kDevGroup =
    "    devDependencies:\n      tool:\n        specifier: '*'\n        version: 100.0.0\n";
constexpr const char* kOptionalGroup =
    "    optionalDependencies:\n      bar:\n        specifier: '*'\n        version: 100.1.0\n";
constexpr const char* kProdGroup =
    "    dependencies:\n      '@acme/prod':\n        specifier: 100.0.0\n        version: 100.0.0\n";
constexpr const char* kBar = "  bar@100.1.0:\n    resolution: {integrity: sha512-BBBB}\n    os: [darwin]\n\n";
constexpr const char* kBarSnapshot = "  bar@100.1.0:\n    optional: true\n\n";
constexpr const char* kLinks =
    ":\n    devDependencies:\n      l:\n        specifier: link:../..\n        version: link:../..\n";

TEST(CurrentLockfile, AFullInstallLeavesTheDocumentAsItIs) {
    EXPECT_EQ(current(kWanted, {}), kWanted);
    EXPECT_EQ(current("---\nlockfileVersion: '9.0'\n---\n" + std::string(kWanted), {}), kWanted);
}

TEST(CurrentLockfile, ProductionOnly) {
    std::string expected = without(kWanted, {kDevGroup, "\n  tool@100.0.0:\n    resolution: {integrity: sha512-CCCC}\n",
                                             "\n  tool@100.0.0:\n    optionalDependencies:\n      bar: 100.1.0\n"});
    expected.replace(expected.find(kLinks), std::string(kLinks).size(), ": {}\n");
    EXPECT_EQ(current(kWanted, {true, false, true}), expected);
}

TEST(CurrentLockfile, DevelopmentOnlyKeepsOptionalEdgesBetweenPackages) {
    std::string expected =
        without(kWanted, {kProdGroup, kOptionalGroup, "  '@acme/prod@100.0.0':\n    resolution: {integrity: sha512-AAAA}\n\n",
                          "  '@acme/prod@100.0.0': {}\n\n"});
    EXPECT_EQ(current(kWanted, {false, true, true}), expected);
    EXPECT_EQ(current(kWanted, {false, true, false}), without(expected, {kBar, kBarSnapshot}));
}

TEST(CurrentLockfile, WithoutOptional) {
    EXPECT_EQ(current(kWanted, {true, true, false}), without(kWanted, {kOptionalGroup, kBar, kBarSnapshot}));
}

TEST(CurrentLockfile, NothingInstalledIsNoFile) {
    EXPECT_EQ(current("lockfileVersion: '9.0'\n\nimporters:\n\n  .: {}\n", {}), "");
    EXPECT_EQ(current(kWanted, {false, false, true}), "");
}

TEST(CurrentLockfile, SectionsThatBecomeEmptyStay) {
    EXPECT_EQ(current("lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      l:\n        specifier: link:../l\n"
                      "        version: link:../l\n    devDependencies:\n      d:\n        specifier: 1.0.0\n        version: 1.0.0\n\n"
                      "packages:\n\n  d@1.0.0:\n    resolution: {integrity: sha512-AAAA}\n\nsnapshots:\n\n  d@1.0.0: {}\n",
                      {true, false, true}),
              "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      l:\n        specifier: link:../l\n"
              "        version: link:../l\n\npackages: {}\n\nsnapshots: {}\n");
}

// What was filtered is a whole lockfile again, and filtering it again changes nothing.
TEST(CurrentLockfile, FixturesStayWhole) {
    PMX_NEEDS_SHARED("fixtures/projects");
    for (const auto& file : std::filesystem::recursive_directory_iterator(lockfile_cases::shared("fixtures/projects"))) {
        if (file.path().filename() != "pnpm-lock.yaml") continue;
        for (Included included : {Included{true, false, true}, Included{false, true, true}, Included{true, true, false}}) {
            std::string text = current(lockfile_cases::slurp(file.path()), included);
            if (text.empty()) continue;
            auto again = read_lockfile("pnpm-lock.yaml", text);
            ASSERT_TRUE(again.has_value()) << file.path() << to_string(again.error());
            EXPECT_TRUE(current_lockfile_text(*again, included) == text) << file.path();
        }
    }
}

}  // namespace
}  // namespace pmx
