#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/progress.hpp"
#include "cli/timing.hpp"

namespace pmx::test {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ReporterTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "pmx-reporter-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        settings_.root = root_ = name;
        settings_.values["virtual-store-dir"].items = {"node_modules/.pnpm"};
        settings_.values["store-dir"].items = {"/store"};
        std::ofstream(root_ + "/package.json") << "\xef\xbb\xbf{\n  \"name\": \"p\",\n  \"dependencies\": {\"a\": \"^1.0.0\"}\n}\n";
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    std::unique_ptr<Reporter> reporter(const std::string& kind, bool terminal = false) {
        settings_.values["reporter"].items = {kind};
        Screen screen{[this](std::string_view text) {
                          std::lock_guard lock(mutex_);
                          out_ += text;
                      },
                      terminal, false};
        return make_reporter(settings_, metrics_, std::move(screen));
    }
    std::string out() {
        std::lock_guard lock(mutex_);
        return out_;
    }
    // Every line is an object with the frame that all of pnpm's events have; the rest is what they say.
    std::vector<Json> events() {
        std::vector<Json> found;
        std::string text = out();
        for (std::size_t at = 0; at < text.size();) {
            std::size_t end = text.find('\n', at);
            Json event = Json::parse(text.substr(at, end - at));
            for (const char* key : {"time", "hostname", "pid", "name", "level"}) EXPECT_TRUE(event.contains(key)) << event;
            for (const char* key : {"time", "hostname", "pid"}) event.erase(key);
            found.push_back(std::move(event));
            at = end + 1;
        }
        return found;
    }

    static void whole_install(Reporter& to) {
        to.context("pnpm-lock.yaml", "isolated", "/store/v1", "node_modules/.pnpm", "stat");
        to.stage("importing_started");
        to.skipped_optional("only-arm@1.0.0", "unsupported_platform", "why");
        to.packages_found(2);
        for (const char* id : {"a@1.0.0(b@2.0.0)", "b@2.0.0"}) to.resolved(id);
        to.found_in_store("b@2.0.0");
        to.request_retry({"a@1.0.0(b@2.0.0)", "http://127.0.0.1:1/a/-/a-1.0.0.tgz", "the server answered 500", 1, 2, 500, 10});
        to.fetch_started("a@1.0.0(b@2.0.0)", 100);
        to.fetch_progress("a@1.0.0(b@2.0.0)", 100, 100);
        to.fetched("a@1.0.0(b@2.0.0)");
        to.import_method("reflink");
        to.imported("a@1.0.0(b@2.0.0)", "node_modules/.pnpm/a@1.0.0_b@2.0.0/node_modules/a", "reflink");
        to.imported("b@2.0.0", "node_modules/.pnpm/b@2.0.0/node_modules/b", "hardlink");
        to.stats(2, 1);
        to.root_dependency({".", "gone", "gone", "3.0.0", "dev", false});
        to.root_dependency({"packages/x", "al", "a", "1.0.0", "prod", true});
        to.stage("importing_done");
        to.ignored_scripts({});
    }

    Settings settings_;
    Metrics metrics_;
    std::string root_, out_;
    std::mutex mutex_;
};

