#include <filesystem>
#include <thread>

#include "plugin/support.hpp"

namespace pmx::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Graph three_packages() {
    Graph graph;
    graph.packages.resize(3);
    const char* names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; ++i) {
        graph.packages[i].name = names[i];
        graph.packages[i].id = graph.arena.copy(std::string(names[i]) + "@1.0.0");
    }
    graph.packages[2].skipped = true;
    graph.projects.push_back({".", "root", 0, 0});
    graph.projects.push_back({"packages/p", "p", 0, 0});
    return graph;
}

Result<Plan> plan_of(const char* what, Bench& bench) {
    Plugins plugins = bench.plugins();
    auto layout = plugins.layout("odd-layout", {{"do", {what}}});
    if (!layout) return Failure(layout.error());
    return layout->plan(three_packages());
}

TEST(LayoutHandle, StepsComeOutSorted) {
    Bench bench;
    auto plan = plan_of("flat", bench);
    ASSERT_TRUE(plan) << to_string(plan.error());
    ASSERT_EQ(plan->places.size(), 2u);
    EXPECT_EQ(plan->places[0].dir, "node_modules/a");
    EXPECT_EQ(plan->places[1].dir, "node_modules/b");
    ASSERT_EQ(plan->bins.size(), 2u);
    EXPECT_EQ(plan->places[plan->bins[0].place].package, 0u);
    EXPECT_EQ(plan->bins[1].alias, "b");
    EXPECT_EQ(plan->places[plan->bins[1].place].package, 1u);
}

TEST(LayoutHandle, ParentsComeFirstAndKnowThatTheyAreShared) {
    Bench bench;
    auto plan = plan_of("nested", bench);
    ASSERT_TRUE(plan) << to_string(plan.error());
    ASSERT_EQ(plan->places.size(), 2u);
    EXPECT_EQ(plan->places[0].dir, "node_modules/a");
    EXPECT_TRUE(plan->places[0].has_nested);
    EXPECT_FALSE(plan->places[1].has_nested);
    EXPECT_EQ(plan->bins[0].place, 0u);
}

TEST(LayoutHandle, BadStepsFailThePlan) {
    struct Case {
        const char* what;
        Code code;
        const char* says;
    };
    for (const Case& c : {
             Case{"absolute", Code::UNSAFE_PATH, "/etc"},
             {"outside", Code::UNSAFE_PATH, "outside node_modules"},
             {"dotdot", Code::UNSAFE_PATH, ".."},
             {"ignored", Code::UNSAFE_PATH, "../out"},
             {"range", Code::PLUGIN_FAILED, "1000"},
             {"root", Code::PLUGIN_FAILED, "root 4"},
             {"skipped", Code::PLUGIN_FAILED, "c@1.0.0"},
             {"project", Code::PLUGIN_FAILED, "not/a/project"},
             {"no-place", Code::PLUGIN_FAILED, "place"},
             {"alias", Code::PLUGIN_FAILED, "not safe"},
             {"two", Code::PLUGIN_FAILED, "two packages in one directory"},
             {"among-files", Code::PLUGIN_FAILED, "among the files of another package"},
             {"below-link", Code::PLUGIN_FAILED, "below a symbolic link"},
             {"link-on-place", Code::PLUGIN_FAILED, "a package and a symbolic link"},
             {"two-links", Code::PLUGIN_FAILED, "two symbolic links"},
             {"throw-int", Code::PLUGIN_FAILED, "threw something"},
         }) {
        Bench bench;
        auto plan = plan_of(c.what, bench);
        ASSERT_FALSE(plan) << c.what;
        EXPECT_EQ(plan.error().code, c.code) << c.what << ": " << to_string(plan.error());
        EXPECT_THAT(to_string(plan.error()), AllOf(HasSubstr(c.says), HasSubstr("odd-layout"))) << c.what;
    }
}

TEST(LayoutHandle, AProjectOfTheGraphMayBeLinked) {
    Bench bench;
    auto plan = plan_of("link", bench);
    ASSERT_TRUE(plan) << to_string(plan.error());
    ASSERT_EQ(plan->symlinks.size(), 1u);
    EXPECT_TRUE(plan->symlinks[0].to_project);
    EXPECT_EQ(plan->symlinks[0].target, "packages/p");
}

