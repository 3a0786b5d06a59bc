// What makes a lockfile unfit for the manifests beside it, in pnpm's rules for a pnpm lockfile and npm's for an npm one.
#include <algorithm>
#include <map>
#include <set>

#include "lockfile/dep_path.hpp"
#include "lockfile/lockfile.hpp"
#include "model/pattern.hpp"
#include "model/range.hpp"

namespace pmx {
namespace {

const char* group_name(EdgeKind kind) {
    switch (kind) {
        case EdgeKind::dev: return "devDependencies";
        case EdgeKind::optional: return "optionalDependencies";
        case EdgeKind::peer: return "peerDependencies";
        case EdgeKind::prod: break;
    }
    return "dependencies";
}

// Where an alias stands in two groups, the first of these counts.
int precedence(EdgeKind kind) {
    switch (kind) {
        case EdgeKind::optional: return 0;
        case EdgeKind::prod: return 1;
        case EdgeKind::dev: return 2;
        case EdgeKind::peer: break;
    }
    return 3;
}

struct Asked {
    std::string specifier;
    EdgeKind kind;
};
using Dependencies = std::map<std::string, Asked, std::less<>>;

void ask(Dependencies& to, std::string_view alias, std::string_view specifier, EdgeKind kind) {
    auto [at, fresh] = to.try_emplace(std::string(alias), Asked{std::string(specifier), kind});
    if (!fresh && precedence(kind) < precedence(at->second.kind)) at->second = {std::string(specifier), kind};
}

// What an override's selector is about: "b@^2" of "a@1>b@^2".
std::string_view override_selector(std::string_view selector) {
    for (std::size_t at = selector.find('>', 1); at != std::string_view::npos; at = selector.find('>', at + 1)) {
        char before = selector[at - 1];
        if (before == '@' || before == ' ' || before == '|' || at + 1 == selector.size() || selector[at + 1] == '=') continue;
        selector = selector.substr(at + 1);
        break;
    }
    return selector;
}
std::string_view override_target(std::string_view selector) {
    selector = override_selector(selector);
    return selector.substr(0, selector.find('@', 1));
}

// Whether a selector with a range ("b@^2") is about a dependency with this specifier.
bool override_fits(std::string_view selector, std::string_view specifier) {
    selector = override_selector(selector);
    std::size_t at = selector.find('@', 1);
    if (at == std::string_view::npos || selector.substr(at + 1) == specifier) return true;
    auto asked = Range::parse(specifier), about = Range::parse(selector.substr(at + 1));
    return asked && about && asked->intersects(*about);
}

// The range of "workspace:^1.0.0" or "workspace:name@^1.0.0"; "*" where any version will do.
std::string_view workspace_range(std::string_view specifier) {
    constexpr std::string_view kProtocol = "workspace:";
    if (specifier.starts_with(kProtocol)) {
        specifier.remove_prefix(kProtocol.size());
        if (std::size_t at = specifier.rfind('@'); at != std::string_view::npos && at != 0) specifier.remove_prefix(at + 1);
    }
    return specifier == "^" || specifier == "~" ? "*" : specifier;
}

class Comparison {
  public:
    Comparison(const Lockfile& lockfile, const std::vector<WantedProject>& projects, const WantedSettings& settings)
        : lockfile_(lockfile), projects_(projects), settings_(settings) {
        for (const LockedProject& project : lockfile.projects) locked_.emplace(project.dir, &project);
        for (const WantedProject& project : projects) wanted_.emplace(project.dir, &project);
    }

    std::vector<std::string> run() {
        bool pnpm = lockfile_.format == LockfileFormat::pnpm;
        if (pnpm) compare_settings();
        for (const WantedProject& project : projects_) compare_project(project);
        if (pnpm)
            for (const WantedProject& directory : settings_.directories) compare_directory(directory);
        return std::move(found_);
    }

  private:
    bool flag(const char* name, bool by_default) const {
        auto at = lockfile_.settings.find(name);
        return at == lockfile_.settings.end() ? by_default : at->second == "true";
    }

    void compare_setting(const char* name, const char* by_default, std::optional<std::string> wanted) {
        auto at = lockfile_.settings.find(name);
        std::string locked = at == lockfile_.settings.end() ? by_default : at->second;
        if (wanted && *wanted != locked)
            found_.push_back(std::string("settings: ") + name + " is " + *wanted + ", the lockfile was made with " + locked);
    }

    void compare_resolving_settings() {
        if (lockfile_.settings.empty()) return;  // made by who does not record them
        auto text = [](std::optional<bool> flag) {
            return flag ? std::optional<std::string>(*flag ? "true" : "false") : std::nullopt;
        };
        compare_setting("autoInstallPeers", "true", text(settings_.auto_install_peers));
        compare_setting("excludeLinksFromLockfile", "false", text(settings_.exclude_links_from_lockfile));
        compare_setting("injectWorkspacePackages", "false", text(settings_.inject_workspace_packages));
        compare_setting("dedupePeers", "false", text(settings_.dedupe_peers));
        auto length = settings_.peers_suffix_max_length;
        compare_setting("peersSuffixMaxLength", "1000",
                        length ? std::optional<std::string>(std::to_string(*length)) : std::nullopt);
    }

