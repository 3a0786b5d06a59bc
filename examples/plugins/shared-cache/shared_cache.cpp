// shared-cache: a team shares one warm cache on a server that it already runs. Archives are asked for there by the digest
// that the lockfile promises; what the cache lacks comes from the registry and is put there for the others. Any HTTP server
// that takes PUT will do (nginx with WebDAV, an object store's gateway). Nothing is believed: a body that is not what the
// lockfile promises is as good as none, and the host checks in any case.
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>

#include <curl/curl.h>

#define PMX_NEEDS_MINOR 1  // pmx_request.integrity
#include <pmx/fetcher.hpp>

namespace {

using namespace pmx::sdk;

constexpr pmx_option options[] = {
    option_text("url", "The cache: https://cache.example/npm/", nullptr),
    option_flag("fill", "Put there what it lacks", true),
    option_integer("fetch-timeout", "Give up on a server that sends nothing for so many ms", "60000", 1, 86400000),
    option_integer("fetch-retries", "Tries of the registry after the first", "2", 0, 100),
};

// One transfer after another on kept connections.
class Handle {
  public:
    Handle() : curl_(curl_easy_init()) {
        if (!curl_) throw Error(PMX_NO_MEMORY, "curl has no room");
    }
    ~Handle() { curl_easy_cleanup(curl_); }
    Handle(const Handle&) = delete;
    CURL* get() const { return curl_; }

  private:
    CURL* curl_;
};

struct Body {
    Op op;
    std::uint64_t limit;
    std::string bytes{};
    bool too_long = false, is_whole = false;  // is_whole: the head's end has come
    std::uint32_t status = 200;
    std::vector<std::pair<std::string, std::string>> headers{};
};

struct Answer {
    CURLcode code = CURLE_OK;
    long status = 0;
    std::string error{};
};

std::string hex(const std::uint8_t* bytes, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
        for (int shift : {4, 0}) text += "0123456789abcdef"[bytes[i] >> shift & 15];
    return text;
}

// The sha512 of an SRI text as bytes; empty: it has none.
std::string sha512_of(std::string_view integrity) {
    std::size_t at = integrity.find("sha512-");
    if (at == std::string_view::npos) return {};
    std::string bytes;
    unsigned bits = 0, held = 0;
    for (char c : integrity.substr(at + 7, 86)) {
        const char* table = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char* found = c ? std::strchr(table, c) : nullptr;
        if (!found) return {};
        bits = bits << 6 | static_cast<unsigned>(found - table);
        if ((held += 6) >= 8) bytes += static_cast<char>(bits >> (held -= 8));
    }
    return bytes.size() == 64 ? bytes : std::string();
}

class SharedCache : public BlockingFetcher<SharedCache> {
  public:
    static constexpr const char* kSchemes = "http,https";

