#include "install/commit.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <set>

#include <simdjson.h>

#include <fmt/format.h>

#include "base/text.hpp"
#include "install/state.hpp"

namespace pmx {
namespace {

constexpr const char* kModulesFile = ".modules.yaml";
constexpr const char* kWorkspaceState = ".pnpm-workspace-state-v1.json";

std::string http_date() {
    std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[64];
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text;
}

// Where pnpm would keep its store: it compares this with its own and would make the tree anew if it differed.
std::string pnpm_store_dir(const Settings& settings) {
    auto environment = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string(value ? value : "");
    };
    std::string base;
    if (settings.is_set("pnpm-store-dir")) base = join_path(settings.root, settings.text("pnpm-store-dir"));
    else if (std::string home = environment("PNPM_HOME"); !home.empty()) base = home + "/store";
    else if (std::string data = environment("XDG_DATA_HOME"); !data.empty()) base = data + "/pnpm/store";
    else base = home_dir() + "/.local/share/pnpm/store";
    return base.ends_with("/v11") ? base : base + "/v11";
}

void list(JsonWriter& json, std::string_view key, const std::vector<std::string>& items) {
    json.key(key).array();
    for (const std::string& item : items) json.value(item);
    json.end();
}

std::vector<std::string> hoist_patterns(const Settings& settings) {
    return settings.flag("hoist") ? settings.list("hoist-pattern") : std::vector<std::string>();
}

std::vector<std::string> public_hoist_patterns(const Settings& settings) {
    return settings.flag("shamefully-hoist") ? std::vector<std::string>{"*"} : settings.list("public-hoist-pattern");
}

// A foreign layout's directories in the root's node_modules that do not look like packages: it alone knows them.
std::vector<std::string> own_directories(const Settings& settings, const Plan& plan) {
    const std::string begin = std::string(settings.text("modules-dir")) + "/.";
    std::set<std::string> names;
    auto look = [&](Root root, std::string_view path) {
        if (root == Root::project && path.starts_with(begin))
            names.emplace(path.substr(begin.size() - 1, path.find('/', begin.size()) - begin.size() + 1));
    };
    for (const Place& place : plan.places) look(place.root, place.dir);
    for (const Symlink& link : plan.symlinks) look(link.root, link.path);
    return {names.begin(), names.end()};
}

std::string modules_yaml(Run& run, const Commit& what) {
    const Settings& settings = run.settings;
    std::string out;
    JsonWriter json(out, 2);
    json.object();
    std::map<std::string_view, std::map<std::string_view, bool>> hoisted;
    for (const Hoisted& h : what.plan.hoisted) hoisted[what.graph.packages[h.package].id][h.alias] = h.is_public;
    // Projects of the workspace are named by their directory.
    const std::string hidden = what.plan.virtual_store_dir.empty() ? std::string() : std::string(what.plan.virtual_store_dir) + "/node_modules/";
    for (const Symlink& link : what.plan.symlinks)
        if (link.to_project && !hidden.empty() && link.path.starts_with(hidden)) hoisted[link.target][link.path.substr(hidden.size())] = false;
    json.key("hoistedDependencies").object();
    for (const auto& [id, aliases] : hoisted) {
        json.key(id).object();
        for (const auto& [alias, is_public] : aliases) json.key(alias).value(is_public ? "public" : "private");
        json.end();
    }
    json.end();
    list(json, "hoistPattern", hoist_patterns(settings));
    json.key("included").object();
    json.key("dependencies").value(what.included.prod);
    json.key("devDependencies").value(what.included.dev);
    json.key("optionalDependencies").value(what.included.optional);
    json.end();
    std::map<std::string_view, std::vector<std::string_view>> injected;
    for (const Place& place : what.plan.places) {
        const Package& package = what.graph.packages[place.package];
        if (package.resolution.kind == ResolutionKind::directory) injected[package.resolution.directory].push_back(place.dir);
    }
    if (!injected.empty()) {
        json.key("injectedDeps").object();
        for (const auto& [directory, places] : injected) {
            json.key(directory).array();
            for (std::string_view place : places) json.value(place);
            json.end();
        }
        json.end();
    }
    if (!what.ignored_builds.empty()) list(json, "ignoredBuilds", what.ignored_builds);
    json.key("layoutVersion").value(5);
    json.key("nodeLinker").value(what.linker == "global" ? std::string("isolated") : what.linker);
    json.key("packageManager").value("pmx@" PMX_VERSION);
    json.key("pendingBuilds").array().end();
    json.key("prunedAt").value(http_date());
    list(json, "publicHoistPattern", public_hoist_patterns(settings));
    std::vector<std::string> skipped;
    for (const Skipped& s : what.skipped) skipped.emplace_back(what.graph.packages[s.package].id);
    std::sort(skipped.begin(), skipped.end());
    list(json, "skipped", skipped);
    json.key("storeDir").value(pnpm_store_dir(settings));
    std::string modules = join_path(run.root, settings.text("modules-dir"));
    std::string virtual_store = join_path(run.root, settings.text("virtual-store-dir"));
    json.key("virtualStoreDir").value(relative_path(modules, virtual_store));
    json.key("virtualStoreDirMaxLength").value(settings.integer("virtual-store-dir-max-length"));
    if (what.linker == "hoisted") {
        std::map<std::string_view, std::vector<std::string_view>> locations;
        for (const Place& place : what.plan.places) locations[what.graph.packages[place.package].id].push_back(place.dir);
        json.key("hoistedLocations").object();
        for (auto& [id, places] : locations) {
            std::sort(places.begin(), places.end());
            json.key(id).array();
            for (std::string_view place : places) json.value(place);
            json.end();
        }
        json.end();
    }
    json.key("allowBuilds").object();
    for (const auto& [name, allowed] : settings.allow_builds) json.key(name).value(allowed);
    json.end();
    // What pnpm has no word for: which of pmx's linkers made it.
    json.key("pmxLinker").value(what.linker);
    if (std::string identity = layout_identity(settings, what.linker); !identity.empty()) {
        json.key("pmxLayout").value(identity);
        list(json, "pmxDirs", own_directories(settings, what.plan));
    }
    json.end();
    return out;
}

bool is_filtered(const Commit& what) { return !what.inputs.chosen.empty(); }

std::string workspace_state(Run& run, const Commit& what) {
    const Settings& settings = run.settings;
    std::string out;
    JsonWriter json(out, 2);
    auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    json.object();
    json.key("lastValidatedTimestamp").value(static_cast<std::int64_t>(now.count()));
    json.key("projects").object();
    for (std::size_t i = 0; i < what.inputs.project_dirs.size(); ++i) {
        json.key(join_path(run.root, what.inputs.project_dirs[i])).object();
        if (!what.inputs.wanted[i].name.empty()) json.key("name").value(what.inputs.wanted[i].name);
        if (!what.inputs.versions[i].empty()) json.key("version").value(what.inputs.versions[i]);
        json.end();
    }
    json.end();
    json.key("pnpmfiles").array().end();
    json.key("filteredInstall").value(is_filtered(what));
    json.key("settings").object();
    json.key("autoInstallPeers").value(settings.flag("auto-install-peers"));
    json.key("catalogs").object();
    for (const auto& [catalog, entries] : settings.catalogs) {
        json.key(catalog).object();
        for (const auto& [name, specifier] : entries) json.key(name).value(specifier);
        json.end();
    }
    json.end();
    json.key("dedupeDirectDeps").value(settings.flag("dedupe-direct-deps"));
    json.key("dedupeInjectedDeps").value(settings.flag("dedupe-injected-deps"));
    json.key("dedupePeerDependents").value(settings.flag("dedupe-peer-dependents"));
    json.key("dedupePeers").value(settings.flag("dedupe-peers"));
    json.key("dev").value(what.included.dev);
    json.key("excludeLinksFromLockfile").value(settings.flag("exclude-links-from-lockfile"));
    list(json, "hoistPattern", hoist_patterns(settings));
    json.key("hoistWorkspacePackages").value(settings.flag("hoist-workspace-packages"));
    json.key("injectWorkspacePackages").value(settings.flag("inject-workspace-packages"));
    std::string_view link = settings.text("link-workspace-packages");
    link == "deep" ? json.key("linkWorkspacePackages").value(link) : json.key("linkWorkspacePackages").value(link == "true");
    json.key("nodeLinker").value(what.linker == "global" ? std::string("isolated") : what.linker);
    json.key("optional").value(what.included.optional);
    if (!settings.overrides.empty()) {
        json.key("overrides").object();
        for (const auto& [key, value] : settings.overrides) json.key(key).value(value);
        json.end();
    }
    if (!settings.patched_dependencies.empty()) {
        json.key("patchedDependencies").object();
        for (const auto& [key, value] : settings.patched_dependencies) json.key(key).value(value);
        json.end();
    }
    json.key("peersSuffixMaxLength").value(settings.integer("peers-suffix-max-length"));
    json.key("preferWorkspacePackages").value(settings.flag("prefer-workspace-packages"));
    json.key("production").value(what.included.prod);
    list(json, "publicHoistPattern", public_hoist_patterns(settings));
    json.key("virtualStoreDirMaxLength").value(settings.integer("virtual-store-dir-max-length"));
    auto workspace = stat_at(AT_FDCWD, join_path(run.root, "pnpm-workspace.yaml").c_str());
    if (workspace && *workspace) {
        json.key("workspacePackagePatterns").array();
        if (settings.workspace_packages.empty()) json.value(".");
        for (const std::string& pattern : settings.workspace_packages) json.value(pattern);
        json.end();
    }
    json.end();
    json.end();
    return out;
}

bool same_value(simdjson::dom::element a, simdjson::dom::element b) {
    if (a.is_object() && b.is_object()) {
        simdjson::dom::object left = a.get_object().value_unsafe(), right = b.get_object().value_unsafe();
        if (left.size() != right.size()) return false;
        auto beside = right.begin();  // in the same order, mostly: a look by name reads all that is before it
        for (auto field : left) {
            simdjson::dom::element other;
            if (beside.key() == field.key) other = beside.value();
            else if (right[field.key].get(other)) return false;
            if (!same_value(field.value, other)) return false;
            ++beside;
        }
        return true;
    }
    if (a.is_array() && b.is_array()) {
        simdjson::dom::array left = a.get_array().value_unsafe(), right = b.get_array().value_unsafe();
        return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin(), same_value);
    }
    if (a.is_string() && b.is_string()) return a.get_string().value_unsafe() == b.get_string().value_unsafe();
    return simdjson::minify(a) == simdjson::minify(b);
}

