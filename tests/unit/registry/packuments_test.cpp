#include "registry/packuments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include <unistd.h>

#include "registry/pack.hpp"
#include "registry/packument_errors.hpp"

namespace pmx {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kRegistry = "https://registry.example/npm/";
constexpr const char* kOld = "2020-01-01T00:00:00.000Z";
constexpr const char* kCutoff = "2022-01-01T00:00:00.000Z";
constexpr const char* kYoung = "2023-01-01T00:00:00.000Z";

struct Seen {
    std::string url, accept, accept_encoding, if_none_match, if_modified_since;
};

// A registry made of functions; answers at once, or when told.
struct FakeRegistry {
    std::function<Result<MetadataAnswer>(const MetadataRequest&)> answer;
    std::vector<Seen> seen;
    std::mutex mutex;
    bool hold = false;
    std::vector<std::function<void()>> held;

    SendRequest sender() {
        return [this](MetadataRequest request, std::function<void(Result<MetadataAnswer>)> done) {
            Seen one{request.url, "", "", "", ""};
            for (const auto& [name, value] : request.headers)
                (name == "accept"            ? one.accept
                 : name == "accept-encoding" ? one.accept_encoding
                 : name == "if-none-match"   ? one.if_none_match
                                             : one.if_modified_since) = value;
            std::unique_lock lock(mutex);
            seen.push_back(one);
            auto result = answer(request);
            if (hold) return held.push_back([done = std::move(done), result] { done(result); });
            lock.unlock();
            done(std::move(result));
        };
    }
};

std::string document(std::string_view version, std::string_view modified = kOld, bool times = false) {
    std::string v(version), m(modified);
    return R"({"name":"w","dist-tags":{"latest":")" + v + R"("},"modified":")" + m + R"(","versions":{")" + v + R"(":{"deprecated":"because","dist":{"integrity":"sha512-x"}}})" +
           (times ? R"(,"time":{"modified":")" + m + R"(",")" + v + R"(":")" + m + "\"}" : "") + "}";
}

MetadataAnswer ok(std::string body, std::string etag = {}, std::string last_modified = {}) {
    MetadataAnswer answer{200, {}, std::move(body)};
    if (!etag.empty()) answer.headers.emplace_back("ETag", etag);
    if (!last_modified.empty()) answer.headers.emplace_back("Last-Modified", last_modified);
    return answer;
}

bool is_full(const MetadataRequest& request) { return request.headers.at(0).second.find("install-v1") == std::string::npos; }

class PackumentsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        char path[] = "/tmp/pmx-packuments-XXXXXX";
        dir = ::mkdtemp(path);
        settings.values["registry"].items = {kRegistry};
        registry.answer = [](const MetadataRequest&) { return ok(document("1.0.0"), "\"one\""); };
    }
    void TearDown() override { fs::remove_all(dir); }

    PackumentsOptions cached() const {
        PackumentsOptions options;
        options.cache_dir = dir + "/cache";
        return options;
    }
    // The versions that a run of its own gets.
    std::string ask(PackumentsOptions options, std::string_view name = "w") {
        Packuments packuments(settings, std::move(options), registry.sender());
        auto& answer = packuments.get(name);
        if (!answer) return std::string(code_name(answer.error().code));
        last = *answer;
        return std::string((*answer)->tag("latest"));
    }
    Error refused(std::uint32_t status, std::string_view name = "w") {
        registry.answer = [status](const MetadataRequest&) { return MetadataAnswer{status, {}, "{}"}; };
        Packuments packuments(settings, {}, registry.sender());
        auto& answer = packuments.get(name);
        EXPECT_FALSE(answer);
        return answer ? Error{} : answer.error();
    }
    std::vector<std::string> files() const {
        std::vector<std::string> list;
        if (fs::exists(dir))
            for (const auto& entry : fs::recursive_directory_iterator(dir))
                if (entry.is_regular_file()) list.push_back(fs::relative(entry.path(), dir).string());
        std::sort(list.begin(), list.end());
        return list;
    }

    std::string dir;
    Settings settings;
    FakeRegistry registry;
    std::shared_ptr<const Packument> last;
};