TEST(LayoutHandle, UnsafeNamesNeverReachALayout) {
    Bench bench;
    Plugins plugins = bench.plugins();
    auto layout = plugins.layout("odd-layout", {});
    ASSERT_TRUE(layout);
    Graph graph = three_packages();
    graph.edges.push_back({"../../x", 0, {}, EdgeKind::prod});
    auto plan = layout->plan(graph);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, Code::UNSAFE_PATH);
}

TEST(LayoutHandle, CancellationIsSeen) {
    Bench bench;
    bench.cancel.set();
    auto plan = plan_of("cancelled", bench);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, Code::CANCELLED);
}

TEST(ImporterHandle, StatusesBecomeResults) {
    struct Case {
        const char* end;
        Code code;
        const char* says;
    };
    for (const Case& c : {
             Case{"lie", Code::PLUGIN_FAILED, "0 of 3"},
             {"too-many", Code::PLUGIN_FAILED, "8 of 3"},
             {"full", Code::DISK_FULL, "some/file"},
             {"denied", Code::IO, "some/file"},
             {"unknown-status", Code::PLUGIN_FAILED, "it went wrong"},
             {"silent", Code::PLUGIN_FAILED, "odd-importer"},
             {"twice", Code::IO, "the second"},
         }) {
        Bench bench;
        Plugins plugins = bench.plugins();
        auto importer = plugins.importer("odd-importer", {{"end", {c.end}}});
        ASSERT_TRUE(importer);
        pmx_import job{};
        job.file_count = 3;
        std::size_t done = 77;
        auto result = importer->import(job, done);
        ASSERT_FALSE(result) << c.end;
        EXPECT_EQ(result.error().code, c.code) << c.end;
        EXPECT_THAT(to_string(result.error()), HasSubstr(c.says)) << c.end;
        EXPECT_LE(done, 3u);
        EXPECT_EQ(bench.told.size(), c.end == std::string_view("twice") ? 1u : 0u);
    }
}

TEST(ImporterHandle, UnsupportedIsNoError) {
    Bench bench;
    Plugins plugins = bench.plugins();
    auto importer = plugins.importer("odd-importer", {{"end", {"unsupported"}}});
    ASSERT_TRUE(importer);
    pmx_import job{};
    job.file_count = 3;
    std::size_t done = 0;
    auto result = importer->import(job, done);
    ASSERT_TRUE(result);
    EXPECT_EQ(*result, PMX_UNSUPPORTED);
    EXPECT_EQ(done, 0u);
}

class FetcherHandle : public ::testing::Test {
  protected:
    Result<FetchResponse> fetch(const std::string& url, std::uint64_t limit = 1 << 20) {
        Plugins plugins = bench.plugins();
        auto fetcher = plugins.fetcher("odd-fetcher", {});
        EXPECT_TRUE(fetcher);
        int calls = 0;
        Result<FetchResponse> result = fail(Code::INTERNAL, "done was not called");
        FetchRequest request;
        request.url = url;
        request.subject = "left-pad@1.3.0";
        request.size_limit = limit;
        fetcher->fetch(std::move(request), [&](Result<FetchResponse> got) {
            ++calls;
            result = std::move(got);
        });
        EXPECT_EQ(calls, 1) << url;
        return result;
    }
    Bench bench;
};

TEST_F(FetcherHandle, TakesItsSchemesOnly) {
    Plugins plugins = bench.plugins();
    auto fetcher = plugins.fetcher("odd-fetcher", {});
    ASSERT_TRUE(fetcher);
    EXPECT_TRUE(fetcher->takes("odd://x"));
    EXPECT_TRUE(fetcher->takes("ODDS://x"));
    EXPECT_FALSE(fetcher->takes("od://x"));
    EXPECT_FALSE(fetcher->takes("odd"));
    EXPECT_FALSE(fetcher->takes(""));
    EXPECT_TRUE(fetcher->is_blocking());
}

TEST_F(FetcherHandle, ABodyArrivesWhole) {
    for (const char* url : {"odd://plain", "odd://restart"}) {
        auto response = fetch(url);
        ASSERT_TRUE(response) << to_string(response.error());
        EXPECT_EQ(response->body, "the body");
        EXPECT_EQ(response->status, 200u);
    }
    EXPECT_TRUE(bench.told.empty());
}

