#include "resolve/version_policy.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "model/pattern.hpp"
#include "model/semver.hpp"

namespace pmx {
namespace {

struct Entry {
    std::string_view name;
    std::vector<std::string_view> versions;
};

Entry split_entry(std::string_view text) {
    std::size_t at = text.find('@', 1);
    if (text.empty() || at == text.npos) return {text, {}};
    Entry entry{text.substr(0, at), {}};
    for (std::string_view rest = text.substr(at + 1);;) {
        std::size_t bar = rest.find("||");
        entry.versions.push_back(trim(rest.substr(0, bar)));
        if (bar == rest.npos) return entry;
        rest.remove_prefix(bar + 2);
    }
}

}  // namespace

Result<VersionPolicy> VersionPolicy::make(const std::vector<std::string>& entries, std::string_view setting) {
    VersionPolicy policy;
    for (const std::string& text : entries) {
        Entry entry = split_entry(text);
        Rule rule{std::string(entry.name), {}, entry.name.find('*') != entry.name.npos || entry.name.starts_with('!')};
        for (std::string_view version : entry.versions) {
            if (!Version::parse(version))
                return fail(Code::CONFIG, fmt::format("{} takes exact versions, not \"{}\"", setting, version), text,
                            "write name@1.0.0 || 1.0.1, or the name alone");
            rule.versions.emplace_back(version);
        }
        if (rule.pattern && !rule.versions.empty())
            return fail(Code::CONFIG, fmt::format("{}: a pattern of names cannot have versions", setting), text,
                        "write the names out, or leave the versions away");
        policy.rules_.push_back(std::move(rule));
    }
    return policy;
}

bool VersionPolicy::Verdict::names(std::string_view version) const {
    return every_version || std::find(versions.begin(), versions.end(), version) != versions.end();
}

VersionPolicy::Verdict VersionPolicy::judge(std::string_view name) const {
    Verdict verdict;
    for (const Rule& rule : rules_) {
        if (rule.pattern ? !PatternList({rule.name}).matches(name) : rule.name != name) continue;
        if (rule.versions.empty()) return {true, {}};
        for (const std::string& version : rule.versions)
            if (!verdict.names(version)) verdict.versions.push_back(version);
    }
    return verdict;
}

std::vector<std::string> merge_version_entries(const std::vector<std::string>& entries) {
    struct Merged {
        std::string_view name;
        std::vector<std::string_view> versions;
        bool every_version = false;
    };
    std::vector<Merged> merged;
    for (const std::string& text : entries) {
        Entry entry = split_entry(text);
        auto at = std::find_if(merged.begin(), merged.end(), [&](const Merged& m) { return m.name == entry.name; });
        if (at == merged.end()) at = merged.insert(merged.end(), {entry.name, {}, false});
        at->every_version = at->every_version || entry.versions.empty();
        at->versions.insert(at->versions.end(), entry.versions.begin(), entry.versions.end());
    }
    std::vector<std::string> lines;
    for (Merged& m : merged) {
        std::string line(m.name);
        if (!m.every_version) {
            auto less = [](std::string_view a, std::string_view b) {
                auto x = Version::parse(a), y = Version::parse(b);
                return x && y && *x != *y ? *x < *y : a < b;
            };
            std::sort(m.versions.begin(), m.versions.end(), less);
            m.versions.erase(std::unique(m.versions.begin(), m.versions.end()), m.versions.end());
            for (std::size_t i = 0; i < m.versions.size(); ++i) line.append(i == 0 ? "@" : " || ").append(m.versions[i]);
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace pmx
