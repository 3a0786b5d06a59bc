// Trees that pnpm itself made: read its lockfile, plan, compare entry by entry. What a plan does not know,
// the names of executables, is left to the end-to-end tests.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "from_lockfile.hpp"

namespace {

using layout_test::convert;
using layout_test::Layout;
using layout_test::Steps;
using Tree = std::map<std::string, std::string>;

// Paths below node_modules, "dir" or "-> relative target", as the golden file writes them.
Tree tree_of(const Steps& steps) {
    constexpr std::size_t prefix = sizeof("node_modules/") - 1;
    Tree tree;
    for (const auto& [dir, id] : steps.places) tree[dir.substr(prefix)] = "dir";
    auto links = steps.symlinks;
    links.insert(steps.projects.begin(), steps.projects.end());
    for (const auto& [path, target] : links)
        tree[path.substr(prefix)] = "-> " + std::filesystem::path(target)
                                                .lexically_relative(std::filesystem::path(path).parent_path())
                                                .generic_string();
    return tree;
}

std::string difference(const Tree& ours, const Tree& theirs) {
    std::ostringstream text;
    for (const auto& [path, what] : theirs)
        if (auto mine = ours.find(path); mine == ours.end())
            text << "  missing: " << path << " " << what << "\n";
        else if (mine->second != what)
            text << "  differs: " << path << " " << mine->second << ", not " << what << "\n";
    for (const auto& [path, what] : ours)
        if (!theirs.contains(path)) text << "  too many: " << path << " " << what << "\n";
    return text.str();
}

class Golden : public testing::Test {
  protected:
    void SetUp() override {
        const std::string file = PMX_SOURCE_DIR "/../shared/vectors/pnpm-golden/golden.json";
        std::ifstream in(file);
        if (!in) {
            if (std::getenv("CI")) FAIL() << "pnpm-golden vectors are absent: " << file;
            GTEST_SKIP() << "pnpm-golden vectors are absent";
        }
        cases_ = nlohmann::json::parse(in)["cases"];
    }

    void compare(const std::string& linker) {
        Layout layout(linker);
        int compared = 0;
        for (const auto& c : cases_) {
            const auto& result = c["result"];
            if (result["isolated"]["exit"] != 0 || result[linker]["exit"] != 0) continue;
            // Its recorded lockfile links to an absolute path of the machine that made it.
            if (c["title"] == "@pnpm.e2e/has-local-dep@latest alone") continue;
            SCOPED_TRACE(c["title"].get<std::string>());
            auto lockfile =
                pmx::read_lockfile("pnpm-lock.yaml", result["isolated"]["lockfile"].get<std::string>());
            ASSERT_TRUE(lockfile) << lockfile.error().what;
            Tree theirs;
            for (const auto& [path, what] : result[linker]["tree"].items()) {
                // Executables, and what an archive carries in its own node_modules, are not the layout's.
                if (path.find(".bin/") == std::string::npos) theirs[path] = what;
            }
            std::vector<std::string> carriers;
            for (const auto& p : lockfile->graph.packages)
                if (p.bundled_count || p.bundles_all)
                    carriers.push_back("/" + std::string(p.name) + "/node_modules/");
            std::erase_if(theirs, [&](const auto& entry) {
                return std::ranges::any_of(carriers, [&](const auto& c) {
                    return ("/" + entry.first).find(c) != std::string::npos;
                });
            });
            Tree ours = tree_of(layout.plan(convert(lockfile->graph)));
            EXPECT_EQ(difference(ours, theirs), "");
            ++compared;
        }
        EXPECT_GE(compared, 189);
    }

    nlohmann::json cases_;
};

TEST_F(Golden, IsolatedTreesArePnpms) {
    compare("isolated");
}
TEST_F(Golden, HoistedTreesArePnpms) {
    compare("hoisted");
}

}  // namespace
