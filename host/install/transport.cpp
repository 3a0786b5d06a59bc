#include "install/transport.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "config/credentials.hpp"
#include "install/run.hpp"

namespace pmx {
namespace {

bool has_scheme(std::string_view url, std::string_view scheme) {
    return url.size() > scheme.size() && url.starts_with(scheme) && url[scheme.size()] == ':';
}

constexpr std::size_t kLongestPath = 2048;
constexpr std::uint64_t kLargestDocument = 256u << 20;

}  // namespace

void Transport::fetch(FetchRequest request, Done done) {
    if (cancel_.is_set()) return done(fail(Code::CANCELLED, "cancelled before it was fetched", request.subject));
    if (settings_.flag("offline") && !has_scheme(request.url, "file")) {
        bool archive = request.purpose == PMX_FETCH_ARCHIVE;
        return done(fail(Code::OFFLINE, archive ? "not in the store, and --offline forbids fetching it" : "not in the cache, and --offline forbids fetching it",
                         request.subject, archive ? "run once without --offline to fill the store" : "run once without --offline to fill the cache"));
    }
    if (record_) watch(request, done);
    Result<const Fetcher*> fetcher = fetcher_for(request.url);
    if (!fetcher) return done(tl::make_unexpected(std::move(fetcher).error()));
    if (!(*fetcher)->is_blocking()) return (*fetcher)->fetch(std::move(request), std::move(done));
    {
        std::lock_guard lock(mutex_);
        std::size_t width = std::clamp<std::int64_t>(settings_.integer("network-concurrency"), 1, 8);
        if (!blocking_) blocking_ = std::make_unique<Pool>(width, 1024);
    }
    blocking_->submit([fetcher = *fetcher, request = std::move(request), done = std::move(done)](std::uint32_t) mutable {
        fetcher->fetch(std::move(request), std::move(done));
    });
}

// Stands between the request and those who asked for it, and looks at the clock.
void Transport::watch(FetchRequest& request, Done& done) const {
    auto seen = std::make_shared<RequestRecord>();
    seen->url = without_secrets(request.url);
    seen->subject = request.subject;
    seen->packument = request.purpose == PMX_FETCH_PACKUMENT;
    seen->start = Clock::now();
    request.progress = [seen, told = std::move(request.progress)](std::uint64_t received, std::uint64_t total) {
        if (received == 0) seen->first_byte = Clock::now();  // of the last try
        if (told) told(received, total);
    };
    done = [this, seen, asked = std::move(done)](Result<FetchResponse> answer) {
        seen->end = Clock::now();
        if (seen->first_byte < seen->start) seen->first_byte = seen->end;
        if (answer) {
            seen->status = answer->status;
            seen->bytes = answer->body.size() + answer->taken;
        } else {
            seen->error = code_name(answer.error().code);
        }
        record_(std::move(*seen));
        asked(std::move(answer));
    };
}

Result<FetchResponse> Transport::fetch_and_wait(FetchRequest request) {
    struct Wait {
        std::mutex mutex;
        std::condition_variable there;
        std::optional<Result<FetchResponse>> answer;
    };
    auto wait = std::make_shared<Wait>();
    fetch(std::move(request), [wait](Result<FetchResponse> answer) {
        std::lock_guard lock(wait->mutex);
        wait->answer = std::move(answer);
        wait->there.notify_all();
    });
    std::unique_lock lock(wait->mutex);
    wait->there.wait(lock, [&] { return wait->answer.has_value(); });
    return std::move(*wait->answer);
}

Result<std::string> Transport::document(std::string_view package, std::string_view path) {
    auto is_plain = [](char c) { return c > 0x20 && c < 0x7f && c != '#' && c != '\\'; };
    if (path.empty() || path.front() == '/' || path.size() > kLongestPath || path.find("..") != path.npos ||
        !std::all_of(path.begin(), path.end(), is_plain))
        return fail(Code::UNSAFE_PATH, "a plugin asks for a document that is no path of a registry", std::string(path), "tell its author");
    std::string registry = settings_.registry_for(package);
    if (registry.empty())
        return fail(Code::NO_REGISTRY, "no registry is configured to ask", std::string(package), "pass --registry URL");
    FetchRequest request;
    request.url = registry + std::string(path);
    request.subject = std::string(package);
    request.purpose = PMX_FETCH_PACKUMENT;
    request.headers = {{"accept", "application/json"}};
    request.size_limit = kLargestDocument;
    PMX_TRY(FetchResponse response, fetch_and_wait(std::move(request)));
    if (response.status != 200)
        return fail(Code::FETCH, fmt::format("the registry answered {}", response.status), registry + std::string(path), "check the registry URL");
    return std::move(response.body);
}

Result<const Fetcher*> Transport::fetcher_for(const std::string& url) {
    std::string name(settings_.text("fetcher"));
    if (has_scheme(url, "file")) name = "file";
    else if (url.starts_with("git+") || has_scheme(url, "git") || has_scheme(url, "ssh")) name = "git";
    std::lock_guard lock(mutex_);
    auto found = fetchers_.find(name);
    if (found == fetchers_.end()) {
        PMX_TRY(Fetcher fetcher, plugins_.fetcher(name, option_values(settings_)));
        found = fetchers_.emplace(name, std::move(fetcher)).first;
    }
    if (!found->second.takes(url))
        return fail(Code::RESOLUTION_UNSUPPORTED, "the fetcher \"" + name + "\" does not take this kind of URL", url,
                    "choose another one with --fetcher");
    return &found->second;
}

// The last callback may still be on its way out when its answer has been used.
BoundedTransport::~BoundedTransport() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return callbacks_ == 0 && in_flight_ == 0 && pending_.empty(); });
}

void BoundedTransport::fetch(FetchRequest request, Transport::Done done) {
    {
        std::lock_guard lock(mutex_);
        pending_.push_back({std::move(request), std::move(done)});
    }
    pump();
}

// One thread pumps at a time: answers that come while a request is being started do not nest.
void BoundedTransport::pump() {
    for (bool mine = false;; mine = true) {
        Pending next;
        {
            std::lock_guard lock(mutex_);
            if (!mine && pumping_) return;
            pumping_ = !pending_.empty() && in_flight_ < width_;
            if (!pumping_) return;
            next = std::move(pending_.front());
            pending_.pop_front();
            ++in_flight_;
        }
        transport_.fetch(std::move(next.request), [this, done = std::move(next.done)](Result<FetchResponse> answer) {
            {
                std::lock_guard lock(mutex_);
                --in_flight_;
                ++callbacks_;
            }
            done(std::move(answer));
            pump();
            std::lock_guard lock(mutex_);
            if (--callbacks_ == 0) idle_.notify_all();
        });
    }
}

}  // namespace pmx
