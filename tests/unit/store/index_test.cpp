#include "store/index.hpp"

#include <cstring>
#include <random>

#include <xxhash.h>

#include "model/contained_path.hpp"
#include "store/archives.hpp"

namespace pmx {
namespace {

using namespace test;
using testing::ElementsAre;

ObjectManifest some_manifest() {
    ObjectManifest manifest;
    manifest.name = "@s/pkg";
    manifest.version = "1.2.3";
    manifest.bins = {{"run", "bin/run.js"}, {"x", "package.json"}};
    manifest.bundled = {"b", "@s/c"};
    manifest.has_install_script = true;
    return manifest;
}

std::string some_index(std::string_view path = "lib/a.js", bool digests = false) {
    IndexWriter writer;
    writer.add_file({17, 1234567890123, -5, 99, 0100755, path, 7});
    writer.add_file({UINT64_MAX, 2, 3, 4, 0644, "package.json"});
    if (digests) {
        writer.add_digest(std::string(32, 'd'));
        writer.add_digest(std::string(32, 'e'));
    }
    writer.add_dir("lib");
    writer.describe("@s/pkg@1.2.3", some_manifest());
    return writer.bytes();
}

// Puts a valid checksum over whatever the bytes are now (docs/STORE.md: at 8, over everything from 16).
void reseal(std::string& bytes) {
    std::uint64_t sum = XXH3_64bits(bytes.data() + 16, bytes.size() - 16);
    std::memcpy(bytes.data() + 8, &sum, sizeof sum);
}

TEST(Index, RoundTrip) {
    ObjectView view;
    ASSERT_TRUE(read_index(some_index("lib/a.js", true), view));
    ObjectView moved = std::move(view);  // views must survive the move
    EXPECT_EQ(moved.id, "@s/pkg@1.2.3");
    EXPECT_THAT(paths(moved), ElementsAre("lib/a.js", "package.json"));
    EXPECT_EQ(moved.files[0].source, "7");
    EXPECT_EQ(moved.files[1].source, "0");
    EXPECT_EQ(moved.files[0].inode, 1234567890123u);
    EXPECT_EQ(moved.files[0].mtime_ns, -5);
    EXPECT_EQ(moved.files[0].mode, 0755u);
    EXPECT_EQ(moved.files[0].checksum, 99u);
    EXPECT_EQ(moved.files[1].size, UINT64_MAX);
    EXPECT_EQ(moved.files[0].path.data()[8], '\0');
    EXPECT_EQ(moved.files[0].source.data()[1], '\0');
    EXPECT_THAT(moved.dirs, ElementsAre("lib"));
    EXPECT_EQ(moved.digests, std::string(32, 'd') + std::string(32, 'e'));
    EXPECT_EQ(moved.manifest.name, "@s/pkg");
    EXPECT_EQ(moved.manifest.version, "1.2.3");
    EXPECT_TRUE(moved.manifest.has_install_script);
    ASSERT_EQ(moved.manifest.bins.size(), 2u);
    EXPECT_EQ(moved.manifest.bins[0].path, "bin/run.js");
    EXPECT_THAT(moved.manifest.bundled, ElementsAre("b", "@s/c"));
}

TEST(Index, EveryTruncationAndEveryFlippedBitIsRefused) {
    std::string good = some_index();
    for (std::size_t size = 0; size < good.size(); ++size) {
        ObjectView view;
        EXPECT_FALSE(read_index(good.substr(0, size), view)) << size;
    }
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
        ObjectView view;
        EXPECT_FALSE(read_index(bad, view)) << bit;
    }
    ObjectView view;
    EXPECT_FALSE(read_index(good + '\0', view));
}

// Whoever forges the checksum too still gets no path out of the package and no read out of bounds.
TEST(Index, AForgedIndexIsCheckedToo) {
    for (const char* path : {"../evil", "/etc/passwd", "a//b", "a/../b", "", "."}) {
        ObjectView view;
        EXPECT_FALSE(read_index(some_index(path), view)) << path;
    }
    std::mt19937 random(20261121);
    const std::string good = some_index();
    for (int round = 0; round < 50'000; ++round) {
        std::string bad = good;
        for (int i = 0; i < 1 + round % 4; ++i)
            bad[16 + random() % (bad.size() - 16)] = static_cast<char>(random() % 3 ? random() : 0xff);
        reseal(bad);
        ObjectView view;
        if (!read_index(bad, view)) continue;
        for (const ObjectFile& file : view.files) {
            ASSERT_TRUE(is_contained_path(file.path));
            ASSERT_EQ(file.path.data()[file.path.size()], '\0');
            ASSERT_EQ(file.source.data()[file.source.size()], '\0');
            ASSERT_EQ(file.source.find_first_not_of("0123456789"), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace pmx
