#include "resolve/pick.hpp"

#include <algorithm>
#include <vector>

#include "base/text.hpp"
#include "resolve/pick_error.hpp"

namespace pmx {
namespace {

// Two times in the registry's usual form compare as texts.
bool is_later(std::string_view time, std::string_view limit) {
    if (time.size() == limit.size() && time.ends_with('Z')) return time > limit;
    std::int64_t at = parse_iso_time(time);
    return at >= 0 && at > parse_iso_time(limit);
}

class Picker {
  public:
    Picker(const Packument& packument, const PickRequest& request, const Policy& policy)
        : packument_(packument), request_(request), policy_(policy), limit_(policy.newest) {
        if (!limit_.empty()) {
            allowed_ = policy.newest_exclude.judge(name());
            if (allowed_.every_version) limit_ = {};
        }
        if (!request.newest.empty() && (limit_.empty() || request.newest < limit_)) limit_ = request.newest;
        // A document without times that has not changed since has nothing younger.
        if (!limit_.empty() && !packument.has_times() && !packument.modified().empty() && !is_later(packument.modified(), limit_)) limit_ = {};
    }

    Result<std::size_t> pick() {
        if (!limit_.empty() && !policy_.newest_ignore_missing_time && !knows_times()) return missing_times(name());
        auto chosen = request_.update_to_latest ? latest_or_newer() : by_specifier();
        // Age hid all that fits: the lowest of it is the least surprising.
        if (!chosen && !limit_.empty() && !policy_.newest_strict) {
            std::string_view limit = std::exchange(limit_, {});
            chosen = kind() == SpecifierKind::range ? lowest(known_range()) : by_specifier();
            limit_ = limit;
        }
        if (chosen) return *chosen;
        return no_matching_version(packument_, *request_.specifier, hidden_by_age(), policy_);
    }

  private:
    std::string_view name() const { return request_.specifier->name.empty() ? packument_.name() : std::string_view(request_.specifier->name); }
    SpecifierKind kind() const {
        bool blank = request_.specifier->kind == SpecifierKind::range && trim(request_.specifier->value).empty();
        return blank ? SpecifierKind::tag : request_.specifier->kind;
    }
    const KnownRange& range_of(std::string_view text) {
        if (request_.ranges != nullptr) return request_.ranges->get(text);
        return own_ranges_.get(text);
    }
    const KnownRange& known_range() { return range_of(trim(request_.specifier->value)); }

    // One version without a time, and the times are no use: as in pnpm, the rule is then not applied at all.
    bool knows_times() {
        if (!complete_) {
            complete_ = packument_.has_times();
            for (std::size_t i = 0; *complete_ && i < packument_.versions().size(); ++i) complete_ = !packument_.time(i).empty();
        }
        return *complete_;
    }
    bool is_visible(std::size_t index) {
        if (limit_.empty() || !is_later(packument_.time(index), limit_)) return true;
        return !knows_times() || allowed_.names(packument_.versions()[index].version);
    }

    std::optional<std::size_t> find(std::string_view version) const {
        if (auto index = packument_.find(version)) return index;
        auto parsed = Version::parse(version, true);
        if (!parsed) return std::nullopt;
        auto [first, last] = between(&*parsed, &*parsed);
        return first < last ? std::optional(first) : std::nullopt;
    }

    // Where the versions between two bounds are.
    std::pair<std::size_t, std::size_t> between(const Version* lower, const Version* upper) const {
        std::size_t size = packument_.versions().size();
        auto search = [&](std::size_t from, auto before) {
            std::size_t to = size;
            while (from < to) {
                std::size_t middle = from + (to - from) / 2;
                if (before(packument_.parsed(middle))) from = middle + 1;
                else to = middle;
            }
            return from;
        };
        std::size_t first = upper == nullptr ? 0 : search(0, [&](const Version& v) { return v > *upper; });
        std::size_t last = lower == nullptr ? size : search(first, [&](const Version& v) { return v >= *lower; });
        return {first, last};
    }
    std::pair<std::size_t, std::size_t> bounds(const KnownRange& range) const {
        return between(range.lower ? &*range.lower : nullptr, range.upper ? &*range.upper : nullptr);
    }

    // A tag whose version is too young means the highest older one like it: of the same major version (but for
    // latest), a prerelease or none as it is, not deprecated where that can be.
    std::optional<std::size_t> tagged(std::string_view tag) {
        std::string_view version = packument_.tag(tag);
        auto meant = version.empty() ? std::nullopt : find(version);
        if (!meant || is_visible(*meant)) return meant;
        const Version& original = packument_.parsed(*meant);
        std::optional<std::size_t> deprecated;
        for (std::size_t i = *meant + 1; i < packument_.versions().size(); ++i) {
            const Version& v = packument_.parsed(i);
            if (tag != "latest" && v.major != original.major) break;
            if (v.is_prerelease() != original.is_prerelease() || !is_visible(i)) continue;
            if (!packument_.is_deprecated(i)) return i;
            if (!deprecated) deprecated = i;
        }
        return deprecated;
    }

    std::uint64_t weight(std::size_t index) {
        std::uint64_t sum = 0;
        std::string_view version = packument_.versions()[index].version;
        for (std::size_t i = 0; i < request_.preferred.size(); ++i) {
            const Preferred& preferred = request_.preferred[i];
            bool fits = false;
            switch (preferred.kind) {
                case Preferred::Kind::version: fits = preferred.selector == version; break;
                case Preferred::Kind::range: fits = selected_[i] != nullptr && selected_[i]->satisfied_by(packument_.parsed(index)); break;
                case Preferred::Kind::tag: fits = tags_[i] == index; break;
            }
            if (fits) sum += preferred.weight;
        }
        return sum;
    }
    void know_preferred() {
        selected_.assign(request_.preferred.size(), nullptr);
        tags_.assign(request_.preferred.size(), std::nullopt);
        for (std::size_t i = 0; i < request_.preferred.size(); ++i) {
            const Preferred& preferred = request_.preferred[i];
            if (preferred.kind == Preferred::Kind::tag) tags_[i] = tagged(preferred.selector);
            if (preferred.kind != Preferred::Kind::range) continue;
            const KnownRange& range = range_of(preferred.selector);
            if (range.range) selected_[i] = &*range.range;
        }
    }