TEST_F(PackumentsTest, AsksOnceHoweverManyWant) {
    registry.hold = true;
    std::atomic<int> arrived{0};
    {
        Packuments packuments(settings, {}, registry.sender());
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] { packuments.want("w", {}, [&](const Packuments::Answer& answer) { arrived += answer.has_value(); }); });
        for (auto& thread : threads) thread.join();
        ASSERT_EQ(registry.held.size(), 1u);
        EXPECT_EQ(arrived, 0);
        registry.held[0]();
        EXPECT_TRUE(packuments.get("w"));
        packuments.want("w", {}, [&](const Packuments::Answer&) { ++arrived; });
        EXPECT_EQ(packuments.counters().requests, 1u);
        EXPECT_EQ(packuments.counters().names, 1u);
    }
    EXPECT_EQ(arrived, 9);
    EXPECT_EQ(registry.seen.size(), 1u);
}

TEST_F(PackumentsTest, ALongChainNeedsNoDeepStack) {
    int left = 20'000;
    std::function<void(const Packuments::Answer&)> next;
    {
        Packuments packuments(settings, {}, registry.sender());
        next = [&](const Packuments::Answer&) {
            if (--left > 0) packuments.want("w" + std::to_string(left), {}, next);
        };
        packuments.want("w", {}, next);
    }
    EXPECT_EQ(left, 0);
}

TEST_F(PackumentsTest, ErrorsAreRememberedToo) {
    registry.answer = [](const MetadataRequest&) { return MetadataAnswer{404, {}, ""}; };
    Packuments packuments(settings, {}, registry.sender());
    EXPECT_FALSE(packuments.get("w"));
    EXPECT_FALSE(packuments.get("w"));
    EXPECT_EQ(registry.seen.size(), 1u);
}

TEST_F(PackumentsTest, ScopesAndRegistriesMakeTheAddress) {
    settings.scoped_registries["@acme"] = "https://npm.acme.example/";
    Packuments packuments(settings, {}, registry.sender());
    packuments.get("left-pad");
    packuments.get("@babel/core");
    packuments.get("@acme/x");
    packuments.get("@jsr/std__path", "https://jsr.example");
    std::vector<std::string> urls;
    for (const auto& one : registry.seen) urls.push_back(one.url);
    EXPECT_THAT(urls, ElementsAre("https://registry.example/npm/left-pad", "https://registry.example/npm/@babel%2fcore",
                                  "https://npm.acme.example/@acme%2fx", "https://jsr.example/@jsr%2fstd__path"));
    EXPECT_THAT(registry.seen[0].accept, "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*");
}

TEST_F(PackumentsTest, UnsafeNamesAreNotAskedFor) {
    Packuments packuments(settings, cached(), registry.sender());
    for (const char* name : {"", "..", "../evil", "a/b", "@scope", "@/x", "@s/..", "@../x", "a\\..\\b", ".hidden", "node_modules", "a\nb", "@s/a/b", "/etc"}) {
        auto& answer = packuments.get(name);
        ASSERT_FALSE(answer) << name;
        EXPECT_EQ(answer.error().code, Code::UNSAFE_PATH) << name;
    }
    EXPECT_TRUE(registry.seen.empty());
    EXPECT_EQ(PackumentFile::relative_path("https://..", "w", false), "packuments/_../w.short");
    EXPECT_THAT(PackumentFile::relative_path("http://h:1/../../x?y", "@s/w", true), "packuments/http%3A%2F%2Fh%3A1%2F..%2F..%2Fx%3Fy/@s/w.full");
    EXPECT_EQ(PackumentFile::relative_path("https://h", "../w", false), "");
    EXPECT_LT(PackumentFile::relative_path("https://" + std::string(5000, 'h'), "w", false).size(), 100u);
}

TEST_F(PackumentsTest, WhatIsCachedIsRevalidated) {
    EXPECT_EQ(ask(cached()), "1.0.0");
    EXPECT_THAT(files(), ElementsAre("cache/packuments/registry.example%2Fnpm/w.short"));
    registry.answer = [](const MetadataRequest&) { return MetadataAnswer{304, {}, ""}; };
    EXPECT_EQ(ask(cached()), "1.0.0");
    EXPECT_EQ(registry.seen.at(1).if_none_match, "\"one\"");
    EXPECT_EQ(last->manifest(0)->deprecated, "because");
    EXPECT_EQ(last->manifest(0)->manifest.name, "w");
    EXPECT_TRUE(last->is_deprecated(0));
    EXPECT_EQ(last->modified(), kOld);

    registry.answer = [](const MetadataRequest&) { return ok(document("2.0.0"), {}, "Mon, 01 Jan 2024 00:00:00 GMT"); };
    EXPECT_EQ(ask(cached()), "2.0.0");
    EXPECT_EQ(ask(cached()), "2.0.0");
    EXPECT_EQ(registry.seen.at(3).if_none_match, "");
    EXPECT_EQ(registry.seen.at(3).if_modified_since, "Mon, 01 Jan 2024 00:00:00 GMT");
}

