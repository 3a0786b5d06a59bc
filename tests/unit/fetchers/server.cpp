#include "server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace pmx::test {

namespace {
thread_local Server* current = nullptr;

std::string pem_of(const std::function<int(BIO*)>& write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* data = nullptr;
    long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}
}  // namespace

long Peer::read(char* to, std::size_t room) {
    return ssl ? SSL_read(ssl, to, static_cast<int>(room)) : ::recv(fd, to, room, 0);
}

bool Peer::request(std::string& head) {
    for (;;) {
        if (auto end = pending_.find("\r\n\r\n"); end != std::string::npos) {
            head = pending_.substr(0, end + 4);
            pending_.erase(0, end + 4);
            std::lock_guard lock(current->mutex_);
            current->heads_.push_back(head);
            return true;
        }
        char bytes[4096];
        long got = read(bytes, sizeof bytes);
        if (got <= 0) return false;
        pending_.append(bytes, static_cast<std::size_t>(got));
    }
}

void Peer::send(std::string_view bytes) {
    while (!bytes.empty()) {
        long put = ssl ? SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size()))
                       : ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (put <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
}

void Peer::until_closed() {
    char bytes[4096];
    while (read(bytes, sizeof bytes) > 0) {
    }
}

void Peer::reset() {
    linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void Peer::join(const Peer& other) {
    std::array<int, 2> ends = {fd, other.fd};
    for (;;) {
        std::array<pollfd, 2> fds = {pollfd{ends[0], POLLIN, 0}, pollfd{ends[1], POLLIN, 0}};
        if (::poll(fds.data(), fds.size(), -1) < 0) return;
        for (std::size_t i = 0; i < 2; ++i) {
            if (!fds[i].revents) continue;
            char bytes[16384];
            long got = ::recv(ends[i], bytes, sizeof bytes, 0);
            if (got <= 0 || ::send(ends[1 - i], bytes, static_cast<std::size_t>(got), MSG_NOSIGNAL) != got)
                return;
        }
    }
}

Identity make_identity(const std::string& host) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    static std::atomic<long> serial{1};
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(host.c_str()),
                               -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    std::string names = "DNS:" + host + (host == "localhost" ? ",IP:127.0.0.1" : "");
    for (auto [nid, value] :
         {std::pair{NID_subject_alt_name, names.c_str()}, std::pair{NID_basic_constraints, "CA:TRUE"}}) {
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    X509_sign(certificate, key, EVP_sha256());
    Identity identity{pem_of([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }),
                      pem_of([&](BIO* bio) {
                          return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
                      })};
    X509_free(certificate);
    EVP_PKEY_free(key);
    return identity;
}

Server::Server(Serve serve, const Identity* identity, const std::string& client_ca)
    : serve_(std::move(serve)) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    if (identity) {
        auto read = [](const std::string& pem) {
            return BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
        };
        tls_ = SSL_CTX_new(TLS_server_method());
        BIO* bio = read(identity->certificate);
        X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
        BIO_free(bio);
        bio = read(identity->key);
        EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
        BIO_free(bio);
        SSL_CTX_use_certificate(tls_, certificate);
        SSL_CTX_use_PrivateKey(tls_, key);
        SSL_CTX_set_session_id_context(tls_, reinterpret_cast<const unsigned char*>("t"), 1);
        X509_free(certificate);
        EVP_PKEY_free(key);
        if (!client_ca.empty()) {
            bio = read(client_ca);
            X509* ca = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
            BIO_free(bio);
            X509_STORE_add_cert(SSL_CTX_get_cert_store(tls_), ca);
            X509_free(ca);
            SSL_CTX_set_verify(tls_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        }
    }
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 512);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

void Server::accept_all() {
    for (;;) {
        int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0 || ending_) {
            if (fd >= 0) ::close(fd);
            return;
        }
        std::lock_guard lock(mutex_);
        int index = connections_++;
        int now = ++now_;
        most_ = std::max(most_.load(), now);
        fds_.push_back(fd);
        threads_.emplace_back([this, fd, index] {
            current = this;
            Peer peer;
            peer.fd = fd;
            peer.index = index;
            bool ready = true;
            if (tls_) {
                peer.ssl = SSL_new(tls_);
                SSL_set_fd(peer.ssl, fd);
                ready = SSL_accept(peer.ssl) == 1;
            }
            if (ready) serve_(peer);
            if (peer.ssl && ready) SSL_shutdown(peer.ssl);
            SSL_free(peer.ssl);
            --now_;
            std::lock_guard inner(mutex_);
            std::erase(fds_, fd);
            ::close(fd);
        });
    }
}

Server::~Server() {
    ending_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
        std::lock_guard lock(mutex_);
        for (int fd : fds_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
    SSL_CTX_free(tls_);
}

Server::Serve Server::answering(std::function<std::string(const std::string&)> answer) {
    return [answer = std::move(answer)](Peer& peer) {
        std::string head;
        while (peer.request(head)) peer.send(answer(head));
    };
}

std::string Server::url(const std::string& path, const std::string& host) const {
    return std::string(tls_ ? "https://" : "http://") + host + ":" + std::to_string(port_) + path;
}

std::vector<std::string> Server::heads() {
    std::lock_guard lock(mutex_);
    return heads_;
}

std::string ok(const std::string& body, const std::string& headers) {
    return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

std::string gzip(const std::string& bytes) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string chunked(const std::string& body, std::size_t step) {
    std::string out;
    for (std::size_t at = 0; at < body.size(); at += step) {
        std::string part = body.substr(at, step);
        char size[32];
        std::snprintf(size, sizeof size, "%zx;name=value\r\n", part.size());
        out += size + part + "\r\n";
    }
    return out + "0\r\nTrailer: yes\r\n\r\n";
}

}  // namespace pmx::test
