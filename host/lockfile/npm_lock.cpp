// The npm codec: the `packages` of package-lock.json or npm-shrinkwrap.json, versions 2 and 3, as a Lockfile. An entry
// is a place; places whose package, bytes and resolved dependencies are the same become one Package.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <simdjson.h>

#include "base/fs.hpp"
#include "lockfile/codecs.hpp"
#include "lockfile/dep_path.hpp"
#include "model/contained_path.hpp"

namespace pmx {
namespace {

namespace dom = simdjson::dom;
constexpr const char* kRestore = "restore the lockfile from version control, or write it anew with npm install";
constexpr std::string_view kModules = "node_modules/";

struct Dependency {
    std::string_view name, specifier;
    EdgeKind kind;
    bool may_be_missing;
};

struct Entry {
    std::string_view path, name;  // name: in node_modules, the alias
    dom::object json;
    bool is_project = false, is_link = false, in_bundle = false, inside_archive = false, bundles = false;
    std::string_view link;
    Package package;
    std::vector<Dependency> dependencies;
    std::vector<Edge> edges;  // target: an index into entries, until the classes are known
};

bool is_true(dom::object of, const char* key) {
    bool value = false;
    return of[key].get(value) == simdjson::SUCCESS && value;
}

class NpmReader {
  public:
    explicit NpmReader(Lockfile& lockfile) : lockfile_(lockfile), graph_(lockfile.graph) {}

    Result<> read() {
        dom::object root;
        auto error = parser_.parse(lockfile_.text.data(), lockfile_.text.size()).get(root);
        if (error == simdjson::INCORRECT_TYPE) return broken("the lockfile is no JSON object", "");
        if (error) return broken(std::string("the lockfile is no JSON: ") + simdjson::error_message(error), "");
        PMX_CHECK(version(root));
        dom::object packages;
        if (root["packages"].get(packages)) return broken("there is no packages section", "");
        PMX_CHECK(entries(packages));
        PMX_CHECK(check_places());
        PMX_CHECK(resolve_edges());
        fill(classes());
        mark_dev_only(graph_);
        return {};
    }

  private:
    Failure broken(std::string what, std::string_view at, Code code = Code::LOCKFILE_BROKEN) const {
        std::string subject = lockfile_.file_name;
        if (!at.empty()) subject += ", \"" + std::string(at) + "\"";
        return fail(code, std::move(what), std::move(subject), kRestore);
    }
    std::string_view keep(std::string_view text) { return text.empty() ? text : graph_.arena.copy(text); }
    std::string_view text(dom::object of, const char* key) {
        std::string_view value;
        return of[key].get(value) ? std::string_view{} : keep(value);
    }

    Result<> version(dom::object root) {
        std::int64_t number = 0;
        if (root["lockfileVersion"].get(number)) number = 1;  // what npm 4 and older wrote
        lockfile_.version = std::to_string(number);
        if (number == 2 || number == 3) return {};
        return fail(Code::LOCKFILE_VERSION,
                    "pmx reads npm lockfiles of version 2 and 3, this one is " + lockfile_.version,
                    lockfile_.file_name,
                    number < 2 ? "run `npm install --package-lock-only` with npm 7 or newer: it upgrades the lockfile"
                               : "use a newer pmx, or npm install --lockfile-version 3");
    }

    Result<> entries(dom::object packages) {
        entries_.reserve(packages.size());
        for (auto [key, value] : packages) {
            Entry entry;
            entry.path = keep(key);
            if (value.get(entry.json)) return broken("the entry is no object", key);
            if (!is_clean_text(key)) return broken("the path holds control bytes", key, Code::UNSAFE_PATH);
            PMX_CHECK(entry_facts(entry));
            entries_.push_back(std::move(entry));
        }
        // Parents come before what is inside them; the root first.
        std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.path < b.path; });
        index_.reserve(entries_.size());
        for (std::uint32_t i = 0; i < entries_.size(); ++i)
            if (!index_.emplace(entries_[i].path, i).second) return broken("two entries have one path", entries_[i].path);
        if (entries_.empty() || !entries_[0].path.empty()) return broken("the root project has no entry", "");
        return {};
    }