TEST_F(PackumentsTest, A304ForNothingIsAnError) {
    registry.answer = [](const MetadataRequest&) { return MetadataAnswer{304, {}, ""}; };
    EXPECT_EQ(ask(cached()), "PMX_E_FETCH");
}

TEST_F(PackumentsTest, OfflineAndPreferOfflineUseTheCache) {
    PackumentsOptions offline = cached(), prefer = cached(), recent = cached();
    offline.offline = prefer.prefer_offline = true;
    recent.fresh_for_ms = 60'000;
    EXPECT_EQ(ask(offline), "PMX_E_OFFLINE");
    EXPECT_EQ(registry.seen.size(), 0u);
    EXPECT_EQ(ask(prefer), "1.0.0");
    EXPECT_EQ(registry.seen.size(), 1u);
    EXPECT_EQ(ask(offline), "1.0.0");
    EXPECT_EQ(ask(prefer), "1.0.0");
    EXPECT_EQ(ask(recent), "1.0.0");
    EXPECT_EQ(registry.seen.size(), 1u);
    EXPECT_EQ(ask(cached()), "1.0.0");
    EXPECT_EQ(registry.seen.size(), 2u);
}

TEST_F(PackumentsTest, AYoungDocumentIsAskedForWhole) {
    registry.answer = [](const MetadataRequest& request) {
        return is_full(request) ? ok(document("2.0.0", kYoung, true), "\"full\"") : ok(document("2.0.0", kYoung), "\"short\"");
    };
    PackumentsOptions options = cached();
    options.ages_before = kCutoff;
    options.reuse_until_cutoff = true;
    EXPECT_EQ(ask(options), "2.0.0");
    EXPECT_TRUE(last->has_times());
    EXPECT_EQ(last->time("2.0.0"), kYoung);
    ASSERT_EQ(registry.seen.size(), 2u);
    EXPECT_EQ(registry.seen[1].accept, "application/json; q=1.0, */*");

    // Both were fetched after the cutoff: what is newer would be too young.
    EXPECT_EQ(ask(options), "2.0.0");
    EXPECT_EQ(last->time("2.0.0"), kYoung);
    EXPECT_EQ(registry.seen.size(), 2u);
    // Unless ages do not matter for this one, or everything is to be asked for.
    PackumentsOptions other = options;
    other.any_age = [](std::string_view) { return true; };
    EXPECT_EQ(ask(other), "2.0.0");
    EXPECT_EQ(registry.seen.size(), 3u);
    options.revalidate = options.prefer_offline = true;
    EXPECT_EQ(ask(options), "2.0.0");
    EXPECT_EQ(registry.seen.size(), 4u);
}

TEST_F(PackumentsTest, WhatWasTooYoungToTellIsNotAskedForInShortAgain) {
    constexpr const char* later = "2999-06-01T00:00:00.000Z";
    registry.answer = [](const MetadataRequest& request) {
        return is_full(request) ? ok(document("2.0.0", later, true), "\"full\"") : ok(document("2.0.0", later), "\"short\"");
    };
    PackumentsOptions options = cached();
    options.ages_before = "2999-01-01T00:00:00.000Z";
    EXPECT_EQ(ask(options), "2.0.0");
    EXPECT_EQ(registry.seen.size(), 2u);
    registry.answer = [](const MetadataRequest&) { return MetadataAnswer{304, {}, ""}; };
    EXPECT_EQ(ask(options), "2.0.0");
    EXPECT_EQ(last->time("2.0.0"), later);
    ASSERT_EQ(registry.seen.size(), 3u);
    EXPECT_EQ(registry.seen[2].if_none_match, "\"full\"");
}

