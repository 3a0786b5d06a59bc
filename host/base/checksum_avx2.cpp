// The library's own code once more, for processors with AVX2: its archive has SSE2 only, at half the speed. Compiled with
// the processor's flag, and so it includes nothing of C++ whose inline functions could end up in the rest of the program.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/checksum_avx2.hpp"

namespace pmx {

uint64_t checksum_avx2(const void* bytes, size_t size) { return XXH3_64bits(bytes, size); }

void checksum_avx2_update(void* state, const void* bytes, size_t size) {
    (void)XXH3_64bits_update(static_cast<XXH3_state_t*>(state), bytes, size);
}

}  // namespace pmx
