#include "resolve/range_cache.hpp"

#include "base/text.hpp"

namespace pmx {

KnownRange know_range(std::string_view text) {
    using Op = Comparator::Op;
    KnownRange known;
    known.range = Range::parse(text, {.loose = true});
    if (!known.range) return known;
    known.is_any = trim(text) == "*";
    bool first = true, has_lower = true, has_upper = true;
    for (const Range::Set& set : known.range->sets()) {
        const Version *lower = nullptr, *upper = nullptr;
        for (const Comparator& c : set) {
            if (c.op == Op::any) continue;
            if (c.op != Op::lt && c.op != Op::lte && (lower == nullptr || *lower < c.version)) lower = &c.version;
            if (c.op != Op::gt && c.op != Op::gte && (upper == nullptr || c.version < *upper)) upper = &c.version;
        }
        has_lower = has_lower && lower != nullptr;
        has_upper = has_upper && upper != nullptr;
        if (lower != nullptr && (first || (known.lower && *lower < *known.lower))) known.lower = *lower;
        if (upper != nullptr && (first || (known.upper && *known.upper < *upper))) known.upper = *upper;
        first = false;
    }
    if (!has_lower) known.lower.reset();
    if (!has_upper) known.upper.reset();
    return known;
}

}  // namespace pmx
