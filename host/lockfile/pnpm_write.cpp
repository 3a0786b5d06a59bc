// pnpm_lockfile_text(): pnpm-lock.yaml as pnpm writes it, from graph, records and the small sections. Everything is
// sorted here, so that the order in which a resolver found things shows nowhere; overrides alone keep theirs.
#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "lockfile/codecs.hpp"
#include "lockfile/dep_path.hpp"
#include "lockfile/yaml_write.hpp"

namespace pmx {
namespace {

constexpr std::size_t kLongestPlainKey = 1024;  // in UTF-16 units; a longer one is written as "? key"

std::size_t utf16_size(std::string_view text) {
    std::size_t units = 0;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        units += (byte & 0xC0) != 0x80 ? (byte >= 0xF0 ? 2 : 1) : 0;
    }
    return units;
}

std::string_view group_name(EdgeKind kind) {
    switch (kind) {
        case EdgeKind::dev: return "devDependencies";
        case EdgeKind::optional: return "optionalDependencies";
        case EdgeKind::prod:
        case EdgeKind::peer: break;  // a project's own peers that are installed for it
    }
    return "dependencies";
}

bool is_bool_or_number(std::string_view text) {
    return text == "true" || text == "false" ||
           (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos);
}

class PnpmWriter {
  public:
    explicit PnpmWriter(const Lockfile& lockfile) : lockfile_(lockfile), graph_(lockfile.graph) {
        for (const Package& package : graph_.packages) packages_.push_back(&package);
        std::sort(packages_.begin(), packages_.end(), [](const Package* a, const Package* b) { return a->id < b->id; });
        auto links = lockfile.settings.find("excludeLinksFromLockfile");
        excludes_links_ = links != lockfile.settings.end() && links->second == "true";
    }

    std::string write() {
        out_ = env_document();
        out_.reserve(out_.size() + graph_.packages.size() * 320 + graph_.edges.size() * 30);
        key("lockfileVersion");
        value(lockfile_.version.empty() ? "9.0" : lockfile_.version);
        settings();
        catalogs();
        pairs("overrides", lockfile_.overrides, false);
        checksum("packageExtensionsChecksum", lockfile_.package_extensions_checksum);
        checksum("pnpmfileChecksum", lockfile_.pnpmfile_checksum);
        pairs("patchedDependencies", lockfile_.patched, true);
        importers();
        records();
        tail();
        out_ += '\n';
        return std::move(out_);
    }

  private:
    using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;

    // The document of pnpm's own environment stands before the main one, with its separator.
    std::string env_document() const {
        std::string_view text = lockfile_.text, main = main_document(text);
        if (!text.starts_with("---\n")) return {};
        if (!main.data()) return std::string(trim(text)) + "\n\n---\n";
        return std::string(text.substr(0, text.size() - main.size()));
    }

    // Every line is begun by the newline before it.
    void line(int indent) {
        if (inline_) {
            out_ += ' ';
            inline_ = false;
            return;
        }
        out_ += '\n';
        out_.append(static_cast<std::size_t>(indent), ' ');
    }
    void key(int indent, std::string_view name) {
        line(indent);
        append_yaml_scalar(out_, name, YamlPlace::key);
        out_ += ':';
    }
    // A section: a blank line stands before each but the first.
    void key(std::string_view name) {
        if (started_) out_ += "\n\n";
        started_ = true;
        (out_ += name) += ':';
    }
    // An entry of importers, packages or snapshots.
    void entry(std::string_view name) {
        out_ += '\n';
        line(2);
        std::size_t begin = out_.size();
        append_yaml_scalar(out_, name, YamlPlace::key);
        if (out_.size() - begin > kLongestPlainKey && utf16_size(std::string_view(out_).substr(begin)) > kLongestPlainKey) {
            out_.insert(begin, "? ");
            line(2);
            inline_ = true;
        }
        out_ += ':';
    }
    void empty_map() {
        out_ += " {}";
        inline_ = false;
    }
    void value(std::string_view text, int indent = 0) {
        out_ += ' ';
        append_yaml_scalar(out_, text, YamlPlace::value, indent);
    }
    void list(int indent, std::string_view name, const std::vector<std::string_view>& items) {
        key(indent, name);
        for (std::string_view item : items) {
            line(indent + 2);
            out_ += '-';
            value(item);
        }
    }

