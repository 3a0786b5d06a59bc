#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "config/config_document.hpp"
#include "config/settings.hpp"

namespace pmx::test {
namespace {

class Document : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "pmx-document-XXXXXX";
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
    Settings loaded(const Flags& flags) {
        auto settings = load_settings(dir_ + "/p", flags, environment_);
        EXPECT_TRUE(settings.has_value()) << to_string(settings.error());
        return settings ? *settings : Settings();
    }
    std::string refused(const Flags& flags) {
        auto settings = load_settings(dir_ + "/p", flags, environment_);
        EXPECT_FALSE(settings.has_value());
        return settings ? "" : to_string(settings.error());
    }
    std::string dir_;
    std::map<std::string, std::string> environment_;
};

TEST_F(Document, is_below_a_flag_and_above_the_environment_and_the_project) {
    write("p/pmx.yaml", "link-concurrency: 1\nunpack-concurrency: 1\nnetwork-concurrency: 1\ncheck: none\n");
    environment_["PMX_UNPACK_CONCURRENCY"] = "2";
    environment_["PMX_NETWORK_CONCURRENCY"] = "2";
    write("home/.config/pmx/profiles/fast.json", R"({"network-concurrency": 3, "linker": "hoisted", "check": "stat"})");
    Settings settings = loaded({{"profile", {"fast"}},
                                {"config-json", {R"({"check": "content", "linker": "isolated", "import": null})"}},
                                {"linker", {"global"}}});
    EXPECT_EQ(settings.integer("link-concurrency"), 1);
    EXPECT_EQ(settings.integer("unpack-concurrency"), 2);
    EXPECT_EQ(settings.integer("network-concurrency"), 3);
    EXPECT_EQ(settings.text("check"), "content");
    EXPECT_EQ(settings.text("linker"), "global");
    EXPECT_EQ(settings.values.find("check")->second.where, "--config-json: check");
}

TEST_F(Document, comes_as_text_as_a_file_and_in_either_spelling) {
    write("c.json", R"( {"linkConcurrency": 4, "validator": ["integrity"], "offline": true, "registry": "http://registry.example"} )");
    Settings settings = loaded({{"config-json", {dir_ + "/c.json"}}});
    EXPECT_EQ(settings.integer("link-concurrency"), 4);
    EXPECT_EQ(settings.list("validator"), std::vector<std::string>{"integrity"});
    EXPECT_TRUE(settings.flag("offline"));
    EXPECT_EQ(settings.text("registry"), "http://registry.example/");
    EXPECT_EQ(settings.values.find("offline")->second.where, dir_ + "/c.json: offline");
}

TEST_F(Document, is_what_config_json_prints) {
    Settings settings = loaded({{"config-json", {R"({"linker": {"value": "hoisted", "source": "flag", "where": "--linker"},
        "check": {"value": "none", "source": "default", "where": "default"}, "//x/:_authToken": {"value": "***", "source": "npmrc"},
        "dir": {"value": "/x", "source": "flag", "where": "--dir"}})"}}});
    EXPECT_EQ(settings.text("linker"), "hoisted");
    EXPECT_EQ(settings.text("check"), "stat");
}

TEST_F(Document, round_trips) {
    Settings settings = loaded({{"linker", {"hoisted"}}, {"link-concurrency", {"3"}}, {"validator", {"integrity", "tree"}}, {"offline", {"true"}}});
    std::string text = document_text(settings);
    Settings again = loaded({{"config-json", {text}}});
    EXPECT_EQ(document_text(again), text);
    EXPECT_EQ(again.integer("link-concurrency"), 3);
    EXPECT_NE(text.find("\"link-concurrency\": 3"), text.npos) << text;
}

TEST_F(Document, says_what_it_does_not_know) {
    EXPECT_NE(refused({{"config-json", {R"({"linkr": "hoisted"})"}}}).find("did you mean \"linker\"?"), std::string::npos);
    EXPECT_NE(refused({{"config-json", {R"({"check": "stat")"}}}).find("no valid JSON"), std::string::npos);
    EXPECT_NE(refused({{"config-json", {R"({"link-concurrency": "many"})"}}}).find("accepted: a whole number"), std::string::npos);
    EXPECT_NE(refused({{"config-json", {R"({"link-concurrency": [1]})"}}}).find("accepted: one value"), std::string::npos);
    EXPECT_NE(refused({{"config-json", {R"({"dir": "/"})"}}}).find("cannot be set in a document"), std::string::npos);
    EXPECT_NE(refused({{"config-json", {dir_ + "/none.json"}}}).find("takes a file"), std::string::npos);
    std::string deep(100000, '[');
    EXPECT_NE(refused({{"config-json", {"{\"linker\": " + deep}}}).find("no valid JSON"), std::string::npos);
}

TEST_F(Document, a_profile_chooses_no_code_and_nothing_but_tuning) {
    write("p/evil.json", R"({"linker": "./evil.so"})");
    EXPECT_NE(refused({{"profile", {dir_ + "/p/evil.json"}}}).find("it is not built in"), std::string::npos);
    write("p/evil.json", R"({"validator": ["integrity", "mine"]})");
    EXPECT_NE(refused({{"profile", {dir_ + "/p/evil.json"}}}).find("it is not built in"), std::string::npos);
    for (const char* setting : {R"({"plugin-path": ["."]})", R"({"allow-drafts": true})", R"({"registry": "http://registry.example"})", R"({"ignore-scripts": false})"}) {
        write("p/evil.json", setting);
        EXPECT_NE(refused({{"profile", {dir_ + "/p/evil.json"}}}).find("a profile cannot set"), std::string::npos) << setting;
    }
    write("home/.config/pmx/profiles/laptop.json", R"({"link-concurrency": 2})");
    EXPECT_NE(refused({{"profile", {"laptp"}}}).find("did you mean \"laptop\"?"), std::string::npos);
    environment_["PMX_PROFILE"] = "laptop";
    EXPECT_EQ(loaded({}).integer("link-concurrency"), 2);
}

}  // namespace
}  // namespace pmx::test