    SharedCache(Host host, const Config& config)
        : credentials_(host.service<pmx_credentials>(PMX_SERVICE_CREDENTIALS)),
          counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)), digest_(host.service<pmx_digest>(PMX_SERVICE_DIGEST)),
          cache_(config.text("url")), fills_(config.flag("fill", true)), timeout_(config.integer("fetch-timeout", 60000)),
          retries_(config.integer("fetch-retries", 2)) {
        if (cache_.empty())
            throw Error(PMX_INVALID, "no cache is named", "shared-cache.url", "--plugin-option shared-cache.url=https://cache.example/npm/");
        if (cache_.back() != '/') cache_ += '/';
    }

    void get(Op op, const pmx_request& request, Response response) {
        std::string promised = sha512_of(PMX_HAS(&request, pmx_request, integrity) ? view(request.integrity) : "");
        if (request.purpose != PMX_FETCH_ARCHIVE || promised.empty()) return deliver(response, from_registry(op, request));
        std::string name = hex(reinterpret_cast<const std::uint8_t*>(promised.data()), promised.size());
        std::string place = cache_ + "sha512/" + name.substr(0, 2) + "/" + name + ".tgz";

        Body cached{op, request.size_limit};
        if (usable_) {
            Answer answer = transfer(place, cached, nullptr);
            if (answer.status == 200 && answer.code == CURLE_OK && digest(cached.bytes) == promised) {
                count("cache_hits");
                return deliver(response, cached);
            }
            if (answer.code != CURLE_OK && answer.status == 0) give_up(op, "the shared cache does not answer: " + answer.error);
        }
        Body fresh = from_registry(op, request);
        bool is_right = digest(fresh.bytes) == promised;
        deliver(response, fresh);
        if (fills_ && usable_ && is_right) {
            Body nothing{op, 1 << 20};
            Answer answer = transfer(place, nothing, &fresh.bytes);
            if (answer.code == CURLE_OK && answer.status / 100 == 2) count("cache_fills");
            else give_up(op, "the shared cache does not take what it lacks: " + (answer.status ? "status " + std::to_string(answer.status) : answer.error));
        }
    }

  private:
    static void deliver(Response response, const Body& body) {
        std::vector<pmx_header> headers;
        for (const auto& [name, value] : body.headers) headers.push_back({str(name), str(value)});
        response.head(body.status, body.bytes.size(), headers);
        response.append(body.bytes);
    }

    Body from_registry(Op op, const pmx_request& request) {
        std::string url(view(request.url)), subject(view(request.subject));
        for (std::int64_t attempt = 0;; ++attempt) {
            Body body{op, request.size_limit};
            Answer answer = transfer(url, body, nullptr, &request);
            if (op.cancelled()) throw Error(PMX_CANCELLED, "cancelled");
            if (body.too_long) throw Error(PMX_INVALID, "the body is longer than its limit", subject);
            if (answer.code == CURLE_OK && (answer.status == 200 || answer.status == 304)) return body;
            bool is_passing = answer.code != CURLE_OK || answer.status == 429 || answer.status >= 500;
            if (is_passing && attempt < retries_) {
                count("retries");
                continue;
            }
            if (answer.code != CURLE_OK) throw Error(PMX_UNAVAILABLE, "cannot fetch " + subject + ": " + answer.error, url);
            throw Error(answer.status == 404 ? PMX_NOT_FOUND : answer.status == 401 || answer.status == 403 ? PMX_DENIED : PMX_UNAVAILABLE,
                        "cannot fetch " + subject + ": the server answered " + std::to_string(answer.status), url);
        }
    }

    // GET into `body`, or PUT of `upload`.
    Answer transfer(const std::string& url, Body& body, const std::string* upload, const pmx_request* request = nullptr) {
        std::unique_ptr<Handle> handle = take();
        CURL* curl = handle->get();
        curl_easy_reset(curl);
        char error[CURL_ERROR_SIZE] = "";
        curl_slist* headers = nullptr;
        auto header = [&](const std::string& line) { headers = curl_slist_append(headers, line.c_str()); };
        if (request)
            for (std::size_t i = 0; i < request->header_count; ++i)
                header(std::string(view(request->headers[i].name)) + ": " + std::string(view(request->headers[i].value)));
        if (std::string token = ask("authorization", url); !token.empty()) header("Authorization: " + token);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, url.starts_with("https") ? "https" : "http,https");
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);  // curl sends the Authorization of one host to no other
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout_));
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>((timeout_ + 999) / 1000));
        curl_easy_setopt(curl, CURLOPT_USERAGENT, ask("user-agent", url).c_str());
        if (std::string proxy = ask("proxy", url); !proxy.empty()) curl_easy_setopt(curl, CURLOPT_PROXY, proxy.c_str());
        else curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
        if (std::string file = ask("cafile", url); !file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, file.c_str());
        if (ask("strict-ssl", url) == "false") curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L), curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &receive);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &read_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, &body);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &body);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &is_cancelled);
        if (!upload && request && request->purpose == PMX_FETCH_PACKUMENT) curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
        if (upload) {
            curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, upload->data());
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(upload->size()));
        }
        Answer answer;
        answer.code = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
        if (answer.code == CURLE_OK && !body.is_whole) answer.code = CURLE_PARTIAL_FILE;  // curl takes half a head for a whole one
        body.status = static_cast<std::uint32_t>(answer.status);
        if (answer.code != CURLE_OK) answer.error = *error ? error : curl_easy_strerror(answer.code);
        curl_slist_free_all(headers);
        give_back(std::move(handle));
        count("requests");
        count("bytes_fetched", body.bytes.size());
        return answer;
    }

    static std::size_t receive(char* data, std::size_t, std::size_t size, void* context) {
        Body& body = *static_cast<Body*>(context);
        body.too_long = size > body.limit - body.bytes.size();
        if (body.too_long) return 0;
        body.bytes.append(data, size);
        return size;
    }
    static std::size_t read_header(char* data, std::size_t, std::size_t size, void* context) {
        Body& body = *static_cast<Body*>(context);
        std::string_view line(data, size);
        if (line.starts_with("HTTP/")) body.headers.clear(), body.bytes.clear(), body.is_whole = false;  // a redirect came before
        if (line == "\r\n" || line == "\n") body.is_whole = true;  // trailers may follow the body
        line = line.substr(0, line.find_last_not_of(" \t\r\n") + 1);
        std::size_t colon = line.find(':', 1);
        if (colon == std::string_view::npos) return size;
        std::string name(line.substr(0, colon));
        for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
        std::size_t begin = line.find_first_not_of(" \t", colon + 1);
        body.headers.emplace_back(std::move(name), begin == std::string_view::npos ? std::string_view() : line.substr(begin));
        return size;
    }
    static int is_cancelled(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        return static_cast<Body*>(context)->op.cancelled();
    }

    std::string ask(const char* key, const std::string& url) const {
        std::string value;
        auto emit = [](void* context, pmx_str text) { *static_cast<std::string*>(context) = view(text); };
        if (!credentials_) return value;
        if (std::strcmp(key, "authorization") == 0) credentials_->authorization(credentials_, str(url), emit, &value);
        else credentials_->transport(credentials_, str(url), key, emit, &value);
        return value;
    }
    std::string digest(const std::string& bytes) const {
        std::uint8_t out[64];
        std::size_t length = 0;
        if (!digest_ || digest_->compute(digest_, "sha512", str(bytes), out, &length) != PMX_OK) return {};
        return {reinterpret_cast<char*>(out), length};
    }
    // A cache that fails is left alone for the rest of the run: it is there to save time.
    void give_up(Op op, const std::string& why) {
        if (usable_.exchange(false)) op.report(PMX_WARNING, why + "; going on without it", cache_);
    }
    void count(const char* name, std::uint64_t by = 1) const {
        if (counters_) counters_->add(counters_, name, by);
    }
    std::unique_ptr<Handle> take() {
        std::lock_guard lock(mutex_);
        if (idle_.empty()) return std::make_unique<Handle>();
        auto handle = std::move(idle_.back());
        idle_.pop_back();
        return handle;
    }
    void give_back(std::unique_ptr<Handle> handle) {
        std::lock_guard lock(mutex_);
        idle_.push_back(std::move(handle));
    }

    const pmx_credentials* credentials_;
    const pmx_counters* counters_;
    const pmx_digest* digest_;
    std::string cache_;
    const bool fills_;
    const std::int64_t timeout_, retries_;
    std::atomic<bool> usable_{true};
    std::mutex mutex_;
    std::vector<std::unique_ptr<Handle>> idle_;
};

}  // namespace

PMX_FETCHER(SharedCache, "shared-cache", "1.0.0", "Archives from a cache that a team shares, filled as it is used",
            PMX_CAP_BLOCKING | PMX_CAP_NETWORK, options, 4)