TEST_F(FetcherHandle, CompletingTwiceIsADiagnosticAndTheFirstResultStands) {
    auto response = fetch("odd://twice");
    ASSERT_TRUE(response);
    EXPECT_EQ(response->body, "the body");
    ASSERT_FALSE(bench.told.empty());
    EXPECT_THAT(bench.told[0].what, AllOf(HasSubstr("complete"), HasSubstr("PMX_E_PLUGIN_FAILED")));
    EXPECT_EQ(bench.told[0].subject, "left-pad@1.3.0");
    bench.told.clear();
    EXPECT_TRUE(fetch("odd://both"));
    EXPECT_EQ(bench.told.size(), 1u);
}

TEST_F(FetcherHandle, StatusesBecomeCodes) {
    struct Case {
        const char* url;
        Code code;
    };
    for (const Case& c : {Case{"odd://missing", Code::FETCH_NOT_FOUND},
                          {"odd://denied", Code::FETCH_AUTH},
                          {"odd://down", Code::FETCH},
                          {"odd://refuse", Code::FETCH},
                          {"odd://odd-status", Code::PLUGIN_FAILED},
                          {"odd://never", Code::PLUGIN_FAILED},
                          {"odd://no-head", Code::PLUGIN_FAILED},
                          {"odd://lies", Code::FETCH},
                          {"odd://bomb", Code::FETCH},
                          {"odd://greedy", Code::PLUGIN_FAILED}}) {
        auto response = fetch(c.url);
        ASSERT_FALSE(response) << c.url;
        EXPECT_EQ(response.error().code, c.code) << c.url << ": " << to_string(response.error());
    }
}

TEST_F(FetcherHandle, ABodyOfExactlyTheLimitPasses) {
    EXPECT_TRUE(fetch("odd://plain", 8));
    auto response = fetch("odd://plain", 7);
    ASSERT_FALSE(response);
    EXPECT_THAT(response.error().what, HasSubstr("longer than"));
}

TEST(ValidatorHandle, ServicesWork) {
    Bench bench;
    std::uint64_t ioctls = sys_counters().n[static_cast<unsigned>(Sys::ioctl)];
    HostServices services;
    services.executor_width = 4;
    services.parallel_for = [](std::size_t count, const std::function<void(std::size_t)>& body) {
        std::vector<std::thread> threads;
        for (std::size_t t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (std::size_t i = t; i < count; i += 4) body(i);
            });
        for (auto& thread : threads) thread.join();
    };
    services.scratch_parent = ::testing::TempDir() + "pmx-scratch-test";
    services.authorization = [](std::string_view) { return std::string("Bearer x"); };
    services.transport = [](std::string_view, std::string_view key) { return "," + std::string(key); };
    {
        Plugins plugins = bench.plugins(std::move(services));
        auto validator = plugins.validator("odd-validator", {});
        ASSERT_TRUE(validator);
        EXPECT_FALSE(validator->checks_archives());
        EXPECT_FALSE(validator->checks_objects());
        EXPECT_TRUE(validator->checks_manifests());
        pmx_manifest manifest{};
        manifest.name = {"fine", 4};
        auto verdict = validator->check_manifest(manifest);
        ASSERT_TRUE(verdict) << to_string(verdict.error());
        ASSERT_EQ(bench.told.size(), 1u);
        EXPECT_EQ(bench.told[0].what, "Bearer x,proxy");
        EXPECT_TRUE(std::filesystem::exists(bench.told[0].subject));
        EXPECT_EQ(bench.metrics.requests, 2u);
        EXPECT_EQ(sys_counters().n[static_cast<unsigned>(Sys::ioctl)], ioctls + 3);
        EXPECT_EQ(plugins.counters().at("own_number"), 5u);
        EXPECT_EQ(plugins.counters().at("own_peak"), 9u);
        EXPECT_EQ(bench.log, std::vector<std::string>{"a line"});
    }
    EXPECT_FALSE(std::filesystem::exists(bench.told[0].subject));
}

TEST(ValidatorHandle, ARefusedManifestIsPolicy) {
    Bench bench;
    Plugins plugins = bench.plugins();
    auto validator = plugins.validator("odd-validator", {});
    ASSERT_TRUE(validator);
    pmx_manifest manifest{};
    manifest.name = {"forbidden", 9};
    auto verdict = validator->check_manifest(manifest);
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().code, Code::POLICY);
    EXPECT_EQ(verdict.error().remedy, "ask for an exception");
}

}  // namespace
}  // namespace pmx::test
