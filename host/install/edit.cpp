#include "install/edit.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "config/workspace_edit.hpp"
#include "install/saved_specifier.hpp"
#include "model/manifest_edit.hpp"
#include "model/pattern.hpp"
#include "model/range.hpp"
#include "model/specifier.hpp"
#include "resolve/hooks.hpp"

namespace pmx {
namespace {

constexpr std::size_t kWorkspaceFileLimit = 4u << 20;

struct Group {
    EdgeKind kind;
    const char* key;
    TextMap Manifest::* map;
};
// The order is who wins where a name stands in several.
constexpr std::array<Group, 4> kGroups = {Group{EdgeKind::optional, "optionalDependencies", &Manifest::optional_dependencies},
                                          Group{EdgeKind::prod, "dependencies", &Manifest::dependencies},
                                          Group{EdgeKind::dev, "devDependencies", &Manifest::dev_dependencies},
                                          Group{EdgeKind::peer, "peerDependencies", &Manifest::peer_dependencies}};

void set(TextMap& map, std::string_view name, std::string_view value) {
    for (auto& [key, old] : map)
        if (key == name) return void(old = value);
    map.emplace_back(name, value);
}

bool drop(TextMap& map, std::string_view name) {
    return std::erase_if(map, [&](const auto& entry) { return entry.first == name; }) > 0;
}

// Where a name stands, and what for; peers count only where they are asked for.
const Group* group_of(const Manifest& manifest, std::string_view name, bool with_peers) {
    for (const Group& group : kGroups)
        if ((with_peers || group.kind != EdgeKind::peer) && find(manifest.*group.map, name)) return &group;
    return nullptr;
}

std::string previous_specifier(const Manifest& manifest, std::string_view name) {
    const Group* group = group_of(manifest, name, true);
    return group ? *find(manifest.*group->map, name) : std::string();
}

template <class List>
auto* by_dir(List& list, std::string_view dir) {
    auto found = std::find_if(list.begin(), list.end(), [&](const auto& item) { return item.dir == dir; });
    return found == list.end() ? nullptr : &*found;
}

std::string list_of(const std::set<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    return list;
}

Failure not_there(std::string_view verb, const std::string& name, const std::set<std::string>& names) {
    std::vector<std::string_view> candidates(names.begin(), names.end());
    std::string near = nearest(name, candidates);
    std::string all = list_of(names);
    std::string remedy = names.empty() ? "there are no dependencies at all" : near.empty() ? "dependencies: " + (all.size() < 400 ? all : "see pmx list") : "did you mean " + near + "?";
    return fail(Code::USAGE, "cannot " + std::string(verb) + " a dependency that is not there", name, remedy);
}

// What one `add` comes to in one project.
struct Addition {
    std::string name, requested;  // as the manifest has it while it is resolved
    EdgeKind kind = EdgeKind::prod;
    std::string catalog;  // where it is to be saved; "" = in the manifest
    bool stays = false;   // nothing new was asked for: the manifest keeps what it has
};

const std::string* in_catalog(const Settings& settings, const std::string& catalog, const std::string& name) {
    auto group = settings.catalogs.find(catalog);
    if (group == settings.catalogs.end()) return nullptr;
    auto entry = group->second.find(name);
    return entry == group->second.end() ? nullptr : &entry->second;
}

// "link:../lib" of a path that was given as it is.
std::string text_of(const Specifier& specifier, std::string_view value) {
    if (specifier.kind == SpecifierKind::git && !specifier.git.saved.empty()) return specifier.git.saved;
    auto below = [](std::string_view path) { return path.starts_with("./") ? path.substr(2) : path; };
    if (specifier.kind == SpecifierKind::link && !value.starts_with("link:")) return "link:" + std::string(below(value));
    if (specifier.kind == SpecifierKind::file && !value.starts_with("file:")) return "file:" + std::string(below(value));
    return std::string(value);
}

Result<std::string> name_of(const Specifier& specifier, const std::string& argument, const std::string& root, const std::string& dir, Sources* sources) {
    const std::string remedy = "say it: pmx add NAME@" + argument;
    const std::string base = dir == "." ? root : join_path(root, dir);
    std::string name;
    if (specifier.kind == SpecifierKind::link || specifier.kind == SpecifierKind::directory) {
        std::string path = join_path(join_path(base, specifier.value), "package.json");
        auto text = read_file(AT_FDCWD, path.c_str(), 16u << 20);
        if (!text) return fail(Code::USAGE, "there is no package.json in what is to be added", path, "add a directory that holds a package");
        PMX_TRY(Manifest manifest, parse_manifest(*text, path));
        name = manifest.name;
    } else if (sources) {
        Specifier asked = specifier;
        if (asked.kind == SpecifierKind::file && !asked.value.starts_with('/')) asked.value = join_path(base, asked.value);
        PMX_TRY(SourcePackage found, specifier.kind == SpecifierKind::git ? sources->repository(asked) : sources->archive(asked, root));
        name = found.manifest.name;
    }
    if (!name.empty()) return name;
    return fail(Code::USAGE, "what is to be added does not tell its name", argument, remedy);
}

Result<Addition> addition(const DependencyEdit& edit, const Settings& settings, const SaveRules& rules, const ProjectFile& file, Sources* sources) {
    PMX_TRY(Specifier specifier, parse_package_argument(edit.argument, rules.registries));
    Addition added;
    added.name = specifier.alias.empty() && specifier.is_alias ? specifier.name : specifier.alias;
    std::string_view value = edit.argument;
    if (added.name.empty()) {
        PMX_TRY(added.name, name_of(specifier, edit.argument, settings.root, file.dir, sources));
    } else if (value.starts_with(added.name) && (value.size() == added.name.size() || value[added.name.size()] == '@')) {
        value.remove_prefix(std::min(value.size(), added.name.size() + 1));
    } else if (specifier.is_alias && value.starts_with("npm:")) {
        value = specifier.value;
    }
    if (NameVerdict verdict = judge_package_name(added.name); !verdict.valid_for_old)
        return fail(Code::SPECIFIER, "is no name of a package", added.name, verdict.errors.empty() ? "" : verdict.errors.front());

    const std::string previous = previous_specifier(file.manifest, added.name);
    const std::string catalog = !settings.text("save-catalog-name").empty() ? std::string(settings.text("save-catalog-name")) : "default";
    const std::string* entry = in_catalog(settings, catalog, added.name);
    const std::string reference = catalog == "default" ? "catalog:" : "catalog:" + catalog;
    const std::string_view mode = settings.text("catalog-mode");
    const bool into_catalog = settings.flag("save-catalog") || !settings.text("save-catalog-name").empty() || mode == "strict" || mode == "prefer";
    if (trim(value).empty()) {
        added.stays = !previous.empty();
        added.requested = added.stays ? previous : entry ? reference : std::string(settings.text("tag"));
    } else if (entry && into_catalog && (value == *entry || (specifier.kind == SpecifierKind::version && satisfies(specifier.value, *entry)))) {
        added.requested = reference;
    } else if (entry && mode == "strict" && !specifier.is_alias && specifier.kind <= SpecifierKind::tag) {
        return fail(Code::CATALOG, "the catalog has another range, and catalog-mode is strict", added.name + ": " + *entry,
                    "add " + added.name + " without a version, or change the catalog");
    } else {
        added.requested = text_of(specifier, value);
    }
    if (into_catalog && !entry && previous.empty() && specifier.kind <= SpecifierKind::tag) added.catalog = catalog;
    const Group* group = group_of(file.manifest, added.name, false);
    added.kind = edit.group ? *edit.group : group ? group->kind : edit.save_peer ? EdgeKind::dev : EdgeKind::prod;
    return added;
}

void put(Manifest& manifest, const Addition& added, bool save_peer) {
    for (const Group& group : kGroups) {
        if (group.kind == added.kind || (save_peer && group.kind == EdgeKind::peer)) set(manifest.*group.map, added.name, added.requested);
        else if (group.kind != EdgeKind::peer) drop(manifest.*group.map, added.name);
    }
}

bool take(Manifest& manifest, const DependencyEdit& edit) {
    bool taken = false;
    for (const Group& group : kGroups)
        if (!edit.group || *edit.group == group.kind) taken |= drop(manifest.*group.map, edit.argument);
    if (taken) std::erase(manifest.injected, edit.argument);
    return taken;
}

// "react@^18" of an update: the name, and what it is to become; "" = newest that the range allows.
std::pair<std::string, std::string> split_update(std::string_view argument) {
    std::size_t at = argument.find('@', 1);
    if (at == argument.npos) return {std::string(argument), {}};
    return {std::string(argument.substr(0, at)), std::string(argument.substr(at + 1))};
}

// An alias keeps its package: "react@18" of "npm:preact@…" is a version of preact.
std::string redirected(std::string_view name, const std::string& old, const std::string& wanted, const SaveRules& rules) {
    auto before = parse_specifier(name, old, rules.registries);
    auto now = parse_specifier(name, wanted, rules.registries);
    if (!before || !now || !before->is_alias || now->is_alias || now->kind > SpecifierKind::tag || !old.starts_with("npm:")) return wanted;
    return "npm:" + before->name + "@" + wanted;
}

bool retarget(Manifest& manifest, const std::string& name, const std::string& wanted, const SaveRules& rules) {
    bool found = false;
    for (const Group& group : kGroups) {
        if (group.kind == EdgeKind::peer) continue;
        for (auto& [key, value] : manifest.*group.map)
            if (key == name) value = redirected(name, value, wanted, rules), found = true;
    }
    return found;
}

std::set<std::string> names_in(const Edits& edits, const std::vector<ProjectFile>& files, bool with_peers) {
    std::set<std::string> names;
    for (const std::string& dir : edits.projects)
        if (const ProjectFile* file = by_dir(files, dir))
            for (const Group& group : kGroups)
                if (with_peers || group.kind != EdgeKind::peer)
                    for (const auto& [name, value] : file->manifest.*group.map) names.insert(name);
    return names;
}

// Changes one project's file, once its versions are known.
class Saving {
  public:
    Saving(const Edits& edits, const Settings& settings, const std::vector<ProjectFile>& files, Lockfile& lockfile)
        : edits_(edits), settings_(settings), files_(files), lockfile_(lockfile), rules_(save_rules(settings)), patterns_(edits.update.patterns) {
        for (const DependencyEdit& edit : edits.list)
            if (edit.action == DependencyEdit::Action::update)
                if (auto [name, wanted] = split_update(edit.argument); !wanted.empty()) retargeted_.emplace(name, wanted);
    }