    Result<> entry_facts(Entry& entry) {
        std::string_view path = entry.path;
        std::size_t modules = path.rfind(kModules);
        bool in_modules = modules != std::string_view::npos && (modules == 0 || path[modules - 1] == '/');
        entry.is_project = !in_modules;
        entry.is_link = is_true(entry.json, "link");
        entry.in_bundle = is_true(entry.json, "inBundle");
        Package& p = entry.package;
        p.name = text(entry.json, "name");
        if (in_modules) {
            entry.name = path.substr(modules + kModules.size());
            if (!is_contained_path(path)) return broken("the path leaves its place", path, Code::UNSAFE_PATH);
            if (!is_safe_package_name(entry.name))
                return broken("the entry's name is no name for a package", path, Code::UNSAFE_PATH);
            if (p.name.empty()) p.name = entry.name;
            if (!is_safe_package_name(p.name)) return broken("the package name is not one", path, Code::UNSAFE_PATH);
        } else if (path.starts_with('/') || (!path.empty() && join_path(path, "") != path)) {
            return broken("the project's path leaves its place", path, Code::UNSAFE_PATH);
        }
        if (entry.is_link) {
            std::string_view target = text(entry.json, "resolved");
            if (entry.is_project || !is_clean_text(target)) return broken("a link that cannot be one", path);
            std::string normal = join_path(target, "");
            entry.link = normal.empty() ? "." : keep(normal);
            return {};
        }
        p.version = text(entry.json, "version");
        if (in_modules && !p.version.empty() && !is_exact_version(p.version))
            return broken("the version \"" + std::string(p.version) + "\" is not one", path);
        facts(entry);
        dependencies(entry);
        return in_modules ? resolution(entry) : Result<>{};
    }

    void facts(Entry& entry) {
        Package& p = entry.package;
        p.optional = is_true(entry.json, "optional");
        p.has_install_script = is_true(entry.json, "hasInstallScript");
        p.deprecated = text(entry.json, "deprecated");
        p.has_bin = entry.json["bin"].error() == simdjson::SUCCESS;
        dom::object engines;
        if (!entry.json["engines"].get(engines)) p.engines_node = text(engines, "node");
        names(entry.json, "os", p.first_os, p.os_count);
        names(entry.json, "cpu", p.first_cpu, p.cpu_count);
        names(entry.json, "libc", p.first_libc, p.libc_count);
        for (const char* key : {"bundleDependencies", "bundledDependencies"}) {
            p.bundles_all = p.bundles_all || is_true(entry.json, key);
            if (p.bundled_count == 0) names(entry.json, key, p.first_bundled, p.bundled_count);
        }
        entry.bundles = p.bundles_all || p.bundled_count > 0;
        dom::object peers;
        p.first_peer = static_cast<std::uint32_t>(graph_.strings.size());
        if (!entry.json["peerDependencies"].get(peers))
            for (auto [name, range] : peers) graph_.strings.push_back(keep(name));
        p.peer_count = static_cast<std::uint32_t>(graph_.strings.size()) - p.first_peer;
        std::sort(graph_.strings.begin() + p.first_peer, graph_.strings.end());
    }

    // A list of strings, or one string.
    void names(dom::object of, const char* key, std::uint32_t& first, std::uint32_t& count) {
        first = static_cast<std::uint32_t>(graph_.strings.size());
        dom::array list;
        std::string_view one;
        if (!of[key].get(one)) graph_.strings.push_back(keep(one));
        if (!of[key].get(list))
            for (auto item : list)
                if (!item.get(one)) graph_.strings.push_back(keep(one));
        count = static_cast<std::uint32_t>(graph_.strings.size()) - first;
    }

