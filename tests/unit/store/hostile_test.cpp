// The hostile and odd archives of ../shared/vectors/tarballs, at the level of unpack: each in a child that has no
// privileges, in a folder of its own. What a whole install must do with them is tested end to end.
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/archives.hpp"

namespace pmx {
namespace {

namespace fs = std::filesystem;
using namespace test;

// Everything around the store, with what could be changed about it.
std::map<std::string, std::string> snapshot(const fs::path& root, const fs::path& except) {
    std::map<std::string, std::string> seen;
    for (fs::recursive_directory_iterator at(root), end; at != end; ++at) {
        if (at->path() == except) {
            at.disable_recursion_pending();
            continue;
        }
        struct stat s;
        lstat(at->path().c_str(), &s);
        seen[at->path().string()] = fmt::format("{:o} {} {} {}", s.st_mode, s.st_uid, s.st_nlink,
                                                S_ISREG(s.st_mode) ? read(at->path()) : std::string());
    }
    return seen;
}

// Exit status of the child: 0 good, 1 an expectation failed (it has printed which), 111 no way to drop privileges.
int check_one(const nlohmann::json& test, const fs::path& file, const fs::path& sandbox) {
    std::string id = test["id"], outcome = test["outcome"];
    alarm(30);
    Result<Store> store = Store::open((sandbox / "store").string(), true);
    EXPECT_TRUE(store);
    auto made = store->unpack(key(id), read(file), id, false);
    auto found = store->find(key(id));
    EXPECT_TRUE(fs::is_empty(sandbox / "store/v1/tmp"));
    if (!made) {
        EXPECT_TRUE(outcome == "either" || outcome == "reject") << to_string(made.error());
        EXPECT_TRUE(made.error().code == Code::ARCHIVE || made.error().code == Code::UNSAFE_PATH) << to_string(made.error());
        EXPECT_TRUE(found && !*found);
        std::string shown = to_string(made.error());
        for (unsigned char c : shown) EXPECT_TRUE(c >= 0x20 || c == '\n') << "a raw control byte on screen";
        return testing::Test::HasFailure();
    }
    EXPECT_NE(outcome, "reject");
    EXPECT_TRUE(found && *found);
    const ObjectView& view = **found;
    for (const auto& [path, body] : test["present"].items()) {
        EXPECT_TRUE(pmx::test::file(view, path)) << path;
        if (body.is_null()) continue;
        EXPECT_EQ(content(view, path), body.get<std::string>()) << path;
    }
    for (const ObjectFile& one : view.files) {
        struct stat s;
        EXPECT_EQ(fstatat(view.dir.raw(), one.source.data(), &s, AT_SYMLINK_NOFOLLOW), 0);
        EXPECT_TRUE(S_ISREG(s.st_mode)) << one.path;
        EXPECT_EQ(s.st_nlink, 1u) << one.path;
        EXPECT_EQ(s.st_mode & 07022, 0u) << one.path;
        EXPECT_EQ(s.st_mode & 0600, 0600u) << one.path;
    }
    if (id == "bin-no-x") {
        EXPECT_TRUE(pmx::test::file(view, "cli.js")->mode & 0100);
    }
    if (id == "bin-directories") {
        EXPECT_THAT(view.manifest.bins, testing::Contains(testing::Field(&ObjectBin::name, "one")));
    }
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    EXPECT_LT(usage.ru_maxrss / 1024, 600);
    return testing::Test::HasFailure();
}

TEST(HostileArchives, Vectors) {
    fs::path root = fs::path(PMX_SOURCE_DIR) / "../shared/vectors/tarballs";
    if (!fs::exists(root)) {
        if (std::getenv("CI")) FAIL() << "../shared/vectors/tarballs is missing";
        GTEST_SKIP() << "../shared/vectors/tarballs is not here";
    }
    nlohmann::json manifest = nlohmann::json::parse(read(root / "manifest.json"));
    std::size_t cases = 0;
    for (const auto& test : manifest["cases"]) {
        std::string id = test["id"];
        SCOPED_TRACE(id);
        TempDir dir;
        fs::path file = dir.path / "in.tgz", sandbox = dir.path / "sandbox";
        fs::copy_file(root / test["file"].get<std::string>(), file);
        fs::create_directories(sandbox / "store");
        fs::create_directories(sandbox / "project/node_modules");
        std::ofstream(sandbox / "victim.txt") << "untouched";
        chmod(dir.path.c_str(), 0755);
        for (const char* part : {"", "store", "project", "project/node_modules", "victim.txt"}) {
            if (geteuid() != 0) break;
            ASSERT_EQ(chown((sandbox / part).c_str(), 65534, 65534), 0);
        }
        auto before = snapshot(sandbox, sandbox / "store");
        pid_t child = fork();
        if (child == 0) {
            if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0 || geteuid() == 0)) _exit(111);
            umask(022);
            int status = check_one(test, file, sandbox);
            fflush(stdout);
            _exit(status);
        }
        int status = 0;
        waitpid(child, &status, 0);
        ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
        if (WEXITSTATUS(status) == 111) GTEST_SKIP() << "cannot drop privileges, and as root this is not run";
        EXPECT_EQ(WEXITSTATUS(status), 0);
        EXPECT_EQ(snapshot(sandbox, sandbox / "store"), before) << "something outside the store was touched";
        EXPECT_FALSE(fs::exists("/tmp/pmx-evil-canary"));
        ++cases;
    }
    EXPECT_GE(cases, 45u);
}

// Bits of good archives flipped, behind gzip's checksum and in front of it: an error or an object, never a crash.
TEST(HostileArchives, FlippedBits) {
    TempDir dir;
    Store store = *Store::open(dir / "store", true);
    std::string plain = pax({"path=package/" + std::string(120, 'l')}) +
                        tar_entry({"././@LongLink", "package/gnu/long", 'L'}) +
                        tar({{"package/package.json", manifest_json("x", "1.0.0", R"(,"bin":"a.js")")},
                             {"package/a.js", "body"},
                             {"package/dir/", "", '5'},
                             {"package/dir/b", std::string(700, 'b')},
                             {"package/l", "", '2', 0777, "a.js"}});
    std::string zipped = gzip(plain);
    std::uint32_t random = 20261121;
    auto next = [&] { return random = random * 1664525u + 1013904223u, random >> 8; };
    auto fix_checksums = [](std::string& bytes) {
        for (std::size_t at = 0; at + 512 <= bytes.size(); at += 512) {
            if (bytes.compare(at + 257, 5, "ustar") != 0) continue;
            unsigned sum = 8 * ' ';
            for (std::size_t i = 0; i < 512; ++i)
                if (i < 148 || i >= 156) sum += static_cast<unsigned char>(bytes[at + i]);
            bytes.replace(at + 148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
        }
    };
    int objects = 0, errors = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string bad = round % 3 ? plain : zipped;
        for (unsigned i = 0; i < 1 + next() % 4; ++i) bad[next() % bad.size()] ^= static_cast<char>(1 << next() % 8);
        if (round % 3 == 1) fix_checksums(bad);
        auto made = store.unpack(key("f"), bad, "f", true);
        if (!made) {
            ++errors;
            ASSERT_TRUE(made.error().code == Code::ARCHIVE || made.error().code == Code::UNSAFE_PATH) << to_string(made.error());
        } else {
            ++objects;
        }
    }
    EXPECT_GT(objects, 100);
    EXPECT_GT(errors, 100);
    EXPECT_TRUE(fs::is_empty(dir.path / "store/v1/tmp"));
    EXPECT_TRUE(store.verify(true, false, nullptr)->empty());
}

}  // namespace
}  // namespace pmx
