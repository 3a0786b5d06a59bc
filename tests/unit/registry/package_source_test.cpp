#include "registry/package_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "registry/packument.hpp"
#include "registry/packument_errors.hpp"

namespace pmx::registry {
namespace {

namespace fs = std::filesystem;

class PackageSourceTest : public ::testing::Test {
  protected:
    void SetUp() override {
        char path[] = "/tmp/pmx-source-XXXXXX";
        dir = ::mkdtemp(path);
        put("w/1.0.0/package.json", R"({"name":"w","version":"1.0.0","scripts":{"install":"x"},"readme":"long"})");
        put("w/1.1.0/package.json", R"({"name":"w","version":"1.1.0","dependencies":{"x":"1"}})");
    }
    void TearDown() override { fs::remove_all(dir); }

    void put(const std::string& name, std::string_view text) {
        fs::create_directories(fs::path(dir + "/" + name).parent_path());
        std::ofstream(dir + "/" + name, std::ios::binary) << text;
    }
    std::shared_ptr<const Packument> ask(PackageSource::Form form) {
        PackageSource source(dir);
        auto body = source.packument("w", form, "http://127.0.0.1:1", false);
        if (!body) {
            ADD_FAILURE() << to_string(body.error());
            return nullptr;
        }
        auto kept = std::make_shared<const std::string>(body->bytes);
        auto packument = Packument::scan(*kept, kept, "w");
        EXPECT_TRUE(packument);
        return *packument;
    }
    std::string dir;
};

TEST_F(PackageSourceTest, SourcesAreYearsOld) {
    auto full = ask(PackageSource::Form::full), brief = ask(PackageSource::Form::abbreviated);
    EXPECT_EQ(full->time("1.1.0"), "2020-01-01T00:00:00.000Z");
    EXPECT_EQ(brief->modified(), "2020-01-01T00:00:00.000Z");
    EXPECT_FALSE(brief->has_times());
    EXPECT_EQ(brief->tag("latest"), "1.1.0");
    EXPECT_TRUE(brief->manifest(1)->has_install_script);
    EXPECT_EQ(brief->text(1)->find("readme"), std::string_view::npos);
    EXPECT_EQ(brief->manifest(0)->tarball, "http://127.0.0.1:1/w/-/w-1.1.0.tgz");
    EXPECT_EQ(brief->manifest(0)->integrity.substr(0, 7), "sha512-");
}

TEST_F(PackageSourceTest, TimesCanBeSaid) {
    put("w/times.json", R"({"1.1.0": 5, "1.0.0": "2024-02-29T00:00:00.000Z"})");
    auto full = ask(PackageSource::Form::full), brief = ask(PackageSource::Form::abbreviated);
    EXPECT_EQ(full->time("1.0.0"), "2024-02-29T00:00:00.000Z");
    const auto young = moment_ms(full->time("1.1.0"));
    ASSERT_TRUE(young);
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    EXPECT_LE(std::abs(now - *young - 300'000), 60'000);
    EXPECT_EQ(moment_ms(brief->modified()) > moment_ms("2024-03-01T00:00:00Z"), true);
    EXPECT_FALSE(brief->has_times());

    put("w/times.json", "{\"1.1.0\": {}}");
    PackageSource source(dir);
    EXPECT_FALSE(source.packument("w", PackageSource::Form::full, "", false));
}

}  // namespace
}  // namespace pmx::registry