    void settings() {
        if (lockfile_.settings.empty()) return;
        key("settings");
        for (const auto& [name, text] : lockfile_.settings) {
            key(2, name);
            plain_or_text(text);
        }
    }
    // A boolean or a number stands plain.
    void plain_or_text(std::string_view text) {
        if (is_bool_or_number(text))
            (out_ += ' ') += text;
        else
            value(text);
    }

    void catalogs() {
        bool any = std::any_of(lockfile_.catalogs.begin(), lockfile_.catalogs.end(),
                               [](const auto& catalog) { return !catalog.second.empty(); });
        if (!any) return;
        key("catalogs");
        for (const auto& [name, entries] : lockfile_.catalogs) {
            if (entries.empty()) continue;
            key(2, name);
            for (const auto& [alias, entry] : entries) {
                key(4, alias);
                key(6, "specifier");
                value(entry.first);
                key(6, "version");
                value(entry.second);
            }
        }
    }

    void pairs(std::string_view name, Pairs all, bool sorted) {
        if (all.empty()) return;
        if (sorted) std::sort(all.begin(), all.end());
        key(name);
        for (auto [alias, text] : all) {
            key(2, alias);
            value(text);
        }
    }

    void checksum(std::string_view name, std::string_view text) {
        if (text.empty()) return;
        key(name);
        value(text);
    }

    // What a dependency's value says: the id without "alias@" where the name is the alias, else the whole id.
    static std::string_view reference(std::string_view alias, const Package& package) {
        std::string_view id = package.id;
        if (id.size() > alias.size() && id.starts_with(alias) && id[alias.size()] == '@')
            return id.substr(alias.size() + 1);
        return id;
    }
    std::string value_of(const Edge& edge, std::string_view from_dir, bool of_project) const {
        if (edge.target != kNoPackage) return std::string(reference(edge.alias, graph_.packages[edge.target]));
        if (edge.link.starts_with('/')) return "link:" + std::string(edge.link);
        std::string path = relative_path(from_dir, edge.link);
        return path == "." && of_project ? "link:" : "link:" + path;
    }

    void importers() {
        key("importers");
        std::vector<std::size_t> order(graph_.projects.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::sort(order.begin(), order.end(),
                  [this](std::size_t a, std::size_t b) { return graph_.projects[a].dir < graph_.projects[b].dir; });
        if (order.empty()) empty_map();
        static const LockedProject kNothing;
        for (std::size_t i : order)
            importer(graph_.projects[i], i < lockfile_.projects.size() ? lockfile_.projects[i] : kNothing);
    }

    void importer(const Project& project, const LockedProject& locked) {
        entry(project.dir);
        std::size_t before = out_.size();
        std::vector<const Edge*> edges;
        for (const Edge* e = graph_.begin_edges(project); e != graph_.end_edges(project); ++e) edges.push_back(e);
        std::sort(edges.begin(), edges.end(), [](const Edge* a, const Edge* b) { return a->alias < b->alias; });
        group(project, locked, edges, "dependencies");
        dependencies_meta(locked);
        group(project, locked, edges, "devDependencies");
        if (!locked.link_directory.empty()) {
            key(4, "linkDirectory");
            plain_or_text(locked.link_directory);
        }
        group(project, locked, edges, "optionalDependencies");
        if (!locked.publish_directory.empty()) {
            key(4, "publishDirectory");
            value(locked.publish_directory);
        }
        if (out_.size() == before) empty_map();
    }

    void group(const Project& project, const LockedProject& locked, const std::vector<const Edge*>& edges,
               std::string_view name) {
        std::vector<const LockedSpecifier*> all;
        for (const LockedSpecifier& s : locked.specifiers)
            if (group_name(s.kind) == name && !(excludes_links_ && s.specifier.starts_with("link:"))) all.push_back(&s);
        std::sort(all.begin(), all.end(),
                  [](const LockedSpecifier* a, const LockedSpecifier* b) { return a->alias < b->alias; });
        bool named = false;
        for (const LockedSpecifier* s : all) {
            auto at = std::lower_bound(edges.begin(), edges.end(), s->alias,
                                       [](const Edge* e, std::string_view alias) { return e->alias < alias; });
            if (at == edges.end() || (*at)->alias != s->alias) continue;
            if (!named) key(4, name);
            named = true;
            key(6, s->alias);
            key(8, "specifier");
            value(s->specifier);
            key(8, "version");
            value(value_of(**at, project.dir == "." ? std::string_view{} : project.dir, true));
        }
    }

    void dependencies_meta(const LockedProject& locked) {
        std::vector<LockedProject::Meta> all = locked.other_meta;
        for (auto [alias, flag] : locked.injected) all.push_back({alias, "injected", flag});
        if (all.empty()) return;
        std::sort(all.begin(), all.end(), [](const LockedProject::Meta& a, const LockedProject::Meta& b) {
            return std::tie(a.alias, a.field) < std::tie(b.alias, b.field);
        });
        key(4, "dependenciesMeta");
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (i == 0 || all[i].alias != all[i - 1].alias) key(6, all[i].alias);
            key(8, all[i].field);
            plain_or_text(all[i].value);
        }
    }

