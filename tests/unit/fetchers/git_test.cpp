#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "fetchers/bench.hpp"
#include "fetchers/server.hpp"

namespace pmx::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// A repository on disk, made with the git program.
class Git : public testing::Test {
  protected:
    void SetUp() override {
        if (std::system("git --version >/dev/null 2>&1") != 0) {
            if (std::getenv("CI")) FAIL() << "git is not installed";
            GTEST_SKIP() << "git is not installed";
        }
        char pattern[] = "/tmp/pmx-git-XXXXXX";
        dir_ = ::mkdtemp(pattern);
        sh("git init -q -b main .");
        put("package.json", "{\"name\":\"first\"}");
        first_ = commit();
        put("package.json", "{\"name\":\"second\"}");
        put("packages/inner/package.json", "{\"name\":\"inner\"}");
        put("tests/ignored.txt", "kept");
        put("version.txt", "$Format:%H$");
        put(".gitattributes", "tests export-ignore\nversion.txt export-subst\n");
        second_ = commit();
    }
    void TearDown() override {
        if (!dir_.empty()) std::filesystem::remove_all(dir_);
    }
    void put(const std::string& path, const std::string& bytes) {
        std::filesystem::create_directories(std::filesystem::path(dir_ + "/" + path).parent_path());
        std::ofstream(dir_ + "/" + path) << bytes;
    }
    void sh(const std::string& command) {
        ASSERT_EQ(std::system(("cd " + dir_ + " && " + command).c_str()), 0) << command;
    }
    std::string commit() {
        sh("git add -A && git -c user.name=a -c user.email=a@registry.example commit -q -m x && git "
           "rev-parse HEAD > .git/last");
        std::string hash;
        std::ifstream(dir_ + "/.git/last") >> hash;
        return hash;
    }
    Got get(const std::string& commit, const std::string& path = {},
            const std::string& before = "git+file://") {
        Ask ask{before + dir_};
        ask.commit = commit;
        ask.path = path;
        return bench_.get(ask);
    }
    std::string dir_, first_, second_;
    Bench bench_{"git"};
};

TEST_F(Git, ArchivesACommit) {
    Got got = get(second_);
    ASSERT_EQ(got.result, PMX_OK) << bench_.reports();
    EXPECT_THAT(got.body, HasSubstr("package/package.json"));
    EXPECT_THAT(got.body, HasSubstr("{\"name\":\"second\"}"));
    EXPECT_EQ(got.body.size() % 512, 0u);
    got = get(first_);
    ASSERT_EQ(got.result, PMX_OK) << bench_.reports();
    EXPECT_THAT(got.body, HasSubstr("{\"name\":\"first\"}"));
    EXPECT_THAT(get(first_.substr(0, 10)).body, HasSubstr("{\"name\":\"first\"}"))
        << "a short hash takes the long way";
}

TEST_F(Git, IsNoReleaseArchive) {
    Got got = get(second_);
    EXPECT_THAT(got.body, HasSubstr("tests/ignored.txt"));
    EXPECT_THAT(got.body, HasSubstr("$Format:%H$"));
}

TEST_F(Git, TakesTheHashFromTheUrl) {
    Got got = bench_.get({"git+file://" + dir_ + "#" + first_});
    EXPECT_THAT(got.body, HasSubstr("{\"name\":\"first\"}")) << bench_.reports();
}

TEST_F(Git, TakesASubdirectory) {
    for (const char* path : {"packages/inner", "/packages/inner/", "./packages/./inner"}) {
        Got got = get(second_, path);
        ASSERT_EQ(got.result, PMX_OK) << bench_.reports();
        EXPECT_THAT(got.body, HasSubstr("{\"name\":\"inner\"}"));
        EXPECT_THAT(got.body, Not(HasSubstr("second")));
    }
    EXPECT_EQ(get(second_, "no/such").result, PMX_NOT_FOUND);
    EXPECT_EQ(get(second_, "../x").result, PMX_INVALID);
}

TEST_F(Git, SaysWhatGitSaid) {
    EXPECT_EQ(get(std::string(40, 'a')).result, PMX_NOT_FOUND);
    EXPECT_THAT(bench_.reports(PMX_ERROR), HasSubstr("has no commit aaaa"));
    EXPECT_EQ(get(second_, "", "git+file:///nowhere").result, PMX_NOT_FOUND);
    EXPECT_THAT(bench_.reports(PMX_ERROR), HasSubstr("git could not fetch"));
}

TEST_F(Git, RefusesWhatCouldBeAnOption) {
    EXPECT_EQ(get("--upload-pack=x").result, PMX_INVALID);
    EXPECT_EQ(get("main").result, PMX_INVALID);
    EXPECT_EQ(get("").result, PMX_INVALID);
    for (std::string url :
         {"--upload-pack=touch", "ssh://-oProxyCommand=x/y", "git+ssh://a@-oProxyCommand=x/y", "git+"}) {
        Ask ask{url};
        ask.commit = second_;
        EXPECT_EQ(bench_.get(ask).result, PMX_INVALID) << url;
    }
    // A path on this disk, and a program, are no repository unless the scheme says file.
    Ask ext{"git+ext::sh -c touch% " + dir_ + "/pwned"};
    ext.commit = second_;
    EXPECT_NE(bench_.get(ext).result, PMX_OK);
    EXPECT_FALSE(std::filesystem::exists(dir_ + "/pwned"));
    EXPECT_NE(get(second_, "", "git+").result, PMX_OK);
}

TEST_F(Git, KeepsSecretsOutOfMessages) {
    Server server(
        Server::answering([](const std::string&) { return "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"; }));
    Ask ask{"git+http://user:hush@127.0.0.1:" + std::to_string(server.port()) + "/r.git"};
    ask.commit = second_;
    EXPECT_EQ(bench_.get(ask).result, PMX_UNAVAILABLE);
    EXPECT_THAT(bench_.reports(PMX_ERROR), HasSubstr("127.0.0.1"));
    EXPECT_THAT(bench_.reports(), Not(HasSubstr("hush")));
}

TEST_F(Git, CancellationEndsTheProgram) {
    Server server([](Peer& peer) { peer.until_closed(); });
    Ask ask{"git://127.0.0.1:" + std::to_string(server.port()) + "/r.git"};
    ask.commit = second_;
    std::thread canceller([&] {
        while (server.connections() == 0) std::this_thread::yield();
        bench_.cancelled = true;
    });
    EXPECT_EQ(bench_.get(ask).result, PMX_CANCELLED);
    canceller.join();
}

TEST_F(Git, KeepsTheLimit) {
    Ask ask{"git+file://" + dir_};
    ask.commit = second_;
    ask.limit = 512;
    EXPECT_EQ(bench_.get(ask).result, PMX_INVALID);
}

}  // namespace
}  // namespace pmx::test
