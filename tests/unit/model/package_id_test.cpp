#include "model/package_id.hpp"

#include <gtest/gtest.h>

#include "model/contained_path.hpp"
#include "model/integrity.hpp"
#include "model/vectors.hpp"

using namespace pmx;
using pmx::test::is_undefined;
using pmx::test::Json;

namespace {

std::string text(const Json& object, const char* key) {
    return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
}

}  // namespace

TEST(PackageId, Parts) {
    auto id = parse_package_id("@s/a@1.0.0(patch_hash=ff)(b@2.0.0(c@3.0.0))");
    ASSERT_TRUE(id.has_value());
    EXPECT_EQ(id->name, "@s/a");
    EXPECT_EQ(id->version, "1.0.0");
    EXPECT_EQ(id->patch, "(patch_hash=ff)");
    EXPECT_EQ(id->peers, "(b@2.0.0(c@3.0.0))");
    EXPECT_EQ(without_suffix("a@1(b@2)"), "a@1");
    EXPECT_FALSE(parse_package_id("nothing").has_value());
    EXPECT_FALSE(parse_package_id("").has_value());
}

TEST(PackageId, AnyTextBecomesOneDirectoryName) {
    for (const char* id : {"a@1.0.0", "@s/a@1", ")", "(", "))((", "a@file:../../../etc", "a@1)(b",
                           "(((((a@1))", "\\..\\..", "a@1(B)"}) {
        std::string name = dep_path_to_file_name(id);
        EXPECT_EQ(name.find('/'), std::string::npos) << id;
        EXPECT_LE(name.size(), kVirtualStoreNameMax) << id;
        parse_package_id(id);
        without_peers(id);
    }
    EXPECT_LE(dep_path_to_file_name(std::string(100000, 'x')).size(), kVirtualStoreNameMax);
    EXPECT_EQ(dep_path_to_file_name("Foo@1.0.0").substr(0, 10), "Foo@1.0.0_");
}

TEST(PackageIdVectors, DepsPath) {
    PMX_VECTORS(json, "pnpm-vectors/deps-path.json");
    int skipped = 0;
    for (const Json& c : json["cases"]) {
        std::string fn = c["fn"];
        fn = fn.substr(fn.find('#') + 1);
        SCOPED_TRACE(c.dump().substr(0, 400));
        if (!c["args"][0].is_string()) {  // another JavaScript type
            ++skipped;
            continue;
        }
        std::string arg = c["args"][0];
        const Json& want = c["result"];
        if (fn == "parse") {
            auto id = parse_package_id(arg);
            ASSERT_TRUE(id.has_value());
            EXPECT_EQ(id->name, text(want, "name"));
            EXPECT_EQ(id->is_semver ? std::string(id->version) : "", text(want, "version"));
            EXPECT_EQ(id->is_semver ? "" : std::string(id->version), text(want, "nonSemverVersion"));
            EXPECT_EQ(id->registry, text(want, "registryName"));
            EXPECT_EQ(id->patch, text(want, "patchHash"));
            EXPECT_EQ(id->peers, text(want, "peerDepGraphHash"));
        } else if (fn == "refToRelative") {
            auto id = id_of_reference(arg, c["args"][1].get<std::string>());
            EXPECT_EQ(id ? Json(*id) : Json(nullptr), want);
        } else if (fn == "depPathToFilename") {
            EXPECT_EQ(dep_path_to_file_name(arg, c["args"][1]), want);
        } else if (fn == "tryGetPackageId" || fn == "removeSuffix") {
            EXPECT_EQ(without_suffix(arg), want);
        } else if (fn == "getPkgIdWithPatchHash") {
            EXPECT_EQ(without_peers(arg), want);
        } else if (fn == "isRuntimeDepPath") {
            EXPECT_EQ(is_runtime_id(arg), want);
        } else if (fn == "parseRegistryQualifiedVersion") {
            auto got = parse_registry_version(arg);
            EXPECT_EQ(got ? std::string(got->registry) : "", text(want, "registryName"));
            EXPECT_EQ(got ? std::string(got->version) : "", text(want, "version"));
        } else {
            EXPECT_EQ(fn, "isAbsolute");  // about lockfiles before 6.0, which pmx does not read
            ++skipped;
        }
    }
    EXPECT_EQ(skipped, 5);
}

TEST(PackageIdVectors, PnpmIntegrity) {
    PMX_VECTORS(json, "pnpm-vectors/crypto.json");
    int run = 0;
    for (const Json& c : json["cases"]) {
        std::string fn = c["fn"];
        if (fn.ends_with("#parseIntegrity")) {
            auto key = Integrity::parse(c["args"][0].get<std::string>()).key_hex();
            bool whole = !c.contains("throws") && c["result"]["hexDigest"].get<std::string>().size() > 16;
            EXPECT_EQ(key.value_or(""), whole ? c["result"]["hexDigest"].get<std::string>() : "") << c.dump();
            ++run;
        } else if (fn.ends_with("#formatIntegrity")) {
            auto made = Integrity::from_hex(c["args"][1].get<std::string>(),
                                            *algorithm_from_name(c["args"][0].get<std::string>()));
            EXPECT_EQ(made->to_string(), c["result"]) << c.dump();
            ++run;
        }
    }
    EXPECT_EQ(run, 14);
}
