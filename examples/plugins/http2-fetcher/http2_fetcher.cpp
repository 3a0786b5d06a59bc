// http2-fetcher: http and https over HTTP/2 by libcurl: all requests to one server are streams of one connection. TLS
// negotiates it (ALPN), and a server without it is spoken to in HTTP/1.1; in the clear it is asked for with the option
// prior-knowledge (h2c). One thread runs everything; fetch() only hands over.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <list>
#include <mutex>
#include <thread>

#include <curl/curl.h>

#include <pmx/fetcher.hpp>

namespace {

using namespace pmx::sdk;
using Clock = std::chrono::steady_clock;

constexpr pmx_option options[] = {
    option_flag("prior-knowledge", "Speak HTTP/2 at once to http: URLs", false),
    option_integer("network-concurrency", "Requests under way at once", "48", 1, 1024),
    option_integer("fetch-timeout", "Give up on a server that sends nothing for so many ms", "60000", 1, 86400000),
    option_integer("fetch-retries", "Tries after the first", "2", 0, 100),
    option_integer("fetch-retry-mintimeout", "Wait before a retry, in ms; grows with each", "10000", 0, 86400000),
};

// One request, from fetch() to complete().
struct Job {
    Op op;
    const pmx_request* request;
    Response response;
    std::string url;  // of this hop
    CURL* curl = nullptr;
    curl_slist* headers = nullptr;
    char error[CURL_ERROR_SIZE] = "";
    std::vector<std::pair<std::string, std::string>> answer_headers{};
    bool is_whole = false;  // the head's end has come: curl takes half a head for a whole one
    bool has_head = false;
    pmx_status refused = PMX_OK;  // what the host said to the body
    int hops = 0;
    std::size_t ignored = 0;
    std::int64_t attempt = 0;
    Clock::time_point due{};
};

class Http2Fetcher {
  public:
    static constexpr const char* kSchemes = "http,https";

