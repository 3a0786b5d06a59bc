// Pages: memory that comes from the kernel and goes back to it at once, whichever thread lets go of it. For bytes that pass
// through in large pieces: the allocator would keep them for the thread that asked, and a run's memory would be all that ever
// passed. Untouched pages cost nothing. [any thread, one each]
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace pmx {

class Pages {
  public:
    Pages() = default;
    ~Pages();
    Pages(Pages&& other) noexcept { swap(other); }
    Pages& operator=(Pages&& other) noexcept {
        Pages(std::move(other)).swap(*this);
        return *this;
    }
    // Room for `capacity` bytes at least, what is used kept. False: there is no memory.
    bool reserve(std::size_t capacity);
    char* data() const { return data_; }
    std::size_t capacity() const { return capacity_; }
    std::string_view view() const { return {data_, used}; }
    std::size_t used = 0;

  private:
    void swap(Pages& other) noexcept;
    char* data_ = nullptr;
    std::size_t capacity_ = 0;
};

}  // namespace pmx
