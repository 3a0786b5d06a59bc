#include "store/pack.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/metrics.hpp"
#include "store/archives.hpp"

namespace pmx {
namespace {

using namespace test;

class Packs : public testing::Test {
  protected:
    void SetUp() override {
        for (const char* name : {"a", "b", "c"}) {
            auto made = store.unpack(key(name), package({{"package.json", manifest_json(name, "1.0.0")}, {"lib/x.js", "x"}}),
                                     std::string(name) + "@1.0.0", false);
            ASSERT_TRUE(made);
            keys.push_back(key(name));
            indexes.push_back(made->view.storage);
        }
        std::sort(keys.begin(), keys.end());
    }
    // Of all three objects.
    void write() {
        auto writer = store.begin_pack(3);
        ASSERT_TRUE(writer);
        const char* names[] = {"a", "b", "c"};
        for (int i = 0; i < 3; ++i) writer->add(key(names[i]), indexes[i]);
        store.finish_pack(*writer, name());
    }
    std::string name() const { return pack_name(keys); }
    std::string file() const { return dir / ("store/v1/packs/" + name()); }
    bool no_leftovers() const { return std::filesystem::is_empty(dir.path / "store/v1/tmp"); }

    TempDir dir;
    Store store = *Store::open(dir / "store", true);
    std::vector<std::string> keys, indexes;
};

TEST_F(Packs, SparesTheReadingOfAnIndex) {
    write();
    auto pack = store.pack(name());
    ASSERT_TRUE(pack);
    EXPECT_EQ(pack->size(), 3u);
    for (const char* one : {"a", "b", "c"}) {
        auto by_pack = store.find(key(one), &*pack), by_index = store.find(key(one));
        ASSERT_TRUE(by_pack && *by_pack && by_index && *by_index);
        EXPECT_TRUE((*by_pack)->is_from_pack);
        EXPECT_FALSE((*by_index)->is_from_pack);
        EXPECT_EQ((*by_pack)->id, (*by_index)->id);
        ASSERT_EQ((*by_pack)->files.size(), (*by_index)->files.size());
        for (std::size_t i = 0; i < (*by_pack)->files.size(); ++i) {
            EXPECT_EQ((*by_pack)->files[i].path, (*by_index)->files[i].path);
            EXPECT_EQ((*by_pack)->files[i].inode, (*by_index)->files[i].inode);
        }
    }
    EXPECT_TRUE(no_leftovers());
}

TEST_F(Packs, AnObjectThatIsGoneIsGoneWhateverThePackSays) {
    write();
    auto pack = store.pack(name());
    ASSERT_TRUE(pack);
    std::filesystem::remove_all(dir.path / "store/v1/objects");
    std::filesystem::create_directory(dir.path / "store/v1/objects");
    auto found = store.find(key("a"), &*pack);
    EXPECT_TRUE(found && !*found);
}

TEST_F(Packs, OneThatIsNotWholeIsNoPack) {
    write();
    const std::string good = *read_file(AT_FDCWD, file().c_str());
    for (std::size_t size = 0; size < good.size(); size += 7) {
        ASSERT_TRUE(write_file_atomically(AT_FDCWD, file().c_str(), good.substr(0, size)));
        EXPECT_FALSE(store.pack(name())) << size;
    }
    ASSERT_TRUE(write_file_atomically(AT_FDCWD, file().c_str(), good + "x"));
    EXPECT_FALSE(store.pack(name()));
    // Damage anywhere: no pack, or one whose damaged index is not believed.
    for (std::size_t at = 0; at < good.size(); at += 5) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x20);
        ASSERT_TRUE(write_file_atomically(AT_FDCWD, file().c_str(), bad));
        auto pack = store.pack(name());
        for (const std::string& one : keys) {
            auto found = store.find(one, pack ? &*pack : nullptr);
            ASSERT_TRUE(found && *found) << at;
            EXPECT_EQ((*found)->files.size(), 2u) << at;
        }
    }
}

TEST_F(Packs, OneThatMissesAnObjectIsNeverFinished) {
    auto writer = store.begin_pack(3);
    ASSERT_TRUE(writer);
    writer->add(keys[0], indexes[0]);
    store.finish_pack(*writer, name());
    EXPECT_FALSE(store.pack(name()));
    writer.reset();
    EXPECT_TRUE(no_leftovers());
}

TEST_F(Packs, PruneKeepsThoseOfLivingProjects) {
    write();
    ASSERT_TRUE(store.record_project(dir.path.string(), keys));
    ASSERT_TRUE(store.prune(false));
    EXPECT_TRUE(store.pack(name()));
    ASSERT_TRUE(store.record_project(dir.path.string(), std::vector<std::string>{keys[0]}));
    ASSERT_TRUE(store.prune(false));
    EXPECT_FALSE(store.pack(name()));
}

TEST(PackName, IsThatOfTheKeysAlone) {
    std::vector<std::string> one{"sha512-aa", "sha512-bb"}, other{"sha512-aab", "b"};
    EXPECT_EQ(pack_name(one), pack_name(one));
    EXPECT_NE(pack_name(one), pack_name(other));
}

}  // namespace
}  // namespace pmx
