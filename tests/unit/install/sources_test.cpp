// Packages that no registry describes: archives, directories and repositories, with the shipped fetchers and a store.
#include "install/sources.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.hpp"
#include "install/git_refs.hpp"
#include "install/transport.hpp"
#include "model/integrity.hpp"

using namespace pmx;
namespace fs = std::filesystem;

namespace {

const std::string kA(40, 'a'), kB(40, 'b'), kC(40, 'c');

Result<std::string> choose(const std::vector<GitRef>& refs, const std::string& text) {
    auto specifier = parse_specifier("lib", "git+https://host.example/lib.git" + text);
    EXPECT_TRUE(specifier);
    return commit_of(refs, specifier->git, "https://user:secret@host.example/lib.git");
}

TEST(GitRefs, TheRefThatIsMeant) {
    const std::vector<GitRef> refs = {{"HEAD", kA}, {"refs/heads/main", kA}, {"refs/heads/v1", kB}, {"refs/tags/v1", kC},
                                      {"refs/tags/annotated", kA}, {"refs/tags/annotated^{}", kB}, {"refs/pull/1/head", kC}};
    EXPECT_EQ(*choose(refs, ""), kA);
    EXPECT_EQ(*choose(refs, "#main"), kA);
    EXPECT_EQ(*choose(refs, "#v1"), kC);  // a tag before a branch
    EXPECT_EQ(*choose(refs, "#annotated"), kB);
    EXPECT_EQ(*choose(refs, "#refs/heads/v1"), kB);
    EXPECT_EQ(*choose(refs, "#pull/1/head"), kC);
    EXPECT_EQ(*choose(refs, "#CCCCCCC"), kC);
    EXPECT_EQ(*choose(refs, "#ddddddd"), "");  // the beginning of a commit, perhaps
}

TEST(GitRefs, ARangeOverTags) {
    const std::vector<GitRef> refs = {{"refs/tags/v1.0.0", kA}, {"refs/tags/v1.2.0", kC}, {"refs/tags/v1.2.0^{}", kB}, {"refs/tags/1.10.0-rc.1", kC},
                                      {"refs/tags/2.0.0", kC}, {"refs/tags/release-9.0.0", kA}, {"refs/tags/v3", kA}};
    EXPECT_EQ(*choose(refs, "#semver:^1.0.0"), kB);
    EXPECT_EQ(*choose(refs, "#semver:*"), kC);
    auto none = choose(refs, "#semver:^9");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Code::NO_MATCHING_VERSION);
    EXPECT_THAT(none.error().remedy, testing::HasSubstr("2.0.0, 1.10.0-rc.1, v1.2.0, v1.0.0"));
    EXPECT_EQ(to_string(none.error()).find("secret"), std::string::npos);
    auto branch = choose(refs, "#nope");
    ASSERT_FALSE(branch);
    EXPECT_EQ(branch.error().code, Code::NO_MATCHING_VERSION);
}

struct Silent final : Events {
    void context(std::string_view, std::string_view, std::string_view, std::string_view, std::string_view) override {}
    void stage(std::string_view) override {}
    void resolving(std::size_t, std::size_t) override {}
    void packages_found(std::size_t) override {}
    void resolved(std::string_view) override {}
    void found_in_store(std::string_view) override {}
    void fetch_started(std::string_view, std::uint64_t) override {}
    void fetch_progress(std::string_view, std::uint64_t, std::uint64_t) override {}
    void request_retry(const RequestRetry&) override {}
    void fetched(std::string_view) override {}
    void imported(std::string_view, std::string_view, std::string_view) override {}
    void import_method(std::string_view) override {}
    void skipped_optional(std::string_view, std::string_view, std::string_view) override {}
    void ignored_scripts(const std::vector<std::string>&) override {}
    void script_started(std::string_view, std::string_view, std::string_view, std::string_view) override {}
    void script_line(std::string_view, std::string_view, std::string_view, bool) override {}
    void script_ended(std::string_view, std::string_view, int) override {}
    void stats(std::uint64_t, std::uint64_t) override {}
    void root_dependency(const RootDependency&) override {}
    void warning(std::string_view) override {}
    void explain(std::string_view) override {}
    bool explains() const override { return false; }
};

