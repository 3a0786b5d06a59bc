#include "base/checksum.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pmx {
namespace {

std::string bytes_of(std::size_t size) {
    std::string bytes(size, '\0');
    std::uint32_t state = 1;
    for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    return bytes;
}

// Stores hold these: they are the algorithm's, whatever the processor can do.
TEST(Checksum, IsXxh3) {
    EXPECT_EQ(checksum(""), 0x2d06800538d394c2u);
    EXPECT_EQ(checksum(bytes_of(16)), 0x372c92fa68129c98u);
    EXPECT_EQ(checksum(bytes_of(200)), 0x85d691776ef97dbeu);
    EXPECT_EQ(checksum(bytes_of(100'000)), 0xb2d424868b772e96u);
}

TEST(Checksum, OfPiecesIsTheChecksumOfAll) {
    for (std::size_t size : {0u, 1u, 16u, 17u, 128u, 129u, 240u, 241u, 256u, 257u, 1023u, 1024u, 1025u, 65536u, 200'003u}) {
        const std::string bytes = bytes_of(size);
        for (std::size_t step : {1u, 7u, 64u, 255u, 256u, 257u, 4096u, 100'000u}) {
            if (size > 1000 * step) continue;
            Checksum pieces;
            for (std::size_t at = 0; at < size; at += step) pieces.update(std::string_view(bytes).substr(at, step));
            EXPECT_EQ(pieces.value(), checksum(bytes)) << size << " bytes by " << step;
        }
    }
}

}  // namespace
}  // namespace pmx
