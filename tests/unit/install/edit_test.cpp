// Edits as a whole: what the resolver is to see, and what the files and the lockfile become of what it found.
#include "install/edit.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace pmx {
namespace {

namespace fs = std::filesystem;

class EditTest : public ::testing::Test {
  protected:
    void SetUp() override {
        root_ = fs::path(::testing::TempDir()) / ("pmx-edit-" + std::to_string(::getpid()) + "-" +
                                                  ::testing::UnitTest::GetInstance()->current_test_info()->name());
        fs::remove_all(root_);
        fs::create_directories(root_);
    }
    void TearDown() override { fs::remove_all(root_); }

    void write(const std::string& path, const std::string& text) {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text;
    }
    void project(const std::string& dir, const std::string& text) {
        std::string path = (root_ / dir / "package.json").lexically_normal();
        auto manifest = parse_manifest(text, path);
        ASSERT_TRUE(manifest);
        files_.push_back({dir, path, text, *manifest});
    }
    Settings settings(Flags flags = {}) {
        auto loaded = load_settings(root_, flags, {{"HOME", root_}});
        EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().what);
        Settings settings = std::move(*loaded);
        settings.root = root_;
        return settings;
    }
    void edit(DependencyEdit::Action action, const std::string& argument, std::optional<EdgeKind> group = {}, bool save_peer = false) {
        edits_.list.push_back({action, argument, group, save_peer});
    }
    Result<> apply(const Settings& settings) {
        resolved_.clear();
        for (const ProjectFile& file : files_) resolved_.push_back({file.dir, file.manifest});
        return apply_edits(edits_, settings, files_, resolved_);
    }
    // `importers`: YAML of the resolved lockfile below "importers:".
    std::vector<FileEdit> saved(const Settings& settings, const std::string& importers, const std::string& packages, const std::string& catalogs = "") {
        std::string text = "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n  excludeLinksFromLockfile: false\n\n" + catalogs + "importers:\n\n" +
                           importers + "\npackages:\n\n";
        std::string snapshots = "\nsnapshots:\n\n";
        for (std::size_t at = 0; at < packages.size();) {
            std::size_t end = packages.find(' ', at);
            if (end == packages.npos) end = packages.size();
            text += "  " + packages.substr(at, end - at) + ":\n    resolution: {integrity: sha512-AAAA}\n\n";
            snapshots += "  " + packages.substr(at, end - at) + ": {}\n\n";
            at = end + 1;
        }
        auto lockfile = read_lockfile("pnpm-lock.yaml", text + snapshots);
        EXPECT_TRUE(lockfile) << (lockfile ? "" : lockfile.error().what + text);
        lockfile_ = std::move(*lockfile);
        auto edited = saved_manifests(edits_, settings, files_, resolved_, lockfile_);
        EXPECT_TRUE(edited) << (edited ? "" : edited.error().what);
        return edited ? *edited : std::vector<FileEdit>();
    }
    std::string locked(std::string_view alias) {
        for (const LockedProject& project : lockfile_.projects)
            for (const LockedSpecifier& specifier : project.specifiers)
                if (specifier.alias == alias) return std::string(specifier.specifier);
        return "(none)";
    }
    static std::string entry(const std::string& group, const std::string& name, const std::string& specifier, const std::string& version) {
        return "  .:\n    " + group + ":\n      " + name + ":\n        specifier: '" + specifier + "'\n        version: " + version + "\n";
    }

    fs::path root_;
    std::vector<ProjectFile> files_;
    std::vector<ProjectInput> resolved_;
    Edits edits_{{}, {"."}, {}, {}, false, true};
    Lockfile lockfile_;
};

using Action = DependencyEdit::Action;

TEST_F(EditTest, WhatIsAddedIsResolvedAsItsTagAndSavedAsARange) {
    project(".", "{\n  \"name\": \"x\"\n}\n");
    edit(Action::add, "aa");
    Settings with = settings();
    ASSERT_TRUE(apply(with));
    EXPECT_EQ(resolved_[0].manifest.dependencies, (TextMap{{"aa", "latest"}}));
    auto edited = saved(with, entry("dependencies", "aa", "latest", "2.1.0"), "aa@2.1.0");
    ASSERT_EQ(edited.size(), 1u);
    EXPECT_EQ(edited[0].text, "{\n  \"name\": \"x\",\n  \"dependencies\": {\n    \"aa\": \"^2.1.0\"\n  }\n}\n");
    EXPECT_EQ(locked("aa"), "^2.1.0");
}

