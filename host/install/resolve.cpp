#include "install/resolve.hpp"

#include <algorithm>
#include <chrono>

#include "base/fs.hpp"
#include "install/local_changes.hpp"
#include "install/metadata.hpp"
#include "install/node_version.hpp"
#include "install/resolved_before.hpp"
#include "install/sources.hpp"
#include "install/transport.hpp"
#include "registry/packuments.hpp"
#include "resolve/hooks.hpp"
#include "resolve/npm_resolve.hpp"
#include "resolve/policy.hpp"
#include "resolve/resolve.hpp"

namespace pmx {
namespace {

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The manifests as they are on disk, without a root that has none.
std::vector<ProjectInput> project_inputs(const Inputs& inputs) {
    std::vector<ProjectInput> projects;
    for (const ProjectFile& file : inputs.projects)
        if (!file.text.empty() || file.dir == ".") projects.push_back({file.dir, file.manifest, !inputs.is_chosen(file.dir)});
    return projects;
}

// What pnpm copies from manifests as it stands: dependenciesMeta, publishConfig.directory.
void record_manifests(const std::vector<ProjectInput>& projects, Lockfile& lockfile) {
    for (LockedProject& locked : lockfile.projects)
        for (const ProjectInput& project : projects)
            if (project.dir == locked.dir) record_manifest(locked, project.manifest, lockfile.graph.arena);
}

// pmx runs no JavaScript of a project: hooks that pnpm would call change nothing here, and that has to be said.
void warn_of_pnpmfile(Run& run) {
    for (const char* name : {".pnpmfile.cjs", ".pnpmfile.mjs"})
        if (auto there = stat_at(AT_FDCWD, join_path(run.root, name).c_str()); there && *there)
            run.events.warning(std::string(name) + " is not run: what its hooks would change is resolved without them; overrides and packageExtensions in pnpm-workspace.yaml do most of it");
}

Result<std::string> text_of(const Lockfile& lockfile, const std::vector<ProjectInput>& projects) {
    if (lockfile.format == LockfileFormat::pnpm) return pnpm_lockfile_text(lockfile);
    std::vector<Manifest> manifests;
    for (const Project& project : lockfile.graph.projects)
        for (const ProjectInput& input : projects)
            if (input.dir == project.dir) manifests.push_back(input.manifest);
    return npm_lockfile_text(lockfile, manifests);
}

}  // namespace

// What is installed is what the text says, so that a later run from the lockfile cannot differ.
Result<> take_lockfile(Run& run, Inputs& inputs, const std::string& file_name, std::string text) {
    PMX_TRY(Lockfile lockfile, read_lockfile(file_name, text));
    lockfile.tree.reset();
    bool changed = !inputs.has_lockfile || inputs.mended || inputs.lockfile.text != text;
    inputs.lockfile = std::move(lockfile);
    inputs.has_lockfile = true;
    if (changed) inputs.lockfile_text = std::move(text);
    inputs.differences.clear();
    std::vector<std::string> watched = local_files(inputs.lockfile.graph, run.settings.root);
    watched.push_back(join_path(run.settings.root, inputs.lockfile.file_name));
    for (std::string& path : watched)
        if (std::find(inputs.files.begin(), inputs.files.end(), path) == inputs.files.end()) inputs.files.push_back(std::move(path));
    return bind_projects(inputs, run.settings);
}

Result<> resolve_inputs(Run& run, Inputs& inputs, const Edits& edits, Ahead* ahead) {
    StageTimer timer(run.metrics, Stage::resolve);
    const Settings& settings = run.settings;
    run.events.stage("resolution_started");

    warn_of_pnpmfile(run);
    PMX_TRY(Policy policy, policy_from(settings, now_ms()));
    policy.patched = inputs.patched;
    const bool npm = inputs.has_lockfile && inputs.lockfile.format == LockfileFormat::npm;
    if (npm && policy.node_version.empty()) policy.node_version = node_version(run);  // npm's picking asks for engines
    PMX_TRY(Hooks hooks, Hooks::make(policy, settings.root));
    PMX_TRY(Patches patches, Patches::make(policy));
    BoundedTransport transport(run.transport, run.metrics, static_cast<std::size_t>(settings.integer("network-concurrency")));
    InstallSources sources(run, [&run](FetchRequest request) { return run.transport.fetch_and_wait(std::move(request)); });

    TreeInput input;
    input.root = settings.root;
    input.projects = project_inputs(inputs);
    PMX_CHECK(apply_edits(edits, settings, inputs.projects, input.projects, &sources));
    input.policy = &policy;
    input.hooks = &hooks;
    input.patches = &patches;
    input.settings = &settings;
    if (inputs.has_lockfile) {
        PMX_CHECK(read_records(inputs.lockfile));
        input.wanted = &inputs.lockfile;
    }
    input.update = edits.update;
    const bool is_plain = !npm && inputs.chosen.empty() && inputs.patched.empty() && edits.update.kind == UpdateScope::Kind::none && !edits.update.dedupe;
    std::optional<Told> told;
    if (is_plain && inputs.has_lockfile && !inputs.mended && inputs.differences.empty() && edits.any()) told = told_before(settings, inputs);
    input.is_own = told.has_value();
    input.sources = &sources;
    input.cancel = &run.cancel;
    input.progress = [&run](std::size_t asked, std::size_t chosen) { run.events.resolving(asked, chosen); };
    if (ahead) {
        input.chosen = [ahead](const PackageRecord& record) { ahead->want(record); };
        input.tells_pinned = !ahead->only_new();
    }
    std::uint64_t from_cache = 0;
    auto attempt = [&](bool revalidate) {
        PackumentsOptions options = packuments_options(settings, policy);
        options.revalidate = revalidate;
        options.full |= npm;  // npm's lockfiles record licences, which short documents leave out
        Packuments packuments(settings, std::move(options), metadata_sender(transport));
        input.packuments = &packuments;
        auto outcome = npm ? resolve_npm(input) : resolve(input);
        from_cache = packuments.counters().from_cache;
        return outcome;
    };
    auto outcome = attempt(false);
    // A version that the cache does not know may have been published since.
    if (!outcome && outcome.error().code == Code::NO_MATCHING_VERSION && from_cache > 0 && !settings.flag("offline")) outcome = attempt(true);
    PMX_TRY(Resolved resolved, std::move(outcome));

    PMX_TRY(inputs.edited, saved_manifests(edits, settings, inputs.projects, input.projects, resolved.lockfile));
    for (ProjectFile& file : inputs.projects)
        for (const FileEdit& edit : inputs.edited)
            if (edit.path == file.path) {
                file.text = edit.text;
                PMX_TRY(file.manifest, parse_manifest(edit.text, edit.path));
                for (ProjectInput& project : input.projects)  // npm's lockfile holds what is saved
                    if (project.dir == file.dir) project.manifest = file.manifest;
            }
    resolved.lockfile.file_name = inputs.has_lockfile ? inputs.lockfile.file_name : "pnpm-lock.yaml";
    resolved.lockfile.text = inputs.lockfile.text;  // an env document in front, an npm lockfile's indentation
    if (!npm) record_manifests(input.projects, resolved.lockfile);
    PMX_TRY(std::string text, text_of(resolved.lockfile, input.projects));
    PMX_CHECK(take_lockfile(run, inputs, resolved.lockfile.file_name, std::move(text)));

    if (!resolved.has_grown) {
        told = std::move(resolved.warnings);
        if (std::string issues = describe_peer_issues(resolved.issues); !issues.empty()) told->push_back(std::move(issues));
    }
    if (is_plain && resolved.is_settled && resolved.unresolved_optional.empty() && !settings.flag("dry-run")) remember_told(settings, inputs, *told);
    run.events.explain("resolved by walking " + std::to_string(resolved.walked) + " packages");
    for (const std::string& warning : *told) run.events.warning(warning);
    for (const std::string& dropped : resolved.unresolved_optional) run.events.skipped_optional(dropped, "resolution_failure", "");
    run.events.stage("resolution_done");
    return {};
}

}  // namespace pmx
