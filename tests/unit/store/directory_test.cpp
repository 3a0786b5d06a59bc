#include <fstream>

#include <sys/stat.h>

#include "store/archives.hpp"
#include "store/packlist.hpp"

namespace pmx {
namespace {

namespace fs = std::filesystem;
using namespace test;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class Directory : public testing::Test {
  protected:
    TempDir dir;
    void put(std::string_view path, std::string_view text = "x") {
        fs::create_directories((dir.path / path).parent_path());
        std::ofstream(dir.path / path) << text;
    }
    std::vector<std::string> taken() {
        auto view = Store::view_directory(AT_FDCWD, dir.path.string(), "dep@file");
        EXPECT_TRUE(view) << to_string(view.error());
        return view ? paths(*view) : std::vector<std::string>();
    }
};

TEST_F(Directory, IsAViewWithTheMarkerLast) {
    put("package.json", manifest_json("dep", "3.0.0", R"(,"bin":{"d":"bin/d.js"},"scripts":{"install":"x"})"));
    put("bin/d.js"), put("lib/deep/a.js", "deep"), put("zz");
    auto moved = Store::view_directory(AT_FDCWD, dir.path.string(), "dep@file");
    ASSERT_TRUE(moved);
    ObjectView view = std::move(*moved);
    EXPECT_THAT(paths(view), ElementsAre("bin/d.js", "lib/deep/a.js", "zz", "package.json"));
    EXPECT_THAT(view.dirs, ElementsAre("bin", "lib", "lib/deep"));
    EXPECT_EQ(view.manifest.name, "dep");
    EXPECT_TRUE(view.manifest.has_install_script);
    ASSERT_EQ(view.manifest.bins.size(), 1u);
    EXPECT_EQ(content(view, "lib/deep/a.js"), "deep");
    EXPECT_EQ(view.id, "dep@file");
    struct stat s;
    stat((dir / "zz").c_str(), &s);
    EXPECT_EQ(file(view, "zz")->inode, s.st_ino);
    EXPECT_EQ(view.device, s.st_dev);
    EXPECT_EQ(file(view, "zz")->source.data()[2], '\0');
}

// Each expectation below is what pnpm 12.21 installs from such a `file:` directory.
TEST_F(Directory, LeavesOutWhatNpmLeavesOut) {
    put("package.json", "{}");
    for (const char* path : {"node_modules/z/y", ".git/HEAD", "sub/.git/H", "npm-debug.log", ".npmrc", ".DS_Store", "package-lock.json",
                             ".foo.swp", "x.orig", "pnpm-lock.yaml", "yarn.lock", ".svn/a", "CVS/b", ".gitignore"})
        put(path, "");
    put("lib/a.js"), put("lib/node_modules/q/x"), put(".hidden"), put("README.md"), put("a.swp"), put("sub2/package-lock.json");
    EXPECT_THAT(taken(), UnorderedElementsAre("package.json", "lib/a.js", "lib/node_modules/q/x", ".hidden", "README.md", "a.swp",
                                              "sub2/package-lock.json"));
}

TEST_F(Directory, FollowsNoSymlink) {
    put("package.json", "{}"), put("real/a");
    fs::create_symlink("real", dir.path / "dirlink");
    fs::create_symlink("/etc/hostname", dir.path / "outside");
    fs::create_symlink("/nowhere", dir.path / "broken");
    fs::create_symlink(".", dir.path / "loop");
    EXPECT_THAT(taken(), UnorderedElementsAre("package.json", "real/a"));
}

TEST_F(Directory, IgnoreFiles) {
    put("package.json", "{}"), put("other.js"), put("lib/a.js"), put("README.md"), put("sub/z.js"), put("sub/keep.md");
    put(".gitignore", "other.js\nsub/\n*.md\n");
    EXPECT_THAT(taken(), UnorderedElementsAre("package.json", "lib/a.js", "README.md"));
    put(".npmignore", "lib\n# comment\n\n");
    EXPECT_THAT(taken(), UnorderedElementsAre("package.json", "other.js", "README.md", "sub/z.js", "sub/keep.md"));
    put(".npmignore", "*.js\n!other.js\n/sub/*.md\n");
    EXPECT_THAT(taken(), UnorderedElementsAre("package.json", "other.js", "README.md"));
    put(".npmignore", ""), put("sub/.npmignore", "z.js");
    EXPECT_THAT(taken(), UnorderedElementsAre("package.json", "other.js", "lib/a.js", "README.md", "sub/keep.md"));
}

TEST_F(Directory, TheFilesField) {
    put("package.json", R"({"files":["sub*/**","!sub2/z.js","li*","./other.js","/.hidden"],"main":"./zz.js","bin":"bb.js","name":"n"})");
    for (const char* path : {"sub2/z.js", "sub2/README.md", "lib/a.js", "other.js", ".hidden", "zz.js", "bb.js", "LICENSE", "CHANGELOG.md",
                             "no.js", "no/x.js"})
        put(path);
    put(".npmignore", "other.js");  // a list at the root makes the root's ignore file silent
    EXPECT_THAT(taken(), UnorderedElementsAre("package.json", "sub2/README.md", "lib/a.js", "other.js", ".hidden", "zz.js", "bb.js", "LICENSE"));
    put("package.json", R"({"files":[]})");
    EXPECT_THAT(taken(), UnorderedElementsAre("package.json", "LICENSE"));
}

TEST_F(Directory, MissingOrEmptyIsAnError) {
    auto none = Store::view_directory(AT_FDCWD, dir / "none", "x");
    EXPECT_FALSE(none);
    auto empty = Store::view_directory(AT_FDCWD, dir.path.string(), "x");
    ASSERT_FALSE(empty);
    EXPECT_EQ(empty.error().code, Code::MANIFEST);
}

TEST(Glob, StarsAndClasses) {
    EXPECT_TRUE(glob_matches("*.js", "a.js"));
    EXPECT_FALSE(glob_matches("*.js", "d/a.js"));
    EXPECT_TRUE(glob_matches("**/*.js", "d/e/a.js"));
    EXPECT_TRUE(glob_matches("**/*.js", "a.js"));
    EXPECT_TRUE(glob_matches("a/**/b", "a/b"));
    EXPECT_TRUE(glob_matches("a/**/b", "a/x/y/b"));
    EXPECT_TRUE(glob_matches("[a-c]?.[!x]", "bz.y"));
    EXPECT_FALSE(glob_matches("[a-c]", "d"));
    EXPECT_FALSE(glob_matches("[a", "a"));
    std::string evil(60, 'a'), pattern;
    for (int i = 0; i < 30; ++i) pattern += "*a";
    EXPECT_FALSE(glob_matches(pattern + "b", evil)) << "and it ends soon";
}

}  // namespace
}  // namespace pmx
