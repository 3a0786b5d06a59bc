#include "model/range.hpp"

#include <algorithm>
#include <unordered_set>

#include "base/text.hpp"
#include "model/semver_scan.hpp"

namespace pmx {
namespace {

using Op = Comparator::Op;

bool is_build_char(char c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '.';
}
bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

std::string text(std::string_view part) {
    return std::string(part);
}

// The number after `digits`, as text; digits too long for a number stay too long, so the bound fails to parse
// later.
std::string next(std::string_view digits) {
    auto value = semver_number(digits);
    return value ? std::to_string(*value + 1) : text(digits);
}

// "1.x.3" is no range: a number may not follow a wildcard.
bool is_ordered(const VersionParts& p) {
    if (is_wildcard(p.major) && !is_wildcard(p.minor)) return false;
    return !((is_wildcard(p.major) || is_wildcard(p.minor)) && !is_wildcard(p.patch));
}

std::string bound(std::string_view op, std::string_view major, std::string_view minor, std::string_view patch,
                  std::string_view tail = {}) {
    std::string out(op);
    out.append(major).append(".").append(minor).append(".").append(patch).append(tail);
    return out;
}

// "^1.2.3" → ">=1.2.3 <2.0.0-0": nothing that may change an API, where 0.x counts as such a change.
std::string expand_caret(std::string_view word, RangeOptions options) {
    auto p = scan_partial(word.substr(1), options.loose);
    if (!p || !is_ordered(*p)) return text(word);
    std::string_view z = options.include_prerelease ? "-0" : "";
    if (is_wildcard(p->major)) return {};
    if (is_wildcard(p->minor))
        return bound(">=", p->major, "0", "0", z) + " " + bound("<", next(p->major), "0", "0", "-0");
    bool zero = p->major == "0", zero_zero = zero && p->minor == "0";
    std::string upper =
        zero ? bound("<", p->major, next(p->minor), "0", "-0") : bound("<", next(p->major), "0", "0", "-0");
    if (is_wildcard(p->patch)) return bound(">=", p->major, p->minor, "0", z) + " " + upper;
    if (zero_zero) upper = bound("<", p->major, p->minor, next(p->patch), "-0");
    std::string lower = bound(">=", p->major, p->minor, p->patch);
    if (!p->prerelease.empty()) lower.append("-").append(p->prerelease);
    return lower + " " + upper;
}

// "~1.2.3" → ">=1.2.3 <1.3.0-0".
std::string expand_tilde(std::string_view word, RangeOptions options) {
    auto p = scan_partial(word.substr(word.starts_with("~>") ? 2 : 1), options.loose);
    if (!p || !is_ordered(*p)) return text(word);
    if (is_wildcard(p->major)) return {};
    std::string_view z = options.include_prerelease ? "-0" : "";
    if (is_wildcard(p->minor))
        return bound(">=", p->major, "0", "0", z) + " " + bound("<", next(p->major), "0", "0", "-0");
    std::string upper = bound("<", p->major, next(p->minor), "0", "-0");
    if (is_wildcard(p->patch)) return bound(">=", p->major, p->minor, "0", z) + " " + upper;
    std::string lower = bound(">=", p->major, p->minor, p->patch);
    if (!p->prerelease.empty()) lower.append("-").append(p->prerelease);
    return lower + " " + upper;
}

std::size_t operator_length(std::string_view word) {
    std::size_t at = !word.empty() && (word[0] == '<' || word[0] == '>') ? 1 : 0;
    return at < word.size() && word[at] == '=' ? at + 1 : at;
}

// "1.x", ">1", "<=1.2" → bounds with three numbers.
std::string expand_partial(std::string_view word, RangeOptions options) {
    std::size_t size = operator_length(word);
    std::string_view op = word.substr(0, size);
    auto p = scan_partial(word.substr(size), options.loose);
    if (!p || !is_ordered(*p)) return text(word);
    bool x_major = is_wildcard(p->major), x_minor = x_major || is_wildcard(p->minor);
    if (!x_minor && !is_wildcard(p->patch)) return text(word);
    if (op == "=") op = {};
    std::string_view z = options.include_prerelease ? "-0" : "";
    if (x_major) return op == ">" || op == "<" ? "<0.0.0-0" : "*";
    std::string major = text(p->major), minor = x_minor ? "0" : text(p->minor);
    if (op.empty()) {
        std::string upper =
            x_minor ? bound("<", next(major), "0", "0", "-0") : bound("<", major, next(minor), "0", "-0");
        return bound(">=", major, minor, "0", z) + " " + upper;
    }
    if (op == ">" || op == "<=") {  // beyond the whole of what is named
        (x_minor ? major : minor) = next(x_minor ? major : minor);
        op = op == ">" ? ">=" : "<";
    }
    return bound(op, major, minor, "0", op == "<" ? "-0" : z);
}

// Removes the first "*" and the operator before it.
std::string drop_star(std::string word) {
    std::size_t star = word.find('*');
    if (star == word.npos) return word;
    std::size_t start = star;
    if (start > 0 && word[start - 1] == '=') --start;
    if (start > 0 && (word[start - 1] == '<' || word[start - 1] == '>')) --start;
    return word.erase(start, star + 1 - start);
}

template <class Visit>
void each_word(std::string_view line, Visit visit) {
    while (!line.empty()) {
        std::size_t end = 0;
        while (end < line.size() && !is_space(line[end])) ++end;
        if (end > 0) visit(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
}

std::string one_space(std::string_view raw) {
    std::string out;
    each_word(raw, [&](std::string_view word) {
        if (!out.empty()) out += ' ';
        out += word;
    });
    return out;
}

// Takes the space between an operator and its version away: ">= 1.2", "~ 1", "~> 1", "^ 1".
std::string join_operators(std::string_view line) {
    std::string out;
    std::size_t at = 0;
    auto copy_decoration = [&](std::size_t from) {
        std::size_t end = from;
        while (end < line.size() && (line[end] == 'v' || line[end] == '=' || line[end] == ' ')) ++end;
        bool version = end < line.size() && ((line[end] >= '0' && line[end] <= '9') || line[end] == 'x' ||
                                             line[end] == 'X' || line[end] == '*');
        if (!version) return false;
        out += line.substr(from, end - from);
        at = end;
        return true;
    };
    while (at < line.size()) {
        char c = line[at];
        if (c == '^' || c == '~') {
            out += c;
            std::size_t after = ++at;
            if (c == '~' && after < line.size() && line[after] == '>') ++after;
            if (after < line.size() && line[after] == ' ') at = after + 1;
        } else if (c == '<' || c == '>' || c == '=') {
            std::size_t size = operator_length(line.substr(at));
            out += line.substr(at, size);
            at += size;
            std::size_t from = at < line.size() && line[at] == ' ' ? at + 1 : at;
            if (!copy_decoration(from)) continue;
        } else {
            out += c;
            ++at;
        }
    }
    return out;
}

// "1.0 - 2" → ">=1.0.0 <3.0.0-0"; nullopt for what is no hyphen range.
std::optional<std::string> expand_hyphen(std::string_view line, RangeOptions options) {
    std::size_t dash = line.find(" - ");
    if (dash == line.npos || line.find(" - ", dash + 1) != line.npos) return std::nullopt;
    std::string_view from = trim(line.substr(0, dash)), to = trim(line.substr(dash + 3));
    auto f = scan_partial(from, options.loose), t = scan_partial(to, options.loose);
    if (!f || !t || !is_ordered(*f) || !is_ordered(*t)) return std::nullopt;
    std::string_view z = options.include_prerelease ? "-0" : "";
    std::string low, high;
    if (!is_wildcard(f->major)) {
        if (is_wildcard(f->minor))
            low = bound(">=", f->major, "0", "0", z);
        else if (is_wildcard(f->patch))
            low = bound(">=", f->major, f->minor, "0", z);
        else
            low = ">=" + text(from) + (f->prerelease.empty() ? text(z) : "");
    }
    if (!is_wildcard(t->major)) {
        if (is_wildcard(t->minor))
            high = bound("<", next(t->major), "0", "0", "-0");
        else if (is_wildcard(t->patch))
            high = bound("<", t->major, next(t->minor), "0", "-0");
        else if (!t->prerelease.empty())
            high = bound("<=", t->major, t->minor, t->patch, "-" + text(t->prerelease));
        else if (options.include_prerelease)
            high = bound("<", t->major, t->minor, next(t->patch), "-0");
        else
            high = "<=" + text(to);
    }
    return low + " " + high;
}

// Build parts say nothing about a range.
std::string without_build(std::string_view word) {
    std::size_t plus = word.find('+'), end = plus;
    if (plus == word.npos) return text(word);
    while (end + 1 < word.size() && is_build_char(word[end + 1])) ++end;
    while (end > plus && word[end] == '.') --end;
    return end == plus ? text(word) : text(word.substr(0, plus)) + text(word.substr(end + 1));
}

std::string expand_word(std::string_view raw, RangeOptions options) {
    std::string word = without_build(raw);
    std::string expanded = word.starts_with('^')   ? expand_caret(word, options)
                           : word.starts_with('~') ? expand_tilde(word, options)
                                                   : text(word);
    std::string out;
    each_word(expanded, [&](std::string_view part) {
        out += ' ';
        out += drop_star(expand_partial(part, options));
    });
    return out;
}

bool is_null(const Comparator& c) {
    return c.op == Op::lt && c.to_string() == "<0.0.0-0";
}

std::optional<Range::Set> parse_set(std::string_view line, RangeOptions options) {
    std::string expanded;
    if (auto hyphen = expand_hyphen(line, options))
        expanded = std::move(*hyphen);
    else
        expanded = join_operators(line);
    std::string bounds;
    each_word(expanded, [&](std::string_view word) { bounds += expand_word(word, options) + " "; });

    Range::Set set;
    bool broken = false;
    std::unordered_set<std::string> seen;
    std::string_view zero = options.include_prerelease ? ">=0.0.0-0" : ">=0.0.0";
    bool any_word = false;
    each_word(bounds, [&](std::string_view word) {
        any_word = true;
        auto c = word == zero ? Comparator{} : Comparator::parse(word, options.loose);
        if (!c) {
            broken = broken || !options.loose;
            return;
        }
        std::string value = c->to_string();
        if (!seen.insert(std::move(value)).second) return;
        set.push_back(std::move(*c));
    });
    if (broken) return std::nullopt;
    if (!any_word) set.push_back({});
    for (const Comparator& c : set)
        if (is_null(c)) return Range::Set{c};
    if (set.size() > 1) std::erase_if(set, [](const Comparator& c) { return c.op == Op::any; });
    return set;
}

}  // namespace

std::optional<Comparator> Comparator::parse(std::string_view raw, bool loose) {
    std::string word = one_space(raw);
    Comparator out;
    if (word.empty()) return out;
    std::size_t size = operator_length(word);
    std::string_view op = std::string_view(word).substr(0, size), rest = std::string_view(word).substr(size);
    if (rest.starts_with(' ')) rest.remove_prefix(1);
    if (rest.empty()) return std::nullopt;
    auto version = Version::parse(rest, loose);
    if (!version) return std::nullopt;
    out.version = std::move(*version);
    out.op = op == "<" ? Op::lt : op == "<=" ? Op::lte : op == ">" ? Op::gt : op == ">=" ? Op::gte : Op::eq;
    return out;
}

bool Comparator::accepts(const Version& v) const {
    switch (op) {
        case Op::any:
            return true;
        case Op::eq:
            return v == version;
        case Op::lt:
            return v < version;
        case Op::lte:
            return v <= version;
        case Op::gt:
            return v > version;
        case Op::gte:
            return v >= version;
    }
    return false;
}

std::string Comparator::to_string() const {
    switch (op) {
        case Op::any:
            return {};
        case Op::eq:
            return version.to_string();
        case Op::lt:
            return "<" + version.to_string();
        case Op::lte:
            return "<=" + version.to_string();
        case Op::gt:
            return ">" + version.to_string();
        case Op::gte:
            return ">=" + version.to_string();
    }
    return {};
}

std::optional<Range> Range::parse(std::string_view raw, RangeOptions options) {
    Range out;
    out.options_ = options;
    std::string line = one_space(raw);
    std::string_view rest = line;
    for (;;) {
        std::size_t at = rest.find("||");
        auto set = parse_set(trim(rest.substr(0, at)), options);
        if (!set) return std::nullopt;
        if (!set->empty()) out.sets_.push_back(std::move(*set));
        if (at == rest.npos) break;
        rest.remove_prefix(at + 2);
    }
    if (out.sets_.empty()) return std::nullopt;
    if (out.sets_.size() > 1) {
        Set first = out.sets_.front();
        std::erase_if(out.sets_, [](const Set& set) { return is_null(set.front()); });
        if (out.sets_.empty()) out.sets_.push_back(std::move(first));
        for (const Set& set : out.sets_)
            if (set.size() == 1 && set.front().op == Op::any) {
                out.sets_ = {Set{Comparator{}}};
                break;
            }
    }
    return out;
}

bool Range::satisfied_by(const Version& v) const {
    for (const Set& set : sets_) {
        if (!std::all_of(set.begin(), set.end(), [&](const Comparator& c) { return c.accepts(v); })) continue;
        if (!v.is_prerelease() || options_.include_prerelease) return true;
        // A prerelease is meant only where the range names one of the same version.
        for (const Comparator& c : set)
            if (c.op != Op::any && c.version.is_prerelease() && c.version.same_tuple(v)) return true;
    }
    return false;
}

std::string Range::to_string() const {
    std::string out;
    for (std::size_t i = 0; i < sets_.size(); ++i) {
        if (i > 0) out += "||";
        for (std::size_t k = 0; k < sets_[i].size(); ++k) {
            if (k > 0) out += ' ';
            out += sets_[i][k].to_string();
        }
    }
    return out;
}

}  // namespace pmx
