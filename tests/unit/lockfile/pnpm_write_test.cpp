// pnpm_lockfile_text(): what pnpm wrote, read and written again, is what pnpm wrote.
#include <gtest/gtest.h>

#include <filesystem>

#include <nlohmann/json.hpp>

#include "lockfile/lockfile.hpp"
#include "lockfile_cases.hpp"

namespace pmx {
namespace {

using namespace lockfile_cases;

std::string written(const std::string& text) {
    auto lockfile = read_lockfile("pnpm-lock.yaml", text);
    if (!lockfile) return to_string(lockfile.error());
    auto read = read_records(*lockfile);
    if (!read) return to_string(read.error());
    return pnpm_lockfile_text(*lockfile);
}

// The first line that differs, so that a failure can be read.
testing::AssertionResult same(const std::string& got, const std::string& want) {
    if (got == want) return testing::AssertionSuccess();
    std::istringstream a(got), b(want);
    std::string x, y;
    for (int line = 1;; ++line) {
        bool more_a = static_cast<bool>(std::getline(a, x)), more_b = static_cast<bool>(std::getline(b, y));
        if (!more_a) x = "(the end)";
        if (!more_b) y = "(the end)";
        if (x != y || !more_a || !more_b)
            return testing::AssertionFailure() << "line " << line << "\n  got  " << x << "\n  want " << y;
    }
}

TEST(PnpmWrite, FixtureProjectsComeOutAsTheyWere) {
    PMX_NEEDS_SHARED("fixtures/projects");
    int seen = 0;
    for (const auto& project : std::filesystem::directory_iterator(shared("fixtures/projects"))) {
        auto path = project.path() / "pnpm-lock.yaml";
        if (!std::filesystem::exists(path)) continue;
        std::string text = slurp(path);
        EXPECT_TRUE(same(written(text), text)) << path;
        ++seen;
    }
    EXPECT_GE(seen, 8);
}

TEST(PnpmWrite, OurOwnCasesComeOutAsTheyWere) {
    int seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(PMX_SOURCE_DIR "/tests/golden/lockfiles")) {
        auto path = entry.path() / "pnpm-lock.yaml";
        if (!std::filesystem::exists(path)) continue;
        std::string text = slurp(path);
        EXPECT_TRUE(same(written(text), text)) << path;
        ++seen;
    }
    EXPECT_GE(seen, 10);
}

TEST(PnpmWrite, RecordedInstallsComeOutAsTheyWere) {
    PMX_NEEDS_SHARED("vectors/pnpm-golden/golden.json");
    auto golden = nlohmann::json::parse(slurp(shared("vectors/pnpm-golden/golden.json")));
    int seen = 0;
    for (const auto& item : golden["cases"]) {
        const auto& result = item["result"]["isolated"];
        if (!result.contains("lockfile") || !result["lockfile"].is_string()) continue;
        std::string text = result["lockfile"].get<std::string>();
        EXPECT_TRUE(same(written(text), text)) << item["id"] << " " << item["title"];
        ++seen;
    }
    EXPECT_GE(seen, 150);
}

}  // namespace
}  // namespace pmx