    Http2Fetcher(Host host, const Config& config)
        : credentials_(host.service<pmx_credentials>(PMX_SERVICE_CREDENTIALS)),
          counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)),
          requests_(host.service<pmx_requests>(PMX_SERVICE_REQUESTS)), prior_knowledge_(config.flag("prior-knowledge")),
          width_(static_cast<std::size_t>(config.integer("network-concurrency", 48))),
          timeout_(static_cast<long>(config.integer("fetch-timeout", 60000))), retries_(config.integer("fetch-retries", 2)),
          wait_(config.integer("fetch-retry-mintimeout", 10000)), multi_(curl_multi_init()) {
        if (!multi_) throw Error(PMX_NO_MEMORY, "curl has no room");
        curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
        curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, 6L);  // for servers that speak HTTP/1.1
    }
    ~Http2Fetcher() {
        is_ending_ = true;
        curl_multi_wakeup(multi_);
        if (thread_.joinable()) thread_.join();
        curl_multi_cleanup(multi_);
    }
    Http2Fetcher(const Http2Fetcher&) = delete;

    void fetch(Op op, const pmx_request& request, Response response) {
        std::lock_guard lock(mutex_);
        if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
        arrived_.push_back(Job{op, &request, response, std::string(view(request.url))});
        curl_multi_wakeup(multi_);
    }

  private:
    void run() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, nullptr);  // signals are the host's
        for (bool goes_on = true; goes_on;) {
            {
                std::lock_guard lock(mutex_);
                waiting_.splice(waiting_.end(), arrived_);
            }
            cancel();
            start_due();
            int running = 0;
            curl_multi_perform(multi_, &running);
            int left = 0;
            while (CURLMsg* message = curl_multi_info_read(multi_, &left))
                if (message->msg == CURLMSG_DONE) ended(message->easy_handle, message->data.result);
            goes_on = !is_ending_ || !jobs_.empty() || !waiting_.empty();
            if (goes_on) curl_multi_poll(multi_, nullptr, 0, is_ending_ ? 0 : jobs_.empty() && waiting_.empty() ? 1000 : 50, nullptr);
        }
    }

    void cancel() {
        for (auto* list : {&jobs_, &waiting_})
            for (auto at = list->begin(); at != list->end();) {
                auto job = at++;
                if (is_ending_ || job->op.cancelled()) finish(*list, job, PMX_CANCELLED);
            }
    }

    void start_due() {
        for (auto at = waiting_.begin(); at != waiting_.end() && jobs_.size() < width_;) {
            auto job = at++;
            if (job->due > Clock::now()) continue;
            jobs_.splice(jobs_.end(), waiting_, job);
            start(*job);
        }
    }

    void start(Job& job) {
        CURL* curl = job.curl = curl_easy_init();
        auto header = [&](const std::string& line) { job.headers = curl_slist_append(job.headers, line.c_str()); };
        for (std::size_t i = 0; i < job.request->header_count; ++i)
            header(std::string(view(job.request->headers[i].name)) + ": " + std::string(view(job.request->headers[i].value)));
        // Asked again for each hop: what belongs to one origin is not sent to another.
        if (std::string token = ask("authorization", job.url); !token.empty()) header("Authorization: " + token);
        auto set = [&](CURLoption option, auto value) { curl_easy_setopt(curl, option, value); };
        set(CURLOPT_URL, job.url.c_str());
        set(CURLOPT_PRIVATE, &job);
        set(CURLOPT_HTTPHEADER, job.headers);
        set(CURLOPT_ERRORBUFFER, job.error);
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_PROTOCOLS_STR, "http,https");
        bool in_clear = prior_knowledge_ && job.url.starts_with("http:");
        set(CURLOPT_HTTP_VERSION, static_cast<long>(in_clear ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_2TLS));
        // Rather a stream of the connection that is being made than another connection; but curl 7.88 cannot use an h2c
        // connection twice (its issue 10634).
        if (in_clear && curl_version_info(CURLVERSION_NOW)->version_num >> 8 == 0x0758) set(CURLOPT_FRESH_CONNECT, 1L);
        else set(CURLOPT_PIPEWAIT, 1L);
        set(CURLOPT_CONNECTTIMEOUT_MS, timeout_);
        set(CURLOPT_LOW_SPEED_LIMIT, 1L);
        set(CURLOPT_LOW_SPEED_TIME, (timeout_ + 999) / 1000);
        set(CURLOPT_USERAGENT, ask("user-agent", job.url).c_str());
        if (std::string proxy = ask("proxy", job.url); !proxy.empty()) set(CURLOPT_PROXY, proxy.c_str());
        else set(CURLOPT_NOPROXY, "*");
        if (std::string file = ask("cafile", job.url); !file.empty()) set(CURLOPT_CAINFO, file.c_str());
        blob(curl, CURLOPT_CAINFO_BLOB, ask("ca", job.url));
        blob(curl, CURLOPT_SSLCERT_BLOB, ask("cert", job.url));
        blob(curl, CURLOPT_SSLKEY_BLOB, ask("key", job.url));
        if (ask("strict-ssl", job.url) == "false") set(CURLOPT_SSL_VERIFYPEER, 0L), set(CURLOPT_SSL_VERIFYHOST, 0L);
        // An archive's own gzip is its format, not an encoding.
        if (job.request->purpose == PMX_FETCH_PACKUMENT) set(CURLOPT_ACCEPT_ENCODING, "gzip");
        set(CURLOPT_WRITEFUNCTION, &on_body);
        set(CURLOPT_WRITEDATA, &job);
        set(CURLOPT_HEADERFUNCTION, &on_header);
        set(CURLOPT_HEADERDATA, &job);
        if (job.hops) set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);  // the redirecting server's word, not the user's
        job.answer_headers.clear();
        job.is_whole = false;
        job.ignored = 0;
        curl_multi_add_handle(multi_, curl);
        count("requests");
    }

    // The head goes out with the first byte of a body that is wanted, or at the end of an empty one.
    static void tell_head(Job& job) {
        if (std::exchange(job.has_head, true)) return;
        long status = 0;
        curl_off_t length = -1;
        curl_easy_getinfo(job.curl, CURLINFO_RESPONSE_CODE, &status);
        if (job.request->purpose != PMX_FETCH_PACKUMENT) curl_easy_getinfo(job.curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        std::vector<pmx_header> headers;
        for (const auto& [name, value] : job.answer_headers) headers.push_back({str(name), str(value)});
        job.response.head(static_cast<std::uint32_t>(status), length < 0 ? UINT64_MAX : static_cast<std::uint64_t>(length), headers);
    }

    static std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
        Job& job = *static_cast<Job*>(context);
        long status = 0;
        curl_easy_getinfo(job.curl, CURLINFO_RESPONSE_CODE, &status);
        if (status != 200) return (job.ignored += size) < kIgnored ? size : 0;  // what a refusal says is of no use
        job.refused = guarded(job.op.raw(), [&] {
            tell_head(job);
            job.response.append({data, size});
            return PMX_OK;
        });
        return job.refused == PMX_OK ? size : 0;
    }

    static std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
        Job& job = *static_cast<Job*>(context);
        std::string_view line(data, size);
        if (line.starts_with("HTTP/")) job.answer_headers.clear(), job.is_whole = false;  // what came before was an interim answer
        if (line == "\r\n" || line == "\n") job.is_whole = true;  // trailers may follow the body
        std::size_t colon = line.find(':', 1);
        if (colon == std::string_view::npos) return size;
        std::string_view value = line.substr(colon + 1);
        while (!value.empty() && std::strchr(" \t\r\n", value.back())) value.remove_suffix(1);
        while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
        std::string name(line.substr(0, colon));
        for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
        job.answer_headers.emplace_back(std::move(name), value);
        return size;
    }

    void ended(CURL* curl, CURLcode code) {
        char* context = nullptr;
        curl_easy_getinfo(curl, CURLINFO_PRIVATE, &context);
        Job& job = *reinterpret_cast<Job*>(context);
        auto at = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& one) { return &one == &job; });
        long status = 0, version = 0, connects = 0;
        char* next = nullptr;
        curl_off_t bytes = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(curl, CURLINFO_HTTP_VERSION, &version);
        curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
        curl_easy_getinfo(curl, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &next);
        count("bytes_fetched", static_cast<std::uint64_t>(bytes));
        count("http2_connections", static_cast<std::uint64_t>(connects));
        if (version == CURL_HTTP_VERSION_2_0) count("http2_requests");

        if (status != 200 && job.ignored >= kIgnored) code = CURLE_OK;
        if (code == CURLE_OK && !job.is_whole) code = CURLE_PARTIAL_FILE;
        if (job.refused != PMX_OK) return finish(jobs_, at, job.refused);
        if (code == CURLE_OK && (status == 200 || status == 304)) {
            pmx_status told = guarded(job.op.raw(), [&] { return tell_head(job), PMX_OK; });
            return finish(jobs_, at, told);
        }
        if (code == CURLE_OK && next) return redirect(at, next);
        std::string what = code != CURLE_OK ? *job.error ? job.error : curl_easy_strerror(code)
                                            : "the server answered " + std::to_string(status);
        if ((code != CURLE_OK || status == 429 || status >= 500) && code != CURLE_PEER_FAILED_VERIFICATION && job.attempt < retries_)
            return retry(at, what, status);
        job.op.report(PMX_ERROR, "cannot fetch " + std::string(view(job.request->subject)) + ": " + what, job.url,
                      status == 401 || status == 403 ? "check the token for this registry in .npmrc" : "check the URL and the network");
        finish(jobs_, at, status == 404 ? PMX_NOT_FOUND : status == 401 || status == 403 ? PMX_DENIED : PMX_UNAVAILABLE);
    }

    void redirect(std::list<Job>::iterator job, std::string next) {
        if (++job->hops > 10 || (job->url.starts_with("https:") && !next.starts_with("https:"))) {
            job->op.report(PMX_ERROR, job->hops > 10 ? "more than 10 redirects" : "the server redirects from https to http", job->url);
            return finish(jobs_, job, PMX_UNAVAILABLE);
        }
        release(*job);
        job->url = std::move(next);
        start(*job);
    }

    void retry(std::list<Job>::iterator job, const std::string& what, long http_status) {
        std::int64_t wait = wait_ << std::min<std::int64_t>(job->attempt++, 6);
        if (requests_) {
            pmx_retry told{sizeof(pmx_retry), static_cast<std::uint32_t>(job->attempt), static_cast<std::uint32_t>(retries_),
                           static_cast<std::uint32_t>(http_status), static_cast<std::uint64_t>(wait), str(job->url),
                           job->request->subject, str(what)};
            requests_->retrying(requests_, &told);
        }
        count("retries");
        release(*job);
        if (std::exchange(job->has_head, false)) job->response.restart();
        job->url = view(job->request->url);
        job->due = Clock::now() + std::chrono::milliseconds(wait);
        waiting_.splice(waiting_.end(), jobs_, job);
    }

    void release(Job& job) {
        if (job.curl) {
            curl_multi_remove_handle(multi_, job.curl);
            curl_easy_cleanup(std::exchange(job.curl, nullptr));
        }
        curl_slist_free_all(std::exchange(job.headers, nullptr));
    }
    // The job is gone before the host hears of it: it may ask for the next one at once.
    void finish(std::list<Job>& from, std::list<Job>::iterator job, pmx_status status) {
        release(*job);
        Response response = job->response;
        from.erase(job);
        response.complete(status);
    }

    static void blob(CURL* curl, CURLoption option, const std::string& pem) {
        if (pem.empty()) return;
        curl_blob text{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_COPY};
        curl_easy_setopt(curl, option, &text);
    }
    std::string ask(const char* key, const std::string& url) const {
        std::string value;
        auto emit = [](void* context, pmx_str text) { *static_cast<std::string*>(context) = view(text); };
        if (!credentials_) return value;
        if (std::strcmp(key, "authorization") == 0) credentials_->authorization(credentials_, str(url), emit, &value);
        else credentials_->transport(credentials_, str(url), key, emit, &value);
        return value;
    }
    void count(const char* name, std::uint64_t by = 1) const {
        if (counters_ && by) counters_->add(counters_, name, by);
    }

    static constexpr std::size_t kIgnored = 65536;
    const pmx_credentials* credentials_;
    const pmx_counters* counters_;
    const pmx_requests* requests_;
    const bool prior_knowledge_;
    const std::size_t width_;
    const long timeout_;
    const std::int64_t retries_, wait_;
    CURLM* multi_;
    std::atomic<bool> is_ending_{false};
    std::mutex mutex_;
    std::list<Job> arrived_;           // guarded by the mutex; the rest belongs to the thread
    std::list<Job> waiting_, jobs_;
    std::thread thread_;
};

}  // namespace

PMX_FETCHER(Http2Fetcher, "http2-fetcher", "1.0.0", "http and https over HTTP/2", PMX_CAP_THREADS | PMX_CAP_NETWORK, options, 5)
