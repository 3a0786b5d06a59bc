#include <filesystem>
#include <fstream>

#include "plugin/support.hpp"

namespace pmx::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string refusal(std::string_view name, bool drafts = false) {
    Bench bench;
    Plugins plugins = bench.plugins({}, drafts);
    auto layout = plugins.layout(name, {});
    EXPECT_FALSE(layout);
    if (layout) return {};
    EXPECT_EQ(layout.error().code, Code::PLUGIN_REJECTED) << to_string(layout.error());
    EXPECT_FALSE(layout.error().remedy.empty());
    return to_string(layout.error());
}

TEST(Loader, AnotherMajorIsRefusedBeforeAnythingOfItRuns) {
    EXPECT_THAT(refusal("wrong-major"), AllOf(HasSubstr("version 7"), HasSubstr("1.2"), HasSubstr("wrong-major.so"),
                                              HasSubstr("update pmx")));
}

TEST(Loader, ALibraryWithoutTheSymbolIsRefusedBeforeAnythingOfItRuns) {
    EXPECT_THAT(refusal("no-symbol"), AllOf(HasSubstr("pmx_plugin_entry_v1"), HasSubstr("no-symbol.so")));
}

TEST(Loader, ANewerMinorNamesBothVersions) {
    EXPECT_THAT(refusal("newer-minor"), AllOf(HasSubstr("1.9"), HasSubstr("1.2"), HasSubstr("newer-minor.so")));
}

TEST(Loader, UnknownKindsAndRevisionsAreRefused) {
    EXPECT_THAT(refusal("unknown-kind"), HasSubstr("resolver/1"));
    EXPECT_THAT(refusal("newer-kind"), AllOf(HasSubstr("layout/2"), HasSubstr("layout/1")));
}

TEST(Loader, AShortTableOrABrokenSchemaIsRefused) {
    EXPECT_THAT(refusal("short-table"), HasSubstr("too short"));
    EXPECT_THAT(refusal("bad-default"), AllOf(HasSubstr("depth"), HasSubstr("whole number")));
}

TEST(Loader, DraftsNeedPermission) { EXPECT_THAT(refusal("draft"), HasSubstr("draft")); }

TEST(Loader, TheWrongKindSaysWhereItFits) {
    EXPECT_THAT(refusal("odd-importer"), AllOf(HasSubstr("importer"), HasSubstr("layout"), HasSubstr("--import")));
}

TEST(Loader, AFileThatIsNoLibraryIsRefused) {
    std::string file = ::testing::TempDir() + "not-a-library.so";
    std::ofstream(file) << "hello";
    EXPECT_THAT(refusal(file), AllOf(HasSubstr("not a shared library"), HasSubstr(file)));
    std::ofstream(file, std::ios::trunc) << "";
    EXPECT_THAT(refusal(file), HasSubstr("not a shared library"));
    // A library that ends in the middle of what its header promises.
    std::ifstream whole(PMX_BINARY_DIR "/tests/bad_plugins/odd-layout.so", std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(whole)), {});
    for (std::size_t keep : {std::size_t{20}, std::size_t{64}, std::size_t{4096}, bytes.size() - 100}) {
        std::string torn = ::testing::TempDir() + "torn" + std::to_string(keep) + ".so";
        std::ofstream(torn, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(keep));
        EXPECT_THAT(refusal(torn), HasSubstr(torn));
    }
}

TEST(Loader, ANameThatIsNowhereListsEachPathTried) {
    Plugins plugins({{"/first/place", "/second/place"}, false}, {});
    auto layout = plugins.layout("absent", {});
    ASSERT_FALSE(layout);
    EXPECT_EQ(layout.error().code, Code::PLUGIN_NOT_FOUND);
    EXPECT_THAT(layout.error().remedy,
                AllOf(HasSubstr("/first/place/absent.so"), HasSubstr("/second/place/absent.so"),
                      HasSubstr(PMX_BINARY_DIR "/lib/pmx/plugins/absent.so"), HasSubstr("--plugin-path")));
    EXPECT_EQ(plugins.loaded(), 0u);
}

