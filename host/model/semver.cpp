#include "model/semver.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/text.hpp"
#include "model/semver_scan.hpp"

namespace pmx {
namespace {

constexpr std::size_t kMaxLength = 256;

bool all_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "007" is 7; a number that a double cannot hold exactly stays text.
std::string canonical_identifier(std::string_view text) {
    if (!all_digits(text)) return std::string(text);
    std::string_view digits = text;
    while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
    auto value = semver_number(digits);
    return value && *value < kMaxSafeInteger ? std::string(digits) : std::string(text);
}

void append_identifiers(std::string& out, const std::vector<std::string>& identifiers) {
    for (std::size_t i = 0; i < identifiers.size(); ++i) {
        if (i > 0) out += '.';
        out += identifiers[i];
    }
}

std::strong_ordering compare_lists(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
        if (auto order = compare_identifiers(a[i], b[i]); order != 0) return order;
    return a.size() <=> b.size();
}

constexpr std::array<std::string_view, 8> kReleases{"major",    "minor",    "patch",      "premajor",
                                                    "preminor", "prepatch", "prerelease", "release"};

void bump_prerelease(Version& v, std::string_view identifier, PrereleaseBase base) {
    std::string first = base == PrereleaseBase::one ? "1" : "0";
    auto number = std::find_if(v.prerelease.rbegin(), v.prerelease.rend(), [](const std::string& id) {
        return all_digits(id) && canonical_identifier(id) == id && semver_number(id);
    });
    if (number == v.prerelease.rend())
        v.prerelease.push_back(first);
    else
        *number = std::to_string(*semver_number(*number) + 1);
    if (identifier.empty()) return;
    std::vector<std::string> wanted;
    for (std::string_view part : split(identifier, '.')) wanted.emplace_back(part);
    bool same = v.prerelease.size() >= wanted.size();
    for (std::size_t i = 0; same && i < wanted.size(); ++i)
        same = compare_identifiers(v.prerelease[i], wanted[i]) == 0;
    // "beta.1" goes on to "beta.2"; "beta", "beta.x" and "alpha.1" start again at "beta.0".
    if (same && v.prerelease.size() > wanted.size() && all_digits(v.prerelease[wanted.size()])) return;
    if (base != PrereleaseBase::none) wanted.push_back(first);
    v.prerelease = std::move(wanted);
}

}  // namespace

std::optional<Version> Version::parse(std::string_view text, bool loose) {
    if (text.size() > kMaxLength) return std::nullopt;
    auto parts = scan_version(trim(text), loose);
    if (!parts) return std::nullopt;
    Version out;
    auto major = semver_number(parts->major), minor = semver_number(parts->minor),
         patch = semver_number(parts->patch);
    if (!major || !minor || !patch) return std::nullopt;
    out.major = *major;
    out.minor = *minor;
    out.patch = *patch;
    if (!parts->prerelease.empty())
        for (std::string_view id : split(parts->prerelease, '.'))
            out.prerelease.push_back(canonical_identifier(id));
    if (!parts->build.empty())
        for (std::string_view id : split(parts->build, '.')) out.build.emplace_back(id);
    return out;
}

std::string Version::to_string() const {
    std::string out = std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
    if (!prerelease.empty()) {
        out += '-';
        append_identifiers(out, prerelease);
    }
    return out;
}

std::strong_ordering compare_identifiers(std::string_view a, std::string_view b) {
    bool a_number = all_digits(a), b_number = all_digits(b);
    if (a_number && b_number) {
        auto x = semver_number(a), y = semver_number(b);
        if (x && y) return *x <=> *y;
        double p = std::strtod(std::string(a).c_str(), nullptr),
               q = std::strtod(std::string(b).c_str(), nullptr);
        return p < q   ? std::strong_ordering::less
               : p > q ? std::strong_ordering::greater
                       : std::strong_ordering::equal;
    }
    if (a_number != b_number) return a_number ? std::strong_ordering::less : std::strong_ordering::greater;
    return a.compare(b) <=> 0;
}

std::strong_ordering operator<=>(const Version& a, const Version& b) {
    if (auto order = a.major <=> b.major; order != 0) return order;
    if (auto order = a.minor <=> b.minor; order != 0) return order;
    if (auto order = a.patch <=> b.patch; order != 0) return order;
    if (a.prerelease.empty() != b.prerelease.empty())
        return a.prerelease.empty() ? std::strong_ordering::greater : std::strong_ordering::less;
    return compare_lists(a.prerelease, b.prerelease);
}

std::strong_ordering compare_with_build(const Version& a, const Version& b) {
    auto order = a <=> b;
    return order != 0 ? order : compare_lists(a.build, b.build);
}

std::optional<std::string> clean_version(std::string_view text, bool loose) {
    text = trim(text);
    while (!text.empty() && (text.front() == '=' || text.front() == 'v')) text.remove_prefix(1);
    auto version = Version::parse(text, loose);
    return version ? std::optional(version->to_string()) : std::nullopt;
}

std::optional<Release> release_from_name(std::string_view name) {
    for (std::size_t i = 0; i < kReleases.size(); ++i)
        if (kReleases[i] == name) return static_cast<Release>(i);
    return std::nullopt;
}

std::optional<Version> increment(Version v, Release release, std::string_view identifier, PrereleaseBase base,
                                 bool loose) {
    bool was_prerelease = v.is_prerelease();
    bool starts = release >= Release::premajor && release <= Release::prerelease;
    if (starts) {
        if (identifier.empty() && base == PrereleaseBase::none) return std::nullopt;
        if (!identifier.empty() && !is_prerelease_text(identifier, loose)) return std::nullopt;
    }
    switch (release) {
        case Release::premajor:
            v = {v.major + 1, 0, 0, {}, {}};
            break;
        case Release::preminor:
            v = {v.major, v.minor + 1, 0, {}, {}};
            break;
        case Release::prepatch:
            v = {v.major, v.minor, v.patch + 1, {}, {}};
            break;
        case Release::prerelease:
            if (!was_prerelease) ++v.patch;
            break;
        case Release::release:
            if (!was_prerelease) return std::nullopt;
            break;
        case Release::major:
            if (v.minor != 0 || v.patch != 0 || !was_prerelease) ++v.major;
            v.minor = v.patch = 0;
            break;
        case Release::minor:
            if (v.patch != 0 || !was_prerelease) ++v.minor;
            v.patch = 0;
            break;
        case Release::patch:
            if (!was_prerelease) ++v.patch;
            break;
    }
    if (starts) {
        std::string now;
        append_identifiers(now, v.prerelease);
        if (base == PrereleaseBase::none && !now.empty() && now == identifier) return std::nullopt;
        bump_prerelease(v, identifier, base);
    } else {
        v.prerelease.clear();
    }
    v.build.clear();
    return v;
}

std::optional<Version> truncate(Version v, Release keep) {
    switch (keep) {
        case Release::major:
            return Version{v.major, 0, 0, {}, {}};
        case Release::minor:
            return Version{v.major, v.minor, 0, {}, {}};
        case Release::patch:
            return Version{v.major, v.minor, v.patch, {}, {}};
        case Release::release:
            return std::nullopt;
        default:
            v.build.clear();
            return v;
    }
}

std::optional<Release> difference(const Version& a, const Version& b) {
    auto order = a <=> b;
    if (order == 0) return std::nullopt;
    const Version &high = order > 0 ? a : b, &low = order > 0 ? b : a;
    bool pre = high.is_prerelease();
    if (low.is_prerelease() && !pre) {
        if (low.patch == 0 && low.minor == 0) return Release::major;
        if (low.same_tuple(high)) return low.minor != 0 && low.patch == 0 ? Release::minor : Release::patch;
    }
    if (a.major != b.major) return pre ? Release::premajor : Release::major;
    if (a.minor != b.minor) return pre ? Release::preminor : Release::minor;
    if (a.patch != b.patch) return pre ? Release::prepatch : Release::patch;
    return Release::prerelease;
}

}  // namespace pmx
