// Lockfiles in which git left both sides.
#include <gtest/gtest.h>

#include <random>

#include <nlohmann/json.hpp>

#include "lockfile/lockfile.hpp"
#include "lockfile/merge.hpp"

namespace pmx {
namespace {

using Pins = std::vector<std::pair<std::string, std::string>>;

// A lockfile whose root depends on these; "w" depends on "u".
std::string lock(const Pins& direct, const std::string& u = "1.0.0") {
    std::string out = "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n\nimporters:\n\n  .:\n    dependencies:\n";
    std::string packages, snapshots;
    auto add = [&](const std::string& name, const std::string& version) {
        packages += "\n  " + name + "@" + version + ":\n    resolution: {integrity: sha512-" + name + version + "}\n";
        snapshots += "\n  " + name + "@" + version + ":" +
                     (name == "w" ? "\n    dependencies:\n      u: " + u + "\n" : " {}\n");
    };
    for (const auto& [name, version] : direct) {
        out += "      " + name + ":\n        specifier: ^1.0.0\n        version: " + version + "\n";
        if (name == "w") add("u", u);
        add(name, version);
    }
    return out + "\npackages:\n" + packages + "\nsnapshots:\n" + snapshots;
}

std::string conflict(const std::string& ours, const std::string& theirs, const std::string& base = "") {
    return "<<<<<<< HEAD\n" + ours + (base.empty() ? "" : "||||||| 0123abc\n" + base) + "=======\n" + theirs +
           ">>>>>>> branch\n";
}

std::string merged(const std::string& text, const char* name = "pnpm-lock.yaml") {
    auto out = merge_conflicts(name, text);
    return out ? *out : to_string(out.error());
}

TEST(Merge, TheNewerVersionOfAPinWins) {
    std::string text = conflict(lock({{"q", "1.10.0"}, {"t", "1.0.0"}, {"w", "1.0.0"}}, "1.2.0"),
                                lock({{"q", "1.9.0"}, {"t", "1.1.0"}, {"w", "1.0.0"}}, "1.1.0"));
    auto lockfile = read_lockfile("pnpm-lock.yaml", merged(text));
    ASSERT_TRUE(lockfile.has_value()) << merged(text);
    const Graph& graph = lockfile->graph;
    std::vector<std::string> pins;
    for (const Edge* e = graph.begin_edges(graph.projects[0]); e != graph.end_edges(graph.projects[0]); ++e)
        pins.emplace_back(graph.packages[e->target].id);
    EXPECT_EQ(pins, (std::vector<std::string>{"q@1.10.0", "t@1.1.0", "w@1.0.0"}));
    auto w = std::find_if(graph.packages.begin(), graph.packages.end(), [](const Package& p) { return p.name == "w"; });
    ASSERT_EQ(w->edge_count, 1u);
    EXPECT_EQ(graph.packages[graph.begin_edges(*w)->target].id, "u@1.2.0");
    EXPECT_EQ(graph.packages.size(), 7u);  // packages and snapshots of both sides
}

TEST(Merge, WhatOneSideAddedStays) {
    std::string text = conflict(lock({{"n", "1.0.0"}, {"q", "1.0.0"}}), lock({{"m", "1.0.0"}, {"q", "1.0.0"}}),
                                lock({{"q", "1.0.0"}}));
    EXPECT_EQ(merged(text), lock({{"m", "1.0.0"}, {"n", "1.0.0"}, {"q", "1.0.0"}}));
}

TEST(Merge, OnlyTheMarkedLinesDiffer) {
    std::string ours = lock({{"a", "1.0.0"}, {"q", "1.2.0"}}), text;
    std::size_t at = 0;
    for (std::size_t found; (found = ours.find("1.2.0", at)) != std::string::npos;) {
        std::size_t begin = ours.rfind('\n', found) + 1, end = ours.find('\n', found) + 1;
        std::string line = ours.substr(begin, end - begin), other = line;
        for (std::size_t i; (i = other.find("1.2.0")) != std::string::npos;) other.replace(i, 5, "1.1.0");
        text += ours.substr(at, begin - at) + conflict(line, other);
        at = end;
    }
    text += ours.substr(at);
    auto lockfile = read_lockfile("pnpm-lock.yaml", merged(text));
    ASSERT_TRUE(lockfile.has_value()) << merged(text);
    EXPECT_EQ(lockfile->graph.packages.size(), 3u);
    // Windows line ends change nothing.
    std::string crlf;
    for (char c : text) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
    EXPECT_EQ(merged(crlf), merged(text));
}

// git takes a line of one side for common where both have it: then a key stands twice in the other.
TEST(Merge, AKeyThatStandsTwiceInASideIsMergedToo) {
    std::string text = lock({{"q", "1.1.0"}});
    std::string twice = "      q:\n        specifier: ^1.0.0\n        version: 1.0.0\n";
    text.insert(text.find("      q:\n"), "<<<<<<< HEAD\n=======\n" + twice + ">>>>>>> b\n");
    EXPECT_EQ(merged(text), lock({{"q", "1.1.0"}}));
}

// What git merged on its own may have lost half of a package.
TEST(Merge, HalfAPackageIsTakenOut) {
    std::string ours = lock({{"q", "1.1.0"}, {"w", "1.0.0"}}), theirs = ours;
    auto cut = [](std::string& text, const std::string& line) { text.erase(text.find(line), line.size()); };
    for (std::string* side : {&ours, &theirs}) {
        cut(*side, "\n  q@1.1.0:\n    resolution: {integrity: sha512-q1.1.0}\n");
        cut(*side, "\n  u@1.0.0: {}\n");
    }
    auto lockfile = read_lockfile("pnpm-lock.yaml", merged(conflict(ours, theirs)));
    ASSERT_TRUE(lockfile.has_value()) << merged(conflict(ours, theirs));
    ASSERT_EQ(lockfile->graph.packages.size(), 1u);
    EXPECT_EQ(lockfile->graph.packages[0].id, "w@1.0.0");
    EXPECT_EQ(lockfile->graph.packages[0].edge_count, 0u);
    EXPECT_EQ(lockfile->graph.projects[0].edge_count, 1u);
}

TEST(Merge, TheEnvironmentDocumentStays) {
    std::string env = "---\nlockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    configDependencies: {}\n\n---\n";
    EXPECT_EQ(merged(env + conflict(lock({{"q", "1.1.0"}}), lock({{"q", "1.1.0"}}))), env + lock({{"q", "1.1.0"}}));
}

TEST(Merge, NothingToMergeIsLeftAsItIs) {
    std::string text = "anything\r\n";
    EXPECT_EQ(merged(text), text);
    EXPECT_EQ(merged("a\n=======\nb\n"), "a\n=======\nb\n");
}

TEST(Merge, WhatCannotBeMergedIsSaid) {
    for (const std::string& text : {std::string("<<<<<<< HEAD\n"), std::string("<<<<<<< HEAD\n<<<<<<< HEAD\n"),
                                    std::string("<<<<<<< HEAD\n>>>>>>> b\n"), conflict("[\n", "]\n"), conflict("", ""),
                                    conflict("lockfileVersion: '9.0'\n", "lockfileVersion: '9.0'\n"),
                                    conflict("a: \xFF\n", "a: b\n"), conflict("{\n", "}\n")})
        for (const char* name : {"pnpm-lock.yaml", "package-lock.json"}) {
            auto out = merge_conflicts(name, text);
            ASSERT_FALSE(out.has_value()) << text;
            EXPECT_EQ(out.error().code, Code::LOCKFILE_CONFLICT);
            EXPECT_FALSE(out.error().remedy.empty());
        }
}

TEST(Merge, ABaseThatWasMergedItselfIsSkipped) {
    auto sides = split_conflicts("x\n<<<<<<< a\no\n||||||| b\n<<<<<<<<< in\n1\n=========\n2\n>>>>>>>>> in\n=======\nt\n>>>>>>> c\ny\n");
    ASSERT_TRUE(sides.has_value());
    EXPECT_EQ((*sides)->ours, "x\no\ny\n");
    EXPECT_EQ((*sides)->theirs, "x\nt\ny\n");
    EXPECT_TRUE((*sides)->has_base);
}

std::string npm_lock(const Pins& direct) {
    nlohmann::ordered_json root = {{"name", "r"}, {"lockfileVersion", 3}, {"requires", true}};
    root["packages"][""] = {{"name", "r"}};
    for (const auto& [name, version] : direct) {
        root["packages"][""]["dependencies"][name] = "^1.0.0";
        root["packages"]["node_modules/" + name] = {{"version", version}, {"integrity", "sha512-" + name + version}};
    }
    return root.dump(2) + "\n";
}

std::map<std::string, std::string> npm_pins(const std::string& text) {
    std::map<std::string, std::string> pins;
    auto json = nlohmann::json::parse(merged(text, "package-lock.json"), nullptr, false);
    if (json.is_discarded()) return pins;
    for (const auto& [path, entry] : json["packages"].items()) {
        if (path.empty()) continue;
        pins[path.substr(13)] = entry["version"];
        EXPECT_EQ(entry["integrity"], "sha512-" + path.substr(13) + std::string(entry["version"]));
        EXPECT_TRUE(json["packages"][""]["dependencies"].contains(path.substr(13)));
    }
    return pins;
}

// As npm 11 does it with the same files.
TEST(Merge, InNpmsLockfileOursWins) {
    EXPECT_EQ(npm_pins(conflict(npm_lock({{"q", "1.1.0"}, {"t", "1.2.0"}}), npm_lock({{"q", "1.2.0"}, {"t", "1.1.0"}}))),
              (std::map<std::string, std::string>{{"q", "1.1.0"}, {"t", "1.2.0"}}));
    std::string base = npm_lock({{"gone", "1.0.0"}, {"q", "1.0.0"}, {"t", "1.0.0"}});
    EXPECT_EQ(npm_pins(conflict(npm_lock({{"gone", "1.0.0"}, {"q", "1.1.0"}, {"t", "1.0.0"}, {"n", "1.0.0"}}),
                                npm_lock({{"q", "1.2.0"}, {"t", "1.1.0"}, {"m", "1.0.0"}}), base)),
              (std::map<std::string, std::string>{{"q", "1.1.0"}, {"t", "1.1.0"}, {"n", "1.0.0"}, {"m", "1.0.0"}}));
}

TEST(Merge, DamagedConflictsNeverCrash) {
    std::mt19937 random(11);
    constexpr std::string_view kBytes = " \n:'\"{}[],-&*!|>?#@%()\\=<0a";
    std::string pnpm = conflict(lock({{"q", "1.1.0"}, {"w", "1.0.0"}}), lock({{"q", "1.2.0"}}), lock({{"q", "1.0.0"}}));
    std::string npm = conflict(npm_lock({{"q", "1.1.0"}}), npm_lock({{"q", "1.2.0"}}), npm_lock({{"q", "1.0.0"}}));
    for (int round = 0; round < 3000; ++round)
        for (auto [name, whole] : {std::pair("pnpm-lock.yaml", &pnpm), std::pair("package-lock.json", &npm)}) {
            std::string text = *whole;
            for (unsigned n = 1 + random() % 3; n > 0; --n) {
                std::size_t at = random() % text.size();
                if (random() % 3 == 0)
                    text.erase(at, 1 + random() % 12);
                else
                    text.insert(at, 1, kBytes[random() % kBytes.size()]);
            }
            auto out = merge_conflicts(name, text);
            if (!out) {
                EXPECT_EQ(out.error().code, Code::LOCKFILE_CONFLICT);
            }
        }
}

}  // namespace
}  // namespace pmx
