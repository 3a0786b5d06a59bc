// What changes a manifest before it is resolved: pnpm's recorded calls, and what its binary was seen to do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/vectors.hpp"
#include "resolve/hooks.hpp"
#include "resolve/overrides.hpp"

namespace pmx {
namespace {

using test::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Json json_of(const TextMap& map) {
    Json json = Json::object();
    for (const auto& [key, value] : map) json[key] = value;
    return json;
}

// The fields that hooks change, in a form in which the order of keys does not matter.
nlohmann::json shown(const Json& manifest) {
    nlohmann::json out;
    for (const char* field : {"dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta"}) {
        out[field] = nlohmann::json::object();
        if (manifest.contains(field)) out[field] = nlohmann::json::parse(manifest[field].dump());
    }
    return out;
}
nlohmann::json shown(const Manifest& manifest) {
    Json json = {{"dependencies", json_of(manifest.dependencies)},
                 {"devDependencies", json_of(manifest.dev_dependencies)},
                 {"optionalDependencies", json_of(manifest.optional_dependencies)},
                 {"peerDependencies", json_of(manifest.peer_dependencies)}};
    for (const std::string& peer : manifest.optional_peers) json["peerDependenciesMeta"][peer]["optional"] = true;
    return shown(json);
}

Manifest manifest(const Json& json) { return *parse_manifest(json.dump(), "package.json"); }

Policy bare() {
    Policy policy;
    policy.ignore_compatibility_db = true;
    return policy;
}

// pnpm's parsed overrides as the selectors that they were parsed from.
std::string selector_of(const Json& rule) {
    auto one = [](const Json& package) {
        std::string text = package["name"];
        if (package.contains("bareSpecifier") && package["bareSpecifier"].is_string()) text += "@" + package["bareSpecifier"].get<std::string>();
        return text;
    };
    return (rule.contains("parentPkg") ? one(rule["parentPkg"]) + ">" : "") + one(rule["targetPkg"]);
}

Hooks hooks_of(const Policy& policy, const std::string& root = "/checkout") {
    auto hooks = Hooks::make(policy, root);
    EXPECT_TRUE(hooks) << to_string(hooks.error());
    return std::move(*hooks);
}

TEST(hooks, recorded_overrides_are_parsed) {
    PMX_VECTORS(json, "pnpm-vectors/parse-overrides.json");
    for (const Json& c : json["cases"]) {
        Policy policy = bare();
        for (const auto& [selector, value] : c["args"][0].items()) policy.overrides.emplace_back(selector, value);
        for (const auto& [catalog, entries] : c["args"][1].items()) policy.catalogs[catalog] = entries.get<std::map<std::string, std::string>>();
        auto overrides = Overrides::make(policy, "/");
        ASSERT_EQ(overrides.has_value(), !c.contains("throws")) << c.dump();
        if (!overrides) {
            EXPECT_EQ(overrides.error().code, Code::CONFIG);
            continue;
        }
        ASSERT_EQ(overrides->list().size(), c["result"].size());
        for (std::size_t i = 0; i < c["result"].size(); ++i) {
            const Override& rule = overrides->list()[i];
            EXPECT_EQ(rule.text, c["result"][i]["selector"]);
            EXPECT_EQ(rule.value, c["result"][i]["newBareSpecifier"]);
            EXPECT_EQ(rule.converge, c["result"][i].value("converge", false));
            const OverrideSelector& s = rule.selector;
            std::string text = (s.has_parent ? s.parent + (s.parent_range ? "@" + *s.parent_range : "") + ">" : "") + s.name + (s.range ? "@" + *s.range : "");
            EXPECT_EQ(text, selector_of(c["result"][i]));
        }
    }
}

TEST(hooks, recorded_calls) {
    PMX_VECTORS(json, "pnpm-vectors/read-package-hook.json");
    std::size_t checked = 0;
    for (const Json& c : json["cases"]) {
        std::string fn = c["fn"];
        if (!c.contains("callArgs")) continue;
        Policy policy = bare();
        if (fn.find("createVersionsOverrider ->") != fn.npos || fn.find("createDependencyOverrider ->") != fn.npos) {
            for (const Json& rule : c["args"][0]) policy.overrides.emplace_back(selector_of(rule), rule["newBareSpecifier"]);
        } else if (fn.find("createPackageExtender ->") != fn.npos) {
            policy.package_extensions_json = c["args"][0].dump();
        } else if (fn.find("createOptionalDependenciesRemover ->") != fn.npos) {
            policy.ignored_optional = c["args"][0].get<std::vector<std::string>>();
        } else {
            continue;
        }
        Hooks hooks = hooks_of(policy);
        std::string dir = c["callArgs"].size() > 1 && c["callArgs"].back().is_string() ? c["callArgs"].back().get<std::string>() : "";
        ++checked;
        if (fn.find("createDependencyOverrider") != fn.npos) {
            auto value = hooks.override_of(c["callArgs"][0].get<std::string>(), c["callArgs"][1].get<std::string>(), c["callArgs"].size() > 2 ? dir : "");
            EXPECT_EQ(value.value_or("none"), c["result"].is_string() ? c["result"].get<std::string>() : "none") << c.dump();
            continue;
        }
        Manifest subject = manifest(c["callArgs"][0]);
        if (dir.empty()) hooks.apply(subject);
        else hooks.apply_to_project(subject, dir);
        EXPECT_EQ(shown(subject), shown(c["result"])) << c["test"] << c["args"].dump();
    }
    EXPECT_EQ(checked, 51u);
}

std::string overridden(std::vector<std::pair<std::string, std::string>> overrides, const std::string& specifier) {
    Policy policy = bare();
    policy.overrides = std::move(overrides);
    Manifest subject = manifest({{"name", "root"}, {"version", "1.0.0"}, {"dependencies", {{"foo", specifier}}}});
    hooks_of(policy).apply(subject);
    return subject.dependencies.empty() ? "" : subject.dependencies.front().second;
}

TEST(hooks, which_override_wins) {
    EXPECT_EQ(overridden({{"foo", "2.0.0"}, {"foo@3", "4.0.0"}}, "^3.0.0"), "4.0.0");
    EXPECT_EQ(overridden({{"foo@3", "4.0.0"}, {"foo", "2.0.0"}}, "^3.0.0"), "4.0.0");
    EXPECT_EQ(overridden({{"foo@>=2", "1.0.0"}, {"foo@3.1", "4.0.0"}}, "^3.0.0"), "1.0.0");
    EXPECT_EQ(overridden({{"foo@3.1", "4.0.0"}, {"foo@>=2", "1.0.0"}}, "^3.0.0"), "4.0.0");
    EXPECT_EQ(overridden({{"foo@3", "4.0.0"}, {"root>foo", "5.0.0"}}, "^3.0.0"), "5.0.0");
    EXPECT_EQ(overridden({{"root@2>foo", "5.0.0"}}, "^3.0.0"), "^3.0.0");
    EXPECT_EQ(overridden({{"foo@latest", "5.0.0"}}, "latest"), "5.0.0");
    EXPECT_EQ(overridden({{"foo@3", "5.0.0"}}, "npm:bar@^3.0.0"), "npm:bar@^3.0.0");
    EXPECT_EQ(overridden({{"foo", "5.0.0"}}, "npm:bar@^3.0.0"), "5.0.0");
    EXPECT_EQ(overridden({{"foo@", "3.1.0"}}, "npm:bar@^3.0.0"), "npm:bar@^3.0.0");
    EXPECT_EQ(overridden({{"foo", "-"}}, "^3.0.0"), "");
}

TEST(hooks, overrides_are_recorded_with_their_catalogs_resolved) {
    Policy policy = bare();
    policy.catalogs["default"]["foo"] = "2.0.0";
    policy.overrides = {{"z>foo", "catalog:"}, {"a", "link:../a"}};
    Hooks hooks = hooks_of(policy);
    EXPECT_FALSE(hooks.is_empty());
    EXPECT_THAT(hooks.recorded_overrides(), ElementsAre(Pair("z>foo", "2.0.0"), Pair("a", "link:../a")));
    policy.overrides = {{"b", "catalog:"}};
    auto missing = Hooks::make(policy, "/");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Code::CATALOG);
    EXPECT_TRUE(hooks_of(bare()).is_empty());
}

TEST(hooks, extensions_add_what_is_missing) {
    Policy policy = bare();
    policy.package_extensions_json = R"({"a@1":{"dependencies":{"x":"1","y":"1"},"peerDependenciesMeta":{"p":{"optional":true},"q":{"optional":false}}},
        "a":{"dependencies":{"x":"2"},"optionalDependencies":{"o":"1"},"peerDependencies":{"p":"3"}}})";
    Hooks hooks = hooks_of(policy);
    Manifest one = manifest({{"name", "a"}, {"version", "1.5.0"}, {"dependencies", {{"y", "9"}}}});
    hooks.apply(one);
    EXPECT_THAT(one.dependencies, ElementsAre(Pair("y", "9"), Pair("x", "1")));
    EXPECT_THAT(one.optional_dependencies, ElementsAre(Pair("o", "1")));
    EXPECT_THAT(one.peer_dependencies, ElementsAre(Pair("p", "3")));
    EXPECT_THAT(one.optional_peers, ElementsAre("p"));
    Manifest two = manifest({{"name", "a"}, {"version", "2.0.0"}});
    hooks.apply(two);
    EXPECT_THAT(two.dependencies, ElementsAre(Pair("x", "2")));
    for (const char* wrong : {"[]", "{", R"({"a":1})", R"({"a":{"dependencies":{"x":[]}}})", R"({"a@link:x":{}})"}) {
        policy.package_extensions_json = wrong;
        auto refused = Hooks::make(policy, "/");
        ASSERT_FALSE(refused) << wrong;
        EXPECT_EQ(refused.error().code, Code::CONFIG);
    }
}

