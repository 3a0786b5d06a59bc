#include "base/pages.hpp"

#include <cstring>

#include <sys/mman.h>

namespace pmx {

Pages::~Pages() {
    if (data_) ::munmap(data_, capacity_);
}

void Pages::swap(Pages& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    std::swap(used, other.used);
}

bool Pages::reserve(std::size_t capacity) {
    if (capacity <= capacity_) return true;
    Pages larger;
    void* data = ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) return false;
    larger.data_ = static_cast<char*>(data);
    larger.capacity_ = capacity;
    if (used) std::memcpy(larger.data_, data_, used);
    larger.used = used;
    swap(larger);
    return true;
}

}  // namespace pmx
