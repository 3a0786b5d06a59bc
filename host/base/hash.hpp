// Digests by OpenSSL, one-shot and streaming. Pure. [any thread]
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pmx {

enum class HashAlgorithm : std::uint8_t { md5, sha1, sha256, sha384, sha512 };  // weakest first

struct Digest {
    std::array<std::uint8_t, 64> bytes{};
    std::uint8_t size = 0;
    std::span<const std::uint8_t> span() const { return {bytes.data(), size}; }
    friend bool operator==(const Digest&, const Digest&) = default;
};

Digest hash(HashAlgorithm algorithm, std::string_view bytes);
std::string sha256_hex(std::string_view bytes);
// 128 bits of XXH3 for names and comparisons among our own files, where nobody gains by a collision: one call, and an
// eighth of the time of SHA-256.
std::string quick_hash_hex(std::string_view bytes);

class Hasher {
  public:
    explicit Hasher(HashAlgorithm algorithm);
    ~Hasher();
    Hasher(Hasher&&) noexcept;
    void update(std::string_view bytes);
    Digest finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pmx
