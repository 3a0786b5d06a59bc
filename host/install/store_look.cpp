#include "install/store_look.hpp"

#include <algorithm>

#include "install/check.hpp"

namespace pmx {
namespace {

// Each holds a directory open until it is linked.
constexpr std::size_t kMostChecked = 128;

Result<std::string> object_key(const Package& package) {
    const Resolution& from = package.resolution;
    if (from.kind == ResolutionKind::directory) return std::string();
    if (from.kind == ResolutionKind::git) return Store::key_of_git(from.repo, from.commit, from.path);
    if (from.integrity.empty()) return Store::key_of_url(std::string(from.tarball) + "@" + std::string(package.id), from.path);
    return Store::key_of_integrity(from.integrity, from.path);
}

}  // namespace

std::optional<ObjectView> StoreSeen::take(const std::string& key) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return checking_ != key; });
    auto found = checked_.find(key);
    if (found == checked_.end()) return std::nullopt;
    std::optional<ObjectView> object = std::move(found->second);
    checked_.erase(found);
    return object;
}

StoreLook::StoreLook(Run& run, const Store& store, const Graph& graph, const LoadingValidators& validators, bool empty_tree)
    : run_(run), store_(store), graph_(graph), validators_(validators), empty_tree_(empty_tree),
      thread_([this] {
          Result<> looked = look(*seen_);
          const bool found = looked.has_value();
          looked_.set_value(std::move(looked));
          if (found && empty_tree_) check_first(*seen_);
      }) {}

StoreLook::~StoreLook() {
    wanted_ = true;
    thread_.join();
}

Result<std::shared_ptr<StoreSeen>> StoreLook::take() {
    PMX_CHECK(looked_.get_future().get());
    wanted_ = true;
    return seen_;
}

Result<> StoreLook::look(StoreSeen& seen) const {
    seen.keys.resize(graph_.packages.size());
    seen.all.reserve(graph_.packages.size());
    for (std::size_t i = 0; i < graph_.packages.size(); ++i) {
        if (graph_.packages[i].skipped) continue;
        PMX_TRY(seen.keys[i], object_key(graph_.packages[i]));
        if (!seen.keys[i].empty()) seen.all.push_back(seen.keys[i]);
    }
    std::sort(seen.all.begin(), seen.all.end());
    seen.all.erase(std::unique(seen.all.begin(), seen.all.end()), seen.all.end());
    if (!empty_tree_) return {};
    if (seen.all.size() >= kWorthAPack) {
        seen.pack_name = pack_name(seen.all);
        seen.pack = store_.pack(seen.pack_name);
        if (!seen.pack) seen.new_pack = store_.begin_pack(seen.all.size());
    }
    return {};
}

void StoreLook::check_first(StoreSeen& seen) const {
    const pmx_level level = check_level(run_.settings);
    const auto& validators = validators_.get();
    // Contents take long, and want digests that an object may not have.
    if (!validators || level == PMX_LEVEL_CONTENT) return;
    for (std::size_t i = 0; i < seen.keys.size() && i < kMostChecked; ++i) {
        if (wanted_.load(std::memory_order_relaxed) || run_.cancel.is_set()) return;
        if (seen.keys[i].empty()) continue;
        {
            std::lock_guard lock(seen.mutex_);
            // The pipeline may have begun since: what it has taken up is its own.
            if (wanted_ || seen.checked_.contains(seen.keys[i])) continue;
            seen.checking_ = seen.keys[i];
        }
        auto done = [&](std::optional<ObjectView> object) {
            std::lock_guard lock(seen.mutex_);
            if (object) seen.checked_.emplace(seen.keys[i], std::move(*object));
            seen.checking_ = {};
            seen.changed_.notify_all();
        };
        auto found = store_.find(seen.keys[i], seen.pack ? &*seen.pack : nullptr);
        // A cold store: nothing to be had here.
        if (!found || !*found) return done(std::nullopt);
        auto holds = check_object(run_, *validators, **found, level, graph_.packages[i].id);
        done(holds && *holds ? std::move(*found) : std::nullopt);
    }
}

}  // namespace pmx
