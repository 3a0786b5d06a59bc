// npm's placing: who ends up where, and why. Compared with the real npm by tests/interop/resolve.py; here are the rules
// one by one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/vectors.hpp"
#include "resolve/npm_resolve.hpp"

namespace pmx {
namespace {

using test::Json;
using ::testing::HasSubstr;
using ::testing::Not;

std::string document(const std::string& name, const Json& versions) {
    Json out = {{"name", name}, {"dist-tags", Json::object()}, {"versions", Json::object()}};
    for (const auto& [version, manifest] : versions.items()) {
        if (version == "#tags") {
            out["dist-tags"] = manifest;
            continue;
        }
        Json entry = manifest;
        entry["name"] = name;
        entry["version"] = version;
        entry["dist"] = {{"integrity", "sha512-" + name + version}, {"tarball", "https://registry.example/" + name + "/-/" + name + "-" + version + ".tgz"}};
        out["versions"][version] = entry;
        if (!versions.contains("#tags")) out["dist-tags"]["latest"] = version;  // they are written in order
    }
    return out.dump();
}

struct NpmRun {
    Policy policy;
    UpdateScope update;
    std::string text;  // the lockfile that came out
    std::vector<std::string> asked, dropped;
    std::vector<PeerIssue> issues;
    std::string lock = R"({"name":"app","version":"1.0.0","lockfileVersion":3,"requires":true,"packages":{"":{"name":"app","version":"1.0.0"}}})";