    // "*" takes `latest` even where that is a prerelease.
    std::optional<std::size_t> highest(const KnownRange& range) {
        if (!range.range) return std::nullopt;
        auto latest = tagged("latest");
        if (latest && !range.is_any && !range.range->satisfied_by(packument_.parsed(*latest))) latest.reset();
        if (request_.preferred.empty() && latest && !packument_.is_deprecated(*latest)) return latest;
        know_preferred();
        std::optional<std::size_t> top, live;  // the highest of the heaviest; the highest of them that is not deprecated
        std::uint64_t heaviest = 0;
        bool latest_in = false;
        auto [first, last] = bounds(range);
        for (std::size_t i = first; i < last; ++i) {
            if (i != latest && !range.range->satisfied_by(packument_.parsed(i))) continue;
            if (!is_visible(i)) continue;
            std::uint64_t heavy = request_.preferred.empty() ? 0 : weight(i);
            if (!top || heavy > heaviest) {
                top = i;
                live.reset();
                heaviest = heavy;
                latest_in = false;
            } else if (heavy < heaviest) {
                continue;
            }
            latest_in = latest_in || i == latest;
            if (!live && !packument_.is_deprecated(i)) live = i;
            if (live && request_.preferred.empty()) break;
        }
        if (latest_in && (!live || !packument_.is_deprecated(*latest))) return latest;
        return live ? live : top;
    }

    std::optional<std::size_t> lowest(const KnownRange& range) {
        if (!range.range) return std::nullopt;
        know_preferred();
        std::optional<std::size_t> chosen;
        std::uint64_t heaviest = 0;
        auto [first, last] = bounds(range);
        for (std::size_t i = last; i-- > first;) {
            if (!range.is_any && !range.range->satisfied_by(packument_.parsed(i))) continue;
            if (!is_visible(i)) continue;
            std::uint64_t heavy = weight(i);
            // Of versions that differ in their build only, the first of the document.
            bool same = chosen && heavy == heaviest && packument_.parsed(i) == packument_.parsed(*chosen);
            if (chosen && heavy <= heaviest && !same) continue;
            chosen = i;
            heaviest = heavy;
        }
        return chosen;
    }

    std::optional<std::size_t> by_specifier() {
        switch (kind()) {
            case SpecifierKind::version: {
                auto index = find(request_.specifier->value);
                return index && is_visible(*index) ? index : std::nullopt;
            }
            case SpecifierKind::tag: {
                std::string_view tag = trim(request_.specifier->value);
                return tagged(tag.empty() ? std::string_view(policy_.default_tag) : tag);
            }
            default: return request_.lowest ? lowest(known_range()) : highest(known_range());
        }
    }

    std::optional<std::size_t> latest_or_newer() {
        auto latest = tagged("latest"), meant = by_specifier();
        if (!latest || !meant) return latest ? latest : meant;
        return packument_.parsed(*latest) < packument_.parsed(*meant) ? meant : latest;
    }

    // The first version that would have been taken were it older.
    std::optional<std::size_t> hidden_by_age() {
        if (limit_.empty()) return std::nullopt;
        std::string_view limit = std::exchange(limit_, {});
        auto hidden = by_specifier();
        limit_ = limit;
        return hidden && !is_visible(*hidden) ? hidden : std::nullopt;
    }

    const Packument& packument_;
    const PickRequest& request_;
    const Policy& policy_;
    std::string_view limit_;  // the latest moment; "" = any
    VersionPolicy::Verdict allowed_;
    std::optional<bool> complete_;
    RangeCache own_ranges_;
    std::vector<const Range*> selected_;  // of each preferred range
    std::vector<std::optional<std::size_t>> tags_;
};

}  // namespace

Result<std::size_t> pick(const Packument& packument, const PickRequest& request, const Policy& policy) {
    return Picker(packument, request, policy).pick();
}

std::optional<std::size_t> pinned_pick(const Packument& packument, const PickRequest& request) {
    RangeCache own;
    const KnownRange& range = (request.ranges != nullptr ? *request.ranges : own).get(trim(request.specifier->value));
    if (!range.range) return std::nullopt;
    const Preferred* pin = nullptr;
    std::uint64_t others = 0;
    for (const Preferred& preferred : request.preferred) {
        auto version = preferred.kind == Preferred::Kind::version ? Version::parse(preferred.selector, true) : std::nullopt;
        bool is_pin = version && preferred.weight >= kLockfileWeight && range.range->satisfied_by(*version);
        if (is_pin && pin != nullptr) return std::nullopt;
        if (is_pin) pin = &preferred;
        else others += preferred.weight;
    }
    if (pin == nullptr || others >= pin->weight) return std::nullopt;
    return packument.find(pin->selector);
}

bool is_old_enough(std::string_view name, std::string_view version, std::string_view time, const Policy& policy) {
    if (policy.newest.empty() || (time.empty() && policy.newest_ignore_missing_time)) return true;
    if (!time.empty() && !is_later(time, policy.newest)) return true;
    return policy.newest_exclude.judge(name).names(version);
}

}  // namespace pmx
