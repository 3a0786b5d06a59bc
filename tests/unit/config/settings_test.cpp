#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "config/settings.hpp"
#include "config/settings_table.hpp"
#include "config/workspace.hpp"
#include "config/workspace_yaml.hpp"

namespace pmx::test {
namespace {

class Folder : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "pmx-config-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        dir_ = name;
        environment_ = {{"HOME", dir_ + "/home"}};
        write("p/package.json", R"({"name":"p"})");
    }
    void TearDown() override { std::filesystem::remove_all(dir_); }

    void write(const std::string& path, const std::string& text) {
        std::filesystem::create_directories(std::filesystem::path(dir_ + "/" + path).parent_path());
        std::ofstream(dir_ + "/" + path) << text;
    }
    Result<Settings> load(const Flags& flags = {}, const std::string& from = "p") { return load_settings(dir_ + "/" + from, flags, environment_); }
    Settings loaded(const Flags& flags = {}, const std::string& from = "p") {
        auto settings = load(flags, from);
        EXPECT_TRUE(settings.has_value()) << to_string(settings.error());
        return settings ? *settings : Settings();
    }
    std::string refused(const Flags& flags = {}) {
        auto settings = load(flags);
        EXPECT_FALSE(settings.has_value());
        return settings ? "" : to_string(settings.error());
    }

    std::string dir_;
    std::map<std::string, std::string> environment_;
};

TEST_F(Folder, every_setting_has_a_value_and_an_origin) {
    Settings settings = loaded();
    for (const SettingSpec& spec : settings_table()) {
        ASSERT_TRUE(settings.values.contains(spec.name)) << spec.name;
        EXPECT_EQ(settings.values.find(spec.name)->second.where, "default") << spec.name;
        EXPECT_EQ(kebab_case(camel_case(spec.name)), spec.name);
    }
    EXPECT_EQ(settings.text("store-dir"), dir_ + "/home/.local/share/pmx/store");
    EXPECT_EQ(settings.text("virtual-store-dir"), "node_modules/.pnpm");
    EXPECT_EQ(settings.integer("network-concurrency"), 128);
    EXPECT_EQ(settings.list("validator"), (std::vector<std::string>{"integrity", "tree"}));
    EXPECT_EQ(settings.root, dir_ + "/p");
}

TEST_F(Folder, flag_beats_environment_beats_project_beats_user) {
    write("home/.config/pmx/config.yaml", "check: none\nnetwork-concurrency: 1\nfetchRetries: 1\nimport: copy\n");
    EXPECT_EQ(loaded().text("check"), "none");
    write("p/pnpm-workspace.yaml", "networkConcurrency: 2\n\npackageImportMethod: clone\nfetchRetries: 2\n");
    write("p/pmx.yaml", "# mine\nfetch-retries: 3\n");
    environment_["PMX_FETCH_RETRIES"] = "4";
    Settings settings = loaded({{"fetch-retries", {"5"}}});
    EXPECT_EQ(settings.text("check"), "none");
    EXPECT_EQ(settings.integer("network-concurrency"), 2);
    EXPECT_EQ(settings.values["network-concurrency"].where, dir_ + "/p/pnpm-workspace.yaml:1");
    EXPECT_EQ(settings.text("import"), "reflink");
    EXPECT_EQ(settings.integer("fetch-retries"), 5);
    EXPECT_EQ(settings.source("fetch-retries"), Source::flag);
    EXPECT_EQ(loaded().values["fetch-retries"].where, "PMX_FETCH_RETRIES");
    environment_.clear();
    environment_["HOME"] = dir_ + "/home";
    EXPECT_EQ(loaded().values["fetch-retries"].where, dir_ + "/p/pmx.yaml:2");
}

TEST_F(Folder, errors_say_where_and_what_is_accepted) {
    write("p/pmx.yaml", "\nchek: none\n");
    EXPECT_NE(refused().find("/p/pmx.yaml:2\n  did you mean \"check\"?"), std::string::npos) << refused();
    write("p/pmx.yaml", "check: hard\n");
    EXPECT_NE(refused().find("accepted: none, stat, content"), std::string::npos) << refused();
    write("p/pmx.yaml", "offline: perhaps\n");
    EXPECT_NE(refused().find("accepted: true or false"), std::string::npos) << refused();
    write("p/pmx.yaml", "network-concurrency: [1, 2]\n");
    EXPECT_NE(refused().find("accepted: a whole number"), std::string::npos) << refused();
    std::filesystem::remove(dir_ + "/p/pmx.yaml");
    EXPECT_NE(refused({{"chekc", {"x"}}}).find("did you mean --check?"), std::string::npos);
    EXPECT_NE(refused({{"link-concurrency", {"-1"}}}).find("PMX_E_USAGE"), std::string::npos);
}

