#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/fs.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "plugin/plugins.hpp"

namespace pmx::test {
namespace {

using ::testing::HasSubstr;

class Integrity : public ::testing::Test {
  protected:
    Integrity() : plugins_({}, {}), validator_(*plugins_.validator("integrity", {})) {}

    Result<> check(std::string_view bytes, std::string_view sri) {
        pmx_archive archive{};
        archive.size = sizeof archive;
        archive.id = {"a@1.0.0", 7};
        archive.bytes = {bytes.data(), bytes.size()};
        archive.integrity = {sri.data(), sri.size()};
        return validator_.check_archive(archive);
    }
    static std::string sri(HashAlgorithm algorithm, std::string_view bytes) {
        static const char* names[] = {"md5", "sha1", "sha256", "sha384", "sha512"};
        return std::string(names[static_cast<int>(algorithm)]) + "-" + to_base64(hash(algorithm, bytes).span());
    }
    void refused(std::string_view bytes, std::string_view sri, const char* says) {
        auto verdict = check(bytes, sri);
        ASSERT_FALSE(verdict) << sri;
        EXPECT_EQ(verdict.error().code, Code::INTEGRITY);
        EXPECT_EQ(verdict.error().subject, "a@1.0.0");
        EXPECT_THAT(verdict.error().what, HasSubstr(says));
        EXPECT_FALSE(verdict.error().remedy.empty());
    }

    Plugins plugins_;
    Validator validator_;
};

constexpr HashAlgorithm kKnown[] = {HashAlgorithm::sha1, HashAlgorithm::sha256, HashAlgorithm::sha384,
                                    HashAlgorithm::sha512};

TEST_F(Integrity, EveryAlgorithmHoldsAndFails) {
    for (HashAlgorithm algorithm : kKnown) {
        EXPECT_TRUE(check("bytes", sri(algorithm, "bytes")));
        EXPECT_TRUE(check("", sri(algorithm, "")));
        refused("Bytes", sri(algorithm, "bytes"), "not what the lockfile promises");
    }
}

TEST_F(Integrity, WithoutAPromiseThereIsNothingToCheck) {
    EXPECT_TRUE(check("bytes", ""));
    EXPECT_TRUE(check("bytes", " \n\t "));
}

TEST_F(Integrity, TheStrongestDecides) {
    std::string good = sri(HashAlgorithm::sha512, "bytes"), weak_good = sri(HashAlgorithm::sha1, "bytes");
    std::string bad = sri(HashAlgorithm::sha512, "other"), weak_bad = sri(HashAlgorithm::sha1, "other");
    EXPECT_TRUE(check("bytes", weak_bad + " " + good));
    EXPECT_TRUE(check("bytes", good + " " + weak_bad));
    refused("bytes", weak_good + " " + bad, "wanted sha512-");
    refused("bytes", bad + " " + weak_good, "wanted sha512-");
    EXPECT_TRUE(check("bytes", bad + " " + good)) << "any digest of the strongest algorithm will do";
    refused("bytes", weak_good + " sha512-nope", "malformed");
}

TEST_F(Integrity, OptionsAndPaddingAreAccepted) {
    std::string good = sri(HashAlgorithm::sha256, "bytes");
    EXPECT_TRUE(check("bytes", good + "?ct=application/gzip"));
    EXPECT_TRUE(check("bytes", "  " + good + "\t"));
    EXPECT_TRUE(check("bytes", good.substr(0, good.find('='))));
}

TEST_F(Integrity, WhatProvesNothingIsRefused) {
    refused("bytes", sri(HashAlgorithm::md5, "bytes"), "md5");
    refused("bytes", "sha3-AAAA", "no algorithm");
    refused("bytes", "nonsense", "no algorithm");
    refused("bytes", "sha512-", "malformed");
    refused("bytes", "sha512-!!!!", "malformed");
    refused("bytes", sri(HashAlgorithm::sha1, "bytes").replace(0, 4, "sha512"), "malformed");
    EXPECT_TRUE(check("bytes", sri(HashAlgorithm::md5, "x") + " " + sri(HashAlgorithm::sha1, "bytes")));
}

// Recorded calls of another implementation: every check of bytes against a text must come out the same, but for md5.
TEST_F(Integrity, RecordedChecks) {
    auto file = read_file_if_exists(AT_FDCWD, PMX_SOURCE_DIR "/../shared/vectors/integrity/ssri.json");
    ASSERT_TRUE(file);
    if (!*file) {
        if (std::getenv("CI")) FAIL() << "the integrity vectors are missing";
        GTEST_SKIP() << "the integrity vectors (../shared/vectors/integrity) are not here";
    }
    auto vectors = nlohmann::json::parse(**file);
    int compared = 0;
    for (const auto& c : vectors["cases"]) {
        if (c["fn"] != "checkData" || c["args"].size() < 2 || !c.contains("result")) continue;
        const auto& data = c["args"][0];
        std::string bytes;
        if (data.is_string()) {
            bytes = data.get<std::string>();
        } else if (data.is_object() && data.contains("$buffer")) {
            auto decoded = from_base64(data["$buffer"].get<std::string>());
            ASSERT_TRUE(decoded);
            bytes.assign(decoded->begin(), decoded->end());
        } else {
            continue;
        }
        const auto& promise = c["args"][1];
        std::string text;
        if (promise.is_string())
            text = promise.get<std::string>();
        else if (promise.is_object() && promise.contains("$Integrity"))
            text = promise["$Integrity"].get<std::string>();
        else
            continue;
        bool held = !(c["result"].is_boolean() && !c["result"].get<bool>());
        if (text.find_first_not_of(" \t\n") == text.npos || text.find("md5-") != text.npos) continue;
        ++compared;
        EXPECT_EQ(check(bytes, text).has_value(), held) << c.dump().substr(0, 300);
    }
    EXPECT_GE(compared, 3);
}

}  // namespace
}  // namespace pmx::test