    Result<> project(const ProjectFile& file, const ProjectInput& input) {
        find_locked(file.dir);
        PMX_TRY(ManifestEdit text, ManifestEdit::open(file.text, file.path));
        for (const DependencyEdit& edit : edits_.list) {
            if (edit.action == DependencyEdit::Action::remove) removed(edit, text);
            if (edit.action == DependencyEdit::Action::add) PMX_CHECK(added(edit, file, input, text));
        }
        if (edits_.update.kind != UpdateScope::Kind::none && edits_.save) updated(file, input, text);
        if (std::string changed = text.text(); changed != file.text) edited_.push_back({file.path, std::move(changed)});
        return {};
    }

    Result<std::vector<FileEdit>> take() {
        if (catalog_changes_.empty()) return std::move(edited_);
        std::string path = join_path(settings_.root, "pnpm-workspace.yaml");
        PMX_TRY(std::optional<std::string> old, read_file_if_exists(AT_FDCWD, path.c_str(), kWorkspaceFileLimit));
        std::string text = old.value_or("");
        for (const auto& [entry, specifier] : catalog_changes_) {
            PMX_TRY(text, with_catalog_entry(text, entry.first, entry.second, specifier, path));
        }
        edited_.push_back({std::move(path), std::move(text)});
        return std::move(edited_);
    }