    void dependencies(Entry& entry) {
        dom::object optional_peers, group;
        bool has_meta = !entry.json["peerDependenciesMeta"].get(optional_peers);
        // The first group that names a dependency says its kind.
        constexpr std::pair<const char*, EdgeKind> kGroups[] = {{"optionalDependencies", EdgeKind::optional},
                                                                {"dependencies", EdgeKind::prod},
                                                                {"devDependencies", EdgeKind::dev},
                                                                {"peerDependencies", EdgeKind::peer}};
        for (auto [key, kind] : kGroups) {
            if ((kind == EdgeKind::dev && !entry.is_project) || entry.json[key].get(group)) continue;
            for (auto [name, value] : group) {
                std::string_view specifier;
                if (value.get(specifier)) continue;
                bool known = std::any_of(entry.dependencies.begin(), entry.dependencies.end(),
                                         [name = name](const Dependency& d) { return d.name == name; });
                if (known) continue;
                dom::object meta;
                // npm itself leaves peers out under --legacy-peer-deps.
                bool optional = kind == EdgeKind::optional || kind == EdgeKind::peer ||
                                (has_meta && !optional_peers[name].get(meta) && is_true(meta, "optional"));
                entry.dependencies.push_back({keep(name), keep(specifier), kind, optional});
            }
        }
    }

    Result<> resolution(Entry& entry) {
        Resolution& r = entry.package.resolution;
        std::string_view resolved = text(entry.json, "resolved");
        r.integrity = text(entry.json, "integrity");
        if (!is_clean_text(resolved) || !is_clean_text(r.integrity))
            return broken("the resolution holds control bytes", entry.path);
        if (resolved.starts_with("git+") || resolved.starts_with("git:")) {
            if (resolved.starts_with("git+")) resolved.remove_prefix(4);
            std::size_t hash = resolved.rfind('#');
            if (hash == std::string_view::npos) return broken("a git resolution without a commit", entry.path);
            r.kind = ResolutionKind::git;
            r.repo = resolved.substr(0, hash);
            r.commit = resolved.substr(hash + 1);
            r.integrity = {};  // of npm's own packing of the checkout: no other tool makes those bytes
            if (r.commit.empty() || r.commit.starts_with('-') || r.repo.starts_with('-'))
                return broken("a repository or commit that is none", entry.path, Code::UNSAFE_PATH);
            return {};
        }
        if (resolved.starts_with("file:")) {
            if (is_archive_name(resolved)) {
                r.kind = ResolutionKind::tarball;
                r.tarball = resolved;
                return {};
            }
            std::string directory = join_path(resolved.substr(5), "");
            r.kind = ResolutionKind::directory;
            r.directory = directory.empty() ? "." : keep(directory);
            return {};
        }
        r.tarball = resolved;
        if (resolved.empty()) return {};  // omit-lockfile-registry-resolved: the registry's own URL
        if (!resolved.starts_with("https://") && !resolved.starts_with("http://"))
            return broken("pmx cannot install what is resolved to \"" + std::string(resolved) + "\"", entry.path,
                          Code::RESOLUTION_UNSUPPORTED);
        std::string tail = "/" + std::string(entry.package.name) + "/-/";
        bool canonical = resolved.find(tail) != std::string_view::npos;
        r.kind = canonical ? ResolutionKind::registry : ResolutionKind::tarball;
        r.git_hosted = is_git_hosted_url(resolved);
        return {};
    }

    // The entry that the node_modules of `path` belongs to; "" for the root.
    static std::string_view owner_of(std::string_view path) {
        std::size_t modules = path.rfind(kModules);
        return modules == 0 ? std::string_view{} : path.substr(0, modules - 1);
    }

