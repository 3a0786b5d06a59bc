#include "registry/packuments.hpp"

#include <algorithm>
#include <chrono>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "config/credentials.hpp"
#include "model/contained_path.hpp"
#include "registry/packument_errors.hpp"

namespace pmx {
namespace {

// As npm and pnpm ask; a registry that knows no short form sends the full one.
constexpr const char* kShortForm = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
constexpr const char* kFullForm = "application/json; q=1.0, */*";

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string header_of(const MetadataAnswer& answer, std::string_view name) {
    for (const auto& [key, value] : answer.headers)
        if (to_lower_ascii(key) == name) return value;
    return {};
}

// "@scope/name" is one segment of the path.
std::string url_of(const std::string& registry, std::string_view name) {
    std::string path;
    for (std::string_view rest = name; !rest.empty();) {
        const std::size_t slash = rest.find('/');
        std::string_view part = rest.substr(0, slash);
        if (part.starts_with('@')) {
            path += '@';
            part.remove_prefix(1);
        }
        path += percent_encode(part);
        if (slash == rest.npos) break;
        path += "%2f";
        rest.remove_prefix(slash + 1);
    }
    return registry + (registry.ends_with('/') ? "" : "/") + path;
}

}  // namespace

struct Packuments::Slot {
    std::string name, registry;
    bool ask = false;      // the cache alone is not enough
    bool asked = false;    // the registry was
    bool ages = false;     // of versions matter
    std::optional<Answer> answer;
    std::vector<Arrived> waiting;
    std::size_t awaited = 0;  // threads that wait for the answer
    // What the disk has of the form that is being asked for.
    std::optional<PackumentFile::Loaded> copy;
};

Packuments::Packuments(const Settings& settings, PackumentsOptions options, SendRequest send)
    : settings_(settings), options_(std::move(options)), cutoff_ms_(moment_ms(options_.ages_before)), send_(std::move(send)),
      gunzips_(std::max<std::size_t>(options_.readers, 1)), readers_(gunzips_.size(), SIZE_MAX) {}

Packuments::~Packuments() {
    std::unique_lock lock(mutex_);
    ending_ = true;
    settled_.wait(lock, [&] { return open_ == 0 && busy_.empty(); });
    lock.unlock();
    while (write_next()) {}
}

void Packuments::run(std::function<void()> work) {
    std::unique_lock lock(mutex_);
    const auto self = std::this_thread::get_id();
    for (Busy& busy : busy_)
        if (busy.thread == self) return busy.later.push_back(std::move(work));
    const auto mine = busy_.insert(busy_.end(), Busy{self, {}});
    for (;;) {
        lock.unlock();
        work();
        work = nullptr;
        lock.lock();
        if (mine->later.empty()) break;
        work = std::move(mine->later.front());
        mine->later.pop_front();
    }
    busy_.erase(mine);
    if (ending_) settled_.notify_all();
}

// With `arrived`: it is called when the answer is there, or was already.
Packuments::Slot& Packuments::slot(std::string_view name, std::string_view registry, bool ask, Arrived arrived, bool& fresh) {
    std::string from = registry.empty() ? settings_.registry_for(name) : std::string(registry);
    std::string key = (ask ? "! " : "") + from + " " + std::string(name);
    std::unique_lock lock(mutex_);
    auto [found, added] = slots_.try_emplace(std::move(key));
    fresh = added;
    if (added) {
        found->second = std::make_unique<Slot>();
        found->second->name = name;
        found->second->registry = std::move(from);
        found->second->ask = ask;
        found->second->ages = cutoff_ms_ && !(options_.any_age && options_.any_age(name));
        ++open_;
        if (!ask) ++counters_.names;
    }
    Slot& slot = *found->second;
    if (!arrived) return slot;
    if (!slot.answer) {
        slot.waiting.push_back(std::move(arrived));
    } else {
        lock.unlock();
        run([&slot, arrived = std::move(arrived)] { arrived(*slot.answer); });
    }
    return slot;
}

void Packuments::want(std::string_view name, std::string_view registry, Arrived arrived) {
    bool fresh = false;
    Slot& wanted = slot(name, registry, false, std::move(arrived), fresh);
    if (fresh) run([this, &wanted] { start(wanted); });
}

const Packuments::Answer& Packuments::wait(Slot& slot, bool fresh) {
    if (fresh) start(slot);
    std::unique_lock lock(mutex_);
    if (slot.answer) return *slot.answer;
    ++slot.awaited;
    settled_.wait(lock, [&] { return slot.answer.has_value(); });
    --slot.awaited;
    return *slot.answer;
}

const Packuments::Answer& Packuments::get(std::string_view name, std::string_view registry) {
    bool fresh = false;
    Slot& wanted = slot(name, registry, false, {}, fresh);
    return wait(wanted, fresh);
}

const Packuments::Answer& Packuments::get_fresh(std::string_view name, std::string_view registry) {
    bool fresh = false;
    Slot& first = slot(name, registry, false, {}, fresh);
    const Answer& answer = wait(first, fresh);
    if (first.asked || options_.offline || !answer) return answer;
    Slot& wanted = slot(name, registry, true, {}, fresh);
    return wait(wanted, fresh);
}

void Packuments::start(Slot& slot) {
    if (!is_safe_package_name(slot.name))
        return settle(slot, fail(Code::UNSAFE_PATH, "this is no name that a package can have", slot.name,
                                 "correct the dependency's name; nothing was asked for"));
    if (slot.registry.empty())
        return settle(slot, fail(Code::NO_REGISTRY, "no registry is configured to fetch from", slot.name,
                                 "pass --registry URL, or put `registry=URL` into .npmrc"));
    // A copy that was too young to tell ages is so still, or was replaced by a younger one.
    if (options_.full || !slot.ages) return begin(slot, options_.full);
    slot.copy = cached(slot, false);
    const bool young = slot.copy && !is_old_enough(slot, *slot.copy->packument);
    if (young) slot.copy.reset();
    begin(slot, young);
}

bool Packuments::is_fresh(const Slot& slot, const PackumentStamp& stamp) const {
    if (options_.offline) return true;
    if (slot.ask || options_.revalidate) return false;
    if (options_.prefer_offline) return true;
    const std::int64_t age = now_ms() - stamp.fetched_ms;
    if (age < 0) return false;  // a clock was wrong
    return age < options_.fresh_for_ms || (options_.reuse_until_cutoff && slot.ages && stamp.fetched_ms >= *cutoff_ms_);
}

void Packuments::begin(Slot& slot, bool full) {
    if (!slot.copy) slot.copy = cached(slot, full);
    if (slot.copy && is_fresh(slot, slot.copy->stamp)) {
        ++counters_.from_cache;
        auto packument = std::exchange(slot.copy, std::nullopt)->packument;
        return accept(slot, full, std::move(packument));
    }
    if (options_.offline) {
        if (!full) return begin(slot, true);
        return settle(slot, offline_error(slot.name, slot.registry, PackumentFile::read(cache_path(slot, false), slot.name).has_value()));
    }
    send(slot, full);
}

void Packuments::send(Slot& slot, bool full) {
    slot.asked = true;
    MetadataRequest request;
    request.url = url_of(slot.registry, slot.name);
    request.subject = slot.name;
    request.headers.emplace_back("accept", full ? kFullForm : kShortForm);
    request.headers.emplace_back("accept-encoding", "gzip");  // so that no fetcher undoes it
    if (slot.copy) {
        const PackumentStamp& stamp = slot.copy->stamp;
        if (!stamp.etag.empty()) request.headers.emplace_back("if-none-match", stamp.etag);
        else if (!stamp.last_modified.empty()) request.headers.emplace_back("if-modified-since", stamp.last_modified);
    }
    ++(full ? counters_.full_requests : counters_.requests);
    send_(std::move(request), [this, &slot, full](Result<MetadataAnswer> result) {
        // The thread that brought it goes on with the network.
        readers_.submit([this, &slot, full, result = std::make_shared<Result<MetadataAnswer>>(std::move(result))](std::uint32_t reader) {
            run([&] { answered(slot, full, std::move(*result), gunzips_[reader]); });
        });
    });
}

void Packuments::answered(Slot& slot, bool full, Result<MetadataAnswer> result, Gunzip& gunzip) {
    auto copy = std::exchange(slot.copy, std::nullopt);
    if (!result) return settle(slot, tl::make_unexpected(fetch_error(std::move(result).error(), settings_, slot.name, slot.registry)));
    MetadataAnswer& answer = *result;
    if (answer.status == 304 && copy) {
        ++counters_.not_modified;
        PackumentFile::touch(cache_path(slot, full), now_ms());
        return accept(slot, full, std::move(copy->packument));
    }
    if (answer.status != 200 && answer.status != 203)
        return settle(slot, tl::make_unexpected(status_error(answer.status, settings_, slot.name, slot.registry)));
    counters_.bytes += answer.body.size();
    PackumentStamp stamp{header_of(answer, "etag"), header_of(answer, "last-modified"), now_ms()};
    auto body = std::make_shared<const std::string>(std::move(answer.body));
    auto packument = Packument::scan(*body, body, slot.name, &gunzip);
    if (!packument) {
        Error error = std::move(packument).error();
        error.subject += " (" + without_secrets(url_of(slot.registry, slot.name)) + ")";
        return settle(slot, tl::make_unexpected(std::move(error)));
    }
    accept(slot, full, *packument);
    // After those who waited for it: what they asked for is kept, and goes into the cache decoded.
    run([this, &slot, full, packument = std::move(*packument), stamp = std::move(stamp)]() mutable {
        packument->end_loan();
        keep(slot, full, std::move(packument), std::move(stamp));
    });
}

void Packuments::accept(Slot& slot, bool full, std::shared_ptr<const Packument> packument) {
    if (!full && slot.ages && !is_old_enough(slot, *packument)) return begin(slot, true);
    settle(slot, std::move(packument));
}

void Packuments::settle(Slot& slot, Answer answer) {
    std::vector<Arrived> waiting;
    {
        std::lock_guard lock(mutex_);
        slot.answer.emplace(std::move(answer));
        waiting = std::move(slot.waiting);
        slot.waiting.clear();
    }
    // Where they are put off, this thread is busy until they ran: the destructor waits for either.
    for (Arrived& arrived : waiting) run([&slot, arrived = std::move(arrived)] { arrived(*slot.answer); });
    std::lock_guard lock(mutex_);
    --open_;
    // A walk that were woken for each of a thousand answers would mostly go back to sleep.
    if (slot.awaited > 0 || ending_) settled_.notify_all();
}

// The registry's own times tell ages; so does a document that nobody touched since.
bool Packuments::is_old_enough(const Slot& slot, const Packument& packument) const {
    if (!slot.ages || packument.has_times()) return true;
    const auto modified = moment_ms(packument.modified());
    return modified && *modified <= *cutoff_ms_;
}

std::string Packuments::cache_path(const Slot& slot, bool full) const {
    if (options_.cache_dir.empty()) return {};
    std::string relative = PackumentFile::relative_path(slot.registry, slot.name, full);
    return relative.empty() ? relative : join_path(options_.cache_dir, relative);
}

std::optional<PackumentFile::Loaded> Packuments::cached(const Slot& slot, bool full) const {
    const std::string path = cache_path(slot, full);
    if (path.empty()) return std::nullopt;
    return PackumentFile::read(path, slot.name);
}

// A cache that cannot be written costs time on the next run and nothing else.
void Packuments::keep(const Slot& slot, bool full, std::shared_ptr<const Packument> packument, PackumentStamp stamp) {
    std::string path = cache_path(slot, full);
    if (path.empty()) return;
    bool start = false;
    {
        std::lock_guard lock(unwritten_mutex_);
        unwritten_.push_back({std::move(path), std::move(packument), std::move(stamp)});
        start = !std::exchange(writing_, true);
    }
    if (start) writer_.submit([this](std::uint32_t) {
        while (write_next()) {}
    });
}

bool Packuments::write_next() {
    Unwritten next;
    {
        std::lock_guard lock(unwritten_mutex_);
        if (unwritten_.empty()) {
            writing_ = false;
            return false;
        }
        next = std::move(unwritten_.front());
        unwritten_.pop_front();
    }
    if (PackumentFile::write(next.path, *next.packument, next.stamp)) return true;
    if (make_dirs(AT_FDCWD, parent_path(next.path))) (void)PackumentFile::write(next.path, *next.packument, next.stamp);
    return true;
}

}  // namespace pmx
