// Arena: bump allocation for strings that live as long as the value that owns the arena. Views stay valid when the
// arena moves. Not thread-safe; fill it on one thread, then read it from many.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pmx {

class Arena {
  public:
    Arena() = default;
    explicit Arena(std::size_t block) : block_(block) {}  // where there are many small ones
    std::string_view copy(std::string_view text) {
        char* to = allocate(text.size());
        if (!text.empty()) std::memcpy(to, text.data(), text.size());
        return {to, text.size()};
    }
    // Takes ownership of a whole buffer (a lockfile's text) and returns the view of it.
    std::string_view adopt(std::string text) {
        adopted_.push_back(std::make_unique<std::string>(std::move(text)));
        return *adopted_.back();
    }
    char* allocate(std::size_t size) {
        if (size > left_) {
            std::size_t block = size > block_ / 4 ? size : block_;
            blocks_.push_back(std::make_unique_for_overwrite<char[]>(block));
            if (block != block_) return blocks_.back().get();
            next_ = blocks_.back().get();
            left_ = block;
        }
        char* at = next_;
        next_ += size;
        left_ -= size;
        return at;
    }

  private:
    std::size_t block_ = 64 * 1024;
    std::vector<std::unique_ptr<char[]>> blocks_;
    std::vector<std::unique_ptr<std::string>> adopted_;
    char* next_ = nullptr;
    std::size_t left_ = 0;
};

}  // namespace pmx
