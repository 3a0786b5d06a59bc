#include "client.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <ctime>
#include <utility>

namespace pmx::http1 {

namespace asio = boost::asio;

namespace {

constexpr Millis kTick{50};
constexpr int kRedirectLimit = 10;

bool is_redirect(unsigned status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_success(unsigned status) {
    return (status >= 200 && status < 300 && status != 206) || status == 304;
}

// Whoever names the encodings undoes them.
bool asks_for_encoding(const pmx_request& request) {
    for (std::size_t i = 0; i < request.header_count; ++i)
        if (equals_ignoring_case(sdk::view(request.headers[i].name), "accept-encoding")) return true;
    return false;
}

bool is_header(const pmx_header& header) {
    auto bad = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    std::string_view name = sdk::view(header.name), value = sdk::view(header.value);
    return !name.empty() && name.find_first_of(" :\t") == std::string_view::npos &&
           std::none_of(name.begin(), name.end(), bad) && std::none_of(value.begin(), value.end(), bad);
}

Failure refused(const Head& head, std::int64_t now) {
    Failure failure;
    failure.what = "the server answered " + std::to_string(head.status);
    failure.retryable = is_retryable_status(head.status);
    failure.retry_after = parse_retry_after(head.header("retry-after"), now);
    if (head.status == 404 || head.status == 410) {
        failure.status = PMX_NOT_FOUND;
        failure.remedy = "check the name, the version and the registry; a private package needs a login";
    } else if (head.status == 401 || head.status == 403) {
        failure.status = PMX_DENIED;
        failure.remedy = "check the token for this registry in .npmrc";
    } else if (head.status == 407) {
        failure.status = PMX_DENIED;
        failure.remedy = "put the proxy's user and password into the setting https-proxy or proxy";
    } else {
        failure.remedy = failure.retryable ? "try again later" : "check the registry URL";
    }
    return failure;
}

}  // namespace

Failure failure_now() {
    try {
        throw;
    } catch (Failure& caught) {
        return std::move(caught);
    } catch (const std::bad_alloc&) {
        return Failure{PMX_NO_MEMORY, false, "out of memory"};
    } catch (const std::exception& error) {
        return Failure{PMX_FAILED, false, error.what()};
    }
}

Client::Client(const ClientOptions& options, const pmx_credentials* credentials, const pmx_counters* counters,
               const pmx_requests* requests)
    : options_(options), counters_(counters), requests_(requests), pool_(io_, options.concurrency), origins_(credentials) {}

Client::~Client() {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] {
        stopping_ = true;
        tick();
        work_.reset();
    });
    thread_.join();
}

void Client::start(sdk::Op op, const pmx_request& request, sdk::Response response) {
    std::optional<Url> url = parse_url(sdk::view(request.url));
    if (!url)
        throw sdk::Error(PMX_INVALID, "not an http URL", std::string(sdk::view(request.subject)),
                         "check the lockfile and the registry setting");
    for (std::size_t i = 0; i < request.header_count; ++i)
        if (!is_header(request.headers[i]))
            throw sdk::Error(PMX_INVALID, "a request header holds control bytes",
                             std::string(sdk::view(request.subject)));
    std::list<Job> one;
    one.push_back({op,
                   &request,
                   response.raw(),
                   *url,
                   Sink(response.raw(), request.size_limit),
                   {},
                   0,
                   Job::State::queued,
                   {},
                   {},
                   *url,
                   false,
                   {},
                   0,
                   {}});
    one.back().flight.timeout = options_.timeout;
    std::call_once(started_, [this] {
        thread_ = std::thread([this] {
            // Signals are the host's; a write to a closed connection is an error here, never SIGPIPE.
            sigset_t all;
            sigfillset(&all);
            pthread_sigmask(SIG_SETMASK, &all, nullptr);
            io_.run();
        });
    });
    asio::post(io_, [this, one = std::move(one)]() mutable {
        jobs_.splice(jobs_.end(), one);
        Job& job = jobs_.back();
        job.self = std::prev(jobs_.end());
        if (stopping_) return finish(job, PMX_CANCELLED);
        enqueue(job, false);
    });
}

