// Versions of workspace projects: pnpm's recorded calls.
#include <gtest/gtest.h>

#include "model/vectors.hpp"
#include "resolve/workspace_range.hpp"

namespace pmx {
namespace {

TEST(workspace_range, recorded_calls) {
    PMX_VECTORS(json, "pnpm-vectors/workspace.json");
    std::size_t checked = 0;
    for (const test::Json& c : json["cases"]) {
        if (!c["fn"].get<std::string>().ends_with("#resolveWorkspaceRange")) continue;
        std::string range = c["args"][0];
        std::vector<std::string> texts = c["args"][1];
        std::vector<std::string_view> versions(texts.begin(), texts.end());
        auto found = resolve_workspace_range(range, versions);
        EXPECT_EQ(found ? texts[*found] : "none", c["result"].is_null() ? "none" : c["result"].get<std::string>()) << c.dump();
        ++checked;
    }
    EXPECT_EQ(checked, 8u);
}

TEST(workspace_range, a_project_without_a_version) {
    std::string_view versions[] = {"", "1.0.0"};
    EXPECT_EQ(resolve_workspace_range("*", std::span(versions).first(1)), 0u);
    EXPECT_EQ(resolve_workspace_range("*", versions), 1u);
    EXPECT_EQ(resolve_workspace_range("^1.0.0", versions), 1u);
    EXPECT_FALSE(resolve_workspace_range("next", versions));
}

}  // namespace
}  // namespace pmx
