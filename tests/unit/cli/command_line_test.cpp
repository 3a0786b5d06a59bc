#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "config/settings_table.hpp"

namespace pmx::test {
namespace {

using testing::HasSubstr;
using testing::Not;

Invocation parsed(const std::vector<std::string>& words) {
    auto invocation = parse_command_line(words);
    EXPECT_TRUE(invocation.has_value()) << to_string(invocation.error());
    return invocation ? *invocation : Invocation();
}

std::string refused(const std::vector<std::string>& words) {
    auto invocation = parse_command_line(words);
    EXPECT_FALSE(invocation.has_value());
    if (invocation) return {};
    EXPECT_EQ(invocation.error().code, Code::USAGE);
    EXPECT_EQ(exit_status(invocation.error().code), 2);
    EXPECT_FALSE(invocation.error().remedy.empty()) << to_string(invocation.error());
    return to_string(invocation.error());
}

using Items = std::vector<std::string>;

TEST(CommandLine, flags_become_settings_wherever_they_stand) {
    for (const Items& words : {Items{"install", "--linker", "hoisted", "-C", "x", "--prod"}, Items{"-P", "-C", "x", "i", "--linker=hoisted"},
                               Items{"--dir=x", "install", "--production", "--linker", "isolated", "--linker", "hoisted"}}) {
        Invocation invocation = parsed(words);
        EXPECT_EQ(invocation.command, "install");
        EXPECT_EQ(invocation.flags["linker"], Items{"hoisted"});
        EXPECT_EQ(invocation.flags["dir"], Items{"x"});
        EXPECT_EQ(invocation.flags["prod"], Items{"true"});
        EXPECT_EQ(invocation.flags.size(), 3u);
        EXPECT_FALSE(invocation.frozen);
    }
    EXPECT_TRUE(parsed({"ci"}).frozen);
    EXPECT_EQ(parsed({"ci"}).command, "install");
    EXPECT_EQ(parsed({"install", "--no-hoist"}).flags["hoist"], Items{"false"});
    EXPECT_EQ(parsed({"install", "--hoist-pattern", "a,b", "--hoist-pattern", "c"}).flags["hoist-pattern"], (Items{"a", "b", "c"}));
}

TEST(CommandLine, timing_may_stand_alone) {
    EXPECT_EQ(parsed({"install", "--timing"}).flags["timing"], Items{"table"});
    EXPECT_EQ(parsed({"install", "--timing=json"}).flags["timing"], Items{"json"});
    EXPECT_EQ(parsed({"install", "--timing", "--prod"}).flags["timing"], Items{"table"});
}

TEST(CommandLine, commands_have_their_own_switches) {
    Invocation verify = parsed({"store", "verify", "--repair", "--store-dir", "/s"});
    EXPECT_EQ(verify.command, "store verify");
    EXPECT_TRUE(verify.switches["repair"]);
    EXPECT_FALSE(verify.switches["content"]);
    EXPECT_TRUE(parsed({"store", "prune", "--dry-run"}).switches["dry-run"]);
    Invocation config = parsed({"config", "linker", "--json"});
    EXPECT_TRUE(config.switches["json"]);
    EXPECT_EQ(config.arguments, Items{"linker"});
    EXPECT_EQ(parsed({"registry", "serve", "d", "--port", "1"}).arguments, (Items{"serve", "d", "--port", "1"}));
    EXPECT_TRUE(parsed({}).help);
    EXPECT_TRUE(parsed({"store"}).help);
    EXPECT_TRUE(parsed({"--version"}).version);
}

TEST(CommandLine, packages_may_have_the_names_of_commands) {
    Invocation add = parsed({"add", "list", "-D", "store", "i", "--save-peer"});
    EXPECT_EQ(add.command, "add");
    EXPECT_EQ(add.arguments, (Items{"list", "store", "i"}));
    EXPECT_EQ(add.flags["dev"], Items{"true"});
    EXPECT_TRUE(add.has("save-peer"));
    EXPECT_EQ(parsed({"install", "add"}).command, "add");
    EXPECT_EQ(parsed({"i", "add"}).arguments, Items{"add"});
    EXPECT_EQ(parsed({"install"}).command, "install");
    EXPECT_EQ(parsed({"rm", "x"}).command, "remove");
    EXPECT_EQ(parsed({"up", "-L"}).command, "update");
    EXPECT_EQ(parsed({"ls", "--depth", "-1"}).options["depth"], Items{"-1"});
    EXPECT_EQ(parsed({"why", "--", "x"}).arguments, Items{"x"});
}

TEST(CommandLine, projects_are_chosen_before_or_after_the_command) {
    EXPECT_EQ(parsed({"--filter", "a...", "add", "x", "-F", "!b", "--filter-prod=c"}).options["filter"], (Items{"a...", "!b"}));
    EXPECT_EQ(parsed({"add", "x", "--filter-prod=c"}).options["filter-prod"], Items{"c"});
    EXPECT_TRUE(parsed({"-r", "list"}).has("recursive"));
    EXPECT_TRUE(parsed({"add", "x", "-w"}).has("workspace-root"));
}

TEST(CommandLine, what_is_not_known_is_refused_with_the_nearest) {
    EXPECT_THAT(refused({"instal"}), HasSubstr("did you mean \"pmx install\"?"));
    EXPECT_THAT(refused({"store", "verfy"}), HasSubstr("did you mean \"pmx store verify\"?"));
    EXPECT_THAT(refused({"install", "--linkr", "x"}), HasSubstr("did you mean --linker?"));
    EXPECT_THAT(refused({"install", "--linkr=x"}), HasSubstr("did you mean --linker?"));
    EXPECT_THAT(refused({"install", "--no-hosit"}), HasSubstr("did you mean --no-hoist?"));
    EXPECT_THAT(refused({"install", "--zzzzzzzz"}), HasSubstr("pmx --help"));
    EXPECT_THAT(refused({"zzzzzzzz"}), HasSubstr("pmx --help"));
    EXPECT_THAT(refused({"publish"}), HasSubstr("not there yet"));
    EXPECT_THAT(refused({"ci", "left-pad"}), HasSubstr("adds nothing"));
    EXPECT_THAT(refused({"install", "-O"}), HasSubstr("does not take --save-optional"));
    EXPECT_THAT(refused({"add", "x", "--latst"}), HasSubstr("did you mean --latest?"));
    EXPECT_THAT(refused({"--filter", "a", "store", "path"}), HasSubstr("does not take"));
    EXPECT_THAT(refused({"config", "-r"}), HasSubstr("does not take --recursive"));
    EXPECT_THAT(refused({"dedupe", "x"}), HasSubstr("does not take \"x\""));
    EXPECT_THAT(refused({"store", "path", "x"}), HasSubstr("pmx store path --help"));
    EXPECT_THAT(refused({"config", "a", "b"}), HasSubstr("does not take \"b\""));
    EXPECT_THAT(refused({"install", "--linker"}), HasSubstr("PMX_E_USAGE"));
    EXPECT_THAT(refused({"install", "--all"}), HasSubstr("--help"));
}

TEST(CommandLine, any_words_at_all_are_read_or_refused) {
    const Items pool = {"install", "store", "verify", "config", "registry", "--", "-", "--=", "---", "-C", "--linker", "=", "\x01\xff", "--timing=", "--no-", "-Px",
                        "--hoist-pattern=,,", "--no-no-hoist", std::string(5000, '-'), "{}", "--help=1", "-vh", ""};
    std::srand(7);
    for (int round = 0; round < 300; ++round) {
        Items words;
        for (int i = std::rand() % 5; i >= 0; --i) words.push_back(pool[static_cast<std::size_t>(std::rand()) % pool.size()]);
        auto invocation = parse_command_line(words);
        if (!invocation) {
            EXPECT_EQ(invocation.error().code, Code::USAGE);
        }
    }
}

TEST(Help, every_command_says_what_it_does_and_gives_an_example) {
    std::string all = help_text("");
    for (const CommandHelp& command : command_helps()) {
        EXPECT_THAT(all, HasSubstr(std::string(command.name)));
        std::string own = help_text(command.name);
        EXPECT_THAT(own, HasSubstr(std::string(command.summary)));
        EXPECT_THAT(own, HasSubstr("Examples\n  "));
    }
    EXPECT_THAT(help_text("store"), HasSubstr("store prune"));
    EXPECT_THAT(help_text("store"), Not(HasSubstr("pmx install")));
}

TEST(Help, main_flags_first_and_every_flag_with_all) {
    std::string brief = help_text("install"), all = help_text("install", true);
    EXPECT_LT(std::count(brief.begin(), brief.end(), '\n'), 45);
    for (const char* flag : {"--linker", "--import", "--frozen-lockfile", "-P, --prod", "--timing[=KIND]", "-C, --dir", "--help --all"})
        EXPECT_THAT(brief, HasSubstr(flag));
    EXPECT_THAT(brief, Not(HasSubstr("--fetch-retry-factor")));
    for (const SettingSpec& spec : settings_table())
        if ((spec.places & in_flag) && !spec.hidden) {
            EXPECT_THAT(all, HasSubstr(std::string(spec.name)));
        }
    EXPECT_THAT(all, HasSubstr("--no-strict-ssl"));
}

class Config : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "pmx-cli-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        dir_ = name;
        door_.environment = {{"HOME", dir_}};
        std::ofstream(dir_ + "/package.json") << "{}";
    }
    void TearDown() override { std::filesystem::remove_all(dir_); }
    std::string printed(Items words) {
        words.insert(words.end(), {"-C", dir_});
        Invocation invocation = parsed(words);
        testing::internal::CaptureStdout();
        auto done = run_command(invocation, door_);
        std::string out = testing::internal::GetCapturedStdout();
        EXPECT_TRUE(done.has_value()) << to_string(done.error());
        return out;
    }
    std::string dir_;
    Door door_;
};

