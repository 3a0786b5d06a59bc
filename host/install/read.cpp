#include "install/read.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/fs.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "model/contained_path.hpp"
#include "model/manifest.hpp"

namespace pmx {
namespace {

constexpr std::size_t kManifestLimit = 16u << 20, kLockfileLimit = 256u << 20;

void add(WantedProject& project, const TextMap& dependencies, EdgeKind kind) {
    for (const auto& [alias, specifier] : dependencies) project.dependencies.push_back({alias, specifier, kind});
}

Result<WantedProject> read_project(const std::string& root, const std::string& dir, std::vector<std::string>& files, std::string& version) {
    std::string path = join_path(join_path(root, dir), "package.json");
    files.push_back(path);
    PMX_TRY(std::optional<std::string> text, read_file_if_exists(AT_FDCWD, path.c_str(), kManifestLimit));
    WantedProject project;
    project.dir = dir;
    if (!text) {
        if (dir == ".") return project;  // a lockfile may stand without a root manifest
        return fail(Code::MANIFEST, "the lockfile names a project that has no package.json", path,
                    "restore the project, or make the lockfile again");
    }
    PMX_TRY(Manifest manifest, parse_manifest(*text, path));
    project.name = manifest.name;
    version = manifest.version;
    add(project, manifest.dependencies, EdgeKind::prod);
    add(project, manifest.dev_dependencies, EdgeKind::dev);
    add(project, manifest.optional_dependencies, EdgeKind::optional);
    add(project, manifest.peer_dependencies, EdgeKind::peer);
    project.injected = manifest.injected;
    return project;
}

Result<std::vector<std::pair<std::string, std::string>>> patch_hashes(const Settings& settings, std::vector<std::string>& files) {
    std::vector<std::pair<std::string, std::string>> hashes;
    for (const auto& [key, file] : settings.patched_dependencies) {
        std::string path = join_path(settings.root, file);
        files.push_back(path);
        PMX_TRY(std::string text, read_file(AT_FDCWD, path.c_str(), kManifestLimit));
        hashes.emplace_back(key, sha256_hex(replace_all(text, "\r\n", "\n")));
    }
    return hashes;
}

}  // namespace

Result<std::string> lockfile_name(const std::string& root) {
    for (const char* name : {"pnpm-lock.yaml", "npm-shrinkwrap.json", "package-lock.json"}) {
        PMX_TRY(std::optional<FileStat> there, stat_at(AT_FDCWD, join_path(root, name).c_str()));
        if (there) return std::string(name);
    }
    return fail(Code::NO_LOCKFILE, "no pnpm-lock.yaml, package-lock.json or npm-shrinkwrap.json here", root,
                "pmx installs from a lockfile; resolving from package.json alone is not there yet: make one with pnpm or npm");
}

Result<Inputs> read_inputs(const Settings& settings) {
    PMX_TRY(std::string name, lockfile_name(settings.root));
    Inputs inputs;
    std::string path = join_path(settings.root, name);
    inputs.files.push_back(path);
    PMX_TRY(std::string text, read_file(AT_FDCWD, path.c_str(), kLockfileLimit));
    auto lockfile = read_lockfile(name, std::move(text));
    if (!lockfile) {
        Error error = std::move(lockfile).error();
        if (error.subject.empty()) error.subject = path;
        return tl::make_unexpected(std::move(error));
    }
    inputs.lockfile = std::move(*lockfile);

    for (Project& project : inputs.lockfile.graph.projects) {
        std::string dir(project.dir);
        inputs.project_dirs.push_back(dir);
        std::string version;
        PMX_TRY(WantedProject wanted, read_project(settings.root, dir, inputs.files, version));
        inputs.versions.push_back(std::move(version));
        // pnpm's lockfile does not name its projects, and hoisting links them by name.
        if (project.name.empty() && is_safe_package_name(wanted.name)) project.name = inputs.lockfile.graph.arena.copy(wanted.name);
        inputs.wanted.push_back(std::move(wanted));
    }

    WantedSettings wanted;
    wanted.overrides = settings.overrides;
    PMX_TRY(wanted.patched, patch_hashes(settings, inputs.files));
    wanted.catalogs = settings.catalogs;
    wanted.ignored_optional = settings.ignored_optional_dependencies;
    if (settings.is_set("auto-install-peers")) wanted.auto_install_peers = settings.flag("auto-install-peers");
    if (settings.is_set("exclude-links-from-lockfile"))
        wanted.exclude_links_from_lockfile = settings.flag("exclude-links-from-lockfile");
    std::vector<std::string> differences = lockfile_differences(inputs.lockfile, inputs.wanted, wanted);
    if (!differences.empty()) {
        std::string list;
        for (std::size_t i = 0; i < differences.size() && i < 40; ++i) list += "\n    " + differences[i];
        if (differences.size() > 40) list += fmt::format("\n    … and {} more", differences.size() - 40);
        return fail(Code::LOCKFILE_OUTDATED, "the lockfile does not say what the manifests ask for", path + list,
                    settings.flag("frozen-lockfile")
                        ? "bring them together with the package manager that wrote the lockfile, or install without --frozen-lockfile once resolving is there"
                        : "resolving is not there yet: bring them together with the package manager that wrote the lockfile");
    }
    return inputs;
}

std::optional<Lockfile> read_current_lockfile(const std::string& root, std::string_view modules_dir, std::string_view virtual_store_dir) {
    struct Where {
        std::string path;
        const char* reads_as;
    };
    for (const Where& where : {Where{join_path(join_path(root, virtual_store_dir), "lock.yaml"), "pnpm-lock.yaml"},
                               Where{join_path(join_path(root, modules_dir), ".package-lock.json"), "package-lock.json"}}) {
        auto text = read_file_if_exists(AT_FDCWD, where.path.c_str(), kLockfileLimit);
        if (!text || !*text) continue;
        auto lockfile = read_lockfile(where.reads_as, std::move(**text));
        if (lockfile) return std::move(*lockfile);
    }
    return std::nullopt;
}

}  // namespace pmx
