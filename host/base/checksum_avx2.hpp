// XXH3-64 for processors with AVX2. Called by checksum.cpp alone, which asks the processor first. Pure. [any thread]
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace pmx {

uint64_t checksum_avx2(const void* bytes, size_t size);
// `state` is an XXH3_state_t, begun and ended by the library.
void checksum_avx2_update(void* state, const void* bytes, size_t size);

}  // namespace pmx
