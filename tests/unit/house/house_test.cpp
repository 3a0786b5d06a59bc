// The house rules that a machine can check: who includes whom, how long a file is, and that the SDK's headers compile
// as what they promise to be.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;
const fs::path kRoot = PMX_SOURCE_DIR;

bool is_source(const fs::path& path) {
    static const std::set<std::string> endings = {".c", ".h", ".cpp", ".hpp"};
    return endings.count(path.extension().string()) > 0;
}

std::vector<fs::path> sources_below(const std::string& dir) {
    std::vector<fs::path> files;
    if (!fs::exists(kRoot / dir)) return files;
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / dir))
        if (entry.is_regular_file() && is_source(entry.path())) files.push_back(entry.path());
    return files;
}

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct Include {
    std::string name;
    bool quoted;
    int line;
};

std::vector<Include> includes_of(const fs::path& file) {
    static const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
    std::vector<Include> found;
    std::ifstream in(file);
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
        std::smatch match;
        if (std::regex_search(line, match, pattern)) found.push_back({match[2], match[1] == "\"", number});
    }
    return found;
}

std::string where(const fs::path& file, const Include& include) {
    return fs::relative(file, kRoot).string() + ":" + std::to_string(include.line) + " includes " + include.name;
}

// Which rooms a room may include, itself always. The order of host/CMakeLists.txt.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"base", {}},
    {"model", {"base"}},
    {"config", {"base", "model"}},
    {"registry", {"base", "model", "config"}},
    {"lockfile", {"base", "model"}},
    {"resolve", {"base", "model", "config", "registry", "lockfile"}},
    {"store", {"base", "model"}},
    {"plugin", {"base", "model"}},
    {"script", {"base", "model"}},
    {"install", {"base", "model", "config", "registry", "lockfile", "resolve", "store", "plugin", "script"}},
    {"cli", {"base", "model", "config", "registry", "lockfile", "resolve", "store", "plugin", "script", "install"}},
};

TEST(House, RoomsIncludeOnlyWhatIsBelowThem) {
    for (const fs::path& file : sources_below("host")) {
        fs::path inside = fs::relative(file, kRoot / "host");
        std::string room = inside.begin()->string();
        if (inside == "main.cpp") continue;
        ASSERT_TRUE(kMayInclude.count(room)) << "a room that the plan does not know: host/" << room;
        for (const Include& include : includes_of(file)) {
            std::string other = include.name.substr(0, include.name.find('/'));
            if (other == include.name || !kMayInclude.count(other)) continue;
            EXPECT_TRUE(other == room || kMayInclude.at(room).count(other)) << where(file, include);
        }
    }
}

TEST(House, NobodyIncludesTheCommandLine) {
    for (const char* dir : {"host", "plugins", "sdk", "python"})
        for (const fs::path& file : sources_below(dir)) {
            fs::path inside = fs::relative(file, kRoot / "host");
            if (inside == "main.cpp" || *inside.begin() == "cli") continue;
            for (const Include& include : includes_of(file))
                EXPECT_NE(include.name.substr(0, 4), "cli/") << where(file, include);
        }
}

// The Python module is a door like the command: what it needs of a room below install/ it gets through install/'s headers.
TEST(House, TheBindingsSeePublicHeadersOnly) {
    static const std::set<std::string> doors = {"install/install.hpp", "install/suggest_choice.hpp", "config/config_document.hpp",
                                                "config/settings_table.hpp"};
    for (const fs::path& file : sources_below("python"))
        for (const Include& include : includes_of(file)) {
            std::string room = include.name.substr(0, include.name.find('/'));
            bool plain = room == "base" || room == "model" || room == "pmx" || room == include.name;
            EXPECT_TRUE(!include.quoted || plain || doors.count(include.name)) << where(file, include);
        }
}

TEST(House, PluginsSeeTheSdkOnly) {
    for (const char* dir : {"plugins", "examples/plugins"})
        for (const fs::path& file : sources_below(dir))
            for (const Include& include : includes_of(file)) {
                std::string first = include.name.substr(0, include.name.find('/'));
                EXPECT_FALSE(first != include.name && kMayInclude.count(first)) << where(file, include);
                if (!include.quoted) continue;
                fs::path target = fs::weakly_canonical(file.parent_path() / include.name);
                bool own = fs::exists(target) && fs::relative(target, kRoot / dir).begin()->string() != "..";
                EXPECT_TRUE(own || first == "pmx") << where(file, include);
            }
}

TEST(House, TheSdkNeedsItselfAndTheSystemOnly) {
    for (const fs::path& file : sources_below("sdk/include"))
        for (const Include& include : includes_of(file)) {
            bool system = !include.quoted && (include.name.find('/') == include.name.npos ||
                                              include.name.substr(0, 4) == "sys/" || include.name.substr(0, 6) == "linux/");
            EXPECT_TRUE(system || include.name.substr(0, 4) == "pmx/") << where(file, include);
            bool plain_c = file.extension() == ".h" && include.name.find(".hpp") != include.name.npos;
            EXPECT_FALSE(plain_c) << where(file, include);
        }
}