TEST_F(ReporterTest, ndjson_speaks_as_pnpm_does) {
    auto ndjson = reporter("ndjson");
    whole_install(*ndjson);
    ndjson->finished({});
    const std::string p = root_;
    auto debug = [](const char* name, Json rest) {
        rest["name"] = name;
        rest["level"] = "debug";
        return rest;
    };
    const std::string url = "http://127.0.0.1:1/a/-/a-1.0.0.tgz";
    std::vector<Json> got = events();
    ASSERT_EQ(got.size(), 22u);
    Json end = got.back();
    EXPECT_EQ(end["name"], "pnpm:execution-time");
    EXPECT_LE(end["startedAt"], end["endedAt"]);
    const std::vector<Json> wanted{
        debug("pnpm:package-manifest", {{"prefix", p}, {"initial", {{"name", "p"}, {"dependencies", {{"a", "^1.0.0"}}}}}}),
        debug("pnpm:context", {{"currentLockfileExists", false}, {"storeDir", "/store/v1"}, {"virtualStoreDir", p + "/node_modules/.pnpm"}}),
        debug("pnpm:stage", {{"prefix", p}, {"stage", "importing_started"}}),
        {{"name", "pnpm"}, {"level", "info"}, {"message", "Lockfile is up to date, resolution step is skipped"}, {"prefix", p}},
        debug("pnpm:skipped-optional-dependency",
              {{"details", "why"}, {"package", {{"id", "only-arm@1.0.0"}, {"name", "only-arm"}, {"version", "1.0.0"}}}, {"prefix", p}, {"reason", "unsupported_platform"}}),
        debug("pnpm:progress", {{"status", "resolved"}, {"packageId", "a@1.0.0"}, {"requester", p}}),
        debug("pnpm:progress", {{"status", "resolved"}, {"packageId", "b@2.0.0"}, {"requester", p}}),
        debug("pnpm:progress", {{"status", "found_in_store"}, {"packageId", "b@2.0.0"}, {"requester", p}}),
        debug("pnpm:request-retry", {{"attempt", 1}, {"error", {{"message", "the server answered 500"}, {"httpStatusCode", "500"}}}, {"maxRetries", 2},
                                     {"method", "GET"}, {"timeout", 10}, {"url", url}}),
        debug("pnpm:fetching-progress", {{"status", "started"}, {"attempt", 2}, {"packageId", "a@1.0.0"}, {"size", 100}}),
        debug("pnpm:progress", {{"status", "fetched"}, {"packageId", "a@1.0.0"}, {"requester", p}}),
        debug("pnpm:package-import-method", {{"method", "clone"}}),
        debug("pnpm:progress", {{"status", "imported"}, {"method", "clone"}, {"requester", p}, {"to", p + "/node_modules/.pnpm/a@1.0.0_b@2.0.0/node_modules/a"}}),
        debug("pnpm:progress", {{"status", "imported"}, {"method", "hardlink"}, {"requester", p}, {"to", p + "/node_modules/.pnpm/b@2.0.0/node_modules/b"}}),
        debug("pnpm:stats", {{"prefix", p}, {"added", 2}}),
        debug("pnpm:stats", {{"prefix", p}, {"removed", 1}}),
        debug("pnpm:root", {{"prefix", p}, {"removed", {{"name", "gone"}, {"version", "3.0.0"}, {"dependencyType", "dev"}}}}),
        debug("pnpm:root", {{"prefix", p + "/packages/x"}, {"added", {{"name", "al"}, {"realName", "a"}, {"version", "1.0.0"}, {"dependencyType", "prod"}}}}),
        debug("pnpm:stage", {{"prefix", p}, {"stage", "importing_done"}}),
        debug("pnpm:ignored-scripts", {{"packageNames", Json::array()}}),
        debug("pnpm:summary", {{"prefix", p}}),
    };
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(got[i], wanted[i]) << i;
}

TEST_F(ReporterTest, ndjson_of_a_run_with_nothing_to_do_has_the_same_frame) {
    auto ndjson = reporter("ndjson");
    InstallReport report;
    report.up_to_date = true;
    ndjson->finished(report);
    std::vector<std::string> names;
    for (const Json& event : events()) names.push_back(event["name"]);
    EXPECT_THAT(names, ElementsAre("pnpm:package-manifest", "pnpm:context", "pnpm:stage", "pnpm", "pnpm:stage", "pnpm", "pnpm:summary", "pnpm:execution-time"));
}

TEST_F(ReporterTest, ndjson_of_scripts_errors_and_hostile_text) {
    auto ndjson = reporter("ndjson");
    ndjson->script_started(".", "postinstall", "echo hi", root_);
    ndjson->script_line(".", "postinstall", "h\xff\x1b[2J\"\n", true);
    ndjson->script_ended(".", "postinstall", 3);
    ndjson->script_started("a@1.0.0", "install", "x", root_ + "/node_modules/a");
    ndjson->warning("careful");
    ndjson->explain("never told");
    ndjson->failed(fail(Code::INTEGRITY, "bad bytes", "a@1.0.0", "look").value());
    auto got = events();
    ASSERT_EQ(got.size(), 7u);
    EXPECT_EQ(got[0], Json({{"name", "pnpm:lifecycle"}, {"level", "debug"}, {"depPath", root_}, {"optional", false}, {"script", "echo hi"}, {"stage", "postinstall"}, {"wd", root_}}));
    EXPECT_EQ(got[1]["depPath"], root_);
    EXPECT_EQ(got[1]["stdio"], "stderr");
    EXPECT_EQ(got[2]["exitCode"], 3);
    EXPECT_EQ(got[3]["depPath"], "a@1.0.0");
    EXPECT_EQ(got[4]["level"], "warn");
    EXPECT_EQ(got[5]["code"], "PMX_E_INTEGRITY");
    EXPECT_EQ(got[5]["level"], "error");
    EXPECT_EQ(got[5]["hint"], "look");
}

