// Picking a version: pnpm's recorded calls, and what its binary was seen to do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "model/vectors.hpp"
#include "resolve/pick.hpp"

namespace pmx {
namespace {

using test::Json;
using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'609'459'200'000;  // 2021-01-01

std::shared_ptr<const Packument> packument(const Json& document) {
    auto text = std::make_shared<std::string>(document.dump());
    auto scanned = Packument::scan(*text, text, document.value("name", "foo"));
    EXPECT_TRUE(scanned) << to_string(scanned.error());
    return scanned ? *scanned : nullptr;
}

// {"1.0.0": {"deprecated": …, "_time": …}}; `latest` "" leaves the tag out.
std::shared_ptr<const Packument> foo(const Json& versions, const std::map<std::string, std::string>& tags, bool times = true) {
    Json document = {{"name", "foo"}, {"dist-tags", tags}, {"versions", Json::object()}};
    for (const auto& [version, manifest] : versions.items()) {
        document["versions"][version] = {{"name", "foo"}, {"version", version}};
        if (manifest.contains("deprecated")) document["versions"][version]["deprecated"] = manifest["deprecated"];
        if (times && !manifest.contains("_notime")) document["time"][version] = manifest.value("_time", "2020-01-01T00:00:00.000Z");
    }
    return packument(document);
}

Specifier specifier(SpecifierKind kind, std::string value) {
    Specifier specifier;
    specifier.kind = kind;
    specifier.name = specifier.alias = "foo";
    specifier.value = std::move(value);
    return specifier;
}

Policy aged(bool strict = false) {
    Policy policy;
    policy.minimum_release_age_minutes = 1440;
    policy.newest = iso_time(kNow - 1440 * 60'000);
    policy.newest_strict = strict;
    return policy;
}

std::string picked(const Packument& packument, const Specifier& specifier, PickRequest request = {}, const Policy& policy = {}) {
    request.specifier = &specifier;
    auto index = pick(packument, request, policy);
    return index ? std::string(packument.versions()[*index].version) : to_string(index.error());
}
std::string range(const Packument& packument, const char* text, PickRequest request = {}, const Policy& policy = {}) {
    return picked(packument, specifier(SpecifierKind::range, text), std::move(request), policy);
}

const Json kOld = {{"deprecated", "old"}}, kYoung = {{"_time", "2020-12-31T23:00:00.000Z"}}, kPlain = Json::object();

std::vector<Preferred> preferred_of(const Json& selectors, std::vector<std::string>& texts, bool& fits) {
    std::vector<Preferred> preferred;
    texts.reserve(selectors.size());
    for (const auto& [selector, value] : selectors.items()) {
        texts.push_back(selector);
        Preferred one{texts.back()};
        const Json& type = value.is_object() ? value["selectorType"] : value;
        one.kind = type == "version" ? Preferred::Kind::version : type == "range" ? Preferred::Kind::range : Preferred::Kind::tag;
        if (value.is_object()) {
            const Json& weight = value["weight"];
            fits = fits && weight.is_number_unsigned() && weight.get<std::uint64_t>() <= UINT32_MAX;
            if (fits) one.weight = weight.get<std::uint32_t>();
        }
        preferred.push_back(one);
    }
    return preferred;
}

TEST(pick, recorded_calls) {
    PMX_VECTORS(json, "pnpm-vectors/npm-resolver.json");
    std::size_t checked = 0, cannot_be_said = 0;
    for (const Json& c : json["cases"]) {
        std::string fn = c["fn"];
        if (fn.find("pickPackageFromMeta#") == fn.npos) continue;
        const Json& args = c["args"][0];
        auto document = packument(args["meta"]);
        ASSERT_TRUE(document);
        std::vector<std::string> texts;
        bool fits = true;
        std::vector<Preferred> preferred = preferred_of(args.value("preferredVersionSelectors", Json::object()), texts, fits);
        if (!fits) {  // weights that no whole number of ours can be
            ++cannot_be_said;
            continue;
        }
        Specifier asked = specifier(SpecifierKind::range, args["versionRange"]);
        PickRequest request{&asked, preferred};
        request.lowest = fn.ends_with("pickLowestVersionByVersionRange");
        std::string result = "null";
        if (fn.ends_with("pickStableCachedRangeVersion")) {
            if (auto index = pinned_pick(*document, request)) result = document->versions()[*index].version;
        } else if (auto index = pick(*document, request, {})) {
            result = document->versions()[*index].version;
        }
        EXPECT_EQ(result, c["result"].is_null() ? "null" : c["result"].get<std::string>()) << c["test"] << c["args"].dump();
        ++checked;
    }
    EXPECT_EQ(checked, 32u);
    EXPECT_EQ(cannot_be_said, 4u);
}

TEST(pick, latest_is_taken_where_it_fits) {
    auto p = foo({{"1.0.0", kPlain}, {"1.1.0", kPlain}, {"2.0.0-rc.1", kPlain}}, {{"latest", "1.0.0"}});
    EXPECT_EQ(range(*p, "^1.0.0"), "1.0.0");
    EXPECT_EQ(range(*p, ">=1.1"), "1.1.0");
    EXPECT_EQ(range(*p, ""), "1.0.0");
    auto pre = foo({{"1.0.0", kPlain}, {"2.0.0-rc.1", kPlain}}, {{"latest", "2.0.0-rc.1"}});
    EXPECT_EQ(range(*pre, "*"), "2.0.0-rc.1");
    EXPECT_EQ(range(*pre, ""), "2.0.0-rc.1");
    EXPECT_EQ(range(*pre, "x"), "1.0.0");
    EXPECT_EQ(range(*pre, ">=0"), "1.0.0");
    EXPECT_EQ(range(*pre, "^2.0.0-0"), "2.0.0-rc.1");
    std::vector<Preferred> direct{{"*", Preferred::Kind::range}};
    EXPECT_EQ(range(*pre, "*", {nullptr, direct}), "1.0.0");
}

TEST(pick, deprecated_versions_come_last) {
    auto p = foo({{"1.0.0", kPlain}, {"1.1.0", kOld}, {"1.2.0", kPlain}, {"2.0.0", kPlain}}, {{"latest", "1.1.0"}});
    EXPECT_EQ(range(*p, "^1.0.0"), "1.2.0");
    EXPECT_EQ(range(*p, "<1.2"), "1.0.0");
    EXPECT_EQ(range(*p, "1.1.x"), "1.1.0");
    EXPECT_EQ(picked(*p, specifier(SpecifierKind::tag, "latest")), "1.1.0");
    EXPECT_EQ(picked(*p, specifier(SpecifierKind::version, "1.1.0")), "1.1.0");
    auto all = foo({{"1.0.0", kOld}, {"1.1.0", kOld}}, {{"latest", "1.0.0"}});
    EXPECT_EQ(range(*all, "^1.0.0"), "1.0.0");
}

TEST(pick, what_weighs_more_is_taken_first) {
    auto p = foo({{"1.0.0", kPlain}, {"1.1.0", kPlain}, {"1.1.1", kOld}, {"1.2.0", kPlain}, {"2.0.0", kPlain}}, {{"latest", "1.2.0"}, {"old", "1.0.0"}});
    auto with = [&](std::vector<Preferred> preferred) { return range(*p, "^1.0.0", {nullptr, preferred}); };
    EXPECT_EQ(with({{"1.0.0"}}), "1.0.0");
    EXPECT_EQ(with({{"~1.1.0", Preferred::Kind::range}}), "1.1.0");
    EXPECT_EQ(with({{"1.1.1"}}), "1.1.1");  // deprecated, but wanted
    EXPECT_EQ(with({{"old", Preferred::Kind::tag}}), "1.0.0");
    EXPECT_EQ(with({{"2.0.0"}}), "1.2.0");  // no help here
    EXPECT_EQ(with({{"1.1.0"}, {"1.0.0", Preferred::Kind::version, kLockfileWeight}}), "1.0.0");
    EXPECT_EQ(with({{"1.1.0"}, {"1.0.0"}, {"<1.1", Preferred::Kind::range}}), "1.0.0");
}

TEST(pick, releases_have_to_be_old_enough) {
    auto p = foo({{"1.0.0", kPlain}, {"1.1.0", kYoung}, {"1.2.0", kYoung}, {"2.1.0", kYoung}, {"2.2.0", kYoung}}, {{"latest", "1.2.0"}});
    EXPECT_EQ(range(*p, "^1.0.0", {}, aged()), "1.0.0");
    EXPECT_EQ(picked(*p, specifier(SpecifierKind::tag, "latest"), {}, aged()), "1.0.0");
    // Nothing older: the lowest that fits, what is named, or what is tagged.
    EXPECT_EQ(range(*p, "^2.0.0", {}, aged()), "2.1.0");
    EXPECT_EQ(picked(*p, specifier(SpecifierKind::version, "1.1.0"), {}, aged()), "1.1.0");
    auto young = foo({{"2.1.0", kYoung}, {"2.2.0", kYoung}}, {{"latest", "2.2.0"}});
    EXPECT_EQ(picked(*young, specifier(SpecifierKind::tag, "latest"), {}, aged()), "2.2.0");
    std::string refused = range(*p, "^2.0.0", {}, aged(true));
    EXPECT_THAT(refused, HasSubstr("PMX_E_NO_MATCHING_VERSION"));
    EXPECT_THAT(refused, HasSubstr("foo@2.2.0 fits, but was published at 2020-12-31T23:00:00.000Z"));
    EXPECT_THAT(refused, HasSubstr("it will be old enough at 2021-01-01T23:00:00.000Z"));

    Policy excluded = aged();
    excluded.newest_exclude = *VersionPolicy::make({"foo@1.1.0"}, "minimumReleaseAgeExclude");
    EXPECT_EQ(range(*p, "^1.0.0", {}, excluded), "1.1.0");
    excluded.newest_exclude = *VersionPolicy::make({"fo*"}, "minimumReleaseAgeExclude");
    EXPECT_EQ(range(*p, "^1.0.0", {}, excluded), "1.2.0");
}

TEST(pick, a_tag_too_young_means_an_older_one_like_it) {
    auto tag = [&](const Json& versions, std::map<std::string, std::string> tags, const char* name) {
        return picked(*foo(versions, tags), specifier(SpecifierKind::tag, name), {}, aged());
    };
    EXPECT_EQ(tag({{"1.0.0", kPlain}, {"2.0.0", kPlain}, {"3.0.0", kYoung}}, {{"latest", "3.0.0"}}, "latest"), "2.0.0");
    EXPECT_EQ(tag({{"1.0.0", kPlain}, {"2.0.0", kYoung}, {"3.0.0", kPlain}}, {{"latest", "2.0.0"}}, "latest"), "1.0.0");
    EXPECT_EQ(tag({{"1.0.0", kPlain}, {"1.1.0", kOld}, {"2.0.0", kYoung}}, {{"latest", "2.0.0"}}, "latest"), "1.0.0");
    EXPECT_EQ(tag({{"1.0.0", kPlain}, {"2.0.0-a", kPlain}, {"3.0.0-a", kPlain}, {"3.0.0-b", kYoung}}, {{"next", "3.0.0-b"}}, "next"), "3.0.0-a");
    EXPECT_EQ(tag({{"1.0.0", kPlain}, {"2.0.0-a", kPlain}, {"3.0.0-b", kYoung}}, {{"next", "3.0.0-b"}}, "next"), "3.0.0-b");
    auto p = foo({{"1.0.0", kPlain}, {"1.1.0", kPlain}, {"1.2.0", kYoung}, {"1.3.0", kPlain}}, {{"latest", "1.2.0"}});
    EXPECT_EQ(range(*p, "^1.0.0", {}, aged()), "1.1.0");
}

TEST(pick, times_that_are_not_told) {
    Json versions = {{"1.0.0", kPlain}, {"1.1.0", {{"_notime", true}}}, {"1.2.0", kYoung}};
    auto gap = foo(versions, {{"latest", "1.2.0"}});
    EXPECT_EQ(range(*gap, "^1.0.0", {}, aged()), "1.2.0");
    auto none = foo(versions, {{"latest", "1.2.0"}}, false);
    EXPECT_EQ(range(*none, "^1.0.0", {}, aged()), "1.2.0");
    Policy demanding = aged();
    demanding.newest_ignore_missing_time = false;
    EXPECT_THAT(range(*none, "^1.0.0", {}, demanding), HasSubstr("their age is unknown"));
    EXPECT_THAT(range(*gap, "^1.0.0", {}, demanding), HasSubstr("their age is unknown"));
}

TEST(pick, lowest) {
    auto p = foo({{"1.0.0-a", kPlain}, {"1.0.0", kOld}, {"1.1.0", kPlain}, {"2.0.0", kPlain}}, {{"latest", "2.0.0"}});
    PickRequest lowest;
    lowest.lowest = true;
    EXPECT_EQ(range(*p, "^1.0.0", lowest), "1.0.0");
    EXPECT_EQ(range(*p, ">1.0.0", lowest), "1.1.0");
    EXPECT_EQ(range(*p, "*", lowest), "1.0.0-a");
    EXPECT_EQ(picked(*p, specifier(SpecifierKind::tag, "latest"), lowest), "2.0.0");
}

TEST(pick, update_to_latest) {
    auto p = foo({{"1.0.0", kPlain}, {"2.0.0", kPlain}, {"3.0.0-rc.1", kPlain}}, {{"latest", "2.0.0"}});
    PickRequest latest;
    latest.update_to_latest = true;
    EXPECT_EQ(range(*p, "^1.0.0", latest), "2.0.0");
    EXPECT_EQ(range(*p, "^3.0.0-rc", latest), "3.0.0-rc.1");
    EXPECT_EQ(range(*p, "^9.0.0", latest), "2.0.0");
}

TEST(pick, what_is_not_there_is_told_with_what_is) {
    auto p = foo({{"1.0.0", kPlain}, {"1.4.0", kPlain}, {"3.0.0", kPlain}, {"4.0.0", kPlain}}, {{"latest", "4.0.0"}, {"next", "4.0.0"}});
    EXPECT_EQ(range(*p, "^2.0.0"), "PMX_E_NO_MATCHING_VERSION  no version of foo satisfies \"^2.0.0\": foo@^2.0.0\n  the latest is 4.0.0; the nearest are 1.4.0 and 3.0.0");
    EXPECT_THAT(picked(*p, specifier(SpecifierKind::version, "1.2.0")), HasSubstr("the nearest are 1.0.0 and 1.4.0"));
    EXPECT_THAT(picked(*p, specifier(SpecifierKind::tag, "nxt")), HasSubstr("did you mean foo@next?"));
    EXPECT_THAT(picked(*p, specifier(SpecifierKind::tag, "canary")), HasSubstr("its tags are latest (4.0.0) and next (4.0.0)"));
    EXPECT_THAT(range(*foo(Json::object(), {}), "*"), HasSubstr("foo has no versions"));
}

TEST(pick, ranges_are_bounded_by_what_they_name) {
    RangeCache ranges;
    std::vector<std::string> texts = {"^1.2.0", "<2 || ^4.0.0", "*", ">=3", "~1.0.0 || 3.0.0", "<=1.2", "1 - 3", "!", "^2.0.0-0"};
    Json versions = Json::object();
    for (int major = 0; major < 6; ++major)
        for (int minor = 0; minor < 4; ++minor)
            for (const char* tail : {"-a", ""}) versions[std::to_string(major) + "." + std::to_string(minor) + ".0" + tail] = kPlain;
    auto p = foo(versions, {});
    for (const std::string& text : texts) {
        const KnownRange& known = ranges.get(text);
        std::string expected;
        if (known.range)
            for (std::size_t i = 0; expected.empty() && i < p->versions().size(); ++i)
                if (known.range->satisfied_by(p->parsed(i))) expected = p->versions()[i].version;
        PickRequest request;
        request.ranges = &ranges;
        std::string chosen = range(*p, text.c_str(), request);
        if (expected.empty()) EXPECT_THAT(chosen, HasSubstr("NO_MATCHING_VERSION")) << text;
        else EXPECT_EQ(chosen, expected) << text;
    }
}

}  // namespace
}  // namespace pmx
