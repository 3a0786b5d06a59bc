// The store as several threads, several processes and a hostile disk see it.
#include <csignal>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.hpp"
#include "store/archives.hpp"

namespace pmx {
namespace {

namespace fs = std::filesystem;
using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

std::string some_package(int files = 3, std::string_view name = "a") {
    std::vector<TarItem> items{{"package.json", manifest_json(name, "1.0.0")}};
    for (int i = 0; i < files; ++i) items.push_back({fmt::format("lib/{}.js", i), fmt::format("module.exports = {}\n", i)});
    return package(items);
}

class StoreTest : public testing::Test {
  protected:
    TempDir dir;
    Store store = *Store::open(dir / "store", true);
    fs::path object(std::string_view name = "a") const {
        std::string k = key(name);
        return dir.path / "store/v1/objects" / k.substr(4, 2) / k;
    }
    void put(std::string_view name = "a", bool digests = false) {
        auto made = store.unpack(key(name), some_package(), std::string(name) + "@1.0.0", false, {}, {}, digests);
        ASSERT_TRUE(made) << to_string(made.error());
    }
    bool has(std::string_view name = "a") const {
        auto found = store.find(key(name));
        return found && *found;
    }
    std::vector<Store::Problem> problems(bool content = false, bool repair = false) const {
        auto found = store.verify(content, repair, nullptr);
        EXPECT_TRUE(found) << to_string(found.error());
        return found ? *found : std::vector<Store::Problem>();
    }
};

TEST_F(StoreTest, KeysComeFromTheStrongestHash) {
    std::string sha1 = "sha1-" + to_base64(std::vector<std::uint8_t>(20, 1));
    std::string sha512 = "sha512-" + to_base64(std::vector<std::uint8_t>(64, 2));
    std::string other = "sha512-" + to_base64(std::vector<std::uint8_t>(64, 3));
    EXPECT_EQ(*Store::key_of_integrity(sha1), "sha1-" + std::string(10, ' ').replace(0, 10, "0101010101") + "010101010101010101010101010101");
    EXPECT_EQ(*Store::key_of_integrity(sha1 + " " + sha512), *Store::key_of_integrity(sha512 + "?opt " + sha1));
    EXPECT_TRUE(Store::key_of_integrity(sha512)->starts_with("sha512-02"));
    // "Either of these" must not be filed under the first of them.
    std::string either = *Store::key_of_integrity(sha512 + " " + other);
    EXPECT_NE(either, *Store::key_of_integrity(sha512));
    EXPECT_NE(either, *Store::key_of_integrity(other));
    EXPECT_EQ(either, *Store::key_of_integrity(other + "\n" + sha512));
    EXPECT_EQ(*Store::key_of_integrity(sha512 + " " + sha512), *Store::key_of_integrity(sha512));
    EXPECT_NE(*Store::key_of_integrity(sha512, "packages/x"), *Store::key_of_integrity(sha512));
    EXPECT_NE(Store::key_of_git("r", "c"), Store::key_of_git("r", "c", "x"));
    for (const char* bad : {"", "md5-AAAA", "sha512-AAAA", "sha512", "sha512-!!", "../x"}) {
        auto result = Store::key_of_integrity(bad);
        ASSERT_FALSE(result) << bad;
        EXPECT_EQ(result.error().code, Code::INTEGRITY);
    }
}

TEST_F(StoreTest, OnlyKeysBecomePaths) {
    for (const char* bad : {"", "../../etc", "sha512-../../../x", "sha512-", "x", "sha512-ABCDEF"}) {
        EXPECT_FALSE(store.find(bad)) << bad;
        EXPECT_FALSE(store.unpack(bad, some_package(), "x", false)) << bad;
    }
}

TEST_F(StoreTest, EightThreadsOneKeyOneWinner) {
    std::string archive = some_package(100);
    for (int round = 0; round < 3; ++round) {
        std::string name = fmt::format("race-{}", round);
        std::atomic<int> winners{0}, good{0};
        std::vector<std::thread> threads;
        std::atomic<bool> go{false};
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                while (!go) std::this_thread::yield();
                auto made = store.unpack(key(name), archive, name, false);
                if (!made) return;
                winners += made->published;
                good += made->view.files.size() == 101 && content(made->view, "lib/7.js") == "module.exports = 7\n";
            });
        go = true;
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(winners, 1);
        EXPECT_EQ(good, 8);
        EXPECT_TRUE(has(name));
    }
    EXPECT_TRUE(fs::is_empty(dir.path / "store/v1/tmp"));
    EXPECT_TRUE(problems(true).empty());
}

