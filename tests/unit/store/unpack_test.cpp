#include <fmt/format.h>
#include <sys/stat.h>

#include <xxhash.h>

#include "base/hash.hpp"
#include "base/metrics.hpp"
#include "store/archives.hpp"

namespace pmx {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

class Unpack : public testing::Test {
  protected:
    TempDir dir;
    Store store = *Store::open(dir / "store", true);
    Result<Store::Unpacked> unpack(std::string_view archive, std::string_view name = "a", bool replace = false,
                                   std::string_view subdir = {}, const UnpackLimits& limits = {}) {
        return store.unpack(key(name), archive, std::string(name) + "@1.0.0", replace, subdir, limits);
    }
    Code code(std::string_view archive) {
        auto result = unpack(archive, "bad");
        EXPECT_FALSE(result.has_value());
        auto found = store.find(key("bad"));
        EXPECT_TRUE(found && !*found) << "a refused archive left an object";
        EXPECT_TRUE(std::filesystem::is_empty(dir.path / "store/v1/tmp")) << "a refused archive left files";
        return result ? Code::INTERNAL : result.error().code;
    }
};

TEST_F(Unpack, FilesDirectoriesModesAndManifest) {
    std::string json = manifest_json("a", "1.0.0", R"(,"bin":{"run":"./bin/run.js","gone":"nope.js"},
        "scripts":{"postinstall":"node x"},"bundledDependencies":["b","@s/c"])");
    auto made = unpack(package({{"package.json", json},
                                {"bin/run.js", "#!/usr/bin/env node\n"},
                                {"lib/deep/x.js", "x"},
                                {"tool.sh", "#!", '0', 04711},
                                {"empty", ""}}));
    ASSERT_TRUE(made) << to_string(made.error());
    EXPECT_EQ(made->files, 5u);
    auto found = store.find(key("a"));
    ASSERT_TRUE(found && *found);
    const ObjectView& view = **found;
    EXPECT_EQ(view.files.back().path, "package.json");
    EXPECT_THAT(view.dirs, ElementsAre("bin", "lib", "lib/deep"));
    EXPECT_EQ(content(view, "lib/deep/x.js"), "x");
    EXPECT_EQ(content(view, "package.json"), json);
    EXPECT_EQ(content(view, "empty"), "");
    EXPECT_EQ(view.id, "a@1.0.0");
    EXPECT_EQ(view.manifest.name, "a");
    EXPECT_EQ(view.manifest.version, "1.0.0");
    EXPECT_TRUE(view.manifest.has_install_script);
    EXPECT_THAT(view.manifest.bundled, ElementsAre("b", "@s/c"));
    EXPECT_TRUE(file(view, "bin/run.js")->mode & 0100) << "what `bin` names is executable in the store";
    EXPECT_EQ(file(view, "tool.sh")->mode & 07100, 0100u) << "setuid is gone";
    EXPECT_FALSE(file(view, "lib/deep/x.js")->mode & 0111);
    for (const ObjectFile& one : view.files) {
        auto info = stat_at(view.dir.raw(), one.source.data());
        ASSERT_TRUE(info && *info);
        EXPECT_EQ((*info)->size, one.size);
        EXPECT_EQ((*info)->inode, one.inode);
        EXPECT_EQ((*info)->mtime_ns, one.mtime_ns);
        EXPECT_EQ((*info)->mode & 07777, one.mode);
        EXPECT_EQ((*info)->device, view.device);
    }
}

TEST_F(Unpack, FourSystemCallsAFileAndSixAnObject) {
    ASSERT_TRUE(unpack(package({{"package.json", "{}"}}), "warm"));
    std::string same_shard;  // so that the shard's directory exists
    for (int i = 0; same_shard.empty(); ++i)
        if (key(std::to_string(i)).substr(4, 2) == key("warm").substr(4, 2)) same_shard = std::to_string(i);
    std::vector<TarItem> items{{"package.json", "{}"}};
    for (int i = 0; i < 99; ++i) items.push_back({fmt::format("d{}/f{}", i % 7, i), "body"});
    std::string archive = package(items);
    auto now = [](Sys kind) { return sys_counters().n[static_cast<unsigned>(kind)].load(); };
    std::vector<std::uint64_t> before, after;
    for (unsigned i = 0; i < static_cast<unsigned>(Sys::count_); ++i) before.push_back(now(static_cast<Sys>(i)));
    auto made = unpack(archive, same_shard);
    ASSERT_TRUE(made);
    std::uint64_t total = 0;
    for (unsigned i = 0; i < before.size(); ++i) total += now(static_cast<Sys>(i)) - before[i];
    EXPECT_EQ(total, 100 * 4 + 6u);  // mkdir, open; open, write, close of the index; rename
    std::uint64_t opens = now(Sys::open), all = 0;
    for (unsigned i = 0; i < before.size(); ++i) all -= now(static_cast<Sys>(i));
    auto found = store.find(key(same_shard));
    for (unsigned i = 0; i < before.size(); ++i) all += now(static_cast<Sys>(i));
    EXPECT_EQ(all, 4u);  // open, open, read, close
    EXPECT_EQ(now(Sys::open) - opens, 2u);
}

TEST_F(Unpack, StripsTheFirstComponentWhateverItIs) {
    auto made = unpack(gzip(tar({{"lodash-4/package.json", "{}"}, {"other/index.js", "1"}, {"./x/y", "2"}, {"rootless", "3"}})));
    ASSERT_TRUE(made) << to_string(made.error());
    EXPECT_THAT(paths(made->view), testing::UnorderedElementsAre("package.json", "index.js", "x/y"));
}

TEST_F(Unpack, DropsLinksDevicesAndEmptyDirectories) {
    auto made = unpack(package({{"package.json", "{}"},
                                {"evil", "", '2', 0777, "../../.."},
                                {"evil/x", "inside"},
                                {"hard", "", '1', 0644, "package/package.json"},
                                {"dev", "", '3'},
                                {"pipe", "", '6'},
                                {"hollow/", "", '5'}}));
    ASSERT_TRUE(made) << to_string(made.error());
    EXPECT_THAT(paths(made->view), ElementsAre("evil/x", "package.json"));
    EXPECT_THAT(made->view.dirs, ElementsAre("evil"));
}

TEST_F(Unpack, LargeFilesComeInPieces) {
    const std::string large = noise(7u << 20, 1), other((1u << 20) + 17, 'o');
    auto store_with_digests = [&](std::string_view name) {
        return store.unpack(key(name), package({{"a.js", "a"}, {"large", large}, {"other", other}, {"package.json", "{}"}, {"z", "z"}}), "a@1.0.0",
                            false, {}, {}, true);
    };
    auto made = store_with_digests("pieces");
    ASSERT_TRUE(made) << to_string(made.error());
    EXPECT_THAT(paths(made->view), ElementsAre("a.js", "large", "other", "z", "package.json"));
    EXPECT_TRUE(content(made->view, "large") == large);
    EXPECT_TRUE(content(made->view, "other") == other);
    for (std::size_t i = 0; i < made->view.files.size(); ++i) {
        const std::string body = content(made->view, made->view.files[i].path);
        EXPECT_EQ(made->view.files[i].checksum, XXH3_64bits(body.data(), body.size())) << made->view.files[i].path;
        EXPECT_EQ(made->view.files[i].size, body.size());
        const Digest digest = hash(HashAlgorithm::sha256, body);
        EXPECT_EQ(made->view.digests.substr(i * 32, 32), std::string_view(reinterpret_cast<const char*>(digest.bytes.data()), 32));
    }
    auto verified = store.verify(true, false, [](std::size_t, std::size_t) {});
    ASSERT_TRUE(verified);
    EXPECT_TRUE(verified->empty());
}

TEST_F(Unpack, AnArchiveThatBreaksLateLeavesNothing) {
    std::string whole = tar({{"package/package.json", "{}"}, {"package/a", std::string(5u << 20, 'a')}, {"package/b", "b"}});
    EXPECT_EQ(code(gzip(whole.substr(0, 4u << 20))), Code::ARCHIVE) << "in the middle of a file";
    EXPECT_EQ(code(gzip(tar_entry({"package/a", std::string(5u << 20, 'a')}) + tar_entry({"package/../../b", "b"}))), Code::UNSAFE_PATH);
    std::string archive = gzip(whole);
    EXPECT_EQ(code(archive.substr(0, archive.size() - 30)), Code::ARCHIVE);
}

TEST_F(Unpack, LastOfTwoWins) {
    auto made = unpack(package({{"dup", "first"}, {"package.json", "no"}, {"dup", "second", '0', 0755}, {"package.json", manifest_json("a", "1.0.0")}}));
    ASSERT_TRUE(made);
    EXPECT_EQ(made->view.manifest.name, "a");
    EXPECT_EQ(content(made->view, "dup"), "second");
    EXPECT_TRUE(file(made->view, "dup")->mode & 0100);
    EXPECT_EQ(made->files, 2u);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path / "store/v1/objects" / key("a").substr(4, 2) / key("a")), {}), 3)
        << "two files and the index";
}

