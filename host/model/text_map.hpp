// TextMapBuilder: fills a TextMap with JavaScript's rule for keys written twice (first place, last value) in
// linear time, however many keys a hostile manifest has. Used inside model/ only. Not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/manifest.hpp"

namespace pmx {

class TextMapBuilder {
  public:
    void set(std::string_view key, std::string_view value) {
        std::size_t at = index_of(key);
        if (at == map_.size()) {
            map_.emplace_back(key, value);
            gone_.push_back(false);
            if (!index_.empty()) index_.emplace(std::string(key), at);
        } else {
            map_[at].second = value;
            gone_[at] = false;
        }
    }
    void erase(std::string_view key) {
        if (std::size_t at = index_of(key); at != map_.size()) gone_[at] = true;
    }
    TextMap take() {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < map_.size(); ++i) {
            if (gone_[i]) continue;
            if (kept != i) map_[kept] = std::move(map_[i]);
            ++kept;
        }
        map_.resize(kept);
        return std::move(map_);
    }

  private:
    static constexpr std::size_t kScan = 16;  // up to here a scan is cheaper than a table

    std::size_t index_of(std::string_view key) {
        if (map_.size() <= kScan) {
            for (std::size_t i = 0; i < map_.size(); ++i)
                if (map_[i].first == key) return i;
            return map_.size();
        }
        if (index_.empty())
            for (std::size_t i = 0; i < map_.size(); ++i) index_.emplace(map_[i].first, i);
        auto found = index_.find(std::string(key));
        return found == index_.end() ? map_.size() : found->second;
    }

    TextMap map_;
    std::vector<bool> gone_;
    std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace pmx
