#include "install/fetch.hpp"

#include <algorithm>
#include <utility>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "model/contained_path.hpp"

namespace pmx {
namespace {

// Where so much waits to be unpacked, the network is ahead, and more of it would only be memory.
constexpr std::size_t kMostHeld = 8u << 20;

bool has_scheme(std::string_view url, std::string_view scheme) {
    return url.size() > scheme.size() && url.starts_with(scheme) && url[scheme.size()] == ':';
}

// "file:../a.tgz" in a lockfile is relative to the lockfile's directory.
std::string file_url(std::string_view url, const std::string& root) {
    std::string_view path = url.substr(5);
    if (path.starts_with("//")) path.remove_prefix(2);
    return "file://" + join_path(root, path);
}

// What the git fetcher takes: "git+https://…"; git@host:owner/repo is ssh.
std::string git_url(std::string_view repo) {
    if (repo.starts_with("git+") || has_scheme(repo, "git")) return std::string(repo);
    std::size_t colon = repo.find(':'), slash = repo.find('/');
    if (repo.find("://") == std::string_view::npos && colon != std::string_view::npos && colon < slash)
        return "git+ssh://" + std::string(repo.substr(0, colon)) + "/" + std::string(repo.substr(colon + 1));
    return "git+" + std::string(repo);
}

// A lockfile that was made against the built-in registry installs from the configured one.
std::string rebase_on_registry(std::string_view url, const Settings& settings, std::string_view name) {
    auto builtin = settings.values.find("default-registry");
    if (builtin == settings.values.end() || builtin->second.items.empty()) return std::string(url);
    const std::string& from = builtin->second.items.front();
    std::string to = settings.registry_for(name);
    if (from.empty() || to.empty() || !url.starts_with(from)) return std::string(url);
    return to + std::string(url.substr(from.size()));
}

// A span's subject has to live as long as its timer: the request does not.
struct TimedFetch {
    TimedFetch(Metrics& metrics, std::string_view package) : subject(package), timer(metrics, Stage::fetch, subject) {}
    std::string subject;
    StageTimer timer;
};

}  // namespace

Result<FetchRequest> archive_request(const Package& package, const Settings& settings, const std::string& root) {
    FetchRequest request;
    request.subject = std::string(package.id);
    request.purpose = PMX_FETCH_ARCHIVE;
    request.integrity = std::string(package.resolution.integrity);
    const Resolution& from = package.resolution;
    if (from.kind == ResolutionKind::git) {
        request.url = git_url(from.repo);
        request.commit = std::string(from.commit);
        request.path = std::string(from.path);
        return request;
    }
    if (!from.tarball.empty()) {
        request.url = has_scheme(from.tarball, "file") ? file_url(from.tarball, root)
                                                       : rebase_on_registry(from.tarball, settings, package.name);
        return request;
    }
    std::string registry = settings.registry_for(package.name);
    if (registry.empty())
        return fail(Code::NO_REGISTRY, "no registry is configured to fetch from", std::string(package.id),
                    "pass --registry URL, put `registry=URL` into .npmrc, or configure pmx with -DPMX_DEFAULT_REGISTRY=URL");
    std::string_view base = base_name(package.name);
    request.url = registry + std::string(package.name) + "/-/" + std::string(base) + "-" + std::string(package.version) + ".tgz";
    return request;
}

std::map<std::string, std::string, std::less<>> archives_elsewhere(const Graph& graph, const Settings& settings) {
    std::map<std::string, std::string, std::less<>> owners;
    for (const Package& package : graph.packages) {
        const Resolution& from = package.resolution;
        if (from.kind == ResolutionKind::git || from.tarball.empty() || has_scheme(from.tarball, "file")) continue;
        std::string url = rebase_on_registry(from.tarball, settings, package.name);
        if (std::string registry = settings.registry_for(package.name); registry.empty() || url.starts_with(registry)) continue;
        auto [known, fresh] = owners.try_emplace(std::move(url), package.name);
        if (!fresh && known->second != package.name) known->second.clear();
    }
    return owners;
}

FetchStage::FetchStage(Run& run, std::size_t network, std::size_t bodies, Arrived arrived, Arriving arriving)
    : run_(run), network_(std::max<std::size_t>(network, 1)), bodies_(std::max<std::size_t>(bodies, 1)),
      arrived_(std::move(arrived)), arriving_(std::move(arriving)) {}

// The last callback may still be on its way out when its job is already finished.
FetchStage::~FetchStage() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return callbacks_ == 0 && in_flight_ == 0; });
}

void FetchStage::add(std::size_t job, FetchRequest request) {
    {
        std::lock_guard lock(mutex_);
        pending_.push_back({job, std::move(request)});
    }
    run_.metrics.at(Stage::fetch).queued.enter();
    pump();
}

void FetchStage::consumed(std::size_t bytes) {
    run_.metrics.bodies.leave(static_cast<std::int64_t>(bytes));
    {
        std::lock_guard lock(mutex_);
        --held_;
        held_bytes_ -= bytes;
    }
    pump();
}

// One thread pumps at a time: answers that come while a request is being started do not nest.
void FetchStage::pump() {
    for (bool mine = false;; mine = true) {
        Pending next;
        {
            std::lock_guard lock(mutex_);
            if (!mine && pumping_) return;
            pumping_ = !pending_.empty() && in_flight_ < network_ && in_flight_ + held_ < network_ + bodies_ && held_bytes_ < kMostHeld;
            if (!pumping_) return;
            next = std::move(pending_.front());
            pending_.pop_front();
            ++in_flight_;
        }
        run_.metrics.at(Stage::fetch).queued.leave();
        start(std::move(next));
    }
}

void FetchStage::start(Pending pending) {
    auto timer = std::make_shared<TimedFetch>(run_.metrics, pending.request.subject);
    std::string url = pending.request.url;
    auto arrival = std::make_shared<std::shared_ptr<Arrival>>();
    pending.request.large = kLargeArchive;
    pending.request.taker = [this, job = pending.job, url, arrival](std::uint64_t) { return *arrival = arriving_(job, url); };
    auto done = [this, job = pending.job, url, timer, arrival](Result<FetchResponse> response) mutable {
        timer.reset();
        {
            std::lock_guard lock(mutex_);
            --in_flight_;
            ++held_;
            if (response && !*arrival) held_bytes_ += response->body.size();
            ++callbacks_;
        }
        if (std::shared_ptr<Arrival> taker = std::exchange(*arrival, nullptr)) {
            taker->end(response ? Result<>() : Result<>(Failure(std::move(response).error())));
        } else {
            if (response) run_.metrics.bodies.enter(static_cast<std::int64_t>(response->body.size()));
            arrived_(job, url, std::move(response));
        }
        pump();
        std::lock_guard lock(mutex_);
        if (--callbacks_ == 0) idle_.notify_all();
    };
    pending.request.progress = [this, package = pending.request.subject](std::uint64_t received, std::uint64_t total) {
        if (received == 0) run_.events.fetch_started(package, total);
        else run_.events.fetch_progress(package, received, total);
    };
    run_.transport.fetch(std::move(pending.request), std::move(done));
}

}  // namespace pmx
