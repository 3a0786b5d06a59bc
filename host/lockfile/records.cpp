// read_records(): the entries of `packages:` and `time:` of a pnpm lockfile as values, for those who edit it. What a
// resolution says was read and checked by read_lockfile() and is taken from the graph. And what a manifest says that a
// lockfile records.
#include <algorithm>
#include <unordered_map>

#include "lockfile/codecs.hpp"
#include "lockfile/dep_path.hpp"
#include "lockfile/yaml_lines.hpp"

namespace pmx {
namespace {

class RecordReader {
  public:
    RecordReader(Lockfile& lockfile, const YamlTree& tree) : lockfile_(lockfile), tree_(tree) {}

    Result<> read() {
        PMX_CHECK(nothing_left_out());
        // One package of each key; variants of it differ in their peers only.
        std::unordered_map<std::string_view, const Package*> packages;
        packages.reserve(lockfile_.graph.packages.size());
        for (const Package& package : lockfile_.graph.packages)
            packages.emplace(parse_dep_path(package.id).package_key, &package);
        lockfile_.records.clear();
        lockfile_.records.reserve(packages.size());
        std::unordered_map<std::string_view, const YamlNode*> entries;
        if (const YamlNode* section = tree_.find(tree_.root(), "packages"))
            for (const YamlNode* entry = tree_.first(*section); entry; entry = tree_.next(*entry))
                entries.emplace(entry->key, entry);
        // A package without an entry is a peer variant of a directory whose entry was pruned: its key says it all.
        for (const auto& [key, package] : packages) {
            auto entry = entries.find(key);
            PMX_TRY(PackageRecord record, this->record(key, *package, entry == entries.end() ? nullptr : entry->second));
            lockfile_.records.push_back(std::move(record));
        }
        std::sort(lockfile_.records.begin(), lockfile_.records.end(),
                  [](const PackageRecord& a, const PackageRecord& b) { return a.key < b.key; });
        times();
        unknown_sections();
        return {};
    }

  private:
    Failure broken(std::string what, const YamlNode& at) const {
        return fail(Code::LOCKFILE_BROKEN, std::move(what), lockfile_.file_name + ":" + std::to_string(at.line),
                    "restore the lockfile from version control, or write it anew with pnpm install");
    }

    Result<> nothing_left_out() const {
        const YamlNode* snapshots = tree_.find(tree_.root(), "snapshots");
        if (!snapshots) return {};
        const std::vector<Package>& packages = lockfile_.graph.packages;
        for (const YamlNode* snapshot = tree_.first(*snapshots); snapshot; snapshot = tree_.next(*snapshot)) {
            auto at = std::lower_bound(packages.begin(), packages.end(), snapshot->key,
                                       [](const Package& p, std::string_view key) { return p.id < key; });
            if (at == packages.end() || at->id != snapshot->key)
                return fail(Code::RESOLUTION_UNSUPPORTED,
                            "pmx cannot edit a lockfile with this kind of resolution: " + std::string(snapshot->key),
                            lockfile_.file_name + ":" + std::to_string(snapshot->line),
                            "edit this project's dependencies with pnpm, or remove the dependency");
        }
        return {};
    }

    // A list of texts, or one text.
    Result<> texts(const YamlNode& node, std::vector<std::string_view>& to) const {
        if (node.kind == YamlKind::scalar) to.push_back(node.scalar);
        if (node.kind == YamlKind::map) return broken("\"" + std::string(node.key) + "\" should be a list", node);
        for (const YamlNode* item = tree_.first(node); item; item = tree_.next(*item)) {
            if (item->kind != YamlKind::scalar)
                return broken("\"" + std::string(node.key) + "\" should be a list of names", *item);
            to.push_back(item->scalar);
        }
        return {};
    }

    // A map of texts.
    Result<> pairs(const YamlNode& node, std::vector<std::pair<std::string_view, std::string_view>>& to) const {
        if (node.kind != YamlKind::map) return {};  // what is no map says nothing
        for (const YamlNode* entry = tree_.first(node); entry; entry = tree_.next(*entry)) {
            if (entry->kind != YamlKind::scalar)
                return broken("\"" + std::string(node.key) + "\" should be a map of texts", *entry);
            to.emplace_back(entry->key, entry->scalar);
        }
        return {};
    }

    Result<PackageRecord> record(std::string_view key, const Package& package, const YamlNode* entry) const {
        PackageRecord record;
        record.key = key;
        record.name = package.name;
        record.version = package.version;
        record.resolution = package.resolution;
        record.deprecated = package.deprecated;
        record.has_bin = package.has_bin;
        record.bundles_all = package.bundles_all;
        if (!entry) return record;
        std::vector<std::pair<std::string_view, std::string_view>> ranges;
        const YamlNode* peers_meta = nullptr;
        for (const YamlNode* field = tree_.first(*entry); field; field = tree_.next(*field)) {
            std::string_view name = field->key;
            if (name == "engines")
                PMX_CHECK(pairs(*field, record.engines));
            else if (name == "os")
                PMX_CHECK(texts(*field, record.os));
            else if (name == "cpu")
                PMX_CHECK(texts(*field, record.cpu));
            else if (name == "libc") {
                record.libc_is_text = field->kind == YamlKind::scalar;
                PMX_CHECK(texts(*field, record.libc));
            } else if ((name == "bundledDependencies" || name == "bundleDependencies") && field->kind == YamlKind::list)
                PMX_CHECK(texts(*field, record.bundled));
            else if (name == "peerDependencies")
                PMX_CHECK(pairs(*field, ranges));
            else if (name == "peerDependenciesMeta")
                peers_meta = field;
        }
        for (auto [peer, range] : ranges) record.peers.push_back({peer, range});
        sort(record.peers);
        if (peers_meta) optional_peers(*peers_meta, record.peers);
        return record;
    }