  private:
    void find_locked(std::string_view dir) {
        index_ = SIZE_MAX;
        for (std::size_t i = 0; i < lockfile_.graph.projects.size() && i < lockfile_.projects.size(); ++i)
            if (lockfile_.graph.projects[i].dir == dir) index_ = i;
    }

    Found found(std::string_view name) const {
        Found found;
        if (index_ == SIZE_MAX) return found;
        const Project& project = lockfile_.graph.projects[index_];
        for (const Edge* edge = lockfile_.graph.begin_edges(project); edge != lockfile_.graph.end_edges(project); ++edge) {
            if (edge->alias != name) continue;
            if (edge->target != kNoPackage) {
                found.version = lockfile_.graph.packages[edge->target].version;
            } else if (const ProjectFile* file = by_dir(files_, edge->link)) {
                found.workspace = true;
                found.version = file->manifest.version;
            }
        }
        return found;
    }

    // The lockfile says what the manifest says, unless an override had the last word.
    void record(std::string_view name, std::string_view from, std::string_view to) {
        if (index_ == SIZE_MAX || from == to) return;
        for (LockedSpecifier& locked : lockfile_.projects[index_].specifiers)
            if (locked.alias == name && locked.specifier == from) locked.specifier = lockfile_.graph.arena.copy(to);
    }

