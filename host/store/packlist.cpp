#include "store/packlist.hpp"

#include <algorithm>

#include <simdjson.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "model/manifest.hpp"

namespace pmx {
namespace {

// ITEM of [a-z!…]: the position after it in `pattern`, npos when it does not match `c` or is not closed.
std::size_t match_class(std::string_view pattern, std::size_t at, char c) {
    std::size_t end = pattern.find(']', at + 2);
    if (end == std::string_view::npos) return std::string_view::npos;
    bool negated = pattern[at + 1] == '!' || pattern[at + 1] == '^', hit = false;
    for (std::size_t i = at + 1 + negated; i < end; ++i) {
        if (i + 2 < end && pattern[i + 1] == '-') {
            hit |= pattern[i] <= c && c <= pattern[i + 2];
            i += 2;
        } else {
            hit |= pattern[i] == c;
        }
    }
    return hit != negated ? end + 1 : std::string_view::npos;
}

// One component, without '/'. Iterative, so that no pattern makes it exponential.
bool component_matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            from = t;
            continue;
        }
        std::size_t next = std::string_view::npos;
        if (p < pattern.size()) {
            if (pattern[p] == '?') next = p + 1;
            else if (pattern[p] == '[') next = match_class(pattern, p, text[t]);
            else if (pattern[p] == '\\' && p + 1 < pattern.size()) next = pattern[p + 1] == text[t] ? p + 2 : next;
            else if (pattern[p] == text[t]) next = p + 1;
        }
        if (next != std::string_view::npos) {
            p = next;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

// Always in, whatever `files` and the ignore files say; at the root only.
bool is_always_in(std::string_view file) {
    if (file.find('/') != std::string_view::npos) return false;
    std::string name = to_lower_ascii(file);
    if (name == "package.json") return true;
    for (std::string_view stem : {"readme", "copying", "license", "licence"})
        if (name == stem || name.starts_with(std::string(stem) + ".")) return true;
    return false;
}

bool is_always_out(std::string_view path) {
    std::string_view name = path.substr(path.rfind('/') + 1);
    bool at_root = name.size() == path.size();
    for (std::string_view out : {".git", ".svn", ".hg", "CVS", ".DS_Store", ".npmrc", ".npmignore", ".gitignore",
                                 ".lock-wscript", "npm-debug.log", "config.gypi"})
        if (name == out) return true;
    if (at_root)
        for (std::string_view out : {"node_modules", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lockb", "bun.lock"})
            if (name == out) return true;
    return name.starts_with("._") || name.starts_with(".wafpickle-") || name.ends_with(".orig") ||
           (name.starts_with('.') && name.ends_with(".swp"));
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view path) {
    // Components, with the last "**" as the place to return to.
    std::vector<std::string_view> want = split(pattern, '/'), have = split(path, '/');
    std::size_t w = 0, h = 0, star = SIZE_MAX, from = 0;
    while (h < have.size()) {
        if (w < want.size() && want[w] == "**") {
            star = w++;
            from = h;
        } else if (w < want.size() && component_matches(want[w], have[h])) {
            ++w;
            ++h;
        } else if (star != SIZE_MAX) {
            w = star + 1;
            h = ++from;
        } else {
            return false;
        }
    }
    while (w < want.size() && want[w] == "**") ++w;
    return w == want.size();
}

IgnoreRules::IgnoreRules(std::string_view text, std::string_view below) : below_(below) {
    for (std::string_view line : split(text, '\n')) {
        while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.remove_suffix(1);
        if (line.empty() || line.front() == '#') continue;
        Rule rule{{}, false, false, false};
        if (line.front() == '!') {
            rule.negated = true;
            line.remove_prefix(1);
        }
        if (line.ends_with('/')) {
            rule.dir_only = true;
            line.remove_suffix(1);
        }
        rule.anchored = line.find('/') != std::string_view::npos;
        if (line.starts_with('/')) line.remove_prefix(1);
        if (line.empty()) continue;
        rule.pattern = line;
        rules_.push_back(std::move(rule));
    }
}

IgnoreRules::Verdict IgnoreRules::verdict(std::string_view path, bool is_dir) const {
    if (!below_.empty()) path.remove_prefix(std::min(path.size(), below_.size() + 1));
    std::string_view name = path.substr(path.rfind('/') + 1);
    for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
        if (rule->dir_only && !is_dir) continue;
        if (glob_matches(rule->pattern, rule->anchored ? path : name))
            return rule->negated ? Verdict::kept : Verdict::ignored;
    }
    return Verdict::silent;
}

PackList::PackList(std::string_view package_json, std::string_view id) {
    Result<Manifest> manifest = parse_manifest(package_json.empty() ? "{}" : package_json, id);
    if (!manifest) return;
    // What a manifest's value does not tell: `main`, and an empty list from none.
    simdjson::dom::parser parser;
    simdjson::dom::object json;
    if (parser.parse(package_json.data(), package_json.size()).get(json) == simdjson::SUCCESS) {
        simdjson::dom::array list;
        has_files_ = json["files"].get(list) == simdjson::SUCCESS;
        if (std::string_view main; json["main"].get(main) == simdjson::SUCCESS)
            always_.push_back(join_path("", main.substr(std::min(main.find_first_not_of('/'), main.size()))));
    }
    for (const std::string& entry : manifest->files) {
        std::string_view pattern = entry;
        bool negated = pattern.starts_with('!');
        if (negated) pattern.remove_prefix(1);
        if (pattern.starts_with("./")) pattern.remove_prefix(2);
        while (pattern.starts_with('/')) pattern.remove_prefix(1);
        while (pattern.ends_with('/')) pattern.remove_suffix(1);
        files_.emplace_back(pattern.empty() || pattern == "." ? "**" : pattern, negated);
    }
    for (const Bin& bin : bins_of(*manifest)) always_.push_back(bin.path);
}

bool PackList::listed(std::string_view file) const {
    bool in = false;
    for (const auto& [pattern, negated] : files_) {
        if (in != negated) continue;  // it could only say again what stands
        if (glob_matches(pattern, file) || glob_matches(pattern + "/**", file)) in = !negated;
    }
    return in;
}

bool PackList::enters(std::string_view dir, std::span<const IgnoreRules* const> rules) const {
    if (is_always_out(dir)) return false;
    // With a list, the root's ignore file says nothing.
    for (std::size_t i = rules.size(); i-- > (has_files_ ? 1 : 0);) {
        IgnoreRules::Verdict verdict = rules[i]->verdict(dir, true);
        if (verdict != IgnoreRules::Verdict::silent) return verdict == IgnoreRules::Verdict::kept;
    }
    return true;
}

bool PackList::takes(std::string_view file, std::span<const IgnoreRules* const> rules) const {
    if (is_always_out(file)) return false;
    if (is_always_in(file) || std::find(always_.begin(), always_.end(), file) != always_.end()) return true;
    if (has_files_ && !listed(file)) return false;
    for (std::size_t i = rules.size(); i-- > (has_files_ ? 1 : 0);) {
        IgnoreRules::Verdict verdict = rules[i]->verdict(file, false);
        if (verdict != IgnoreRules::Verdict::silent) return verdict == IgnoreRules::Verdict::kept;
    }
    return true;
}

}  // namespace pmx