// As pnpm 12.21 wrote them for these settings.
TEST(hooks, the_checksum_of_extensions_is_pnpms) {
    auto checksum = [](const char* json) {
        Policy policy = bare();
        policy.package_extensions_json = json;
        return hooks_of(policy).extensions_checksum();
    };
    EXPECT_EQ(checksum(""), "");
    EXPECT_EQ(checksum("{}"), "");
    EXPECT_EQ(checksum(R"({"b":{"dependencies":{"d":"1.0.0"}}})"), "sha256-K3NOgR3h4uahPdWsfZ1eXraU/MD11e3q/JhU/ak4iLs=");
    const char* both = "sha256-D5nwxKaqF+wAEhQQLMuZnQEsCN4vHvrQcE4ZpdblvAE=";
    EXPECT_EQ(checksum(R"({"b":{"dependencies":{"d":"1.0.0"},"peerDependenciesMeta":{"c":{"optional":true}}},"a@1":{"optionalDependencies":{"c":"^1"}}})"), both);
    EXPECT_EQ(checksum(R"({"a@1":{"optionalDependencies":{"c":"^1"}},"b":{"peerDependenciesMeta":{"c":{"optional":true}},"dependencies":{"d":"1.0.0"}}})"), both);
    EXPECT_EQ(checksum(R"({"b":{"foo":"x","dependencies":{"d":"1"}}})"), "sha256-FykGuLRF8v8+KzLSr5Hs730z3Z3Fa7maqSesWWhwIcA=");
    EXPECT_EQ(checksum(R"({"b":{}})"), "sha256-hexDUVbmkJCCoJ8GkSpGuHZ2Tiz45gxEv5Fv9OqgUVs=");
    EXPECT_EQ(checksum(R"({"b":{"dependencies":{}}})"), "sha256-WVNP/DlwLGEnBp99WmdI15bfOyQPtJzow2Lz1lXuN2c=");
    EXPECT_EQ(checksum(R"({"@x/é":{"dependencies":{"d":"é"}}})"), "sha256-uC9V9DsMTfjrEtd8qVfKknaUsV4xyzpCfT+rx+nwKrQ=");
}

