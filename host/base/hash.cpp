#include "base/hash.hpp"

#include <stdexcept>

#include <openssl/evp.h>
#include <xxhash.h>

#include "base/text.hpp"

namespace pmx {
namespace {
const EVP_MD* method(HashAlgorithm algorithm) {
    switch (algorithm) {
        case HashAlgorithm::md5: return EVP_md5();
        case HashAlgorithm::sha1: return EVP_sha1();
        case HashAlgorithm::sha256: return EVP_sha256();
        case HashAlgorithm::sha384: return EVP_sha384();
        case HashAlgorithm::sha512: return EVP_sha512();
    }
    return EVP_sha512();
}
}  // namespace

struct Hasher::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~State() { EVP_MD_CTX_free(context); }
};

Hasher::Hasher(HashAlgorithm algorithm) : state_(std::make_unique<State>()) {
    if (!state_->context || !EVP_DigestInit_ex(state_->context, method(algorithm), nullptr))
        throw std::runtime_error("OpenSSL offers no such digest here");
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;

void Hasher::update(std::string_view bytes) { EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()); }

Digest Hasher::finish() {
    Digest digest;
    unsigned size = 0;
    EVP_DigestFinal_ex(state_->context, digest.bytes.data(), &size);
    digest.size = static_cast<std::uint8_t>(size);
    return digest;
}

Digest hash(HashAlgorithm algorithm, std::string_view bytes) {
    Hasher hasher(algorithm);
    hasher.update(bytes);
    return hasher.finish();
}

std::string quick_hash_hex(std::string_view bytes) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
    return to_hex({canonical.digest, sizeof canonical.digest});
}

std::string sha256_hex(std::string_view bytes) { return to_hex(hash(HashAlgorithm::sha256, bytes).span()); }

}  // namespace pmx
