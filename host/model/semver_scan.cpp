#include "model/semver_scan.hpp"

#include "model/semver.hpp"

namespace pmx {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_identifier_char(char c) {
    return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-';
}
bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct Scanner {
    std::string_view text;
    bool loose;
    std::size_t at = 0;

    bool done() const { return at >= text.size(); }
    char peek() const { return done() ? '\0' : text[at]; }
    bool take(char c) {
        if (peek() != c || done()) return false;
        ++at;
        return true;
    }

    // [v=\s]*
    void skip_decoration() {
        while (!done() && (peek() == 'v' || peek() == '=' || is_space(peek()))) ++at;
    }

    std::optional<std::string_view> number() {
        std::size_t start = at;
        while (!done() && is_digit(peek())) ++at;
        std::string_view digits = text.substr(start, at - start);
        if (digits.empty() || (!loose && digits.size() > 1 && digits.front() == '0')) return std::nullopt;
        return digits;
    }

    std::optional<std::string_view> number_or_wildcard() {
        if (peek() == 'x' || peek() == 'X' || peek() == '*') return text.substr(at++, 1);
        return number();
    }

    // id(.id)*; `numeric_rule`: numbers have no leading zero.
    std::optional<std::string_view> identifiers(bool numeric_rule) {
        std::size_t start = at;
        for (;;) {
            std::size_t begin = at;
            bool digits_only = true;
            for (; !done() && is_identifier_char(peek()); ++at) digits_only = digits_only && is_digit(peek());
            if (at == begin) return std::nullopt;
            if (numeric_rule && digits_only && at - begin > 1 && text[begin] == '0') return std::nullopt;
            if (!take('.')) return text.substr(start, at - start);
        }
    }

    // (-prerelease)?(+build)?$
    bool tail(VersionParts& parts) {
        std::size_t start = at;
        bool dash = take('-');
        if (dash || (loose && is_identifier_char(peek()))) {
            auto ids = identifiers(!loose);
            if (!ids && loose && dash) {  // the dash may be the identifier itself
                at = start;
                ids = identifiers(false);
            }
            if (!ids) return false;
            parts.prerelease = *ids;
        }
        if (take('+')) {
            auto ids = identifiers(false);
            if (!ids) return false;
            parts.build = *ids;
        }
        return done();
    }

    // The tail after `patch`. As a regular expression would, a loose scan gives the patch's last digit to the
    // prerelease where nothing else fits: "1.2.34.5" is 1.2.3-4.5.
    bool patch_and_tail(VersionParts& parts) {
        std::size_t after_patch = at;
        if (tail(parts)) return true;
        if (!loose || parts.patch.size() < 2) return false;
        parts.patch.remove_suffix(1);
        parts.prerelease = parts.build = {};
        at = after_patch - 1;
        return tail(parts);
    }
};

}  // namespace

std::optional<VersionParts> scan_version(std::string_view text, bool loose) {
    Scanner s{text, loose};
    VersionParts parts;
    if (loose)
        s.skip_decoration();
    else
        s.take('v');
    auto major = s.number();
    if (!major || !s.take('.')) return std::nullopt;
    auto minor = s.number();
    if (!minor || !s.take('.')) return std::nullopt;
    auto patch = s.number();
    if (!patch) return std::nullopt;
    parts.major = *major;
    parts.minor = *minor;
    parts.patch = *patch;
    if (!s.patch_and_tail(parts)) return std::nullopt;
    return parts;
}

std::optional<VersionParts> scan_partial(std::string_view text, bool loose) {
    Scanner s{text, loose};
    VersionParts parts;
    s.skip_decoration();
    auto major = s.number_or_wildcard();
    if (!major) return std::nullopt;
    parts.major = *major;
    if (s.done()) return parts;
    if (!s.take('.')) return std::nullopt;
    auto minor = s.number_or_wildcard();
    if (!minor) return std::nullopt;
    parts.minor = *minor;
    if (s.done()) return parts;
    if (!s.take('.')) return std::nullopt;
    auto patch = s.number_or_wildcard();
    if (!patch) return std::nullopt;
    parts.patch = *patch;
    if (!s.patch_and_tail(parts)) return std::nullopt;
    return parts;
}

bool is_prerelease_text(std::string_view text, bool loose) {
    Scanner s{text, loose};
    return s.identifiers(!loose).has_value() && s.done();
}

bool is_wildcard(std::string_view part) {
    return part.empty() || part == "x" || part == "X" || part == "*";
}

std::optional<std::uint64_t> semver_number(std::string_view digits) {
    std::uint64_t value = 0;
    if (digits.empty()) return std::nullopt;
    for (char c : digits) {
        if (!is_digit(c)) return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
        if (value > kMaxSafeInteger) return std::nullopt;
    }
    return value;
}

}  // namespace pmx