class SourcesTest : public testing::Test {
  protected:
    void SetUp() override {
        if (std::system("git --version >/dev/null 2>&1") != 0) {
            if (std::getenv("CI")) FAIL() << "git is not installed";
            GTEST_SKIP() << "git is not installed";
        }
        char pattern[] = "/tmp/pmx-sources-XXXXXX";
        dir_ = ::mkdtemp(pattern);
        root_ = dir_ + "/project";
        fs::create_directories(root_);
        put("project/package.json", "{}");
        auto settings = load_settings(root_, {{"store-dir", {dir_ + "/store"}}}, {{"HOME", dir_}});
        ASSERT_TRUE(settings) << to_string(settings.error());
        settings_ = std::move(*settings);
        auto store = Store::open(dir_ + "/store", true);
        ASSERT_TRUE(store);
        store_.emplace(std::move(*store));
        HostServices services;
        services.metrics = &metrics_;
        services.cancel = &cancel_;
        services.scratch_parent = dir_ + "/scratch";
        fs::create_directories(services.scratch_parent);
        plugins_.emplace(PluginPath{}, std::move(services));
        transport_.emplace(settings_, *plugins_, cancel_);
        run_.emplace(pmx::Run{settings_, metrics_, events_, cancel_, *plugins_, *transport_, root_});
        sources_.emplace(*run_, [this](FetchRequest request) { return fetch(std::move(request)); });
    }
    void TearDown() override {
        if (!dir_.empty()) fs::remove_all(dir_);
    }

    Result<FetchResponse> fetch(FetchRequest request) {
        fetched_.push_back(request.url);
        if (request.url.starts_with("https://")) {
            auto served = served_.find(request.url);
            if (served == served_.end()) return fail(Code::FETCH_NOT_FOUND, "404", request.url);
            return FetchResponse{200, {}, served->second};
        }
        auto fetcher = plugins_->fetcher(request.url.starts_with("file:") ? "file" : "git", {});
        if (!fetcher) return tl::make_unexpected(fetcher.error());
        std::promise<Result<FetchResponse>> answer;
        fetcher->fetch(std::move(request), [&](Result<FetchResponse> got) { answer.set_value(std::move(got)); });
        return answer.get_future().get();
    }
    void put(const std::string& path, const std::string& bytes) {
        fs::create_directories(fs::path(dir_ + "/" + path).parent_path());
        std::ofstream(dir_ + "/" + path) << bytes;
    }
    std::string sh(const std::string& command) {
        EXPECT_EQ(std::system(("cd " + dir_ + " && (" + command + ") > out").c_str()), 0) << command;
        std::string word;
        std::ifstream(dir_ + "/out") >> word;
        return word;
    }
    std::string tgz(const std::string& path, const std::string& manifest) {
        put("packed/package/package.json", manifest);
        put("packed/package/packages/inner/package.json", R"({"name":"inner","version":"0.1.0"})");
        sh("mkdir -p $(dirname " + path + ") && tar czf " + path + " -C packed package");
        return *read_file(AT_FDCWD, (dir_ + "/" + path).c_str());
    }
    // Commits `manifest` and gives the commit's hash.
    std::string commit(const std::string& manifest) {
        put("repo/package.json", manifest);
        put("repo/packages/inner/package.json", R"({"name":"inner","version":"0.1.0"})");
        return sh("cd repo && (git init -q -b main . 2>/dev/null; git add -A && git -c user.name=a -c user.email=a@registry.example "
                  "-c commit.gpgsign=false commit -q -m x && git rev-parse HEAD)");
    }
    Specifier asked(const std::string& text) {
        auto specifier = parse_specifier("lib", text);
        EXPECT_TRUE(specifier) << to_string(specifier.error());
        return *specifier;
    }
    // Refs of hosts that this machine does not reach come from no network: whole hashes are never asked for.
    Result<SourcePackage> repository(const std::string& text) { return sources_->repository(asked(text)); }
    bool stored(const std::string& key) { return store_->find(key)->has_value(); }

