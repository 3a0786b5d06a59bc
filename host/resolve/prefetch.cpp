#include "resolve/prefetch.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace pmx {

struct Prefetch::Slot {
    std::string name, registry;
    std::mutex mutex;  // guards all below
    std::shared_ptr<const Packument> packument;
    bool asked = false;
    std::vector<const Specifier*> pending;   // guesses that wait for the packument
    std::unordered_set<std::string> guessed;
    std::unordered_map<std::string, Result<std::size_t>> picks;
    std::unordered_map<std::size_t, std::unique_ptr<const Result<PackageFacts>>> facts;
};

struct Prefetch::State : std::enable_shared_from_this<State> {
    Packuments& packuments;
    const Policy& policy;
    const Hooks* const hooks;
    const CancelFlag* const cancel;
    const Answered answered;
    std::mutex mutex;
    std::condition_variable idle;
    std::unordered_map<std::string, std::unique_ptr<Slot>> slots;
    std::size_t running = 0;
    bool closed = false;
    RangeCache ranges;
    // By alias and text; `followed`: its packument has been asked for as a guess.
    struct Known {
        explicit Known(Result<Specifier> value_) : value(std::move(value_)) {}
        const Result<Specifier> value;
        std::atomic<bool> followed{false};
    };
    std::mutex specifiers_mutex;
    std::unordered_map<std::string, std::unique_ptr<Known>> specifiers;
    std::deque<Specifier> kept;
    std::atomic<std::size_t> asked{0};

    State(Packuments& packuments_, const Policy& policy_, const Hooks* hooks_, const CancelFlag* cancel_, Answered answered_)
        : packuments(packuments_), policy(policy_), hooks(hooks_), cancel(cancel_), answered(std::move(answered_)) {}

    struct Guess {
        Slot* slot;
        const Specifier* specifier;
    };

    Known& specifier(std::string_view alias, std::string_view text) {
        std::string key;
        key.reserve(alias.size() + text.size() + 1);
        key.append(alias).append("\n").append(text);
        {
            std::lock_guard lock(specifiers_mutex);
            if (auto found = specifiers.find(key); found != specifiers.end()) return *found->second;
        }
        auto parsed = std::make_unique<Known>(parse_specifier(alias, text));
        std::lock_guard lock(specifiers_mutex);
        return *specifiers.try_emplace(std::move(key), std::move(parsed)).first->second;
    }

    Slot& slot(const Specifier& specifier) {
        std::string key = specifier.registry.empty() ? specifier.name : specifier.registry + " " + specifier.name;
        std::lock_guard lock(mutex);
        auto [found, added] = slots.try_emplace(std::move(key));
        if (added) {
            found->second = std::make_unique<Slot>();
            found->second->name = specifier.name;
            found->second->registry = specifier.registry;
            asked.fetch_add(1, std::memory_order_relaxed);
        }
        return *found->second;
    }

    bool enter() {
        std::lock_guard lock(mutex);
        if (closed || (cancel && cancel->is_set())) return false;
        ++running;
        return true;
    }
    void leave() {
        std::lock_guard lock(mutex);
        if (--running == 0) idle.notify_all();
    }

    // The guess where the packument is there; else it is kept until it is. `specifier` stays as long as this does.
    void want(const Specifier& specifier, std::vector<Guess>& ready) {
        Slot& wanted = slot(specifier);
        bool ask = false;
        {
            std::lock_guard lock(wanted.mutex);
            if (!wanted.guessed.insert(specifier.value).second) return;
            if (wanted.packument) {
                ready.push_back({&wanted, &specifier});
            } else {
                wanted.pending.push_back(&specifier);
                ask = !std::exchange(wanted.asked, true);
            }
        }
        if (!ask) return;
        packuments.want(wanted.name, wanted.registry, [self = shared_from_this(), &wanted](const Packuments::Answer& answer) {
            if (!answer || !self->enter()) return;
            std::vector<Guess> ready;
            {
                std::lock_guard lock(wanted.mutex);
                if (!wanted.packument) wanted.packument = *answer;
                for (const Specifier* specifier : wanted.pending) ready.push_back({&wanted, specifier});
                wanted.pending.clear();
            }
            self->follow(std::move(ready));
            self->leave();
        });
    }

