#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "model/manifest.hpp"
#include "model/specifier.hpp"

namespace pmx {
namespace {

constexpr std::size_t kNameMax = 214;

// Modules that node serves under a bare name.
constexpr auto kCoreModules = std::to_array<std::string_view>({
    "assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram",
    "diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2", "https", "inspector", "module", "net", "os",
    "path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "stream", "string_decoder", "sys", "timers",
    "tls", "trace_events", "tty", "url", "util", "v8", "vm", "wasi", "worker_threads", "zlib",
});

bool has_space_around(std::string_view name) {
    static constexpr std::string_view kSpace = " \t\n\r\f\v";
    return kSpace.find(name.front()) != std::string_view::npos || kSpace.find(name.back()) != std::string_view::npos;
}

}  // namespace

NameVerdict judge_package_name(std::string_view name) {
    NameVerdict verdict;
    auto finish = [&] {
        verdict.valid_for_old = verdict.errors.empty();
        verdict.valid_for_new = verdict.valid_for_old && verdict.warnings.empty();
        return verdict;
    };
    if (name.empty()) {
        verdict.errors.emplace_back("name length must be greater than zero");
        return finish();
    }
    if (name.front() == '.') verdict.errors.emplace_back("name cannot start with a period");
    if (name.front() == '-') verdict.errors.emplace_back("name cannot start with a hyphen");
    if (name.front() == '_') verdict.errors.emplace_back("name cannot start with an underscore");
    if (has_space_around(name)) verdict.errors.emplace_back("name cannot contain leading or trailing spaces");
    std::string lower = to_lower_ascii(name);
    if (lower == "node_modules" || lower == "favicon.ico") verdict.errors.push_back(lower + " is not a valid package name");
    if (std::find(kCoreModules.begin(), kCoreModules.end(), lower) != kCoreModules.end())
        verdict.warnings.push_back(lower + " is a core module name");
    if (name.size() > kNameMax) verdict.warnings.emplace_back("name can no longer contain more than 214 characters");
    if (lower != name) verdict.warnings.emplace_back("name can no longer contain capital letters");
    std::size_t slash = name.rfind('/');
    if (name.substr(slash == std::string_view::npos ? 0 : slash + 1).find_first_of("~'!()*") != std::string_view::npos)
        verdict.warnings.emplace_back("name can no longer contain special characters (\"~'!()*\")");
    if (is_url_safe(name)) return finish();

    if (name.front() == '@' && slash != std::string_view::npos && name.find('/') == slash && slash > 1 && slash + 1 < name.size()) {
        std::string_view scope = name.substr(1, slash - 1), base = name.substr(slash + 1);
        if (base.front() == '.') verdict.errors.emplace_back("name cannot start with a period");
        if (is_url_safe(scope) && is_url_safe(base)) return finish();
    }
    verdict.errors.emplace_back("name can only contain URL-friendly characters");
    return finish();
}

}  // namespace pmx
