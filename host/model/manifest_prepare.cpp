#include <algorithm>

#include "base/text.hpp"
#include "model/manifest.hpp"
#include "model/semver.hpp"

namespace pmx {
namespace {

// npm's oldest rule for names, the one that it applies to projects: published names obey stricter ones.
bool is_installable_name(std::string_view name) {
    if (name.empty()) return true;
    std::string lower = to_lower_ascii(name);
    if (name.front() == '.' || lower == "node_modules" || lower == "favicon.ico") return false;
    if (name.front() != '@') return is_url_safe(name);
    std::size_t slash = name.find('/');
    if (slash == name.npos) return false;
    std::string_view scope = name.substr(1, slash - 1), rest = name.substr(slash + 1);
    return !scope.empty() && !rest.empty() && is_url_safe(scope) && is_url_safe(rest);
}

// "node_modules/.bin/x" → "x": what is on PATH while scripts run.
void strip_bin_prefix(std::string& script) {
    std::string_view rest = script;
    auto take = [&](std::string_view word) {
        if (!rest.starts_with(word)) return false;
        rest.remove_prefix(word.size());
        if (rest.empty() || (rest.front() != '/' && rest.front() != '\\')) return false;
        rest.remove_prefix(1);
        return true;
    };
    if (rest.starts_with("./") || rest.starts_with(".\\")) rest.remove_prefix(2);
    if (take("node_modules") && take(".bin")) script = std::string(rest);
}

}  // namespace

Result<Manifest> prepare(Manifest m, std::string_view subject) {
    auto refuse = [&](std::string what) {
        return fail(Code::MANIFEST, std::move(what), std::string(subject), "correct package.json");
    };
    if (!m.faults.empty()) return refuse(m.faults.front());
    m.name = std::string(trim(m.name));
    if (!is_installable_name(m.name)) return refuse("\"" + m.name + "\" is no package name");
    if (!m.version.empty()) {
        auto version = Version::parse(m.version, true);
        if (!version) return refuse("\"" + m.version + "\" is no version");
        m.version = version->to_string();
    }
    m.bundled = bundled_names(m);
    m.bundles_all = false;
    for (const std::string& name : m.bundled)
        if (!find(m.dependencies, name)) m.dependencies.emplace_back(name, "*");
    for (auto& [name, script] : m.scripts) strip_bin_prefix(script);
    return m;
}

}  // namespace pmx
