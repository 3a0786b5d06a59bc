#include "install/build.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "base/text.hpp"
#include "model/manifest.hpp"
#include "script/lifecycle.hpp"
#include "script/process.hpp"

namespace pmx {
namespace {

// The patch file of a package: an exact "name@version" wins over "name"; ranges were resolved by whoever wrote the
// lockfile, which holds the hash, so any key of this name whose file has that hash is right.
const std::string* patch_file(const Settings& settings, const Package& package) {
    const std::string* found = nullptr;
    std::string exact = fmt::format("{}@{}", package.name, package.version);
    for (const auto& [key, file] : settings.patched_dependencies) {
        if (key == exact) return &file;
        if (key == package.name || key.starts_with(std::string(package.name) + "@")) found = &file;
    }
    return found;
}

Result<> apply_patch(Run& run, const std::string& patch, const std::string& directory, std::string_view id) {
    std::string said;
    Program program;
    program.arguments = {"git", "apply", "-p1", "--whitespace=nowarn", "--", patch};
    program.directory = directory;
    // The package must not be taken for a part of the project's own repository.
    program.environment = {{"GIT_CEILING_DIRECTORIES", parent_path(directory)}, {"GIT_DIR", directory + "/.no-repository"}};
    program.line = [&](std::string_view line, bool) {
        if (said.size() < 2000) said += "\n    " + std::string(line);
    };
    PMX_TRY(int status, run_program(program, run.cancel));
    if (status == 0) return {};
    return fail(Code::PATCH, fmt::format("the patch {} does not apply", patch), std::string(id) + said,
                "make the patch again for this version of the package");
}

struct Script {
    std::uint32_t place;
    std::string event, text, name, version;
};

Result<std::vector<Script>> scripts_of(const Tree& tree, const Plan& plan, std::uint32_t place) {
    std::vector<Script> scripts;
    const Place& where = plan.places[place];
    PMX_TRY(Fd dir, tree.open_place(where.root, where.dir));
    PMX_TRY(std::optional<std::string> text, read_file_if_exists(dir.raw(), "package.json", 16u << 20));
    if (!text) return scripts;
    PMX_TRY(Manifest manifest, parse_manifest(*text, where.dir));
    for (const char* event : {"preinstall", "install", "postinstall"})
        if (const std::string* script = find(manifest.scripts, event); script && !script->empty())
            scripts.push_back({place, event, *script, manifest.name, manifest.version});
    if (!find(manifest.scripts, "install") && !find(manifest.scripts, "preinstall") && manifest.gypfile.value_or(true)) {
        PMX_TRY(std::optional<FileStat> gyp, stat_at(dir.raw(), "binding.gyp"));
        if (gyp) {
            Script install{place, "install", "node-gyp rebuild", manifest.name, manifest.version};
            auto at = std::find_if(scripts.begin(), scripts.end(), [](const Script& s) { return s.event == "postinstall"; });
            scripts.insert(at, std::move(install));
        }
    }
    return scripts;
}

// Rounds of packages: each needs only packages of earlier rounds. Cycles end in one round.
std::vector<std::vector<std::uint32_t>> rounds(const Graph& graph, const std::vector<std::uint32_t>& packages) {
    std::vector<std::uint32_t> depth(graph.packages.size(), 0);
    std::vector<std::uint8_t> state(graph.packages.size(), 0);
    std::vector<bool> builds(graph.packages.size());
    for (std::uint32_t p : packages) builds[p] = true;
    struct Frame {
        std::uint32_t package;
        const Edge* next;
    };
    std::vector<Frame> stack;
    auto enter = [&](std::uint32_t p) {
        state[p] = 1;
        stack.push_back({p, graph.begin_edges(graph.packages[p])});
    };
    for (std::uint32_t start : packages) {
        if (state[start]) continue;
        enter(start);
        while (!stack.empty()) {
            Frame& frame = stack.back();
            if (frame.next == graph.end_edges(graph.packages[frame.package])) {
                state[frame.package] = 2;
                std::uint32_t done = frame.package;
                stack.pop_back();
                if (!stack.empty()) {
                    std::uint32_t& above = depth[stack.back().package];
                    above = std::max(above, depth[done] + (builds[done] ? 1u : 0u));
                }
                continue;
            }
            std::uint32_t target = (frame.next++)->target;
            if (target == kNoPackage) continue;
            if (state[target] == 0) enter(target);
            else if (state[target] == 2)
                depth[frame.package] = std::max(depth[frame.package], depth[target] + (builds[target] ? 1u : 0u));
        }
    }
    std::vector<std::vector<std::uint32_t>> out;
    for (std::uint32_t p : packages) {
        if (depth[p] >= out.size()) out.resize(depth[p] + 1);
        out[depth[p]].push_back(p);
    }
    return out;
}

std::vector<std::string> bin_directories(const std::string& directory) {
    std::vector<std::string> directories{directory + "/node_modules/.bin"};
    for (std::string at = directory; at.size() > 1; at = parent_path(at))
        if (base_name(at) == "node_modules") directories.push_back(at + "/.bin");
    return directories;
}

}  // namespace

Result<> apply_patches(Run& run, const Graph& graph, const Plan& plan, const std::vector<bool>& keep, Tree& tree) {
    for (std::uint32_t i = 0; i < plan.places.size(); ++i) {
        const Place& place = plan.places[i];
        const Package& package = graph.packages[place.package];
        if (keep[i] || package.patch_hash.empty()) continue;
        StageTimer timer(run.metrics, Stage::build, package.id);
        const std::string* file = patch_file(run.settings, package);
        if (!file)
            return fail(Code::PATCH, "the lockfile says that this package is patched, and no setting names a patch for it",
                        std::string(package.id), "restore patchedDependencies in pnpm-workspace.yaml, or make the lockfile again");
        PMX_CHECK(apply_patch(run, join_path(run.settings.root, *file), join_path(tree.path(place.root), place.dir), package.id));
    }
    return {};
}

Result<Builds> run_builds(Run& run, const Graph& graph, const Plan& plan, const std::vector<bool>& keep,
                          const std::vector<PackageFacts>& facts, Tree& tree, const std::string& init_cwd) {
    Builds builds;
    std::vector<std::vector<std::uint32_t>> places_of(graph.packages.size());
    std::vector<std::uint32_t> packages;
    for (std::uint32_t i = 0; i < plan.places.size(); ++i) {
        std::uint32_t p = plan.places[i].package;
        if (keep[i] || !graph.packages[p].runs_scripts || !facts[p].has_install_script) continue;
        if (places_of[p].empty()) packages.push_back(p);
        places_of[p].push_back(i);
    }
    for (const std::vector<std::uint32_t>& round : rounds(graph, packages)) {
        std::mutex mutex;
        std::optional<Error> error;
        Pool pool(std::min<std::size_t>(4, std::max(1u, std::thread::hardware_concurrency())), round.size() + 1);
        for (std::uint32_t p : round)
            pool.submit([&, p](std::uint32_t) {
                const Package& package = graph.packages[p];
                for (std::uint32_t place : places_of[p]) {
                    auto scripts = scripts_of(tree, plan, place);
                    Result<> outcome;
                    if (!scripts) outcome = tl::make_unexpected(std::move(scripts).error());
                    else
                        for (const Script& script : *scripts) {
                            StageTimer timer(run.metrics, Stage::build, package.id);
                            std::string directory = join_path(tree.path(plan.places[place].root), plan.places[place].dir);
                            run.events.script_started(package.id, script.event, script.text, directory);
                            auto status = run_script({script.event, script.text, script.name, script.version, directory,
                                                      bin_directories(directory), init_cwd, std::string(run.settings.text("user-agent")),
                                                      [&](std::string_view line, bool is_error) {
                                                          run.events.script_line(package.id, script.event, line, is_error);
                                                      }},
                                                     run.cancel);
                            if (!status) {
                                outcome = tl::make_unexpected(std::move(status).error());
                                break;
                            }
                            run.events.script_ended(package.id, script.event, *status);
                            if (*status == 0) continue;
                            outcome = fail(Code::SCRIPT, fmt::format("{} failed with exit status {}", script.event, *status),
                                           fmt::format("{} ({})", package.id, script.text),
                                           "its output is above; run pmx install --ignore-scripts to go on without it");
                            break;
                        }
                    if (outcome) continue;
                    std::lock_guard lock(mutex);
                    if (package.optional && outcome.error().code == Code::SCRIPT) {
                        run.events.skipped_optional(package.id, "build_failure", to_string(outcome.error()));
                        builds.failed_optional.push_back(p);
                        for (std::uint32_t of_it : places_of[p]) (void)tree.remove_later(plan.places[of_it].root, plan.places[of_it].dir);
                    } else if (!error) {
                        error = std::move(outcome).error();
                    }
                    return;
                }
            });
        pool.drain();
        if (error) return tl::make_unexpected(std::move(*error));
    }
    builds.any = !packages.empty();
    std::sort(builds.failed_optional.begin(), builds.failed_optional.end());
    return builds;
}

Result<> run_project_scripts(Run& run, const Inputs& inputs, const std::string& init_cwd) {
    for (const std::string& dir : inputs.project_dirs) {
        if (!inputs.is_chosen(dir)) continue;
        std::string directory = join_path(run.root, dir);
        PMX_TRY(std::optional<std::string> text, read_file_if_exists(AT_FDCWD, (directory + "/package.json").c_str(), 16u << 20));
        if (!text) continue;
        PMX_TRY(Manifest manifest, parse_manifest(*text, directory));
        for (const char* event : {"preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare"}) {
            const std::string* script = find(manifest.scripts, event);
            if (!script || script->empty()) continue;
            StageTimer timer(run.metrics, Stage::build, directory);
            run.events.script_started(dir, event, *script, directory);
            PMX_TRY(int status, run_script({event, *script, manifest.name, manifest.version, directory, bin_directories(directory), init_cwd,
                                            std::string(run.settings.text("user-agent")),
                                            [&](std::string_view line, bool is_error) { run.events.script_line(dir, event, line, is_error); }},
                                           run.cancel));
            run.events.script_ended(dir, event, status);
            if (status != 0)
                return fail(Code::SCRIPT, fmt::format("{} failed with exit status {}", event, status), fmt::format("{} ({})", directory, *script),
                            "its output is above; run pmx install --ignore-scripts to go on without it");
        }
    }
    return {};
}

}  // namespace pmx