    void compare_checksum(const char* name, const std::optional<std::string>& wanted, const std::string& locked) {
        if (wanted) compare_values(name, wanted->empty() ? nullptr : &*wanted, locked.empty() ? nullptr : &locked);
    }

    // `wants` and `has` are the values of one key, nullptr where there is none.
    void compare_values(const std::string& where, const std::string* wants, const std::string* has) {
        if (wants && has && *wants == *has) return;
        if (wants && has)
            found_.push_back(where + ": wanted " + *wants + ", the lockfile has " + *has);
        else if (wants)
            found_.push_back(where + ": wanted " + *wants + ", the lockfile has none");
        else if (has)
            found_.push_back(where + ": not wanted, the lockfile has " + *has);
    }

    using Pairs = std::map<std::string, std::string>;
    void compare_pairs(const char* what, const Pairs& wanted, const Pairs& locked) {
        for (const auto& [key, value] : wanted) {
            auto at = locked.find(key);
            compare_values(std::string(what) + ": " + key, &value, at == locked.end() ? nullptr : &at->second);
        }
        for (const auto& [key, value] : locked)
            if (!wanted.contains(key)) compare_values(std::string(what) + ": " + key, nullptr, &value);
    }

    // "$react" in an override stands for the root's own specifier of react, "catalog:" for the catalog's.
    std::string resolved_override(const std::string& key, const std::string& value) const {
        if (value.starts_with('$'))
            for (const WantedProject& project : projects_)
                if (project.dir == ".") {
                    Dependencies root;
                    for (const WantedDependency& d : project.dependencies)
                        if (d.kind != EdgeKind::peer) ask(root, d.alias, d.specifier, d.kind);
                    if (auto at = root.find(value.substr(1)); at != root.end()) return at->second.specifier;
                }
        if (value.starts_with("catalog:")) {
            std::string name = value.substr(8).empty() ? "default" : value.substr(8);
            if (auto catalog = settings_.catalogs.find(name); catalog != settings_.catalogs.end())
                if (auto at = catalog->second.find(std::string(override_target(key))); at != catalog->second.end())
                    return at->second;
        }
        return value;
    }

    void compare_settings() {
        compare_resolving_settings();
        compare_checksum("packageExtensionsChecksum", settings_.package_extensions_checksum,
                         lockfile_.package_extensions_checksum);
        compare_checksum("pnpmfileChecksum", settings_.pnpmfile_checksum, lockfile_.pnpmfile_checksum);
        Pairs wanted;
        for (const auto& [key, value] : settings_.overrides) wanted[key] = resolved_override(key, value);
        compare_pairs("overrides", wanted, Pairs(lockfile_.overrides.begin(), lockfile_.overrides.end()));
        compare_pairs("patchedDependencies", Pairs(settings_.patched.begin(), settings_.patched.end()),
                      Pairs(lockfile_.patched.begin(), lockfile_.patched.end()));
        // Entries of a catalog that nothing uses are not in the lockfile.
        for (const auto& [catalog, entries] : lockfile_.catalogs)
            for (const auto& [name, locked] : entries) {
                auto group = settings_.catalogs.find(catalog);
                const std::string* value = nullptr;
                if (group != settings_.catalogs.end())
                    if (auto at = group->second.find(name); at != group->second.end()) value = &at->second;
                compare_values("catalogs: " + catalog + ": " + name, value, &locked.first);
            }
        std::set<std::string, std::less<>> ignored(settings_.ignored_optional.begin(), settings_.ignored_optional.end());
        for (std::string_view name : lockfile_.ignored_optional)
            if (ignored.erase(std::string(name)) == 0)
                found_.push_back("ignoredOptionalDependencies: " + std::string(name) +
                                 ": not wanted, the lockfile was made with it");
        for (const std::string& name : ignored)
            found_.push_back("ignoredOptionalDependencies: " + name + ": wanted, the lockfile was made without it");
    }

    // An optional dependency that is to be ignored is not looked for among the others either.
    bool is_ignored(const WantedProject& project, std::string_view alias) const {
        return std::any_of(lockfile_.ignored_optional.begin(), lockfile_.ignored_optional.end(),
                           [&](std::string_view pattern) { return matches_pattern(pattern, alias); }) &&
               std::any_of(project.dependencies.begin(), project.dependencies.end(), [&](const WantedDependency& d) {
                   return d.kind == EdgeKind::optional && d.alias == alias;
               });
    }