TEST_F(EditTest, WhatStandsThereAlreadyKeepsItsSpecifierAndMayMove) {
    project(".", "{\"dependencies\":{\"aa\":\"~1.0.0\",\"bb\":\"1.0.0\"}}");
    edit(Action::add, "aa", EdgeKind::dev);
    Settings with = settings({{"save-exact", {"true"}}});
    ASSERT_TRUE(apply(with));
    EXPECT_EQ(resolved_[0].manifest.dev_dependencies, (TextMap{{"aa", "~1.0.0"}}));
    EXPECT_EQ(resolved_[0].manifest.dependencies, (TextMap{{"bb", "1.0.0"}}));
    auto edited = saved(with, entry("devDependencies", "aa", "~1.0.0", "1.0.0"), "aa@1.0.0");
    ASSERT_EQ(edited.size(), 1u);
    EXPECT_EQ(edited[0].text, "{\"dependencies\":{\"bb\":\"1.0.0\"},\"devDependencies\":{\"aa\":\"~1.0.0\"}}");
}

TEST_F(EditTest, ATagThatIsAskedForAgainIsSavedAsWhatItMeans) {
    project(".", "{\"dependencies\":{\"aa\":\"latest\"}}");
    edit(Action::add, "aa@latest");
    Settings with = settings();
    ASSERT_TRUE(apply(with));
    auto edited = saved(with, entry("dependencies", "aa", "latest", "2.1.0"), "aa@2.1.0");
    ASSERT_EQ(edited.size(), 1u);
    EXPECT_EQ(edited[0].text, "{\"dependencies\":{\"aa\":\"^2.1.0\"}}");
}

TEST_F(EditTest, OptionalBeforeProductionBeforeDevelopment) {
    project(".", "{\"devDependencies\":{\"aa\":\"1.0.0\"},\"dependencies\":{\"aa\":\"1.0.0\"},\"optionalDependencies\":{\"aa\":\"1.0.0\"}}");
    edit(Action::add, "aa");
    ASSERT_TRUE(apply(settings()));
    EXPECT_TRUE(resolved_[0].manifest.dependencies.empty() && resolved_[0].manifest.dev_dependencies.empty());
    EXPECT_EQ(resolved_[0].manifest.optional_dependencies.size(), 1u);
}

TEST_F(EditTest, PeersAreForDevelopmentToo) {
    project(".", "{}");
    edit(Action::add, "zz@^1", {}, true);
    Settings with = settings();
    ASSERT_TRUE(apply(with));
    auto edited = saved(with, entry("devDependencies", "zz", "^1", "1.0.0"), "zz@1.0.0");
    ASSERT_EQ(edited.size(), 1u);
    EXPECT_EQ(edited[0].text, "{\"devDependencies\":{\"zz\":\"^1.0.0\"},\"peerDependencies\":{\"zz\":\"^1.0.0\"}}");
}

TEST_F(EditTest, TheCatalogIsAskedFirst) {
    write("pnpm-workspace.yaml", "packages: []\ncatalog:\n  aa: ^1.0.0\n");
    project(".", "{}");
    edit(Action::add, "aa");
    Settings with = settings();
    ASSERT_TRUE(apply(with));
    EXPECT_EQ(resolved_[0].manifest.dependencies, (TextMap{{"aa", "catalog:"}}));
    auto edited = saved(with, entry("dependencies", "aa", "catalog:", "1.2.0"), "aa@1.2.0");
    ASSERT_EQ(edited.size(), 1u);
    EXPECT_EQ(edited[0].text, "{\"dependencies\":{\"aa\":\"catalog:\"}}");
}

TEST_F(EditTest, SavedIntoACatalog) {
    write("pnpm-workspace.yaml", "packages: []\ncatalog:\n  aa: ^1.0.0\n");
    project(".", "{}");
    edit(Action::add, "zz");
    Settings with = settings({{"save-catalog", {"true"}}});
    ASSERT_TRUE(apply(with));
    auto edited = saved(with, entry("dependencies", "zz", "latest", "1.0.0"), "zz@1.0.0");
    ASSERT_EQ(edited.size(), 2u);
    EXPECT_EQ(edited[0].text, "{\"dependencies\":{\"zz\":\"catalog:\"}}");
    EXPECT_EQ(edited[1].text, "packages: []\ncatalog:\n  aa: ^1.0.0\n  zz: ^1.0.0\n");
    EXPECT_EQ(locked("zz"), "catalog:");
    EXPECT_EQ(lockfile_.catalogs["default"]["zz"], (std::pair<std::string, std::string>("^1.0.0", "1.0.0")));
}

