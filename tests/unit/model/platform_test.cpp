#include "model/platform.hpp"

#include <gtest/gtest.h>

#include "model/range.hpp"
#include "model/vectors.hpp"

using namespace pmx;
using pmx::test::Json;

namespace {

Manifest manifest_of(const Json& fields) {
    auto manifest = parse_manifest(fields.dump(), "test");
    EXPECT_TRUE(manifest.has_value());
    return manifest ? *manifest : Manifest{};
}

bool runs(std::string_view fields, const Platform& host, const SupportedPlatforms& wanted = {},
          PlatformRule rule = PlatformRule::pnpm) {
    return runs_on(*parse_manifest(fields, "test"), resolve_supported(wanted, host), rule);
}

const Platform kLinux{"linux", "x64", "glibc"};

}  // namespace

TEST(Platform, ListsOfNamesAndRefusals) {
    EXPECT_TRUE(runs(R"({})", kLinux));
    EXPECT_TRUE(runs(R"({"os":["linux"],"cpu":["x64"],"libc":["glibc"]})", kLinux));
    EXPECT_FALSE(runs(R"({"os":["darwin"]})", kLinux));
    EXPECT_FALSE(runs(R"({"os":["!linux"]})", kLinux));
    EXPECT_TRUE(runs(R"({"os":["!win32"]})", kLinux));
    EXPECT_FALSE(runs(R"({"libc":["musl"]})", kLinux));
    EXPECT_TRUE(runs(R"({"os":["any"]})", kLinux));
}

TEST(Platform, AnUnknownLibc) {
    Platform mac{"darwin", "arm64", ""};
    EXPECT_TRUE(runs(R"({"libc":["musl"]})", mac));
    EXPECT_FALSE(runs(R"({"libc":["musl"]})", mac, {}, PlatformRule::npm));
}

TEST(Platform, SupportedArchitecturesReplaceTheHost) {
    EXPECT_TRUE(runs(R"({"os":["darwin"]})", kLinux, {{"darwin", "current"}, {}, {}}));
    EXPECT_FALSE(runs(R"({"os":["linux"]})", kLinux, {{"darwin"}, {}, {}}));
    EXPECT_FALSE(runs(R"({"os":["!darwin"]})", kLinux, {{"darwin", "current"}, {}, {}}));
}

TEST(Platform, ThisHostIsKnown) {
    Platform host = host_platform();
    EXPECT_FALSE(host.os.empty());
    EXPECT_FALSE(host.cpu.empty());
    EXPECT_EQ(host.os == "linux", !host.libc.empty());
}

TEST(Platform, NamesTellWhatManifestsForget) {
    std::vector<std::string> os, cpu, libc;
    infer_platform("@esbuild/linux-x64-musl", os, cpu, libc);
    EXPECT_EQ(os, std::vector<std::string>{"linux"});
    EXPECT_EQ(cpu, std::vector<std::string>{"x64"});
    EXPECT_EQ(libc, std::vector<std::string>{"musl"});
    os.clear(), cpu.clear(), libc.clear();
    infer_platform("arm64-tools", os, cpu, libc);
    EXPECT_TRUE(cpu.empty());
}

TEST(PlatformVectors, NpmCheckPlatform) {
    PMX_VECTORS(json, "manifest/check-platform.json");
    int npm_breaks = 0;
    for (const Json& c : json["cases"]) {
        if (c.contains("throws") &&
            !c["throws"].contains("code")) {  // a TypeError inside npm; pmx skips what is no string
            ++npm_breaks;
            manifest_of(c["target"]);
            continue;
        }
        Platform env{c["env"].value("os", ""), c["env"].value("cpu", ""), c["env"].value("libc", "")};
        bool got = runs_on(manifest_of(c["target"]), resolve_supported({}, env), PlatformRule::npm);
        EXPECT_EQ(got, !c.contains("throws")) << c.dump();
    }
    EXPECT_EQ(npm_breaks, 12);
}

TEST(PlatformVectors, NpmCheckEngine) {
    PMX_VECTORS(json, "manifest/check-engine.json");
    for (const Json& c : json["cases"]) {
        TextMap current{{"node", c["node"]}, {"npm", c["npm"]}};
        Manifest m = manifest_of(Json{{"engines", c["engines"]}});
        EXPECT_EQ(unsupported_engines(m.engines, current).empty(), !c.contains("throws")) << c.dump();
    }
}

TEST(PlatformVectors, PnpmPackageIsInstallable) {
    PMX_VECTORS(json, "pnpm-vectors/package-is-installable.json");
    for (const Json& c : json["cases"]) {
        bool ok = !c.contains("throws") && c["result"].is_null();
        const Json& args = c["args"];
        if (std::string(c["fn"]).ends_with("checkEngine")) {
            TextMap current;
            for (auto& [engine, version] : args[2].items()) current.emplace_back(engine, version);
            bool exact = Version::parse(*find(current, "node")).has_value();
            Manifest m = manifest_of(Json{{"engines", args[1]}});
            EXPECT_EQ(exact && unsupported_engines(m.engines, current).empty(), ok) << c.dump();
        } else {
            SupportedPlatforms wanted;
            if (args.size() > 2)
                wanted = {args[2].value("os", wanted.os), args[2].value("cpu", wanted.cpu),
                          args[2].value("libc", wanted.libc)};
            Platform host{"linux", "x64", "musl"};
            EXPECT_EQ(runs_on(manifest_of(args[1]), resolve_supported(wanted, host)), ok) << c.dump();
        }
    }
}
