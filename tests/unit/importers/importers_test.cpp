// The three importers over the SDK's handles: one package in a store directory, imported into fresh directories.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "plugin/plugins.hpp"

namespace pmx::test {
namespace {

namespace fs = std::filesystem;

// A skipped case is named; in CI it must not be skipped.
#define SKIP_OR_FAIL(reason)                                     \
    do {                                                         \
        if (std::getenv("CI")) FAIL() << "not possible: " << reason; \
        GTEST_SKIP() << reason;                                  \
    } while (0)

class Importers : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "pmx-importers-XXXXXX";
        root_ = ::mkdtemp(pattern.data());
        fs::create_directories(root_ + "/store");
        add("package.json", "{\"name\":\"a\"}", 0644);
        add("bin/run.js", "#!/usr/bin/env node\n", 0755);
        add("lib/deep/er/empty", "", 0644);
        add("lib/big", std::string(700'000, 'x') + "end", 0444);
    }
    void TearDown() override { fs::remove_all(root_); }

    void add(const std::string& target, const std::string& content, mode_t mode) {
        std::string name = std::to_string(files_.size());
        std::string path = root_ + "/store/" + name;
        std::ofstream(path) << content;
        ::chmod(path.c_str(), mode);
        names_.push_back({name, target});
        files_.push_back({{}, {}, content.size(), mode, 0});
    }

    std::string fresh_target(const std::string& below) {
        std::string pattern = below + "/pmx-target-XXXXXX";
        std::string dir = ::mkdtemp(pattern.data());
        for (const auto& [name, target] : names_) fs::create_directories(fs::path(dir + "/" + target).parent_path());
        return dir;
    }

    struct Outcome {
        Result<pmx_status> result;
        std::size_t done;
    };
    Outcome import(const Importer& importer, const std::string& target, std::uint32_t flags = 0, std::size_t from = 0) {
        std::vector<pmx_file> files = files_;
        for (std::size_t i = 0; i < files.size(); ++i) {
            files[i].source = {names_[i].first.c_str(), names_[i].first.size()};
            files[i].target = {names_[i].second.c_str(), names_[i].second.size()};
        }
        Fd source_fd = *open_dir(AT_FDCWD, (root_ + "/store").c_str());
        Fd target_fd = *open_dir(AT_FDCWD, target.c_str());
        pmx_import job{};
        job.size = sizeof job;
        job.file_size = sizeof(pmx_file);
        job.source_fd = source_fd.raw();
        job.target_fd = target_fd.raw();
        job.files = files.data() + from;
        job.file_count = files.size() - from;
        job.flags = flags;
        job.source_device = stat_fd(source_fd.raw())->device;
        job.target_device = stat_fd(target_fd.raw())->device;
        Outcome outcome{fail(Code::INTERNAL, ""), 0};
        outcome.result = importer.import(job, outcome.done);
        return outcome;
    }

    // Paths, modes and content of a tree.
    static std::string tree_digest(const std::string& dir) {
        std::vector<std::string> lines;
        for (const auto& entry : fs::recursive_directory_iterator(dir)) {
            auto stat = *stat_at(AT_FDCWD, entry.path().c_str());
            std::string line = fs::relative(entry.path(), dir).string() + " " + std::to_string(stat->mode);
            if (stat->is_file()) line += " " + sha256_hex(*read_file(AT_FDCWD, entry.path().c_str()));
            lines.push_back(line);
        }
        std::sort(lines.begin(), lines.end());
        std::string all;
        for (const std::string& line : lines) all += line + "\n";
        return all;
    }

    Importer importer(const char* name) {
        HostServices services;
        services.metrics = &metrics_;
        services.cancel = &cancel_;
        if (!plugins_) plugins_ = std::make_unique<Plugins>(PluginPath{}, services);
        auto loaded = plugins_->importer(name, {});
        EXPECT_TRUE(loaded) << to_string(loaded.error());
        return *loaded;
    }

    static std::uint64_t calls(Sys kind) { return sys_counters().n[static_cast<unsigned>(kind)]; }

    // Runs `body` in a child of an ordinary user; its failures become an exit status.
    static bool as_nobody(const std::function<bool()>& body) {
        pid_t child = ::fork();
        if (child == 0) {
            if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(3);
            ::_exit(body() ? 0 : 1);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

    std::string root_;
    std::vector<std::pair<std::string, std::string>> names_;
    std::vector<pmx_file> files_;
    Metrics metrics_;
    CancelFlag cancel_;
    std::unique_ptr<Plugins> plugins_;
};

TEST_F(Importers, TheSameTreeFromAllThree) {
    std::string expected;
    for (const char* name : {"copy", "hardlink", "reflink"}) {
        std::string target = fresh_target(root_);
        auto [result, done] = import(importer(name), target);
        ASSERT_TRUE(result) << name << ": " << to_string(result.error());
        if (*result == PMX_UNSUPPORTED && name == std::string("reflink")) {
            EXPECT_EQ(done, 0u);
            EXPECT_FALSE(fs::exists(target + "/package.json"));
            continue;
        }
        ASSERT_EQ(*result, PMX_OK) << name;
        EXPECT_EQ(done, files_.size());
        if (expected.empty()) expected = tree_digest(target);
        EXPECT_EQ(tree_digest(target), expected) << name;
    }
    EXPECT_EQ(metrics_.files_linked, files_.size());
    EXPECT_EQ(metrics_.files_copied, files_.size());
}

TEST_F(Importers, AHardlinkIsOneSystemCallAFile) {
    std::string target = fresh_target(root_);
    Importer hardlink = importer("hardlink");
    std::uint64_t links = calls(Sys::link), opens = calls(Sys::open);
    ASSERT_EQ(*import(hardlink, target).result, PMX_OK);
    EXPECT_EQ(calls(Sys::link) - links, files_.size());
    EXPECT_EQ(calls(Sys::open) - opens, 2u);  // the test's own directories
    EXPECT_EQ(stat_at(AT_FDCWD, (target + "/lib/big").c_str()).value()->links, 2u);
}

TEST_F(Importers, ACopySharesNothing) {
    std::string target = fresh_target(root_);
    ASSERT_EQ(*import(importer("copy"), target, PMX_IMPORT_PRIVATE).result, PMX_OK);
    EXPECT_EQ(stat_at(AT_FDCWD, (target + "/lib/big").c_str()).value()->links, 1u);
}

TEST_F(Importers, AHardlinkIsNotPrivate) {
    std::string target = fresh_target(root_);
    auto [result, done] = import(importer("hardlink"), target, PMX_IMPORT_PRIVATE);
    ASSERT_TRUE(result);
    EXPECT_EQ(*result, PMX_UNSUPPORTED);
    EXPECT_EQ(done, 0u);
}

TEST_F(Importers, TheModeIsExactWhateverTheUmask) {
    mode_t before = ::umask(077);
    Importer copy = importer("copy");
    std::string target = fresh_target(root_);
    ASSERT_EQ(*import(copy, target).result, PMX_OK);
    ::umask(before);
    EXPECT_EQ(stat_at(AT_FDCWD, (target + "/bin/run.js").c_str()).value()->mode & 07777, 0755u);
    EXPECT_EQ(stat_at(AT_FDCWD, (target + "/lib/big").c_str()).value()->mode & 07777, 0444u);
}

TEST_F(Importers, APartialImportIsAnErrorUntilReplaced) {
    for (const char* name : {"copy", "hardlink"}) {
        std::string target = fresh_target(root_);
        std::ofstream(target + "/lib/big") << "half";
        auto [first, done] = import(importer(name), target);
        ASSERT_FALSE(first) << name;
        EXPECT_EQ(first.error().sys, EEXIST);
        EXPECT_EQ(done, 3u);
        auto [second, all] = import(importer(name), target, PMX_IMPORT_REPLACE);
        ASSERT_TRUE(second) << to_string(second.error());
        EXPECT_EQ(all, files_.size());
        EXPECT_EQ(fs::file_size(target + "/lib/big"), 700'003u);
        // Once more over itself: with hardlinks the same inode stands there.
        auto [third, again] = import(importer(name), target, PMX_IMPORT_REPLACE);
        ASSERT_TRUE(third);
        EXPECT_EQ(again, files_.size());
        EXPECT_EQ(std::distance(fs::directory_iterator(target + "/lib"), {}), 2);
    }
}

TEST_F(Importers, ReplacingACopyLeavesTheStoresFileAlone) {
    std::string target = fresh_target(root_);
    ASSERT_EQ(*import(importer("hardlink"), target).result, PMX_OK);
    auto store_inode = stat_at(AT_FDCWD, (root_ + "/store/3").c_str()).value()->inode;
    ASSERT_EQ(*import(importer("copy"), target, PMX_IMPORT_REPLACE).result, PMX_OK);
    EXPECT_NE(stat_at(AT_FDCWD, (target + "/lib/big").c_str()).value()->inode, store_inode);
    EXPECT_EQ(stat_at(AT_FDCWD, (root_ + "/store/3").c_str()).value()->links, 1u);
}

TEST_F(Importers, AnotherFileSystemIsLeftToTheNextImporter) {
    struct stat here, there;
    if (::stat("/dev/shm", &there) != 0 || ::stat(root_.c_str(), &here) != 0 || here.st_dev == there.st_dev)
        SKIP_OR_FAIL("/dev/shm and the temporary directory are one file system");
    std::string target = fresh_target("/dev/shm");
    for (const char* name : {"hardlink", "reflink"}) {
        auto [result, done] = import(importer(name), target);
        ASSERT_TRUE(result) << to_string(result.error());
        EXPECT_EQ(*result, PMX_UNSUPPORTED) << name;
        EXPECT_EQ(done, 0u);
    }
    auto [result, done] = import(importer("copy"), target);
    ASSERT_TRUE(result) << to_string(result.error());
    EXPECT_EQ(done, files_.size());
    std::string local = fresh_target(root_);
    ASSERT_EQ(*import(importer("copy"), local).result, PMX_OK);
    EXPECT_EQ(tree_digest(target), tree_digest(local));
    fs::remove_all(target);
}

TEST_F(Importers, AFullInodeHandsTheRestToTheNextImporter) {
    std::string links = root_ + "/links";
    fs::create_directories(links);
    std::string source = root_ + "/store/2";
    bool full = false;
    for (int i = 0; i < 66'000 && !full; ++i)
        full = ::link(source.c_str(), (links + "/" + std::to_string(i)).c_str()) != 0 && errno == EMLINK;
    if (!full) GTEST_SKIP() << "this file system has no link limit below 66,000";
    std::string target = fresh_target(root_);
    auto [result, done] = import(importer("hardlink"), target);
    ASSERT_TRUE(result) << to_string(result.error());
    EXPECT_EQ(*result, PMX_UNSUPPORTED);
    ASSERT_EQ(done, 2u);
    auto [rest, more] = import(importer("copy"), target, 0, done);
    ASSERT_TRUE(rest) << to_string(rest.error());
    EXPECT_EQ(more, files_.size() - 2);
    EXPECT_EQ(fs::file_size(target + "/lib/big"), 700'003u);
}

TEST_F(Importers, AReadOnlyDirectoryIsAnErrorThatNamesTheFile) {
    std::string target = fresh_target(root_);
    ::chmod(root_.c_str(), 0755);
    ::chmod(target.c_str(), 0555);
    for (const char* name : {"copy", "hardlink"}) {
        Importer loaded = importer(name);
        EXPECT_TRUE(as_nobody([&] {
            auto [result, done] = import(loaded, target);
            // A system that protects hardlinks refuses the source before the target.
            if (result) return *result == PMX_UNSUPPORTED && done == 0 && name == std::string("hardlink");
            return result.error().code == Code::IO && result.error().sys == EACCES &&
                   result.error().subject == "package.json" && done == 0;
        })) << name;
    }
}

TEST_F(Importers, AFullDiskIsSaidAndLeavesNoHalfFile) {
    std::string mount = root_ + "/small";
    fs::create_directories(mount);
    if (::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=128k") != 0)
        GTEST_SKIP() << "a small tmpfs cannot be mounted here: " << std::strerror(errno);
    std::string target = fresh_target(mount);
    auto [result, done] = import(importer("copy"), target);
    bool left = fs::exists(target + "/lib/big");
    ::umount(mount.c_str());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::DISK_FULL) << to_string(result.error());
    EXPECT_EQ(done, 3u);
    EXPECT_FALSE(left);
}

TEST_F(Importers, AShortSourceIsAnErrorAndLeavesNoHalfFile) {
    files_[3].bytes += 10;
    std::string target = fresh_target(root_);
    auto [result, done] = import(importer("copy"), target);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().what, ::testing::HasSubstr("shorter"));
    EXPECT_FALSE(fs::exists(target + "/lib/big"));
}

TEST_F(Importers, NeitherSourceNorTargetMayBeASymlink) {
    fs::remove(root_ + "/store/1");
    fs::create_symlink("/etc/hostname", root_ + "/store/1");
    std::string target = fresh_target(root_);
    auto [result, done] = import(importer("copy"), target);
    ASSERT_FALSE(result);
    EXPECT_EQ(done, 1u);
    std::string other = fresh_target(root_);
    fs::create_symlink(root_ + "/victim", other + "/package.json");
    EXPECT_FALSE(import(importer("copy"), other).result);
    EXPECT_FALSE(fs::exists(root_ + "/victim"));
}

TEST_F(Importers, CancellationEndsTheJob) {
    cancel_.set();
    for (const char* name : {"copy", "hardlink"}) {
        auto [result, done] = import(importer(name), fresh_target(root_));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, Code::CANCELLED);
        EXPECT_EQ(done, 0u);
    }
}

TEST_F(Importers, EightThreadsOnOneInstance) {
    for (const char* name : {"copy", "hardlink", "reflink"}) {
        Importer shared = importer(name);
        std::vector<std::string> targets;
        for (int i = 0; i < 64; ++i) targets.push_back(fresh_target(root_));
        std::atomic<std::size_t> next{0}, good{0};
        std::vector<std::thread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&] {
                for (std::size_t i; (i = next++) < targets.size();) {
                    auto [result, done] = import(shared, targets[i]);
                    if (result && (*result == PMX_UNSUPPORTED || done == files_.size())) ++good;
                }
            });
        for (auto& thread : threads) thread.join();
        EXPECT_EQ(good, targets.size()) << name;
        for (std::size_t i = 1; i < targets.size(); ++i) EXPECT_EQ(tree_digest(targets[i]), tree_digest(targets[0]));
    }
}

}  // namespace
}  // namespace pmx::test
