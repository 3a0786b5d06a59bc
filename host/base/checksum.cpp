#include "base/checksum.hpp"

#include <xxhash.h>

namespace pmx {

std::uint64_t checksum(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

void Checksum::Free::operator()(XXH3_state_s* it) const { XXH3_freeState(it); }

Checksum::Checksum() : state_(XXH3_createState()) { XXH3_64bits_reset(state_.get()); }
void Checksum::update(std::string_view piece) { XXH3_64bits_update(state_.get(), piece.data(), piece.size()); }
std::uint64_t Checksum::value() const { return XXH3_64bits_digest(state_.get()); }

}  // namespace pmx