void Client::enqueue(Job& job, bool first) {
    job.state = Job::State::queued;
    auto& queue = job.request->purpose == PMX_FETCH_PACKUMENT ? urgent_ : queue_;
    if (first)
        queue.push_front(&job);
    else
        queue.push_back(&job);
    pump();
    watch();
}

void Client::pump() {
    while (running_ < options_.concurrency && (!urgent_.empty() || !part_turns_.empty() || !queue_.empty())) {
        if (urgent_.empty() && !part_turns_.empty()) {
            PartTurn turn = std::move(part_turns_.front());
            part_turns_.pop_front();
            if (turn.part->state != Part::State::waiting) continue;
            turn.part->state = Part::State::running;
            ++turn.parts->running;
            high_water("requests_high_water", ++running_);
            asio::co_spawn(io_, run_part(std::move(turn)), asio::detached);
            continue;
        }
        auto& queue = urgent_.empty() ? queue_ : urgent_;
        Job& job = *queue.front();
        queue.pop_front();
        job.state = Job::State::running;
        high_water("requests_high_water", ++running_);
        asio::co_spawn(io_, run(job), asio::detached);
    }
}

void Client::watch() {
    if (watching_) return;
    watching_ = true;
    watch_.expires_after(kTick);
    watch_.async_wait([this](boost::system::error_code error) {
        watching_ = false;
        if (!error) tick();
    });
}

void Client::tick() {
    Clock::time_point now = Clock::now();
    for (auto it = jobs_.begin(); it != jobs_.end();) {
        Job& job = *it++;
        bool cancelled = stopping_ || job.op.cancelled();
        if (job.parts) job.parts->watch(now, cancelled);
        if (!cancelled && now < job.flight.deadline) continue;
        job.flight.cancelled |= cancelled;
        if (job.state == Job::State::queued) {
            std::erase(urgent_, &job);
            std::erase(queue_, &job);
            finish(job, PMX_CANCELLED);
        } else if (job.state == Job::State::sleeping) {
            job.sleep->cancel();
        } else {
            job.flight.timed_out |= !cancelled;
            job.flight.interrupt();
        }
    }
    pool_.close_idle(stopping_ ? Clock::time_point::max() : now - options_.idle);
    if (!jobs_.empty() || pool_.has_idle())
        watch();
    else
        watch_.cancel();
}

Task<> Client::run(Job& job) {
    std::optional<Failure> failure;
    ++job.attempts;
    for (bool again = true; again;) {
        failure.reset();
        job.refusal.reset();
        job.flight.timed_out = false;
        const bool was_in_one = job.in_one;
        try {
            co_await attempt(job);
        } catch (...) {
            failure = failure_now();
        }
        job.parts.reset();
        ahead_ -= std::exchange(job.ahead, 0);
        // What failed in parts has not been tried yet.
        again = failure && job.in_one && !was_in_one && failure->retryable && !job.flight.cancelled;
        if (again) {
            count("range_fallbacks");
            job.sink.restart();
        }
    }
    end_attempt(job, std::move(failure));
}

Task<> Client::attempt(Job& job) {
    Url url = job.url;
    std::set<std::string> seen{url.text()};
    for (int hop = 0; hop <= kRedirectLimit; ++hop) {
        job.shown = url;
        const Origin& origin = origins_.of(url);
        if (!origin.proxy_problem.empty())
            throw Failure{PMX_INVALID, false, origin.proxy_problem,
                          "correct the settings proxy and https-proxy"};
        std::string text = request_text(job, url, origin, hop == 0);
        Answer answer = co_await ask(job.flight, url, text, "requests");
        Clock::duration& soonest = soonest_.try_emplace(url.origin(), answer.waited).first->second;
        soonest = std::min(soonest, answer.waited);
        if (may_split(job, url, answer.head)) {
            co_await read_large(job, url, std::move(text), std::move(answer));
            co_return;
        }
        if (is_success(answer.head.status)) {
            if (co_await read_body(*answer.lease.connection, answer.head, std::move(answer.rest), job.sink,
                                   !asks_for_encoding(*job.request)))
                answer.lease.give_back();
            co_return;
        }
        bool leads_on = is_redirect(answer.head.status) && !answer.head.header("location").empty();
        Url next = leads_on ? redirect(url, answer.head, seen) : Url{};
        if (!leads_on) job.refusal = answer.head;
        bool reusable = false;
        try {
            reusable = co_await discard_body(*answer.lease.connection, answer.head, std::move(answer.rest));
        } catch (const Failure& failure) {
            // The answer was read; what the rest would have said does not matter.
            if (failure.status == PMX_CANCELLED) throw;
        }
        if (reusable) answer.lease.give_back();
        if (!leads_on) throw refused(*job.refusal, static_cast<std::int64_t>(::time(nullptr)));
        answer.lease.drop();
        url = std::move(next);
    }
    throw Failure{PMX_UNAVAILABLE, false, "more than 10 redirects", "check the registry URL"};
}