    void records() {
        std::unordered_set<std::string_view> used;
        used.reserve(packages_.size());
        for (const Package* package : packages_) used.insert(parse_dep_path(package->id).package_key);
        std::vector<const PackageRecord*> all;
        for (const PackageRecord& record : lockfile_.records)
            if (used.contains(record.key)) all.push_back(&record);
        if (all.empty()) return;
        std::sort(all.begin(), all.end(), [](const PackageRecord* a, const PackageRecord* b) { return a->key < b->key; });
        key("packages");
        for (const PackageRecord* record : all) this->record(*record);
    }

    void record(const PackageRecord& record) {
        entry(record.key);
        resolution(record.resolution);
        std::string_view reference = parse_dep_path(record.key).reference;
        bool says_version = is_exact_version(reference) || !registry_of_reference(reference).empty();
        if (!says_version && !record.version.empty() && record.resolution.kind != ResolutionKind::directory) {
            key(4, "version");
            value(record.version);
        }
        engines(record.engines);
        platforms("cpu", record.cpu);
        platforms("os", record.os);
        if (record.libc_is_text && record.libc.size() == 1) {
            key(4, "libc");
            value(record.libc.front());
        } else {
            platforms("libc", record.libc);
        }
        if (!record.deprecated.empty()) {
            key(4, "deprecated");
            value(record.deprecated, 6);
        }
        if (record.has_bin) flag("hasBin");
        peers(record.peers);
        if (record.bundles_all)
            flag("bundledDependencies");
        else if (!record.bundled.empty())
            list(4, "bundledDependencies", record.bundled);
    }

    void flag(std::string_view name) {
        key(4, name);
        out_ += " true";
    }

    // A map or list in flow style, on one line.
    void open(std::string_view name, char bracket) {
        key(4, name);
        (out_ += ' ') += bracket;
        first_item_ = true;
    }
    void item(std::string_view name, std::string_view text) {
        if (text.empty()) return;
        item(name);
        append_yaml_scalar(out_, text, YamlPlace::flow);
    }
    void item(std::string_view name) {
        if (!first_item_) out_ += ", ";
        first_item_ = false;
        append_yaml_scalar(out_, name, YamlPlace::flow);
        out_ += ": ";
    }

    void resolution(const Resolution& r) {
        open("resolution", '{');
        std::string path;
        if (!r.path.empty()) path = (r.path.starts_with('/') ? "" : "/") + std::string(r.path);
        switch (r.kind) {
            case ResolutionKind::directory:
                item("directory", r.directory);
                item("type", "directory");
                break;
            case ResolutionKind::git:
                item("commit", r.commit);
                item("path", path);
                item("repo", r.repo);
                item("type", "git");
                break;
            case ResolutionKind::tarball:
            case ResolutionKind::registry:
                if (r.git_hosted) {
                    item("gitHosted");
                    out_ += "true";
                }
                item("integrity", r.integrity);
                item("path", path);
                item("tarball", r.tarball);
                break;
        }
        out_ += '}';
    }

    void engines(Pairs all) {
        std::erase_if(all, [](const auto& engine) { return engine.second == "*"; });  // it asks for nothing
        if (all.empty()) return;
        std::sort(all.begin(), all.end());
        open("engines", '{');
        for (auto [name, range] : all) {
            item(name);
            append_yaml_scalar(out_, range, YamlPlace::flow);
        }
        out_ += '}';
    }

