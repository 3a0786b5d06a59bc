// @NAME@: http without TLS, one connection a request, on the thread that asks. Change get() to bring the bytes from
// somewhere else; what counts is that `response` gets a head, then the body, and that every wait looks at `op`.
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>

#include <pmx/fetcher.hpp>

namespace {

using namespace pmx::sdk;

// An option with the name of a pmx setting gets that setting's value.
constexpr pmx_option options[] = {option_integer("fetch-timeout", "Give up on silence of so many ms", "60000", 1, 86400000)};

struct Url {
    std::string host, port, target;
};

Url parse(std::string_view text) {
    if (text.substr(0, 7) != "http://") throw Error(PMX_INVALID, "this fetcher knows http only", std::string(text));
    text.remove_prefix(7);
    std::string_view place = text.substr(0, text.find_first_of("/?#"));
    std::string_view target = text.substr(place.size(), text.find('#') - place.size());
    if (auto at = place.rfind('@'); at != place.npos) place.remove_prefix(at + 1);
    auto bad = [](unsigned char c) { return c <= ' ' || c == 127; };
    if (place.empty() || std::any_of(text.begin(), text.end(), bad)) throw Error(PMX_INVALID, "not a URL", std::string(text));
    auto colon = place.find(':');
    std::string port(colon == place.npos ? "80" : place.substr(colon + 1));
    return {std::string(place.substr(0, colon)), port, (target.empty() || target[0] == '?' ? "/" : "") + std::string(target)};
}

// One connection; every wait ends when the call is cancelled or the server is silent for too long.
class Connection {
  public:
    Connection(Op op, const Url& url, std::chrono::milliseconds patience) : op_(op), host_(url.host), patience_(patience) {
        addrinfo hints{}, *found = nullptr;
        hints.ai_socktype = SOCK_STREAM;
        if (::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found) != 0) fail("cannot find the server");
        for (addrinfo* at = found; at && fd_ < 0; at = at->ai_next) {
            fd_ = ::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            int error = 0;
            socklen_t size = sizeof error;
            if (fd_ >= 0 && (::connect(fd_, at->ai_addr, at->ai_addrlen) == 0 ||
                             (errno == EINPROGRESS && is_ready(POLLOUT) &&
                              ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)))
                break;
            close();
        }
        ::freeaddrinfo(found);
        op_.throw_if_cancelled();
        if (fd_ < 0) fail("cannot connect to the server");
    }
    ~Connection() { close(); }
    Connection(const Connection&) = delete;

    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            wait(POLLOUT);
            ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n < 0 && errno != EAGAIN && errno != EINTR) fail("the connection broke");
            if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    // Up to `most` bytes; none at the end of the stream.
    std::size_t read(char* to, std::size_t most) {
        if (!kept_.empty()) {
            std::size_t n = kept_.copy(to, most);
            kept_.erase(0, n);
            return n;
        }
        for (;;) {
            wait(POLLIN);
            ssize_t n = ::recv(fd_, to, most, 0);
            if (n >= 0) return static_cast<std::size_t>(n);
            if (errno != EAGAIN && errno != EINTR) fail("the connection broke");
        }
    }
    std::string line() {
        std::size_t end;
        while ((end = kept_.find('\n')) == kept_.npos) {
            char buffer[4096];
            std::string kept = std::exchange(kept_, {});
            std::size_t n = read(buffer, sizeof buffer);
            kept_ = std::move(kept) + std::string(buffer, n);
            if (n == 0 || kept_.size() > 65536) fail("the server sent no HTTP");
        }
        std::string line = kept_.substr(0, end);
        kept_.erase(0, end + 1);
        if (!line.empty() && line.back() == '\r') line.pop_back();
        return line;
    }
    [[noreturn]] void fail(const char* what) { throw Error(PMX_UNAVAILABLE, what, host_, "try again later"); }

  private:
    bool is_ready(short events) {
        auto end = std::chrono::steady_clock::now() + patience_;
        while (!op_.cancelled() && std::chrono::steady_clock::now() < end) {
            pollfd wait{fd_, events, 0};
            if (::poll(&wait, 1, 50) > 0) return true;
        }
        return false;
    }
    void wait(short events) {
        if (is_ready(events)) return;
        op_.throw_if_cancelled();
        fail("the server is silent");
    }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    Op op_;
    std::string host_, kept_;
    std::chrono::milliseconds patience_;
    int fd_ = -1;
};

struct Head {
    unsigned status = 0;
    std::uint64_t length = UINT64_MAX;
    bool chunked = false;
    std::string location;
    std::vector<std::pair<std::string, std::string>> headers;
};