TEST_F(EditTest, AStrictCatalogRefusesOtherRanges) {
    write("pnpm-workspace.yaml", "packages: []\ncatalogMode: strict\ncatalog:\n  aa: ^1.0.0\n");
    project(".", "{}");
    edit(Action::add, "aa@2");
    auto applied = apply(settings());
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, Code::CATALOG);
}

TEST_F(EditTest, AnUpdateOfACatalogEntryBelongsIntoTheCatalog) {
    write("pnpm-workspace.yaml", "packages: []\ncatalogs:\n  two:\n    # why\n    aa: ~1.0.0\n");
    project(".", "{\"dependencies\":{\"aa\":\"catalog:two\"}}");
    edits_.update = {UpdateScope::Kind::all, {}, true, false, UINT32_MAX, {"."}};
    Settings with = settings();
    ASSERT_TRUE(apply(with));
    auto edited = saved(with, entry("dependencies", "aa", "catalog:two", "2.1.0"), "aa@2.1.0", "catalogs:\n  two:\n    aa:\n      specifier: ~1.0.0\n      version: 2.1.0\n\n");
    ASSERT_EQ(edited.size(), 1u);
    EXPECT_EQ(edited[0].text, "packages: []\ncatalogs:\n  two:\n    # why\n    aa: ~2.1.0\n");
    EXPECT_EQ(lockfile_.catalogs["two"]["aa"].first, "~2.1.0");
    EXPECT_EQ(locked("aa"), "catalog:two");
}

TEST_F(EditTest, RemovedFromEveryGroup) {
    project(".", "{\"dependencies\":{\"aa\":\"1\",\"bb\":\"1\"},\"peerDependencies\":{\"aa\":\"*\"},\"dependenciesMeta\":{\"aa\":{\"injected\":true}}}");
    edit(Action::remove, "aa");
    Settings with = settings();
    ASSERT_TRUE(apply(with));
    EXPECT_EQ(resolved_[0].manifest.dependencies, (TextMap{{"bb", "1"}}));
    auto edited = saved(with, entry("dependencies", "bb", "1", "1.0.0"), "bb@1.0.0");
    ASSERT_EQ(edited.size(), 1u);
    EXPECT_EQ(edited[0].text, "{\"dependencies\":{\"bb\":\"1\"},\"dependenciesMeta\":{}}");
}

TEST_F(EditTest, RemovedFromOneGroupOnly) {
    project(".", "{\"devDependencies\":{\"aa\":\"1\"},\"dependencies\":{\"aa\":\"1\"}}");
    edit(Action::remove, "aa", EdgeKind::dev);
    ASSERT_TRUE(apply(settings()));
    EXPECT_EQ(resolved_[0].manifest.dependencies.size(), 1u);
    EXPECT_TRUE(resolved_[0].manifest.dev_dependencies.empty());
}

TEST_F(EditTest, WhatIsNotThereCannotBeRemoved) {
    project(".", "{\"dependencies\":{\"react\":\"1\"}}");
    edit(Action::remove, "reakt");
    auto applied = apply(settings());
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, Code::USAGE);
    EXPECT_EQ(applied.error().remedy, "did you mean react?");
}

TEST_F(EditTest, UpdatedWithinTheRange) {
    project(".", "{\"dependencies\":{\"aa\":\"^1.0.0\",\"bb\":\"~1.0.0\"}}");
    edit(Action::update, "aa");
    edits_.update = {UpdateScope::Kind::named, {"aa"}, false, false, UINT32_MAX, {"."}};
    Settings with = settings();
    ASSERT_TRUE(apply(with));
    auto edited = saved(with, entry("dependencies", "aa", "^1.0.0", "1.2.0"), "aa@1.2.0");
    ASSERT_EQ(edited.size(), 1u);
    EXPECT_EQ(edited[0].text, "{\"dependencies\":{\"aa\":\"^1.2.0\",\"bb\":\"~1.0.0\"}}");
    EXPECT_EQ(locked("aa"), "^1.2.0");
    edits_.save = false;
    EXPECT_TRUE(saved(with, entry("dependencies", "aa", "^1.0.0", "1.2.0"), "aa@1.2.0").empty());
    EXPECT_EQ(locked("aa"), "^1.0.0");
}

