// A dependency more in a lockfile of our own: what grow_lockfile() gives is what walking everything gives, byte for byte.
#include <gtest/gtest.h>

#include <random>

#include "lockfile/codecs.hpp"
#include "resolve/memory_registry.hpp"
#include "resolve/resolve.hpp"

namespace pmx {
namespace {

using test::Json;
using test::MemoryRegistry;
using test::on;
using test::plain;
using test::with_peers;

struct Outcome {
    std::string text;  // of the lockfile, or the error
    std::size_t walked = 0;
    bool has_grown = false, is_settled = false;
};

// `before`: a lockfile's text, "" = none.
Outcome resolved(const Json& packages, const Json& projects, const std::string& before, bool is_own, const Policy& policy = {}) {
    MemoryRegistry registry(packages);
    Settings settings;
    settings.npmrc["registry"] = "https://registry.example/";
    settings.values["registry"] = {{"https://registry.example/"}, Source::flag, "--registry"};
    TreeInput input;
    input.root = "/root";
    for (const auto& [dir, manifest] : projects.items()) input.projects.push_back({dir, *parse_manifest(manifest.dump(), dir)});
    auto hooks = Hooks::make(policy, input.root);
    auto patches = Patches::make(policy);
    std::optional<Lockfile> wanted;
    if (!before.empty()) {
        auto read = read_lockfile("pnpm-lock.yaml", before);
        if (!read || !read_records(*read)) return {"not read: " + before};
        wanted = std::move(*read);
    }
    Packuments packuments(settings, {}, [&](MetadataRequest request, std::function<void(Result<MetadataAnswer>)> done) { done(registry.answer(request, nullptr)); });
    CancelFlag cancel;
    input.policy = &policy;
    input.hooks = &*hooks;
    input.patches = &*patches;
    input.settings = &settings;
    input.packuments = &packuments;
    input.cancel = &cancel;
    input.wanted = wanted ? &*wanted : nullptr;
    input.is_own = is_own;
    auto outcome = resolve(input);
    if (!outcome) return {"error: " + to_string(outcome.error())};
    return {pnpm_lockfile_text(outcome->lockfile), outcome->walked, outcome->has_grown, outcome->is_settled};
}

struct Both {
    Outcome whole, grown;
};

// The projects of `before` are resolved, then those of `after`, both ways.
Both both(const Json& packages, const Json& before, const Json& after, const Policy& policy = {}) {
    const Outcome first = resolved(packages, before, "", false, policy);
    const Outcome own = resolved(packages, before, first.text, false, policy);
    Both both{resolved(packages, after, own.text, false, policy), resolved(packages, after, own.text, true, policy)};
    EXPECT_EQ(both.whole.text, both.grown.text) << packages.dump() << "\n" << before.dump() << "\n" << after.dump() << "\n" << own.text;
    EXPECT_FALSE(both.whole.has_grown);
    return both;
}

Json project(Json dependencies) { return {{"dependencies", std::move(dependencies)}}; }

const Json kPackages = {{"a", on({{"x", "1"}, {"z", "1"}})},
                        {"x", on({{"y", "^1.0.0"}})},
                        {"y", plain({"1.0.0", "1.2.0", "2.0.0"})},
                        {"z", plain({"1.0.0"})},
                        {"n", on({{"m", "1"}, {"z", "1"}})},
                        {"m", on({{"y", "^1.0.0"}})},
                        {"old", on({{"y", "2"}})},
                        {"peers", with_peers({{"z", "1"}})},
                        {"wants", with_peers({{"n", "1"}})},
                        {"maybe", test::with_optional_peers({{"m", "1"}})},
                        {"opt", {{"1.0.0", {{"optionalDependencies", {{"m", "1"}}}}}}}};

TEST(Grow, only_what_is_new_is_walked) {
    const Both n = both(kPackages, {{".", project({{"a", "1"}})}}, {{".", project({{"a", "1"}, {"n", "1"}})}});
    EXPECT_TRUE(n.grown.has_grown);
    EXPECT_EQ(n.grown.walked, 2u);  // n and m
    EXPECT_EQ(n.whole.walked, 6u);
    const Both known = both(kPackages, {{".", project({{"a", "1"}})}}, {{".", project({{"a", "1"}, {"y", "1.2.0"}})}});
    EXPECT_TRUE(known.grown.has_grown);
    EXPECT_EQ(known.grown.walked, 0u);
    const Both two = both(kPackages, {{".", project({{"a", "1"}})}, {"b", project({{"z", "1"}})}}, {{".", project({{"a", "1"}, {"n", "1"}})}, {"b", project({{"z", "1"}, {"m", "*"}})}});
    EXPECT_TRUE(two.grown.has_grown);
}

TEST(Grow, what_could_touch_the_rest_is_walked_whole) {
    auto whole = [](const Json& before, const Json& after, const Policy& policy = {}) {
        const Both one = both(kPackages, {{".", project(before)}}, {{".", after}}, policy);
        return !one.grown.has_grown;
    };
    EXPECT_TRUE(whole({{"a", "1"}}, project({{"a", "1"}, {"peers", "1"}})));                 // it has peers
    EXPECT_TRUE(whole({{"wants", "1"}}, project({{"wants", "1"}, {"n", "1"}})));             // it is somebody's peer
    EXPECT_TRUE(whole({{"maybe", "1"}}, project({{"maybe", "1"}, {"n", "1"}})));             // … further down
    EXPECT_TRUE(whole({{"opt", "1"}}, project({{"opt", "1"}, {"m", "1"}})));                 // it was optional
    EXPECT_TRUE(whole({{"a", "1"}, {"z", "1"}}, project({{"a", "1"}, {"n", "1"}})));         // another one went
    EXPECT_TRUE(whole({{"a", "1"}}, project({{"a", "*"}, {"n", "1"}})));                     // another one changed
    EXPECT_TRUE(whole({{"a", "1"}}, project({{"a", "1"}, {"y", "2"}})));                     // a version that others could share
    EXPECT_TRUE(whole({{"a", "1"}, {"old", "1"}}, project({{"a", "1"}, {"old", "1"}, {"y", "*"}})));  // two that fit
    EXPECT_TRUE(whole({{"a", "1"}}, {{"dependencies", {{"a", "1"}}}, {"optionalDependencies", {{"n", "1"}}}}));
    EXPECT_TRUE(whole({{"a", "1"}}, {{"devDependencies", {{"a", "1"}, {"n", "1"}}}}));
    Policy strict;
    strict.strict_peer_dependencies = true;
    EXPECT_TRUE(whole({{"a", "1"}}, project({{"a", "1"}, {"n", "1"}}), strict));
}

TEST(Grow, what_fails_is_told_by_the_whole_walk) {
    const Both gone = both(kPackages, {{".", project({{"a", "1"}})}}, {{".", project({{"a", "1"}, {"gone", "1"}})}});
    EXPECT_FALSE(gone.grown.has_grown);
    EXPECT_EQ(gone.grown.text.substr(0, 6), "error:");
}

// Registries of up to twenty names with dependencies, peers and optional ones by chance; one dependency more in one of up to
// three projects.
TEST(Grow, agrees_with_the_whole_walk_whatever_is_added) {
    std::size_t grown = 0, tried = 0, settled = 0;
    for (std::uint32_t seed = 0; seed < 200; ++seed) {
        std::mt19937 random(seed);
        auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
        const std::uint32_t names = 8 + below(14), peer_chance = below(5);
        auto name = [](std::uint32_t n) { return "p" + std::to_string(n); };
        auto range = [&] { return std::vector<std::string>{"*", "1", "^1.0.0", "2", ">=1", "1.0.0"}[below(6)]; };
        Json packages = Json::object();
        for (std::uint32_t i = 0; i < names; ++i) {
            Json versions = Json::object();
            for (const char* version : {"1.0.0", "1.1.0", "2.0.0"}) {
                if (version[0] == '2' && below(2)) continue;
                Json manifest = Json::object();
                for (std::uint32_t d = below(4); d > 0; --d) {
                    const std::uint32_t to = below(names);
                    if (to == i) continue;
                    const std::string wanted = range();
                    if (below(10) < peer_chance) {
                        manifest["peerDependencies"][name(to)] = wanted;
                        if (below(2)) manifest["peerDependenciesMeta"][name(to)] = {{"optional", true}};
                    } else {
                        manifest[below(12) ? "dependencies" : "optionalDependencies"][name(to)] = wanted;
                    }
                }
                versions[version] = manifest;
            }
            if (!versions.contains("2.0.0") || below(2)) versions["#tags"] = {{"latest", "1.1.0"}};
            packages[name(i)] = versions;
        }
        Json before = Json::object();
        const std::uint32_t projects = 1 + below(3);
        for (std::uint32_t p = 0; p < projects; ++p) {
            Json dependencies = Json::object();
            for (std::uint32_t d = 1 + below(4); d > 0; --d) dependencies[name(below(names))] = below(3) ? "1" : "*";
            before[p == 0 ? "." : "w" + std::to_string(p)] = project(std::move(dependencies));
        }
        const Outcome first = resolved(packages, before, "", false);
        if (first.text.starts_with("error:")) continue;
        const Outcome own = resolved(packages, before, first.text, false);
        ASSERT_EQ(resolved(packages, before, own.text, false).text, own.text) << "seed " << seed;
        for (std::uint32_t i = 0; i < names; ++i) {
            Json after = before;
            const std::uint32_t p = below(projects);
            after[p == 0 ? "." : "w" + std::to_string(p)][below(2) ? "dependencies" : "devDependencies"][name(i)] = range();
            const Outcome whole = resolved(packages, after, own.text, false), quick = resolved(packages, after, own.text, true);
            ++tried;
            grown += quick.has_grown;
            // A settled lockfile comes out the same once more: that is what growing rests on.
            if (!whole.is_settled || below(2)) continue;
            ++settled;
            ASSERT_EQ(resolved(packages, after, whole.text, false).text, whole.text) << "seed " << seed << " adds " << name(i);
            const Outcome removed = resolved(packages, before, whole.text, false);
            if (removed.is_settled) ASSERT_EQ(resolved(packages, before, removed.text, false).text, removed.text) << "seed " << seed << " removes " << name(i);
        }
    }
    EXPECT_GT(grown, tried / 6) << tried;
    EXPECT_GT(settled, tried / 8) << tried;
}

}  // namespace
}  // namespace pmx
