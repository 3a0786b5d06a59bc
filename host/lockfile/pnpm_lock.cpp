// The pnpm codec: the main document of pnpm-lock.yaml, 9.0 or 12.0, as a Lockfile.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/fs.hpp"
#include "lockfile/codecs.hpp"
#include "lockfile/dep_path.hpp"
#include "lockfile/yaml_lines.hpp"
#include "model/contained_path.hpp"

namespace pmx {
namespace {

constexpr const char* kRestore = "restore the lockfile from version control, or write it anew with pnpm install";

class PnpmReader {
  public:
    PnpmReader(Lockfile& lockfile, const YamlTree& tree) : lockfile_(lockfile), graph_(lockfile.graph), tree_(tree) {}

    Result<> read() {
        const YamlNode& root = tree_.root();
        if (root.kind != YamlKind::map) return broken("the lockfile is no map of sections", root);
        PMX_CHECK(version(root));
        PMX_CHECK(small_sections(root));
        PMX_CHECK(packages(root));
        PMX_CHECK(edges());
        PMX_CHECK(projects(root));
        mark_dev_only(graph_);
        return {};
    }

  private:
    Failure broken(std::string what, const YamlNode& at, Code code = Code::LOCKFILE_BROKEN) const {
        return fail(code, std::move(what), lockfile_.file_name + ":" + std::to_string(at.line), kRestore);
    }
    static std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

    // The section or field `key`: nullptr when absent or empty, an error when it is of another kind.
    Result<const YamlNode*> field(const YamlNode& of, std::string_view key, YamlKind kind) const {
        const YamlNode* node = tree_.find(of, key);
        if (!node || node->kind == YamlKind::null) return nullptr;
        if (node->kind != kind) {
            const char* name = kind == YamlKind::map ? "a map" : kind == YamlKind::list ? "a list" : "one value";
            return broken(quote(key) + " should be " + name, *node);
        }
        return node;
    }
    Result<std::string_view> text(const YamlNode& of, std::string_view key) const {
        PMX_TRY(const YamlNode* node, field(of, key, YamlKind::scalar));
        return node ? node->scalar : std::string_view{};
    }
    static bool is_true(const YamlNode* node) {
        return node && node->kind == YamlKind::scalar && !node->quoted && node->scalar == "true";
    }

    Result<> version(const YamlNode& root) {
        const YamlNode* node = tree_.find(root, "lockfileVersion");
        if (!node || node->kind != YamlKind::scalar) return broken("there is no lockfileVersion", root);
        lockfile_.version = node->scalar;
        std::string_view major = node->scalar.substr(0, node->scalar.find('.'));
        if (major == "9" || major == "12") return {};
        return fail(Code::LOCKFILE_VERSION, "pmx reads pnpm lockfiles of version 9.0, this one is " + quote(node->scalar),
                    lockfile_.file_name, "run `pnpm install` with pnpm 9 or newer: it writes the lockfile in that form");
    }

    // A map of scalars, in the file's order.
    Result<> pairs(const YamlNode& root, std::string_view key,
                   std::vector<std::pair<std::string_view, std::string_view>>& to) {
        PMX_TRY(const YamlNode* section, field(root, key, YamlKind::map));
        if (!section) return {};
        for (const YamlNode* entry = tree_.first(*section); entry; entry = tree_.next(*entry)) {
            const YamlNode* value = entry;
            if (entry->kind == YamlKind::map) {  // patchedDependencies as {hash, path}
                value = tree_.find(*entry, "hash");
                if (!value) value = tree_.find(*entry, "path");
            }
            if (!value || value->kind != YamlKind::scalar) return broken(quote(entry->key) + " has no value", *entry);
            to.emplace_back(entry->key, value->scalar);
        }
        return {};
    }

