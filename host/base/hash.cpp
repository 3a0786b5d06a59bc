#include "base/hash.hpp"

// The digests themselves and not EVP, which OpenSSL prefers: EVP reaches every provider there is, 4 MB of which a static
// command would need to relocate, and its first use costs 2 ms.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <xxhash.h>

#include "base/text.hpp"

namespace pmx {

struct Hasher::State {
    HashAlgorithm algorithm;
    union {
        MD5_CTX md5;
        SHA_CTX sha1;
        SHA256_CTX sha256;
        SHA512_CTX sha512;  // SHA-384 too
    };
};

Hasher::Hasher(HashAlgorithm algorithm) : state_(std::make_unique<State>()) {
    state_->algorithm = algorithm;
    switch (algorithm) {
        case HashAlgorithm::md5: MD5_Init(&state_->md5); break;
        case HashAlgorithm::sha1: SHA1_Init(&state_->sha1); break;
        case HashAlgorithm::sha256: SHA256_Init(&state_->sha256); break;
        case HashAlgorithm::sha384: SHA384_Init(&state_->sha512); break;
        case HashAlgorithm::sha512: SHA512_Init(&state_->sha512); break;
    }
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;

void Hasher::update(std::string_view bytes) {
    switch (state_->algorithm) {
        case HashAlgorithm::md5: MD5_Update(&state_->md5, bytes.data(), bytes.size()); break;
        case HashAlgorithm::sha1: SHA1_Update(&state_->sha1, bytes.data(), bytes.size()); break;
        case HashAlgorithm::sha256: SHA256_Update(&state_->sha256, bytes.data(), bytes.size()); break;
        case HashAlgorithm::sha384: SHA384_Update(&state_->sha512, bytes.data(), bytes.size()); break;
        case HashAlgorithm::sha512: SHA512_Update(&state_->sha512, bytes.data(), bytes.size()); break;
    }
}

Digest Hasher::finish() {
    Digest digest;
    std::uint8_t* out = digest.bytes.data();
    switch (state_->algorithm) {
        case HashAlgorithm::md5: MD5_Final(out, &state_->md5), digest.size = MD5_DIGEST_LENGTH; break;
        case HashAlgorithm::sha1: SHA1_Final(out, &state_->sha1), digest.size = SHA_DIGEST_LENGTH; break;
        case HashAlgorithm::sha256: SHA256_Final(out, &state_->sha256), digest.size = SHA256_DIGEST_LENGTH; break;
        case HashAlgorithm::sha384: SHA384_Final(out, &state_->sha512), digest.size = SHA384_DIGEST_LENGTH; break;
        case HashAlgorithm::sha512: SHA512_Final(out, &state_->sha512), digest.size = SHA512_DIGEST_LENGTH; break;
    }
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
