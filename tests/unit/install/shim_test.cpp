// Shims are judged by running them: through a link, from another directory, with a name that a shell could trip over.
#include "install/shim.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace pmx;
namespace fs = std::filesystem;

namespace {

class ShimTest : public ::testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/pmx-shim-XXXXXX";
        root_ = ::mkdtemp(name);
        fs::create_directories(root_ / "node_modules/.bin");
    }
    void TearDown() override { fs::remove_all(root_); }
    void write(const fs::path& path, const std::string& text) {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text;
        fs::permissions(root_ / path, fs::perms(0755));
    }
    std::string run(const std::string& command) {
        std::string full = "cd '" + root_.string() + "' && unset NODE_PATH; " + command;
        FILE* pipe = ::popen(full.c_str(), "r");
        std::string out;
        char buffer[256];
        while (std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, n);
        status_ = ::pclose(pipe);
        return out;
    }
    fs::path root_;
    int status_ = 0;
};

TEST_F(ShimTest, RunsTheTargetWithItsInterpreterAndArguments) {
    std::string target = "#!/usr/bin/env sh\necho \"ran $1 $2\"\n";
    write("node_modules/it's a $pkg/cli", target);
    write("node_modules/.bin/cli", shim_text("../it's a $pkg/cli", interpreter_of(target, "cli"), {}));
    EXPECT_EQ(run("node_modules/.bin/cli 'a b' c"), "ran a b c\n");
}

TEST_F(ShimTest, FindsItselfThroughLinks) {
    write("node_modules/p/cli.sh", "echo here\n");
    write("node_modules/.bin/cli", shim_text("../p/cli.sh", interpreter_of("echo here\n", "cli.sh"), {}));
    fs::create_directories(root_ / "elsewhere");
    fs::create_symlink("../node_modules/.bin/cli", root_ / "elsewhere/one");
    fs::create_symlink("one", root_ / "elsewhere/two");
    EXPECT_EQ(run("cd elsewhere && ./two"), "here\n");
    EXPECT_EQ(run("PATH=$PWD/elsewhere:$PATH two"), "here\n");
}

TEST_F(ShimTest, ExportsNodePathInOrderAndKeepsTheCallersOwn) {
    std::string target = "#!/bin/sh\necho \"$NODE_PATH\"\n";
    write("node_modules/p/cli", target);
    write("node_modules/.bin/cli", shim_text("../p/cli", interpreter_of(target, "cli"), {"../p/node_modules", "../.pnpm/node_modules"}));
    std::string bin = fs::canonical(root_ / "node_modules/.bin").string();
    EXPECT_EQ(run("node_modules/.bin/cli"), bin + "/../p/node_modules:" + bin + "/../.pnpm/node_modules\n");
    EXPECT_EQ(run("NODE_PATH=/mine node_modules/.bin/cli"),
              bin + "/../p/node_modules:" + bin + "/../.pnpm/node_modules:/mine\n");
}

TEST_F(ShimTest, HandsOnTheExitStatus) {
    write("node_modules/p/cli", "#!/bin/sh\nexit 7\n");
    write("node_modules/.bin/cli", shim_text("../p/cli", interpreter_of("#!/bin/sh\n", "cli"), {}));
    run("node_modules/.bin/cli");
    EXPECT_EQ(WEXITSTATUS(status_), 7);
}

TEST(Interpreter, ComesFromTheFirstLineOrTheExtension) {
    EXPECT_EQ(interpreter_of("#!/usr/bin/env node\r\nx", "a").program, "node");
    EXPECT_EQ(interpreter_of("#!/usr/bin/env -S node --flag\n", "a").arguments, "--flag");
    EXPECT_EQ(interpreter_of("#! /bin/bash -e\n", "a").program, "/bin/bash");
    EXPECT_EQ(interpreter_of("console.log(1)", "a.mjs").program, "node");
    EXPECT_EQ(interpreter_of("\x7f" "ELF", "a").program, "");
    EXPECT_EQ(interpreter_of("#!", "a").program, "");
}

}  // namespace