TEST_F(Unpack, RefusesPathsThatLeave) {
    for (const char* path : {"../x", "../../x", "a/../../x", "a/..", "a\\..\\..\\x", "..\\x"})
        EXPECT_EQ(code(package({{"package.json", "{}"}, {path, "x"}})), Code::UNSAFE_PATH) << path;
    EXPECT_EQ(code(gzip(tar({{"../x/y", "x"}}))), Code::UNSAFE_PATH);
    EXPECT_EQ(code(gzip(tar({{"package/..", "", '5'}}))), Code::UNSAFE_PATH);
    EXPECT_EQ(code(gzip(pax({"path=package/../../evil"}) + tar({{"package/innocent", "x"}}))), Code::UNSAFE_PATH);
}

TEST_F(Unpack, AbsoluteAfterStrippingStaysInside) {
    auto made = unpack(package({{"/etc/passwd", "x"}, {"./a//b", "y"}, {"package.json", "{}"}}));
    ASSERT_TRUE(made);
    EXPECT_THAT(paths(made->view), ElementsAre("etc/passwd", "a/b", "package.json"));
}

TEST_F(Unpack, AFileThatIsAlsoADirectoryIsRefused) {
    EXPECT_EQ(code(package({{"a", "x"}, {"a/b", "y"}})), Code::ARCHIVE);
    EXPECT_EQ(code(package({{"a/b", "y"}, {"a", "x"}})), Code::ARCHIVE);
    EXPECT_EQ(code(package({{"a/b/c", "y"}, {"a/b", "x"}})), Code::ARCHIVE);
}

