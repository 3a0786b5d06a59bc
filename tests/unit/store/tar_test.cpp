// The walk over a tar: our own odd archives, libarchive as the second opinion, and node-tar's recorded events.
#include <archive.h>
#include <archive_entry.h>
#include <nlohmann/json.hpp>

#include "store/archives.hpp"
#include "store/tar.hpp"

namespace pmx {
namespace {

using namespace test;

struct Seen {
    std::string path, data;
    TarType type;
    std::uint32_t mode;
    friend bool operator==(const Seen&, const Seen&) = default;
    friend void PrintTo(const Seen& it, std::ostream* out) {
        *out << it.path.substr(0, 60) << " " << int(it.type) << " " << std::oct << it.mode << std::dec << " [" << it.data.size() << "]";
    }
};

// Shows what was asked for, or no more than `window` of it, and never from the same place: a reader that keeps a view for
// too long reads rubbish.
class Window final : public TarSource {
  public:
    Window(std::string_view all, std::size_t window) : all_(all), window_(window) {}
    Result<std::string_view> look(std::size_t least) override {
        std::string fresh(all_.substr(0, std::max(least, window_)));
        std::fill(shown_.begin(), shown_.end(), '#');
        shown_.swap(fresh);
        before_ = std::move(fresh);
        return std::string_view(shown_);
    }
    void take(std::size_t count) override {
        ASSERT_LE(count, shown_.size());
        all_.remove_prefix(count);
    }