TEST_F(Config, shows_values_and_origins) {
    std::ofstream(dir_ + "/pmx.yaml") << "check: content\n";
    door_.environment["PMX_LINK_CONCURRENCY"] = "3";
    EXPECT_EQ(printed({"config", "check"}), "content  (" + dir_ + "/pmx.yaml:1)\n");
    EXPECT_EQ(printed({"config", "linkConcurrency"}), "3  (PMX_LINK_CONCURRENCY)\n");
    EXPECT_EQ(printed({"config", "import", "--import", "copy"}), "copy  (--import)\n");
    EXPECT_EQ(printed({"config", "timing"}), "off  (default)\n");
    auto json = nlohmann::json::parse(printed({"config", "--json"}));
    for (const SettingSpec& spec : settings_table()) EXPECT_TRUE(json.contains(std::string(spec.name))) << spec.name;
    EXPECT_EQ(json["check"]["source"], "project");
    EXPECT_EQ(json["link-concurrency"]["value"], 3);
    EXPECT_EQ(json["link-concurrency"]["source"], "environment");
    EXPECT_EQ(json["validator"]["value"], (Items{"integrity", "tree"}));
    EXPECT_EQ(json["hoist"]["value"], true);
}

TEST_F(Config, prints_no_secret) {
    std::ofstream(dir_ + "/.npmrc") << "registry=https://me:hunter2@registry.example/\n//registry.example/:_authToken=hunter2\n"
                                       "//registry.example/:username=hunter2\n//registry.example/:_password=aHVudGVyMg==\n_auth=hunter2\n"
                                       "@s:registry=https://hunter2:hunter2@s.example/\nhttps-proxy=http://a:hunter2@127.0.0.1:3128\n";
    for (const Items& words : {Items{"config"}, Items{"config", "--json"}, Items{"config", "registry"}}) {
        std::string out = printed(words);
        EXPECT_THAT(out, Not(HasSubstr("hunter2")));
        EXPECT_THAT(out, Not(HasSubstr("aHVud")));
        EXPECT_THAT(out, HasSubstr("https://***@registry.example/"));
    }
    EXPECT_THAT(printed({"config"}), HasSubstr("//registry.example/:_authToken"));
    EXPECT_THAT(printed({"config"}), HasSubstr("https://***@s.example/"));
    EXPECT_EQ(printed({"config", "registry", "--registry", "http://u:p@127.0.0.1:1"}), "http://***@127.0.0.1:1/  (--registry)\n");
}

