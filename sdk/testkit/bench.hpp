// What a case of the conformance kit sees: the plugin, the dice, a directory of its own, and the ways to end. One Bench a
// process. A case ends by returning (pass) or by fail(), skip() or warn(). Private to the kit.
#pragma once

#include <map>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "pmx/testkit.hpp"

namespace pmx::testkit {

struct Stop {
    Outcome outcome;
    std::string text;
};

template <class... Parts>
std::string text(const Parts&... parts) {
    std::ostringstream out;
    (out << ... << parts);
    return out.str();
}
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
    throw Stop{Outcome::fail, text(parts...)};
}
template <class... Parts>
[[noreturn]] void skip(const Parts&... parts) {
    throw Stop{Outcome::skip, text(parts...)};
}
template <class... Parts>
[[noreturn]] void warn(const Parts&... parts) {
    throw Stop{Outcome::warn, text(parts...)};
}
template <class... Parts>
void expect(bool holds, const Parts&... parts) {
    if (!holds) fail(parts...);
}
// What is being done, for the sentence of a crash or a hang.
void doing(std::string_view what);

// A rule of the contract that the proxy between host and plugin watches in every case; a case named "contract.RULE"
// fails with the first breach of its rule. [any]
struct Breach {
    std::string rule, text;
};

// How what a call borrows is handed out; see lend.hpp. Each way shows one fault and forgives the others, so that a plugin
// that is wrong in one way fails one case.
enum class Lending {
    plain,      // ordinary memory that is never freed
    read_only,  // on pages that cannot be written, each ending where the bytes end
    revoked,    // gone after the call
    oldest,     // structs as short as in the first minor, nothing behind them
    longest,    // every struct and element longer, as a later host's
};

class Bench {
  public:
    const pmx_plugin* table = nullptr;
    std::string file;     // "" for a table in memory
    std::string scratch;  // an empty directory
    std::string memory;   // an empty directory on another file system, in memory; "" where there is none
    std::mt19937_64 random;
    Lending lending = Lending::plain;
    // Values of options that are not the plugin's defaults: short waits where it takes pmx's settings for them.
    std::map<std::string, std::vector<std::string>> usual;

    std::string kind() const;  // without the revision
    void breach(std::string rule, std::string text);
    void no_breach(std::string_view rule) const;  // fails with the first one
    std::uint64_t roll(std::uint64_t below) { return below ? random() % below : 0; }
    template <class Items>
    void shuffle(Items& items) {
        for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[roll(i)]);
    }
    template <class Functions>
    const Functions& functions() const {
        return *static_cast<const Functions*>(table->functions);
    }

  private:
    mutable std::mutex mutex_;
    std::vector<Breach> breaches_;
};

struct Case {
    CaseInfo info;
    void (*run)(Bench&);
    bool is_gate = false;  // the others are skipped when it fails
};
// One list a file, in the order in which they run.
std::vector<Case> library_cases();
std::vector<Case> contract_cases();
std::vector<Case> layout_cases();
std::vector<Case> importer_cases();
std::vector<Case> fetcher_cases();
std::vector<Case> validator_cases();

}  // namespace pmx::testkit
