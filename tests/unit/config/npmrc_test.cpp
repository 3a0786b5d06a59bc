#include "model/vectors.hpp"

#include "config/credentials.hpp"
#include "config/ini.hpp"
#include "config/npmrc.hpp"
#include "config/settings.hpp"

namespace pmx::test {
namespace {

Json to_json(const Ini& value) {
    switch (value.kind) {
        case Ini::Kind::text: return value.text;
        case Ini::Kind::yes: return true;
        case Ini::Kind::no: return false;
        case Ini::Kind::null: return nullptr;
        case Ini::Kind::list: {
            Json list = Json::array();
            for (const Ini& item : value.items) list.push_back(to_json(item));
            return list;
        }
        case Ini::Kind::section: break;
    }
    Json section = Json::object();
    for (const auto& [name, member] : value.members) section[name] = to_json(member);
    return section;
}

nlohmann::json unordered(const Json& value) { return nlohmann::json::parse(value.dump()); }

TEST(Npmrc, ini_files_are_read_as_npm_reads_them) {
    PMX_VECTORS(json, "npmrc/ini.json");
    for (const Json& c : json["cases"])
        EXPECT_EQ(unordered(to_json(parse_ini(c["input"].get<std::string>()))), unordered(c["result"])) << c["input"];
}

TEST(Npmrc, variables_are_replaced_as_npm_replaces_them) {
    PMX_VECTORS(json, "npmrc/env-replace.json");
    const Environment environment{{"A", "aa"}, {"B", ""}, {"HOME", "/h"}, {"A-B", "ab"}};
    for (const Json& c : json["cases"])
        EXPECT_EQ(replace_environment(c["input"].get<std::string>(), environment, false), c["result"]) << c["input"];
}

TEST(Npmrc, defaults_of_variables_are_pnpms) {
    const Environment environment{{"A", "aa"}, {"B", ""}};
    EXPECT_EQ(replace_environment("${A-d} ${B-d} ${B:-d} ${NO-d} ${NO:-d-e} ${NO}", environment, true), "aa  d d d-e ${NO}");
}

TEST(Npmrc, nerf_darts) {
    PMX_VECTORS(json, "npmrc/nerf-dart.json");
    for (const Json& c : json["cases"])
        EXPECT_EQ(nerf_dart(c["input"].get<std::string>()), c.contains("result") ? c["result"].get<std::string>() : "") << c["input"];
}

// "@scope/foo@1", "foo@npm:@scope/foo@1" → the package that the archive holds.
std::string package_of_spec(std::string spec) {
    if (std::size_t alias = spec.find("@npm:"); alias != spec.npos) spec = spec.substr(alias + 5);
    return spec.substr(0, spec.find('@', 1));
}

// getAuth of npm: which header follows. What has no header to compare is left out by name.
TEST(Npmrc, credentials_go_where_npm_sends_them) {
    PMX_VECTORS(json, "npmrc/auth.json");
    const std::map<std::string, int> no_counterpart{
        {"forceAuth", 1},                      // an option of npm's library, not of a file
        {"forceAuth token", 1},
        {"auth needs a uri", 1},               // throws: a URL is not optional here
        {"certfile and keyfile errors", 1},    // throws: TLS material has tests of its own
    };
    std::map<std::string, int> left_out;
    std::size_t seen = 0;
    for (const Json& c : json["cases"]) {
        const std::string test = c["test"];
        if (no_counterpart.contains(test) && (!c.contains("result") || c["args"][1].contains("forceAuth"))) {
            ++left_out[test];
            continue;
        }
        Settings settings;
        for (const auto& [key, value] : c["args"][1].items()) {
            if (!value.is_string()) continue;
            if (key == "registry") settings.values["registry"].items = {value.get<std::string>()};
            if (key.starts_with('@') && key.ends_with(":registry")) settings.scoped_registries[key.substr(0, key.size() - 9)] = value.get<std::string>();
            settings.npmrc[key] = value.get<std::string>();
        }
        const std::string package = package_of_spec(c["args"][1].value("spec", "any"));
        const Json& result = c["result"];
        std::string expected;
        if (result["token"].is_string()) expected = "Bearer " + result["token"].get<std::string>();
        else if (result["auth"].is_string()) expected = "Basic " + result["auth"].get<std::string>();
        EXPECT_EQ(settings.authorization(c["args"][0].get<std::string>(), package), expected) << c.dump();
        ++seen;
    }
    EXPECT_EQ(left_out, no_counterpart);
    EXPECT_EQ(seen + left_out.size(), json["cases"].size());
}

TEST(Npmrc, on_a_shared_host_nobody_sends_anothers_token) {
    Settings settings;
    settings.values["registry"].items = {"https://host.example/team-a/"};
    settings.scoped_registries = {{"@b", "https://host.example/team-b/"}, {"@c", "https://host.example/team-c/"}};
    settings.npmrc = {{"//host.example/team-a/:_authToken", "A"}, {"//host.example/team-b/:_authToken", "B"}};
    EXPECT_EQ(settings.authorization("https://host.example/team-a/x/-/x-1.tgz", "x"), "Bearer A");
    EXPECT_EQ(settings.authorization("https://host.example/team-b/@b/x/-/x-1.tgz", "@b/x"), "Bearer B");
    // team-c has no token: neither the default registry's nor another scope's goes there.
    EXPECT_EQ(settings.authorization("https://host.example/team-c/@c/x/-/x-1.tgz", "@c/x"), "");
    EXPECT_EQ(settings.authorization("https://host.example/team-c/@c/x/-/x-1.tgz"), "");
    // A registry that serves its archives beside itself gets its own token, for its own packages only.
    EXPECT_EQ(settings.authorization("https://host.example/files/x-1.tgz", "@b/x"), "Bearer B");
    EXPECT_EQ(settings.authorization("https://host.example/files/x-1.tgz", "x"), "Bearer A");
    EXPECT_EQ(settings.authorization("https://host.example/files/x-1.tgz", "@c/x"), "");
    // Where a redirect leads is nobody's archive; other hosts, ports and schemes are other places.
    EXPECT_EQ(settings.authorization("https://host.example/files/x-1.tgz"), "");
    EXPECT_EQ(settings.authorization("https://host.example:8443/files/x-1.tgz", "@b/x"), "");
    EXPECT_EQ(settings.authorization("http://host.example/files/x-1.tgz", "@b/x"), "");
    EXPECT_EQ(settings.authorization("https://files.example/x-1.tgz", "@b/x"), "");
}

TEST(Npmrc, credentials_of_one_registry_are_read_as_pnpm_reads_them) {
    PMX_VECTORS(json, "pnpm-vectors/config-reader.json");
    for (const Json& c : json["cases"]) {
        const Json& in = c["args"][0];
        RawCredentials raw{in.value("authToken", ""), in.value("authPairBase64", ""), in.value("authUsername", ""),
                           in.value("authPassword", ""), in.value("tokenHelper", "")};
        auto parsed = parse_credentials(raw);
        EXPECT_EQ(parsed.has_value(), c.contains("result")) << c.dump();
        if (!parsed || !c.contains("result")) continue;
        const Json& out = c["result"];
        EXPECT_EQ(parsed->has_value(), !is_undefined(out)) << c.dump();
        if (!*parsed) continue;
        EXPECT_EQ((*parsed)->auth_token, out.value("authToken", "")) << c.dump();
        if (out.contains("basicAuth")) {
            EXPECT_EQ((*parsed)->username, out["basicAuth"]["username"]);
            EXPECT_EQ((*parsed)->password, out["basicAuth"]["password"]);
        }
        if (out.contains("tokenHelper")) {
            EXPECT_EQ((*parsed)->token_helper, out["tokenHelper"].get<std::vector<std::string>>());
        }
    }
}

TEST(Npmrc, headers_by_url_are_pnpms) {
    PMX_VECTORS(json, "pnpm-vectors/auth-header.json");
    int seen = 0;
    for (const Json& c : json["cases"]) {
        // Credentials by scope below one URL are pnpm's own invention and are not read; what they fall back to is.
        if (!c.contains("callArgs") || !c.contains("result") || (c["callArgs"].size() > 1 && c["result"] != "Bearer registry-token")) continue;
        NpmrcKeys keys;
        for (const auto& [place, scopes] : c["args"][0].items()) {
            if (!scopes.contains("@")) continue;
            const Json& own = scopes["@"];
            if (own.contains("authToken")) keys[place + ":_authToken"] = own["authToken"].get<std::string>();
            if (!own.contains("basicAuth")) continue;
            std::string password = own["basicAuth"]["password"].get<std::string>();
            keys[place + ":username"] = own["basicAuth"]["username"].get<std::string>();
            keys[place + ":_password"] = password == "pass" ? "cGFzcw==" : "";
        }
        std::string expected = c["result"].is_string() ? c["result"].get<std::string>() : "";
        EXPECT_EQ(authorization_header(keys, c["callArgs"][0].get<std::string>()), expected) << c.dump();
        ++seen;
    }
    EXPECT_GE(seen, 18);
}

TEST(Npmrc, the_registry_of_a_package_is_its_scopes) {
    PMX_VECTORS(json, "pnpm-vectors/pick-registry.json");
    for (const Json& c : json["cases"]) {
        if (!c["fn"].get<std::string>().ends_with("pickRegistryForPackage")) continue;
        Settings settings;
        for (const auto& [scope, url] : c["args"][0].items()) {
            if (scope == "default") settings.values["registry"].items = {url.get<std::string>()};
            else settings.scoped_registries[scope] = url.get<std::string>();
        }
        std::string specifier = c["args"].size() > 2 ? c["args"][2].get<std::string>() : "";
        EXPECT_EQ(settings.registry_for(c["args"][1].get<std::string>(), specifier), c["result"]) << c.dump();
    }
}

TEST(Npmrc, a_project_gets_neither_variables_nor_the_users_token) {
    Settings settings;
    const Environment environment{{"SECRET", "s3cret"}};
    merge_npmrc(settings, "_authToken=users\n//own.example/:_authToken=${SECRET}\n", "/home/u/.npmrc", true, Source::user, environment,
                "https://registry.example/");
    merge_npmrc(settings, "registry=https://other.example\n//other.example/:_authToken=${SECRET}\n//other.example/:tokenHelper=/bin/evil\n",
                "/p/.npmrc", false, Source::project, environment, "https://registry.example/");
    EXPECT_EQ(settings.text("registry"), "https://other.example/");
    EXPECT_EQ(settings.authorization("https://own.example/x"), "Bearer s3cret");
    EXPECT_EQ(settings.authorization("https://registry.example/x/-/x.tgz"), "Bearer users");
    EXPECT_EQ(settings.authorization("https://other.example/x"), "");
    EXPECT_FALSE(settings.npmrc.contains("//other.example/:tokenHelper"));
    EXPECT_EQ(settings.values["registry"].where, "/p/.npmrc:1");
}

TEST(Npmrc, a_header_is_one_line) {
    EXPECT_EQ(authorization_header({{"//r.example/:_authToken", "a\r\nX-Evil: 1"}}, "https://r.example/a"), "");
}

TEST(Npmrc, proxies) {
    NpmrcKeys keys{{"https-proxy", "http://127.0.0.1:1"}, {"proxy", "127.0.0.1:2"}, {"no-proxy", "internal.example, .corp:8443,*.lan"}};
    EXPECT_EQ(proxy_for(keys, "https://r.example/a"), "http://127.0.0.1:1");
    EXPECT_EQ(proxy_for(keys, "http://r.example/a"), "http://127.0.0.1:2");
    EXPECT_EQ(proxy_for(keys, "https://internal.example/a"), "");
    EXPECT_EQ(proxy_for(keys, "https://deep.internal.example/a"), "");
    EXPECT_EQ(proxy_for(keys, "https://notinternal.example/a"), "http://127.0.0.1:1");
    EXPECT_EQ(proxy_for(keys, "https://a.corp:8443/"), "");
    EXPECT_EQ(proxy_for(keys, "https://a.corp/"), "http://127.0.0.1:1");
    EXPECT_EQ(proxy_for(keys, "https://a.lan/"), "");
}

}  // namespace
}  // namespace pmx::test