    // Every place lies in a project or in a package that is a directory here; what an archive brings needs no place.
    Result<> check_places() {
        for (Entry& entry : entries_) {
            if (entry.is_project) continue;
            auto owner = index_.find(owner_of(entry.path));
            if (owner == index_.end())
                return broken("the entry lies inside \"" + std::string(owner_of(entry.path)) +
                                  "\", which the lockfile does not hold", entry.path);
            const Entry& parent = entries_[owner->second];
            if (parent.is_link) return broken("the entry lies inside a link", entry.path, Code::UNSAFE_PATH);
            if (parent.inside_archive) entry.inside_archive = entry.in_bundle;
            if (!entry.in_bundle) continue;
            for (const Entry* up = &parent; !up->is_project && !entry.inside_archive;) {
                entry.inside_archive = up->bundles;
                up = &entries_[index_.at(owner_of(up->path))];
            }
        }
        return {};
    }

    // Node's walk from the directory `from` upwards.
    std::uint32_t find(std::string_view from, std::string_view name) {
        for (std::string_view dir = from;;) {
            bool is_modules = dir == "node_modules" || dir.ends_with("/node_modules");
            if (!is_modules) {
                buffer_.assign(dir);
                if (!dir.empty()) buffer_ += '/';
                buffer_ += kModules;
                buffer_ += name;
                auto found = index_.find(buffer_);
                if (found != index_.end()) return found->second;
            }
            if (dir.empty()) return kNoPackage;
            std::size_t slash = dir.rfind('/');
            std::string_view up = slash == std::string_view::npos ? std::string_view{} : dir.substr(0, slash);
            if (up == ".." || up.ends_with("/..") || (up.empty() && dir == "..")) return kNoPackage;
            dir = up;
        }
    }

    Result<> resolve_edges() {
        for (Entry& entry : entries_) {
            if (entry.is_link || entry.inside_archive) continue;
            for (const Dependency& d : entry.dependencies) {
                if (!is_safe_package_name(d.name))
                    return broken("the dependency \"" + std::string(d.name) + "\" is no name for a package", entry.path,
                                  Code::UNSAFE_PATH);
                std::uint32_t found = find(entry.path, d.name);
                if (found == kNoPackage) {
                    // An archive may lack what its package says it brings; npm records that as it is.
                    auto first = graph_.strings.begin() + entry.package.first_bundled, last = first + entry.package.bundled_count;
                    if (d.may_be_missing || entry.package.optional || std::find(first, last, d.name) != last) continue;
                    return broken("the lockfile has no place for \"" + std::string(d.name) + "\", which is needed here",
                                  entry.path.empty() ? std::string_view(".") : entry.path,
                                  Code::LOCKFILE_MISSING_DEPENDENCY);
                }
                const Entry& target = entries_[found];
                if (target.inside_archive) continue;
                Edge edge{d.name, kNoPackage, {}, d.kind};
                if (target.is_link)
                    edge.link = target.link;
                else
                    edge.target = found;
                entry.edges.push_back(edge);
            }
            std::sort(entry.edges.begin(), entry.edges.end(),
                      [](const Edge& a, const Edge& b) { return a.alias < b.alias; });
        }
        return {};
    }

    bool is_place(const Entry& e) const { return !e.is_project && !e.is_link && !e.inside_archive; }

    // The class of each entry: two are in one when no walk along their edges tells them apart (partition refinement).
    std::vector<std::uint32_t> classes() {
        std::vector<std::uint32_t> of(entries_.size(), kNoPackage), next(entries_.size());
        std::unordered_map<std::string, std::uint32_t> seen;
        std::string signature;
        auto text_part = [&](std::string_view part) { (signature += part) += '\n'; };
        std::size_t count = 0;
        for (bool first_round = true;; first_round = false) {
            seen.clear();
            for (std::size_t i = 0; i < entries_.size(); ++i) {
                if (!is_place(entries_[i])) continue;
                signature.clear();
                if (first_round) {
                    const Package& p = entries_[i].package;
                    for (auto part : {p.name, p.version, p.resolution.integrity, p.resolution.tarball,
                                      p.resolution.directory, p.resolution.repo, p.resolution.commit})
                        text_part(part);
                } else {
                    text_part(std::to_string(of[i]));
                    for (const Edge& e : entries_[i].edges) {
                        text_part(e.alias);
                        text_part(e.target == kNoPackage ? e.link : std::string_view("#" + std::to_string(of[e.target])));
                    }
                }
                next[i] = seen.emplace(signature, static_cast<std::uint32_t>(seen.size())).first->second;
            }
            of = next;
            if (!first_round && seen.size() == count) return of;
            count = seen.size();
        }
    }

