#include <algorithm>

#include "model/range.hpp"

namespace pmx {
namespace {

using Op = Comparator::Op;
using Set = Range::Set;

bool is_above(Op op) {
    return op == Op::gt || op == Op::gte;
}
bool is_below(Op op) {
    return op == Op::lt || op == Op::lte;
}
bool has_equal(Op op) {
    return op == Op::eq || op == Op::any || op == Op::lte || op == Op::gte;
}

Range range_of(const Comparator& c, RangeOptions options) {
    auto range = Range::parse(c.to_string(), options);
    return range ? *range : Range{};
}

bool is_satisfiable(const Set& set, RangeOptions options) {
    for (std::size_t last = set.size(); last-- > 1;)
        for (std::size_t i = 0; i < last; ++i)
            if (!set[last].intersects(set[i], options)) return false;
    return true;
}

template <class Better>
std::optional<std::size_t> best_satisfying(std::span<const std::string> versions, const Range& range,
                                           Better better) {
    std::optional<std::size_t> best;
    Version best_version;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        auto v = Version::parse(versions[i], range.options().loose);
        if (!v || !range.satisfied_by(*v) || (best && !better(*v, best_version))) continue;
        best = i;
        best_version = std::move(*v);
    }
    return best;
}

const Comparator* stricter_above(const Comparator* a, const Comparator* b) {
    if (!a) return b;
    auto order = a->version <=> b->version;
    if (order != 0) return order > 0 ? a : b;
    return b->op == Op::gt && a->op == Op::gte ? b : a;
}

const Comparator* stricter_below(const Comparator* a, const Comparator* b) {
    if (!a) return b;
    auto order = a->version <=> b->version;
    if (order != 0) return order < 0 ? a : b;
    return b->op == Op::lt && a->op == Op::lte ? b : a;
}

bool accepts(const Comparator& c, const Version& v, RangeOptions options) {
    return range_of(c, options).satisfied_by(v);
}

enum class Verdict { no, yes, empty };

// Set against set. `empty`: nothing satisfies `sub`.
Verdict compare_sets(Set sub, Set dom, RangeOptions options) {
    auto only_any = [](const Set& set) { return set.size() == 1 && set[0].op == Op::any; };
    Comparator zero{Op::gte, {}};
    if (only_any(sub)) {
        if (only_any(dom)) return Verdict::yes;
        if (options.include_prerelease) zero.version.prerelease = {"0"};
        sub = {zero};
    }
    if (only_any(dom)) {
        if (options.include_prerelease) return Verdict::yes;
        dom = {Comparator{Op::gte, {}}};
    }
    const Comparator *above = nullptr, *below = nullptr, *equal = nullptr;
    for (const Comparator& c : sub) {
        if (is_above(c.op)) {
            above = stricter_above(above, &c);
        } else if (is_below(c.op)) {
            below = stricter_below(below, &c);
        } else {
            if (equal && equal->version != c.version) return Verdict::empty;
            equal = &c;
        }
    }
    bool one_point = false;
    if (above && below) {
        auto order = above->version <=> below->version;
        if (order > 0 || (order == 0 && (above->op != Op::gte || below->op != Op::lte)))
            return Verdict::empty;
        one_point = order == 0;
    }
    if (equal) {
        if (above && !accepts(*above, equal->version, options)) return Verdict::empty;
        if (below && !accepts(*below, equal->version, options)) return Verdict::empty;
        for (const Comparator& c : dom)
            if (!accepts(c, equal->version, options)) return Verdict::no;
        return Verdict::yes;
    }
    // A bound that is a prerelease lets prereleases of its tuple in; `dom` must name that tuple too.
    const Version* need_below =
        below && !options.include_prerelease && below->version.is_prerelease() ? &below->version : nullptr;
    const Version* need_above =
        above && !options.include_prerelease && above->version.is_prerelease() ? &above->version : nullptr;
    if (need_below && below->op == Op::lt && need_below->prerelease == std::vector<std::string>{"0"})
        need_below = nullptr;
    bool dom_above = false, dom_below = false;
    for (const Comparator& c : dom) {
        dom_above = dom_above || is_above(c.op);
        dom_below = dom_below || is_below(c.op);
        if (above) {
            if (need_above && c.version.is_prerelease() && c.version.same_tuple(*need_above))
                need_above = nullptr;
            if (is_above(c.op)) {
                const Comparator* higher = stricter_above(above, &c);
                if (higher == &c && higher != above) return Verdict::no;
            } else if (above->op == Op::gte && !c.accepts(above->version)) {
                return Verdict::no;
            }
        }
        if (below) {
            if (need_below && c.version.is_prerelease() && c.version.same_tuple(*need_below))
                need_below = nullptr;
            if (is_below(c.op)) {
                const Comparator* lower = stricter_below(below, &c);
                if (lower == &c && lower != below) return Verdict::no;
            } else if (below->op == Op::lte && !c.accepts(below->version)) {
                return Verdict::no;
            }
        }
        bool exact = c.op == Op::eq || c.op == Op::any;
        if (exact && (above || below) && !one_point) return Verdict::no;
    }
    if (above && dom_below && !below && !one_point) return Verdict::no;
    if (below && dom_above && !above && !one_point) return Verdict::no;
    return need_above || need_below ? Verdict::no : Verdict::yes;
}

}  // namespace