    Result<> small_sections(const YamlNode& root) {
        PMX_TRY(const YamlNode* settings, field(root, "settings", YamlKind::map));
        if (settings)
            for (const YamlNode* s = tree_.first(*settings); s; s = tree_.next(*s))
                lockfile_.settings.emplace(s->key, s->scalar);
        PMX_CHECK(pairs(root, "overrides", lockfile_.overrides));
        PMX_CHECK(pairs(root, "patchedDependencies", lockfile_.patched));
        PMX_TRY(std::string_view extensions, text(root, "packageExtensionsChecksum"));
        lockfile_.package_extensions_checksum = extensions;
        PMX_TRY(std::string_view pnpmfile, text(root, "pnpmfileChecksum"));
        lockfile_.pnpmfile_checksum = pnpmfile;
        PMX_TRY(const YamlNode* ignored, field(root, "ignoredOptionalDependencies", YamlKind::list));
        if (ignored)
            for (const YamlNode* name = tree_.first(*ignored); name; name = tree_.next(*name))
                lockfile_.ignored_optional.push_back(name->scalar);
        PMX_TRY(const YamlNode* catalogs, field(root, "catalogs", YamlKind::map));
        if (!catalogs) return {};
        for (const YamlNode* catalog = tree_.first(*catalogs); catalog; catalog = tree_.next(*catalog)) {
            if (catalog->kind != YamlKind::map) return broken("a catalog should be a map", *catalog);
            auto& entries = lockfile_.catalogs[std::string(catalog->key)];
            for (const YamlNode* entry = tree_.first(*catalog); entry; entry = tree_.next(*entry)) {
                PMX_TRY(std::string_view specifier, text(*entry, "specifier"));
                PMX_TRY(std::string_view resolved, text(*entry, "version"));
                entries[std::string(entry->key)] = {std::string(specifier), std::string(resolved)};
            }
        }
        return {};
    }

    // Packages: one per snapshot, with what its entry under `packages:` says.
    Result<> packages(const YamlNode& root) {
        PMX_TRY(const YamlNode* section, field(root, "packages", YamlKind::map));
        PMX_TRY(const YamlNode* snapshots, field(root, "snapshots", YamlKind::map));
        if (section)
            for (const YamlNode* entry = tree_.first(*section); entry; entry = tree_.next(*entry))
                if (entry->kind != YamlKind::map) return broken("the package has no fields", *entry);
        // Both sections are in one order, mostly: the entry is that of the snapshot before, or the next one.
        const YamlNode* beside = section ? tree_.first(*section) : nullptr;
        std::unordered_map<std::string_view, const YamlNode*> entries;
        auto entry_of = [&](std::string_view key) -> const YamlNode* {
            if (beside && beside->key == key) return beside;
            if (const YamlNode* next = beside ? tree_.next(*beside) : nullptr; next && next->key == key) return beside = next;
            if (entries.empty() && section)
                for (const YamlNode* entry = tree_.first(*section); entry; entry = tree_.next(*entry)) entries.emplace(entry->key, entry);
            auto found = entries.find(key);
            if (found == entries.end()) return nullptr;
            return beside = found->second;
        };
        if (snapshots)
            for (const YamlNode* entry = tree_.first(*snapshots); entry; entry = tree_.next(*entry))
                snapshots_.push_back(entry);
        auto by_key = [](const YamlNode* a, const YamlNode* b) { return a->key < b->key; };
        if (!std::is_sorted(snapshots_.begin(), snapshots_.end(), by_key))
            std::sort(snapshots_.begin(), snapshots_.end(), by_key);
        graph_.packages.reserve(snapshots_.size());
        index_.reserve(snapshots_.size());
        std::vector<const YamlNode*> kept;
        kept.reserve(snapshots_.size());
        for (const YamlNode* snapshot : snapshots_) {
            if (snapshot->kind != YamlKind::map) return broken("the snapshot is cut short", *snapshot);
            DepPath path = parse_dep_path(snapshot->key);
            const YamlNode* meta = entry_of(path.package_key);
            PMX_TRY(bool installable, package(*snapshot, path, meta));
            if (!installable) {
                left_out_.insert(snapshot->key);
                continue;
            }
            index_.emplace(snapshot->key, static_cast<std::uint32_t>(kept.size()));
            kept.push_back(snapshot);
        }
        snapshots_ = std::move(kept);
        return {};
    }

    // False: an optional package of a kind that pmx does not install.
    Result<bool> package(const YamlNode& snapshot, const DepPath& path, const YamlNode* meta) {
        if (path.name.empty() || path.reference.empty() || !is_clean_text(snapshot.key))
            return broken(quote(snapshot.key) + " is no package id", snapshot);
        if (!is_safe_package_name(path.name))
            return broken("the package name " + quote(path.name) + " is not one", snapshot, Code::UNSAFE_PATH);
        Package p;
        p.id = snapshot.key;
        p.name = path.name;
        p.patch_hash = path.patch_hash;
        p.optional = is_true(tree_.find(snapshot, "optional"));
        std::string_view named_registry = registry_of_reference(path.reference);
        if (is_exact_version(path.reference)) p.version = path.reference;
        if (!named_registry.empty()) p.version = path.reference.substr(named_registry.size() + 1);
        if (meta) {
            PMX_CHECK(facts(*meta, p));
        }
        PMX_TRY(const YamlNode* resolution,
                meta ? field(*meta, "resolution", YamlKind::map) : Result<const YamlNode*>(nullptr));
        if (!resolution && !path.reference.starts_with("file:"))
            return meta ? broken("the package has no resolution", *meta)
                        : broken(quote(path.package_key) + " has a snapshot and no entry under packages", snapshot,
                                 Code::LOCKFILE_MISSING_DEPENDENCY);
        PMX_TRY(bool known, resolve(resolution, path, p, resolution ? *resolution : snapshot));
        known = known && (named_registry.empty() || !p.resolution.tarball.empty());
        if (!known && !p.optional)
            return fail(Code::RESOLUTION_UNSUPPORTED,
                        "pmx cannot install this kind of resolution yet: " + std::string(snapshot.key),
                        lockfile_.file_name + ":" + std::to_string(snapshot.line),
                        "install this project with pnpm, or remove the dependency");
        if (!known) return false;
        PMX_TRY(auto transitive, names(snapshot, "transitivePeerDependencies"));
        p.first_transitive_peer = transitive.first;
        p.transitive_peer_count = transitive.second;
        graph_.packages.push_back(p);
        return true;
    }