bool says_nothing(simdjson::dom::element value) {
    return value.is_null() || (value.is_array() && value.get_array().value_unsafe().size() == 0) ||
           (value.is_object() && value.get_object().value_unsafe().size() == 0);
}

// Does what stands there say all that we would say? Times, names of programs and what pnpm has yet to build aside; the other program may say more,
// and may leave out what is empty.
bool covers(simdjson::dom::object stands, simdjson::dom::object wanted) {
    for (auto field : wanted) {
        if (field.key == "prunedAt" || field.key == "packageManager" || field.key == "storeDir" || field.key == "pendingBuilds" ||
            field.key == "lastValidatedTimestamp")
            continue;
        auto found = stands[field.key];
        if (found.error()) {
            bool implied = field.key == "pmxLinker" && !wanted["nodeLinker"].error() && same_value(wanted["nodeLinker"].value_unsafe(), field.value);
            if (!implied && !says_nothing(field.value)) return false;
        } else if (field.key == "settings" && found.is_object() && field.value.is_object()) {
            if (!covers(found.get_object().value_unsafe(), field.value.get_object().value_unsafe())) return false;
        } else if (!same_value(found.value_unsafe(), field.value)) {
            return false;
        }
    }
    return true;
}

// A record that already says so is left alone, whoever wrote it.
Result<> write_record(const std::string& path, const std::string& text) {
    auto old = read_file_if_exists(AT_FDCWD, path.c_str(), 64u << 20);
    if (old && *old) {
        if (**old == text) return {};
        if (!text.starts_with('{')) return write_file_atomically(AT_FDCWD, path.c_str(), text, Durable::no);
        simdjson::dom::parser old_parser, new_parser;
        simdjson::dom::object stands, wanted;
        simdjson::padded_string old_text(**old), new_text(text);
        if (!old_parser.parse(old_text).get(stands) && !new_parser.parse(new_text).get(wanted) && covers(stands, wanted)) return {};
    }
    return write_file_atomically(AT_FDCWD, path.c_str(), text, Durable::no);
}