TEST_F(Folder, a_wrong_type_is_told_with_its_place_in_every_source) {
    const std::string number = "accepted: a whole number", yes_no = "accepted: true or false";
    auto says = [&](const std::string& path, const std::string& text, const std::string& where, const std::string& what) {
        write(path, text);
        std::string told = refused();
        EXPECT_NE(told.find("PMX_E_CONFIG"), std::string::npos) << told;
        EXPECT_NE(told.find(dir_ + "/" + path + where + "\n  " + what), std::string::npos) << told;
        std::filesystem::remove(dir_ + "/" + path);
    };
    says("home/.config/pmx/config.yaml", "\nnetwork-concurrency: many\n", ":2", number);
    says("home/.config/pmx/config.yaml", "store-dir: [a, b]\n", ":1", "accepted: a text");
    says("p/pmx.yaml", "offline: {a: b}\n", ":1", yes_no);
    says("p/pnpm-workspace.yaml", "networkConcurrency: -1\n", ":1", number);
    says("p/pnpm-workspace.yaml", "packages: 7\n", ":1", "accepted: a list of texts");
    says("p/pnpm-workspace.yaml", "registry: somewhere\n", ":1", "write http");
    says("p/.npmrc", "registry=somewhere\n", ":1", "write http");
    says("home/.npmrc", "x=y\n@s:registry=ftp://a\n", ":2", "write http");
    says("p/.npmrc", "strict-ssl=perhaps\n", ":1", yes_no);
    says("p/package.json", R"({"pnpm":{"overrides":7}})", ":1", "accepted: a map of texts");
    write("p/package.json", "{}");
    environment_["PMX_NETWORK_CONCURRENCY"] = "many";
    EXPECT_NE(refused().find("PMX_NETWORK_CONCURRENCY\n  " + number), std::string::npos);
    environment_.erase("PMX_NETWORK_CONCURRENCY");
    EXPECT_NE(refused({{"network-concurrency", {"many"}}}).find("--network-concurrency\n  " + number), std::string::npos);
}

TEST_F(Folder, a_registry_that_nobody_filled_in_is_none) {
    write("p/.npmrc", "registry=https://${HOST}/\n@s:registry=http://${HOST}\n");
    environment_["HOST"] = "registry.example";
    EXPECT_EQ(loaded().registry_for("a"), "");
    EXPECT_EQ(loaded().registry_for("@s/a"), "");
    EXPECT_EQ(loaded({{"registry", {"http://127.0.0.1:1"}}}).registry_for("a"), "http://127.0.0.1:1/");
    std::filesystem::rename(dir_ + "/p/.npmrc", dir_ + "/.npmrc");
    std::filesystem::create_directories(dir_ + "/home");
    std::filesystem::rename(dir_ + "/.npmrc", dir_ + "/home/.npmrc");
    EXPECT_EQ(loaded().registry_for("a"), "https://registry.example/");
}

TEST_F(Folder, the_tree_stays_below_the_root) {
    for (const char* path : {"..", "../x", "/etc", "a/../..", ".", "/"}) {
        EXPECT_NE(refused({{"modules-dir", {path}}}).find("PMX_E_USAGE"), std::string::npos) << path;
        write("p/pnpm-workspace.yaml", std::string("virtualStoreDir: '") + path + "'\n");
        EXPECT_NE(refused().find("pnpm-workspace.yaml:1\n  accepted: a directory below " + dir_ + "/p"), std::string::npos) << path;
        std::filesystem::remove(dir_ + "/p/pnpm-workspace.yaml");
    }
    EXPECT_EQ(loaded({{"virtual-store-dir", {dir_ + "/p/vs/"}}}).text("virtual-store-dir"), "vs");
    EXPECT_EQ(loaded({{"virtual-store-dir", {"./a/b"}}}).text("virtual-store-dir"), "a/b");
    EXPECT_EQ(loaded({{"modules-dir", {"mods"}}}).text("virtual-store-dir"), "mods/.pnpm");
}

TEST_F(Folder, a_project_never_chooses_native_code) {
    for (const char* line : {"linker: ./evil.so", "fetcher: sub/evil", "validator: [integrity, ./evil.so]", "plugin-path: [plugins]",
                             "allow-drafts: true", "import: /tmp/evil.so"}) {
        write("p/pmx.yaml", line);
        EXPECT_NE(refused().find("PMX_E_CONFIG"), std::string::npos) << line;
    }
    std::filesystem::remove(dir_ + "/p/pmx.yaml");
    write("p/pnpm-workspace.yaml", "nodeLinker: ./evil.so\n");
    EXPECT_NE(refused().find("native code"), std::string::npos);
    std::filesystem::remove(dir_ + "/p/pnpm-workspace.yaml");
    write("home/.config/pmx/config.yaml", "linker: ./mine.so\n");
    EXPECT_EQ(loaded().text("linker"), dir_ + "/home/.config/pmx/mine.so");
}

