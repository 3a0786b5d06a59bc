#include "model/pick.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "model/vectors.hpp"

using namespace pmx;
using pmx::test::Json;

TEST(Pick, TheDefaultTagWinsWhereItSatisfies) {
    std::vector<Candidate> versions{
        {.version = "1.0.0"}, {.version = "1.1.0"}, {.version = "1.2.0"}, {.version = "2.0.0"}};
    std::vector<std::pair<std::string_view, std::string_view>> tags{{"latest", "1.1.0"}};
    Choices choices{versions, tags};
    EXPECT_EQ(pick_version(choices, "^1.0.0")->index, 1u);
    EXPECT_EQ(pick_version(choices, "^1.0.0", {.prefer_default_tag = false})->index, 2u);
    EXPECT_EQ(pick_version(choices, "2")->index, 3u);
    EXPECT_EQ(pick_version(choices, "latest")->index, 1u);
    EXPECT_EQ(pick_version(choices, "3").error(), PickFailure::no_match);
    EXPECT_EQ(pick_version({}, "3").error(), PickFailure::no_versions);
    EXPECT_EQ(pick_version(choices, "^1", {.avoid = "*", .avoid_strict = true}).error(),
              PickFailure::all_avoided);
}

TEST(PickVectors, NpmPickManifest) {
    PMX_VECTORS(json, "manifest/pick-manifest.json");
    int run = 0;
    for (const Json& c : json["cases"]) {
        const Json& packument = json["packuments"][c["packument"].get<std::string>()];
        if (packument.is_null()) continue;  // npm breaks on it before it picks
        ++run;
        std::deque<TextMap> engines;
        std::vector<Candidate> versions;
        Json times = packument.value("time", Json::object());
        auto add = [&](const Json& group, bool restricted) {
            for (auto& [version, manifest] : group.items()) {
                Candidate one{.version = manifest["version"].get_ref<const std::string&>(),
                              .restricted = restricted};
                one.deprecated = manifest.contains("deprecated");
                if (manifest.contains("engines")) {
                    engines.push_back({{"node", manifest["engines"]["node"]}});
                    one.engines = &engines.back();
                }
                if (times.contains(version)) one.time = times[version].get_ref<const std::string&>();
                versions.push_back(one);
            }
        };
        add(packument["versions"], false);
        if (packument.contains("policyRestrictions")) add(packument["policyRestrictions"]["versions"], true);
        std::vector<std::pair<std::string_view, std::string_view>> tags;
        for (auto& [tag, version] : packument["dist-tags"].items())
            tags.emplace_back(tag, version.get_ref<const std::string&>());

        const Json& opts = c["opts"];
        TextMap here{{"node", opts.value("nodeVersion", "20.0.0")}};
        PickOptions options{.engines = &here};
        std::string tag = opts.value("defaultTag", "latest"), before = opts.value("before", ""),
                    avoid = opts.value("avoid", "");
        options.default_tag = tag;
        options.before = before;
        options.avoid = avoid;
        options.avoid_strict = opts.value("avoidStrict", false);
        auto got = pick_version({versions, tags}, c["spec"].get<std::string>(), options);

        if (c.contains("throws")) {
            std::string code = c["throws"]["code"];
            PickFailure want = code == "ENOVERSIONS" ? PickFailure::no_versions
                               : code == "E403"      ? PickFailure::forbidden
                                                     : PickFailure::no_match;
            EXPECT_TRUE(!got && got.error() == want) << c.dump();
            continue;
        }
        ASSERT_TRUE(got.has_value()) << c.dump();
        EXPECT_EQ(versions[got->index].version, c["result"]["version"]) << c.dump();
        EXPECT_EQ(got->outside_range, c["result"].value("outsideRange", false)) << c.dump();
    }
    EXPECT_EQ(run, 432);
}