Result<State> observe(Run& run, const Commit& what) {
    State state;
    state.fingerprint = settings_fingerprint(run.settings);
    state.linker = what.linker;
    state.lockfile = what.inputs.lockfile.file_name;
    state.check = std::string(run.settings.text("check"));
    auto add = [](std::vector<Witness>& to, const std::string& path, bool directory) -> Result<> {
        PMX_TRY(Witness w, witness(path, directory));
        to.push_back(std::move(w));
        return {};
    };
    for (const std::string& file : what.inputs.files) PMX_CHECK(add(state.inputs, file, false));
    for (const std::string& file : run.settings.files_read) PMX_CHECK(add(state.inputs, file, false));
    for (const std::string& file : plugin_files(run.settings)) PMX_CHECK(add(state.inputs, file, false));
    for (const std::string& dir : what.inputs.project_dirs) {
        std::string project = join_path(run.root, dir);
        // A project that appears beside another one changes the directory that holds both.
        if (dir != ".") PMX_CHECK(add(state.directories, parent_path(project), true));
        PMX_TRY(Witness modules, witness_of_own(join_path(project, run.settings.text("modules-dir"))));
        state.directories.push_back(std::move(modules));
    }
    if (!what.plan.virtual_store_dir.empty()) {
        PMX_TRY(Witness store, witness_of_own(join_path(run.root, what.plan.virtual_store_dir)));
        state.directories.push_back(std::move(store));
    }
    return state;
}