Task<Client::Answer> Client::ask(Flight& flight, const Url& url, const std::string& text, const char* counter) {
    const Origin& origin = origins_.of(url);
    std::string route = route_of(url, origin);
    for (bool fresh = false;; fresh = true) {
        Answer answer;
        if (!fresh) answer.lease = pool_.reuse(route, flight);
        if (!answer.lease.connection) answer.lease = co_await connect(flight, url, origin, route);
        Connection& connection = *answer.lease.connection;
        flight.touch();
        count(counter);
        const Clock::time_point asked = Clock::now();
        bool written = false;
        std::optional<Failure> failure;
        try {
            co_await connection.write(text);
            written = true;
            answer.head = co_await read_head(connection, answer.rest);
            answer.waited = Clock::now() - asked;
        } catch (Failure& caught) {
            failure = std::move(caught);
        }
        if (!failure) co_return answer;
        // A server may close a kept connection at any moment: that is no failed try.
        bool stale = connection.reused && (!written || failure->before_response) && !flight.cancelled &&
                     !flight.timed_out;
        if (!stale) throw *failure;
    }
}

Task<Lease> Client::connect(Flight& flight, const Url& url, const Origin& origin, const std::string& route) {
    Lease lease = pool_.add(route, flight);
    Connection& connection = *lease.connection;
    count("connections_opened");
    high_water("connections_high_water", pool_.open());
    const Url& peer = origin.proxy ? *origin.proxy : url;
    co_await pool_.connect(connection, peer.host, peer.port, origin.local_address, flight);
    if (origin.proxy && peer.tls)
        if (co_await connection.start_tls(tls_.client(origin.tls, peer.host, peer.origin())))
            count("tls_resumed");
    if (origin.proxy && url.tls) co_await open_tunnel(connection, url, origin);
    if (url.tls)
        if (co_await connection.start_tls(tls_.client(origin.tls, url.host, url.origin())))
            count("tls_resumed");
    co_return lease;
}

Url Client::redirect(const Url& from, const Head& head, std::set<std::string>& seen) const {
    std::optional<Url> to = resolve_url(from, head.header("location"));
    if (!to) throw Failure{PMX_UNAVAILABLE, false, "the server redirects to something that is no http URL"};
    // What was asked for over TLS must not come back in the clear, with credentials or without.
    if (from.tls && !to->tls)
        throw Failure{PMX_UNAVAILABLE, false, "the server redirects from https to http (" + to->shown() + ")",
                      "ask the registry for an https address"};
    if (!seen.insert(to->text()).second)
        throw Failure{PMX_UNAVAILABLE, false, "the server redirects in a circle", "check the registry URL"};
    // A user part in a Location is the redirecting server's word, not the user's.
    to->userinfo.clear();
    return *to;
}

