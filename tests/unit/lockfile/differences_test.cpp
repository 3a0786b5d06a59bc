#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "base/hash.hpp"
#include "lockfile/lockfile.hpp"
#include "lockfile_cases.hpp"

namespace pmx {
namespace {

using namespace lockfile_cases;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Lockfile read(const std::string& name, const std::string& text) {
    auto lockfile = read_lockfile(name, text);
    EXPECT_TRUE(lockfile.has_value()) << (lockfile ? "" : to_string(lockfile.error()));
    return lockfile ? std::move(*lockfile) : Lockfile{};
}

constexpr const char* kPnpm = R"(lockfileVersion: '9.0'
settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false
catalogs:
  default:
    used:
      specifier: ^1.0.0
      version: 1.0.0
overrides:
  forced: 2.0.0
  a@1>removed@<3: '-'
patchedDependencies:
  forced@2.0.0: abcd
importers:
  .:
    dependencies:
      forced:
        specifier: 2.0.0
        version: 2.0.0
      peer:
        specifier: ^1.0.0
        version: 1.0.0
    devDependencies:
      used:
        specifier: 'catalog:'
        version: 1.0.0
  packages/a:
    dependencies:
      peer:
        specifier: ^1.0.0
        version: 1.0.0
    dependenciesMeta:
      peer:
        injected: true
packages:
  forced@2.0.0:
    resolution: {integrity: sha512-AAAA}
  peer@1.0.0:
    resolution: {integrity: sha512-AAAA}
  used@1.0.0:
    resolution: {integrity: sha512-AAAA}
ignoredOptionalDependencies:
  - skip-*
snapshots:
  forced@2.0.0: {}
  peer@1.0.0: {}
  used@1.0.0: {}
)";

struct Wanted {
    std::vector<WantedProject> projects{
        {".", "root",
         {{"forced", "^1.0.0", EdgeKind::prod}, {"peer", "^1.0.0", EdgeKind::peer},
          {"used", "catalog:", EdgeKind::dev}, {"removed", "1.0.0", EdgeKind::prod},
          {"skip-me", "1.0.0", EdgeKind::optional}},
         {}},
        {"packages/a", "a", {{"peer", "^1.0.0", EdgeKind::prod}}, {"peer"}}};
    WantedSettings settings;
    Wanted() {
        settings.overrides = {{"forced", "2.0.0"}, {"a@1>removed@<3", "-"}};
        settings.patched = {{"forced@2.0.0", "abcd"}};
        settings.catalogs = {{"default", {{"used", "^1.0.0"}, {"unused", "1"}}}};
        settings.ignored_optional = {"skip-*"};
        settings.auto_install_peers = true;
    }
    std::vector<std::string> differences() const {
        return lockfile_differences(read("pnpm-lock.yaml", kPnpm), projects, settings);
    }
};

TEST(Differences, NoneWhereThePnpmLockfileFits) {
    EXPECT_THAT(Wanted().differences(), IsEmpty());
}

TEST(Differences, PnpmSpecifiersGroupsAndProjects) {
    Wanted w;
    w.projects[1].dependencies[0].specifier = "^2.0.0";
    w.projects[0].dependencies[2].kind = EdgeKind::prod;
    w.projects[0].dependencies.push_back({"new", "1.0.0", EdgeKind::prod});
    w.projects.push_back({"packages/b", "b", {{"peer", "*", EdgeKind::dev}}, {}});
    w.projects.push_back({"packages/c", "c", {{"peer", "*", EdgeKind::peer}}, {}});  // asks for nothing: no entry needed
    EXPECT_THAT(w.differences(),
                ElementsAre("new: package.json wants 1.0.0, the lockfile has none",
                            "used: package.json has it in dependencies, the lockfile in devDependencies",
                            "packages/a: peer: package.json wants ^2.0.0, the lockfile has ^1.0.0",
                            "packages/b: the lockfile does not hold this project"));
    Wanted gone;
    gone.projects[1].dependencies.clear();
    gone.projects[1].injected.clear();
    EXPECT_THAT(gone.differences(),
                ElementsAre("packages/a: peer: package.json does not ask for it, the lockfile has ^1.0.0",
                            "packages/a: peer: the lockfile has it injected, package.json does not"));
}

TEST(Differences, PnpmSettings) {
    Wanted w;
    w.settings.overrides[0].second = "3.0.0";
    w.settings.patched.clear();
    w.settings.catalogs["default"]["used"] = "^2.0.0";
    w.settings.ignored_optional.clear();
    w.settings.auto_install_peers = false;
    EXPECT_THAT(w.differences(),
                ElementsAre("settings: autoInstallPeers is false, the lockfile was made with true",
                            "overrides: forced: wanted 3.0.0, the lockfile has 2.0.0",
                            "patchedDependencies: forced@2.0.0: not wanted, the lockfile has abcd",
                            "catalogs: default: used: wanted ^2.0.0, the lockfile has ^1.0.0",
                            "ignoredOptionalDependencies: skip-*: not wanted, the lockfile was made with it"));
    Wanted dollar;
    dollar.settings.overrides[0].second = "$pinned";
    dollar.projects[0].dependencies.push_back({"pinned", "2.0.0", EdgeKind::dev});
    EXPECT_THAT(dollar.differences(), ElementsAre("pinned: package.json wants 2.0.0, the lockfile has none"));
}

// Asked of pnpm 12.21 with --frozen-lockfile: what it calls LOCKFILE_CONFIG_MISMATCH.
TEST(Differences, PnpmSettingsThatAreNotRecordedHaveTheirDefaults) {
    Wanted w;
    w.settings.inject_workspace_packages = w.settings.dedupe_peers = w.settings.exclude_links_from_lockfile = false;
    w.settings.peers_suffix_max_length = 1000;
    w.settings.package_extensions_checksum = w.settings.pnpmfile_checksum = "";
    EXPECT_THAT(w.differences(), IsEmpty());
    w.settings.inject_workspace_packages = w.settings.dedupe_peers = true;
    w.settings.peers_suffix_max_length = 20;
    w.settings.package_extensions_checksum = "sha256-a";
    w.settings.pnpmfile_checksum = "sha256-b";
    EXPECT_THAT(w.differences(),
                ElementsAre("settings: injectWorkspacePackages is true, the lockfile was made with false",
                            "settings: dedupePeers is true, the lockfile was made with false",
                            "settings: peersSuffixMaxLength is 20, the lockfile was made with 1000",
                            "packageExtensionsChecksum: wanted sha256-a, the lockfile has none",
                            "pnpmfileChecksum: wanted sha256-b, the lockfile has none"));
    // A lockfile without settings says nothing of them.
    Lockfile bare = read("pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporters:\n  .: {}\n");
    WantedSettings settings;
    settings.auto_install_peers = false;
    settings.exclude_links_from_lockfile = true;
    EXPECT_THAT(lockfile_differences(bare, {{".", "root", {}, {}}}, settings), IsEmpty());
}

std::string pinned(const std::string& name, const std::string& specifier, const std::string& version) {
    std::string key = version.starts_with("link:") ? "" : name + "@" + version.substr(0, version.find('('));
    return "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      " + name + ":\n        specifier: '" +
           specifier + "'\n        version: '" + version + "'\n  lib: {}\n" +
           (key.empty() ? "" : "packages:\n  '" + key + "':\n    resolution: {integrity: sha512-AAAA}\nsnapshots:\n  '" +
                                   name + "@" + version + "': {}\n");
}

TEST(Differences, ThePnpmVersionMustBeWithinTheRange) {
    auto differences = [](const char* specifier, const char* version) {
        return lockfile_differences(read("pnpm-lock.yaml", pinned("a", specifier, version)),
                                    {{".", "root", {{"a", specifier, EdgeKind::prod}}, {}}}, {});
    };
    for (auto [specifier, version] : {std::pair("^1.0.0", "1.2.0"), {"*", "1.0.0-rc.1"}, {"", "1.0.0-rc.1"}, {"latest", "2.0.0"},
                                      {"catalog:", "2.0.0"}, {"^1.0.0-rc.0", "1.0.0-rc.1"}, {"^1.0.0", "1.0.0(b@1.0.0)"}})
        EXPECT_THAT(differences(specifier, version), IsEmpty()) << specifier << " " << version;
    EXPECT_THAT(differences("^1.0.0", "2.0.0"), ElementsAre("a: ^1.0.0 does not allow 2.0.0, which the lockfile has"));
    for (auto [specifier, version] : {std::pair("^1.0.0", "1.2.0-beta.1"), {"v1", "2.0.0"}, {"^1.0.0", "2.0.0(b@1.0.0)"}})
        EXPECT_EQ(differences(specifier, version).size(), 1u) << specifier << " " << version;
}

TEST(Differences, ALinkedPnpmProjectMustBeWithinTheRange) {
    auto differences = [](const char* specifier, const char* version) {
        std::vector<WantedProject> projects{{".", "root", {{"lib", specifier, EdgeKind::prod}}, {}}, {"lib", "lib", {}, {}}};
        projects[1].version = version;
        return lockfile_differences(read("pnpm-lock.yaml", pinned("lib", specifier, "link:lib")), projects, {});
    };
    for (const char* specifier : {"workspace:*", "workspace:^", "workspace:~", "workspace:../lib", "workspace:>=1 <3",
                                  "workspace:latest", "workspace:lib@*", "link:lib", "file:lib", "^2.0.0"})
        EXPECT_THAT(differences(specifier, "2.0.0"), IsEmpty()) << specifier;
    EXPECT_THAT(differences("workspace:*", ""), IsEmpty());
    EXPECT_THAT(differences("workspace:^1.0.0", "2.0.0"),
                ElementsAre("lib: workspace:^1.0.0 does not allow 2.0.0, the version of lib"));
    for (auto [specifier, version] : {std::pair("workspace:1", "2.0.0"), {"workspace:lib@^1.0.0", "2.0.0"}, {"^1.0.0", "2.0.0"},
                                      {"workspace:^1.0.0", "1.2.0-beta"}, {"workspace:^1.0.0", ""}})
        EXPECT_EQ(differences(specifier, version).size(), 1u) << specifier << " " << version;
}

TEST(Differences, AnOverrideIsOnlyAboutItsRange) {
    Lockfile l = read("pnpm-lock.yaml", R"(lockfileVersion: '9.0'
settings:
  autoInstallPeers: true
overrides:
  q@^1: 2.0.0
importers:
  .:
    dependencies:
      q:
        specifier: 2.0.0
        version: 2.0.0
packages:
  q@2.0.0:
    resolution: {integrity: sha512-AAAA}
snapshots:
  q@2.0.0: {}
)");
    WantedSettings settings;
    settings.overrides = {{"q@^1", "2.0.0"}};
    auto differences = [&](const char* specifier) {
        return lockfile_differences(l, {{".", "root", {{"q", specifier, EdgeKind::prod}}, {}}}, settings);
    };
    for (const char* specifier : {"1", ">=1", ">=1.1"}) EXPECT_THAT(differences(specifier), IsEmpty()) << specifier;
    for (const char* specifier : {"2", "latest"})
        EXPECT_THAT(differences(specifier), ElementsAre("q: package.json wants " + std::string(specifier) +
                                                        ", the lockfile has 2.0.0"));
}

TEST(Differences, AnIgnoredOptionalDependencyIsNotWantedInAnyGroup) {
    Wanted w;
    w.projects[0].dependencies.push_back({"skip-me", "1.0.0", EdgeKind::prod});
    EXPECT_THAT(w.differences(), IsEmpty());
    w.projects[1].dependencies.push_back({"skip-me", "1.0.0", EdgeKind::prod});  // not optional there
    EXPECT_THAT(w.differences(), ElementsAre("packages/a: skip-me: package.json wants 1.0.0, the lockfile has none"));
}

TEST(Differences, AllOfDependenciesMeta) {
    Wanted w;
    w.projects[1].injected.clear();  // does not count then
    w.projects[1].dependencies_meta = {{"peer", "injected", "true"}};
    EXPECT_THAT(w.differences(), IsEmpty());
    w.projects[1].dependencies_meta = {{"peer", "built", "false"}};
    EXPECT_THAT(w.differences(), ElementsAre("packages/a: dependenciesMeta: peer.built: wanted false, the lockfile has none",
                                             "packages/a: dependenciesMeta: peer.injected: not wanted, the lockfile has true"));
}

TEST(Differences, PublishDirectories) {
    Wanted w;
    w.projects[0].publish_directory = "";
    EXPECT_THAT(w.differences(), IsEmpty());
    w.projects[1].publish_directory = "dist";
    EXPECT_THAT(w.differences(), ElementsAre("packages/a: publishConfig.directory: wanted dist, the lockfile has none"));
}

TEST(Differences, ManifestsOfPnpmDirectories) {
    Lockfile l = read("pnpm-lock.yaml", R"(lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      dd:
        specifier: file:dd
        version: file:dd(p@1.0.0)
packages:
  a@1.1.0:
    resolution: {integrity: sha512-AAAA}
  dd@file:dd:
    resolution: {directory: dd, type: directory}
    peerDependencies:
      p: '*'
  p@1.0.0:
    resolution: {integrity: sha512-AAAA}
snapshots:
  a@1.1.0: {}
  dd@file:dd(p@1.0.0):
    dependencies:
      a: 1.1.0
      p: 1.0.0
  p@1.0.0: {}
)");
    auto differences = [&](std::vector<WantedDependency> dependencies) {
        WantedSettings settings;
        settings.directories = {{"dd", "dd", std::move(dependencies), {}}, {"not-there", "x", {}, {}}};
        return lockfile_differences(l, {{".", "root", {{"dd", "file:dd", EdgeKind::prod}}, {}}}, settings);
    };
    WantedDependency a{"a", "1", EdgeKind::prod}, p{"p", "*", EdgeKind::peer};
    EXPECT_THAT(differences({a, p}), IsEmpty());
    EXPECT_THAT(differences({{"a", ">=1", EdgeKind::prod}, p, {"d", "1", EdgeKind::dev}, {"o", "1", EdgeKind::optional}}), IsEmpty());
    EXPECT_THAT(differences({{"a", "2", EdgeKind::prod}, p}), ElementsAre("dd: a: package.json wants 2, the lockfile has 1.1.0"));
    EXPECT_THAT(differences({a, p, {"b", "1", EdgeKind::prod}}), ElementsAre("dd: b: package.json wants 1, the lockfile has none"));
    EXPECT_THAT(differences({p}), ElementsAre("dd: a: package.json does not ask for it, the lockfile has it"));
    EXPECT_THAT(differences({a}), ElementsAre("dd: p: the lockfile has it as a peer, package.json does not"));
    EXPECT_THAT(differences({a, p, {"q", "*", EdgeKind::peer}}),
                ElementsAre("dd: q: package.json has it as a peer, the lockfile does not"));
}

TEST(Differences, Npm) {
    Lockfile l = read("package-lock.json", R"({"lockfileVersion": 3, "packages": {
        "": {"dependencies": {"a": "^1.0.0"}, "devDependencies": {"p": "1"}, "peerDependencies": {"p": "1"}},
        "packages/w": {"name": "w", "version": "1.0.0", "dependencies": {"a": "^1.0.0"}},
        "node_modules/a": {"version": "1.0.0"}, "node_modules/p": {"version": "1.0.0"},
        "node_modules/w": {"resolved": "packages/w", "link": true}}})");
    std::vector<WantedProject> projects{
        {".", "", {{"a", "^1.0.0", EdgeKind::prod}, {"p", "1", EdgeKind::peer}, {"p", "1", EdgeKind::dev}}, {}},
        {"packages/w", "w", {{"a", "^1.0.0", EdgeKind::prod}}, {}}};
    EXPECT_THAT(lockfile_differences(l, projects, {}), IsEmpty());
    projects[1].dependencies[0].specifier = "^2.0.0";
    projects[0].dependencies.erase(projects[0].dependencies.begin());
    EXPECT_THAT(lockfile_differences(l, projects, {}),
                ElementsAre("a: package.json does not ask for it, the lockfile has ^1.0.0",
                            "packages/w: a: package.json wants ^2.0.0, the lockfile has ^1.0.0"));
}

