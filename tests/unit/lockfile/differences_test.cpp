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
    w.projects.push_back({"packages/b", "b", {}, {}});
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
            auto manifest = nlohmann::json::parse(slurp(root / "package.json"));
            if (manifest.contains("pnpm") && manifest["pnpm"].contains("overrides"))
                for (const auto& [key, value] : manifest["pnpm"]["overrides"].items())
                    settings.overrides.emplace_back(key, value.get<std::string>());
            YAML::Node workspace = YAML::Load(slurp(root / "pnpm-workspace.yaml"));
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