    std::string dir_, root_;
    Settings settings_;
    Metrics metrics_;
    CancelFlag cancel_;
    Silent events_;
    std::optional<Store> store_;
    std::optional<Plugins> plugins_;
    std::optional<Transport> transport_;
    std::optional<pmx::Run> run_;
    std::optional<InstallSources> sources_;
    std::vector<std::string> fetched_;
    std::map<std::string, std::string> served_;
};

TEST_F(SourcesTest, AnArchiveOnDisk) {
    std::string bytes = tgz("project/libs/lib.tgz", R"({"name":"lib","version":"1.0.0","dependencies":{"a":"^1"}})");
    for (const std::string& written : std::vector<std::string>{"file:libs/lib.tgz", "file:./libs/../libs/lib.tgz", "file:" + root_ + "/libs/lib.tgz"}) {
        auto found = sources_->archive(asked(written), root_);
        ASSERT_TRUE(found) << to_string(found.error());
        EXPECT_EQ(found->kind, SourcePackage::Kind::tarball);
        EXPECT_EQ(found->reference, "file:libs/lib.tgz");
        EXPECT_EQ(found->tarball, "file:libs/lib.tgz");
        EXPECT_EQ(found->integrity, Integrity::of(bytes).to_string());
        EXPECT_EQ(found->manifest.dependencies, (TextMap{{"a", "^1"}}));
        EXPECT_TRUE(stored(*Store::key_of_integrity(found->integrity)));
    }
    EXPECT_EQ(fetched_.size(), 1u);
}

TEST_F(SourcesTest, AnArchiveByUrl) {
    std::string url = "https://host.example/lib.tgz";
    served_[url] = tgz("lib.tgz", R"({"version":"1.0.0"})");
    auto found = sources_->archive(asked(url + "#sha"), root_);
    ASSERT_TRUE(found) << to_string(found.error());
    EXPECT_EQ(found->reference, url + "#sha");
    EXPECT_EQ(found->manifest.name, "lib");  // it has no name of its own
    EXPECT_EQ(fetched_, std::vector<std::string>{url});
}

TEST_F(SourcesTest, WhatIsNoPackageIsToldApart) {
    auto missing = sources_->archive(asked("file:nope.tgz"), root_);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Code::FETCH_NOT_FOUND);
    put("project/broken.tgz", "no archive at all");
    EXPECT_EQ(sources_->archive(asked("file:broken.tgz"), root_).error().code, Code::ARCHIVE);
    tgz("project/evil.tgz", R"({"name":"../evil","version":"1.0.0"})");
    EXPECT_EQ(sources_->archive(asked("file:evil.tgz"), root_).error().code, Code::MANIFEST);
    EXPECT_EQ(sources_->archive(asked("https://host.example/nope.tgz"), root_).error().code, Code::FETCH_NOT_FOUND);
}

TEST_F(SourcesTest, ADirectory) {
    put("project/libs/lib/package.json", R"({"name":"lib","version":"1.0.0"})");
    put("project/plain/index.js", "");
    auto found = sources_->directory("libs/./lib/", root_);
    ASSERT_TRUE(found) << to_string(found.error());
    EXPECT_EQ(found->kind, SourcePackage::Kind::directory);
    EXPECT_EQ(found->reference, "file:libs/lib");
    EXPECT_EQ(found->directory, "libs/lib");
    EXPECT_EQ(found->manifest.version, "1.0.0");
    EXPECT_EQ(sources_->directory("plain", root_)->manifest.name, "plain");
    EXPECT_EQ(sources_->directory("nope", root_).error().code, Code::MANIFEST);
    EXPECT_EQ(sources_->directory(".", root_).error().code, Code::SPECIFIER);
}