TEST_F(Folder, pnpms_linkers_and_structures) {
    write("p/pnpm-workspace.yaml",
          "packages: ['packages/*', '!**/test/**']\nenableGlobalVirtualStore: true\nnodeLinker: isolated\nfutureSetting: {a: 1}\n"
          "catalog: {react: ^18.0.0}\ncatalogs: {old: {react: ^17.0.0}}\noverrides: {foo: '1'}\nallowBuilds: {esbuild: true, core-js: false}\n"
          "supportedArchitectures: {os: [linux, current], cpu: x64}\npatchedDependencies: {foo@1: patches/foo.patch}\n"
          "registries: {default: 'https://registry.example', '@s': 'https://s.example/npm'}\nhoistPattern: []\n");
    Settings settings = loaded();
    EXPECT_EQ(settings.text("linker"), "global");
    EXPECT_EQ(settings.catalogs["default"]["react"], "^18.0.0");
    EXPECT_EQ(settings.catalogs["old"]["react"], "^17.0.0");
    EXPECT_TRUE(settings.allow_builds["esbuild"]);
    EXPECT_FALSE(settings.allow_builds["core-js"]);
    EXPECT_EQ(settings.supported_os, (std::vector<std::string>{"linux", "current"}));
    EXPECT_EQ(settings.supported_cpu, (std::vector<std::string>{"x64"}));
    EXPECT_EQ(settings.registry_for("@s/a"), "https://s.example/npm/");
    EXPECT_EQ(settings.registry_for("a"), "https://registry.example/");
    EXPECT_TRUE(settings.list("hoist-pattern").empty());
    EXPECT_EQ(settings.workspace_packages.size(), 2u);
    write("p/pnpm-workspace.yaml", "nodeLinker: pnp\n");
    EXPECT_NE(refused().find("pnp"), std::string::npos);
}

TEST_F(Folder, structures_that_resolving_needs) {
    write("p/package.json", R"({"dependencies": {"foo": "^1.2.0"}})");
    write("p/pnpm-workspace.yaml",
          "overrides: {foo: $foo, bar: 1.0.0}\npackageExtensions:\n  'b@1':\n    dependencies: {d: 1.0, e: '2'}\n    peerDependenciesMeta: {c: {optional: true}}\n"
          "peerDependencyRules: {ignoreMissing: [a], allowAny: ['@x/*'], allowedVersions: {react: '18', 'b>react': 17}}\n"
          "allowedDeprecatedVersions: {request: '*'}\nupdateConfig: {ignoreDependencies: [load-grunt]}\nnamedRegistries: {work: 'https://work.example/npm'}\n"
          "resolutionMode: time-based\nminimumReleaseAge: 60\nminimumReleaseAgeExclude: ['@s/*', a@1.0.0]\nlinkWorkspacePackages: deep\n"
          "saveWorkspaceProtocol: false\ncatalogMode: prefer\n");
    Settings settings = loaded();
    EXPECT_EQ(settings.overrides, (std::vector<std::pair<std::string, std::string>>{{"foo", "^1.2.0"}, {"bar", "1.0.0"}}));
    EXPECT_EQ(settings.package_extensions_json, R"({"b@1":{"dependencies":{"d":"1.0","e":"2"},"peerDependenciesMeta":{"c":{"optional":true}}}})");
    EXPECT_EQ(settings.peers_ignore_missing, std::vector<std::string>{"a"});
    EXPECT_EQ(settings.peers_allow_any, std::vector<std::string>{"@x/*"});
    EXPECT_EQ(settings.peers_allowed_versions, (std::vector<std::pair<std::string, std::string>>{{"react", "18"}, {"b>react", "17"}}));
    EXPECT_EQ(settings.allowed_deprecated_versions, (std::vector<std::pair<std::string, std::string>>{{"request", "*"}}));
    EXPECT_EQ(settings.update_ignored_dependencies, std::vector<std::string>{"load-grunt"});
    EXPECT_EQ(settings.named_registries["work"], "https://work.example/npm/");
    EXPECT_EQ(settings.text("resolution-mode"), "time-based");
    EXPECT_EQ(settings.integer("minimum-release-age"), 60);
    EXPECT_EQ(settings.list("minimum-release-age-exclude"), (std::vector<std::string>{"@s/*", "a@1.0.0"}));
    EXPECT_EQ(settings.text("link-workspace-packages"), "deep");
    EXPECT_EQ(settings.text("save-workspace-protocol"), "false");

    for (const char* wrong : {"catalog: {a: 1}\ncatalogs: {default: {b: 1}}\n", "overrides: {foo: $bar}\n", "packageExtensions: [1]\n", "peerDependencyRules: [1]\n",
                              "peerDependencyRules: {allowAny: {a: 1}}\n", "updateConfig: 1\n", "namedRegistries: {a: b}\n", "resolutionMode: newest\n",
                              "packageExtensions: {a: &a [*a]}\n"}) {
        write("p/pnpm-workspace.yaml", wrong);
        EXPECT_FALSE(load().has_value()) << wrong;
    }
    write("p/pnpm-workspace.yaml", "packageExtensions: " + std::string(200, '{') + std::string(200, '}'));
    EXPECT_FALSE(load().has_value());
}