WantedProject wanted_project(const std::filesystem::path& root, std::string_view dir) {
    auto manifest = nlohmann::json::parse(slurp(root / dir / "package.json"));
    WantedProject project;
    project.dir = dir;
    for (auto [key, kind] : {std::pair("dependencies", EdgeKind::prod), {"devDependencies", EdgeKind::dev},
                             {"optionalDependencies", EdgeKind::optional}, {"peerDependencies", EdgeKind::peer}})
        if (manifest.contains(key))
            for (const auto& [name, specifier] : manifest[key].items())
                project.dependencies.push_back({name, specifier.get<std::string>(), kind});
    if (manifest.contains("dependenciesMeta"))
        for (const auto& [name, meta] : manifest["dependenciesMeta"].items())
            if (meta.value("injected", false)) project.injected.push_back(name);
    project.version = manifest.value("version", "");
    auto parsed = parse_manifest(slurp(root / dir / "package.json"), "package.json");
    EXPECT_TRUE(parsed.has_value());
    project.dependencies_meta = parsed->dependencies_meta;
    project.publish_directory = manifest.value("publishConfig", nlohmann::json::object()).value("directory", "");
    return project;
}

TEST(Differences, NoneInTheFixtures) {
    PMX_NEEDS_SHARED("fixtures/projects");
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(shared("fixtures/projects"))) {
        std::filesystem::path root = entry.path();
        for (const char* name : {"pnpm-lock.yaml", "package-lock.json"}) {
            if (!std::filesystem::exists(root / name)) continue;
            Lockfile l = read(name, slurp(root / name));
            std::vector<WantedProject> projects;
            for (const LockedProject& p : l.projects)
                if (std::filesystem::exists(root / p.dir / "package.json"))
                    projects.push_back(wanted_project(root, p.dir));
            WantedSettings settings;
            settings.package_extensions_checksum = l.package_extensions_checksum;
            settings.auto_install_peers = true;
            settings.exclude_links_from_lockfile = settings.inject_workspace_packages = false;
            settings.peers_suffix_max_length = 1000;
            auto manifest = nlohmann::json::parse(slurp(root / "package.json"));
            if (manifest.contains("pnpm") && manifest["pnpm"].contains("overrides"))
                for (const auto& [key, value] : manifest["pnpm"]["overrides"].items())
                    settings.overrides.emplace_back(key, value.get<std::string>());
            YAML::Node workspace = YAML::Load(slurp(root / "pnpm-workspace.yaml"));
            settings.dedupe_peers = workspace["dedupePeers"].as<bool>(false);
            for (const auto& o : workspace["overrides"])
                settings.overrides.emplace_back(o.first.as<std::string>(), o.second.as<std::string>());
            for (const auto& c : workspace["catalog"])
                settings.catalogs["default"][c.first.as<std::string>()] = c.second.as<std::string>();
            for (const auto& group : workspace["catalogs"])
                for (const auto& c : group.second)
                    settings.catalogs[group.first.as<std::string>()][c.first.as<std::string>()] = c.second.as<std::string>();
            for (const auto& p : workspace["patchedDependencies"])
                settings.patched.emplace_back(p.first.as<std::string>(), sha256_hex(slurp(root / p.second.as<std::string>())));
            EXPECT_THAT(lockfile_differences(l, projects, settings), IsEmpty()) << root;
            EXPECT_FALSE(projects.empty());
            ++count;
        }
    }
    EXPECT_GE(count, 12);
}

}  // namespace
}  // namespace pmx