TEST_F(SourcesTest, ARepository) {
    std::string first = commit(R"({"name":"lib","version":"1.0.0"})");
    sh("cd repo && git tag v1.0.0 && git branch old");
    std::string second = commit(R"({"name":"lib","version":"1.1.0"})");
    sh("cd repo && git -c user.name=a -c user.email=a@registry.example tag -a v1.1.0 -m x");
    std::string third = commit(R"({"name":"lib","version":"2.0.0-dev"})");
    std::string repo = "file://" + dir_ + "/repo";
    struct Case {
        std::string fragment, commit, version;
    };
    for (const Case& test : {Case{"", third, "2.0.0-dev"}, {"#old", first, "1.0.0"}, {"#v1.1.0", second, "1.1.0"}, {"#semver:^1", second, "1.1.0"},
                             {"#" + second, second, "1.1.0"}, {"#" + first.substr(0, 8), first, "1.0.0"}}) {
        SCOPED_TRACE(test.fragment);
        auto found = repository("git+" + repo + test.fragment);
        ASSERT_TRUE(found) << to_string(found.error());
        EXPECT_EQ(found->kind, SourcePackage::Kind::git);
        EXPECT_EQ(found->repo, repo);
        EXPECT_EQ(found->commit, test.commit);
        EXPECT_EQ(found->reference, "git+" + repo + "#" + test.commit);
        EXPECT_EQ(found->manifest.version, test.version);
        EXPECT_TRUE(stored(Store::key_of_git(repo, test.commit)));
    }
    EXPECT_EQ(fetched_.size(), 3u);  // each commit once, whatever it is called

    auto inner = repository("git+" + repo + "#old&path:/packages/inner");
    ASSERT_TRUE(inner) << to_string(inner.error());
    EXPECT_EQ(inner->manifest.name, "inner");
    EXPECT_EQ(inner->path, "/packages/inner");
    EXPECT_EQ(inner->reference, "git+" + repo + "#" + first + "&path:/packages/inner");
    EXPECT_FALSE(repository("git+" + repo + "#path:nope"));
}

TEST_F(SourcesTest, ACommitThatNoRefPointsTo) {
    std::string first = commit(R"({"name":"lib","version":"1.0.0"})");
    commit(R"({"name":"lib","version":"2.0.0"})");
    auto found = repository("git+file://" + dir_ + "/repo#" + first.substr(0, 9) + "&path:packages/inner");
    ASSERT_TRUE(found) << to_string(found.error());
    EXPECT_EQ(found->commit, first);
    EXPECT_EQ(found->manifest.name, "inner");
    EXPECT_FALSE(repository("git+file://" + dir_ + "/repo#ddddddddd"));
}

TEST_F(SourcesTest, ARepositoryThatIsNotThere) {
    auto found = repository("git+file://" + dir_ + "/nope");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Code::FETCH_NOT_FOUND);
    settings_.values.find("offline")->second.items = {"true"};
    auto offline = repository("git+https://host.example/u/lib.git");
    ASSERT_FALSE(offline);
    EXPECT_EQ(offline.error().code, Code::OFFLINE);
}

TEST_F(SourcesTest, AKnownHostServesArchives) {
    std::string url = "https://codeload.github.com/user/lib/tar.gz/" + kA;
    served_[url] = tgz("lib.tgz", R"({"name":"lib","version":"3.0.0"})");
    auto found = repository("user/lib#" + kA);
    ASSERT_TRUE(found) << to_string(found.error());
    EXPECT_EQ(found->kind, SourcePackage::Kind::tarball);
    EXPECT_TRUE(found->git_hosted);
    EXPECT_EQ(found->tarball, url);
    EXPECT_EQ(found->reference, url);
    EXPECT_EQ(found->integrity, Integrity::of(served_[url]).to_string());
    EXPECT_EQ(found->repo + found->commit, "");

    auto inner = repository("github:user/lib#" + kA + "&path:packages/inner");
    ASSERT_TRUE(inner) << to_string(inner.error());
    EXPECT_EQ(inner->manifest.name, "inner");
    EXPECT_EQ(inner->reference, url + "#path:packages/inner");
    EXPECT_TRUE(stored(*Store::key_of_integrity(inner->integrity, "packages/inner")));

    served_["https://gitlab.com/g/sub/lib/-/archive/" + kB + "/lib-" + kB + ".tar.gz"] = served_[url];
    EXPECT_TRUE(repository("gitlab:g/sub/lib#" + kB));
    served_["https://bitbucket.org/user/lib/get/" + kB + ".tar.gz"] = served_[url];
    EXPECT_TRUE(repository("bitbucket:user/lib#" + kB));
}

}  // namespace