    // One line a place: "node_modules/a 1.0.0 dev"; or the error.
    std::string operator()(const Json& packages, const Json& projects) {
        Settings settings;
        settings.values["registry"] = {{"https://registry.example/"}, Source::flag, "--registry"};
        TreeInput input;
        input.root = "/nowhere";
        for (const auto& [dir, manifest] : projects.items()) {
            auto parsed = parse_manifest(manifest.dump(), dir);
            if (!parsed) return to_string(parsed.error());
            input.projects.push_back({dir, *parsed});
        }
        auto wanted = read_lockfile("package-lock.json", lock);
        if (!wanted) return to_string(wanted.error());
        if (auto records = read_records(*wanted); !records) return to_string(records.error());
        Packuments packuments(settings, {}, [&](MetadataRequest request, std::function<void(Result<MetadataAnswer>)> done) {
            MetadataAnswer answer;
            asked.push_back(request.subject);
            answer.status = packages.contains(request.subject) ? 200 : 404;
            if (answer.status == 200) answer.body = document(request.subject, packages[request.subject]);
            done(std::move(answer));
        });
        input.policy = &policy;
        input.settings = &settings;
        input.packuments = &packuments;
        input.wanted = &*wanted;
        input.update = update;
        auto resolved = resolve_npm(input);
        if (!resolved) return to_string(resolved.error());
        text = npm_lockfile_text(resolved->lockfile, {});
        dropped = resolved->unresolved_optional;
        issues = resolved->issues;
        std::string out;
        for (const NpmEntry& entry : resolved->lockfile.entries) {
            if (entry.path.empty()) continue;
            out += std::string(entry.path) + " " + (entry.link ? "-> " + std::string(entry.resolved) : std::string(entry.version));
            if (entry.dev) out += " dev";
            if (entry.optional) out += " optional";
            if (entry.dev_optional) out += " devOptional";
            if (entry.peer) out += " peer";
            out += '\n';
        }
        return out;
    }
    std::string operator()(const Json& packages, const Json& dependencies, const char* group) {
        return (*this)(packages, {{".", {{"name", "app"}, {"version", "1.0.0"}, {group, dependencies}}}});
    }
};

Json needs(Json dependencies) { return {{"dependencies", std::move(dependencies)}}; }
const Json kNothing = Json::object();

TEST(NpmResolve, goes_as_high_as_it_can) {
    NpmRun run;
    Json packages = {{"a", {{"1.0.0", needs({{"x", "^1.0.0"}})}}}, {"b", {{"1.0.0", needs({{"x", "^2.0.0"}})}}}, {"c", {{"1.0.0", needs({{"x", "^2.0.0"}})}}},
                     {"x", {{"1.0.0", kNothing}, {"1.1.0", kNothing}, {"2.0.0", kNothing}}}};
    EXPECT_EQ(run(packages, {{"a", "1"}, {"b", "1"}, {"c", "1"}}, "dependencies"),
              "node_modules/a 1.0.0\nnode_modules/b 1.0.0\nnode_modules/b/node_modules/x 2.0.0\nnode_modules/c 1.0.0\nnode_modules/c/node_modules/x 2.0.0\n"
              "node_modules/x 1.1.0\n");
}

TEST(NpmResolve, a_projects_own_version_has_the_top) {
    NpmRun run;
    Json packages = {{"a", {{"1.0.0", needs({{"x", "^1.0.0"}})}}}, {"x", {{"1.0.0", kNothing}, {"2.0.0", kNothing}}}};
    EXPECT_EQ(run(packages, {{"a", "1"}, {"x", "2"}}, "dependencies"),
              "node_modules/a 1.0.0\nnode_modules/a/node_modules/x 1.0.0\nnode_modules/x 2.0.0\n");
}

TEST(NpmResolve, says_who_is_for_development_or_optional) {
    NpmRun run;
    Json packages = {{"a", {{"1.0.0", needs({{"x", "1"}, {"y", "1"}})}}}, {"b", {{"1.0.0", needs({{"x", "1"}})}}}, {"c", {{"1.0.0", needs({{"y", "1"}, {"z", "1"}})}}},
                     {"x", {{"1.0.0", kNothing}}}, {"y", {{"1.0.0", kNothing}}}, {"z", {{"1.0.0", kNothing}}}};
    EXPECT_EQ(run(packages, {{".", {{"dependencies", {{"b", "1"}}}, {"devDependencies", {{"a", "1"}}}, {"optionalDependencies", {{"c", "1"}}}}}}),
              "node_modules/a 1.0.0 dev\nnode_modules/b 1.0.0\nnode_modules/c 1.0.0 optional\nnode_modules/x 1.0.0\nnode_modules/y 1.0.0 devOptional\n"
              "node_modules/z 1.0.0 optional\n");
}

TEST(NpmResolve, installs_peers_where_all_find_them) {
    NpmRun run;
    Json packages = {{"plugin", {{"1.0.0", {{"peerDependencies", {{"host", "^1.0.0"}}}}}}}, {"host", {{"1.0.0", kNothing}, {"1.5.0", kNothing}, {"2.0.0", kNothing}}}};
    EXPECT_EQ(run(packages, {{"plugin", "1"}}, "dependencies"), "node_modules/host 1.5.0 peer\nnode_modules/plugin 1.0.0\n");
    EXPECT_EQ(run(packages, {{"plugin", "1"}, {"host", "1.0.0"}}, "dependencies"), "node_modules/host 1.0.0\nnode_modules/plugin 1.0.0\n");
    Json optional = packages;
    optional["plugin"]["1.0.0"]["peerDependenciesMeta"] = {{"host", {{"optional", true}}}};
    EXPECT_EQ(run(optional, {{"plugin", "1"}}, "dependencies"), "node_modules/plugin 1.0.0\n");
}

TEST(NpmResolve, peers_that_exclude_each_other_are_an_error_of_the_project) {
    NpmRun run;
    Json packages = {{"plugin", {{"1.0.0", {{"peerDependencies", {{"host", "^1.0.0"}}}}}}}, {"host", {{"1.0.0", kNothing}, {"2.0.0", kNothing}}},
                     {"kit", {{"1.0.0", {{"dependencies", {{"plugin", "1"}}}, {"peerDependencies", {{"host", "^2.0.0"}}}}}}}};
    std::string error = run(packages, {{"plugin", "1"}, {"host", "2"}}, "dependencies");
    EXPECT_THAT(error, HasSubstr("PMX_E_PEERS"));
    EXPECT_THAT(error, HasSubstr("plugin@1.0.0 wants peer host@^1.0.0"));
    // Between packages it is told, and no more.
    EXPECT_THAT(run(packages, {{"kit", "1"}, {"host", "2"}}, "dependencies"), Not(HasSubstr("PMX_E")));
    ASSERT_EQ(run.issues.size(), 1u);
    EXPECT_EQ(run.issues[0].peer, "host");
}

TEST(NpmResolve, a_set_of_peers_nests_together) {
    NpmRun run;
    Json packages = {{"plugin", {{"1.0.0", {{"peerDependencies", {{"host", "^1.0.0"}}}}}}}, {"host", {{"1.0.0", kNothing}, {"2.0.0", kNothing}}},
                     {"kit", {{"1.0.0", needs({{"plugin", "1"}, {"host", "^1.0.0"}})}}}};
    EXPECT_EQ(run(packages, {{"kit", "1"}, {"host", "2"}}, "dependencies"),
              "node_modules/host 2.0.0\nnode_modules/kit 1.0.0\nnode_modules/kit/node_modules/host 1.0.0\nnode_modules/kit/node_modules/plugin 1.0.0\n");
}

TEST(NpmResolve, cycles_of_peers_come_to_rest) {
    NpmRun run;
    Json packages = {{"a", {{"1.0.0", {{"peerDependencies", {{"b", "1"}}}}}}}, {"b", {{"1.0.0", {{"peerDependencies", {{"c", "1"}}}}}}},
                     {"c", {{"1.0.0", {{"peerDependencies", {{"a", "1"}}}, {"dependencies", {{"a", "1"}}}}}}}};
    EXPECT_EQ(run(packages, {{"a", "1"}}, "dependencies"), "node_modules/a 1.0.0\nnode_modules/b 1.0.0 peer\nnode_modules/c 1.0.0 peer\n");
}

TEST(NpmResolve, what_is_optional_may_be_missing) {
    NpmRun run;
    Json packages = {{"a", {{"1.0.0", {{"optionalDependencies", {{"gone", "1"}, {"x", "9"}}}}}}}, {"x", {{"1.0.0", kNothing}}}};
    EXPECT_EQ(run(packages, {{"a", "1"}}, "dependencies"), "node_modules/a 1.0.0\n");
    EXPECT_EQ(run.dropped, (std::vector<std::string>{"gone@1", "x@9"}));
    EXPECT_THAT(run(packages, {{"x", "9"}}, "dependencies"), HasSubstr("PMX_E_NO_MATCHING_VERSION"));
    EXPECT_THAT(run(packages, {{"gone", "1"}}, "dependencies"), HasSubstr("PMX_E_FETCH_NOT_FOUND"));
}

TEST(NpmResolve, overrides_count_where_they_are_named) {
    NpmRun run;
    Json packages = {{"a", {{"1.0.0", needs({{"x", "^1.0.0"}})}}}, {"b", {{"1.0.0", needs({{"x", "^1.0.0"}})}}}, {"x", {{"1.0.0", kNothing}, {"1.2.0", kNothing}, {"2.0.0", kNothing}}}};
    auto with = [](Json overrides) { return Json{{".", {{"dependencies", {{"a", "1"}, {"b", "1"}}}, {"overrides", std::move(overrides)}}}}; };
    EXPECT_EQ(run(packages, with({{"x", "2.0.0"}})), "node_modules/a 1.0.0\nnode_modules/b 1.0.0\nnode_modules/x 2.0.0\n");
    EXPECT_EQ(run(packages, with({{"b", {{"x", "2.0.0"}}}})), "node_modules/a 1.0.0\nnode_modules/b 1.0.0\nnode_modules/b/node_modules/x 2.0.0\nnode_modules/x 1.2.0\n");
    EXPECT_EQ(run(packages, with({{"x@^3", "2.0.0"}})), "node_modules/a 1.0.0\nnode_modules/b 1.0.0\nnode_modules/x 1.2.0\n");
    EXPECT_EQ(run(packages, {{".", {{"dependencies", {{"a", "1"}}}, {"devDependencies", {{"x", "1.0.0"}}}, {"overrides", {{"x", "$x"}}}}}}), "node_modules/a 1.0.0\nnode_modules/x 1.0.0\n");
    EXPECT_THAT(run(packages, with({{"x", 7}})), HasSubstr("PMX_E_CONFIG"));
}

TEST(NpmResolve, workspaces_are_links) {
    NpmRun run;
    Json packages = {{"x", {{"1.0.0", kNothing}, {"2.0.0", kNothing}}}, {"lib", {{"7.0.0", kNothing}}}};
    EXPECT_EQ(run(packages, {{".", {{"name", "app"}, {"workspaces", {"packages/*"}}, {"dependencies", {{"x", "1"}}}}},
                             {"packages/app", {{"name", "the-app"}, {"version", "1.0.0"}, {"dependencies", {{"lib", "^1.0.0"}, {"x", "2"}}}}},
                             {"packages/lib", {{"name", "lib"}, {"version", "1.3.0"}, {"devDependencies", {{"x", "1"}}}}}}),
              "node_modules/lib -> packages/lib\nnode_modules/the-app -> packages/app\nnode_modules/x 1.0.0\n"
              "packages/app 1.0.0\npackages/app/node_modules/x 2.0.0\npackages/lib 1.3.0\n");
    EXPECT_THAT(run.text, HasSubstr("\"packages/app\": {\n      \"name\": \"the-app\",\n"));
}

TEST(NpmResolve, an_alias_is_whatever_stands_under_its_name) {
    NpmRun run;
    Json packages = {{"a", {{"1.0.0", needs({{"x", "npm:y@1 || 2"}})}}}, {"x", {{"1.0.0", kNothing}}}, {"y", {{"2.0.0", kNothing}}}};
    EXPECT_EQ(run(packages, {{"a", "1"}, {"x", "1"}}, "dependencies"), "node_modules/a 1.0.0\nnode_modules/x 1.0.0\n");
    EXPECT_EQ(run(packages, {{"a", "1"}}, "dependencies"), "node_modules/a 1.0.0\nnode_modules/x 2.0.0\n");
    EXPECT_THAT(run.text, HasSubstr("\"name\": \"y\""));
}

TEST(NpmResolve, what_failed_says_nothing_of_its_namesake) {
    NpmRun run;
    Json packages = {{"a", {{"1.0.0", {{"optionalDependencies", {{"x", "^9.0.0"}}}}}}}, {"x", {{"1.0.0", kNothing}}}};
    EXPECT_EQ(run(packages, {{".", {{"dependencies", {{"a", "1"}}}, {"devDependencies", {{"x", "1"}}}}}}), "node_modules/a 1.0.0\nnode_modules/x 1.0.0 dev\n");
}

TEST(NpmResolve, an_override_does_not_contradict_the_project) {
    NpmRun run;
    Json packages = {{"x", {{"1.0.0", kNothing}, {"2.0.0", kNothing}}}};
    EXPECT_THAT(run(packages, {{".", {{"dependencies", {{"x", "1"}}}, {"overrides", {{"x", "2.0.0"}}}}}}), HasSubstr("PMX_E_CONFIG"));
    EXPECT_EQ(run(packages, {{".", {{"dependencies", {{"x", "1"}}}, {"overrides", {{"x", "$x"}}}}}}), "node_modules/x 1.0.0\n");
}

TEST(NpmResolve, a_project_has_its_turn_after_the_root) {
    NpmRun run;
    Json packages = {{"a", {{"1.0.0", kNothing}, {"2.0.0", kNothing}}}, {"b", {{"1.0.0", needs({{"a", "1"}})}}}, {"c", {{"1.0.0", kNothing}, {"2.0.0", needs({{"b", "1"}})}}}};
    EXPECT_EQ(run(packages, {{".", {{"dependencies", {{"c", "2"}}}}}, {"p", {{"name", "p"}, {"dependencies", {{"a", "2"}, {"c", "1"}}}}}}),
              "node_modules/a 1.0.0\nnode_modules/b 1.0.0\nnode_modules/c 2.0.0\nnode_modules/p -> p\np \np/node_modules/a 2.0.0\np/node_modules/c 1.0.0\n");
}

// It may come after who wants it, and not suit.
TEST(NpmResolve, an_optional_peer_is_looked_at_again) {
    NpmRun run;
    Json packages = {{"a", {{"1.0.0", {{"peerDependencies", {{"c", "*"}, {"f", "^1.1.0"}}}, {"peerDependenciesMeta", {{"f", {{"optional", true}}}}}}}}},
                     {"c", {{"1.0.0", needs({{"e", "*"}})}}}, {"e", {{"1.0.0", needs({{"f", "1 || 2"}})}}}, {"f", {{"1.1.0", kNothing}, {"2.0.0", kNothing}}}};
    EXPECT_EQ(run(packages, {{"a", "*"}}, "dependencies"), "node_modules/a 1.0.0\nnode_modules/c 1.0.0 peer\nnode_modules/e 1.0.0 peer\nnode_modules/f 1.1.0 peer\n");
}

struct NpmKept : ::testing::Test {
    NpmRun run;
    Json packages = {{"a", {{"1.0.0", needs({{"x", "^1.0.0"}})}, {"1.1.0", needs({{"x", "^1.0.0"}})}}}, {"x", {{"1.0.0", kNothing}, {"1.1.0", kNothing}, {"2.0.0", kNothing}}},
                     {"n", {{"1.0.0", needs({{"x", "^1.1.0"}})}}}};
    void SetUp() override {
        run.lock = R"({"name":"app","lockfileVersion":3,"requires":true,"packages":{"":{"name":"app","dependencies":{"a":"^1.0.0"}},
            "node_modules/a":{"version":"1.0.0","resolved":"https://registry.example/a/-/a-1.0.0.tgz","integrity":"sha512-a1.0.0","dependencies":{"x":"^1.0.0"}},
            "node_modules/x":{"version":"1.0.0","resolved":"https://registry.example/x/-/x-1.0.0.tgz","integrity":"sha512-x1.0.0","unheard-of":1}}})";
    }
};

