#include "install/ahead.hpp"

#include <algorithm>

#include "install/check.hpp"
#include "model/platform.hpp"

namespace pmx {
namespace {

constexpr std::size_t kQueue = 1u << 16;  // the resolver never waits for it

}  // namespace

Ahead::Ahead(Run& run, Store& store, const LoadingValidators& validators, bool only_new)
    : run_(run), store_(store), validators_(validators), with_digests_(check_level(run.settings) == PMX_LEVEL_CONTENT), only_new_(only_new) {
    std::size_t network = cap(run.settings, "network-concurrency"), unpack = cap(run.settings, "unpack-concurrency");
    std::size_t bodies = 2 * unpack + 6;
    supported_ = resolve_supported({run.settings.supported_os, run.settings.supported_cpu, run.settings.supported_libc}, host_platform());
    unpack_pool_ = std::make_unique<Pool>(unpack, kQueue, &run.metrics.at(Stage::unpack));
    arrivals_ = std::make_unique<Arrivals>(run.metrics, run.cancel, std::min(unpack, kArrivals));
    fetch_ = std::make_unique<FetchStage>(
        run, network, bodies,
        [this](std::size_t item, const std::string& url, Result<FetchResponse> response) { arrived(item, url, std::move(response)); },
        [this](std::size_t item, const std::string& url) { return arriving(item, url); });
}

Ahead::~Ahead() {
    std::unique_lock lock(mutex_);
    settled_.wait(lock, [this] { return coming_ == 0; });
    lock.unlock();
    arrivals_->drain();
    unpack_pool_->drain();
}

void Ahead::want(const PackageRecord& record) {
    if (record.resolution.kind != ResolutionKind::registry || record.resolution.integrity.empty()) return;
    if (!runs_on(record.os, record.cpu, record.libc, supported_)) return;
    auto key = Store::key_of_integrity(record.resolution.integrity);
    if (!key) return;
    auto item = std::make_unique<Item>();
    item->key = *key;
    Package& package = item->package;
    package.id = item->text.copy(record.key);
    package.name = item->text.copy(record.name);
    package.version = item->text.copy(record.version);
    package.resolution.integrity = item->text.copy(record.resolution.integrity);
    package.resolution.tarball = item->text.copy(record.resolution.tarball);
    std::size_t number;
    {
        std::lock_guard lock(mutex_);
        number = items_.size();
        if (!by_key_.emplace(*key, number).second) return;
        items_.push_back(std::move(item));
        ++coming_;
    }
    // Looking into the store is not the resolver's work.
    unpack_pool_->submit([this, number](std::uint32_t) { find_or_fetch(number); });
}

void Ahead::find_or_fetch(std::size_t number) {
    const Item& item = *at(number);
    if (run_.cancel.is_set()) return settle(number, Item::State::absent);
    auto stored = store_.find(item.key);
    if (!stored || *stored) return settle(number, Item::State::absent);
    auto request = archive_request(item.package, run_.settings, run_.root);
    if (!request) return settle(number, Item::State::absent);
    fetch_->add(number, std::move(*request));
}

Ahead::Item* Ahead::at(std::size_t number) {
    std::lock_guard lock(mutex_);
    return items_[number].get();
}

bool Ahead::is_coming(const std::string& key, std::function<void()> then) {
    std::lock_guard lock(mutex_);
    auto found = by_key_.find(key);
    if (found == by_key_.end() || items_[found->second]->state != Item::State::coming) return false;
    items_[found->second]->waiting.push_back(std::move(then));
    return true;
}

bool Ahead::has_brought(const std::string& key) {
    std::lock_guard lock(mutex_);
    auto found = by_key_.find(key);
    return found != by_key_.end() && items_[found->second]->state == Item::State::brought;
}

void Ahead::arrived(std::size_t number, const std::string& url, Result<FetchResponse> response) {
    if (!response) {
        fetch_->consumed(0);
        return settle(number, Item::State::absent);
    }
    auto body = std::make_shared<std::string>(std::move(response->body));
    unpack_pool_->submit([this, number, url, body](std::uint32_t) {
        const Item* item = at(number);
        const std::size_t size = body->size();
        WholeArchive whole(*body);
        const bool brought = !run_.cancel.is_set() && validators_.get() && verify_archive(run_, *validators_.get(), item->package, *body, url) &&
                             unpack(number, whole);
        body->clear();
        body->shrink_to_fit();
        unpacked(number, size, brought);
    });
}

std::shared_ptr<Arrival> Ahead::arriving(std::size_t number, const std::string& url) {
    // A fetcher's thread waits for nobody.
    if (!validators_.are_there() || !validators_.get()) return nullptr;
    return arrivals_->begin(
        *validators_.get(), at(number)->package, url, [this, number](ArchiveSource& archive) { return unpack(number, archive); },
        [this, number](Result<ObjectView> view) { unpacked(number, 0, view.has_value()); });
}

Result<ObjectView> Ahead::unpack(std::size_t number, ArchiveSource& archive) {
    const Item* item = at(number);
    StageTimer timer(run_.metrics, Stage::unpack, item->package.id);
    PMX_TRY(Store::Unpacked unpacked, store_.unpack(item->key, archive, item->package.id, false, {}, {}, with_digests_));
    run_.metrics.files_unpacked += unpacked.files;
    run_.metrics.bytes_unpacked += unpacked.bytes;
    return std::move(unpacked.view);
}

void Ahead::unpacked(std::size_t number, std::size_t held, bool brought) {
    fetch_->consumed(held);
    if (brought) {
        ++run_.metrics.cold;
        run_.events.fetched(at(number)->package.id);
    }
    settle(number, brought ? Item::State::brought : Item::State::absent);
}

void Ahead::settle(std::size_t number, Item::State state) {
    std::vector<std::function<void()>> waiting;
    {
        std::lock_guard lock(mutex_);
        items_[number]->state = state;
        waiting.swap(items_[number]->waiting);
    }
    for (auto& then : waiting) then();
    std::lock_guard lock(mutex_);
    if (--coming_ == 0) settled_.notify_all();
}

}  // namespace pmx
