#include <nlohmann/json.hpp>

#include "lockfile/lockfile.hpp"
#include "lockfile_cases.hpp"

namespace pmx {
namespace {

using namespace lockfile_cases;
using Json = nlohmann::ordered_json;

// Entries beside a root that depends on what `dependencies` says.
std::string lock(const Json& entries, const Json& root = Json::object(), int version = 3) {
    Json packages = {{"", root}};
    packages.update(entries);
    return Json{{"name", "x"}, {"version", "1.0.0"}, {"lockfileVersion", version}, {"requires", true}, {"packages", packages}}
        .dump(2);
}

Lockfile read(const std::string& text, const char* name = "package-lock.json") {
    auto lockfile = read_lockfile(name, text);
    EXPECT_TRUE(lockfile.has_value()) << (lockfile ? "" : to_string(lockfile.error()));
    return lockfile ? std::move(*lockfile) : Lockfile{};
}

Code code_of(const std::string& text) {
    auto lockfile = read_lockfile("package-lock.json", text);
    EXPECT_FALSE(lockfile.has_value()) << text;
    return lockfile ? Code::INTERNAL : lockfile.error().code;
}

// "alias -> target" of every edge.
template <class Node>
std::vector<std::string> edges(const Lockfile& l, const Node& of) {
    std::vector<std::string> out;
    for (const Edge* e = l.graph.begin_edges(of); e != l.graph.end_edges(of); ++e)
        out.push_back(std::string(e->alias) + " -> " +
                      std::string(e->target == kNoPackage ? e->link : l.graph.packages[e->target].id));
    return out;
}

const Package& package(const Lockfile& l, std::string_view id) {
    for (const Package& p : l.graph.packages)
        if (p.id == id) return p;
    ADD_FAILURE() << "no package " << id;
    static const Package none;
    return none;
}

std::vector<std::string> locations(const Lockfile& l) {
    std::vector<std::string> out;
    for (const Location& at : l.graph.locations)
        out.push_back(std::string(at.path) + " = " +
                      std::string(at.package == kNoPackage ? at.link : l.graph.packages[at.package].id));
    return out;
}

TEST(NpmLock, EdgesFollowNodesWalk) {
    Lockfile l = read(lock({{"node_modules/a", {{"version", "1.0.0"}, {"dependencies", {{"b", "1"}, {"c", "1"}}}}},
                            {"node_modules/a/node_modules/b", {{"version", "1.0.0"}, {"dependencies", {{"c", "1"}}}}},
                            {"node_modules/b", {{"version", "2.0.0"}}},
                            {"node_modules/c", {{"version", "1.0.0"}}},
                            {"node_modules/w", {{"resolved", "packages/w"}, {"link", true}}},
                            {"packages/w", {{"name", "w"}, {"version", "1.0.0"}, {"dependencies", {{"c", "2"}, {"b", "2"}}}}},
                            {"packages/w/node_modules/c", {{"version", "2.0.0"}, {"peerDependencies", {{"w", "1"}, {"no", "1"}}}}}},
                           {{"dependencies", {{"a", "1"}, {"w", "1"}}}, {"devDependencies", {{"b", "2"}}}}));
    EXPECT_EQ(edges(l, package(l, "a@1.0.0")), (std::vector<std::string>{"b -> b@1.0.0", "c -> c@1.0.0"}));
    EXPECT_EQ(edges(l, package(l, "b@1.0.0")), (std::vector<std::string>{"c -> c@1.0.0"}));
    EXPECT_EQ(edges(l, package(l, "c@2.0.0")), (std::vector<std::string>{"w -> packages/w"}));
    ASSERT_EQ(l.graph.projects.size(), 2u);
    EXPECT_EQ(l.graph.projects[0].dir, ".");
    EXPECT_EQ(edges(l, l.graph.projects[0]), (std::vector<std::string>{"a -> a@1.0.0", "b -> b@2.0.0", "w -> packages/w"}));
    EXPECT_EQ(edges(l, l.graph.projects[1]), (std::vector<std::string>{"b -> b@2.0.0", "c -> c@2.0.0"}));
    EXPECT_EQ(l.graph.projects[1].name, "w");
    EXPECT_FALSE(package(l, "b@2.0.0").dev_only) << "packages/w needs it too";
    EXPECT_EQ(locations(l), (std::vector<std::string>{"node_modules/a = a@1.0.0", "node_modules/a/node_modules/b = b@1.0.0",
                                                      "node_modules/b = b@2.0.0", "node_modules/c = c@1.0.0",
                                                      "node_modules/w = packages/w", "packages/w/node_modules/c = c@2.0.0"}));
}

TEST(NpmLock, OnePackagePerNameVersionAndDependencies) {
    Json p = {{"version", "1.0.0"}, {"integrity", "sha512-AAAA"}, {"dependencies", {{"d", "*"}}}};
    Lockfile l = read(lock({{"node_modules/a", {{"version", "1.0.0"}}},
                            {"node_modules/a/node_modules/d", {{"version", "1.0.0"}}},
                            {"node_modules/a/node_modules/p", p},
                            {"node_modules/b", {{"version", "1.0.0"}}},
                            {"node_modules/b/node_modules/d", {{"version", "2.0.0"}}},
                            {"node_modules/b/node_modules/p", p},
                            {"node_modules/c", {{"version", "1.0.0"}}},
                            {"node_modules/c/node_modules/d", {{"version", "1.0.0"}}},
                            {"node_modules/c/node_modules/p", p}}));
    EXPECT_EQ(edges(l, package(l, "p@1.0.0")), (std::vector<std::string>{"d -> d@1.0.0"}));
    EXPECT_EQ(edges(l, package(l, "p@1.0.0(2)")), (std::vector<std::string>{"d -> d@2.0.0"}));
    EXPECT_EQ(l.graph.packages.size(), 7u);
    EXPECT_EQ(l.graph.locations.size(), 9u);
    EXPECT_EQ(locations(l)[8], "node_modules/c/node_modules/p = p@1.0.0");
}

TEST(NpmLock, BundledPackagesComeInTheirParentsArchive) {
    Json bundled = {{"version", "1.0.0"}, {"inBundle", true}};
    Lockfile l = read(lock({{"node_modules/a", {{"version", "1.0.0"}, {"dependencies", {{"b", "1"}, {"c", "1"}}}, {"bundleDependencies", {"b"}}}},
                            {"node_modules/a/node_modules/b", bundled},
                            {"node_modules/c", {{"version", "1.0.0"}}}}));
    EXPECT_EQ(edges(l, package(l, "a@1.0.0")), (std::vector<std::string>{"c -> c@1.0.0"}));
    EXPECT_EQ(package(l, "a@1.0.0").bundled_count, 1u);
    EXPECT_EQ(l.graph.packages.size(), 2u);
    // What the root bundles for its own publishing has no archive to come from.
    Lockfile root = read(lock({{"node_modules/b", bundled}}, {{"dependencies", {{"b", "1"}}}, {"bundleDependencies", {"b"}}}));
    EXPECT_EQ(root.graph.locations.size(), 1u);
}

TEST(NpmLock, Resolutions) {
    Lockfile l = read(lock(
        {{"node_modules/al", {{"name", "@s/real"}, {"version", "1.0.0"}, {"resolved", "http://127.0.0.1/@s/real/-/real-1.0.0.tgz"},
                              {"integrity", "sha512-AAAA"}, {"hasInstallScript", true}, {"optional", true}, {"dev", true},
                              {"os", {"linux"}}, {"cpu", {"x64", "arm64"}}, {"libc", "glibc"}, {"engines", {{"node", ">=20"}}},
                              {"bin", {{"x", "x.js"}}}, {"deprecated", "old"}}},
         {"node_modules/git", {{"version", "2.0.0"}, {"resolved", "git+https://git.example/u/r.git#0123abcd"}, {"integrity", "sha512-BBBB"}}},
         {"node_modules/tar", {{"version", "1.0.0"}, {"resolved", "file:vendor/tar-1.0.0.tgz"}}},
         {"node_modules/dir", {{"version", "1.0.0"}, {"resolved", "file:./vendor/dir"}}},
         {"node_modules/url", {{"version", "1.0.0"}, {"resolved", "https://files.example/url.tgz"}}},
         {"node_modules/none", {{"version", "1.0.0"}, {"integrity", "sha512-CCCC"}}}}));
    const Package& real = package(l, "@s/real@1.0.0");
    EXPECT_EQ(real.resolution.kind, ResolutionKind::registry);
    EXPECT_EQ(real.resolution.tarball, "http://127.0.0.1/@s/real/-/real-1.0.0.tgz");
    EXPECT_TRUE(real.has_install_script && real.optional && real.has_bin);
    EXPECT_EQ(real.engines_node, ">=20");
    EXPECT_EQ(real.os_count + real.cpu_count + real.libc_count, 4u);
    EXPECT_EQ(real.deprecated, "old");
    const Package& git = package(l, "git@2.0.0");
    EXPECT_EQ(git.resolution.kind, ResolutionKind::git);
    EXPECT_EQ(git.resolution.repo, "https://git.example/u/r.git");
    EXPECT_EQ(git.resolution.commit, "0123abcd");
    EXPECT_EQ(package(l, "tar@1.0.0").resolution.kind, ResolutionKind::tarball);
    EXPECT_EQ(package(l, "dir@1.0.0").resolution.directory, "vendor/dir");
    EXPECT_EQ(package(l, "url@1.0.0").resolution.kind, ResolutionKind::tarball);
    EXPECT_EQ(package(l, "none@1.0.0").resolution.tarball, "");
}

TEST(NpmLock, RefusesWhatIsBrokenOrUnsafe) {
    EXPECT_EQ(code_of("{\"lockfileVersion\": 1, \"dependencies\": {}}"), Code::LOCKFILE_VERSION);
    EXPECT_EQ(code_of("{\"lockfileVersion\": 4, \"packages\": {}}"), Code::LOCKFILE_VERSION);
    EXPECT_EQ(code_of("{\"lockfileVersion\": 3, \"packages\": {}}"), Code::LOCKFILE_BROKEN);
    EXPECT_EQ(code_of("{\"lockfileVersion\": 3, \"pack"), Code::LOCKFILE_BROKEN);
    EXPECT_EQ(code_of("[]"), Code::LOCKFILE_BROKEN);
    EXPECT_EQ(code_of(""), Code::LOCKFILE_BROKEN);
    EXPECT_EQ(code_of("{\n<<<<<<< HEAD\n"), Code::LOCKFILE_CONFLICT);
    EXPECT_EQ(code_of(R"({"lockfileVersion": 3, "packages": {"": {}, "node_modules/a": {}, "node_modules/a": {}}})"),
              Code::LOCKFILE_BROKEN);
    Json entry = {{"version", "1.0.0"}};
    for (const char* path : {"../node_modules/a", "node_modules/../node_modules/a", "node_modules/..", "node_modules/.bin",
                             "node_modules//a", "node_modules/a/b", "/node_modules/a", "node_modules/a\\b", "/etc", "a/../b",
                             "node_modules/@a", "node_modules/a\nb"})
        EXPECT_EQ(code_of(lock({{path, entry}})), Code::UNSAFE_PATH) << path;
    EXPECT_EQ(code_of(lock({{"node_modules/a/node_modules/b", entry}})), Code::LOCKFILE_BROKEN) << "no parent";
    EXPECT_EQ(code_of(lock({{"node_modules/l", {{"resolved", "../x"}, {"link", true}}}, {"node_modules/l/node_modules/b", entry}})),
              Code::UNSAFE_PATH) << "through a link";
    EXPECT_EQ(code_of(lock({{"node_modules/a", {{"version", "../1"}}}})), Code::LOCKFILE_BROKEN);
    EXPECT_EQ(code_of(lock({{"node_modules/a", {{"version", "1.0.0"}, {"dependencies", {{"gone", "1"}}}}}})),
              Code::LOCKFILE_MISSING_DEPENDENCY);
    EXPECT_EQ(code_of(lock({{"node_modules/a", {{"version", "1.0.0"}, {"resolved", "git+ssh://h/r.git#--x"}}}})),
              Code::UNSAFE_PATH);
}

TEST(NpmLock, VersionTwoAndShrinkwrap) {
    Lockfile l = read(lock({{"node_modules/a", {{"version", "1.0.0"}}}}, Json::object(), 2), "npm-shrinkwrap.json");
    EXPECT_EQ(l.version, "2");
    EXPECT_EQ(l.file_name, "npm-shrinkwrap.json");
    EXPECT_EQ(l.format, LockfileFormat::npm);
    EXPECT_EQ(l.graph.packages.size(), 1u);
}

TEST(NpmLock, HiddenLockfileHoldsWhatWasInstalled) {
    Json entries = {{"local", {{"version", "1.0.0"}}},
                    {"node_modules/a", {{"version", "1.0.0"}, {"license", "MIT"}, {"engines", Json::object()}, {"x", {1, 2.5, nullptr}}}},
                    {"node_modules/a/node_modules/n", {{"version", "1.0.0"}}},
                    {"node_modules/local", {{"resolved", "local"}, {"link", true}}},
                    {"node_modules/o", {{"version", "1.0.0"}, {"optional", true}}},
                    {"node_modules/o/node_modules/n", {{"version", "1.0.0"}}}};
    Lockfile l = read(lock(entries, {{"name", "x"}}, 2));
    std::vector<std::uint32_t> skipped;
    for (std::uint32_t i = 0; i < l.graph.packages.size(); ++i)
        if (l.graph.packages[i].name == "o") skipped.push_back(i);
    entries.erase("node_modules/o");
    entries.erase("node_modules/o/node_modules/n");
    Json expected = {{"name", "x"}, {"version", "1.0.0"}, {"lockfileVersion", 3}, {"requires", true}, {"packages", entries}};
    EXPECT_EQ(npm_hidden_lockfile_text(l, skipped), expected.dump(2) + "\n");
}

TEST(NpmLock, FixturesPlaceEveryEntry) {
    PMX_NEEDS_SHARED("fixtures/projects");
    int count = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(shared("fixtures/projects"))) {
        if (file.path().filename() != "package-lock.json") continue;
        ++count;
        std::string text = slurp(file.path());
        Lockfile l = read(text);
        std::size_t places = 0;
        Json json = Json::parse(text);
        for (const auto& [path, entry] : json["packages"].items())
            places += path.find("node_modules/") != std::string::npos && !entry.value("inBundle", false);
        EXPECT_EQ(l.graph.locations.size(), places) << file.path();
        // Every edge of a package is found from each of its places, by its own walk through what lies there.
        std::map<std::string, std::string> at;
        for (const Location& location : l.graph.locations)
            at[std::string(location.path)] =
                location.package == kNoPackage ? std::string(location.link) : std::string(l.graph.packages[location.package].id);
        for (const Location& location : l.graph.locations) {
            if (location.package == kNoPackage) continue;
            for (const std::string& edge : edges(l, l.graph.packages[location.package])) {
                std::string alias = edge.substr(0, edge.find(" -> ")), found;
                for (std::filesystem::path dir(location.path); found.empty(); dir = dir.parent_path()) {
                    auto hit = at.find((dir / "node_modules" / alias).string());
                    if (hit != at.end()) found = hit->second;
                    if (dir.empty()) break;
                }
                EXPECT_EQ(alias + " -> " + found, edge) << location.path;
            }
        }
        for (std::size_t i = 1; i < l.graph.packages.size(); ++i)
            EXPECT_LT(l.graph.packages[i - 1].id, l.graph.packages[i].id);
    }
    EXPECT_GE(count, 4);
}

}  // namespace
}  // namespace pmx