    Dependencies wanted_dependencies(const WantedProject& project) const {
        bool pnpm = lockfile_.format == LockfileFormat::pnpm;
        bool peers = !pnpm || flag("autoInstallPeers", true);
        bool links = !pnpm || !flag("excludeLinksFromLockfile", false);
        Dependencies all;
        for (const WantedDependency& d : project.dependencies) {
            if (d.kind == EdgeKind::peer && !peers) continue;
            if (!links && d.specifier.starts_with("link:")) continue;
            if (pnpm && (d.kind == EdgeKind::optional || d.kind == EdgeKind::prod) && is_ignored(project, d.alias)) continue;
            ask(all, d.alias, d.specifier, d.kind);
        }
        if (pnpm)  // peers that are installed for a project count as its dependencies
            for (auto& [alias, asked] : all)
                if (asked.kind == EdgeKind::peer) asked.kind = EdgeKind::prod;
        return all;
    }

    // pnpm applies overrides to the projects' own manifests too, so the lockfile may hold the override's value.
    bool is_overridden(std::string_view alias, const std::string& wanted, const std::string* locked) const {
        for (const auto& [selector, value] : lockfile_.overrides) {
            if (override_target(selector) != alias || !override_fits(selector, wanted)) continue;
            if (!locked) {
                if (value == "-") return true;
            } else if (*locked == value || (value.starts_with("link:") && locked->starts_with("link:")) ||
                       (value.starts_with("file:") && locked->starts_with("file:"))) {
                return true;
            }
        }
        return false;
    }

    void compare_project(const WantedProject& project) {
        std::string prefix = project.dir == "." ? "" : project.dir + ": ";
        auto at = locked_.find(project.dir);
        bool asks = std::any_of(project.dependencies.begin(), project.dependencies.end(),
                                [](const WantedDependency& d) { return d.kind != EdgeKind::peer; });
        if (at == locked_.end() && !asks && lockfile_.format == LockfileFormat::pnpm) return;
        if (at == locked_.end()) {
            found_.push_back(prefix + "the lockfile does not hold this project");
            return;
        }
        Dependencies wanted = wanted_dependencies(project), locked;
        for (const LockedSpecifier& s : at->second->specifiers) ask(locked, s.alias, s.specifier, s.kind);
        for (const auto& [alias, asked] : wanted) {
            auto has = locked.find(alias);
            if (has == locked.end()) {
                if (!is_overridden(alias, asked.specifier, nullptr))
                    found_.push_back(prefix + alias + ": package.json wants " + asked.specifier +
                                     ", the lockfile has none");
                continue;
            }
            if (has->second.specifier != asked.specifier && !is_overridden(alias, asked.specifier, &has->second.specifier))
                found_.push_back(prefix + alias + ": package.json wants " + asked.specifier + ", the lockfile has " +
                                 has->second.specifier);
            else if (has->second.kind != asked.kind)
                found_.push_back(prefix + alias + ": package.json has it in " + group_name(asked.kind) +
                                 ", the lockfile in " + group_name(has->second.kind));
        }
        for (const auto& [alias, has] : locked)
            if (!wanted.contains(alias))
                found_.push_back(prefix + alias + ": package.json does not ask for it, the lockfile has " + has.specifier);
        if (lockfile_.format != LockfileFormat::pnpm) return;
        compare_injected(project, *at->second, prefix);
        compare_targets(*at->second, prefix);
        std::string published(at->second->publish_directory);
        if (project.publish_directory && *project.publish_directory != published)
            compare_values(prefix + "publishConfig.directory",
                           project.publish_directory->empty() ? nullptr : &*project.publish_directory,
                           published.empty() ? nullptr : &published);
    }

    // Where the lockfile's own specifier is a range, its version must be within, and so must a linked project's.
    void compare_targets(const LockedProject& locked, const std::string& prefix) {
        const Graph& graph = lockfile_.graph;
        const Project& project = graph.projects[static_cast<std::size_t>(&locked - lockfile_.projects.data())];
        std::map<std::string_view, const LockedSpecifier*> specifiers;
        for (const LockedSpecifier& s : locked.specifiers) specifiers.try_emplace(s.alias, &s);
        for (const Edge* e = graph.begin_edges(project); e != graph.end_edges(project); ++e) {
            auto at = specifiers.find(e->alias);
            if (at == specifiers.end()) continue;
            std::string_view specifier = at->second->specifier, version, where;
            if (e->target != kNoPackage) {
                const Package& package = graph.packages[e->target];
                DepPath path = parse_dep_path(package.id);
                if (package.name != e->alias || !is_exact_version(path.reference)) continue;
                version = path.reference;
            } else {
                if (specifier.starts_with("link:") || specifier.starts_with("file:") || specifier.starts_with("workspace:."))
                    continue;
                auto linked = wanted_.find(e->link);
                if (linked == wanted_.end() || !linked->second->version) continue;
                version = *linked->second->version;
                specifier = workspace_range(specifier);
                where = e->link;
            }
            if (specifier.empty() || specifier == "*") continue;  // any version, a prerelease too
            auto range = Range::parse(specifier, {.loose = true});
            if (!range || satisfies(version, specifier, {.loose = true})) continue;
            found_.push_back(prefix + std::string(e->alias) + ": " + std::string(at->second->specifier) + " does not allow " +
                             (version.empty() ? "a project without a version" : std::string(version)) +
                             (where.empty() ? ", which the lockfile has" : ", the version of " + std::string(where)));
        }
    }