    void platforms(std::string_view name, const std::vector<std::string_view>& all) {
        if (all.empty()) return;
        open(name, '[');
        for (std::string_view text : all) {
            if (!first_item_) out_ += ", ";
            first_item_ = false;
            append_yaml_scalar(out_, text, YamlPlace::flow);
        }
        out_ += ']';
    }

    void peers(std::vector<PeerDependency> all) {
        std::sort(all.begin(), all.end(),
                  [](const PeerDependency& a, const PeerDependency& b) { return a.name < b.name; });
        bool named = false;
        for (const PeerDependency& peer : all) {
            if (!named) key(4, "peerDependencies");
            named = true;
            key(6, peer.name);
            value(peer.range);
        }
        named = false;
        for (const PeerDependency& peer : all) {
            if (!peer.optional) continue;
            if (!named) key(4, "peerDependenciesMeta");
            named = true;
            key(6, peer.name);
            key(8, "optional");
            out_ += " true";
        }
    }

    // What follows `packages` stands in the order of its names, sections that pmx does not know among them.
    void tail() {
        auto unknown = lockfile_.unknown.begin();
        auto unknown_before = [&](std::string_view name) {
            for (; unknown != lockfile_.unknown.end() && (name.empty() || unknown->first < name); ++unknown) {
                key(unknown->first);
                out_ += unknown->second;
            }
        };
        unknown_before("ignoredOptionalDependencies");
        ignored_optional();
        unknown_before("snapshots");
        snapshots();
        unknown_before("time");
        times();
        unknown_before({});
    }

    void ignored_optional() {
        if (lockfile_.ignored_optional.empty()) return;
        key("ignoredOptionalDependencies");
        for (std::string_view name : lockfile_.ignored_optional) {
            line(2);
            out_ += '-';
            value(name);
        }
    }

    void snapshots() {
        if (packages_.empty()) return;
        key("snapshots");
        for (const Package* package : packages_) snapshot(*package);
    }

    void snapshot(const Package& package) {
        entry(package.id);
        std::size_t before = out_.size();
        dependencies(package, false);
        dependencies(package, true);
        if (package.transitive_peer_count != 0) {
            auto first = graph_.strings.begin() + package.first_transitive_peer;
            std::vector<std::string_view> names(first, first + package.transitive_peer_count);
            std::sort(names.begin(), names.end());
            list(4, "transitivePeerDependencies", names);
        }
        if (package.optional) flag("optional");
        if (out_.size() == before) empty_map();
    }

    void dependencies(const Package& package, bool optional) {
        std::vector<const Edge*> edges;
        for (const Edge* e = graph_.begin_edges(package); e != graph_.end_edges(package); ++e)
            if ((e->kind == EdgeKind::optional) == optional) edges.push_back(e);
        if (edges.empty()) return;
        std::sort(edges.begin(), edges.end(), [](const Edge* a, const Edge* b) { return a->alias < b->alias; });
        key(4, optional ? "optionalDependencies" : "dependencies");
        for (const Edge* e : edges) {
            key(6, e->alias);
            value(value_of(*e, {}, false));
        }
    }

    // Only those of the projects' own dependencies are kept.
    void times() {
        if (lockfile_.times.empty()) return;
        std::unordered_set<std::string_view> direct;
        for (const Project& project : graph_.projects)
            for (const Edge* e = graph_.begin_edges(project); e != graph_.end_edges(project); ++e)
                if (e->target != kNoPackage) direct.insert(parse_dep_path(graph_.packages[e->target].id).package_key);
        Pairs kept;
        for (const auto& time : lockfile_.times)
            if (direct.contains(time.first)) kept.push_back(time);
        pairs("time", std::move(kept), true);
    }

    const Lockfile& lockfile_;
    const Graph& graph_;
    std::vector<const Package*> packages_;  // sorted by id
    std::string out_;
    bool excludes_links_ = false;  // what a manifest links with link: is read from there
    bool started_ = false;
    bool inline_ = false;  // the next line goes on behind "? key\n  :"
    bool first_item_ = true;
};

}  // namespace

std::string pnpm_lockfile_text(const Lockfile& lockfile) { return PnpmWriter(lockfile).write(); }

}  // namespace pmx