TEST_F(ReporterTest, ndjson_tells_the_bytes_of_large_archives_only) {
    auto ndjson = reporter("ndjson");
    constexpr std::uint64_t kLarge = 6u << 20;
    ndjson->fetch_progress("small@1.0.0", 5, 10);
    ndjson->fetch_progress("unknown@1.0.0", 5, UINT64_MAX);
    for (int i = 1; i <= 50; ++i) ndjson->fetch_progress("large@1.0.0", static_cast<std::uint64_t>(i), kLarge);
    ndjson->fetch_progress("large@1.0.0", kLarge, kLarge);
    ndjson->finished({});
    std::vector<std::uint64_t> bytes;
    for (const Json& event : events())
        if (event.value("status", "") == "in_progress") bytes.push_back(event["downloaded"]);
    ASSERT_GE(bytes.size(), 2u);
    EXPECT_LT(bytes.size(), 51u);
    EXPECT_EQ(bytes.front(), 1u);
    EXPECT_EQ(bytes.back(), kLarge);
}

TEST_F(ReporterTest, many_threads_make_whole_lines) {
    auto ndjson = reporter("ndjson");
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 200; ++i) ndjson->fetched("p@1.0.0"), ndjson->imported("p@1.0.0", "node_modules/p", "copy");
        });
    for (std::thread& thread : threads) thread.join();
    ndjson->finished({});
    auto got = events();
    EXPECT_EQ(std::count_if(got.begin(), got.end(), [](const Json& e) { return e["name"] == "pnpm:progress"; }), 3200);
}

TEST_F(ReporterTest, plain_lines_where_nothing_can_be_redrawn) {
    auto lines = reporter("default");
    whole_install(*lines);
    lines->warning("a \x1b[31mred\x1b[0m lie");
    InstallReport report;
    report.added = 2, report.removed = 1, report.warm = 1, report.cold = 1;
    lines->finished(report);
    EXPECT_THAT(out(), HasSubstr("pnpm-lock.yaml, linker isolated, check stat, store /store/v1\npackages found 2\n"));
    EXPECT_THAT(out(), HasSubstr("warning cannot fetch a@1.0.0(b@2.0.0): the server answered 500; try 2 of 3 in 10 ms: http://127.0.0.1:1/"));
    EXPECT_THAT(out(), HasSubstr("added 2, removed 1 · warm 1, cold 1 · "));
    EXPECT_THAT(out(), Not(HasSubstr("\x1b")));
    EXPECT_THAT(out(), Not(HasSubstr("\r")));
}

TEST_F(ReporterTest, a_dead_registry_is_no_wall_of_warnings) {
    auto lines = reporter("default");
    for (int i = 0; i < 100; ++i) lines->request_retry({"p@1.0.0", "http://127.0.0.1:1/p", "cannot connect", 1, 2, 0, 10});
    std::string text = out();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
    EXPECT_THAT(text, HasSubstr("--loglevel debug"));
}

TEST_F(ReporterTest, what_is_told_follows_the_loglevel) {
    settings_.values["loglevel"].items = {"warn"};
    auto lines = reporter("default");
    whole_install(*lines);
    lines->warning("careful");
    lines->finished({});
    EXPECT_THAT(out(), HasSubstr("warning careful\n"));
    EXPECT_THAT(out(), Not(HasSubstr("packages found")));
    out_.clear();
    settings_.values["loglevel"].items = {"error"};
    lines = reporter("default");
    whole_install(*lines);
    lines->warning("careful");
    lines->finished({});
    EXPECT_EQ(out(), "");
    lines->failed(fail(Code::IO, "no", "x", "try").value());
    EXPECT_EQ(out(), "PMX_E_IO  no: x\n  try\n");
}