TEST_F(Folder, hostile_yaml_is_an_error) {
    std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c < 'k'; ++c) {
        std::string before(1, static_cast<char>(c - 1)), name(1, c);
        bomb += name + ": &" + name + " [";
        for (int i = 0; i < 9; ++i) bomb += (i ? ", *" : "*") + before;
        bomb += "]\n";
    }
    for (const std::string& text : {std::string(20'000, '['), std::string(20'000, '{'), "packages: " + std::string(5'000, '['), std::string("packages: &a [*a]"),
                                    std::string("packages: {a: b}"), std::string("- a\n- b"), std::string("overrides: [1]"), std::string("? [a]\n: b"),
                                    std::string("catalogs: {a: [b]}"), std::string("\0\1\2", 3), std::string("a: *missing"), std::string("networkConcurrency: 99999999999999999999"),
                                    std::string("allowBuilds: {a: maybe}"), std::string("packages: !!binary x\n\tb: ]")}) {
        write("p/pnpm-workspace.yaml", text);
        auto settings = load();
        if (settings) continue;
        EXPECT_EQ(settings.error().code, Code::CONFIG) << text.substr(0, 40);
    }
    write("p/pnpm-workspace.yaml", bomb);
    EXPECT_TRUE(load().has_value());
    write("p/pnpm-workspace.yaml", bomb + "packages: *j\n");
    EXPECT_FALSE(load().has_value());
}

TEST_F(Folder, an_older_pnpm_kept_settings_in_package_json) {
    write("p/package.json", R"({"name":"p","pnpm":{"overrides":{"a":"1"},"onlyBuiltDependencies":["b"]}})");
    Settings settings = loaded();
    ASSERT_EQ(settings.overrides.size(), 1u);
    EXPECT_EQ(settings.overrides[0].second, "1");
    EXPECT_TRUE(settings.allow_builds["b"]);
}

TEST_F(Folder, the_environment_speaks_npm_too) {
    environment_["npm_config_registry"] = "http://127.0.0.1:4873";
    environment_["HTTPS_PROXY"] = "http://127.0.0.1:3128";
    environment_["NO_PROXY"] = "localhost";
    Settings settings = loaded();
    EXPECT_EQ(settings.registry_for("a"), "http://127.0.0.1:4873/");
    EXPECT_EQ(settings.transport("https://r.example/", "proxy"), "http://127.0.0.1:3128");
    EXPECT_EQ(settings.transport("https://localhost/", "proxy"), "");
    EXPECT_EQ(settings.transport("https://r.example/", "strict-ssl"), "true");
    EXPECT_EQ(loaded({{"registry", {"http://127.0.0.1:1/"}}}).registry_for("a"), "http://127.0.0.1:1/");
}

TEST_F(Folder, workspaces_are_found_upward_and_expanded) {
    for (const char* path : {"packages/a", "packages/b", "packages/.hidden", "packages/b/test/fixture", "packages/a/node_modules/x", "apps/one/deep", "other"})
        write(std::string("w/") + path + "/package.json", "{}");
    write("w/package.json", "{}");
    write("w/pnpm-workspace.yaml", "packages: ['packages/**', 'apps/{one,two}/*', '!**/test/**', '../p']\n");
    Settings settings = loaded({}, "w/packages/a");
    EXPECT_EQ(settings.root, dir_ + "/w");
    auto projects = workspace_projects(settings.root, settings.workspace_packages);
    ASSERT_TRUE(projects.has_value());
    std::vector<std::string> dirs;
    for (const WorkspaceProject& project : *projects) dirs.push_back(project.dir);
    EXPECT_EQ(dirs, (std::vector<std::string>{".", "apps/one/deep", "packages/a", "packages/b"}));
}

TEST_F(Folder, npm_workspaces_make_a_root) {
    write("n/package.json", R"({"workspaces":["packages/*"]})");
    write("n/packages/a/package.json", "{}");
    write("n/elsewhere/package.json", "{}");
    EXPECT_EQ(loaded({}, "n/packages/a").root, dir_ + "/n");
    EXPECT_EQ(loaded({}, "n/elsewhere").root, dir_ + "/n/elsewhere");
}

}  // namespace
}  // namespace pmx::test
