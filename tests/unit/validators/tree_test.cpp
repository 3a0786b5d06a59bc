#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.hpp"
#include "base/hash.hpp"
#include "plugin/plugins.hpp"

namespace pmx::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// An object of three files, its rows taken when it was made.
class Tree : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "pmx-tree-XXXXXX";
        dir_ = ::mkdtemp(pattern.data());
        const char* paths[] = {"package.json", "index.js", "lib/a.js"};
        for (int i = 0; i < 3; ++i) {
            std::ofstream(file(i)) << "content of " << i;
            FileStat stat = **stat_at(AT_FDCWD, file(i).c_str());
            digests_.push_back(hash(HashAlgorithm::sha256, *read_file(AT_FDCWD, file(i).c_str())));
            rows_.push_back({{names_[i], 1}, {paths[i], std::strlen(paths[i])}, stat.size, stat.inode, stat.mtime_ns,
                             stat.mode & 07777, 32, nullptr});
        }
        for (int i = 0; i < 3; ++i) rows_[i].digest = digests_[i].bytes.data();
        HostServices services;
        services.metrics = &metrics_;
        services.cancel = &cancel_;
        services.diagnostic = [this](int, std::string_view what, std::string_view, std::string_view) { said_ = what; };
        plugins_ = std::make_unique<Plugins>(PluginPath{}, services);
        validator_ = std::make_unique<Validator>(*plugins_->validator("tree", {}));
    }
    void TearDown() override { fs::remove_all(dir_); }

    std::string file(int i) const { return dir_ + "/" + names_[i]; }

    Result<bool> check(pmx_level level) {
        Fd fd = *open_dir(AT_FDCWD, dir_.c_str());
        pmx_object object{sizeof object, sizeof(pmx_row), fd.raw(), level, {"a@1.0.0", 7}, rows_.data(), rows_.size()};
        said_.clear();
        return validator_->check_object(object, bad_);
    }
    void finds(pmx_level level, std::size_t row, const char* says) {
        auto held = check(level);
        ASSERT_TRUE(held) << to_string(held.error());
        EXPECT_FALSE(*held) << says;
        EXPECT_EQ(bad_, row);
        EXPECT_THAT(said_, HasSubstr(says));
        EXPECT_TRUE(*check(PMX_LEVEL_NONE));
    }
    // Puts time and inode back as they were, as somebody who hides a change would.
    void hide(int i) {
        timespec times[2] = {{0, UTIME_OMIT}, {rows_[i].mtime_ns / 1'000'000'000, rows_[i].mtime_ns % 1'000'000'000}};
        ASSERT_EQ(::utimensat(AT_FDCWD, file(i).c_str(), times, 0), 0);
    }

    static constexpr const char* names_[] = {"0", "1", "2"};
    std::string dir_, said_;
    std::vector<Digest> digests_;
    std::vector<pmx_row> rows_;
    std::size_t bad_ = 0;
    Metrics metrics_;
    CancelFlag cancel_;
    std::unique_ptr<Plugins> plugins_;
    std::unique_ptr<Validator> validator_;
};

TEST_F(Tree, AWholeObjectHoldsAtEveryLevel) {
    std::uint64_t stats = sys_counters().n[static_cast<unsigned>(Sys::stat)];
    EXPECT_TRUE(*check(PMX_LEVEL_NONE));
    EXPECT_EQ(sys_counters().n[static_cast<unsigned>(Sys::stat)], stats);
    EXPECT_TRUE(*check(PMX_LEVEL_STAT));
    EXPECT_EQ(sys_counters().n[static_cast<unsigned>(Sys::stat)], stats + 3) << "one call a file";
    EXPECT_TRUE(*check(PMX_LEVEL_CONTENT));
}

TEST_F(Tree, StatSeesSizeTimeModeInodeAndType) {
    std::ofstream(file(1), std::ios::app) << "more";
    finds(PMX_LEVEL_STAT, 1, "size");
    rows_[1].bytes += 4;
    finds(PMX_LEVEL_STAT, 1, "modification time");
    hide(1);
    EXPECT_TRUE(*check(PMX_LEVEL_STAT));
    ::chmod(file(2).c_str(), 0600);
    finds(PMX_LEVEL_STAT, 2, "mode: 0600");
    ::chmod(file(2).c_str(), rows_[2].mode);
    fs::copy_file(file(0), dir_ + "/new");
    fs::rename(dir_ + "/new", file(0));
    hide(0);
    finds(PMX_LEVEL_STAT, 0, "inode");
}

TEST_F(Tree, StatSeesWhatIsNoFile) {
    fs::remove(file(2));
    finds(PMX_LEVEL_STAT, 2, "missing");
    finds(PMX_LEVEL_CONTENT, 2, "missing");
    fs::create_symlink(file(0), file(2));
    finds(PMX_LEVEL_STAT, 2, "symbolic link");
    finds(PMX_LEVEL_CONTENT, 2, "symbolic link");
    fs::remove(file(2));
    ASSERT_EQ(::mkfifo(file(2).c_str(), 0644), 0);
    finds(PMX_LEVEL_STAT, 2, "no regular file");
    finds(PMX_LEVEL_CONTENT, 2, "no regular file");
    fs::remove(file(2));
    fs::create_directory(file(2));
    finds(PMX_LEVEL_CONTENT, 2, "no regular file");
}

TEST_F(Tree, OnlyContentSeesAHiddenChange) {
    {
        std::fstream same_size(file(1), std::ios::in | std::ios::out);
        same_size << "CONTENT";
    }
    hide(1);
    EXPECT_TRUE(*check(PMX_LEVEL_STAT));
    finds(PMX_LEVEL_CONTENT, 1, "other content");
    rows_[1].digest_length = 0;
    EXPECT_TRUE(*check(PMX_LEVEL_CONTENT)) << "without a digest there is nothing to compare";
}

TEST_F(Tree, CancellationIsNoVerdict) {
    cancel_.set();
    auto held = check(PMX_LEVEL_STAT);
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().code, Code::CANCELLED);
}

}  // namespace
}  // namespace pmx::test