Result<> write_whole(const std::string& path, const std::string& text) {
    PMX_TRY(std::optional<FileStat> there, stat_at(AT_FDCWD, path.c_str()));
    if (there && there->is_symlink())
        return fail(Code::UNSAFE_PATH, "will not write through a symbolic link", path, "replace the link by the file itself");
    if (there) {
        PMX_TRY(std::string old, read_file(AT_FDCWD, path.c_str(), 1u << 30));
        if (old == text) return {};
    }
    return write_file_atomically(AT_FDCWD, path.c_str(), text);
}

}  // namespace

// Manifests first: a lockfile that promises more than they ask for is worse than one that promises less.
Result<> commit_lockfile(Run& run, const Inputs& inputs) {
    StageTimer timer(run.metrics, Stage::commit);
    for (const FileEdit& edit : inputs.edited) PMX_CHECK(write_whole(edit.path, edit.text));
    if (inputs.lockfile_text.empty() || !run.settings.flag("lockfile")) return {};
    return write_whole(join_path(run.root, inputs.lockfile.file_name), inputs.lockfile_text);
}

// Nothing here is synced to the disk: records of a tree that a power cut tears are torn with it, and the next run looks.
Result<> commit(Run& run, Store& store, const Commit& what) {
    StageTimer timer(run.metrics, Stage::commit);
    std::string modules = join_path(run.root, run.settings.text("modules-dir"));
    PMX_CHECK(make_dirs(AT_FDCWD, modules));
    const Lockfile& lockfile = what.inputs.lockfile;
    if (lockfile.format == LockfileFormat::pnpm) {
        std::string virtual_store = join_path(run.root, run.settings.text("virtual-store-dir"));
        // What a filtered install leaves of other projects was wanted by an earlier run: groups are taken out already.
        const Included included = is_filtered(what) ? Included{true, true, what.included.optional} : what.included;
        std::string current = current_lockfile_text(what.installed, included);
        std::string path = join_path(virtual_store, "lock.yaml");
        if (current.empty()) {
            PMX_CHECK(remove_file(AT_FDCWD, path.c_str()));
        } else {
            PMX_CHECK(make_dirs(AT_FDCWD, virtual_store));
            PMX_CHECK(write_record(path, current));
        }
        PMX_CHECK(write_record(join_path(modules, kModulesFile), modules_yaml(run, what)));
        PMX_CHECK(write_record(join_path(modules, kWorkspaceState), workspace_state(run, what)));
        PMX_CHECK(remove_file(AT_FDCWD, join_path(modules, ".package-lock.json").c_str()));
    } else {
        std::vector<std::uint32_t> skipped;
        for (std::uint32_t i = 0; i < what.graph.packages.size(); ++i)
            if (what.graph.packages[i].skipped) skipped.push_back(i);
        if (what.linker == "hoisted") {
            // npm believes this file only where it is younger than the packages: a tree that changed gets a new one.
            std::string path = join_path(modules, ".package-lock.json"), text = npm_hidden_lockfile_text(lockfile, skipped);
            bool changed = run.metrics.linked || run.metrics.symlinks_made || run.metrics.bins_made;
            PMX_CHECK(changed ? write_file_atomically(AT_FDCWD, path.c_str(), text, Durable::no) : write_record(path, text));
            PMX_CHECK(remove_file(AT_FDCWD, join_path(modules, kModulesFile).c_str()));
        } else {
            PMX_CHECK(write_record(join_path(modules, kModulesFile), modules_yaml(run, what)));
            PMX_CHECK(remove_file(AT_FDCWD, join_path(modules, ".package-lock.json").c_str()));
        }
    }
    PMX_CHECK(store.record_project(run.root, what.keys));
    if (!what.whole || is_filtered(what)) return {};
    // The state's own directory first: making it changes node_modules, which the state describes.
    PMX_CHECK(make_dirs(AT_FDCWD, join_path(modules, ".pmx")));
    PMX_TRY(State state, observe(run, what));
    return write_state(modules, state);
}

