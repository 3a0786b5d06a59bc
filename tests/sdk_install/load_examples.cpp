// Loads the example plugins that were built against the installed SDK (PMX_TEST_PLUGINS) and lets them work.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.hpp"
#include "plugin/plugins.hpp"

namespace pmx::test {
namespace {

namespace fs = std::filesystem;

std::string plugins_dir() {
    const char* dir = std::getenv("PMX_TEST_PLUGINS");
    return dir ? dir : "";
}

Graph graph_of(bool conflict) {
    Graph graph;
    graph.packages.resize(conflict ? 3 : 2);
    const char* ids[] = {"a@1.0.0", "b@1.0.0", "b@2.0.0"};
    for (std::size_t i = 0; i < graph.packages.size(); ++i) {
        graph.packages[i].id = ids[i];
        graph.packages[i].name = graph.packages[i].id.substr(0, 1);
    }
    graph.packages[0].first_edge = graph.packages[0].edge_count = 1;
    graph.edges = {{"a", 0, {}, EdgeKind::prod}, {"b", 1, {}, EdgeKind::prod}, {"b", 1, {}, EdgeKind::prod}};
    graph.projects = {{".", "root", 0, 1}};
    if (conflict) {
        graph.edges = {{"a", 0, {}, EdgeKind::prod}, {"b", 1, {}, EdgeKind::prod}, {"b", 2, {}, EdgeKind::prod}};
        graph.packages[0].first_edge = 2;
        graph.projects = {{".", "root", 0, 2}};
    }
    return graph;
}

TEST(Examples, TheFlatLayoutPlans) {
    Plugins plugins({{plugins_dir()}, false}, {});
    auto layout = plugins.layout("flat-layout", {});
    ASSERT_TRUE(layout) << to_string(layout.error());
    EXPECT_FALSE(layout->info().builtin);
    auto plan = layout->plan(graph_of(false));
    ASSERT_TRUE(plan) << to_string(plan.error());
    ASSERT_EQ(plan->places.size(), 2u);
    EXPECT_EQ(plan->places[0].dir, "node_modules/a");
    EXPECT_EQ(plan->places[1].dir, "node_modules/b");
    EXPECT_TRUE(plan->bins_are_symlinks);
}

TEST(Examples, TheFlatLayoutRefusesAConflict) {
    Plugins plugins({{plugins_dir()}, false}, {});
    auto layout = plugins.layout(plugins_dir() + "/flat-layout.so", {});
    ASSERT_TRUE(layout) << to_string(layout.error());
    auto plan = layout->plan(graph_of(true));
    ASSERT_FALSE(plan);
    EXPECT_THAT(to_string(plan.error()), ::testing::AllOf(::testing::HasSubstr("b@1.0.0"), ::testing::HasSubstr("b@2.0.0")));
}

TEST(Examples, TheFirstLayoutHoldsAConflict) {
    Plugins plugins({{plugins_dir()}, false}, {});
    auto layout = plugins.layout("first-layout", {{"slots", {".mine"}}});
    ASSERT_TRUE(layout) << to_string(layout.error());
    auto plan = layout->plan(graph_of(true));
    ASSERT_TRUE(plan) << to_string(plan.error());
    ASSERT_EQ(plan->places.size(), 3u);
    EXPECT_EQ(plan->places[2].dir, "node_modules/.mine/b@2.0.0/node_modules/b");
    ASSERT_EQ(plan->symlinks.size(), 3u);
    EXPECT_EQ(plan->symlinks[0].path, "node_modules/.mine/a@1.0.0/node_modules/b");
    EXPECT_EQ(plan->symlinks[0].target, "node_modules/.mine/b@2.0.0/node_modules/b");
    EXPECT_EQ(plan->symlinks[2].target, "node_modules/.mine/b@1.0.0/node_modules/b");
}

TEST(Examples, ThePlainImporterImports) {
    Metrics metrics;
    HostServices services;
    services.metrics = &metrics;
    Plugins plugins({{plugins_dir()}, false}, services);
    auto importer = plugins.importer("plain-importer", {});
    ASSERT_TRUE(importer) << to_string(importer.error());
    std::string pattern = ::testing::TempDir() + "pmx-examples-XXXXXX";
    std::string root = ::mkdtemp(pattern.data());
    fs::create_directories(root + "/from");
    fs::create_directories(root + "/to");
    std::ofstream(root + "/from/0") << "content";
    Fd from = *open_dir(AT_FDCWD, (root + "/from").c_str()), to = *open_dir(AT_FDCWD, (root + "/to").c_str());
    pmx_file file{{"0", 1}, {"a.js", 4}, 7, 0755, 0};
    pmx_import job{};
    job.size = sizeof job;
    job.file_size = sizeof file;
    job.source_fd = from.raw();
    job.target_fd = to.raw();
    job.files = &file;
    job.file_count = 1;
    std::size_t done = 0;
    auto result = importer->import(job, done);
    ASSERT_TRUE(result) << to_string(result.error());
    EXPECT_EQ(done, 1u);
    EXPECT_EQ(*read_file(to.raw(), "a.js"), "content");
    EXPECT_EQ(stat_at(to.raw(), "a.js").value()->mode & 07777, 0755u);
    EXPECT_EQ(metrics.files_copied, 1u);
    auto again = importer->import(job, done);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().sys, EEXIST);
    fs::remove_all(root);
}

}  // namespace
}  // namespace pmx::test