bool Comparator::intersects(const Comparator& other, RangeOptions options) const {
    if (op == Op::any || other.op == Op::any) return true;
    if (op == Op::eq) return range_of(other, options).satisfied_by(version);
    if (other.op == Op::eq) return range_of(*this, options).satisfied_by(other.version);
    auto nothing_below = [&](const Comparator& c) {
        std::string text = c.to_string();
        return options.include_prerelease ? text == "<0.0.0-0" : text.starts_with("<0.0.0");
    };
    if (nothing_below(*this) || nothing_below(other)) return false;
    if ((is_above(op) && is_above(other.op)) || (is_below(op) && is_below(other.op))) return true;
    auto order = version <=> other.version;
    if (order == 0 && has_equal(op) && has_equal(other.op)) return true;
    return (order < 0 && is_above(op)) || (order > 0 && is_below(op));
}

bool Range::intersects(const Range& other, RangeOptions options) const {
    for (const Set& mine : sets_) {
        if (!is_satisfiable(mine, options)) continue;
        for (const Set& theirs : other.sets_) {
            if (!is_satisfiable(theirs, options)) continue;
            bool all = std::all_of(mine.begin(), mine.end(), [&](const Comparator& a) {
                return std::all_of(theirs.begin(), theirs.end(),
                                   [&](const Comparator& b) { return a.intersects(b, options); });
            });
            if (all) return true;
        }
    }
    return false;
}

bool satisfies(std::string_view version, std::string_view range, RangeOptions options) {
    auto r = Range::parse(range, options);
    auto v = Version::parse(version, options.loose);
    return r && v && r->satisfied_by(*v);
}

std::optional<std::size_t> max_satisfying(std::span<const std::string> versions, const Range& range) {
    return best_satisfying(versions, range, [](const Version& a, const Version& b) { return a > b; });
}

std::optional<std::size_t> min_satisfying(std::span<const std::string> versions, const Range& range) {
    return best_satisfying(versions, range, [](const Version& a, const Version& b) { return a < b; });
}

std::optional<Version> min_version(const Range& range) {
    Version zero, lowest;
    if (range.satisfied_by(zero)) return zero;
    zero.prerelease = {"0"};
    if (range.satisfied_by(zero)) return zero;
    std::optional<Version> best;
    for (const Set& set : range.sets()) {
        std::optional<Version> least;
        for (const Comparator& c : set) {
            if (c.op == Op::lt || c.op == Op::lte) continue;
            Version v = c.version;
            if (c.op == Op::gt) {
                if (v.is_prerelease())
                    v.prerelease.push_back("0");
                else
                    ++v.patch;
            }
            if (!least || v > *least) least = std::move(v);
        }
        if (least && (!best || *best > *least)) best = std::move(least);
    }
    return best && range.satisfied_by(*best) ? best : std::nullopt;
}

bool is_outside(const Version& version, const Range& range, Side side, RangeOptions options) {
    bool above = side == Side::above;
    // Everything below is said for `above`; for `below` the order is turned round.
    auto gt = [&](const Version& a, const Version& b) { return above ? a > b : a < b; };
    Op open = above ? Op::gt : Op::lt, closed = above ? Op::gte : Op::lte;
    if (Range asked = range; options.loose == range.options().loose &&
                                     options.include_prerelease == range.options().include_prerelease
                                 ? asked.satisfied_by(version)
                                 : satisfies(version.to_string(), range.to_string(), options))
        return false;
    for (const Set& set : range.sets()) {
        Set bounds = set;
        for (Comparator& c : bounds)
            if (c.op == Op::any) c.op = Op::gte;
        const Comparator *high = &bounds[0], *low = &bounds[0];
        for (const Comparator& c : bounds) {
            if (gt(c.version, high->version))
                high = &c;
            else if (gt(low->version, c.version))
                low = &c;
        }
        if (high->op == open || high->op == closed) return false;
        if ((low->op == Op::eq || low->op == open) && !gt(version, low->version)) return false;
        if (low->op == closed && gt(low->version, version)) return false;
    }
    return true;
}

bool is_subset(const Range& sub, const Range& dom, RangeOptions options) {
    bool saw_content = false;
    for (const Set& mine : sub.sets()) {
        bool covered = false;
        for (const Set& theirs : dom.sets()) {
            Verdict verdict = compare_sets(mine, theirs, options);
            saw_content = saw_content || verdict != Verdict::empty;
            covered = verdict == Verdict::yes;
            if (covered) break;
        }
        if (!covered && saw_content) return false;
    }
    return true;
}

}  // namespace pmx