TEST_F(StoreTest, AKilledUnpackIsNotThereAndPruneCleans) {
    // For certain in the middle: the third of five files is larger than this child may write.
    std::string large = package({{"a", "1"}, {"b", "2"}, {"c", noise(100'000, 1)}, {"d", "4"}, {"package.json", "{}"}});
    pid_t first = fork();
    if (first == 0) {
        rlimit none{0, 0}, some{50'000, 50'000};
        setrlimit(RLIMIT_CORE, &none);
        setrlimit(RLIMIT_FSIZE, &some);
        signal(SIGXFSZ, SIG_DFL);
        (void)store.unpack(key("k"), large, "k", false);
        _exit(0);
    }
    int first_status = 0;
    waitpid(first, &first_status, 0);
    ASSERT_TRUE(WIFSIGNALED(first_status));
    EXPECT_FALSE(has("k"));
    EXPECT_FALSE(fs::is_empty(dir.path / "store/v1/tmp"));

    // And wherever SIGKILL happens to find it.
    std::string archive = some_package(1500);
    for (int round = 0; round < 4; ++round) {
        pid_t child = fork();
        if (child == 0) {
            (void)store.unpack(key("k"), archive, "k", false);
            pause();
            _exit(0);
        }
        // As soon as its first files appear, or after some more of them.
        fs::path tmp = dir.path / "store/v1/tmp";
        auto files = [&] {
            std::size_t n = 0;
            std::error_code ignored;
            for (fs::directory_iterator outer(tmp, ignored), end; outer != end; outer.increment(ignored)) {
                if (outer->path().filename().string().starts_with(std::to_string(child) + "-") == false) continue;
                for (fs::directory_iterator inner(outer->path(), ignored); inner != end; inner.increment(ignored)) ++n;
            }
            return n;
        };
        std::size_t enough = 1 + static_cast<std::size_t>(round) * 150;
        for (int i = 0; i < 200'000 && files() < enough && !has("k"); ++i) usleep(50);
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        if (has("k")) {
            EXPECT_TRUE(problems(true).empty()) << "what is there is whole";
            fs::remove_all(object("k"));
        }
    }
    EXPECT_FALSE(has("k"));
    ASSERT_TRUE(store.prune(false));
    EXPECT_TRUE(fs::is_empty(dir.path / "store/v1/tmp"));
    auto made = store.unpack(key("k"), archive, "k", false);
    ASSERT_TRUE(made);
    EXPECT_TRUE(made->published);
}

TEST_F(StoreTest, DamageIsFoundAndRepaired) {
    struct Case {
        const char* what;
        std::function<void(const fs::path&)> damage;
        bool by_stat;
        const char* says;
    };
    const auto rewrite = [](const fs::path& path, std::string_view text) {
        FILE* file = fopen(path.c_str(), "r+");
        fwrite(text.data(), 1, text.size(), file);
        fclose(file);
    };
    const Case cases[] = {
        {"content", [&](const fs::path& o) { rewrite(o / "0", "MODULE"); }, true, "was written to"},
        {"content with its old times",
         [&](const fs::path& o) {
             struct stat s;
             stat((o / "0").c_str(), &s);
             rewrite(o / "0", "MODULE");
             timespec times[2] = {s.st_atim, s.st_mtim};
             utimensat(AT_FDCWD, (o / "0").c_str(), times, 0);
         },
         false, "content has changed"},
        {"size", [](const fs::path& o) { fs::resize_file(o / "1", 2); }, true, "has 2 bytes instead of"},
        {"mode", [](const fs::path& o) { chmod((o / "0").c_str(), 04777); }, true, "has mode 4777"},
        {"missing", [](const fs::path& o) { fs::remove(o / "1"); }, true, "is missing"},
        {"replaced",
         [](const fs::path& o) {
             fs::copy_file(o / "1", o / "copy");
             fs::rename(o / "copy", o / "1");
         },
         true, "was replaced"},
        {"extra", [&](const fs::path& o) { std::ofstream(o / "99") << "x"; }, true, "does not belong"},
        {"symlink",
         [](const fs::path& o) {
             fs::rename(o / "0", o.parent_path() / "elsewhere");
             fs::create_symlink(o.parent_path() / "elsewhere", o / "0");
         },
         true, "symbolic link"},
        {"pipe",
         [](const fs::path& o) {
             fs::remove(o / "0");
             mkfifo((o / "0").c_str(), 0644);
         },
         true, "no regular file"},
        {"torn index", [](const fs::path& o) { fs::resize_file(o / "index", 100); }, true, "index"},
        {"empty index", [](const fs::path& o) { fs::resize_file(o / "index", 0); }, true, "index"},
        {"index is a pipe",
         [](const fs::path& o) {
             fs::remove(o / "index");
             mkfifo((o / "index").c_str(), 0644);
         },
         true, "index"},
        {"index is a symlink",
         [](const fs::path& o) {
             fs::rename(o / "index", o.parent_path() / "elsewhere");
             fs::create_symlink(o.parent_path() / "elsewhere", o / "index");
         },
         true, "index"},
        {"object is a symlink",
         [](const fs::path& o) {
             fs::rename(o, o.parent_path() / "elsewhere");
             fs::create_symlink(o.parent_path() / "elsewhere", o);
         },
         true, "index"},
        {"object is a file",
         [](const fs::path& o) {
             fs::remove_all(o);
             std::ofstream(o) << "x";
         },
         true, "index"},
    };
    for (bool digests : {false, true})
        for (const Case& one : cases) {
            SCOPED_TRACE(one.what);
            std::string name = fmt::format("{}-{}", one.what, digests);
            put("good", digests);
            put(name, digests);
            ASSERT_TRUE(problems(true).empty());
            one.damage(object(name));
            EXPECT_EQ(problems(false).size(), one.by_stat ? 1u : 0u);
            auto found = problems(true);
            ASSERT_EQ(found.size(), 1u);
            EXPECT_EQ(found[0].key, key(name));
            EXPECT_THAT(found[0].what, HasSubstr(one.says));
            // Repair by replacing, as an install does …
            auto made = store.unpack(key(name), some_package(), name, true, {}, {}, digests);
            ASSERT_TRUE(made) << to_string(made.error());
            EXPECT_TRUE(problems(true).empty());
            EXPECT_EQ(content(made->view, "lib/0.js"), "module.exports = 0\n");
            // … and by taking away, as `store verify --repair` does.
            fs::remove_all(object(name).parent_path() / "elsewhere");
            one.damage(object(name));
            EXPECT_EQ(problems(true, true).size(), 1u);
            EXPECT_FALSE(has(name));
            EXPECT_TRUE(has("good"));
            fs::remove_all(object(name).parent_path() / "elsewhere");
            EXPECT_TRUE(fs::is_empty(dir.path / "store/v1/tmp"));
        }
}

TEST_F(StoreTest, WhatIsNoObjectIsReplacedByTheNextUnpack) {
    put();
    for (auto damage : std::initializer_list<std::function<void()>>{
             [&] { fs::resize_file(object() / "index", 60); },
             [&] { fs::remove(object() / "index"); },
             [&] { fs::remove_all(object()); std::ofstream(object()) << "x"; },
             [&] { fs::remove_all(object()); fs::create_symlink("/", object()); }}) {
        damage();
        EXPECT_FALSE(has());
        auto made = store.unpack(key("a"), some_package(), "a", false);
        ASSERT_TRUE(made) << to_string(made.error());
        EXPECT_TRUE(has());
    }
    EXPECT_TRUE(fs::is_empty(dir.path / "store/v1/tmp"));
}

TEST_F(StoreTest, AnEditedLinkIsNotRepairedButTheStoreIs) {
    put();
    auto found = store.find(key("a"));
    fs::path linked = dir.path / "linked.js";
    fs::create_hard_link(object() / std::string(file(**found, "lib/0.js")->source), linked);
    std::ofstream(linked) << "edited";
    ASSERT_EQ(problems().size(), 1u);
    ASSERT_TRUE(store.unpack(key("a"), some_package(), "a", true));
    EXPECT_EQ(read(linked), "edited");
    EXPECT_TRUE(problems(true).empty());
}

TEST_F(StoreTest, PruneKeepsWhatLivingProjectsUse) {
    put("used"), put("shared"), put("gone"), put("unknown");
    fs::create_directories(dir.path / "p1");
    fs::create_directories(dir.path / "p2\nodd");
    auto record = [&](std::string project, std::vector<std::string> keys) { ASSERT_TRUE(store.record_project(project, keys)); };
    record(dir / "p1", {key("used"), key("shared"), "../../nonsense"});
    record(dir / "p2\nodd", {key("shared"), key("gone")});
    record(dir / "never", {key("unknown")});
    EXPECT_EQ(store.status()->objects, 4u);
    EXPECT_EQ(store.status()->projects, 3u);
    EXPECT_EQ(store.status()->files, 16u);
    auto dry = store.prune(true);
    ASSERT_TRUE(dry);
    EXPECT_EQ(dry->objects, 1u);
    EXPECT_TRUE(has("unknown"));
    fs::remove_all(dir.path / "p2\nodd");
    auto pruned = store.prune(false);
    ASSERT_TRUE(pruned) << to_string(pruned.error());
    EXPECT_EQ(pruned->objects, 2u);
    EXPECT_EQ(pruned->projects, 2u);
    EXPECT_GT(pruned->bytes, 0u);
    EXPECT_TRUE(has("used") && has("shared"));
    EXPECT_FALSE(has("gone") || has("unknown"));
    // A torn record is a project unknown.
    for (const auto& one : fs::directory_iterator(dir.path / "store/v1/projects")) fs::resize_file(one.path(), 40);
    EXPECT_EQ(store.prune(false)->objects, 2u);
}

TEST_F(StoreTest, PruneAndRepairWaitForNobody) {
    put();
    auto held = store.hold();
    ASSERT_TRUE(held);
    auto pruned = store.prune(false);
    ASSERT_FALSE(pruned);
    EXPECT_EQ(pruned.error().code, Code::STORE_BUSY);
    auto repaired = store.verify(false, true, nullptr);
    ASSERT_FALSE(repaired);
    EXPECT_EQ(repaired.error().code, Code::STORE_BUSY);
    EXPECT_TRUE(store.hold()) << "runs share it";
    EXPECT_TRUE(store.verify(true, false, nullptr));
}

TEST_F(StoreTest, OpenSaysWhatIsWrong) {
    auto none = Store::open(dir / "none", false);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Code::STORE);
    std::ofstream(dir / "file") << "x";
    auto file = Store::open(dir / "file", true);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, Code::STORE);
    EXPECT_TRUE(Store::open(dir / "store", false));
    EXPECT_TRUE(Store::open(dir / "a/b/c", true));
    EXPECT_EQ(store.path(), (dir.path / "store/v1").string());
    EXPECT_TRUE(store.shared_root());
    EXPECT_TRUE(fs::is_directory(store.shared_root_path()));
}

// Runs `body` in a child without root's powers; its exit status says how many expectations failed.
void unprivileged(const fs::path& home, const std::function<void()>& body) {
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0) {
            if (::chown(home.c_str(), 65534, 65534) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(111);
        }
        body();
        _exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 111) GTEST_SKIP() << "cannot drop privileges here";
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child's expectations failed";
}

TEST_F(StoreTest, AReadOnlyStoreReadsAndRefusesToWrite) {
    put();
    for (const char* part : {"store/v1/tmp", "store/v1/objects", "store/v1"}) chmod((dir / part).c_str(), 0555);
    chmod(object().parent_path().c_str(), 0555);
    chmod(dir.path.c_str(), 0755);
    unprivileged(dir.path, [&] {
        auto opened = Store::open(dir / "store", true);
        ASSERT_TRUE(opened) << to_string(opened.error());
        EXPECT_TRUE(*opened->find(key("a")));
        EXPECT_TRUE(opened->hold());
        EXPECT_TRUE(opened->verify(true, false, nullptr)->empty());
        EXPECT_TRUE(opened->prune(true));
        for (const Error& error : {opened->unpack(key("b"), some_package(), "b", false).error(), opened->prune(false).error(),
                                   opened->verify(false, true, nullptr).error(), opened->shared_root().error()})
            EXPECT_EQ(error.code, Code::STORE) << to_string(error);
        EXPECT_TRUE(opened->record_project("/p", {}));
    });
    for (const char* part : {"store/v1", "store/v1/tmp", "store/v1/objects"}) chmod((dir / part).c_str(), 0755);
    chmod(object().parent_path().c_str(), 0755);
}

TEST(StoreOnFullDisk, EveryPlaceWhereItFillsUpIsACleanError) {
    TempDir dir;
    if (mount("tmpfs", dir.path.c_str(), "tmpfs", 0, "size=1200k") != 0) GTEST_SKIP() << "cannot mount a tmpfs here";
    {
        auto store = Store::open(dir / "store", true);
        ASSERT_TRUE(store);
        int full = 0;
        for (int files = 20; files < 400; files += 20) {
            auto made = store->unpack(key("f" + std::to_string(files)), package([&] {
                                          std::vector<TarItem> items;
                                          for (int i = 0; i < files; ++i) items.push_back({std::to_string(i), noise(3000, 1)});
                                          return items;
                                      }()),
                                      "f", false);
            if (made) continue;
            ++full;
            EXPECT_EQ(made.error().code, Code::DISK_FULL) << to_string(made.error());
            EXPECT_FALSE(*store->find(key("f" + std::to_string(files))));
            EXPECT_TRUE(fs::is_empty(dir.path / "store/v1/tmp"));
        }
        EXPECT_GT(full, 5);
        EXPECT_TRUE(store->verify(true, false, nullptr)->empty());
        std::vector<std::string> keys(20'000, key("x"));
        auto recorded = store->record_project("/p", keys);
        ASSERT_FALSE(recorded);
        EXPECT_EQ(recorded.error().code, Code::DISK_FULL);
        EXPECT_TRUE(fs::is_empty(dir.path / "store/v1/tmp"));
    }
    EXPECT_EQ(umount2(dir.path.c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace pmx