    using Strings = std::pair<std::uint32_t, std::uint32_t>;
    // A list of strings, or one string, into Graph::strings.
    Result<Strings> names(const YamlNode& of, std::string_view key) {
        auto first = static_cast<std::uint32_t>(graph_.strings.size());
        const YamlNode* node = tree_.find(of, key);
        if (!node || node->kind == YamlKind::null) return Strings{first, 0};
        if (node->kind == YamlKind::scalar) {
            graph_.strings.push_back(node->scalar);
            return Strings{first, 1};
        }
        if (node->kind != YamlKind::list) return broken(quote(key) + " should be a list", *node);
        for (const YamlNode* item = tree_.first(*node); item; item = tree_.next(*item)) {
            if (item->kind != YamlKind::scalar) return broken(quote(key) + " should be a list of names", *item);
            graph_.strings.push_back(item->scalar);
        }
        return Strings{first, static_cast<std::uint32_t>(graph_.strings.size()) - first};
    }

    Result<> facts(const YamlNode& meta, Package& p) {
        for (const YamlNode* f = tree_.first(meta); f; f = tree_.next(*f)) {
            std::string_view key = f->key;
            if (key == "resolution") continue;
            if (key == "os" || key == "cpu" || key == "libc") {
                PMX_TRY(auto list, names(meta, key));
                (key == "os" ? p.first_os : key == "cpu" ? p.first_cpu : p.first_libc) = list.first;
                (key == "os" ? p.os_count : key == "cpu" ? p.cpu_count : p.libc_count) = list.second;
            } else if (key == "engines" && f->kind == YamlKind::map) {
                PMX_TRY(p.engines_node, text(*f, "node"));
            } else if (key == "hasBin") {
                p.has_bin = is_true(f);
            } else if (key == "deprecated") {
                p.deprecated = f->scalar;
            } else if (key == "version" && p.version.empty()) {
                PMX_TRY(p.version, text(meta, key));
                if (!p.version.empty() && !is_exact_version(p.version))
                    return broken("the version " + quote(p.version) + " is not one", *f);
            } else if (key == "bundledDependencies" || key == "bundleDependencies") {
                p.bundles_all = is_true(f);
                if (f->kind != YamlKind::list) continue;
                PMX_TRY(auto list, names(meta, key));
                p.first_bundled = list.first;
                p.bundled_count = list.second;
            } else if (key == "peerDependencies" && f->kind == YamlKind::map) {
                p.first_peer = static_cast<std::uint32_t>(graph_.strings.size());
                for (const YamlNode* peer = tree_.first(*f); peer; peer = tree_.next(*peer))
                    graph_.strings.push_back(peer->key);
                p.peer_count = static_cast<std::uint32_t>(graph_.strings.size()) - p.first_peer;
                std::sort(graph_.strings.begin() + p.first_peer, graph_.strings.end());
            }
        }
        return {};
    }

