// XXH3-64 over bytes: finds damage in files of our own, and proves nothing against malice (that is hash.hpp's work). Pure.
// [any thread]
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

struct XXH3_state_s;

namespace pmx {

std::uint64_t checksum(std::string_view bytes);

// The same over pieces.
class Checksum {
  public:
    Checksum();
    void update(std::string_view piece);
    std::uint64_t value() const;

  private:
    struct Free {
        void operator()(XXH3_state_s* it) const;
    };
    std::unique_ptr<XXH3_state_s, Free> state_;
};

}  // namespace pmx