TEST_F(Unpack, NamesTooLongAreACleanError) {
    std::string longest = "package/" + std::string(300, 'n');
    EXPECT_EQ(code(gzip(pax({"path=" + longest}) + tar({{"package/short", "x"}}))), Code::ARCHIVE);
    std::string deep = "package";
    while (deep.size() < 5000) deep += "/dddddddddd";
    EXPECT_EQ(code(gzip(pax({"path=" + deep}) + tar({{"package/short", "x"}}))), Code::ARCHIVE);
    std::string fits = "package/" + std::string(255, 'n');
    EXPECT_TRUE(unpack(gzip(pax({"path=" + fits}) + tar({{"package/short", "x"}}))));
}

TEST_F(Unpack, ErrorsShowNoRawControlBytes) {
    auto result = unpack(package({{"../\x1b[2Jx", "x"}}), "\x1b[31mred");
    ASSERT_FALSE(result);
    EXPECT_EQ(to_string(result.error()).find('\x1b'), std::string::npos);
}

TEST_F(Unpack, CaseAndUnicodeTwinsAreDifferentFiles) {
    auto made = unpack(package({{"A", "1"}, {"a", "2"}, {"caf\u00e9", "3"}, {"cafe\u0301", "4"}, {"foo.", "5"}, {"foo ", "6"}}));
    ASSERT_TRUE(made);
    EXPECT_EQ(made->files, 6u);
    EXPECT_EQ(content(made->view, "A") + content(made->view, "a"), "12");
}

TEST_F(Unpack, MalformedOrMissingManifestInstallsWithoutOne) {
    auto broken = unpack(package({{"index.js", "x"}, {"package.json", "{nope"}}), "b");
    ASSERT_TRUE(broken);
    EXPECT_EQ(broken->view.manifest.name, "");
    EXPECT_EQ(broken->view.files.back().path, "package.json");
    auto none = unpack(package({{"index.js", "x"}, {"last.js", "y"}}), "n");
    ASSERT_TRUE(none);
    EXPECT_EQ(none->view.files.back().path, "last.js");
}

TEST_F(Unpack, SubdirectoryBecomesTheRoot) {
    std::string archive = package({{"package.json", "{}"}, {"packages/x/package.json", manifest_json("x", "2.0.0")}, {"packages/xy/no", ""}});
    auto made = unpack(archive, "s", false, "/packages/x/");
    ASSERT_TRUE(made) << to_string(made.error());
    EXPECT_THAT(paths(made->view), ElementsAre("package.json"));
    EXPECT_EQ(made->view.manifest.name, "x");
    auto none = unpack(archive, "t", false, "packages/z");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Code::ARCHIVE);
    auto out = unpack(archive, "t", false, "../x");
    ASSERT_FALSE(out);
    EXPECT_EQ(out.error().code, Code::UNSAFE_PATH);
}

TEST_F(Unpack, FirstWinsAndReplaceSwaps) {
    auto first = unpack(package({{"package.json", "{}"}, {"v", "1"}}));
    auto second = unpack(package({{"package.json", "{}"}, {"v", "2"}}));
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(first->published);
    EXPECT_FALSE(second->published);
    EXPECT_EQ(content(second->view, "v"), "1");
    auto third = unpack(package({{"package.json", "{}"}, {"v", "3"}}), "a", true);
    ASSERT_TRUE(third);
    EXPECT_TRUE(third->swapped);
    EXPECT_EQ(content(**store.find(key("a")), "v"), "3");
    EXPECT_TRUE(std::filesystem::is_empty(dir.path / "store/v1/tmp"));
}

