// integrity: an archive has the digest that the lockfile promises (W3C Subresource Integrity, as npm uses it). Several
// hashes may stand in one text: the strongest algorithm among them decides, and any of its digests will do. md5 proves
// nothing and is refused. Without a promise there is nothing to check: that is the policy of others.
#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

// The digests themselves and not EVP: that brings all of OpenSSL to every run, of which few verify an archive.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>  // base64
#include <openssl/sha.h>

#include <pmx/validator.hpp>

namespace {

using namespace pmx::sdk;

// False where it could not be computed.
template <class Context, auto Init, auto Update, auto Final>
bool digest(pmx_str bytes, unsigned char* out) {
    Context context;
    return Init(&context) == 1 && Update(&context, bytes.data, bytes.length) == 1 && Final(out, &context) == 1;
}

struct Algorithm {
    std::string_view name;
    std::size_t bytes;
    bool (*digest)(pmx_str bytes, unsigned char* out);
};
// Weakest first.
constexpr Algorithm algorithms[] = {{"sha1", 20, &digest<SHA_CTX, &SHA1_Init, &SHA1_Update, &SHA1_Final>},
                                    {"sha256", 32, &digest<SHA256_CTX, &SHA256_Init, &SHA256_Update, &SHA256_Final>},
                                    {"sha384", 48, &digest<SHA512_CTX, &SHA384_Init, &SHA384_Update, &SHA384_Final>},
                                    {"sha512", 64, &digest<SHA512_CTX, &SHA512_Init, &SHA512_Update, &SHA512_Final>}};

using Bytes = std::vector<unsigned char>;

// The bytes of standard base64, padded or not; empty when it is anything else.
Bytes from_base64(std::string_view text) {
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    auto value = [](char c) -> int {
        if (c >= 'A' && c <= 'Z') return c - 'A';
        if (c >= 'a' && c <= 'z') return c - 'a' + 26;
        if (c >= '0' && c <= '9') return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
    };
    if (text.size() % 4 == 1) return {};
    Bytes bytes;
    unsigned bits = 0, held = 0;
    for (char c : text) {
        int v = value(c);
        if (v < 0) return {};
        bits = (bits << 6 | static_cast<unsigned>(v)) & 0xffffff;
        if ((held += 6) >= 8) {
            held -= 8;
            bytes.push_back(static_cast<unsigned char>(bits >> held));
        }
    }
    return bytes;
}

std::string to_base64(const unsigned char* bytes, std::size_t size) {
    std::string text(4 * ((size + 2) / 3) + 1, '\0');
    int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes, static_cast<int>(size));
    text.resize(static_cast<std::size_t>(length));
    return text;
}

// What an SRI text promises: the digests of its strongest algorithm.
struct Promise {
    const Algorithm* algorithm = nullptr;
    std::vector<Bytes> digests;
    std::string_view malformed;  // the first token that could not be read
};

Promise parse(std::string_view text) {
    Promise promise;
    auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
    while (true) {
        auto start = std::find_if_not(text.begin(), text.end(), is_space);
        if (start == text.end()) return promise;
        auto end = std::find_if(start, text.end(), is_space);
        std::string_view token(&*start, static_cast<std::size_t>(end - start));
        text.remove_prefix(static_cast<std::size_t>(end - text.begin()));

        std::size_t dash = token.find('-');
        const Algorithm* algorithm = nullptr;
        for (const Algorithm& known : algorithms)
            if (dash != std::string_view::npos && token.substr(0, dash) == known.name) algorithm = &known;
        if (!algorithm) {
            if (promise.malformed.empty()) promise.malformed = token;
            continue;
        }
        if (promise.algorithm && algorithm < promise.algorithm) continue;
        if (algorithm != promise.algorithm) promise = {algorithm, {}, {}};
        std::string_view digest = token.substr(dash + 1);
        Bytes bytes = from_base64(digest.substr(0, digest.find('?')));
        if (bytes.size() == algorithm->bytes)
            promise.digests.push_back(std::move(bytes));
        else if (promise.malformed.empty())
            promise.malformed = token;
    }
}

class Integrity {
  public:
    Integrity(Host, const Config&) {}

    pmx_status check_archive(Op op, const pmx_archive& archive) {
        std::string_view text = view(archive.integrity);
        Promise promise = parse(text);
        if (!promise.algorithm && promise.malformed.empty()) return PMX_OK;
        std::string subject(view(archive.id));
        if (promise.digests.empty()) {
            op.report(PMX_ERROR, "the integrity \"" + std::string(promise.malformed) + "\" is " + fault(promise), subject,
                      "correct the lockfile's integrity of this package: sha512, sha384, sha256 or sha1, a dash, and "
                      "base64");
            return PMX_MISMATCH;
        }
        std::array<unsigned char, SHA512_DIGEST_LENGTH> got;
        const std::size_t size = promise.algorithm->bytes;
        if (!promise.algorithm->digest(archive.bytes, got.data()))
            throw Error(PMX_FAILED, "the digest could not be computed", subject);
        for (const Bytes& wanted : promise.digests)
            if (wanted.size() == size && std::equal(wanted.begin(), wanted.end(), got.begin())) return PMX_OK;
        std::string name(promise.algorithm->name);
        op.report(PMX_ERROR,
                  "the archive is not what the lockfile promises: wanted " + name + "-" +
                      to_base64(promise.digests[0].data(), size) + ", got " + name + "-" + to_base64(got.data(), size) +
                      " (" + std::to_string(archive.bytes.length) + " bytes)",
                  subject,
                  "if the registry's copy is the right one, remove the entry's integrity from the lockfile and resolve "
                  "again; otherwise look who changed the archive");
        return PMX_MISMATCH;
    }

  private:
    static std::string fault(const Promise& promise) {
        if (promise.algorithm) return "malformed: not the base64 of a " + std::string(promise.algorithm->name) + " digest";
        if (promise.malformed.substr(0, 4) == "md5-") return "md5, which proves nothing";
        return "of no algorithm that pmx knows";
    }
};

}  // namespace

PMX_VALIDATOR(Integrity, "integrity", "1.0.0", "Archives have the digest that the lockfile promises", 0, nullptr, 0)