TreeRecord read_tree_record(const std::string& root, std::string_view modules_dir) {
    TreeRecord record;
    std::string modules = join_path(root, modules_dir);
    auto text = read_file_if_exists(AT_FDCWD, join_path(modules, kModulesFile).c_str(), 64u << 20);
    if (!text || !*text) {
        auto npm = stat_at(AT_FDCWD, join_path(modules, ".package-lock.json").c_str());
        record.exists = npm && *npm;
        record.linker = record.exists ? "hoisted" : "";
        return record;
    }
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    if (parser.parse(simdjson::padded_string(**text)).get(document)) return record;
    auto string = [&](const char* key) {
        std::string_view value;
        return document[key].get(value) ? std::string() : std::string(value);
    };
    auto strings = [&](const char* key) {
        std::vector<std::string> items;
        simdjson::dom::array array;
        if (!document[key].get(array))
            for (simdjson::dom::element item : array)
                if (std::string_view value; !item.get(value)) items.emplace_back(value);
        return items;
    };
    record.exists = true;
    record.linker = string("pmxLinker");
    if (record.linker.empty()) record.linker = string("nodeLinker");
    record.layout = string("pmxLayout");
    record.own_dirs = strings("pmxDirs");
    record.virtual_store_dir = string("virtualStoreDir");
    record.hoist_pattern = strings("hoistPattern");
    record.public_hoist_pattern = strings("publicHoistPattern");
    auto integer = document["virtualStoreDirMaxLength"].get_int64();
    if (!integer.error()) record.virtual_store_dir_max_length = integer.value_unsafe();
    for (auto [key, flag] : {std::pair("dependencies", &record.included.prod), std::pair("devDependencies", &record.included.dev),
                             std::pair("optionalDependencies", &record.included.optional)})
        if (auto value = document["included"][key].get_bool(); !value.error()) *flag = value.value_unsafe();
    return record;
}

}  // namespace pmx
