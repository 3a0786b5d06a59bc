// node-semver's fixture tables, one test a file: columns instead of calls.
#include <gtest/gtest.h>

#include "model/range.hpp"
#include "model/semver.hpp"
#include "model/vectors.hpp"

using namespace pmx;
using pmx::test::Json;

namespace {

RangeOptions options_of(const Json& row, std::size_t column) {
    if (row.size() <= column) return {};
    const Json& value = row[column];
    if (value.is_boolean()) return {value.get<bool>(), false};
    if (!value.is_object()) return {};
    auto flag = [&](const char* key) {
        return value.contains(key) && value[key] != Json(false) && !value[key].is_null() &&
               !value[key].is_object();
    };
    return {flag("loose"), flag("includePrerelease")};
}

std::string text(const Json& value) {
    return value.is_string() ? value.get<std::string>() : "";
}

void expect_satisfies(const Json& json, bool want) {
    for (const Json& row : json["cases"])
        EXPECT_EQ(satisfies(text(row[1]), text(row[0]), options_of(row, 2)), want) << row.dump();
}

void expect_outside(const Json& json, Side side, bool want) {
    for (const Json& row : json["cases"]) {
        RangeOptions options = options_of(row, 2);
        auto version = Version::parse(text(row[1]), options.loose);
        auto range = Range::parse(text(row[0]), options);
        ASSERT_TRUE(version && range) << row.dump();
        EXPECT_EQ(is_outside(*version, *range, side, options), want) << row.dump();
    }
}

}  // namespace

TEST(SemverFixtures, RangeInclude) {
    PMX_VECTORS(json, "semver/range-include.json");
    expect_satisfies(json, true);
}

TEST(SemverFixtures, RangeExclude) {
    PMX_VECTORS(json, "semver/range-exclude.json");
    expect_satisfies(json, false);
}

TEST(SemverFixtures, VersionAboveRange) {
    PMX_VECTORS(json, "semver/version-gt-range.json");
    expect_outside(json, Side::above, true);
    PMX_VECTORS(other, "semver/version-not-gt-range.json");
    expect_outside(other, Side::above, false);
}

TEST(SemverFixtures, VersionBelowRange) {
    PMX_VECTORS(json, "semver/version-lt-range.json");
    expect_outside(json, Side::below, true);
    PMX_VECTORS(other, "semver/version-not-lt-range.json");
    expect_outside(other, Side::below, false);
}

TEST(SemverFixtures, RangeParse) {
    PMX_VECTORS(json, "semver/range-parse.json");
    for (const Json& row : json["cases"]) {
        auto range = Range::parse(text(row[0]), options_of(row, 2));
        std::string got = !range ? "invalid" : range->is_any() ? "*" : range->to_string();
        EXPECT_EQ(got, row[1].is_null() ? "invalid" : text(row[1])) << row.dump();
    }
}

TEST(SemverFixtures, RangeIntersection) {
    PMX_VECTORS(json, "semver/range-intersection.json");
    for (const Json& row : json["cases"]) {
        RangeOptions options = options_of(row, 3);
        EXPECT_EQ(
            Range::parse(text(row[0]), options)->intersects(*Range::parse(text(row[1]), options), options),
            row[2])
            << row.dump();
    }
    PMX_VECTORS(other, "semver/comparator-intersection.json");
    for (const Json& row : other["cases"])
        EXPECT_EQ(
            Comparator::parse(text(row[0]))->intersects(*Comparator::parse(text(row[1])), options_of(row, 3)),
            row[2])
            << row.dump();
}

TEST(SemverFixtures, Comparisons) {
    PMX_VECTORS(json, "semver/comparisons.json");
    for (const Json& row : json["cases"]) {
        bool loose = options_of(row, 2).loose;
        EXPECT_GT(*Version::parse(text(row[0]), loose), *Version::parse(text(row[1]), loose)) << row.dump();
    }
    PMX_VECTORS(other, "semver/equality.json");
    for (const Json& row : other["cases"]) {
        bool loose = options_of(row, 2).loose;
        EXPECT_EQ(*Version::parse(text(row[0]), loose), *Version::parse(text(row[1]), loose)) << row.dump();
    }
}

TEST(SemverFixtures, ValidAndInvalidVersions) {
    PMX_VECTORS(json, "semver/valid-versions.json");
    for (const Json& row : json["cases"]) {
        auto version = Version::parse(text(row[0]));
        ASSERT_TRUE(version.has_value()) << row.dump();
        EXPECT_EQ(Json::array({version->major, version->minor, version->patch}),
                  Json::array({row[1], row[2], row[3]}));
        EXPECT_EQ(version->prerelease.size(), row[4].size()) << row.dump();
        EXPECT_EQ(version->build.size(), row[5].size()) << row.dump();
    }
    PMX_VECTORS(other, "semver/invalid-versions.json");
    for (const Json& row : other["cases"])
        EXPECT_FALSE(row[0].is_string() && Version::parse(text(row[0]), options_of(row, 2).loose))
            << row.dump();
}

TEST(SemverFixtures, IncrementsAndTruncations) {
    PMX_VECTORS(json, "semver/increments.json");
    for (const Json& row : json["cases"]) {
        bool loose = options_of(row, 3).loose;
        auto version = Version::parse(text(row[0]), loose);
        auto release = release_from_name(text(row[1]));
        PrereleaseBase base = PrereleaseBase::zero;
        if (row.size() > 5 && row[5] == Json(false)) base = PrereleaseBase::none;
        if (row.size() > 5 && (row[5] == Json("1") || row[5] == Json(1))) base = PrereleaseBase::one;
        std::string identifier = row.size() > 4 ? text(row[4]) : "";
        auto next =
            version && release ? increment(*version, *release, identifier, base, loose) : std::nullopt;
        EXPECT_EQ(next ? next->to_string() : "", text(row[2])) << row.dump();
    }
    PMX_VECTORS(other, "semver/truncations.json");
    for (const Json& row : other["cases"]) {
        auto version = Version::parse(text(row[0]));
        auto keep = release_from_name(text(row[1]));
        auto cut = version && keep ? truncate(*version, *keep) : std::nullopt;
        EXPECT_EQ(cut ? cut->to_string() : "", text(row[2])) << row.dump();
    }
}