TEST_F(NpmKept, what_fits_stays) {
    EXPECT_EQ(run(packages, {{"a", "^1.0.0"}}, "dependencies"), "node_modules/a 1.0.0\nnode_modules/x 1.0.0\n");
    EXPECT_THAT(run.text, HasSubstr("unheard-of"));
    EXPECT_EQ(run(packages, {{"a", "^1.0.0"}, {"x", "2"}}, "dependencies"), "node_modules/a 1.0.0\nnode_modules/a/node_modules/x 1.1.0\nnode_modules/x 2.0.0\n");
}

TEST_F(NpmKept, what_does_not_fit_any_more_moves) {
    EXPECT_EQ(run(packages, {{"a", "^1.1.0"}}, "dependencies"), "node_modules/a 1.1.0\nnode_modules/x 1.0.0\n");
    EXPECT_EQ(run(packages, {{"a", "^1.0.0"}, {"n", "1"}}, "dependencies"), "node_modules/a 1.0.0\nnode_modules/n 1.0.0\nnode_modules/x 1.1.0\n");
    EXPECT_EQ(run(packages, Json::object(), "dependencies"), "");
    EXPECT_EQ(run(packages, {{"a", "^1.0.0"}}, "devDependencies"), "node_modules/a 1.0.0 dev\nnode_modules/x 1.0.0 dev\n");
}