  private:
    std::string_view all_;
    const std::size_t window_;
    std::string shown_, before_;
};

// The entries until the end or the first error, and whether there was one.
std::pair<std::vector<Seen>, bool> walk_by(std::string_view bytes, std::size_t window) {
    std::vector<Seen> seen;
    Window source(bytes, window);
    TarReader reader(source, "test");
    TarEntry entry;
    for (;;) {
        auto more = reader.next(entry);
        if (!more) {
            EXPECT_EQ(more.error().code, Code::ARCHIVE);
            return {seen, false};
        }
        if (!*more) return {seen, true};
        Seen one{std::string(entry.path), {}, entry.type, entry.mode};
        for (;;) {
            auto piece = reader.read();
            if (!piece) {
                EXPECT_EQ(piece.error().code, Code::ARCHIVE);
                return {seen, false};
            }
            if (piece->empty()) break;
            one.data += *piece;
        }
        EXPECT_EQ(one.data.size(), entry.size);
        seen.push_back(std::move(one));
    }
}

// However the bytes come, the same is seen.
std::pair<std::vector<Seen>, bool> walk(std::string_view bytes) {
    auto whole = walk_by(bytes, bytes.size());
    for (std::size_t window : {1uz, 700uz}) EXPECT_EQ(walk_by(bytes, window), whole) << window;
    return whole;
}
std::vector<std::string> names(std::string_view bytes) {
    auto [seen, good] = walk(bytes);
    EXPECT_TRUE(good);
    std::vector<std::string> out;
    for (const Seen& one : seen) out.push_back(one.path);
    return out;
}
bool refused(std::string_view bytes) { return !walk(bytes).second; }

const std::string kEnd(1024, '\0');

TEST(Tar, EndBlocksAreOptionalAndOneDoesNotEndIt) {
    std::string one = tar_entry({"a", "x"}), two = tar_entry({"b", "y"}), zero(512, '\0');
    EXPECT_EQ(names(one).size(), 1u);
    EXPECT_EQ(names(one + zero).size(), 1u);
    EXPECT_EQ(names(one + zero + two).size(), 2u);
    EXPECT_EQ(names(one + zero + zero + two).size(), 1u) << "after the end nothing counts";
    EXPECT_EQ(names(one + zero + zero + noise(700, 3)).size(), 1u);
    EXPECT_EQ(names(one.substr(0, 513)).size(), 1u) << "the last body may lack its padding";
    EXPECT_TRUE(names("").empty());
}

TEST(Tar, TruncationAndGarbageAreErrors) {
    std::string one = tar_entry({"a", std::string(600, 'x')});
    EXPECT_TRUE(refused(one.substr(0, 1000)));
    EXPECT_TRUE(refused(one + tar_entry({"b", ""}).substr(0, 300)));
    EXPECT_TRUE(refused(one + noise(512, 1)));
    EXPECT_TRUE(refused(noise(1024, 2)));
    EXPECT_TRUE(refused(pax({"path=x"})));
    std::string flipped = one;
    flipped[3] ^= 1;
    EXPECT_TRUE(refused(flipped));
}

TEST(Tar, Sizes) {
    using namespace std::string_view_literals;
    auto sized = [](std::string_view field, std::string body = "hello") {
        std::string out = tar_header({"f"}, 0, field) + body;
        out.resize(1024, '\0');
        return out + kEnd;
    };
    EXPECT_EQ(walk(sized("00000000005\0"sv)).first.at(0).data, "hello");
    EXPECT_EQ(walk(sized("          5 "sv)).first.at(0).data, "hello");
    EXPECT_EQ(walk(sized("5\0\0\0\0\0\0\0\0\0\0\0"sv)).first.at(0).data, "hello");
    EXPECT_EQ(walk(sized("000000000005"sv)).first.at(0).data, "hello") << "no terminator";
    EXPECT_EQ(walk(sized("\x80\0\0\0\0\0\0\0\0\0\0\x05"sv)).first.at(0).data, "hello") << "base-256";
    EXPECT_TRUE(refused(sized("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv))) << "negative";
    EXPECT_TRUE(refused(sized("\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv))) << "too large";
    EXPECT_TRUE(refused(sized("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"sv)));
    EXPECT_TRUE(refused(sized("77777777777\0"sv)));
    EXPECT_TRUE(refused(sized("0000000000g\0"sv)));
    EXPECT_TRUE(refused(sized("-0000000005\0"sv)));
}

TEST(Tar, LongNames) {
    std::string longest = "package/" + std::string(90, 'a') + "/" + std::string(90, 'b');
    EXPECT_EQ(names(pax({"path=" + longest}) + tar({{"short", "x"}})), std::vector{longest});
    EXPECT_EQ(names(tar_entry({"././@LongLink", longest + std::string(1, '\0'), 'L'}) + tar({{"short", "x"}})), std::vector{longest});
    EXPECT_EQ(names(tar_entry({"././@LongLink", longest, 'L'}) + tar({{"short", "x"}})), std::vector{longest});
    EXPECT_EQ(names(pax({"path=line\nbreak", "comment=x\n11 path=zz"}) + tar({{"s", ""}})), std::vector<std::string>{"line\nbreak"});
    EXPECT_EQ(names(pax({"path=global"}, 'g') + tar({{"s", ""}, {"t", ""}})), (std::vector<std::string>{"s", "t"}));
    EXPECT_EQ(names(pax({"path=once"}) + tar({{"s", ""}, {"t", ""}})), (std::vector<std::string>{"once", "t"}));
    EXPECT_EQ(names(pax({"path="}) + tar({{"s", ""}})), std::vector<std::string>{"s"});
    EXPECT_TRUE(refused(pax({std::string("path=a\0b", 8)}) + tar({{"s", ""}})));
    EXPECT_TRUE(refused(tar_entry({"p", "99 path=x\n", 'x'}) + tar({{"s", ""}})));
    EXPECT_TRUE(refused(tar_entry({"p", "path=x\n", 'x'}) + tar({{"s", ""}})));
}

TEST(Tar, PaxSizeBelongsToTheEntryNotToHeadersBetween) {
    std::string body = "0123456789";
    std::string entry = tar_header({"f"}, 3) + body;
    entry.resize(1024, '\0');
    auto [seen, good] = walk(pax({"size=10"}) + tar_entry({"L", "name", 'L'}) + entry + kEnd);
    ASSERT_TRUE(good);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].path, "name");
    EXPECT_EQ(seen[0].data, body);
    EXPECT_TRUE(refused(pax({"size=-1"}) + entry));
    EXPECT_TRUE(refused(pax({"size=99999999999999999999"}) + entry));
}

TEST(Tar, ADirectoryWithASizeDesyncsNothing) {
    std::string with_body = tar_header({"d/", {}, '5'}, 600) + std::string(1024, 'b') + tar({{"after", "x"}});
    EXPECT_EQ(names(with_body), (std::vector<std::string>{"d/", "after"}));
    std::string without = tar_header({"d/", {}, '5'}, 4096) + tar({{"after", "x"}});
    EXPECT_EQ(names(without), (std::vector<std::string>{"d/", "after"}));
}

TEST(Tar, WhatIsNotReadIsPassedOver) {
    std::string archive = tar({{"a", std::string(5000, 'a')}, {"b", std::string(700'000, 'b')}, {"c", "c"}});
    for (std::size_t window : {1uz, 4096uz, archive.size()}) {
        Window source(archive, window);
        TarReader reader(source, "test");
        TarEntry entry;
        std::vector<std::string> seen;
        while (*reader.next(entry)) {
            seen.emplace_back(entry.path);
            if (seen.size() == 2) EXPECT_EQ(reader.read()->substr(0, 3), "bbb");
        }
        EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "c"})) << window;
    }
    Window source(std::string_view(archive).substr(0, 3000), 600);
    TarReader reader(source, "test");
    TarEntry entry;
    ASSERT_TRUE(*reader.next(entry));
    auto more = reader.next(entry);
    ASSERT_FALSE(more);
    EXPECT_THAT(more.error().what, testing::HasSubstr("in the middle of a file"));
}

TEST(Tar, UnknownTypesAreSkippedWithTheirBodies) {
    auto [seen, good] = walk(tar({{"v", "", 'V'}, {"d", "abcd", 'D'}, {"m", "xy", 'M'}, {"q", "zz", 'Q'}, {"after", "x"}}));
    ASSERT_TRUE(good);
    ASSERT_EQ(seen.size(), 5u);
    EXPECT_EQ(seen[3].type, TarType::other);
    EXPECT_EQ(seen[4].type, TarType::file);
}

TEST(Tar, AgreesWithLibarchive) {
    for (int format : {ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FORMAT_TAR_GNUTAR,
                       ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FORMAT_TAR}) {
        std::string buffer(4u << 20, '\0');
        std::size_t used = 0;
        archive* out = archive_write_new();
        archive_write_set_format(out, format);
        archive_write_set_bytes_per_block(out, 0);
        ASSERT_EQ(archive_write_open_memory(out, buffer.data(), buffer.size(), &used), ARCHIVE_OK);
        std::vector<Seen> expected;
        for (int i = 0; i < 300; ++i) {
            std::string path = "package/" + std::string(static_cast<std::size_t>(i) % 90, 'd') + "/" + std::string(1 + static_cast<std::size_t>(i * 7) % 95, 'f') + std::to_string(i);
            std::string body = noise(static_cast<std::size_t>(i) * 37 % 3000, static_cast<std::uint32_t>(i));
            std::uint32_t mode = i % 3 ? 0644 : 0755;
            archive_entry* entry = archive_entry_new();
            archive_entry_set_pathname(entry, path.c_str());
            archive_entry_set_filetype(entry, AE_IFREG);
            archive_entry_set_perm(entry, mode);
            archive_entry_set_size(entry, static_cast<std::int64_t>(body.size()));
            if (archive_write_header(out, entry) == ARCHIVE_OK) {
                archive_write_data(out, body.data(), body.size());
                expected.push_back({path, body, TarType::file, mode});
            }
            archive_entry_free(entry);
        }
        archive_write_close(out);
        archive_write_free(out);
        auto [seen, good] = walk(std::string_view(buffer).substr(0, used));
        EXPECT_TRUE(good);
        ASSERT_GT(expected.size(), 250u);
        EXPECT_EQ(seen, expected);
    }
}

// Where node-tar (not strict) resynchronises after a bad header, we refuse; until then both must see the same.
TEST(Tar, NodeTarVectors) {
    std::filesystem::path root = std::filesystem::path(PMX_SOURCE_DIR) / "../shared/vectors/tar-parser";
    if (!std::filesystem::exists(root)) {
        if (std::getenv("CI")) FAIL() << "../shared/vectors/tar-parser is missing";
        GTEST_SKIP() << "../shared/vectors/tar-parser is not here";
    }
    std::size_t cases = 0;
    for (const auto& one : std::filesystem::directory_iterator(root / "tars")) {
        std::string name = one.path().stem().string();
        SCOPED_TRACE(name);
        std::string bytes = read(one.path());
        auto strict_path = root / "expected" / (name + "--strict.json");
        nlohmann::json events = nlohmann::json::parse(read(strict_path));
        std::vector<std::string> expected;
        bool fails = false;
        for (const auto& event : events) {
            if (event[0] == "error") fails = true;
            if (fails || event[0] != "entry") continue;
            const auto& it = event[1];
            std::string type = it["type"];
            expected.push_back(it["path"].get<std::string>() + " " + type + " " + std::to_string(it["size"].get<std::uint64_t>()) + " " +
                               std::to_string(it["mode"].get<unsigned>()));
        }
        auto [seen, good] = walk(bytes);
        std::vector<std::string> got;
        const char* types[] = {"File", "Directory", "Link", "SymbolicLink", "Other"};
        for (const Seen& it : seen)
            got.push_back(it.path + " " + types[int(it.type)] + " " + std::to_string(it.data.size()) + " " + std::to_string(it.mode));
        EXPECT_EQ(got, expected);
        EXPECT_EQ(good, !fails);
        ++cases;
    }
    EXPECT_EQ(cases, 16u);
}

}  // namespace
}  // namespace pmx