TEST_F(EditTest, UpdatedToAVersion) {
    // What was asked for, what the manifest had, what was found, what is saved.
    const char* cases[][5] = {{"1.1.0", "^1.0.0", "1.1.0", "1.1.0", "^1.1.0"}, {"2", "^1.0.0", "2", "2.1.0", "2"},     {"latest", "~1.0.0", "latest", "2.1.0", "~2.1.0"},
                              {"1.1.0", "1.0.0", "1.1.0", "1.1.0", "1.1.0"},   {"^1", "1.0.0", "^1", "1.2.0", "^1"},   {"beta", "~1.0.0", "beta", "3.0.0-beta.1", "~3.0.0-beta.1"},
                              {"1.1.0", "*", "1.1.0", "1.1.0", "^1.1.0"},      {"1.1.0", ">=1", "1.1.0", "1.1.0", ">=1"}, {"1.1.0", "latest", "1.1.0", "1.1.0", "1.1.0"},
                              {"latest", ">=1.0.0", "latest", "2.1.0", "^2.1.0"}, {"1.1.0", "=1.0.0", "1.1.0", "1.1.0", "=1.1.0"}, {"latest", "beta", "latest", "2.1.0", "latest"}};
    for (const auto& [asked, had, resolved, version, expected] : cases) {
        files_.clear();
        edits_.list.clear();
        project(".", std::string("{\"dependencies\":{\"aa\":\"") + had + "\"}}");
        edit(Action::update, std::string("aa@") + asked);
        edits_.update = {UpdateScope::Kind::named, {"aa"}, false, false, UINT32_MAX, {"."}};
        Settings with = settings();
        ASSERT_TRUE(apply(with));
        EXPECT_EQ(resolved_[0].manifest.dependencies, (TextMap{{"aa", resolved}}));
        auto edited = saved(with, entry("dependencies", "aa", resolved, version), std::string("aa@") + version);
        EXPECT_EQ(edited.empty() ? files_[0].text : edited[0].text, std::string("{\"dependencies\":{\"aa\":\"") + expected + "\"}}") << asked << " of " << had;
        EXPECT_EQ(locked("aa"), expected);
    }
}

TEST_F(EditTest, AVersionIsForDirectDependencies) {
    project(".", "{\"dependencies\":{\"aa\":\"1.0.0\"}}");
    edit(Action::update, "bb@1.1.0");
    auto applied = apply(settings());
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, Code::USAGE);
    edits_.list.clear();
    edit(Action::update, "bb");  // perhaps a dependency of a dependency
    EXPECT_TRUE(apply(settings()));
}

TEST_F(EditTest, ADirectoryIsLinkedUnderItsOwnName) {
    write("lib/package.json", "{\"name\":\"the-lib\",\"version\":\"1.0.0\"}");
    project(".", "{}");
    edit(Action::add, "./lib");
    Settings with = settings();
    ASSERT_TRUE(apply(with));
    EXPECT_EQ(resolved_[0].manifest.dependencies, (TextMap{{"the-lib", "link:lib"}}));
    auto edited = saved(with, entry("dependencies", "the-lib", "link:lib", "link:lib"), "");
    ASSERT_EQ(edited.size(), 1u);
    EXPECT_EQ(edited[0].text, "{\"dependencies\":{\"the-lib\":\"link:lib\"}}");
    edits_.list.clear();
    edit(Action::add, "./nowhere");
    EXPECT_FALSE(apply(with));
}

TEST_F(EditTest, ProjectsOfTheWorkspaceAreSavedAsSuch) {
    write("pnpm-workspace.yaml", "packages: [a, b]\nlinkWorkspacePackages: true\n");
    project(".", "{}");
    project("a", "{\"name\":\"a\"}");
    project("b", "{\"name\":\"b\",\"version\":\"1.3.0\"}");
    edits_.projects = {"a"};
    edit(Action::add, "b");
    Settings with = settings();
    ASSERT_TRUE(apply(with));
    auto edited = saved(with, "  .: {}\n\n  a:\n    dependencies:\n      b:\n        specifier: latest\n        version: link:../b\n\n  b: {}\n", "");
    ASSERT_EQ(edited.size(), 1u);
    EXPECT_EQ(edited[0].text, "{\"name\":\"a\",\"dependencies\":{\"b\":\"workspace:^\"}}");
    EXPECT_EQ(locked("b"), "workspace:^");
}

TEST_F(EditTest, NoProjectThere) {
    project(".", "{}");
    edits_.projects = {"nowhere"};
    edit(Action::add, "aa");
    auto applied = apply(settings());
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, Code::USAGE);
}

}  // namespace
}  // namespace pmx
