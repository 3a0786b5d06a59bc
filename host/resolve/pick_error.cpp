#include "resolve/pick_error.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "resolve/range_cache.hpp"

namespace pmx {
namespace {

std::string list_of(const std::vector<std::string>& words) {
    std::string list;
    for (std::size_t i = 0; i < words.size(); ++i) list.append(i == 0 ? "" : i + 1 == words.size() ? " and " : ", ").append(words[i]);
    return list;
}

// The versions right below and right above what is asked for.
std::vector<std::string> neighbours(const Packument& packument, const Specifier& specifier) {
    std::optional<Version> lower, upper;
    if (specifier.kind == SpecifierKind::version) {
        lower = upper = Version::parse(specifier.value, true);
    } else if (specifier.kind == SpecifierKind::range) {
        KnownRange range = know_range(specifier.value);
        lower = range.lower;
        upper = range.upper;
    }
    std::vector<std::string> near;
    auto versions = packument.versions();
    for (std::size_t i = 0; lower && i < versions.size(); ++i)
        if (packument.parsed(i) < *lower) {
            near.emplace_back(versions[i].version);
            break;
        }
    for (std::size_t i = versions.size(); upper && i-- > 0;)
        if (packument.parsed(i) > *upper || (packument.parsed(i) == *upper && specifier.kind == SpecifierKind::range)) {
            near.emplace_back(versions[i].version);
            break;
        }
    return near;
}

}  // namespace

Failure no_matching_version(const Packument& packument, const Specifier& specifier, std::optional<std::size_t> hidden, const Policy& policy) {
    std::string name(specifier.name.empty() ? packument.name() : std::string_view(specifier.name));
    std::string subject = fmt::format("{}@{}", name, specifier.value);
    if (hidden) {
        std::string_view version = packument.versions()[*hidden].version, time = packument.time(*hidden);
        std::int64_t published = parse_iso_time(time);
        std::string when = published < 0 ? "" : fmt::format(" at {}", iso_time(published + policy.minimum_release_age_minutes * 60'000));
        return fail(Code::NO_MATCHING_VERSION, fmt::format("{}@{} fits, but was published at {}: it will be old enough{}", name, version, time, when), subject,
                    fmt::format("wait, or add {}@{} to minimumReleaseAgeExclude in pnpm-workspace.yaml", name, version));
    }
    if (packument.versions().empty())
        return fail(Code::NO_MATCHING_VERSION, fmt::format("{} has no versions", name), subject, "check the name, and whether the package was unpublished");
    std::string_view latest = packument.tag("latest");
    std::string there = latest.empty() ? fmt::format("it has {} versions, and no latest", packument.versions().size()) : fmt::format("the latest is {}", latest);
    if (specifier.kind == SpecifierKind::tag) {
        std::vector<std::string> tags;
        std::vector<std::string_view> names;
        for (const auto& [tag, version] : packument.dist_tags()) {
            names.push_back(tag);
            if (tags.size() < 12) tags.push_back(fmt::format("{} ({})", tag, version));
        }
        std::string near = nearest(specifier.value, names);
        if (!near.empty()) return fail(Code::NO_MATCHING_VERSION, fmt::format("{} has no tag \"{}\"", name, specifier.value), subject, fmt::format("did you mean {}@{}?", name, near));
        return fail(Code::NO_MATCHING_VERSION, fmt::format("{} has no tag \"{}\"", name, specifier.value), subject,
                    tags.empty() ? there : fmt::format("its tags are {}", list_of(tags)));
    }
    std::vector<std::string> near = neighbours(packument, specifier);
    std::erase(near, latest);
    if (!near.empty()) there += fmt::format("; {} {}", near.size() == 1 ? "the nearest is" : "the nearest are", list_of(near));
    return fail(Code::NO_MATCHING_VERSION, fmt::format("no version of {} satisfies \"{}\"", name, specifier.value), subject, there);
}

Failure missing_times(std::string_view name) {
    return fail(Code::NO_MATCHING_VERSION, "the registry does not tell when the versions were published, so that their age is unknown", std::string(name),
                "set minimumReleaseAgeIgnoreMissingTime: true, or exclude the package in minimumReleaseAgeExclude");
}

}  // namespace pmx
