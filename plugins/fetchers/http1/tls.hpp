// TLS over OpenSSL: contexts made from the settings of an origin, and the sessions that later connections
// resume. Verification is on unless strict-ssl=false. [io thread]
#pragma once

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <string>

namespace pmx::http1 {

struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SslPtr = std::unique_ptr<SSL, SslDeleter>;

// What the settings say about TLS; equal values share a context and its sessions.
struct TlsSettings {
    std::string ca, cafile, cert, key;
    bool verify = true;
    auto operator<=>(const TlsSettings&) const = default;
};

class Tls {
  public:
    // A client for `host`, with SNI, ALPN http/1.1, the name to verify, and a session of this origin to
    // resume where there is one. Throws Failure when the settings hold no usable certificate or key.
    SslPtr client(const TlsSettings& settings, const std::string& host, const std::string& origin);
    // The handshake's outcome as a sentence for people.
    static std::string failure_text(SSL* ssl);

  private:
    struct Context {
        std::unique_ptr<SSL_CTX, SslDeleter> ctx;
        std::map<std::string, std::unique_ptr<SSL_SESSION, SslDeleter>>
            sessions;  // by origin; nodes do not move
    };
    static int keep_session(SSL* ssl, SSL_SESSION* session);
    static std::unique_ptr<Context> make(const TlsSettings& settings);
    std::map<TlsSettings, std::unique_ptr<Context>> contexts_;
};

}  // namespace pmx::http1
