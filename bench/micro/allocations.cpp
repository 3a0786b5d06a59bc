#include "allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

// Constant-initialised: the first allocation comes before any constructor.
std::atomic<std::uint64_t> asked{0}, bytes{0};

void* take(std::size_t size) {
    asked.fetch_add(1, std::memory_order_relaxed);
    bytes.fetch_add(size, std::memory_order_relaxed);
    if (void* at = std::malloc(size == 0 ? 1 : size)) return at;
    throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return take(size); }
void* operator new[](std::size_t size) { return take(size); }
void operator delete(void* at) noexcept { std::free(at); }
void operator delete[](void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t) noexcept { std::free(at); }

namespace pmx::micro {

Allocations allocations() { return {asked.load(), bytes.load()}; }

}  // namespace pmx::micro