// As npm: what the lockfile has is not taken away, though its peer goes; it is told.
TEST_F(NpmKept, a_peer_that_the_project_itself_replaces_is_told) {
    packages["n"]["1.0.0"] = {{"peerDependencies", {{"x", "^1.0.0"}}}};
    EXPECT_EQ(run(packages, {{"a", "^1.0.0"}, {"n", "1"}}, "dependencies"), "node_modules/a 1.0.0\nnode_modules/n 1.0.0\nnode_modules/x 1.0.0\n");
    run.lock = run.text;
    EXPECT_EQ(run(packages, {{"a", "^1.0.0"}, {"n", "1"}, {"x", "2"}}, "dependencies"),
              "node_modules/a 1.0.0\nnode_modules/a/node_modules/x 1.1.0\nnode_modules/n 1.0.0\nnode_modules/x 2.0.0\n");
    ASSERT_EQ(run.issues.size(), 1u);
    EXPECT_EQ(run.issues[0].parents, std::vector<std::string>{"n@1.0.0"});
    EXPECT_EQ(run.issues[0].found, "2.0.0");
}

TEST_F(NpmKept, an_optional_peer_keeps_nothing) {
    packages["a"]["1.1.0"] = {{"peerDependencies", {{"x", "^1.0.0"}}}, {"peerDependenciesMeta", {{"x", {{"optional", true}}}}}};
    EXPECT_EQ(run(packages, {{"a", "^1.1.0"}}, "dependencies"), "node_modules/a 1.1.0\n");
}