TEST_F(Config, wrong_settings_are_told_with_their_place) {
    auto error_of = [&](Items words) {
        words.insert(words.end(), {"-C", dir_});
        auto done = run_command(parsed(words), door_);
        EXPECT_FALSE(done.has_value());
        return done ? std::string() : to_string(done.error());
    };
    EXPECT_THAT(error_of({"config", "linkr"}), HasSubstr("did you mean \"linker\"?"));
    EXPECT_THAT(error_of({"config", "--check", "hard"}), HasSubstr("--check\n  accepted: none, stat, content"));
    EXPECT_THAT(error_of({"config", "--registry", "me:hunter2@registry.example"}), Not(HasSubstr("hunter2")));
    door_.environment["PMX_OFFLINE"] = "perhaps";
    EXPECT_THAT(error_of({"config"}), HasSubstr("PMX_OFFLINE\n  accepted: true or false"));
    door_.environment.erase("PMX_OFFLINE");
    std::ofstream(dir_ + "/pmx.yaml") << "\nnetwork-concurrency: many\n";
    EXPECT_THAT(error_of({"config"}), HasSubstr("pmx.yaml:2\n  accepted: a whole number"));
}

TEST(CommandLineDir, a_missing_directory_is_an_error_of_use) {
    Door door;
    auto done = run_command(parsed({"config", "-C", "/nonexistent/dir"}), door);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, Code::USAGE);
}

}  // namespace
}  // namespace pmx::test
