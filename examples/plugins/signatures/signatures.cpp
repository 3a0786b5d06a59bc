// signatures: an archive is what the registry signed. The registry's public keys (ECDSA, P-256) come from
// /-/npm/v1/keys, the signature from the document of the version; what is signed is "name@version:integrity". Looked at
// when an archive arrives: what is in the store was looked at then.
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define PMX_NEEDS_MINOR 1  // pmx.registry/1, pmx_archive.name
#include <pmx/validator.hpp>

namespace {

using namespace pmx::sdk;
using nlohmann::json;

constexpr pmx_option options[] = {
    option_text("unsigned", "What happens to a package that its registry did not sign", "deny", "deny|warn|allow"),
};

std::string from_base64(const std::string& text) {
    std::string bytes(text.size(), '\0');
    int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), reinterpret_cast<const unsigned char*>(text.data()),
                            static_cast<int>(text.size()));
    int padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    bytes.resize(n < padding ? 0 : static_cast<std::size_t>(n - padding));
    return bytes;
}

struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::shared_ptr<EVP_PKEY>;
using Keys = std::map<std::string, Key>;  // by keyid

class Signatures {
  public:
    Signatures(Host host, const Config& config)
        : registry_(host.service<pmx_registry>(PMX_SERVICE_REGISTRY)),
          digest_(host.service<pmx_digest>(PMX_SERVICE_DIGEST)),
          counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)), unsigned_(config.text("unsigned")) {
        if (!registry_ || !digest_) throw Error(PMX_UNSUPPORTED, "this host cannot ask the registry");
    }

    pmx_status check_archive(Op op, const pmx_archive& archive) {
        std::string name(view(archive.name)), version(view(archive.version));
        // A file or a repository: no registry could have signed it.
        if (!view(archive.url).starts_with("http") || version.empty()) return PMX_OK;
        json dist = json::parse(document(op, name, name + "/" + version), nullptr, false);
        dist = dist.is_object() ? dist.value("dist", json()) : json();
        json signatures = dist.is_object() ? dist.value("signatures", json()) : json();
        if (!signatures.is_array() || signatures.empty()) return is_unsigned(op, archive);

        // Of the bytes that came, not of what somebody wrote about them.
        std::string message = name + "@" + version + ":" + integrity_of(view(archive.bytes));
        Keys keys = keys_of(op, name);
        for (const json& one : signatures) {
            if (!one.is_object()) continue;
            auto key = keys.find(one.value("keyid", ""));
            if (key != keys.end() && verifies(key->second.get(), message, from_base64(one.value("sig", "")))) {
                if (counters_) counters_->add(counters_, "signatures_verified", 1);
                return PMX_OK;
            }
        }
        op.report(PMX_ERROR, "no key of the registry signed this archive", view(archive.id),
                  "do not use it; tell the registry, and look who can write to the cache or proxy in between");
        return PMX_MISMATCH;
    }

  private:
    pmx_status is_unsigned(Op op, const pmx_archive& archive) const {
        if (unsigned_ == "allow") return PMX_OK;
        bool denies = unsigned_ == "deny";
        op.report(denies ? PMX_ERROR : PMX_WARNING, "the registry did not sign this package", view(archive.id),
                  denies ? "use another version, or --plugin-option signatures.unsigned=warn" : "");
        return denies ? PMX_MISMATCH : PMX_OK;
    }

    std::string document(Op op, const std::string& package, const std::string& path) const {
        std::string text;
        auto emit = [](void* context, pmx_str body) { *static_cast<std::string*>(context) = view(body); };
        pmx_status status = registry_->get(registry_, op.raw(), str(package), str(path), emit, &text);
        if (status != PMX_OK && status != PMX_NOT_FOUND) throw Reported(status);
        return text;  // empty: there is none
    }

    // Once a scope: each may have a registry of its own.
    Keys keys_of(Op op, const std::string& package) {
        std::string scope = package.starts_with('@') ? package.substr(0, package.find('/')) : "";
        std::lock_guard lock(mutex_);
        if (auto known = keys_.find(scope); known != keys_.end()) return known->second;
        json parsed = json::parse(document(op, package, "-/npm/v1/keys"), nullptr, false);
        Keys keys;
        if (parsed.is_object())
            for (const json& one : parsed.value("keys", json::array())) {
                if (!one.is_object() || one.value("keytype", "") != "ecdsa-sha2-nistp256") continue;
                std::string der = from_base64(one.value("key", ""));
                auto* at = reinterpret_cast<const unsigned char*>(der.data());
                if (EVP_PKEY* key = d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())))
                    keys.emplace(one.value("keyid", ""), Key(key, Free()));
            }
        if (keys.empty()) throw Error(PMX_INVALID, "the registry has no keys", package, "use this validator with registries that sign");
        return keys_.emplace(scope, std::move(keys)).first->second;
    }

    std::string integrity_of(std::string_view bytes) const {
        unsigned char digest[64], text[89];
        std::size_t length = 0;
        if (digest_->compute(digest_, "sha512", str(bytes), digest, &length) != PMX_OK) throw Error(PMX_FAILED, "no sha512");
        EVP_EncodeBlock(text, digest, static_cast<int>(length));
        return "sha512-" + std::string(reinterpret_cast<char*>(text));
    }

    static bool verifies(EVP_PKEY* key, const std::string& message, const std::string& signature) {
        std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
        return context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
               EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                                reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
    }

    const pmx_registry* registry_;
    const pmx_digest* digest_;
    const pmx_counters* counters_;
    const std::string unsigned_;
    std::mutex mutex_;
    std::map<std::string, Keys> keys_;
};

}  // namespace

PMX_VALIDATOR(Signatures, "signatures", "1.0.0", "Archives are what the registry signed", 0, options, 1)
