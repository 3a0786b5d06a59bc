// Contents: what an archive puts where. Applies pmx's rules to the entries of a TarReader, one by one: the first component
// goes, links and devices are dropped, a path that leaves the package refuses the archive, the last of two entries with
// one path wins. Called by unpack. Pure: it never writes. [any thread, one each]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "base/result.hpp"
#include "store/store.hpp"
#include "store/tar.hpp"

namespace pmx {

class Contents {
  public:
    struct File {
        std::string_view path;  // NUL-terminated, contained
        bool executable;
    };

    Contents(std::string_view id, const UnpackLimits& limits) : id_(id), limits_(limits) {}
    // Only what is below this path of the archive, as the package's root. Before the first entry.
    Result<> only_below(std::string_view subdir);
    // The number of the file that this entry makes or, coming again, makes anew; nullopt when it makes none.
    Result<std::optional<std::uint32_t>> admit(const TarEntry& entry);
    // After the last entry: an archive without a file is an error.
    Result<> finish() const;
    // nullopt when there is none.
    std::optional<std::uint32_t> find(std::string_view path);
    // package.json, or whatever is last.
    std::uint32_t marker();

    std::vector<File> files;  // by number
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
    Result<std::string_view> place(std::string_view path);
    Result<std::uint32_t> add(std::string_view path, bool executable);
    Result<> add_parents(std::string_view path);

    const std::string_view id_;
    const UnpackLimits& limits_;
    std::string below_;  // "packages/x/", or ""
    std::uint32_t entries_ = 0;
    Arena arena_;
    std::vector<Slot> slots_;
    std::size_t taken_ = 0;
    std::string_view last_parent_;
    std::string scratch_;
    // Nobody can prepare an archive whose names collide in a table that is seeded at random.
    const std::uint64_t seed_ = table_seed();
};

}  // namespace pmx