std::string Client::request_text(const Job& job, const Url& url, const Origin& origin, bool first_hop) const {
    const bool packument = job.request->purpose == PMX_FETCH_PACKUMENT;
    bool through_http_proxy = origin.proxy && !url.tls;
    std::string text = "GET " + (through_http_proxy ? "http://" + url.authority() + url.target : url.target) +
                       " HTTP/1.1\r\nHost: " + url.authority() + "\r\n";
    bool agent = false, encoding = false, accept = false;
    for (std::size_t i = 0; i < job.request->header_count; ++i) {
        std::string_view name = sdk::view(job.request->headers[i].name),
                         value = sdk::view(job.request->headers[i].value);
        auto is = [&](std::string_view other) { return equals_ignoring_case(name, other); };
        // Framing and credentials are not the caller's to set.
        if (is("host") || is("connection") || is("authorization") || is("proxy-authorization") ||
            is("content-length") || is("transfer-encoding") || is("cookie"))
            continue;
        agent |= is("user-agent");
        encoding |= is("accept-encoding");
        accept |= is("accept");
        text.append(name).append(": ").append(value).append("\r\n");
    }
    if (!agent) text += "User-Agent: " + origin.user_agent + "\r\n";
    if (!accept) text += "Accept: */*\r\n";
    // An archive's own gzip is its format, not an encoding: a server must not add one.
    if (!encoding) text += packument ? "Accept-Encoding: gzip\r\n" : "Accept-Encoding: identity\r\n";
    std::string authorization = origins_.authorization(url);
    if (authorization.empty() && first_hop && !url.userinfo.empty())
        authorization = "Basic " + to_base64(url.userinfo);
    if (!authorization.empty()) text += "Authorization: " + authorization + "\r\n";
    if (through_http_proxy && !origin.proxy_authorization.empty())
        text += "Proxy-Authorization: " + origin.proxy_authorization + "\r\n";
    text += "Connection: keep-alive\r\n\r\n";
    return text;
}

void Client::end_attempt(Job& job, std::optional<Failure> failure) {
    --running_;
    job.flight.deadline = Clock::time_point::max();
    if (!failure) {
        count("bytes_fetched", job.sink.bytes());
        finish(job, PMX_OK);
    } else if (job.flight.cancelled) {
        finish(job, PMX_CANCELLED);
    } else if (failure->retryable && job.attempts <= options_.retry.retries) {
        sleep(job, *failure);
    } else {
        if (job.refusal) {
            try {
                if (job.attempts > 1) job.sink.restart();
                job.sink.head(*job.refusal, 0);
            } catch (const Failure&) {
                // The host does not want to hear it; the status below says enough.
            }
        }
        if (!failure->quiet)
            report(job, PMX_ERROR, *failure,
                   job.attempts > 1 ? " (" + std::to_string(job.attempts) + " tries)" : "");
        finish(job, failure->status);
    }
    pump();
}

void Client::sleep(Job& job, const Failure& failure) {
    Millis wait = options_.retry.delay(job.attempts, failure.retry_after);
    if (requests_) {
        std::string url = job.shown.shown();
        pmx_retry retry{};
        retry.size = sizeof retry;
        retry.attempt = job.attempts;
        retry.max_retries = options_.retry.retries;
        retry.http_status = job.refusal ? job.refusal->status : 0;
        retry.wait_ms = static_cast<std::uint64_t>(wait.count());
        retry.url = {url.data(), url.size()};
        retry.subject = job.request->subject;
        retry.what = {failure.what.data(), failure.what.size()};
        requests_->retrying(requests_, &retry);
    } else {
        report(job, PMX_WARNING, failure,
               "; try " + std::to_string(job.attempts + 1) + " of " + std::to_string(options_.retry.retries + 1) +
                   " in " + std::to_string(wait.count()) + " ms");
    }
    count("retries");
    job.state = Job::State::sleeping;
    job.sleep.emplace(io_, wait);
    job.sleep->async_wait([this, &job](boost::system::error_code) {
        if (job.flight.cancelled) return finish(job, PMX_CANCELLED);
        job.sink.restart();
        enqueue(job, true);
    });
    watch();
}

void Client::finish(Job& job, pmx_status status) {
    const pmx_response* response = job.response;
    jobs_.erase(job.self);
    if (stopping_ && jobs_.empty()) {
        pool_.close_idle(Clock::time_point::max());
        watch_.cancel();
    }
    response->complete(response, status);
}

void Client::report(const Job& job, pmx_severity severity, const Failure& failure,
                    const std::string& more) const {
    std::string what = "cannot fetch";
    if (job.request->subject.length) what += " " + std::string(sdk::view(job.request->subject));
    what += ": " + failure.what + more;
    std::string subject = job.shown.shown();
    job.op.report(severity, what, subject, severity == PMX_ERROR ? failure.remedy : std::string(),
                  failure.system_error);
}

void Client::count(const char* name, std::uint64_t by) const {
    if (counters_) counters_->add(counters_, name, by);
}

void Client::high_water(const char* name, std::uint64_t value) const {
    if (counters_) counters_->high_water(counters_, name, value);
}

}  // namespace pmx::http1