    void removed(const DependencyEdit& edit, ManifestEdit& text) const {
        bool taken = false;
        for (const Group& group : kGroups)
            if (!edit.group || *edit.group == group.kind) taken |= text.remove(group.key, edit.argument);
        if (taken) text.remove_meta(edit.argument);
    }

    Result<> added(const DependencyEdit& edit, const ProjectFile& file, const ProjectInput& input, ManifestEdit& text) {
        // Its name may have been told by what was added: it is what the resolved manifest has and the file has not.
        DependencyEdit named = edit;
        auto specifier = parse_package_argument(edit.argument, rules_.registries);
        if (specifier && specifier->alias.empty() && !specifier->is_alias) {
            std::string value = text_of(*specifier, edit.argument);
            for (const Group& group : kGroups)
                for (const auto& [name, requested] : input.manifest.*group.map)
                    if (requested == value) named.argument = name + "@" + value;
        }
        PMX_TRY(Addition added, addition(named, settings_, rules_, file, nullptr));
        Found version = found(added.name);
        std::string previous = previous_specifier(file.manifest, added.name);
        std::string saved = added.stays || catalog_of(added.requested)
                                ? added.requested
                                : added_specifier(added.name, added.requested, previous, version, rules_);
        if (!added.catalog.empty() && !version.workspace && !version.version.empty()) {
            lockfile_.catalogs[added.catalog][added.name] = {saved, version.version};
            catalog_changes_[{added.catalog, added.name}] = saved;
            saved = added.catalog == "default" ? "catalog:" : "catalog:" + added.catalog;
        }
        for (const Group& group : kGroups) {
            if (group.kind == added.kind || (edit.save_peer && group.kind == EdgeKind::peer)) text.set(group.key, added.name, saved);
            else if (group.kind != EdgeKind::peer) text.remove(group.key, added.name);
        }
        record(added.name, added.requested, saved);
        return {};
    }

    bool is_updated(const std::string& name, std::string_view specifier) const {
        if (edits_.update.kind == UpdateScope::Kind::all || patterns_.matches(name)) return true;
        auto parsed = parse_specifier(name, specifier, rules_.registries);
        return parsed && parsed->is_alias && patterns_.matches(parsed->name);
    }

    void updated(const ProjectFile& file, const ProjectInput& input, ManifestEdit& text) {
        for (const Group& group : kGroups) {
            if (group.kind == EdgeKind::peer) continue;
            for (const auto& [name, requested] : input.manifest.*group.map) {
                const std::string* previous = find(file.manifest.*group.map, name);
                // A name in several groups is what the first of them says.
                if (!previous || !is_updated(name, requested) || group_of(input.manifest, name, false) != &group) continue;
                std::string saved = updated(name, *previous, requested);
                text.set(group.key, name, saved);
                record(name, requested, saved);
            }
        }
    }

