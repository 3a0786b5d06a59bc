// Digests for the kit's digest service and for the promises its archives come with. Pure. [any thread]
#pragma once

#include <string>
#include <string_view>

namespace pmx::testkit {

// The bytes of the digest; empty for an algorithm that is none of sha1, sha256, sha384, sha512.
std::string digest(std::string_view algorithm, std::string_view bytes);

}  // namespace pmx::testkit