TEST_F(ReporterTest, the_live_line_is_gone_before_anything_else_is_written) {
    auto live = reporter("default", true);
    live->context("pnpm-lock.yaml", "isolated", "/store/v1", "node_modules/.pnpm", "stat");
    live->packages_found(7);
    live->fetch_progress("a@1.0.0", 2000, 4000);
    // It ticks while nothing happens.
    auto frames = [&] {
        std::size_t count = 0;
        std::string text = out();
        for (std::size_t at = 0; (at = text.find("packages found 7", at)) != text.npos; ++at) ++count;
        return count;
    };
    while (frames() < 3) std::this_thread::yield();
    EXPECT_THAT(out(), HasSubstr("· 2.0 kB ·"));
    live->warning("careful");
    live->failed(fail(Code::FETCH, "no", "x", "try").value());
    std::string text = out();
    EXPECT_THAT(text, HasSubstr("\r\x1b[Kwarning careful\n"));
    EXPECT_TRUE(text.ends_with("\nPMX_E_FETCH  no: x\n  try\n") || text.ends_with("\r\x1b[KPMX_E_FETCH  no: x\n  try\n")) << text;
}

TEST_F(ReporterTest, silent_says_errors_only) {
    auto silent = reporter("silent", true);
    whole_install(*silent);
    silent->warning("careful");
    silent->finished({});
    EXPECT_EQ(out(), "");
    silent->failed(fail(Code::IO, "no", "x", "try").value());
    EXPECT_EQ(out(), "PMX_E_IO  no: x\n  try\n");
}

TEST_F(ReporterTest, append_only_never_redraws) {
    auto plain = reporter("append-only", true);
    whole_install(*plain);
    plain->finished({});
    EXPECT_THAT(out(), Not(HasSubstr("\x1b")));
}

TEST(Timing, table_json_and_trace_say_the_same) {
    Metrics metrics;
    metrics.trace = true;
    { StageTimer timer(metrics, Stage::fetch, "a@1.0.0", 2); }
    { StageTimer timer(metrics, Stage::fetch, "b\"@1.0.0", 3); }
    { StageTimer timer(metrics, Stage::link, "a@1.0.0", 0); }
    metrics.cold = 2;
    metrics.files_linked = 17;
    InstallReport report;
    report.linker = "isolated", report.check = "stat", report.lockfile = "pnpm-lock.yaml", report.warm = 1, report.cold = 2;

    std::string table = timing_table(metrics, report);
    EXPECT_THAT(table, HasSubstr("\nfetch "));
    EXPECT_THAT(table, HasSubstr("\nlink "));
    EXPECT_THAT(table, Not(HasSubstr("\nunpack ")));
    EXPECT_THAT(table, HasSubstr("warm=1 cold=2 · check stat · linker isolated"));
    EXPECT_THAT(table, HasSubstr("files_linked"));
    EXPECT_THAT(table, HasSubstr("system calls:"));

    Json json = Json::parse(timing_json(metrics, report));
    EXPECT_EQ(json["stages"]["fetch"]["tasks"], 2);
    EXPECT_EQ(json["stages"]["link"]["tasks"], 1);
    for (const char* key : {"begin_ms", "wall_ms", "sum_ms", "max_ms", "wait_ms", "running_high_water", "queued_high_water"})
        EXPECT_TRUE(json["stages"]["fetch"].contains(key)) << key;
    EXPECT_LE(json["stages"]["fetch"]["max_ms"], json["stages"]["fetch"]["sum_ms"]);
    EXPECT_EQ(json["counters"]["cold"], 2);
    EXPECT_EQ(json["counters"]["files_linked"], 17);
    EXPECT_EQ(json["check"], "stat");
    EXPECT_EQ(json["up_to_date"], false);
    EXPECT_TRUE(json["syscalls"].is_object());

    Json trace = Json::parse(timing_trace(metrics));
    std::size_t spans = 0, tracks = 0;
    for (const Json& event : trace["traceEvents"]) {
        if (event["ph"] == "X") {
            ++spans;
            EXPECT_GE(event["dur"], 0);
            EXPECT_TRUE(event["name"] == "a@1.0.0" || event["name"] == "b\"@1.0.0");
            EXPECT_TRUE(event["cat"] == "fetch" || event["cat"] == "link");
        } else {
            ++tracks;
            EXPECT_EQ(event["name"], "thread_name");
        }
    }
    EXPECT_EQ(spans, 3u);
    EXPECT_EQ(tracks, 3u);
}

}  // namespace
}  // namespace pmx::test
