#include "base/checksum.hpp"

#include <xxhash.h>

#include "base/checksum_avx2.hpp"

namespace pmx {
namespace {

#if defined(__x86_64__)
bool is_wide() { return __builtin_cpu_supports("avx2"); }
#else
constexpr bool is_wide() { return false; }
#endif

}  // namespace

std::uint64_t checksum(std::string_view bytes) {
    return is_wide() ? checksum_avx2(bytes.data(), bytes.size()) : XXH3_64bits(bytes.data(), bytes.size());
}

void Checksum::Free::operator()(XXH3_state_s* it) const { XXH3_freeState(it); }

Checksum::Checksum() : state_(XXH3_createState()) { XXH3_64bits_reset(state_.get()); }
void Checksum::update(std::string_view piece) {
    if (is_wide()) checksum_avx2_update(state_.get(), piece.data(), piece.size());
    else (void)XXH3_64bits_update(state_.get(), piece.data(), piece.size());
}
std::uint64_t Checksum::value() const { return XXH3_64bits_digest(state_.get()); }

}  // namespace pmx
