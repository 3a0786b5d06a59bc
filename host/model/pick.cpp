#include "model/pick.hpp"

#include <optional>
#include <string>
#include <tuple>

#include "base/text.hpp"
#include "model/platform.hpp"
#include "model/range.hpp"

namespace pmx {
namespace {

constexpr RangeOptions kLoose{.loose = true};

class Picker {
  public:
    Picker(const Choices& choices, const PickOptions& options) : choices_(choices), options_(options) {
        if (!options.avoid.empty())
            avoid_ = Range::parse(options.avoid, {.loose = true, .include_prerelease = true});
    }

    tl::expected<Picked, PickFailure> pick(std::string_view spec) const {
        spec = trim(spec);
        switch (spec_kind(spec)) {
            case SpecKind::tag:
                return pick_tag(spec);
            case SpecKind::version:
                return pick_exact(*clean_version(spec, true));
            case SpecKind::range:
                break;
        }
        return pick_range(spec.empty() ? "*" : spec);
    }

    std::string_view version(std::size_t index) const { return choices_.versions[index].version; }

  private:
    std::optional<std::size_t> find_version(std::string_view version) const {
        for (std::size_t i = 0; i < choices_.versions.size(); ++i)
            if (choices_.versions[i].version == version) return i;
        return std::nullopt;
    }

    std::string_view tagged(std::string_view tag) const {
        for (const auto& [name, version] : choices_.dist_tags)
            if (name == tag) return version;
        return {};
    }

    bool is_early_enough(const Candidate& c) const {
        return options_.before.empty() || c.time.empty() || c.time <= options_.before;
    }
    bool runs_here(const Candidate& c) const {
        return !c.engines || !options_.engines || unsupported_engines(*c.engines, *options_.engines).empty();
    }
    bool is_avoided(std::string_view text) const {
        auto version = avoid_ ? Version::parse(text, true) : std::nullopt;
        return version && avoid_->satisfied_by(*version);
    }

    tl::expected<Picked, PickFailure> found(std::size_t index) const {
        if (choices_.versions[index].restricted) return tl::make_unexpected(PickFailure::forbidden);
        return Picked{index, is_avoided(version(index)), false, false};
    }

    tl::expected<Picked, PickFailure> pick_tag(std::string_view tag) const {
        auto index = find_version(tagged(tag));
        if (!index) return tl::make_unexpected(PickFailure::no_match);
        if (is_early_enough(choices_.versions[*index])) return found(*index);
        return pick_range("<=" + std::string(version(*index)));
    }

    tl::expected<Picked, PickFailure> pick_exact(std::string_view exact) const {
        auto index = find_version(exact);
        if (!index || !is_early_enough(choices_.versions[*index]))
            return tl::make_unexpected(PickFailure::no_match);
        return found(*index);
    }

    tl::expected<Picked, PickFailure> pick_range(std::string_view text) const {
        auto range = Range::parse(text, kLoose);
        if (!range) return tl::make_unexpected(PickFailure::no_match);
        if (auto index = find_version(tagged(options_.default_tag)); index && options_.prefer_default_tag) {
            const Candidate& c = choices_.versions[*index];
            auto parsed = Version::parse(c.version, true);
            bool fits =
                text == "*" || (parsed && range->satisfied_by(*parsed));  // "*" takes even a prerelease
            if (fits && !c.restricted && !is_avoided(c.version) && is_early_enough(c) && runs_here(c) &&
                !c.deprecated)
                return Picked{*index, false, false, false};
        }
        bool any = false;
        std::optional<std::size_t> best;
        Version best_version;
        std::tuple<bool, bool, bool, bool, bool> best_rank;
        for (std::size_t i = 0; i < choices_.versions.size(); ++i) {
            const Candidate& c = choices_.versions[i];
            if (!is_early_enough(c)) continue;
            any = true;
            auto parsed = Version::parse(c.version, true);
            if (!parsed || !range->satisfied_by(*parsed)) continue;
            bool runs = runs_here(c);
            std::tuple rank{!is_avoided(c.version), !c.restricted, runs && !c.deprecated, runs,
                            !c.deprecated};
            if (best && (rank < best_rank || (rank == best_rank && *parsed <= best_version))) continue;
            best = i;
            best_rank = rank;
            best_version = std::move(*parsed);
        }
        if (!any) return tl::make_unexpected(PickFailure::no_versions);
        return best ? found(*best) : tl::make_unexpected(PickFailure::no_match);
    }

    const Choices& choices_;
    const PickOptions& options_;
    std::optional<Range> avoid_;
};

}  // namespace

SpecKind spec_kind(std::string_view spec) {
    spec = trim(spec);
    if (Version::parse(spec, true)) return SpecKind::version;
    return Range::parse(spec, kLoose) ? SpecKind::range : SpecKind::tag;
}

tl::expected<Picked, PickFailure> pick_version(const Choices& choices, std::string_view spec,
                                               const PickOptions& options) {
    Picker picker(choices, options);
    auto picked = picker.pick(spec);
    if (!options.avoid_strict || !picked || !picked->avoided) return picked;
    auto same_major = picker.pick("^" + std::string(picker.version(picked->index)));
    if (same_major && !same_major->avoided) {
        same_major->outside_range = true;
        return same_major;
    }
    auto anything = picker.pick("*");
    if (!anything || anything->avoided) return tl::make_unexpected(PickFailure::all_avoided);
    anything->outside_range = anything->is_major = true;
    return anything;
}

}  // namespace pmx