    std::string updated(const std::string& name, const std::string& previous, const std::string& requested) {
        Found version = found(name);
        if (auto wanted = retargeted_.find(name); wanted != retargeted_.end()) {
            auto parsed = parse_specifier(name, requested, rules_.registries);
            bool one_version = parsed && (parsed->kind == SpecifierKind::version || parsed->kind == SpecifierKind::tag);
            if (!one_version || catalog_of(previous)) return requested;
            auto before = parse_specifier(name, previous, rules_.registries);
            if (!before || before->kind == SpecifierKind::tag) return requested;
            if (before->kind <= SpecifierKind::range && !before->is_alias) {
                if (version.version.empty()) return requested;
                if (std::optional<std::string> prefix = range_prefix(previous)) return *prefix + version.version;
                auto range = Range::parse(before->value);
                auto chosen = Version::parse(version.version);
                bool fits = parsed->kind == SpecifierKind::version && range && chosen && range->satisfied_by(*chosen);
                return fits ? previous : rules_.prefix + version.version;
            }
            return parsed->kind == SpecifierKind::version ? requested : added_specifier(name, requested, previous, version, rules_);
        }
        if (std::optional<std::string_view> catalog = catalog_of(previous)) {
            const std::string group(*catalog);
            const std::string* entry = in_catalog(settings_, group, name);
            if (!entry) return previous;
            std::string saved = updated_specifier(name, *entry, version, edits_.update.latest, rules_);
            if (saved != *entry) {
                catalog_changes_[{group, name}] = saved;
                if (auto locked = lockfile_.catalogs.find(group); locked != lockfile_.catalogs.end())
                    if (auto in = locked->second.find(name); in != locked->second.end()) in->second.first = saved;
            }
            return previous;
        }
        return updated_specifier(name, previous, version, edits_.update.latest, rules_);
    }

    const Edits& edits_;
    const Settings& settings_;
    const std::vector<ProjectFile>& files_;
    Lockfile& lockfile_;
    const SaveRules rules_;
    const PatternList patterns_;
    std::map<std::string, std::string> retargeted_;
    std::size_t index_ = SIZE_MAX;  // of the project in the lockfile
    std::vector<FileEdit> edited_;
    std::map<std::pair<std::string, std::string>, std::string> catalog_changes_;  // (catalog, name) → specifier
};

}  // namespace

Result<> apply_edits(const Edits& edits, const Settings& settings, const std::vector<ProjectFile>& files, std::vector<ProjectInput>& projects,
                     Sources* sources) {
    const SaveRules rules = save_rules(settings);
    for (const DependencyEdit& edit : edits.list) {
        bool done = edit.action == DependencyEdit::Action::add;
        auto [name, wanted] = split_update(edit.argument);
        for (const std::string& dir : edits.projects) {
            const ProjectFile* file = by_dir(files, dir);
            ProjectInput* project = by_dir(projects, dir);
            if (!file || !project) return fail(Code::USAGE, "there is no project in this directory", join_path(settings.root, dir), "pmx list -r shows the projects");
            switch (edit.action) {
                case DependencyEdit::Action::add: {
                    PMX_TRY(Addition added, addition(edit, settings, rules, *file, sources));
                    put(project->manifest, added, edit.save_peer);
                    break;
                }
                case DependencyEdit::Action::remove: done |= take(project->manifest, edit); break;
                case DependencyEdit::Action::update: done |= wanted.empty() || retarget(project->manifest, name, wanted, rules); break;
            }
        }
        if (done) continue;
        if (edit.action == DependencyEdit::Action::remove) return not_there("remove", edit.argument, names_in(edits, files, true));
        return not_there("update to a version of its own", name, names_in(edits, files, false));
    }
    return {};
}

Result<std::vector<FileEdit>> saved_manifests(const Edits& edits, const Settings& settings, const std::vector<ProjectFile>& files,
                                              const std::vector<ProjectInput>& resolved, Lockfile& lockfile) {
    for (const DependencyEdit& edit : edits.list) {
        if (edit.action != DependencyEdit::Action::update || edit.argument.find_first_of("*!") != edit.argument.npos) continue;
        const std::string name = split_update(edit.argument).first;
        std::set<std::string> names = names_in(edits, files, false);
        if (names.contains(name)) continue;
        for (const Package& package : lockfile.graph.packages) names.emplace(package.name);
        if (!names.contains(name)) return not_there("update", name, names);
    }
    Saving saving(edits, settings, files, lockfile);
    for (const std::string& dir : edits.projects) {
        const ProjectFile* file = by_dir(files, dir);
        const ProjectInput* input = by_dir(resolved, dir);
        if (file && input) PMX_CHECK(saving.project(*file, *input));
    }
    return saving.take();
}

}  // namespace pmx
