#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "fetchers/bench.hpp"

namespace pmx::test {
namespace {

using testing::HasSubstr;

class File : public testing::Test {
  protected:
    File() {
        char pattern[] = "/tmp/pmx-file-XXXXXX";
        dir_ = ::mkdtemp(pattern);
    }
    ~File() override { std::filesystem::remove_all(dir_); }
    void put(const std::string& path, const std::string& bytes) {
        std::filesystem::create_directories(std::filesystem::path(dir_ + "/" + path).parent_path());
        std::ofstream(dir_ + "/" + path) << bytes;
    }
    Got get(const std::string& path, std::uint32_t purpose = PMX_FETCH_ARCHIVE,
            std::uint64_t limit = 1u << 30) {
        return bench_.get({"file://" + dir_ + "/" + path, purpose, limit});
    }
    std::string dir_;
    Bench bench_{"file"};
};

TEST_F(File, ReadsATarball) {
    std::string body(3'000'001, 'x');
    put("a b.tgz", body);
    for (std::string url : {"file://" + dir_ + "/a%20b.tgz", "file:" + dir_ + "/a b.tgz",
                            "file://localhost" + dir_ + "/a b.tgz"}) {
        Got got = bench_.get({url});
        EXPECT_EQ(got.result, PMX_OK) << url << bench_.reports();
        EXPECT_EQ(got.status, 200u);
        EXPECT_EQ(got.length, body.size());
        EXPECT_TRUE(got.body == body);
    }
}

TEST_F(File, TakesNamesThatOnlyLookEncoded) {
    put("100%25.tgz", "raw");
    EXPECT_EQ(get("100%25.tgz").body, "raw");
    put("100%.tgz", "decoded");
    EXPECT_EQ(get("100%25.tgz").body, "decoded");
}

TEST_F(File, ReadsAMirror) {
    put("left-pad/-/left-pad-1.0.0.tgz", "with dash");
    put("left-pad/package.json", "{\"a\":1}");
    put("@scope/name/name-1.0.0.tgz", "without dash");
    put("@scope/name/index.json", "{\"b\":1}");
    EXPECT_EQ(get("left-pad/-/left-pad-1.0.0.tgz").body, "with dash");
    EXPECT_EQ(get("@scope/name/-/name-1.0.0.tgz").body, "without dash");
    EXPECT_EQ(get("@scope%2fname/-/name-1.0.0.tgz").body, "without dash");
    EXPECT_EQ(get("left-pad", PMX_FETCH_PACKUMENT).body, "{\"a\":1}");
    EXPECT_EQ(get("@scope%2Fname", PMX_FETCH_PACKUMENT).body, "{\"b\":1}");
}

TEST_F(File, NamesThePathsItTried) {
    Got got = get("nope/-/nope-1.0.0.tgz");
    EXPECT_EQ(got.result, PMX_NOT_FOUND);
    EXPECT_THAT(bench_.reports(PMX_ERROR),
                HasSubstr(dir_ + "/nope/-/nope-1.0.0.tgz, " + dir_ + "/nope/nope-1.0.0.tgz"));
    EXPECT_EQ(get("nope", PMX_FETCH_PACKUMENT).result, PMX_NOT_FOUND);
    EXPECT_THAT(bench_.reports(PMX_ERROR), HasSubstr("/nope/package.json, " + dir_ + "/nope/index.json"));
    put("directory/file", "x");
    EXPECT_EQ(get("directory").result, PMX_NOT_FOUND);
    EXPECT_EQ(get("directory/file/below").result, PMX_NOT_FOUND);
}

TEST_F(File, RefusesWhatIsNoFile) {
    ASSERT_EQ(::mkfifo((dir_ + "/fifo").c_str(), 0600), 0);
    EXPECT_EQ(get("fifo").result, PMX_INVALID);
    EXPECT_EQ(bench_.get({"file:///dev/zero"}).result, PMX_INVALID);
    EXPECT_EQ(bench_.get({"file:relative.tgz"}).result, PMX_INVALID);
    EXPECT_EQ(bench_.get({"file://host/share/a.tgz"}).result, PMX_INVALID);
    EXPECT_EQ(bench_.get({"file:///a%00b"}).result, PMX_INVALID);
    EXPECT_EQ(bench_.get({"file:"}).result, PMX_INVALID);
}

TEST_F(File, KeepsTheLimitAndHearsCancellation) {
    put("a", std::string(101, 'x'));
    EXPECT_EQ(get("a", PMX_FETCH_ARCHIVE, 100).result, PMX_INVALID);
    EXPECT_EQ(get("a", PMX_FETCH_ARCHIVE, 101).result, PMX_OK);
    bench_.cancelled = true;
    EXPECT_EQ(get("a").result, PMX_CANCELLED);
}

}  // namespace
}  // namespace pmx::test
