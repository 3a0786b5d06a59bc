// Rules that name packages and versions: pnpm's recorded calls; times; what settings become.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/vectors.hpp"
#include "resolve/hooks.hpp"
#include "resolve/policy.hpp"

namespace pmx {
namespace {

using test::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> entries_of(const Json& value) {
    return value.is_string() ? std::vector<std::string>{value} : value.get<std::vector<std::string>>();
}

TEST(version_policy, recorded_calls) {
    PMX_VECTORS(json, "pnpm-vectors/policy.json");
    std::size_t checked = 0;
    for (const Json& c : json["cases"]) {
        std::string fn = c["fn"];
        if (fn.find("version-policy#") == fn.npos || fn.ends_with("#getPublishedByPolicy")) continue;
        ++checked;
        if (fn.ends_with("#mergePackageVersionSpecs")) {
            EXPECT_EQ(Json(merge_version_entries(entries_of(c["args"][0]))), c["result"]);
            continue;
        }
        auto policy = VersionPolicy::make(entries_of(c["args"][0]), "minimumReleaseAgeExclude");
        ASSERT_EQ(policy.has_value(), !c.contains("throws")) << c.dump();
        if (!policy) {
            EXPECT_EQ(policy.error().code, Code::CONFIG);
            continue;
        }
        if (!c.contains("callArgs")) continue;
        auto verdict = policy->judge(c["callArgs"][0].get<std::string>());
        const bool some = c["result"].is_array();
        EXPECT_EQ(Json(verdict.versions), some ? c["result"] : Json::array()) << c.dump();
        EXPECT_EQ(verdict.every_version, !some && c["result"].get<bool>()) << c.dump();
    }
    EXPECT_EQ(checked, 53u);
}

// pnpm groups first and asks the groups; the keys are the same.
TEST(patches, recorded_calls) {
    PMX_VECTORS(json, "pnpm-vectors/policy.json");
    std::size_t checked = 0;
    for (const Json& c : json["cases"]) {
        std::string fn = c["fn"];
        Policy policy;
        if (fn.ends_with("#groupPatchedDependencies")) {
            for (const auto& [key, hash] : c["args"][0].items()) policy.patched.emplace_back(key, hash);
            EXPECT_EQ(Patches::make(policy).has_value(), !c.contains("throws")) << c.dump();
            if (c.contains("throws")) {
                EXPECT_EQ(Patches::make(policy).error().code, Code::CONFIG);
            }
        } else if (fn.ends_with("#getPatchInfo")) {
            bool odd = false;  // a case whose key and place differ; a rule of ours is its key
            if (!test::is_undefined(c["args"][0]))
                for (const auto& [name, group] : c["args"][0].items()) {
                    auto add = [&](const Json& patch) { policy.patched.emplace_back(patch["key"], patch["hash"]); };
                    for (const auto& [version, patch] : group["exact"].items()) {
                        add(patch);
                        odd = odd || patch["key"] != name + "@" + version;
                    }
                    for (const Json& range : group["range"]) add(range["patch"]);
                    if (!test::is_undefined(group["all"])) add(group["all"]);
                }
            if (odd) continue;
            auto patches = Patches::make(policy);
            ASSERT_TRUE(patches) << to_string(patches.error());
            auto found = patches->find(c["args"][1].get<std::string>(), c["args"][2].get<std::string>());
            ASSERT_EQ(found.has_value(), !c.contains("throws")) << c.dump();
            if (!found) {
                EXPECT_EQ(found.error().code, Code::PATCH);
            } else {
                EXPECT_EQ(*found ? (*found)->key : "none", c["result"].contains("key") ? c["result"]["key"].get<std::string>() : "none") << c.dump();
            }
        } else {
            continue;
        }
        ++checked;
    }
    EXPECT_EQ(checked, 34u);
}

TEST(patches, exact_before_range_before_all) {
    Policy policy;
    policy.patched = {{"a", "0"}, {"a@1", "1"}, {"a@1.0.0", "2"}, {"a@>=1 <2", "3"}, {"@s/b@*", "4"}};
    auto patches = Patches::make(policy);
    ASSERT_TRUE(patches);
    EXPECT_EQ((*patches->find("a", "1.0.0"))->hash, "2");
    EXPECT_EQ((*patches->find("a", "2.0.0"))->hash, "0");
    EXPECT_EQ((*patches->find("@s/b", "9.0.0"))->key, "@s/b@*");
    EXPECT_THAT(to_string(patches->find("a", "1.1.0").error()), HasSubstr("a@1, a@>=1 <2"));
    EXPECT_THAT(patches->unused({"a", "a@1.0.0"}), ElementsAre("a@1", "a@>=1 <2", "@s/b@*"));
}

TEST(policy, times) {
    EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(iso_time(1'709'210'096'789), "2024-02-29T12:34:56.789Z");
    for (std::int64_t ms : {std::int64_t{0}, std::int64_t{951'782'400'000}, std::int64_t{1'709'210'096'789}, std::int64_t{4'102'444'799'999}})
        EXPECT_EQ(parse_iso_time(iso_time(ms)), ms);
    EXPECT_EQ(parse_iso_time("2024-02-29T12:34:56Z"), 1'709'210'096'000);
    EXPECT_EQ(parse_iso_time("2024-02-29T12:34:56.7+02:00"), 1'709'202'896'700);
    EXPECT_EQ(parse_iso_time("2024-02-29"), 1'709'164'800'000);
    for (const char* wrong : {"", "x", "2024", "2024-02-30", "2024-13-01T00:00:00Z", "2024-02-29T25:00:00Z", "2024-02-29T12:34:56X", "2024/02/29", "2024-02-29T12", "2024-02-29T12:3"})
        EXPECT_EQ(parse_iso_time(wrong), -1) << wrong;
}

Settings defaults() {
    auto settings = load_settings("/", {}, {{"HOME", "/nowhere"}});
    EXPECT_TRUE(settings) << to_string(settings.error());
    return *settings;
}
void set(Settings& settings, const char* name, std::string value) { settings.values[name] = {{std::move(value)}, Source::project, "test"}; }

TEST(policy, settings_become_rules) {
    Settings settings = defaults();
    auto policy = policy_from(settings, 1'609'459'200'000);
    ASSERT_TRUE(policy) << to_string(policy.error());
    EXPECT_EQ(policy->newest, "2020-12-31T00:00:00.000Z");  // a day, as in pnpm
    EXPECT_FALSE(policy->newest_strict);
    EXPECT_TRUE(policy->auto_install_peers && policy->dedupe_peer_dependents && policy->block_exotic_subdeps);
    EXPECT_FALSE(policy->strict_peer_dependencies || policy->dedupe_peers || policy->link_workspace_packages);
    EXPECT_EQ(policy->mode, ResolutionMode::highest);
    EXPECT_EQ(policy->peers_suffix_max_length, 1000u);
    EXPECT_EQ(policy->default_tag, "latest");

    set(settings, "minimum-release-age", "1440");  // who asks for it means it
    EXPECT_TRUE(policy_from(settings, 0)->newest_strict);
    set(settings, "minimum-release-age-strict", "false");
    EXPECT_FALSE(policy_from(settings, 0)->newest_strict);
    set(settings, "minimum-release-age", "0");
    EXPECT_EQ(policy_from(settings, 0)->newest, "");
    set(settings, "resolution-mode", "time-based");
    set(settings, "link-workspace-packages", "deep");
    EXPECT_EQ(policy_from(settings, 0)->mode, ResolutionMode::time_based);
    EXPECT_TRUE(policy_from(settings, 0)->link_workspace_packages_deep);
    set(settings, "minimum-release-age-exclude", "lodash@^4");
    EXPECT_THAT(to_string(policy_from(settings, 0).error()), HasSubstr("minimumReleaseAgeExclude takes exact versions"));
}

}  // namespace
}  // namespace pmx