TEST(hooks, known_mistakes_of_published_manifests) {
    auto fixed = [](const char* name, const char* version, bool ignore) {
        Policy policy;
        policy.ignore_compatibility_db = ignore;
        Hooks hooks = hooks_of(policy);
        EXPECT_EQ(hooks.is_empty(), ignore);
        EXPECT_EQ(hooks.extensions_checksum(), "");
        Manifest subject = manifest({{"name", name}, {"version", version}});
        hooks.apply(subject);
        return subject;
    };
    EXPECT_THAT(fixed("@tailwindcss/aspect-ratio", "0.2.0", false).peer_dependencies, ElementsAre(Pair("tailwindcss", "^2.0.2")));
    EXPECT_TRUE(fixed("@tailwindcss/aspect-ratio", "0.2.0", true).peer_dependencies.empty());
    EXPECT_TRUE(fixed("@tailwindcss/aspect-ratio", "0.3.0", false).peer_dependencies.empty());
    EXPECT_THAT(fixed("@angular/build", "20.0.0", false).dependencies, ElementsAre(Pair("tslib", "^2.3.0")));
    EXPECT_THAT(fixed("@nuxt/vite-builder", "4.1.0", false).dependencies, ElementsAre(Pair("unplugin", "^2.3.5")));
    EXPECT_THAT(fixed("@nuxt/vite-builder", "4.5.0", false).dependencies, ElementsAre(Pair("unplugin", "^3.3.0")));
    EXPECT_TRUE(fixed("zzz", "1.0.0", false).dependencies.empty());
}