TEST_F(NpmKept, an_update_moves_what_was_asked) {
    run.update.kind = UpdateScope::Kind::named;
    run.update.patterns = {"x"};
    EXPECT_EQ(run(packages, {{"a", "^1.0.0"}}, "dependencies"), "node_modules/a 1.0.0\nnode_modules/x 1.1.0\n");
    run.update.kind = UpdateScope::Kind::all;
    EXPECT_EQ(run(packages, {{"a", "^1.0.0"}}, "dependencies"), "node_modules/a 1.1.0\nnode_modules/x 1.1.0\n");
}

TEST_F(NpmKept, an_update_goes_as_deep_as_it_is_told) {
    run.update.kind = UpdateScope::Kind::all;
    run.update.depth = 0;
    EXPECT_EQ(run(packages, {{"a", "^1.0.0"}}, "dependencies"), "node_modules/a 1.1.0\nnode_modules/x 1.0.0\n");
    run.update.depth = 1;
    EXPECT_EQ(run(packages, {{"a", "^1.0.0"}}, "dependencies"), "node_modules/a 1.1.0\nnode_modules/x 1.1.0\n");
    run.update.kind = UpdateScope::Kind::named;
    run.update.patterns = {"x"};
    run.update.depth = 0;
    EXPECT_EQ(run(packages, {{"a", "^1.0.0"}}, "dependencies"), "node_modules/a 1.0.0\nnode_modules/x 1.0.0\n");
}