    // `node` is null for a peer variant of a file: package whose entry was pruned.
    Result<bool> resolve(const YamlNode* node, const DepPath& path, Package& p, const YamlNode& at) {
        Resolution& r = p.resolution;
        std::string_view type;
        if (node) {
            for (const YamlNode* f = tree_.first(*node); f; f = tree_.next(*f)) {
                std::string_view* to = f->key == "integrity"   ? &r.integrity
                                       : f->key == "tarball"   ? &r.tarball
                                       : f->key == "directory" ? &r.directory
                                       : f->key == "repo"      ? &r.repo
                                       : f->key == "commit"    ? &r.commit
                                       : f->key == "path"      ? &r.path
                                       : f->key == "type"      ? &type
                                                               : nullptr;
                if (to) {
                    if (f->kind != YamlKind::scalar) return broken(quote(f->key) + " should be one value", *f);
                    if (!is_clean_text(f->scalar)) return broken(quote(f->key) + " holds control bytes", *f);
                    *to = f->scalar;
                } else if (f->key == "gitHosted") {
                    r.git_hosted = is_true(f);
                }
            }
        } else if (!is_archive_name(path.reference)) {
            type = "directory";
        }
        if (!type.empty() && type != "directory" && type != "git") return false;
        while (r.path.starts_with('/')) r.path.remove_prefix(1);
        if (!r.path.empty() && !is_contained_path(r.path))
            return broken("the path " + quote(r.path) + " leaves its package", at, Code::UNSAFE_PATH);
        if (type == "git") {
            if (r.repo.empty() || r.commit.empty()) return broken("a git resolution needs repo and commit", at);
            if (r.repo.starts_with('-') || r.commit.starts_with('-'))
                return broken("a repository or commit that begins with a dash", at, Code::UNSAFE_PATH);
            r.kind = ResolutionKind::git;
            return true;
        }
        if (type == "directory") {
            if (r.directory.empty() && path.reference.starts_with("file:")) r.directory = path.reference.substr(5);
            if (r.directory.empty()) return broken("a directory resolution without a directory", at);
            r.directory = normal(".", r.directory);
            r.kind = ResolutionKind::directory;
            return true;
        }
        bool from_registry = is_exact_version(path.reference) || !registry_of_reference(path.reference).empty();
        if (from_registry) {
            if (r.integrity.empty() && r.tarball.empty()) return broken("the resolution has no integrity", at);
            r.kind = ResolutionKind::registry;
        } else {
            r.kind = ResolutionKind::tarball;
            bool is_place = path.reference.starts_with("file:") || path.reference.starts_with("https://") ||
                            path.reference.starts_with("http://");
            if (r.tarball.empty() && is_place) r.tarball = path.reference;
            if (r.tarball.empty()) return broken("the resolution says not where the package is", at);
        }
        r.git_hosted = r.git_hosted || is_git_hosted_url(r.tarball);
        return true;
    }

    // `path` seen from `dir`, without "." and "..": a view into the arena where it changed.
    std::string_view normal(std::string_view dir, std::string_view path) {
        std::string joined = join_path(dir == "." ? std::string_view{} : dir, path);
        if (joined.empty()) return ".";
        return joined == path ? path : graph_.arena.copy(joined);
    }

    Result<> edge(const YamlNode& at, std::string_view value, EdgeKind kind, std::string_view from_dir) {
        if (!is_safe_package_name(at.key))
            return broken("the alias " + quote(at.key) + " is no name for a package", at, Code::UNSAFE_PATH);
        Edge e{at.key, kNoPackage, {}, kind};
        if (value.starts_with("link:")) {
            if (!is_clean_text(value)) return broken("a link holds control bytes", at, Code::UNSAFE_PATH);
            e.link = normal(from_dir, value.substr(5));
            graph_.edges.push_back(e);
            return {};
        }
        std::string_view key = dep_path_of(at.key, value, buffer_);
        auto found = index_.find(key);
        if (found != index_.end()) {
            e.target = found->second;
            graph_.edges.push_back(e);
            return {};
        }
        if (kind == EdgeKind::optional || left_out_.contains(key)) return {};
        return broken("the lockfile has no package " + quote(key) + ", which is depended on here", at,
                      Code::LOCKFILE_MISSING_DEPENDENCY);
    }

    Result<> edges() {
        graph_.edges.reserve(snapshots_.size() * 3);
        for (std::size_t i = 0; i < snapshots_.size(); ++i) {
            auto first = static_cast<std::uint32_t>(graph_.edges.size());
            PMX_TRY(const YamlNode* optional, field(*snapshots_[i], "optionalDependencies", YamlKind::map));
            PMX_TRY(const YamlNode* prod, field(*snapshots_[i], "dependencies", YamlKind::map));
            if (prod)
                for (const YamlNode* d = tree_.first(*prod); d; d = tree_.next(*d)) {
                    if (d->kind != YamlKind::scalar) return broken("a dependency without a version", *d);
                    if (optional && tree_.find(*optional, d->key)) continue;  // listed in both: optional wins
                    PMX_CHECK(edge(*d, d->scalar, EdgeKind::prod, "."));
                }
            if (optional)
                for (const YamlNode* d = tree_.first(*optional); d; d = tree_.next(*d)) {
                    if (d->kind != YamlKind::scalar) return broken("a dependency without a version", *d);
                    PMX_CHECK(edge(*d, d->scalar, EdgeKind::optional, "."));
                }
            graph_.packages[i].first_edge = first;
            graph_.packages[i].edge_count = static_cast<std::uint32_t>(graph_.edges.size()) - first;
        }
        return {};
    }

