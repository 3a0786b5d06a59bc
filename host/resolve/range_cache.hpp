// RangeCache: ranges parsed once a run, with what bounds them, as the same few texts are asked about again and again.
// Owned by the run's Prefetch (npm's: by whoever walks the tree), lent to pick(). [any thread]
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "model/range.hpp"

namespace pmx {

struct KnownRange {
    std::optional<Range> range;           // nullopt: the text is none
    std::optional<Version> lower, upper;  // nothing below or above these satisfies; nullopt: no such bound
    bool is_any = false;                  // "*" and what means the same
};

// Loose, as npm and pnpm read the ranges of dependencies.
KnownRange know_range(std::string_view text);

class RangeCache {
  public:
    // Valid as long as the cache is.
    const KnownRange& get(std::string_view text) {
        std::lock_guard lock(mutex_);
        auto found = ranges_.find(text);
        if (found == ranges_.end()) found = ranges_.emplace(std::string(text), know_range(text)).first;
        return found->second;
    }

  private:
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    std::mutex mutex_;
    std::unordered_map<std::string, KnownRange, Hash, std::equal_to<>> ranges_;
};

}  // namespace pmx
