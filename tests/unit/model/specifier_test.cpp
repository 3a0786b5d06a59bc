// What specifiers mean, against recorded calls of npm-package-arg, hosted-git-info, validate-npm-package-name and pnpm.
#include "model/specifier.hpp"

#include <filesystem>

#include "model/hosted.hpp"
#include "model/range.hpp"
#include "model/web_address.hpp"
#include "model/vectors.hpp"

namespace pmx {
namespace {

using test::Json;

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : std::string();
}

std::string_view kind_name(SpecifierKind kind) {
    switch (kind) {
        case SpecifierKind::version: return "version";
        case SpecifierKind::range: return "range";
        case SpecifierKind::tag: return "tag";
        case SpecifierKind::file: return "file";
        case SpecifierKind::directory: return "directory";
        case SpecifierKind::link: return "link";
        case SpecifierKind::tarball: return "remote";
        case SpecifierKind::git: return "git";
        case SpecifierKind::workspace: return "workspace";
        case SpecifierKind::catalog: return "catalog";
    }
    return "?";
}

// Where a path leads, as the recording says it.
std::string resolved_path(const std::string& path, const std::string& where) {
    if (path.starts_with("~/")) return "/home/user/" + path.substr(2);
    std::filesystem::path full = (std::filesystem::path(where) / path).lexically_normal();
    std::string out = full.string();
    while (out.size() > 1 && out.ends_with('/')) out.pop_back();
    return out;
}

void expect_registry(const Specifier& got, const Json& want) {
    std::string spec = text_of(want["fetchSpec"]);
    if (spec == "*" && got.value != "*") {
        // npm makes "*" of a name alone; here it stays visible that no version was written.
        EXPECT_EQ(kind_name(got.kind), "tag");
        EXPECT_EQ(got.value, "latest");
        return;
    }
    EXPECT_EQ(kind_name(got.kind), text_of(want["type"]));
    if (got.kind == SpecifierKind::version) spec = spec.substr(spec.find_first_of("0123456789"));
    EXPECT_EQ(got.value, spec);
}

void expect_git(const Specifier& got, const Json& want) {
    ASSERT_EQ(got.kind, SpecifierKind::git);
    if (want["fetchSpec"].is_string()) {
        EXPECT_EQ(got.git.url, text_of(want["fetchSpec"]));
    }
    EXPECT_EQ(got.git.committish, text_of(want["gitCommittish"]));
    EXPECT_EQ(got.git.range, text_of(want["gitRange"]));
    std::string path = text_of(want["gitSubdir"]);
    EXPECT_EQ(got.git.path, path.empty() ? path : path.substr(1));
    std::string saved = text_of(want["saveSpec"]);
    if (saved.starts_with("git+https://") && !got.git.saved.starts_with("git+")) saved.erase(0, 4);
    EXPECT_EQ(got.git.saved, saved);
    if (want["hosted"].contains("$GitHost")) {
        const Json& host = want["hosted"]["$GitHost"];
        EXPECT_EQ(got.git.host, text_of(host["type"]));
        EXPECT_EQ(got.git.user, text_of(host["user"]));
        EXPECT_EQ(got.git.project, text_of(host["project"]));
    } else {
        EXPECT_EQ(got.git.host, "");
    }
}

TEST(Specifier, NpmPackageArg) {
    PMX_VECTORS(json, "spec/npm-package-arg.json");
    int checked = 0;
    for (const Json& test : json["cases"]) {
        const Json& args = test["args"];
        std::string fn = test["fn"];
        // A package URL is another format; objects are npm's way of passing on what it parsed.
        if (fn == "npa.toPurl" || args[0].is_object()) continue;
        SCOPED_TRACE(test["args"].dump());
        bool resolve = fn == "npa.resolve";
        std::string where = args.size() > (resolve ? 2u : 1u) ? text_of(args[resolve ? 2 : 1]) : std::string();
        Result<Specifier> got = resolve ? parse_specifier(text_of(args[0]), text_of(args[1])) : parse_package_argument(text_of(args[0]));
        ++checked;
        if (test.contains("throws") || (test.contains("result") && test["result"].is_object() && test["result"].contains("throws"))) {
            EXPECT_FALSE(got);
            continue;
        }
        ASSERT_TRUE(got) << to_string(got.error());
        const Json& want = test["result"];
        std::string type = want["type"];
        EXPECT_EQ(got->alias, text_of(want["name"]));
        EXPECT_EQ(got->raw, text_of(args[resolve ? 1 : 0]));
        if (type == "alias") {
            EXPECT_TRUE(got->is_alias);
            EXPECT_EQ(got->name, text_of(want["subSpec"]["name"]));
            expect_registry(*got, want["subSpec"]);
        } else if (type == "git") {
            expect_git(*got, want);
        } else if (type == "file" || type == "directory") {
            // pnpm links a directory that is written without "file:".
            EXPECT_EQ(kind_name(got->kind), type == "directory" && got->kind == SpecifierKind::link ? "link" : type);
            if (where.starts_with("/") || got->value.starts_with("/")) {
                EXPECT_EQ(resolved_path(got->value, where), text_of(want["fetchSpec"]));
            }
        } else if (type == "remote") {
            EXPECT_EQ(got->kind, SpecifierKind::tarball);
            EXPECT_EQ(got->value, text_of(want["fetchSpec"]));
        } else {
            expect_registry(*got, want);
        }
    }
    EXPECT_GT(checked, 140);
}

TEST(Specifier, NpmPackageArgOnWindows) {
    PMX_VECTORS(json, "spec/npm-package-arg-windows.json");
    EXPECT_GT(json["cases"].size(), 0u);
    GTEST_SKIP() << "drive letters and backslashes are paths of Windows";
}

TEST(Specifier, HostedGitInfo) {
    PMX_VECTORS(json, "spec/hosted-git-info.json");
    int checked = 0;
    for (const Json& test : json["cases"]) {
        // fromManifest reads a manifest's `repository`, parseUrl is internal, localhost.js adds a host of its own.
        if (test["fn"] != "GitHost.fromUrl" || test["file"] == "test/localhost.js") continue;
        if (test["args"].empty() || !test["args"][0].is_string()) continue;
        SCOPED_TRACE(test["args"].dump());
        ++checked;
        std::optional<HostedRepository> got = hosted_repository(text_of(test["args"][0]));
        const Json& want = test["result"];
        if (!want.is_object() || !want.contains("type")) {
            EXPECT_FALSE(got);
            continue;
        }
        ASSERT_TRUE(got);
        EXPECT_EQ(got->name(), text_of(want["type"]));
        EXPECT_EQ(got->domain(), text_of(want["domain"]));
        if (want["user"].is_string()) {
            EXPECT_EQ(got->user, text_of(want["user"]));
        }
        EXPECT_EQ(got->project, text_of(want["project"]));
        EXPECT_EQ(got->committish, text_of(want["committish"]));
        EXPECT_EQ(got->auth, text_of(want["auth"]));
        const Json& urls = want["urls"];
        EXPECT_EQ(got->shortcut(), text_of(urls["shortcut"]));
        EXPECT_EQ(got->scp(), text_of(urls["ssh"]));
        EXPECT_EQ(got->ssh_url(), text_of(urls["sshurl"]));
        EXPECT_EQ(got->https_url(), text_of(urls["https"]));
        EXPECT_EQ(got->git_url(), text_of(urls["git"]));
        EXPECT_EQ(got->tarball_url(), text_of(urls["tarball"]));
        EXPECT_EQ(got->to_string(), text_of(urls["toString"]));
    }
    EXPECT_GT(checked, 650);
}

TEST(Specifier, PackageNames) {
    PMX_VECTORS(json, "spec/validate-npm-package-name.json");
    for (const Json& test : json["cases"]) {
        // Values that are no text cannot arrive here.
        if (test["args"].empty() || !test["args"][0].is_string()) continue;
        SCOPED_TRACE(test["args"].dump());
        NameVerdict got = judge_package_name(text_of(test["args"][0]));
        const Json& want = test["result"];
        EXPECT_EQ(got.valid_for_new, want["validForNewPackages"].get<bool>());
        EXPECT_EQ(got.valid_for_old, want["validForOldPackages"].get<bool>());
        EXPECT_EQ(Json(got.errors), want.value("errors", Json::array()));
        EXPECT_EQ(Json(got.warnings), want.value("warnings", Json::array()));
    }
}

TEST(Specifier, Jsr) {
    PMX_VECTORS(json, "pnpm-vectors/jsr.json");
    for (const Json& test : json["cases"]) {
        SCOPED_TRACE(test["args"].dump());
        std::string text = text_of(test["args"][0]), alias = test["args"].size() > 1 ? text_of(test["args"][1]) : std::string();
        Result<Specifier> got = parse_specifier(alias, text);
        if (test.contains("throws")) {
            ASSERT_FALSE(got);
            EXPECT_EQ(got.error().code, Code::SPECIFIER);
            continue;
        }
        if (test["result"].is_null()) {
            if (got) EXPECT_FALSE(got->name.starts_with("@jsr/") && text.starts_with("jsr:"));
            continue;
        }
        ASSERT_TRUE(got) << to_string(got.error());
        EXPECT_EQ(got->name, text_of(test["result"]["npmPkgName"]));
        EXPECT_EQ(got->alias, text_of(test["result"]["jsrPkgName"]));
        EXPECT_EQ(got->value, test["result"].value("versionSelector", "latest"));
    }
}

// pnpm's tests record ranges in their long form.
std::string long_form(const Specifier& it) {
    if (it.kind != SpecifierKind::range) return it.value;
    return Range::parse(it.value, {.loose = true})->to_string();
}

TEST(Specifier, PnpmNamedRegistriesAndAliases) {
    PMX_VECTORS(json, "pnpm-vectors/npm-resolver.json");
    int checked = 0;
    for (const Json& test : json["cases"]) {
        std::string fn = test["fn"];
        bool named = fn.ends_with("parseNamedRegistrySpecifierToRegistryPackageSpec"), bare = fn.ends_with("#parseBareSpecifier");
        if (!named && !bare) continue;
        SCOPED_TRACE(test["args"].dump());
        ++checked;
        std::string registries;
        if (named)
            for (const Json& name : test["args"][1]["$set"]) registries.append(registries.empty() ? "" : ",").append(name.get<std::string>());
        Result<Specifier> got = parse_specifier(text_of(test["args"][named ? 2 : 1]), text_of(test["args"][0]), registries);
        if (test.contains("throws")) {
            ASSERT_FALSE(got);
            EXPECT_EQ(got.error().code, Code::SPECIFIER);
            continue;
        }
        if (test["result"].is_null()) {
            if (got) {
                EXPECT_EQ(got->registry, "");
            }
            continue;
        }
        ASSERT_TRUE(got) << to_string(got.error());
        EXPECT_EQ(kind_name(got->kind), text_of(test["result"]["type"]));
        EXPECT_EQ(got->name, text_of(test["result"]["name"]));
        EXPECT_EQ(long_form(*got), text_of(test["result"]["fetchSpec"]));
        EXPECT_EQ(got->registry, test["result"].value("registryName", ""));
    }
    EXPECT_EQ(checked, 41);
}

TEST(Specifier, RegistryUrls) {
    PMX_VECTORS(json, "pnpm-vectors/npm-resolver.json");
    int checked = 0;
    for (const Json& test : json["cases"]) {
        if (!test["fn"].get<std::string>().ends_with("#normalizeRegistryUrl")) continue;
        ++checked;
        EXPECT_EQ(without_default_port(text_of(test["args"][0])), text_of(test["result"]));
    }
    EXPECT_EQ(checked, 8);
}

struct Row {
    std::string_view alias, text;
    SpecifierKind kind;
    std::string_view name, value;
    bool is_alias = false;
};

TEST(Specifier, PnpmsProtocols) {
    using enum SpecifierKind;
    const Row rows[] = {
        {"lib", "workspace:*", workspace, "lib", "*"},
        {"lib", "workspace:^1.0.0", workspace, "lib", "^1.0.0"},
        {"lib", "workspace:", workspace, "lib", ""},
        {"lib", "workspace:../lib", workspace, "lib", "../lib"},
        {"lib", "workspace:other@*", workspace, "other", "*", true},
        {"lib", "workspace:@scope/other@^1", workspace, "@scope/other", "^1", true},
        {"lib", "workspace:packages/lib", workspace, "lib", "packages/lib"},
        {"react", "catalog:", catalog, "react", "default"},
        {"react", "catalog:default", catalog, "react", "default"},
        {"react", "catalog: react18 ", catalog, "react", "react18"},
        {"lib", "link:../lib", link, "lib", "../lib"},
        {"a", "npm:b", tag, "b", "latest", true},
        {"a", "npm:@s/b@^1.0.0", range, "@s/b", "^1.0.0", true},
        {"a", "npm:b@", tag, "b", "latest", true},
        {"a", "npm:1.2.3", version, "a", "1.2.3", true},
        {"a", "npm:x", tag, "x", "latest", true},  // not the range, as npm reads it
        {"a", "npm:1.x", range, "a", "1.x", true},
        {"a", "npm:next", tag, "next", "latest", true},
        {"a", "", range, "a", ""},
        {"a", " ^1.2 ", range, "a", "^1.2"},
        {"a", "=v1.2.3", version, "a", "1.2.3"},
        {"a", "https://host.example/a.git", git, "a", "https://host.example/a.git"},
        {"a", "https://host.example/a", tarball, "a", "https://host.example/a"},
        {"a", "ssh://git@host.example/a.git", git, "a", "ssh://git@host.example/a.git"},
        {"a", "git@host.example:team/a.git", git, "a", "git@host.example:team/a.git"},
        {"a", "file:///abs/a.tgz", file, "a", "/abs/a.tgz"},
        {"a", "file:../a", directory, "a", "../a"},
        {"a", "file:./a.TAR.GZ", file, "a", "./a.TAR.GZ"},
        {"a", "~/a", link, "a", "~/a"},
        {"a", "../a", link, "a", "../a"},
        {"a", "../a.tgz", file, "a", "../a.tgz"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        Result<Specifier> got = parse_specifier(row.alias, row.text);
        ASSERT_TRUE(got) << to_string(got.error());
        EXPECT_EQ(kind_name(got->kind), kind_name(row.kind));
        EXPECT_EQ(got->name, row.name);
        EXPECT_EQ(got->alias, row.alias);
        EXPECT_EQ(got->value, row.value);
        EXPECT_EQ(got->is_alias, row.is_alias);
        EXPECT_EQ(got->raw, row.text);
    }
}

// As pnpm 12 was seen to ask the registry: a word is a tag of a scoped alias, and a name under any other.
TEST(Specifier, WordsOfNamedRegistries) {
    const Row rows[] = {
        {"dep", "work:lodash", SpecifierKind::tag, "lodash", "latest", true},
        {"@s/dep", "work:next", SpecifierKind::tag, "@s/dep", "next"},
        {"dep", "work:x", SpecifierKind::range, "dep", "x"},
        {"dep", "work:next@1", SpecifierKind::range, "next", "1", true},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        Result<Specifier> got = parse_specifier(row.alias, row.text, "other, work");
        ASSERT_TRUE(got) << to_string(got.error());
        EXPECT_EQ(kind_name(got->kind), kind_name(row.kind));
        EXPECT_EQ(got->name, row.name);
        EXPECT_EQ(got->value, row.value);
        EXPECT_EQ(got->is_alias, row.is_alias);
        EXPECT_EQ(got->registry, "work");
    }
}

TEST(Specifier, GitFragments) {
    struct Case {
        std::string_view text, committish, range, path;
    };
    const Case cases[] = {
        {"u/r#main&path:/packages/a", "main", "", "/packages/a"},
        {"u/r#path:packages/a&semver:^1.0.0", "", "^1.0.0", "packages/a"},
        {"u/r#semver:%5E2.0.0", "", "^2.0.0", ""},
        {"u/r#a&b", "a&b", "", ""},  // a branch may be called so
        {"git+https://host.example/u/r.git#v1::path:x", "v1", "", "x"},
        {"u/r#", "", "", ""},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.text);
        Result<Specifier> got = parse_specifier("a", test.text);
        ASSERT_TRUE(got) << to_string(got.error());
        EXPECT_EQ(got->git.committish, test.committish);
        EXPECT_EQ(got->git.range, test.range);
        EXPECT_EQ(got->git.path, test.path);
    }
}

TEST(Specifier, ScpAddresses) {
    Result<Specifier> got = parse_package_argument("lib@git@github.com:u/r.git#v1");
    ASSERT_TRUE(got);
    EXPECT_EQ(got->alias, "lib");
    EXPECT_EQ(got->git.saved, "git+ssh://git@github.com/u/r.git#v1");
    EXPECT_TRUE(got->git.prefers_ssh);
    got = parse_package_argument("git@host.example:team/lib.git");
    ASSERT_TRUE(got);
    EXPECT_EQ(got->alias, "");
    EXPECT_EQ(got->git.url, "git@host.example:team/lib.git");
}

TEST(Specifier, WhatNobodyUnderstands) {
    for (std::string_view text : {"foo bar", ">=^4", "portal:../x", "gopher://host.example/", "npm:", "npm:a@npm:b", "jsr:a@1", "https://", "github:a", "gitlab:a/"}) {
        SCOPED_TRACE(text);
        Result<Specifier> got = parse_specifier("a", text);
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code, Code::SPECIFIER);
        EXPECT_NE(got.error().subject.find("a@"), std::string::npos);
    }
    EXPECT_FALSE(parse_specifier("a b", "1.0.0"));
    EXPECT_FALSE(parse_specifier("../a", "1.0.0"));
}

TEST(Specifier, ErrorsTellNoSecret) {
    Result<Specifier> got = parse_specifier("a", "foo://user:secret@host.example/x");
    ASSERT_FALSE(got);
    EXPECT_EQ(to_string(got.error()).find("secret"), std::string::npos);
}

TEST(Specifier, HostileLengths) {
    for (char c : {'a', '@', ':', '/', '#', '&', '.', '%', '~', '-'})
        for (std::string prefix : {"", "npm:", "u/r#", "git+ssh://", "workspace:", "file:"}) {
            std::string text = prefix + std::string(200'000, c);
            (void)parse_specifier("a", text);
            (void)parse_package_argument(text);
        }
}

}  // namespace
}  // namespace pmx
