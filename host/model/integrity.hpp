// Integrity: a Subresource Integrity string, that is one or more digests of the same bytes. Read from
// lockfiles, packuments and manifests; checked by the integrity validator; its strongest digest is an
// object's key in the store. The rules are ssri's: several digests of the strongest algorithm are
// alternatives, weaker ones do not count. Pure. [any thread]
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "base/result.hpp"

namespace pmx {

std::string_view algorithm_name(HashAlgorithm algorithm);
std::optional<HashAlgorithm> algorithm_from_name(std::string_view name);
std::size_t digest_size(HashAlgorithm algorithm);

struct IntegrityHash {
    std::string algorithm;
    std::string digest;                // base64 as written; not necessarily valid
    std::vector<std::string> options;  // what follows each '?'

    // "" when `strict` and the hash would not pass the SRI grammar.
    std::string to_string(bool strict = false) const;
    // The digest's bytes; nullopt when it is no base64 of the algorithm's length.
    std::optional<Digest> bytes() const;
    friend bool operator==(const IntegrityHash&, const IntegrityHash&) = default;
};

class Integrity {
  public:
    Integrity() = default;

    // Words that are no hash of a known algorithm are left out, so the result may be empty. `strict` takes
    // the SRI grammar: sha256, sha384 and sha512 digests of a legal length; otherwise sha1 and md5 and any
    // digest text pass.
    static Integrity parse(std::string_view text, bool strict = false);
    static Integrity of(std::string_view bytes, HashAlgorithm algorithm = HashAlgorithm::sha512);
    // nullopt when `hex` is not hexadecimal.
    static std::optional<Integrity> from_hex(std::string_view hex, HashAlgorithm algorithm);

    // Keeps hashes of one algorithm together, in the order in which the algorithms came.
    void add(IntegrityHash hash);
    bool empty() const { return hashes_.empty(); }
    const std::vector<IntegrityHash>& hashes() const { return hashes_; }
    // Only the hashes of `algorithm`.
    Integrity only(HashAlgorithm algorithm) const;

    // nullopt when there is no hash that pmx can compute.
    std::optional<HashAlgorithm> strongest() const;
    // The hash of the strongest algorithm that has this digest, or nullptr.
    const IntegrityHash* match(const Digest& digest) const;
    const IntegrityHash* match_bytes(std::string_view bytes) const;
    // PMX_E_INTEGRITY with both digests, or with "nothing to check against"; also when `size` differs.
    Result<> check(std::string_view bytes, std::string_view subject,
                   std::optional<std::uint64_t> size = {}) const;

    // The first valid digest of the strongest algorithm, in lower-case hex: the key of a store object.
    std::optional<std::string> key_hex() const;
    std::string to_string(std::string_view separator = " ", bool strict = false) const;

  private:
    std::vector<IntegrityHash> hashes_;
};

}  // namespace pmx
