#include "install/install.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "install/ahead.hpp"
#include "install/bins.hpp"
#include "install/build.hpp"
#include "install/commit.hpp"
#include "install/converge.hpp"
#include "install/filtered.hpp"
#include "install/pipeline.hpp"
#include "install/plan.hpp"
#include "install/read.hpp"
#include "install/resolve.hpp"
#include "install/run.hpp"
#include "install/standing.hpp"
#include "install/state.hpp"
#include "install/store_look.hpp"
#include "install/transport.hpp"
#include "install/tree.hpp"
#include "install/verify.hpp"

namespace pmx {
namespace {

// Whose archives lie elsewhere than below their registry; known once there is a graph.
struct ArchiveOwners {
    std::mutex mutex;
    std::map<std::string, std::string, std::less<>> by_url;
};

// `transport` is there before the first validator is: it needs the plugins that these services are made for.
HostServices services_of(const InstallOptions& options, ArchiveOwners& owners, std::optional<Transport>& transport) {
    const Settings& settings = *options.settings;
    HostServices services = host_services(settings, *options.metrics, *options.events, *options.cancel);
    services.authorization = [&settings, &owners](std::string_view url) {
        std::lock_guard lock(owners.mutex);
        auto owner = owners.by_url.find(url);
        return settings.authorization(url, owner == owners.by_url.end() ? std::string_view() : std::string_view(owner->second));
    };
    services.registry = [&transport](std::string_view package, std::string_view path) { return transport->document(package, path); };
    return services;
}

// The slot of the virtual store that holds nothing but this place and its links; the place itself elsewhere.
std::string_view slot_or_place(const Plan& plan, const Place& place) {
    std::string_view store = plan.virtual_store_dir, dir = place.dir;
    if (place.root != Root::project || store.empty() || !dir.starts_with(store) || dir.size() <= store.size() || dir[store.size()] != '/') return dir;
    return dir.substr(0, dir.find('/', store.size() + 1));
}

// Symbolic links to packages that could not be had (and were optional) point nowhere: they go.
Result<> drop_dangling(Tree& tree, const Plan& plan, const std::vector<std::uint32_t>& failed) {
    if (failed.empty()) return {};
    std::vector<std::string_view> gone;
    for (const Place& place : plan.places)
        if (std::find(failed.begin(), failed.end(), place.package) != failed.end()) {
            PMX_CHECK(tree.remove_later(place.root, slot_or_place(plan, place)));
            gone.push_back(place.dir);
        }
    for (const Symlink& link : plan.symlinks)
        if (std::find(gone.begin(), gone.end(), link.target) != gone.end())
            PMX_CHECK(remove_file(tree.fd(link.root), std::string(link.path).c_str()));
    return {};
}

std::vector<std::string> ignored_builds(const Settings& settings, const Graph& graph, const std::vector<PackageFacts>& facts) {
    std::vector<std::string> names;
    if (settings.flag("ignore-scripts")) return names;
    for (std::uint32_t i = 0; i < graph.packages.size(); ++i) {
        const Package& package = graph.packages[i];
        if (!facts[i].has_install_script || package.runs_scripts) continue;
        std::string id = std::string(package.name) + "@" + std::string(package.version);
        auto refused = settings.allow_builds.find(std::string(package.name));
        if (refused != settings.allow_builds.end() && !refused->second) continue;
        if (std::find(names.begin(), names.end(), id) == names.end()) names.push_back(id);
    }
    return names;
}

Frozen how_frozen(const Settings& settings, bool ci) {
    if (settings.flag("frozen-lockfile")) return Frozen::yes;
    bool told = settings.is_set("frozen-lockfile") || settings.is_set("prefer-frozen-lockfile");
    return ci && !told ? Frozen::if_there_is : Frozen::no;
}

// Does the lockfile do as it is?
bool has_to_resolve(const Settings& settings, const Inputs& inputs, const Edits& edits) {
    if (!inputs.has_lockfile || !inputs.differences.empty() || edits.any()) return true;
    return settings.is_set("frozen-lockfile") && !settings.flag("frozen-lockfile") && !settings.flag("prefer-frozen-lockfile");
}

// What would be done, for --dry-run: packages by id that come and go, then the files that would be written.
std::vector<std::string> dry_run(const Inputs& inputs, const Graph& graph, const std::optional<Lockfile>& current) {
    std::set<std::string_view> before, after;
    if (current)
        for (const Package& package : current->graph.packages) before.insert(package.id);
    std::vector<std::string> lines;
    for (const Package& package : graph.packages)
        if (!package.skipped) after.insert(package.id);
    for (std::string_view id : after)
        if (!before.contains(id)) lines.push_back("+ " + std::string(id));
    for (std::string_view id : before)
        if (!after.contains(id)) lines.push_back("- " + std::string(id));
    if (!inputs.lockfile_text.empty()) lines.push_back("would write " + inputs.lockfile.file_name);
    for (const FileEdit& edit : inputs.edited) lines.push_back("would write " + edit.path);
    return lines;
}

// The pipeline as far as the store: for the phases fetch and check.
Result<> fill_store(Run& run, Store& store, const Graph& graph, const Plan& plan, StoreLook& look, const LoadingValidators& validators, Ahead* ahead,
                    Until until) {
    PMX_CHECK(validators.get());
    PMX_TRY(Tree tree, Tree::open(run, {}));
    PMX_TRY(std::shared_ptr<StoreSeen> seen, look.take());
    Pipeline pipeline(run, store, graph, plan, tree, std::vector<bool>(plan.places.size()), std::vector<bool>(plan.symlinks.size()), std::move(seen), *validators.get(), nullptr, ahead, until);
    PMX_TRY(PipelineResult done, pipeline.run());
    return {};
}

void hand_over(StageValues* values, Lockfile& lockfile, Plan* plan) {
    if (!values) return;
    values->known = true;
    values->lockfile_text = lockfile.text;
    values->lockfile = std::move(lockfile);
    if (plan) values->plan = std::move(*plan);
}

}  // namespace

Result<InstallReport> install(const InstallOptions& options) {
    const Settings& settings = *options.settings;
    Metrics& metrics = *options.metrics;
    InstallReport report;
    report.check = std::string(settings.text("check"));
    const std::string modules_dir(settings.text("modules-dir")), modules = join_path(settings.root, modules_dir);

    const bool lockfile_only = settings.flag("lockfile-only"), dry = settings.flag("dry-run");
    if (!settings.flag("force") && !options.edits.any() && !lockfile_only && !dry && options.is_whole()) {
        StageTimer timer(metrics, Stage::read);
        if (auto state = read_state(modules); state && holds(*state, settings)) {
            report.up_to_date = true;
            report.lockfile = state->lockfile;
            report.linker = state->linker;
            return report;
        }
    }

    ArchiveOwners owners;
    std::optional<Transport> transport;
    Plugins plugins(plugin_path(settings), services_of(options, owners, transport));
    transport.emplace(settings, plugins, *options.cancel);
    if (options.requested) transport->record(options.requested);
    Run run{settings, metrics, *options.events, *options.cancel, plugins, *transport, settings.root};
    for (const pmx_plugin* strategy : options.strategies) PMX_CHECK(plugins.add(strategy));
    auto started = std::make_unique<StageTimer>(metrics, Stage::read);
    std::optional<EarlyLook> early;
    if (!lockfile_only && !dry && options.until >= Until::link && options.planner.empty() && options.strategies.empty()) {
        PMX_TRY(const std::optional<std::string> name, settings.flag("lockfile") ? lockfile_name(settings.root) : Result<std::optional<std::string>>());
        const std::string linker = linker_name(settings, name && name->ends_with(".json") ? LockfileFormat::npm : LockfileFormat::pnpm);
        if (is_shipped_linker(linker)) early.emplace(run, linker);
    }
    // Their code is loaded while the lockfile is read and the tree planned.
    std::optional<LoadingValidators> validators;
    if (!lockfile_only && !dry && options.until >= Until::fetch) validators.emplace(run);
    const std::vector<DependencyEdit>& edits = options.edits.list;
    const bool adds = std::any_of(edits.begin(), edits.end(), [](const DependencyEdit& edit) { return edit.action == DependencyEdit::Action::add; });
    PMX_TRY(Inputs inputs, read_inputs(settings, options.edits.any() ? Frozen::no : how_frozen(settings, options.ci), *options.events, adds,
                                       options.edits.only));
    started.reset();

    std::optional<Store> store;
    std::optional<FileLock> store_hold;
    if (!lockfile_only && !dry && options.until >= Until::fetch) {
        PMX_TRY(store, Store::open(std::string(settings.text("store-dir")), true));
        PMX_TRY(store_hold, store->hold());
    }
    if (early) early->tell(tree_facts(settings, inputs, store->shared_root_path()));
    std::unique_ptr<Ahead> ahead;
    if (options.resolved) {
        PMX_CHECK(take_lockfile(run, inputs, options.resolved->file_name, options.resolved->text));
        PMX_TRY(std::vector<std::string> changed, manifest_differences(settings, inputs));
        if (!changed.empty())
            return fail(Code::LOCKFILE_OUTDATED, "the manifests have changed since this graph was resolved: " + changed.front(), settings.root, "resolve again");
    } else if (has_to_resolve(settings, inputs, options.edits)) {
        if (settings.flag("explain"))
            for (const std::string& line : inputs.differences) run.events.explain("resolving: " + line);
        if (store && inputs.chosen.empty())  // what a filtered install needs is known when all is resolved
            ahead = std::make_unique<Ahead>(run, *store, *validators, early && early->is_under_way());
        if (auto done = resolve_inputs(run, inputs, options.edits, ahead.get()); !done) {
            options.cancel->set();  // what is on its way need not come
            return tl::make_unexpected(std::move(done).error());
        }
        report.resolved = true;
    }
    inputs.lockfile.tree.reset();
    report.lockfile_changed = !inputs.lockfile_text.empty();
    report.lockfile = inputs.lockfile.file_name;
    report.linker = linker_name(settings, inputs.lockfile.format);
    if (options.until == Until::resolve) {
        report.plugins_loaded = plugins.loaded();
        hand_over(options.values, inputs.lockfile, nullptr);
        return report;
    }
    if (lockfile_only && !dry) {
        PMX_CHECK(commit_lockfile(run, inputs));
        report.up_to_date = !report.lockfile_changed && inputs.edited.empty();
        report.plugins_loaded = plugins.loaded();
        return report;
    }

    const Included included = included_groups(settings);
    std::optional<Lockfile> part;
    if (!inputs.chosen.empty()) {
        PMX_TRY(part, lockfile_of_tree(inputs, read_current_lockfile(settings.root, modules_dir, settings.text("virtual-store-dir")), included));
    }
    Lockfile& installed = part ? *part : inputs.lockfile;
    Graph& graph = installed.graph;
    {
        std::lock_guard lock(owners.mutex);
        owners.by_url = archives_elsewhere(graph, settings);
    }
    PMX_TRY(std::vector<Skipped> skipped, mark_skipped(run, graph, part ? Included{true, true, included.optional} : included, Tell::yes));
    mark_built(settings, graph);
    // From here on the graph stays as it is.
    std::optional<StoreLook> look;
    if (store) {
        auto there = stat_at(AT_FDCWD, modules.c_str());
        const bool empty_tree = options.until > Until::check && !ahead && there && !*there && report.linker != "global";
        look.emplace(run, *store, graph, *validators, empty_tree);
    }
    PMX_TRY(Plan plan, make_plan(run, graph, options.planner.empty() ? report.linker : options.planner));
    if (options.until < Until::link) {
        if (options.until > Until::plan) PMX_CHECK(fill_store(run, *store, graph, plan, *look, *validators, ahead.get(), options.until));
        report.warm = metrics.warm;
        report.cold = metrics.cold;
        report.plugins_loaded = plugins.loaded();
        report.plugin_counters = plugins.counters();
        hand_over(options.values, installed, &plan);
        return report;
    }

    if (dry) {
        report.plan = dry_run(inputs, graph, read_current_lockfile(settings.root, modules_dir, settings.text("virtual-store-dir")));
        return report;
    }

    run.events.context(inputs.lockfile.file_name, report.linker, store->path(), std::string(plan.virtual_store_dir), report.check);
    bool uses_shared = std::any_of(plan.places.begin(), plan.places.end(), [](const Place& p) { return p.root == Root::shared; });
    PMX_TRY(Tree tree, Tree::open(run, uses_shared ? store->shared_root_path() : std::string()));

    // Two runs on one tree would undo each other's work: the second one waits.
    PMX_CHECK(tree.ensure_dir(Root::project, modules_dir));
    PMX_CHECK(tree.ensure_dir(Root::project, modules_dir + "/.pmx"));
    const std::string lock = modules_dir + "/.pmx/lock";
    PMX_TRY(std::optional<FileLock> tree_lock, FileLock::take(tree.fd(Root::project), lock.c_str(), FileLock::Mode::exclusive, false));
    if (!tree_lock) {
        run.events.warning("another pmx works on this tree; waiting for it");
        PMX_TRY(tree_lock, FileLock::take(tree.fd(Root::project), lock.c_str(), FileLock::Mode::exclusive, true));
    }
    std::optional<Standing> standing;
    if (early && early->linker() == report.linker) standing = early->take();
    PMX_CHECK(forget_state(modules));
    PMX_CHECK(tree.remove_old_trash());

    run.events.stage("importing_started");
    for (const Skipped& s : skipped)
        if (!s.reason.empty()) run.events.skipped_optional(graph.packages[s.package].id, s.reason, s.details);
    run.events.packages_found(plan.places.size());
    PMX_TRY(Converged converged, converge(run, tree, graph, plan, report.linker, inputs, std::move(standing), store->shared_root_path()));

    PMX_CHECK(validators->get());
    PMX_TRY(std::unique_ptr<ImporterChain> importers, ImporterChain::open(run));
    PipelineResult linked;
    {
        PMX_TRY(std::shared_ptr<StoreSeen> seen, look->take());
        Pipeline pipeline(run, *store, graph, plan, tree, converged.keep, converged.keep_links, std::move(seen), *validators->get(), std::move(importers), ahead.get(), options.until);
        auto outcome = pipeline.run();
        if (!outcome) {
            (void)tree.empty_trash();
            return tl::make_unexpected(std::move(outcome).error());
        }
        linked = std::move(*outcome);
    }
    PMX_CHECK(drop_dangling(tree, plan, linked.failed_optional));
    auto counted = [&] {
        report.added = metrics.linked;
        report.removed = converged.removed;
        report.warm = metrics.warm;
        report.cold = metrics.cold;
        report.plugins_loaded = plugins.loaded();
        report.plugin_counters = plugins.counters();
        report.up_to_date = report.added == 0 && report.removed == 0 && metrics.symlinks_made == 0 && metrics.bins_made == 0;
        hand_over(options.values, installed, &plan);
        return report;
    };
    if (options.until == Until::link) {
        PMX_CHECK(tree.empty_trash());
        return counted();
    }
    PMX_CHECK(apply_patches(run, graph, plan, linked.keep, tree));
    PMX_CHECK(link_bins(run, graph, plan, converged.old_plan, linked.keep, tree, linked.facts));
    run.events.stats(metrics.linked, converged.removed);
    for (const RootDependency& dependency : converged.root_changes) run.events.root_dependency(dependency);
    run.events.stage("importing_done");
    PMX_CHECK(tree.seal_slots());
    std::vector<std::string> ignored = ignored_builds(settings, graph, linked.facts);
    run.events.ignored_scripts(ignored);
    if (!settings.flag("ignore-scripts")) {
        PMX_TRY(Builds built, run_builds(run, graph, plan, linked.keep, linked.facts, tree, options.dir));
        PMX_CHECK(drop_dangling(tree, plan, built.failed_optional));
        // Scripts may have made the programs that their package promises.
        if (built.any) PMX_CHECK(link_bins(run, graph, plan, converged.old_plan, linked.keep, tree, linked.facts));
        PMX_CHECK(run_project_scripts(run, inputs, options.dir));
    }

    PMX_CHECK(tree.empty_trash());
    PMX_CHECK(commit_lockfile(run, inputs));
    PMX_CHECK(commit(run, *store, {inputs, graph, plan, skipped, ignored, linked.keys, included, installed, report.linker, linked.failed_optional.empty()}));
    return counted();
}

}  // namespace pmx