TEST_F(NpmKept, an_update_of_one_project_leaves_the_others) {
    const Json projects = {{".", {{"name", "app"}, {"dependencies", {{"x", "1"}}}}}, {"p", {{"name", "p"}, {"dependencies", {{"a", "^1.0.0"}}}}}};
    EXPECT_EQ(run(packages, projects), "node_modules/a 1.0.0\nnode_modules/p -> p\nnode_modules/x 1.0.0\np \n");
    run.lock = run.text;
    packages["a"]["1.2.0"] = kNothing;
    packages["x"]["1.2.0"] = kNothing;
    run.update.kind = UpdateScope::Kind::all;
    run.update.projects = {"p"};
    EXPECT_EQ(run(packages, projects), "node_modules/a 1.2.0\nnode_modules/p -> p\nnode_modules/x 1.0.0\np \n");
    run.update.projects = {"."};
    EXPECT_EQ(run(packages, projects), "node_modules/a 1.2.0\nnode_modules/p -> p\nnode_modules/x 1.2.0\np \n");
    run.update.projects = {"p"};
    run.update.latest = true;
    EXPECT_EQ(run(packages, projects), "node_modules/a 1.2.0\nnode_modules/p -> p\nnode_modules/x 1.0.0\np \n");
    packages["a"] = {{"1.2.0", kNothing}, {"3.0.0", kNothing}};
    run.update.projects = {"."};
    EXPECT_THAT(run(packages, projects), HasSubstr("node_modules/a 1.2.0\n"));
}

// x and root's g are in a circle over f and a: npm drops them all, and leaves x without its g.
TEST_F(NpmKept, deduplicating_leaves_no_hole) {
    packages = {{"x", {{"1.0.0", needs({{"g", "1.0.0"}})}}}, {"f", {{"1.0.0", needs({{"a", "1"}})}}}, {"a", {{"1.0.0", needs({{"g", ">=1"}})}}},
                {"g", {{"1.0.0", needs({{"f", "1"}})}, {"2.0.0", kNothing}}}};
    run.lock = R"({"name":"app","lockfileVersion":3,"requires":true,"packages":{"":{"name":"app","dependencies":{"x":"1"}},
        "node_modules/a":{"version":"1.0.0","integrity":"sha512-a1.0.0","dependencies":{"g":">=1"}},
        "node_modules/f":{"version":"1.0.0","integrity":"sha512-f1.0.0","dependencies":{"a":"1"}},
        "node_modules/g":{"version":"2.0.0","integrity":"sha512-g2.0.0"},
        "node_modules/x":{"version":"1.0.0","integrity":"sha512-x1.0.0","dependencies":{"g":"1.0.0"}},
        "node_modules/x/node_modules/g":{"version":"1.0.0","integrity":"sha512-g1.0.0","dependencies":{"f":"1"}}}})";
    run.update.dedupe = true;
    EXPECT_EQ(run(packages, {{"x", "1"}}, "dependencies"), "node_modules/a 1.0.0\nnode_modules/f 1.0.0\nnode_modules/g 1.0.0\nnode_modules/x 1.0.0\n");
}

TEST_F(NpmKept, a_tag_that_was_just_added_is_looked_up) {
    EXPECT_EQ(run(packages, {{"a", "^1.0.0"}, {"x", "latest"}}, "dependencies"), "node_modules/a 1.0.0\nnode_modules/a/node_modules/x 1.1.0\nnode_modules/x 2.0.0\n");
}

}  // namespace
}  // namespace pmx