    Result<> projects(const YamlNode& root) {
        PMX_TRY(const YamlNode* section, field(root, "importers", YamlKind::map));
        if (!section) return broken("there is no importers section", root);
        std::vector<std::pair<std::string_view, const YamlNode*>> all;
        for (const YamlNode* node = tree_.first(*section); node; node = tree_.next(*node)) {
            std::string_view dir = normal(".", node->key);
            // A project of a workspace may lie beside the lockfile's directory ("../app"), never at an absolute place.
            if (dir.starts_with('/') || !is_clean_text(dir))
                return broken("the project directory " + quote(dir) + " leaves its place", *node, Code::UNSAFE_PATH);
            all.emplace_back(dir, node);
        }
        std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
            return std::pair(a.first != ".", a.first) < std::pair(b.first != ".", b.first);
        });
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (i && all[i].first == all[i - 1].first) return broken("one project stands twice", *all[i].second);
            PMX_CHECK(project(all[i].first, *all[i].second));
        }
        return {};
    }

    Result<> project(std::string_view dir, const YamlNode& node) {
        if (node.kind == YamlKind::scalar || node.kind == YamlKind::list)
            return broken("the project should be a map", node);
        Project project;
        project.dir = dir;
        project.first_edge = static_cast<std::uint32_t>(graph_.edges.size());
        LockedProject locked;
        locked.dir = dir;
        seen_.clear();
        // Where an alias stands in two groups, pnpm lets the optional one win, then the production one.
        constexpr std::pair<std::string_view, EdgeKind> kGroups[] = {{"optionalDependencies", EdgeKind::optional},
                                                                     {"dependencies", EdgeKind::prod},
                                                                     {"devDependencies", EdgeKind::dev}};
        for (auto [name, kind] : kGroups) {
            PMX_TRY(const YamlNode* group, field(node, name, YamlKind::map));
            if (!group) continue;
            for (const YamlNode* d = tree_.first(*group); d; d = tree_.next(*d)) {
                PMX_TRY(std::string_view specifier, text(*d, "specifier"));
                PMX_TRY(std::string_view value, text(*d, "version"));
                if (value.empty()) return broken("the dependency " + quote(d->key) + " has no version", *d);
                locked.specifiers.push_back({d->key, specifier, kind});
                if (seen_.insert(d->key).second) PMX_CHECK(edge(*d, value, kind, dir));
            }
        }
        PMX_TRY(const YamlNode* meta, field(node, "dependenciesMeta", YamlKind::map));
        if (meta)
            for (const YamlNode* m = tree_.first(*meta); m; m = tree_.next(*m))
                for (const YamlNode* f = tree_.first(*m); f; f = tree_.next(*f)) {
                    if (f->key == "injected")
                        locked.injected.emplace_back(m->key, f->scalar);
                    else if (f->kind == YamlKind::scalar)
                        locked.other_meta.push_back({m->key, f->key, f->scalar});
                }
        PMX_TRY(locked.publish_directory, text(node, "publishDirectory"));
        PMX_TRY(locked.link_directory, text(node, "linkDirectory"));
        project.edge_count = static_cast<std::uint32_t>(graph_.edges.size()) - project.first_edge;
        graph_.projects.push_back(project);
        lockfile_.projects.push_back(std::move(locked));
        return {};
    }

    Lockfile& lockfile_;
    Graph& graph_;
    const YamlTree& tree_;
    std::vector<const YamlNode*> snapshots_;  // in the order of graph_.packages
    std::unordered_map<std::string_view, std::uint32_t> index_;
    std::unordered_set<std::string_view> left_out_, seen_;
    std::string buffer_;
};

}  // namespace

Result<> read_pnpm_lock(Lockfile& lockfile, std::uint32_t document_line) {
    auto tree = read_yaml(lockfile.document, lockfile.graph.arena, document_line);
    if (!tree) {
        Error error = std::move(tree).error();
        if (error.subject.starts_with("line "))
            error.subject = lockfile.file_name + ":" + error.subject.substr(5);
        return tl::make_unexpected(std::move(error));
    }
    auto kept = std::make_shared<const YamlTree>(std::move(*tree));
    if (document_line == 1) lockfile.tree = kept;  // records tell lines of the document
    return PnpmReader(lockfile, *kept).read();
}

}  // namespace pmx
