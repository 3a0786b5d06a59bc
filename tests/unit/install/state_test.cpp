#include "install/state.hpp"

#include "base/fs.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace pmx;
namespace fs = std::filesystem;

namespace {

class StateTest : public ::testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/pmx-state-XXXXXX";
        root_ = ::mkdtemp(name);
        fs::create_directories(root_ / "node_modules");
        std::ofstream(root_ / "package.json") << "{}";
        state_.fingerprint = settings_fingerprint(settings_);
        state_.linker = "isolated";
        state_.lockfile = "pnpm-lock.yaml";
        state_.check = "stat";
        state_.inputs = {*witness(root_ / "package.json", false), *witness(root_ / "absent", false)};
        fs::create_directories(root_ / "node_modules/.pmx");
        state_.directories = {*witness(root_ / "node_modules", true)};
        ASSERT_TRUE(write_state(root_ / "node_modules", state_));
    }
    void TearDown() override { fs::remove_all(root_); }
    fs::path root_;
    Settings settings_;
    State state_;
};

TEST_F(StateTest, HoldsUntilSomethingChanges) {
    auto state = read_state(root_ / "node_modules");
    ASSERT_TRUE(state);
    EXPECT_EQ(state->linker, "isolated");
    EXPECT_TRUE(holds(*state, settings_));
    std::ofstream(root_ / "package.json") << "{ }";
    EXPECT_FALSE(holds(*state, settings_));
}

TEST_F(StateTest, AFileThatAppearsIsAChange) {
    auto state = read_state(root_ / "node_modules");
    std::ofstream(root_ / "absent") << "x";
    EXPECT_FALSE(holds(*state, settings_));
}

TEST_F(StateTest, AnEntryThatGoesFromNodeModulesIsAChange) {
    fs::create_directories(root_ / "node_modules/a");
    state_.directories = {*witness(root_ / "node_modules", true)};
    ASSERT_TRUE(write_state(root_ / "node_modules", state_));
    EXPECT_TRUE(holds(*read_state(root_ / "node_modules"), settings_));
    fs::remove(root_ / "node_modules/a");
    EXPECT_FALSE(holds(*read_state(root_ / "node_modules"), settings_));
}

TEST_F(StateTest, ATornOrForeignRecordIsNone) {
    std::string path = root_ / "node_modules/.pmx/state";
    std::string text = *read_file(AT_FDCWD, path.c_str());
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        std::ofstream(path, std::ios::trunc) << text.substr(0, cut);
        EXPECT_FALSE(read_state(root_ / "node_modules")) << cut;
    }
    std::ofstream(path, std::ios::trunc) << "pmx-state 2\nend\n";
    EXPECT_FALSE(read_state(root_ / "node_modules"));
}

TEST_F(StateTest, ASettingThatShapesTheTreeIsAChangeAndACapIsNot) {
    auto state = read_state(root_ / "node_modules");
    Settings other;
    other.values["network-concurrency"].items = {"3"};
    EXPECT_TRUE(holds(*state, other));
    other.values["linker"].items = {"hoisted"};
    EXPECT_FALSE(holds(*state, other));
}

}  // namespace
