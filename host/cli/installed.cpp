#include "cli/installed.hpp"

#include <filesystem>

#include "base/fs.hpp"
#include "install/read.hpp"
#include "lockfile/dep_path.hpp"
#include "model/pattern.hpp"

namespace pmx {

Result<std::optional<Lockfile>> installed_lockfile(const Settings& settings) {
    auto current = read_current_lockfile(settings.root, settings.text("modules-dir"), settings.text("virtual-store-dir"));
    if (current) return std::optional<Lockfile>(std::move(*current));
    return wanted_lockfile(settings);
}

Result<std::optional<Lockfile>> wanted_lockfile(const Settings& settings) {
    PMX_TRY(std::optional<std::string> name, lockfile_name(settings.root));
    if (!name) return std::optional<Lockfile>();
    PMX_TRY(std::string text, read_file(AT_FDCWD, join_path(settings.root, *name).c_str(), 256u << 20));
    PMX_TRY(Lockfile lockfile, read_lockfile(*name, std::move(text)));
    return std::optional<Lockfile>(std::move(lockfile));
}

NameFilter::NameFilter(const std::vector<std::string>& words) : patterns_(words), empty_(words.empty()) {}

bool NameFilter::matches(std::string_view alias, std::string_view name) const {
    if (empty_) return true;
    PatternList list(patterns_);
    return list.matches(alias) || list.matches(name);
}

ShownGroups shown_groups(const Settings& settings) {
    ShownGroups groups;
    if (settings.flag("prod")) groups.dev = false;
    if (settings.flag("dev")) groups.prod = false, groups.dev = true;
    if (!settings.flag("optional")) groups.optional = false;
    return groups;
}

const char* group_key(EdgeKind kind) {
    return kind == EdgeKind::dev ? "devDependencies" : kind == EdgeKind::optional ? "optionalDependencies" : "dependencies";
}

std::string version_of(const Package& package) {
    return std::string(package.version.empty() ? parse_dep_path(package.id).reference : package.version);
}

std::size_t locked_project(const Lockfile& lockfile, std::string_view dir) {
    for (std::size_t i = 0; i < lockfile.graph.projects.size(); ++i)
        if (lockfile.graph.projects[i].dir == dir) return i;
    return SIZE_MAX;
}

std::string project_path(const Settings& settings, std::string_view dir) {
    return dir == "." ? settings.root : join_path(settings.root, dir);
}

std::string PackagePaths::find(const std::string& from, std::string_view alias) {
    namespace fs = std::filesystem;
    const std::string modules(settings_.text("modules-dir"));
    std::string key = from + "\n" + std::string(alias);
    if (auto known = known_.find(key); known != known_.end()) return known->second;
    std::string found = join_path(join_path(from, modules), alias);
    std::error_code error;
    for (std::string_view dir = from; !dir.empty(); dir = dir.substr(0, dir.rfind('/') == dir.npos ? 0 : dir.rfind('/'))) {
        if (dir.ends_with("/" + modules)) continue;
        fs::path real = fs::canonical(fs::path(join_path(join_path(dir, modules), alias)), error);
        if (error) continue;
        found = real.string();
        break;
    }
    known_.emplace(std::move(key), found);
    return found;
}

}  // namespace pmx