TEST(House, NoFileHasTwoSubjects) {
    for (const char* dir : {"host", "sdk", "plugins", "tests", "bench", "examples", "python"})
        for (const fs::path& file : sources_below(dir)) {
            std::string text = text_of(file);
            auto lines = std::count(text.begin(), text.end(), '\n');
            EXPECT_LE(lines, 800) << fs::relative(file, kRoot).string();
        }
}

TEST(House, HeadersSayWhatTheyAre) {
    for (const char* dir : {"host", "sdk/include"})
        for (const fs::path& file : sources_below(dir)) {
            if (file.extension() != ".hpp" && file.extension() != ".h") continue;
            std::string start = text_of(file).substr(0, 2);
            EXPECT_TRUE(start == "//" || start == "/*") << fs::relative(file, kRoot).string();
        }
}

TEST(House, NamesAreNouns) {
    static const std::regex vague(R"(\b(class|struct)\s+\w*(Manager|Helper|Util|Utils)\b)");
    for (const char* dir : {"host", "sdk", "plugins"})
        for (const fs::path& file : sources_below(dir)) {
            std::string text = text_of(file);
            std::smatch match;
            EXPECT_FALSE(std::regex_search(text, match, vague)) << fs::relative(file, kRoot).string() << ": " << match.str();
        }
}

// A registry is configuration: no source, test or page names a public one.
TEST(House, NoRegistryHostInTheTree) {
    const std::string hosts[] = {std::string("registry.npm") + "js.org", std::string("npm") + "mirror.com",
                                 std::string("registry.yarn") + "pkg.com"};
    for (const char* dir : {"host", "sdk", "plugins", "tests", "examples", "docs", "cmake", "python"}) {
        if (!fs::exists(kRoot / dir)) continue;
        for (auto entry = fs::recursive_directory_iterator(kRoot / dir); entry != fs::recursive_directory_iterator(); ++entry) {
            if (entry->path().filename() == "node_modules") entry.disable_recursion_pending();
            if (!entry->is_regular_file() || entry->file_size() > 4'000'000) continue;
            std::string text = text_of(entry->path());
            for (const std::string& host : hosts)
                EXPECT_EQ(text.find(host), text.npos) << fs::relative(entry->path(), kRoot).string() << " names " << host;
        }
    }
}

// A fenced block that names a file is that file or a piece of it, which CI builds and runs.
TEST(House, SnippetsInTheDocumentationAreFiles) {
    static const std::regex fence("^```\\w+ ([\\w./-]+)$");
    int blocks = 0;
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / "docs")) {
        if (entry.path().extension() != ".md") continue;
        std::ifstream in(entry.path());
        std::string line;
        while (std::getline(in, line)) {
            std::smatch match;
            if (!std::regex_match(line, match, fence)) continue;
            std::string name = match[1], block;
            while (std::getline(in, line) && line != "```") block += line + "\n";
            EXPECT_NE(text_of(kRoot / name).find(block), std::string::npos) << entry.path().filename() << " shows what is not in " << name << ":\n" << block;
            ++blocks;
        }
    }
    EXPECT_GE(blocks, 2);
}

// What `compiler` says about a file that includes `headers`; nullopt when there is no such compiler.
std::optional<std::string> complaints(const std::string& compiler, const std::string& language, const std::string& standard,
                                      const std::vector<std::string>& headers) {
    if (std::system((compiler + " --version > /dev/null 2>&1").c_str()) != 0) return std::nullopt;
    std::string base = ::testing::TempDir() + "pmx-house-" + std::to_string(::getpid());
    {
        std::ofstream in(base + ".in");
        for (const std::string& header : headers) in << "#include <" << header << ">\n";
        if (language == "c") in << "typedef int unused;\n";
    }
    std::string command = compiler + " -x " + language + " -std=" + standard + " -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I" +
                          (kRoot / "sdk/include").string() + " " + base + ".in > " + base + ".out 2>&1";
    int status = std::system(command.c_str());
    std::string said = text_of(base + ".out");
    fs::remove(base + ".in");
    fs::remove(base + ".out");
    return status == 0 ? "" : compiler + " -std=" + standard + " " + headers[0] + ":\n" + said;
}

void compile_headers(const std::string& c, const std::string& cxx, bool each_alone) {
    std::vector<std::string> plain, all;
    for (const fs::path& file : sources_below("sdk/include")) {
        all.push_back(fs::relative(file, kRoot / "sdk/include").string());
        if (file.extension() == ".h") plain.push_back(all.back());
    }
    auto said = complaints(c, "c", "c11", plain);
    auto said_17 = complaints(cxx, "c++", "c++17", plain);
    if (!said || !said_17) GTEST_SKIP() << c << " or " << cxx << " is not here";
    EXPECT_EQ(*said, "");
    EXPECT_EQ(*said_17, "");
    EXPECT_EQ(complaints(cxx, "c++", "c++20", all), "");
    for (const std::string& header : each_alone ? all : std::vector<std::string>())
        EXPECT_EQ(complaints(cxx, "c++", "c++20", {header}), "");
}

TEST(House, SdkHeadersCompileWithGcc) { compile_headers("gcc", "g++", true); }
TEST(House, SdkHeadersCompileWithClang) { compile_headers("clang", "clang++", false); }

}  // namespace