    void fill(const std::vector<std::uint32_t>& class_of) {
        // One package per class: its first place speaks for it, and the later ones of a name@version get a number.
        std::vector<std::uint32_t> leader;
        std::unordered_map<std::uint32_t, std::uint32_t> members;
        std::unordered_map<std::string, unsigned> times;
        std::vector<Package> packages;
        for (std::uint32_t i = 0; i < entries_.size(); ++i) {
            Entry& e = entries_[i];
            if (!is_place(e)) continue;
            auto [at, fresh] = members.emplace(class_of[i], static_cast<std::uint32_t>(leader.size()));
            if (!fresh) {
                packages[at->second].optional = packages[at->second].optional && e.package.optional;
                continue;
            }
            std::string id = std::string(e.package.name) + "@";
            id += !e.package.version.empty()            ? e.package.version
                  : !e.package.resolution.repo.empty()  ? e.package.resolution.repo
                  : !e.package.resolution.tarball.empty() ? e.package.resolution.tarball
                                                          : "file:" + std::string(e.package.resolution.directory);
            if (unsigned time = ++times[id]; time > 1) id += "(" + std::to_string(time) + ")";
            e.package.id = keep(id);
            leader.push_back(i);
            packages.push_back(e.package);
        }
        std::vector<std::uint32_t> order(packages.size()), rank(packages.size());
        for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
        std::sort(order.begin(), order.end(),
                  [&](std::uint32_t a, std::uint32_t b) { return packages[a].id < packages[b].id; });
        for (std::uint32_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
        auto package_of = [&](std::uint32_t entry) { return rank[members.at(class_of[entry])]; };
        auto add_edges = [&](const Entry& e, std::uint32_t& first, std::uint32_t& count) {
            first = static_cast<std::uint32_t>(graph_.edges.size());
            count = static_cast<std::uint32_t>(e.edges.size());
            for (Edge edge : e.edges) {
                if (edge.target != kNoPackage) edge.target = package_of(edge.target);
                graph_.edges.push_back(edge);
            }
        };
        for (std::uint32_t i : order) {
            graph_.packages.push_back(packages[i]);
            add_edges(entries_[leader[i]], graph_.packages.back().first_edge, graph_.packages.back().edge_count);
        }
        for (std::uint32_t i = 0; i < entries_.size(); ++i) {
            const Entry& e = entries_[i];
            if (e.is_project) {
                Project project;
                project.dir = e.path.empty() ? std::string_view(".") : e.path;
                project.name = e.package.name;
                add_edges(e, project.first_edge, project.edge_count);
                graph_.projects.push_back(project);
                LockedProject locked;
                locked.dir = project.dir;
                for (const Dependency& d : e.dependencies) locked.specifiers.push_back({d.name, d.specifier, d.kind});
                lockfile_.projects.push_back(std::move(locked));
            } else if (e.is_link) {
                graph_.locations.push_back({e.path, kNoPackage, e.link});
            } else if (!e.inside_archive) {
                graph_.locations.push_back({e.path, package_of(i), {}});
            }
        }
    }

    Lockfile& lockfile_;
    Graph& graph_;
    dom::parser parser_;
    std::vector<Entry> entries_;  // sorted by path
    std::unordered_map<std::string_view, std::uint32_t> index_;
    std::string buffer_;
};

}  // namespace

Result<> read_npm_lock(Lockfile& lockfile) {
    try {
        return NpmReader(lockfile).read();
    } catch (const std::exception& error) {  // simdjson's iterators may throw; nothing here should make them
        return fail(Code::LOCKFILE_BROKEN, error.what(), lockfile.file_name, kRestore);
    }
}

}  // namespace pmx