TEST(Loader, NamesAreNamesAndPathsAreFiles) {
    Bench bench;
    Plugins plugins = bench.plugins();
    for (const char* name : {"", ".", "..", ".hidden", "a b", "a\\b"}) {
        auto layout = plugins.layout(name, {});
        ASSERT_FALSE(layout);
        EXPECT_EQ(layout.error().code, Code::PLUGIN_NOT_FOUND) << name;
    }
    EXPECT_TRUE(plugins.layout(PMX_BINARY_DIR "/tests/bad_plugins/odd-layout.so", {}));
    auto missing = plugins.layout("./odd-layout.so", {});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Code::PLUGIN_NOT_FOUND);
}

TEST(Loader, ALibraryIsLoadedOnceAndInstancesAreMany) {
    Bench bench;
    Plugins plugins = bench.plugins();
    EXPECT_EQ(plugins.loaded(), 0u);
    auto one = plugins.layout("odd-layout", {{"do", {"flat"}}});
    auto two = plugins.layout("odd-layout", {{"do", {"nested"}}});
    ASSERT_TRUE(one && two);
    EXPECT_EQ(plugins.loaded(), 1u);
    EXPECT_NE(one->plugin, two->plugin);
    EXPECT_EQ(one->info().name, "odd-layout");
    EXPECT_EQ(one->info().kind, "layout");
    EXPECT_FALSE(one->info().builtin);
}

TEST(Loader, HandlesOutliveTheirPlugins) {
    Bench bench;
    Result<Layout> layout = bench.plugins().layout("odd-layout", {{"do", {"echo"}}});
    ASSERT_TRUE(layout);
    Graph graph;
    auto plan = layout->plan(graph);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->node_path_tail, "3red.2");
}

TEST(Loader, AvailableListsWithoutLoading) {
    Bench bench;
    Plugins plugins = bench.plugins();
    std::vector<std::string> names;
    for (const FoundPlugin& found : plugins.found()) names.push_back(found.name);
    EXPECT_THAT(names, ::testing::IsSupersetOf({"odd-layout", "wrong-major", "hardlink", "tree"}));
    EXPECT_EQ(plugins.loaded(), 0u);
}

TEST(Loader, TheInstallationsPluginsAreFoundByName) {
    Plugins plugins({}, {});
    auto importer = plugins.importer("hardlink", {});
    ASSERT_TRUE(importer) << to_string(importer.error());
    EXPECT_TRUE(importer->info().builtin);
    ASSERT_TRUE(plugins.validator("integrity", {}));
}

TEST(Options, DefaultsAndGivenValuesReachThePlugin) {
    Bench bench;
    Plugins plugins = bench.plugins();
    auto info = plugins.describe("odd-layout");
    ASSERT_TRUE(info);
    ASSERT_EQ(info->options.size(), 5u);
    EXPECT_EQ(info->options[4].fallback, (std::vector<std::string>{"a", "b"}));
    auto layout = plugins.layout("odd-layout", {{"do", {"echo"}},
                                                {"depth", {"9"}},
                                                {"colour", {"green"}},
                                                {"loud", {"true"}},
                                                {"patterns", {}},
                                                {"of-somebody-else", {"x"}}});
    ASSERT_TRUE(layout);
    Graph graph;
    auto plan = layout->plan(graph);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->node_path_tail, "9green!0");
}

TEST(Options, WrongValuesSayWhatWouldBeRight) {
    Bench bench;
    Plugins plugins = bench.plugins();
    auto complaint = [&](OptionValues values) -> std::string {
        auto layout = plugins.layout("odd-layout", values);
        if (layout) return "accepted";
        EXPECT_EQ(layout.error().code, Code::CONFIG);
        return layout.error().what;
    };
    EXPECT_THAT(complaint({{"depth", {"10"}}}), HasSubstr("from 1 to 9"));
    EXPECT_THAT(complaint({{"depth", {"3x"}}}), HasSubstr("whole number"));
    EXPECT_THAT(complaint({{"depth", {"99999999999999999999"}}}), HasSubstr("whole number"));
    EXPECT_THAT(complaint({{"colour", {"blue"}}}), HasSubstr("red, green"));
    EXPECT_THAT(complaint({{"loud", {"yes"}}}), HasSubstr("true or false"));
    EXPECT_THAT(complaint({{"colour", {"red", "green"}}}), HasSubstr("one value"));
    EXPECT_THAT(complaint({{"do", {"refuse-to-start"}}}), HasSubstr("it does not start"));
}

}  // namespace
}  // namespace pmx::test