    void follow(std::vector<Guess> ready) {
        while (!ready.empty() && !(cancel && cancel->is_set())) {
            const Guess guess = ready.back();
            ready.pop_back();
            auto version = pick(*guess.slot, {.specifier = guess.specifier, .ranges = &ranges});
            if (!version) continue;
            auto known = facts(*guess.slot, *version);
            if (!known) continue;
            for (const PackageWant& next : (*known)->wants) {
                Known& known_specifier = specifier(next.alias, next.text);
                if (known_specifier.followed.exchange(true, std::memory_order_relaxed)) continue;
                const Result<Specifier>& found = known_specifier.value;
                if (found && found->kind <= SpecifierKind::tag && !answered(*found)) want(*found, ready);
            }
        }
    }

    Result<std::size_t> pick(Slot& slot, const PickRequest& request) {
        const bool is_plain = request.newest.empty() && request.preferred.empty() && !request.lowest && !request.update_to_latest;
        if (is_plain) {
            std::lock_guard lock(slot.mutex);
            if (auto found = slot.picks.find(request.specifier->value); found != slot.picks.end()) return found->second;
        }
        auto picked = pmx::pick(*slot.packument, request, policy);
        if (is_plain) {
            std::lock_guard lock(slot.mutex);
            slot.picks.emplace(request.specifier->value, picked);
        }
        return picked;
    }

    Result<const PackageFacts*> facts(Slot& slot, std::size_t version) {
        std::lock_guard lock(slot.mutex);
        auto [found, added] = slot.facts.try_emplace(version);
        if (added) found->second = std::make_unique<const Result<PackageFacts>>(make_facts(slot, version));
        const Result<PackageFacts>& made = *found->second;
        if (!made) return tl::make_unexpected(made.error());
        return &*made;
    }

    Result<PackageFacts> make_facts(const Slot& slot, std::size_t version) const {
        PackageFacts made;
        PMX_TRY(made.version, slot.packument->manifest(version));
        Manifest& manifest = made.version.manifest;
        // What a registry serves under a name is that package, whatever its manifest says.
        manifest.name = slot.name;
        manifest.version = slot.packument->versions()[version].version;
        if (hooks && !hooks->is_empty()) hooks->apply(manifest);
        made.wants = wants_of(manifest, policy.auto_install_peers);
        return made;
    }
};

Prefetch::Prefetch(Packuments& packuments, const Policy& policy, const Hooks* hooks, const CancelFlag* cancel, Answered answered)
    : state_(std::make_shared<State>(packuments, policy, hooks, cancel, std::move(answered))) {}

Prefetch::~Prefetch() {
    std::unique_lock lock(state_->mutex);
    state_->closed = true;
    state_->idle.wait(lock, [&] { return state_->running == 0; });
}

void Prefetch::want(const Specifier& specifier) {
    std::vector<State::Guess> ready;
    state_->want(specifier, ready);
    state_->follow(std::move(ready));
}

Result<Prefetch::Slot*> Prefetch::get(const Specifier& specifier) {
    Slot& slot = state_->slot(specifier);
    {
        std::lock_guard lock(slot.mutex);
        if (slot.packument) return &slot;
    }
    const Packuments::Answer& answer = state_->packuments.get(slot.name, slot.registry);
    if (!answer) return tl::make_unexpected(answer.error());
    std::lock_guard lock(slot.mutex);
    if (!slot.packument) slot.packument = *answer;
    return &slot;
}

const Result<Specifier>& Prefetch::specifier(std::string_view alias, std::string_view text) { return state_->specifier(alias, text).value; }
const Specifier& Prefetch::keep(Specifier specifier) {
    std::lock_guard lock(state_->specifiers_mutex);
    return state_->kept.emplace_back(std::move(specifier));
}
RangeCache& Prefetch::ranges() { return state_->ranges; }
const Packument& Prefetch::packument(const Slot& slot) { return *slot.packument; }
Result<std::size_t> Prefetch::pick(Slot& slot, const PickRequest& request) { return state_->pick(slot, request); }
Result<const PackageFacts*> Prefetch::facts(Slot& slot, std::size_t version) { return state_->facts(slot, version); }
std::size_t Prefetch::asked() const { return state_->asked.load(std::memory_order_relaxed); }

}  // namespace pmx