    static void sort(std::vector<PeerDependency>& peers) {
        std::sort(peers.begin(), peers.end(),
                  [](const PeerDependency& a, const PeerDependency& b) { return a.name < b.name; });
    }

    void optional_peers(const YamlNode& meta, std::vector<PeerDependency>& peers) const {
        std::size_t declared = peers.size();
        for (const YamlNode* peer = tree_.first(meta); peer; peer = tree_.next(*peer)) {
            const YamlNode* optional = tree_.find(*peer, "optional");
            if (!optional || optional->quoted || optional->scalar != "true") continue;
            auto end = peers.begin() + static_cast<std::ptrdiff_t>(declared);
            auto at = std::lower_bound(peers.begin(), end, peer->key, [](const PeerDependency& p, std::string_view name) {
                return p.name < name;
            });
            if (at != end && at->name == peer->key)
                at->optional = true;
            else
                peers.push_back({peer->key, "*", true, true});
        }
        if (peers.size() != declared) sort(peers);
    }

    void times() {
        lockfile_.times.clear();
        const YamlNode* section = tree_.find(tree_.root(), "time");
        if (!section || section->kind != YamlKind::map) return;
        for (const YamlNode* time = tree_.first(*section); time; time = tree_.next(*time))
            if (time->kind == YamlKind::scalar) lockfile_.times.emplace_back(time->key, time->scalar);
        std::sort(lockfile_.times.begin(), lockfile_.times.end());
    }

    // The lines of a section are kept as they stand: pnpm keeps what it does not know.
    void unknown_sections() {
        constexpr std::string_view kKnown[] = {
            "lockfileVersion",     "settings", "catalogs",  "overrides", "packageExtensionsChecksum",   "pnpmfileChecksum",
            "patchedDependencies", "importers", "packages", "snapshots", "ignoredOptionalDependencies", "time"};
        lockfile_.unknown.clear();
        for (const YamlNode* section = tree_.first(tree_.root()); section; section = tree_.next(*section)) {
            if (std::find(std::begin(kKnown), std::end(kKnown), section->key) != std::end(kKnown)) continue;
            const YamlNode* next = tree_.next(*section);
            std::string_view lines = lines_between(section->line, next ? next->line : UINT32_MAX);
            if (!lines.starts_with(std::string(section->key) + ":")) continue;
            lockfile_.unknown.emplace_back(section->key, lines.substr(section->key.size() + 1));
        }
        std::sort(lockfile_.unknown.begin(), lockfile_.unknown.end());
    }

    // The document's lines from `first` up to `last`, without blank ones at the end.
    std::string_view lines_between(std::uint32_t first, std::uint32_t last) const {
        std::string_view text = lockfile_.document;
        std::size_t at = 0, begin = 0;
        for (std::uint32_t line = 1; line < last && at < text.size(); ++line) {
            if (line == first) begin = at;
            std::size_t newline = text.find('\n', at);
            at = newline == std::string_view::npos ? text.size() : newline + 1;
        }
        std::string_view lines = text.substr(begin, at - begin);
        while (lines.ends_with('\n')) lines.remove_suffix(1);
        return lines;
    }

    Lockfile& lockfile_;
    const YamlTree& tree_;
};

}  // namespace

const PackageRecord* Lockfile::find_record(std::string_view key) const {
    auto at = std::lower_bound(records.begin(), records.end(), key,
                               [](const PackageRecord& record, std::string_view k) { return record.key < k; });
    return at != records.end() && at->key == key ? &*at : nullptr;
}

void record_manifest(LockedProject& project, const Manifest& manifest, Arena& arena) {
    project.injected.clear();
    project.other_meta.clear();
    for (const DependencyMeta& meta : manifest.dependencies_meta) {
        std::string_view alias = arena.copy(meta.alias), value = arena.copy(meta.value);
        if (meta.field == "injected")
            project.injected.emplace_back(alias, value);
        else
            project.other_meta.push_back({alias, arena.copy(meta.field), value});
    }
    project.publish_directory = arena.copy(manifest.publish_directory);
    bool is_linked_elsewhere = !manifest.publish_directory.empty() && !manifest.link_publish_directory;
    project.link_directory = is_linked_elsewhere ? "false" : "";
}

Result<> read_records(Lockfile& lockfile) {
    if (lockfile.format == LockfileFormat::npm) return read_npm_records(lockfile);
    const std::shared_ptr<const YamlTree> known = std::move(lockfile.tree);
    if (known) return RecordReader(lockfile, *known).read();
    PMX_TRY(YamlTree tree, read_yaml(lockfile.document, lockfile.graph.arena, 1));
    return RecordReader(lockfile, tree).read();
}

}  // namespace pmx
