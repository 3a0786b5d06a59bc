// npm's lockfiles: read and written again, they are what they were, byte for byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "lockfile_cases.hpp"
#include "lockfile/lockfile.hpp"

namespace pmx {
namespace {

namespace fs = std::filesystem;

std::string written_again(const fs::path& path) {
    auto lockfile = read_lockfile(path.filename().string(), lockfile_cases::slurp(path));
    if (!lockfile) return "unreadable: " + lockfile.error().what;
    if (auto records = read_records(*lockfile); !records) return "no records: " + records.error().what;
    std::vector<Manifest> manifests;  // version 2 writes overridden specifiers
    if (auto manifest = parse_manifest(lockfile_cases::slurp(path.parent_path() / "package.json"), "package.json")) manifests.push_back(std::move(*manifest));
    return npm_lockfile_text(*lockfile, manifests);
}

std::string again(const std::string& text) {
    auto lockfile = read_lockfile("package-lock.json", text);
    if (!lockfile) return "unreadable: " + lockfile.error().what;
    if (auto records = read_records(*lockfile); !records) return "no records: " + records.error().what;
    return npm_lockfile_text(*lockfile, {});
}

// Not EXPECT_EQ: a megabyte of difference helps nobody.
void expect_same(const std::string& text, const std::string& expected, const std::string& name) {
    if (text == expected) return;
    std::size_t at = static_cast<std::size_t>(std::mismatch(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(text.size(), expected.size())), expected.begin()).first - text.begin());
    std::size_t from = at < 200 ? 0 : at - 200;
    ADD_FAILURE() << name << " differs at byte " << at << "\n--- ours\n" << text.substr(from, 400) << "\n--- npm's\n" << expected.substr(from, 400);
}

TEST(NpmWrite, GoldenLockfiles) {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(PMX_SOURCE_DIR "/tests/golden/lockfiles")) {
        fs::path path = entry.path() / "package-lock.json";
        if (!fs::exists(path)) continue;
        expect_same(written_again(path), lockfile_cases::slurp(path), path.string());
        ++count;
    }
    EXPECT_GE(count, 13u);
}

TEST(NpmWrite, FixtureProjects) {
    PMX_NEEDS_SHARED("fixtures/projects");
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(lockfile_cases::shared("fixtures/projects")))
        for (const char* name : {"package-lock.json", "npm-shrinkwrap.json"}) {
            fs::path path = entry.path() / name;
            if (!fs::exists(path)) continue;
            expect_same(written_again(path), lockfile_cases::slurp(path), path.string());
            ++count;
        }
    EXPECT_GE(count, 4u);
}

constexpr const char* kSmall = R"({
  "name": "app",
  "lockfileVersion": 3,
  "requires": true,
  "packages": {
    "": {
      "dependencies": {
        "a": "^1.0.0"
      }
    },
    "node_modules/a": {
      "version": "1.0.0",
      "license": "MIT"
    }
  }
}
)";

TEST(NpmWrite, KeepsIndentationAndLineEnds) {
    EXPECT_EQ(again(kSmall), kSmall);
    std::string tabs, crlf;
    for (std::size_t i = 0; std::string_view(kSmall).size() > i; ++i) {
        char c = kSmall[i];
        bool pair = c == ' ' && kSmall[i + 1] == ' ';
        if (pair) ++i;
        tabs += pair ? '\t' : c;
    }
    EXPECT_EQ(again(tabs), tabs);
    for (char c : std::string_view(kSmall)) crlf += c == '\n' ? "\r\n" : std::string(1, c);
    EXPECT_EQ(again(crlf), crlf);
}

TEST(NpmWrite, OrdersAsNpm) {
    std::string text = R"({"packages":{"node_modules/b-c":{"version":"1.0.0"},"node_modules/B":{"version":"1.0.0"},"node_modules/b":{"version":"1.0.0",
"funding":[{"url":"u","type":"t"}],"dependencies":{"name":"1","bc":"1","b_c":"1","b-c":"1"},"dev":true,"unheard-of":[]},
"node_modules/bc":{"version":"1.0.0"},"node_modules/name":{"version":"1.0.0"},"node_modules/b_c":{"version":"1.0.0"},"":{"dependencies":{"b":"1"}}},"lockfileVersion":3})";
    EXPECT_EQ(again(text), R"({
  "lockfileVersion": 3,
  "requires": true,
  "packages": {
    "": {
      "dependencies": {
        "b": "1"
      }
    },
    "node_modules/b": {
      "version": "1.0.0",
      "dev": true,
      "funding": [
        {
          "type": "t",
          "url": "u"
        }
      ],
      "unheard-of": [],
      "dependencies": {
        "name": "1",
        "b_c": "1",
        "b-c": "1",
        "bc": "1"
      }
    },
    "node_modules/B": {
      "version": "1.0.0"
    },
    "node_modules/b_c": {
      "version": "1.0.0"
    },
    "node_modules/b-c": {
      "version": "1.0.0"
    },
    "node_modules/bc": {
      "version": "1.0.0"
    },
    "node_modules/name": {
      "version": "1.0.0"
    }
  }
}
)");
}

TEST(NpmWrite, SavedSpecifiersReplaceWhatWasAsked) {
    auto lockfile = read_lockfile("package-lock.json", kSmall);
    ASSERT_TRUE(lockfile) << lockfile.error().what;
    ASSERT_TRUE(read_records(*lockfile));
    lockfile->projects.at(0).specifiers.at(0).specifier = "~1.0.0";
    EXPECT_NE(npm_lockfile_text(*lockfile, {}).find("\"a\": \"~1.0.0\""), std::string::npos);
}

}  // namespace
}  // namespace pmx
