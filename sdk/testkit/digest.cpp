#include "digest.hpp"

// The digests themselves and not EVP: its first use reads files, which a layout under test may not.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace pmx::testkit {
namespace {

template <std::size_t Size, class Context>
std::string run(int (*init)(Context*), int (*update)(Context*, const void*, std::size_t), int (*final)(unsigned char*, Context*),
                std::string_view bytes) {
    Context context;
    std::string out(Size, '\0');
    init(&context);
    update(&context, bytes.data(), bytes.size());
    final(reinterpret_cast<unsigned char*>(out.data()), &context);
    return out;
}

}  // namespace

std::string digest(std::string_view algorithm, std::string_view bytes) {
    if (algorithm == "sha1") return run<SHA_DIGEST_LENGTH>(&SHA1_Init, &SHA1_Update, &SHA1_Final, bytes);
    if (algorithm == "sha256") return run<SHA256_DIGEST_LENGTH>(&SHA256_Init, &SHA256_Update, &SHA256_Final, bytes);
    if (algorithm == "sha384") return run<SHA384_DIGEST_LENGTH>(&SHA384_Init, &SHA384_Update, &SHA384_Final, bytes);
    if (algorithm == "sha512") return run<SHA512_DIGEST_LENGTH>(&SHA512_Init, &SHA512_Update, &SHA512_Final, bytes);
    return {};
}

}  // namespace pmx::testkit
