#include "tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

#include "failure.hpp"

namespace pmx::http1 {

namespace {

constexpr std::size_t kReadAhead = 128 * 1024;

[[noreturn]] void bad_setting(std::string what, std::string remedy) {
    ERR_clear_error();
    throw Failure{PMX_INVALID, false, std::move(what), std::move(remedy)};
}

struct BioDeleter {
    void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioDeleter>;

BioPtr memory(const std::string& text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Every certificate of `pem`; how many there were.
template <class Each>
int for_certificates(const std::string& pem, Each&& each) {
    BioPtr bio = memory(pem);
    int count = 0;
    while (X509* certificate = bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr) {
        each(count++, certificate);
        X509_free(certificate);
    }
    ERR_clear_error();
    return count;
}

int no_passphrase(char*, int, int, void*) {
    return 0;
}

}  // namespace

int Tls::keep_session(SSL* ssl, SSL_SESSION* session) {
    auto* slot = static_cast<std::unique_ptr<SSL_SESSION, SslDeleter>*>(SSL_get_app_data(ssl));
    if (!slot) return 0;
    slot->reset(session);
    return 1;
}

std::unique_ptr<Tls::Context> Tls::make(const TlsSettings& settings) {
    auto made = std::make_unique<Context>();
    made->ctx.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* ctx = made->ctx.get();
    if (!ctx) throw Failure{PMX_NO_MEMORY, false, "OpenSSL has no room for a TLS context"};
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, kReadAhead);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, &keep_session);
    static constexpr unsigned char kAlpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_CTX_set_alpn_protos(ctx, kAlpn, sizeof kAlpn);

    SSL_CTX_set_verify(ctx, settings.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (!settings.ca.empty()) {
        X509_STORE* store = SSL_CTX_get_cert_store(ctx);
        if (!for_certificates(settings.ca,
                              [&](int, X509* certificate) { X509_STORE_add_cert(store, certificate); }))
            bad_setting("the setting ca holds no certificate",
                        "give PEM text that begins with -----BEGIN CERTIFICATE-----");
    }
    if (!settings.cafile.empty() && SSL_CTX_load_verify_file(ctx, settings.cafile.c_str()) != 1)
        bad_setting("cannot read certificates from cafile " + settings.cafile, "check that it is a PEM file");
    if (settings.ca.empty() && settings.cafile.empty()) SSL_CTX_set_default_verify_paths(ctx);
    ERR_clear_error();

    if (!settings.cert.empty()) {
        int count = for_certificates(settings.cert, [&](int i, X509* certificate) {
            if (i == 0)
                SSL_CTX_use_certificate(ctx, certificate);
            else
                SSL_CTX_add1_chain_cert(ctx, certificate);
        });
        if (!count)
            bad_setting("the setting cert holds no certificate", "give the client certificate as PEM text");
        BioPtr bio = memory(settings.key);
        EVP_PKEY* key = bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, nullptr) : nullptr;
        bool fits = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
        EVP_PKEY_free(key);
        if (!fits)
            bad_setting("the setting key is no private key for the client certificate",
                        "give the key of cert as PEM text without a passphrase");
    }
    return made;
}

SslPtr Tls::client(const TlsSettings& settings, const std::string& host, const std::string& origin) {
    auto& context = contexts_[settings];
    if (!context) context = make(settings);
    SslPtr ssl(SSL_new(context->ctx.get()));
    if (!ssl) throw Failure{PMX_NO_MEMORY, false, "OpenSSL has no room for a connection"};
    boost::system::error_code no_address;
    boost::asio::ip::make_address(host, no_address);
    X509_VERIFY_PARAM* verify = SSL_get0_param(ssl.get());
    if (no_address) {
        SSL_set_tlsext_host_name(ssl.get(), host.c_str());
        X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        X509_VERIFY_PARAM_set1_host(verify, host.c_str(), host.size());
    } else {
        X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str());
    }
    auto& session = context->sessions[origin];
    if (session) SSL_set_session(ssl.get(), session.get());
    SSL_set_app_data(ssl.get(), &session);
    return ssl;
}

std::string Tls::failure_text(SSL* ssl) {
    long verdict = SSL_get_verify_result(ssl);
    std::string text = "the TLS handshake failed";
    if (verdict != X509_V_OK) {
        text = std::string("the server's certificate was refused: ") + X509_verify_cert_error_string(verdict);
    } else if (unsigned long error = ERR_peek_last_error()) {
        if (const char* reason = ERR_reason_error_string(error)) text += std::string(": ") + reason;
    }
    ERR_clear_error();
    return text;
}

}  // namespace pmx::http1