    // A directory's manifest may have changed since it was resolved. pnpm looks at its dependencies and peers.
    void compare_directory(const WantedProject& directory) {
        for (const Package& package : lockfile_.graph.packages)
            if (package.resolution.kind == ResolutionKind::directory && package.resolution.directory == directory.dir) {
                compare_directory(directory, package);
                return;
            }
    }

    void compare_directory(const WantedProject& directory, const Package& package) {
        const Graph& graph = lockfile_.graph;
        std::string prefix = directory.dir + ": ";
        std::map<std::string_view, const Edge*> edges;
        for (const Edge* e = graph.begin_edges(package); e != graph.end_edges(package); ++e) edges.emplace(e->alias, e);
        std::set<std::string_view> asked, peers;
        for (const WantedDependency& d : directory.dependencies) {
            if (d.kind == EdgeKind::peer) peers.insert(d.alias);
            if (d.kind != EdgeKind::prod) continue;
            asked.insert(d.alias);
            auto at = edges.find(d.alias);
            if (at == edges.end()) {
                found_.push_back(prefix + d.alias + ": package.json wants " + d.specifier + ", the lockfile has none");
            } else if (at->second->target != kNoPackage) {
                const Package& target = graph.packages[at->second->target];
                if (target.name == d.alias && is_exact_version(parse_dep_path(target.id).reference) &&
                    Range::parse(d.specifier, {.loose = true}) && !satisfies(target.version, d.specifier, {.loose = true}))
                    found_.push_back(prefix + d.alias + ": package.json wants " + d.specifier + ", the lockfile has " +
                                     std::string(target.version));
            }
        }
        auto first = graph.strings.begin() + package.first_peer;
        std::set<std::string_view> locked_peers(first, first + package.peer_count);
        for (std::string_view peer : peers)
            if (!locked_peers.contains(peer))
                found_.push_back(prefix + std::string(peer) + ": package.json has it as a peer, the lockfile does not");
        for (std::string_view peer : locked_peers)
            if (!peers.contains(peer))
                found_.push_back(prefix + std::string(peer) + ": the lockfile has it as a peer, package.json does not");
        for (auto [alias, edge] : edges)
            if (edge->kind == EdgeKind::prod && !asked.contains(alias) && !locked_peers.contains(alias))
                found_.push_back(prefix + std::string(alias) + ": package.json does not ask for it, the lockfile has it");
    }

    void compare_meta(const WantedProject& project, const LockedProject& locked, const std::string& prefix) {
        Pairs wanted, has;
        for (const DependencyMeta& meta : *project.dependencies_meta) wanted[meta.alias + "." + meta.field] = meta.value;
        for (const auto& [alias, value] : locked.injected) has[std::string(alias) + ".injected"] = value;
        for (const LockedProject::Meta& meta : locked.other_meta)
            has[std::string(meta.alias) + "." + std::string(meta.field)] = meta.value;
        compare_pairs((prefix + "dependenciesMeta").c_str(), wanted, has);
    }

    void compare_injected(const WantedProject& project, const LockedProject& locked, const std::string& prefix) {
        if (project.dependencies_meta) return compare_meta(project, locked, prefix);
        std::set<std::string_view> wanted(project.injected.begin(), project.injected.end()), has;
        for (const auto& [alias, value] : locked.injected)
            if (value == "true") has.insert(alias);
        for (std::string_view alias : wanted)
            if (!has.contains(alias))
                found_.push_back(prefix + std::string(alias) + ": package.json wants it injected, the lockfile does not");
        for (std::string_view alias : has)
            if (!wanted.contains(alias))
                found_.push_back(prefix + std::string(alias) + ": the lockfile has it injected, package.json does not");
    }

    const Lockfile& lockfile_;
    const std::vector<WantedProject>& projects_;
    const WantedSettings& settings_;
    std::map<std::string_view, const LockedProject*> locked_;
    std::map<std::string_view, const WantedProject*> wanted_;
    std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> lockfile_differences(const Lockfile& lockfile, const std::vector<WantedProject>& projects,
                                              const WantedSettings& settings) {
    return Comparison(lockfile, projects, settings).run();
}

}  // namespace pmx