TEST_F(PackumentsTest, AnOldDocumentTellsEnough) {
    registry.answer = [](const MetadataRequest&) { return ok(document("1.0.0", kCutoff)); };
    PackumentsOptions options;
    options.ages_before = kCutoff;
    EXPECT_EQ(ask(options), "1.0.0");
    EXPECT_EQ(registry.seen.size(), 1u) << "modified at the cutoff itself is old enough";
    registry.answer = [](const MetadataRequest&) { return ok(document("1.0.0", kYoung, true)); };
    EXPECT_EQ(ask(options), "1.0.0");
    EXPECT_EQ(registry.seen.size(), 2u) << "a short document with times tells all";
    registry.answer = [](const MetadataRequest&) { return ok(document("1.0.0", "")); };
    EXPECT_EQ(ask(options), "1.0.0");
    EXPECT_EQ(registry.seen.size(), 4u) << "no `modified` tells nothing";
    options.any_age = [](std::string_view name) { return name == "w"; };
    EXPECT_EQ(ask(options), "1.0.0");
    EXPECT_EQ(registry.seen.size(), 5u) << "ages of this one do not matter";
    options.full = true;
    EXPECT_EQ(ask(options), "1.0.0");
    EXPECT_EQ(registry.seen.size(), 6u);
    EXPECT_EQ(registry.seen[5].accept, "application/json; q=1.0, */*");
}

TEST_F(PackumentsTest, OfflineDoesNotGuessAges) {
    registry.answer = [](const MetadataRequest&) { return ok(document("1.0.0", kYoung)); };
    EXPECT_EQ(ask(cached()), "1.0.0");
    PackumentsOptions options = cached();
    options.offline = true;
    options.ages_before = kCutoff;
    EXPECT_EQ(ask(options), "PMX_E_OFFLINE");
    options.ages_before = {};
    EXPECT_EQ(ask(options), "1.0.0");
}

TEST_F(PackumentsTest, GetFreshAsksWhereTheCacheAnswered) {
    EXPECT_EQ(ask(cached()), "1.0.0");
    registry.answer = [](const MetadataRequest&) { return ok(document("2.0.0")); };
    PackumentsOptions options = cached();
    options.ages_before = kCutoff;
    options.reuse_until_cutoff = true;
    Packuments packuments(settings, options, registry.sender());
    EXPECT_EQ((*packuments.get("w"))->tag("latest"), "1.0.0");
    EXPECT_EQ(registry.seen.size(), 1u);
    EXPECT_EQ((*packuments.get_fresh("w"))->tag("latest"), "2.0.0");
    EXPECT_EQ((*packuments.get_fresh("w"))->tag("latest"), "2.0.0");
    EXPECT_EQ((*packuments.get("w"))->tag("latest"), "1.0.0") << "an answer that was given stays";
    EXPECT_EQ(registry.seen.size(), 2u);
    packuments.get("other");
    packuments.get_fresh("other");
    EXPECT_EQ(registry.seen.size(), 3u) << "the registry was asked already";
}

TEST_F(PackumentsTest, DamagedFilesAreAMiss) {
    ask(cached());
    const std::string path = dir + "/" + files().at(0);
    std::string whole;
    {
        std::ifstream in(path, std::ios::binary);
        whole.assign(std::istreambuf_iterator<char>(in), {});
    }
    const auto put = [&](const std::string& bytes) {
        fs::remove(path);
        std::ofstream(path, std::ios::binary) << bytes;
    };
    const std::size_t document_at = whole.find("{\"name\"");
    ASSERT_NE(document_at, whole.npos);
    for (std::size_t size = 0; size < whole.size(); size += 3) {
        put(whole.substr(0, size));
        EXPECT_FALSE(PackumentFile::read(path, "w")) << size;
    }
    put(whole + "x");
    EXPECT_FALSE(PackumentFile::read(path, "w"));
    for (std::size_t at = 0; at < document_at; ++at) {
        if (at >= 16 && at < 24) continue;  // when it was fetched
        std::string changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ 0x40);
        put(changed);
        EXPECT_FALSE(PackumentFile::read(path, "w")) << at;
    }
    put(whole);
    EXPECT_TRUE(PackumentFile::read(path, "w"));
    EXPECT_FALSE(PackumentFile::read(path, "W")) << "another package's, where a disk takes both names for one";

    // Damage inside a version is found when it is used; the file goes, so that the next run asks again.
    std::string changed = whole;
    changed[whole.find("sha512-x")] ^= 1;
    put(changed);
    auto loaded = PackumentFile::read(path, "w");
    ASSERT_TRUE(loaded);
    auto manifest = loaded->packument->manifest(0);
    ASSERT_FALSE(manifest);
    EXPECT_EQ(manifest.error().code, Code::PACKUMENT);
    EXPECT_FALSE(fs::exists(path));
    EXPECT_EQ(ask(cached()), "1.0.0");
}

