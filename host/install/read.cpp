#include "install/read.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/fs.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "config/workspace.hpp"
#include "install/filtered.hpp"
#include "install/local_changes.hpp"
#include "install/plan.hpp"
#include "model/contained_path.hpp"
#include "model/manifest.hpp"
#include "resolve/hooks.hpp"
#include "resolve/policy.hpp"

namespace pmx {
namespace {

constexpr std::size_t kManifestLimit = 16u << 20, kLockfileLimit = 256u << 20;

void add(WantedProject& project, const TextMap& dependencies, EdgeKind kind) {
    for (const auto& [alias, specifier] : dependencies) project.dependencies.push_back({alias, specifier, kind});
}

WantedProject wanted_project(const ProjectFile& file) {
    WantedProject project;
    project.dir = file.dir;
    project.name = file.manifest.name;
    add(project, file.manifest.dependencies, EdgeKind::prod);
    add(project, file.manifest.dev_dependencies, EdgeKind::dev);
    add(project, file.manifest.optional_dependencies, EdgeKind::optional);
    add(project, file.manifest.peer_dependencies, EdgeKind::peer);
    project.injected = file.manifest.injected;
    project.version = file.manifest.version;
    project.publish_directory = file.manifest.publish_directory;
    project.dependencies_meta = file.manifest.dependencies_meta;
    return project;
}

Result<ProjectFile> read_project(const std::string& root, const std::string& dir, std::vector<std::string>& files) {
    ProjectFile file{dir, join_path(join_path(root, dir), "package.json"), {}, {}};
    files.push_back(file.path);
    PMX_TRY(std::optional<std::string> text, read_file_if_exists(AT_FDCWD, file.path.c_str(), kManifestLimit));
    if (!text) return file;
    PMX_TRY(file.manifest, parse_manifest(*text, file.path));
    file.text = std::move(*text);
    return file;
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

// Every project that the workspace's patterns admit and every one that the lockfile names.
Result<> read_projects(const Settings& settings, Inputs& inputs) {
    std::vector<std::string> dirs{"."};
    if (!settings.workspace_packages.empty()) {
        PMX_TRY(dirs, workspace_dirs(settings.root, settings.workspace_packages));
        dirs.insert(dirs.begin(), ".");
    }
    for (const Project& project : inputs.lockfile.graph.projects)
        if (std::find(dirs.begin(), dirs.end(), project.dir) == dirs.end()) dirs.emplace_back(project.dir);
    for (const std::string& dir : dirs) {
        PMX_TRY(ProjectFile file, read_project(settings.root, dir, inputs.files));
        inputs.projects.push_back(std::move(file));
    }
    return {};
}

const ProjectFile* find_project(const Inputs& inputs, std::string_view dir) {
    for (const ProjectFile& file : inputs.projects)
        if (file.dir == dir) return &file;
    return nullptr;
}

Result<std::vector<std::string>> differences(const Settings& settings, const Inputs& inputs) {
    WantedSettings wanted;
    wanted.overrides = settings.overrides;
    wanted.package_extensions_checksum = "";
    if (!settings.overrides.empty() || !settings.package_extensions_json.empty()) {
        PMX_TRY(Policy policy, policy_from(settings, 0));
        PMX_TRY(Hooks hooks, Hooks::make(policy, settings.root));
        wanted.overrides = hooks.recorded_overrides();
        wanted.package_extensions_checksum = hooks.extensions_checksum();
    }
    wanted.patched = inputs.patched;
    wanted.catalogs = settings.catalogs;
    wanted.ignored_optional = settings.ignored_optional_dependencies;
    wanted.auto_install_peers = settings.flag("auto-install-peers");
    wanted.exclude_links_from_lockfile = settings.flag("exclude-links-from-lockfile");
    wanted.inject_workspace_packages = settings.flag("inject-workspace-packages");
    wanted.dedupe_peers = settings.flag("dedupe-peers");
    wanted.peers_suffix_max_length = static_cast<std::uint32_t>(settings.integer("peers-suffix-max-length"));
    std::vector<WantedProject> projects = inputs.wanted;
    for (const ProjectFile& file : inputs.projects)  // projects that the lockfile does not hold yet
        if (!file.text.empty() && inputs.is_chosen(file.dir) && std::find(inputs.project_dirs.begin(), inputs.project_dirs.end(), file.dir) == inputs.project_dirs.end())
            projects.push_back(wanted_project(file));
    std::vector<std::string> found = lockfile_differences(inputs.lockfile, projects, wanted);
    // Which directory of a project others are to see. pnpm 10 did not record it, and pnpm 12 makes such a lockfile anew.
    for (const LockedProject& locked : inputs.lockfile.projects) {
        const ProjectFile* file = find_project(inputs, locked.dir);
        if (!file || inputs.lockfile.format != LockfileFormat::pnpm) continue;
        const bool links = file->manifest.publish_directory.empty() || file->manifest.link_publish_directory, linked = locked.link_directory != "false";
        if (links != linked)
            found.push_back(fmt::format("{}: publishConfig.linkDirectory is {}, the lockfile was made with {}", locked.dir, links, linked));
    }
    return found;
}

std::string shown(const std::vector<std::string>& lines) {
    std::string list;
    for (std::size_t i = 0; i < lines.size() && i < 40; ++i) list += "\n    " + lines[i];
    if (lines.size() > 40) list += fmt::format("\n    … and {} more", lines.size() - 40);
    return list;
}

// A lockfile that cannot be used as it is, where somebody may mend it.
Result<Lockfile> mend_lockfile(const Settings& settings, const std::string& name, std::string_view text, Error error, Events& events) {
    if (error.code == Code::LOCKFILE_CONFLICT) {
        PMX_TRY(std::string merged, merge_conflicts(name, text));
        events.warning(name + " holds merge conflicts: both sides are merged, and what they disagree on is resolved anew");
        return read_lockfile(name, std::move(merged));
    }
    if (error.code == Code::LOCKFILE_BROKEN && name == "pnpm-lock.yaml") {
        auto current = read_current_lockfile(settings.root, settings.text("modules-dir"), settings.text("virtual-store-dir"));
        if (current && current->format == LockfileFormat::pnpm) {
            events.warning(name + " is broken (" + error.what + "): it is made anew from what is installed");
            return std::move(*current);
        }
    }
    return tl::make_unexpected(std::move(error));
}

// Under excludeLinksFromLockfile the manifest alone says what is linked with link:.
Result<> add_excluded_links(Graph& graph, Project& project, const ProjectFile& file, const Included& included) {
    std::vector<Edge> edges(graph.begin_edges(project), graph.end_edges(project));
    const std::size_t before = edges.size();
    for (auto [group, kind] : {std::pair(&file.manifest.optional_dependencies, EdgeKind::optional), std::pair(&file.manifest.dependencies, EdgeKind::prod),
                               std::pair(&file.manifest.dev_dependencies, EdgeKind::dev)})
        for (const auto& [alias, specifier] : *group) {
            if (!specifier.starts_with("link:") || !wants(included, kind)) continue;
            if (!is_safe_package_name(alias) || printable(specifier) != specifier)
                return fail(Code::UNSAFE_PATH, "cannot be linked under this name", printable(alias + ": " + specifier), "correct " + file.path);
            if (std::any_of(edges.begin(), edges.end(), [&](const Edge& edge) { return edge.alias == alias; })) continue;
            std::string to = join_path(file.dir == "." ? std::string_view() : std::string_view(file.dir), std::string_view(specifier).substr(5));
            edges.push_back({graph.arena.copy(alias), kNoPackage, graph.arena.copy(to.empty() ? "." : to), kind});
        }
    if (edges.size() == before) return {};
    project.first_edge = static_cast<std::uint32_t>(graph.edges.size());
    project.edge_count = static_cast<std::uint32_t>(edges.size());
    graph.edges.insert(graph.edges.end(), edges.begin(), edges.end());
    return {};
}

}  // namespace

Result<std::optional<std::string>> lockfile_name(const std::string& root) {
    for (const char* name : {"pnpm-lock.yaml", "npm-shrinkwrap.json", "package-lock.json"}) {
        PMX_TRY(std::optional<FileStat> there, stat_at(AT_FDCWD, join_path(root, name).c_str()));
        if (there) return std::optional<std::string>(name);
    }
    return std::optional<std::string>();
}

Result<std::vector<std::string>> manifest_differences(const Settings& settings, const Inputs& inputs) { return differences(settings, inputs); }

Result<> bind_projects(Inputs& inputs, const Settings& settings) {
    inputs.wanted.clear();
    inputs.project_dirs.clear();
    inputs.versions.clear();
    for (const Project& project : inputs.lockfile.graph.projects) {
        const ProjectFile* file = find_project(inputs, project.dir);
        // A lockfile may stand without a root manifest.
        if ((!file || file->text.empty()) && project.dir != ".")
            return fail(Code::MANIFEST, "the lockfile names a project that has no package.json",
                        join_path(join_path(settings.root, project.dir), "package.json"),
                        "restore the project, or make the lockfile again");
        inputs.project_dirs.emplace_back(project.dir);
        if (!file) {
            inputs.wanted.push_back({std::string(project.dir), {}, {}, {}});
            inputs.versions.emplace_back();
            continue;
        }
        inputs.versions.push_back(file->manifest.version);
        inputs.wanted.push_back(wanted_project(*file));
    }
    return complete_projects(inputs, inputs.lockfile, {});
}

Result<> complete_projects(const Inputs& inputs, Lockfile& lockfile, const Included& included) {
    auto links = lockfile.settings.find("excludeLinksFromLockfile");
    const bool excludes_links = links != lockfile.settings.end() && links->second == "true";
    for (Project& project : lockfile.graph.projects) {
        const ProjectFile* file = find_project(inputs, project.dir);
        if (!file) continue;
        // Hoisting links projects by name.
        if (project.name.empty() && is_safe_package_name(file->manifest.name)) project.name = lockfile.graph.arena.copy(file->manifest.name);
        if (excludes_links) PMX_CHECK(add_excluded_links(lockfile.graph, project, *file, included));
    }
    return {};
}

bool Inputs::is_chosen(std::string_view dir) const {
    return chosen.empty() || dir == "." || std::find(chosen.begin(), chosen.end(), dir) != chosen.end();
}

Result<Inputs> read_inputs(const Settings& settings, Frozen frozen, Events& events, bool begins, const std::vector<std::string>& chosen) {
    Inputs inputs;
    inputs.chosen = chosen;
    std::optional<std::string> name;
    if (settings.flag("lockfile")) {
        PMX_TRY(name, lockfile_name(settings.root));
    }
    if (name) {
        std::string path = join_path(settings.root, *name);
        inputs.files.push_back(path);
        PMX_TRY(std::string text, read_file(AT_FDCWD, path.c_str(), kLockfileLimit));
        auto lockfile = read_lockfile(*name, text);
        if (!lockfile && frozen == Frozen::no) {
            lockfile = mend_lockfile(settings, *name, text, std::move(lockfile).error(), events);
            inputs.mended = true;
        }
        if (!lockfile) {
            Error error = std::move(lockfile).error();
            if (error.subject.empty()) error.subject = path;
            return tl::make_unexpected(std::move(error));
        }
        inputs.lockfile = std::move(*lockfile);
        inputs.lockfile.file_name = *name;
        inputs.has_lockfile = true;
    } else if (frozen == Frozen::yes) {
        return fail(Code::NO_LOCKFILE, "no pnpm-lock.yaml, package-lock.json or npm-shrinkwrap.json here", settings.root,
                    "run pmx install without --frozen-lockfile once, and commit the lockfile that it writes");
    }
    PMX_CHECK(read_projects(settings, inputs));
    PMX_TRY(inputs.patched, patch_hashes(settings, inputs.files));
    if (!inputs.has_lockfile) {
        if (!begins && inputs.projects.size() == 1 && inputs.projects.front().text.empty())
            return fail(Code::MANIFEST, "no package.json here", settings.root, "run pmx in a project, or say where one is with -C DIR");
        return inputs;
    }
    if (!chosen.empty()) {
        if (inputs.lockfile.format == LockfileFormat::npm)
            return fail(Code::USAGE, "an install by " + *name + " is for the whole workspace", "--filter", "leave the filter out");
        hold_others_as_locked(inputs);
    }
    // Projects that are gone: without them the lockfile has to be made anew.
    for (const Project& project : inputs.lockfile.graph.projects)
        if (const ProjectFile* file = find_project(inputs, project.dir); frozen == Frozen::no && project.dir != "." && file->text.empty())
            inputs.differences.push_back(std::string(project.dir) + ": the project is gone");
    if (!inputs.differences.empty()) return inputs;
    PMX_CHECK(bind_projects(inputs, settings));
    PMX_TRY(inputs.differences, differences(settings, inputs));
    for (std::string& file : local_files(inputs.lockfile.graph, settings.root)) inputs.files.push_back(std::move(file));
    if (frozen == Frozen::no && inputs.differences.empty()) inputs.differences = local_changes(inputs.lockfile.graph, settings.root);
    if (inputs.mended && inputs.differences.empty()) inputs.differences.push_back("the lockfile had to be mended");
    if (inputs.differences.empty() || frozen == Frozen::no) return inputs;
    return fail(Code::LOCKFILE_OUTDATED, "the lockfile does not say what the manifests ask for",
                join_path(settings.root, *name) + shown(inputs.differences),
                "run pmx install --no-frozen-lockfile to bring it up to date, and commit it");
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
