// integrity: an archive has the digest that the lockfile promises (W3C Subresource Integrity, as npm uses it). Several
// hashes may stand in one text: the strongest algorithm among them decides, and any of its digests will do. md5 proves
// nothing and is refused. Without a promise there is nothing to check: that is the policy of others.
#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <string>
#include <vector>

// The digests themselves and not EVP: that brings all of OpenSSL to every run, of which few verify an archive.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>  // base64
#include <openssl/sha.h>

#include <pmx/validator.hpp>

namespace {

using namespace pmx::sdk;

// A digest that grows. False where it could not be computed.
class Sum {
  public:
    virtual ~Sum() = default;
    virtual bool add(std::string_view bytes) = 0;
    virtual bool end(unsigned char* out) = 0;
};

template <class Context, auto Init, auto Update, auto Final>
class SumOf final : public Sum {
  public:
    bool add(std::string_view bytes) override { return good_ = good_ && Update(&context_, bytes.data(), bytes.size()) == 1; }
    bool end(unsigned char* out) override { return good_ && Final(out, &context_) == 1; }
    static std::unique_ptr<Sum> make() { return std::make_unique<SumOf>(); }

  private:
    Context context_;
    bool good_ = Init(&context_) == 1;
};

struct Algorithm {
    std::string_view name;
    std::size_t bytes;
    std::unique_ptr<Sum> (*sum)();
};
// Weakest first.
constexpr Algorithm algorithms[] = {{"sha1", 20, &SumOf<SHA_CTX, &SHA1_Init, &SHA1_Update, &SHA1_Final>::make},
                                    {"sha256", 32, &SumOf<SHA256_CTX, &SHA256_Init, &SHA256_Update, &SHA256_Final>::make},
                                    {"sha384", 48, &SumOf<SHA512_CTX, &SHA384_Init, &SHA384_Update, &SHA384_Final>::make},
                                    {"sha512", 64, &SumOf<SHA512_CTX, &SHA512_Init, &SHA512_Update, &SHA512_Final>::make}};

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

// What is known of one archive while its bytes come: whole, or in pieces.
class Check {
  public:
    explicit Check(const pmx_archive& archive) : subject_(view(archive.id)), text_(view(archive.integrity)), promise_(parse(text_)) {
        if (!promise_.digests.empty()) sum_ = promise_.algorithm->sum();
    }

    pmx_status add(Op, std::string_view piece) {
        bytes_ += piece.size();
        // That it failed is told at the end.
        if (sum_) sum_->add(piece);
        return PMX_OK;
    }

    pmx_status end(Op op) {
        if (!promise_.algorithm && promise_.malformed.empty()) return PMX_OK;
        if (promise_.digests.empty()) {
            op.report(PMX_ERROR, "the integrity \"" + std::string(promise_.malformed) + "\" is " + fault(promise_), subject_,
                      "correct the lockfile's integrity of this package: sha512, sha384, sha256 or sha1, a dash, and "
                      "base64");
            return PMX_MISMATCH;
        }
        std::array<unsigned char, SHA512_DIGEST_LENGTH> got;
        const std::size_t size = promise_.algorithm->bytes;
        if (!sum_->end(got.data())) throw Error(PMX_FAILED, "the digest could not be computed", subject_);
        for (const Bytes& wanted : promise_.digests)
            if (wanted.size() == size && std::equal(wanted.begin(), wanted.end(), got.begin())) return PMX_OK;
        std::string name(promise_.algorithm->name);
        op.report(PMX_ERROR,
                  "the archive is not what the lockfile promises: wanted " + name + "-" +
                      to_base64(promise_.digests[0].data(), size) + ", got " + name + "-" + to_base64(got.data(), size) +
                      " (" + std::to_string(bytes_) + " bytes)",
                  subject_,
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

    const std::string subject_, text_;
    const Promise promise_;  // views into text_
    std::unique_ptr<Sum> sum_;
    std::uint64_t bytes_ = 0;
};

class Integrity {
  public:
    Integrity(Host, const Config&) {}

    pmx_status check_archive(Op op, const pmx_archive& archive) {
        Check check(archive);
        check.add(op, view(archive.bytes));
        return check.end(op);
    }
    std::unique_ptr<Check> begin_archive(Op, const pmx_archive& archive) { return std::make_unique<Check>(archive); }
};

}  // namespace

PMX_VALIDATOR(Integrity, "integrity", "1.0.0", "Archives have the digest that the lockfile promises", 0, nullptr, 0)