// Three versions, the last of which nobody asks for while the document is at hand.
std::string three_versions() {
    return R"({"name":"w","dist-tags":{"latest":"2.0.0"},"modified":")" + std::string(kOld) +
           R"(","versions":{"1.0.0":{"description":"one","dist":{"integrity":"sha512-a"}},"2.0.0":{"description":"two","dist":{"integrity":"sha512-b"}},)" +
           R"("0.9.0":{"dist":{"integrity":"sha512-c"}}}})";
}

TEST_F(PackumentsTest, GzipIsKeptAsItCame) {
    const std::string body = pmx::registry::gzip(three_versions());
    registry.answer = [&](const MetadataRequest&) { return ok(body); };
    std::string path;
    for (bool from_disk : {false, true}) {
        PackumentsOptions options = cached();
        options.fresh_for_ms = 60'000;
        Packuments packuments(settings, options, registry.sender());
        packuments.want("w", {}, [&](const Packuments::Answer& answer) { EXPECT_EQ((*answer)->manifest(0)->integrity, "sha512-b") << "while it is lent"; });
        auto& answer = packuments.get("w");
        ASSERT_TRUE(answer);
        EXPECT_EQ(registry.seen.size(), 1u);
        EXPECT_EQ((*answer)->manifest(1)->integrity, "sha512-a") << "decoded again";
        EXPECT_EQ((*answer)->manifest(0)->integrity, "sha512-b");
        EXPECT_EQ((*answer)->tag("latest"), "2.0.0");
        last = *answer;
        EXPECT_EQ(from_disk, packuments.counters().from_cache == 1);
    }
    EXPECT_EQ(registry.seen.at(0).accept_encoding, "gzip");
    EXPECT_EQ(last->manifest(2)->integrity, "sha512-c") << "after the run";

    path = dir + "/" + files().at(0);
    std::ifstream in(path, std::ios::binary);
    const std::string whole(std::istreambuf_iterator<char>(in), {});
    EXPECT_NE(whole.find(body), whole.npos) << "as it came";
    EXPECT_NE(whole.find(R"("two")"), whole.npos) << "and what was asked for, decoded";
    const auto changed = [&](std::size_t at) {
        std::string bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ 1);
        std::ofstream(path, std::ios::binary) << bytes;
        return PackumentFile::read(path, "w");
    };
    auto loaded = changed(whole.find("sha512-b"));
    ASSERT_TRUE(loaded);
    EXPECT_FALSE(loaded->packument->manifest(0)) << "a piece that was damaged";
    EXPECT_FALSE(fs::exists(path));
    loaded = changed(whole.find(body) + body.size() / 2);
    ASSERT_TRUE(loaded);
    EXPECT_TRUE(loaded->packument->manifest(0)) << "needs no decoding";
    EXPECT_EQ(loaded->packument->manifest(2).error().code, Code::PACKUMENT);
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(PackumentsTest, GzipThatIsNoneIsAnError) {
    for (std::size_t cut : {2u, 20u, 60u}) {
        registry.answer = [&](const MetadataRequest&) { return ok(pmx::registry::gzip(three_versions()).substr(0, cut)); };
        EXPECT_EQ(ask(cached()), "PMX_E_PACKUMENT") << cut;
    }
    EXPECT_THAT(files(), IsEmpty());
}

TEST_F(PackumentsTest, NothingIsReadOrWrittenThroughALink) {
    ask(cached());
    const std::string path = dir + "/" + files().at(0);
    fs::rename(path, dir + "/elsewhere");
    fs::create_symlink(dir + "/elsewhere", path);
    const auto before = fs::file_size(dir + "/elsewhere");
    EXPECT_FALSE(PackumentFile::read(path, "w"));
    registry.answer = [](const MetadataRequest&) { return ok(document("2.0.0") + std::string(100, ' ')); };
    EXPECT_EQ(ask(cached()), "2.0.0");
    EXPECT_FALSE(fs::is_symlink(path));
    EXPECT_EQ(fs::file_size(dir + "/elsewhere"), before);
}

TEST_F(PackumentsTest, ACacheThatCannotBeWrittenIsNoError) {
    std::ofstream(dir + "/cache") << "a file";
    EXPECT_EQ(ask(cached()), "1.0.0");
    EXPECT_EQ(ask(cached()), "1.0.0");
    EXPECT_THAT(files(), ElementsAre("cache"));
}

