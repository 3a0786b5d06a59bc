// Pack: the indexes of all objects that one tree uses, in one file, so that a warm install reads one file in place of a
// thousand. It is a copy and may be out of date: what it says of an object is true as long as the object's files are as it
// says, which every check compares; where they are not, the object's own index is asked. A pack that is missing, torn or
// foreign costs time and nothing else. docs/STORE.md has the format. Store::find takes one, prune removes those of no
// project.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/fs.hpp"
#include "base/result.hpp"

namespace pmx {

// Below this many objects a pack saves less than it costs.
inline constexpr std::size_t kWorthAPack = 64;

// The name of these objects' pack: the same keys, the same pack, whatever the project. `keys` are sorted and unique. Pure.
std::string pack_name(std::span<const std::string> keys);

class Pack {
  public:
    // nullopt: there is none, or none that is whole.
    static std::optional<Pack> read(int packs, const std::string& name);
    // The bytes of an object's index; "" where it has none. Read in large pieces, of which each thread keeps its last:
    // neighbours in a pack are wanted soon after each other, and memory for all of it would cost more than the calls.
    // [any thread]
    std::string index_of(std::string_view key) const;
    std::size_t size() const { return places_.size(); }

  private:
    struct Place {
        std::uint64_t at, size;
    };
    Fd file_;
    std::uint64_t number_ = 0;  // no two packs of a process have the same
    std::string table_;
    std::unordered_map<std::string_view, Place> places_;
};

// Collects a pack under tmp/. What is not finished goes with it.
class PackWriter {
  public:
    // `expected`: so many keys make it whole.
    static Result<std::unique_ptr<PackWriter>> begin(int temporary, std::size_t expected);
    ~PackWriter();
    // Each key at most once. A write that fails makes the pack one that is never finished: it is only a copy. [any thread]
    void add(std::string_view key, std::string_view index);
    // Into its place, where every key has come; otherwise nothing happens. One thread, after the last add.
    Result<> finish(int packs, const std::string& name);

  private:
    PackWriter(int temporary, std::string name, Fd file, std::size_t expected);
    const int temporary_;
    const std::string name_;
    Fd file_;
    const std::size_t expected_;
    std::mutex mutex_;
    std::string table_;
    std::uint64_t end_, count_ = 0;
    std::atomic<bool> failed_{false};
};

}  // namespace pmx
