// Contents: what an archive puts where, before anything is on disk. Applies pmx's rules to the entries of a TarReader:
// the first component goes, links and devices are dropped, a path that leaves the package refuses the archive, the last
// of two entries with one path wins. Called by unpack. Pure. [any thread, one each]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "base/result.hpp"
#include "store/store.hpp"

namespace pmx {

class Contents {
  public:
    struct File {
        std::string_view path;  // NUL-terminated, contained
        std::string_view data;  // in the tar
        bool executable;
    };

    // `tar` must outlive this.
    Result<> collect(std::string_view tar, std::string_view id, std::string_view subdir, const UnpackLimits& limits);
    // nullptr when there is none.
    File* find(std::string_view path);
    // Puts the marker (package.json, else whatever is last) at the end.
    void marker_last();

    std::vector<File> files;
    std::vector<std::string_view> dirs;  // parents first, NUL-terminated

  private:
    struct Slot {
        std::uint64_t hash = 0;
        std::string_view path;     // empty: free
        std::uint32_t file = 0;    // kDir for a directory
    };
    static constexpr std::uint32_t kDir = UINT32_MAX;
    Slot& slot(std::string_view path, std::uint64_t hash);
    static std::uint64_t table_seed();
    std::uint64_t hash_of(std::string_view path) const;
    void grow();
    Result<std::string_view> place(std::string_view path, std::string_view id);
    Result<> add(std::string_view path, std::string_view data, bool executable, std::string_view id);
    Result<> add_parents(std::string_view path, std::string_view id);

    Arena arena_;
    std::vector<Slot> slots_;
    std::size_t taken_ = 0;
    std::string_view last_parent_;
    std::string scratch_;
    // Nobody can prepare an archive whose names collide in a table that is seeded at random.
    const std::uint64_t seed_ = table_seed();
};

}  // namespace pmx