TEST_F(PackumentsTest, EscapedKeysSurviveTheCache) {
    registry.answer = [](const MetadataRequest&) {
        return ok(R"({"name":"w","dist-tags":{"la\u0074est":"1.0.\u0030"},"versions":{"1.0.\u0030":{"deprecated":"x"},"2.0.0":{}},"time":{"1.0.0":"t"}})");
    };
    ask(cached());
    PackumentsOptions offline = cached();
    offline.offline = true;
    EXPECT_EQ(ask(offline), "1.0.0");
    EXPECT_EQ(last->find("1.0.0"), 1u);
    EXPECT_EQ(last->time("1.0.0"), "t");
    EXPECT_TRUE(last->has_times());
    EXPECT_EQ(last->manifest(1)->deprecated, "x");
}

TEST_F(PackumentsTest, GarbageSaysWhereItCameFrom) {
    settings.values["registry"].items = {"https://user:secret@registry.example/"};
    registry.answer = [](const MetadataRequest&) { return ok("<html>sign in</html>"); };
    Packuments packuments(settings, cached(), registry.sender());
    auto& answer = packuments.get("w");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::PACKUMENT);
    EXPECT_THAT(answer.error().subject, HasSubstr("registry.example/w"));
    EXPECT_THAT(answer.error().subject, Not(HasSubstr("secret")));
}

TEST_F(PackumentsTest, RefusalsNameTheLineThatMatters) {
    Error error = refused(401);
    EXPECT_EQ(error.code, Code::FETCH_AUTH);
    EXPECT_THAT(error.what, HasSubstr("401"));
    EXPECT_THAT(error.remedy, HasSubstr("`//registry.example/npm/:_authToken=…`"));

    settings.npmrc["//registry.example/:_authToken"] = "hidden";
    settings.npmrc_where["//registry.example/:_authToken"] = "/home/me/.npmrc:7";
    settings.npmrc_where["@s:registry"] = "/work/.npmrc:2";
    error = refused(403, "@s/w");
    EXPECT_EQ(error.code, Code::FETCH_AUTH);
    EXPECT_THAT(error.what, HasSubstr("403"));
    EXPECT_THAT(error.what, HasSubstr("@s:registry in /work/.npmrc:2"));
    EXPECT_THAT(error.remedy, HasSubstr("//registry.example/:_authToken in /home/me/.npmrc:7"));
    EXPECT_THAT(to_string(error), Not(HasSubstr("hidden")));

    error = refused(404);
    EXPECT_EQ(error.code, Code::FETCH_NOT_FOUND);
    EXPECT_THAT(error.subject, HasSubstr(kRegistry));
    EXPECT_THAT(error.remedy, HasSubstr("/home/me/.npmrc:7"));
    EXPECT_EQ(refused(500).code, Code::FETCH);
    EXPECT_EQ(refused(0).code, Code::FETCH);

    registry.answer = [](const MetadataRequest&) -> Result<MetadataAnswer> { return fail(Code::FETCH, "no route to host", "w"); };
    EXPECT_EQ(ask({}), "PMX_E_FETCH");
    registry.answer = [](const MetadataRequest&) -> Result<MetadataAnswer> { return fail(Code::FETCH_NOT_FOUND, "nothing there", "w"); };
    EXPECT_EQ(ask({}), "PMX_E_FETCH_NOT_FOUND");
    settings.values["registry"].items = {""};
    EXPECT_EQ(ask({}), "PMX_E_NO_REGISTRY");
}

TEST(MomentMs, ReadsTheFormsThatRegistriesWrite) {
    EXPECT_EQ(moment_ms("1970-01-01T00:00:00.000Z"), 0);
    EXPECT_EQ(moment_ms("2021-01-01T00:00:00.000Z"), 1609459200000);
    EXPECT_EQ(moment_ms("2021-01-01T00:00:00Z"), 1609459200000);
    EXPECT_EQ(moment_ms("2021-01-01T00:00:00.123456+02:00"), 1609459200123 - 7200000);
    EXPECT_EQ(moment_ms("2021-01-01T00:00:00-0130"), 1609459200000 + 5400000);
    for (const char* bad : {"", "x", "2021", "2021-13-01T00:00:00Z", "2021-02-30T00:00:00Z", "2021-01-01T00:00:00", "2021-01-01T00:00:00.Z",
                            "2021-01-01T00:00:00Zx", "Wed, 01 Jan 2020 00:00:00 GMT", "-001-01-01T00:00:00Z"})
        EXPECT_EQ(moment_ms(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace pmx