Head read_head(Connection& from) {
    Head head;
    std::string line = from.line();
    if (line.rfind("HTTP/1.", 0) != 0 || line.size() < 12) from.fail("the server sent no HTTP");
    head.status = static_cast<unsigned>(std::atoi(line.c_str() + 9));
    while (!(line = from.line()).empty()) {
        auto colon = std::min(line.find(':'), line.size());
        std::string name = line.substr(0, colon), value = line.substr(std::min(colon + 1, line.size()));
        value.erase(0, value.find_first_not_of(" \t"));
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
        if (name == "content-length") head.length = std::strtoull(value.c_str(), nullptr, 10);
        if (name == "transfer-encoding") head.chunked = value == "chunked";
        if (name == "location") head.location = value;
        head.headers.emplace_back(std::move(name), std::move(value));
        if (head.headers.size() > 200) from.fail("the server sent no HTTP");
    }
    if (head.chunked) head.length = UINT64_MAX;
    return head;
}

class @CLASS@ : public BlockingFetcher<@CLASS@> {
  public:
    static constexpr const char* kSchemes = "http";
    @CLASS@(Host host, const Config& config)
        : credentials_(host.service<pmx_credentials>(PMX_SERVICE_CREDENTIALS)), patience_(config.integer("fetch-timeout")) {}

    void get(Op op, const pmx_request& request, Response response) const {
        std::string url(view(request.url));
        for (int hop = 0; hop < 10; ++hop) {
            Url at = parse(url);
            Connection connection(op, at, patience_);
            connection.write(text_of(request, url, at));
            Head head = read_head(connection);
            if (head.status >= 301 && head.status <= 308 && head.status != 304 && !head.location.empty()) {
                url = head.location[0] == '/' ? "http://" + at.host + ":" + at.port + head.location : head.location;
                continue;
            }
            return deliver(connection, head, request, response);
        }
        throw Error(PMX_UNAVAILABLE, "too many redirects", std::string(view(request.subject)), "check the registry URL");
    }

  private:
    std::string text_of(const pmx_request& request, const std::string& url, const Url& at) const {
        std::string text = "GET " + at.target + " HTTP/1.1\r\nHost: " + at.host + ":" + at.port + "\r\nConnection: close\r\n";
        for (std::size_t i = 0; i < request.header_count; ++i)
            text.append(view(request.headers[i].name)).append(": ").append(view(request.headers[i].value)).append("\r\n");
        // Asked for every hop: the host knows which credentials belong to which place.
        if (credentials_)
            credentials_->authorization(
                credentials_, str(url),
                [](void* to, pmx_str value) { static_cast<std::string*>(to)->append("Authorization: ").append(view(value)).append("\r\n"); },
                &text);
        return text + "\r\n";
    }

    static void deliver(Connection& from, const Head& head, const pmx_request& request, Response response) {
        std::string subject(view(request.subject)), code = "the server answered " + std::to_string(head.status);
        if (head.status == 404 || head.status == 410) throw Error(PMX_NOT_FOUND, code, subject, "check the name and the registry");
        if (head.status == 401 || head.status == 403) throw Error(PMX_DENIED, code, subject, "check the token in .npmrc");
        if (head.status != 304 && (head.status < 200 || head.status > 299)) throw Error(PMX_UNAVAILABLE, code, subject, "try again later");
        if (head.length != UINT64_MAX && head.length > request.size_limit) throw Error(PMX_INVALID, "the body is too long", subject);
        std::vector<pmx_header> headers;
        for (const auto& [name, value] : head.headers) headers.push_back({str(name), str(value)});
        response.head(head.status, head.length, headers);
        if (head.status == 304 || head.status == 204) return;
        std::uint64_t sum = 0;
        if (!head.chunked) return body(from, head.length, sum, request, response);
        for (;;) {
            std::string size = from.line();
            char* end = nullptr;
            std::uint64_t length = std::strtoull(size.c_str(), &end, 16);
            if (end == size.c_str()) from.fail("the server sent a broken body");
            if (length == 0) return;
            body(from, length, sum, request, response);
            if (!from.line().empty()) from.fail("the server sent a broken body");
        }
    }

    // `length` bytes, or what comes before the end.
    static void body(Connection& from, std::uint64_t length, std::uint64_t& sum, const pmx_request& request, Response response) {
        while (length > 0) {
            std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(length, 65536));
            std::size_t n = from.read(static_cast<char*>(response.buffer(most)), most);
            if (n == 0 && length != UINT64_MAX) from.fail("the body ended too early");
            if (n == 0) return;
            if ((sum += n) > request.size_limit) throw Error(PMX_INVALID, "the body is too long", std::string(view(request.subject)));
            response.commit(n);
            if (length != UINT64_MAX) length -= n;
        }
    }

    const pmx_credentials* credentials_;
    std::chrono::milliseconds patience_;
};

}  // namespace

PMX_FETCHER(@CLASS@, "@NAME@", "0.1.0", "http, one connection a request", PMX_CAP_BLOCKING | PMX_CAP_NETWORK, options, 1)