TEST(hooks, ignored_optional_dependencies_go) {
    Policy policy = bare();
    policy.ignored_optional = {"@foo/*", "bar"};
    Manifest subject = manifest({{"name", "a"}, {"dependencies", {{"bar", "1"}, {"@foo/kept", "1"}}}, {"optionalDependencies", {{"bar", "1"}, {"@foo/x", "1"}, {"baz", "1"}}}});
    hooks_of(policy).apply(subject);
    EXPECT_THAT(subject.dependencies, ElementsAre(Pair("@foo/kept", "1")));
    EXPECT_THAT(subject.optional_dependencies, ElementsAre(Pair("baz", "1")));
}

TEST(catalogs, recorded_calls) {
    PMX_VECTORS(json, "pnpm-vectors/catalogs.json");
    std::size_t checked = 0;
    for (const Json& c : json["cases"]) {
        std::string fn = c["fn"];
        if (fn.ends_with("#parseCatalogProtocol")) {
            auto name = catalog_of(c["args"][0].get<std::string>());
            EXPECT_EQ(std::string(name.value_or("none")), c["result"].is_null() ? "none" : c["result"].get<std::string>());
        } else if (fn.ends_with("#resolveFromCatalog")) {
            Policy policy;
            for (const auto& [catalog, entries] : c["args"][0].items()) policy.catalogs[catalog] = entries.get<std::map<std::string, std::string>>();
            auto result = resolve_catalog(policy, c["args"][1]["alias"].get<std::string>(), c["args"][1]["bareSpecifier"].get<std::string>());
            std::string type = c["result"]["type"];
            EXPECT_EQ(result.has_value(), type != "misconfiguration") << c.dump();
            if (!result) {
                EXPECT_EQ(result.error().code, Code::CATALOG);
                EXPECT_THAT(to_string(result.error()), HasSubstr("\"" + c["result"]["catalogName"].get<std::string>() + "\""));
            } else {
                EXPECT_EQ(result->has_value(), type == "found");
                if (*result) {
                    EXPECT_EQ((*result)->catalog, c["result"]["resolution"]["catalogName"]);
                    EXPECT_EQ((*result)->specifier, c["result"]["resolution"]["specifier"]);
                }
            }
        } else {
            continue;
        }
        ++checked;
    }
    EXPECT_EQ(checked, 16u);
}

TEST(catalogs, a_missing_entry_is_told_with_what_is_near) {
    Policy policy;
    policy.catalogs["default"]["react"] = "19.0.0";
    policy.catalogs["react18"]["react"] = "18.0.0";
    EXPECT_THAT(to_string(resolve_catalog(policy, "raect", "catalog:").error()), HasSubstr("it has react"));
    EXPECT_THAT(to_string(resolve_catalog(policy, "react", "catalog:raect18").error()), HasSubstr("did you mean catalog:react18?"));
}

}  // namespace
}  // namespace pmx