TEST_F(Unpack, LimitsHold) {
    UnpackLimits limits;
    limits.entries = 3;
    auto many = unpack(package({{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}}), "m", false, {}, limits);
    ASSERT_FALSE(many);
    EXPECT_EQ(many.error().code, Code::ARCHIVE);
    limits = {};
    limits.unpacked_bytes = 10'000;
    auto large = unpack(package({{"a", std::string(20'000, 'x')}}), "m", false, {}, limits);
    ASSERT_FALSE(large);
    EXPECT_THAT(large.error().what, HasSubstr("10000"));
    limits = {};
    limits.archive_bytes = 100;
    EXPECT_FALSE(unpack(package({{"a", noise(2000, 1)}}), "m", false, {}, limits));
}

TEST_F(Unpack, ABombIsRefusedWithoutTheMemoryItAsksFor) {
    // 100 MB of zeros in about 100 kB; its size field lies, too.
    std::string bomb = gzip(tar({{"package/zeros", std::string(100u << 20, '\0')}}));
    ASSERT_LT(bomb.size(), 1u << 20);
    EXPECT_EQ(code(bomb), Code::ARCHIVE);
    bomb.replace(bomb.size() - 4, 4, std::string("\xff\xff\xff\xff"));
    EXPECT_EQ(code(bomb), Code::ARCHIVE);
}

class UnpackArriving : public Unpack {
  protected:
    std::string archive = package({{"package.json", manifest_json("a", "1.0.0")}, {"large", noise(6u << 20, 1)}, {"lib/x.js", "x"}});
};

TEST_F(UnpackArriving, IsTheSameObjectAsWhole) {
    auto whole = unpack(archive, "whole");
    ASSERT_TRUE(whole);
    InPieces pieces(archive, 100'000);
    auto made = store.unpack(key("pieces"), pieces, "pieces@1.0.0", false);
    ASSERT_TRUE(made) << to_string(made.error());
    EXPECT_TRUE(pieces.was_asked);
    EXPECT_EQ(pieces.shown(), archive.size()) << "all of it is proven, not only what the tar needs";
    EXPECT_EQ(paths(made->view), paths(whole->view));
    for (const ObjectFile& one : whole->view.files) EXPECT_EQ(file(made->view, one.path)->checksum, one.checksum);
}

TEST_F(UnpackArriving, WhatIsNotProvenLeavesNothing) {
    InPieces pieces(archive, 100'000, fail(Code::INTEGRITY, "not what was promised"));
    auto made = store.unpack(key("bad"), pieces, "bad@1.0.0", false);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::INTEGRITY);
    EXPECT_TRUE(pieces.was_asked);
    EXPECT_FALSE(*store.find(key("bad")));
    EXPECT_TRUE(std::filesystem::is_empty(dir.path / "store/v1/tmp"));
    EXPECT_TRUE(std::filesystem::is_empty(dir.path / "store/v1/objects"));
}

TEST_F(UnpackArriving, WhatStandsThereIsNotReplacedByWhatIsNotProven) {
    auto good = unpack(package({{"package.json", "{}"}}), "a");
    ASSERT_TRUE(good);
    InPieces pieces(archive, 100'000, fail(Code::INTEGRITY, "not what was promised"));
    ASSERT_FALSE(store.unpack(key("a"), pieces, "a@1.0.0", true));
    auto found = store.find(key("a"));
    ASSERT_TRUE(found && *found);
    EXPECT_THAT(paths(**found), ElementsAre("package.json"));
}

// Damaged because somebody changed it: that it is not the promised one is the reason, as when it is checked whole.
TEST_F(UnpackArriving, TheProofSpeaksBeforeTheParser) {
    std::string bad = archive;
    for (std::size_t at = bad.size() / 2; at < bad.size() / 2 + 5000; ++at) bad[at] = '\x55';
    InPieces wrong(bad, 100'000, fail(Code::INTEGRITY, "not what was promised"));
    auto made = store.unpack(key("bad"), wrong, "bad@1.0.0", false);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::INTEGRITY);
    InPieces promised(bad, 100'000);
    made = store.unpack(key("bad"), promised, "bad@1.0.0", false);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::ARCHIVE) << "the registry's own damage";
    EXPECT_TRUE(std::filesystem::is_empty(dir.path / "store/v1/tmp"));
}

TEST_F(UnpackArriving, CutOffAnywhereLeavesNothing) {
    for (std::size_t at : {1000uz, archive.size() / 2, archive.size() - 1}) {
        InPieces pieces(archive, 100'000);
        pieces.ends_at = at;
        auto made = store.unpack(key("bad"), pieces, "bad@1.0.0", false);
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, Code::FETCH);
        EXPECT_FALSE(*store.find(key("bad")));
        EXPECT_TRUE(std::filesystem::is_empty(dir.path / "store/v1/tmp"));
    }
}

}  // namespace
}  // namespace pmx
