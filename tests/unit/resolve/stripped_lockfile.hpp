// A pnpm lockfile taken back to the tree that it came from: packages without peers, projects with the peers
// that were installed for others' sake. What the peers were resolved to is forgotten, so that resolving them
// again can be compared with what pnpm wrote. The text has to be a lockfile that pnpm made.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "lockfile/lockfile.hpp"
#include "lockfile/yaml_lines.hpp"
#include "model/package_id.hpp"
#include "naive_tree.hpp"
#include "resolve/policy.hpp"

namespace pmx::test {

struct Stripped {
    Draft draft;
    Policy policy;
};

// The segments of "(a@1.0.0)(b@2.0.0(c@1.0.0))", with their own suffixes.
inline std::vector<std::string> suffix_segments(std::string_view suffix) {
    std::vector<std::string> out;
    std::size_t depth = 0, start = 0;
    for (std::size_t i = 0; i < suffix.size(); ++i) {
        if (suffix[i] == '(' && depth++ == 0) start = i + 1;
        if (suffix[i] == ')' && --depth == 0) out.emplace_back(suffix.substr(start, i - start));
    }
    return out;
}

class Strip {
  public:
    explicit Strip(std::string_view text, bool installs_peers = true)
        : installs_peers_(installs_peers), tree_(std::move(*read_yaml(main(text), arena_, 1))) {}

    Stripped strip() {
        const YamlNode& root = tree_.root();
        if (const YamlNode* settings = tree_.find(root, "settings")) {
            if (auto* v = tree_.find(*settings, "dedupePeers"))
                out_.policy.dedupe_peers = v->scalar == "true";
            if (auto* v = tree_.find(*settings, "peersSuffixMaxLength"))
                out_.policy.peers_suffix_max_length =
                    static_cast<std::uint32_t>(std::stoul(std::string(v->scalar)));
        }
        each(root, "packages", [&](const YamlNode& p) {
            DraftPackage& package = out_.draft.packages[std::string(p.key)];
            const YamlNode* meta = tree_.find(p, "peerDependenciesMeta");
            each(p, "peerDependencies", [&](const YamlNode& peer) {
                const YamlNode* own = meta ? tree_.find(*meta, peer.key) : nullptr;
                const YamlNode* optional = own ? tree_.find(*own, "optional") : nullptr;
                package.peers.push_back({std::string(peer.key), std::string(peer.scalar),
                                         optional != nullptr && optional->scalar == "true"});
            });
            if (meta)
                for (const YamlNode* m = tree_.first(*meta); m; m = tree_.next(*m))
                    if (std::none_of(package.peers.begin(), package.peers.end(),
                                     [&](auto& x) { return x.name == m->key; }))
                        package.peers.push_back({std::string(m->key), "*", true});
        });
        each(root, "snapshots", [&](const YamlNode& s) {
            snapshot(s);
            snapshots_.emplace(s.key, &s);
        });
        each(root, "importers", [&](const YamlNode& p) { project(p); });
        const YamlNode* importers = tree_.find(root, "importers");
        if (importers && installs_peers_)
            for (const YamlNode* p = tree_.first(*importers); p; p = tree_.next(*p)) installed_for_peers(*p);
        return std::move(out_);
    }

  private:
    static std::string_view main(std::string_view text) {
        std::size_t at = text.starts_with("---\n") ? text.find("\n---\n") : std::string_view::npos;
        return at == std::string_view::npos ? text : text.substr(at + 5);
    }
    template <class Visit>
    void each(const YamlNode& of, std::string_view key, const Visit& visit) const {
        const YamlNode* section = tree_.find(of, key);
        if (!section || section->kind != YamlKind::map) return;
        for (const YamlNode* n = tree_.first(*section); n; n = tree_.next(*n)) visit(*n);
    }
    // The key of `packages:` that a dependency's value means.
    static std::string key_of(std::string_view alias, std::string_view value) {
        auto id = id_of_reference(value, alias);
        return id ? std::string(without_suffix(*id)) : "";
    }

    void snapshot(const YamlNode& s) {
        auto id = parse_package_id(s.key);
        DraftPackage& package = out_.draft.packages[std::string(without_suffix(s.key))];
        if (!id->patch.empty()) package.patch_hash = std::string(id->patch.substr(12, id->patch.size() - 13));
        for (auto [group, kind] : {std::pair("dependencies", EdgeKind::prod),
                                   std::pair("optionalDependencies", EdgeKind::optional)})
            each(s, group, [&](const YamlNode& d) {
                auto is_peer = [&](const DraftPeer& p) { return p.name == d.key; };
                if (std::any_of(package.peers.begin(), package.peers.end(), is_peer) && in_suffix(*id, d))
                    return;
                for (const DraftEdge& e : package.edges)
                    if (e.alias == d.key) return;
                DraftEdge e = edge(d.key, d.scalar, kind, ".");
                package.edges.push_back(e);
            });
    }

    // A peer that the suffix does not name is a dependency of the package's own.
    static bool in_suffix(const PackageId& id, const YamlNode& d) {
        if (d.scalar.starts_with("link:")) return true;
        std::string key = key_of(d.key, d.scalar);
        for (const std::string& segment : suffix_segments(id.peers))
            if (without_suffix(segment) == key || segment.find('@', 1) == segment.npos) return true;
        return false;
    }

    static DraftEdge edge(std::string_view alias, std::string_view value, EdgeKind kind,
                          std::string_view dir) {
        DraftEdge e;
        e.alias = alias;
        e.kind = kind;
        if (value.starts_with("link:"))
            e.link = join(dir, value.substr(5));
        else
            e.package = key_of(alias, value);
        return e;
    }
    static std::string join(std::string_view dir, std::string_view path) {
        std::vector<std::string_view> parts;
        for (std::string_view text : {dir, path})
            while (!text.empty()) {
                std::size_t slash = text.find('/');
                std::string_view part = text.substr(0, slash);
                text = slash == text.npos ? std::string_view() : text.substr(slash + 1);
                if (part.empty() || part == ".") continue;
                if (part == ".." && !parts.empty() && parts.back() != "..")
                    parts.pop_back();
                else
                    parts.push_back(part);
            }
        std::string out;
        for (std::string_view part : parts) out.append(out.empty() ? "" : "/").append(part);
        return out.empty() ? "." : out;
    }

    void project(const YamlNode& p) {
        DraftProject& project = out_.draft.projects[std::string(p.key)];
        for (auto [group, kind] :
             {std::pair("dependencies", EdgeKind::prod), std::pair("devDependencies", EdgeKind::dev),
              std::pair("optionalDependencies", EdgeKind::optional)})
            each(p, group, [&](const YamlNode& d) {
                const YamlNode* version = tree_.find(d, "version");
                const YamlNode* specifier = tree_.find(d, "specifier");
                DraftEdge e = edge(d.key, version->scalar, kind, p.key);
                e.specifier = specifier ? std::string(specifier->scalar) : "";
                project.edges.push_back(e);
            });
    }

    // The peers of an id, by their whole ids, which suffixes may hide (a digest, one of a circle): its own,
    // and those of its dependencies that it does not provide.
    const std::vector<std::string>& segments_of(const std::string& id) {
        auto [at, is_new] = segments_.try_emplace(id);
        if (!is_new) return at->second;
        auto snapshot = snapshots_.find(id);
        if (snapshot == snapshots_.end()) return at->second;
        std::set<std::string> own, out;
        for (const DraftEdge& e : out_.draft.packages[std::string(without_suffix(id))].edges)
            own.insert(e.alias);
        for (std::string_view group : {"dependencies", "optionalDependencies"})
            each(*snapshot->second, group, [&](const YamlNode& d) {
                auto target = id_of_reference(d.scalar, d.key);
                if (!target) return;
                if (!own.contains(std::string(d.key))) {
                    out.insert(*target);
                    return;
                }
                for (const std::string& segment : segments_of(*target))
                    if (!own.contains(segment.substr(0, segment.find('@', 1)))) out.insert(segment);
            });
        // Where dependencies go in a circle the way down ends early: what the suffix says is there in any case.
        std::vector<std::string> said = suffix_segments(parse_package_id(id)->peers);
        if (said.size() == 1 && said[0].find('@', 1) == std::string::npos)
            return segments_[id] = {out.begin(), out.end()};
        for (std::string& segment : said)
            for (const std::string& whole : out)
                if (without_suffix(whole) == segment) segment = whole;
        return segments_[id] = said;
    }

    bool is_of_root(const YamlNode& p, const std::string& id) const {
        return p.key != "." && root_peers_.contains(id);
    }

    // Whatever the suffixes of a project's dependencies name and the project has not, somebody installed for
    // them.
    void installed_for_peers(const YamlNode& p) {
        DraftProject& project = out_.draft.projects[std::string(p.key)];
        std::set<std::string> names, of_root;
        for (const DraftEdge& e : project.edges) {
            names.insert(e.alias);
            if (!e.package.empty()) names.insert(e.package.substr(0, e.package.find('@', 1)));
        }
        auto ids_of = [&](const YamlNode& of, bool with_aliases) {
            std::vector<std::string> ids;
            for (std::string_view group : {"dependencies", "devDependencies", "optionalDependencies"})
                each(of, group, [&](const YamlNode& d) {
                    auto id = id_of_reference(tree_.find(d, "version")->scalar, d.key);
                    if (id && (with_aliases || id->starts_with(std::string(d.key) + "@"))) ids.push_back(*id);
                });
            return ids;
        };
        if (const YamlNode* root = tree_.find(*tree_.find(tree_.root(), "importers"), "."))
            for (const std::string& id : ids_of(*root, false)) {
                of_root.insert(id);
                of_root.insert(std::string(without_suffix(id)));  // as one of a circle is written
            }
        std::vector<std::string> ids = ids_of(p, true);
        std::set<std::string> seen;
        while (!ids.empty()) {
            std::string id = ids.back();
            ids.pop_back();
            if (!seen.insert(id).second) continue;
            for (const std::string& segment : segments_of(id)) {
                std::string key(without_suffix(segment));
                std::size_t at = key.find('@', 1);
                ids.push_back(segment);
                if (p.key == ".") root_peers_.insert(segment);
                if (!out_.draft.packages.contains(key) || of_root.contains(segment) ||
                    is_of_root(p, segment) || !names.insert(key.substr(0, at)).second)
                    continue;
                DraftEdge e;
                e.alias = key.substr(0, at);
                e.package = key;
                e.auto_installed = true;
                project.edges.push_back(e);
            }
        }
    }

    std::set<std::string> root_peers_;
    std::map<std::string, const YamlNode*> snapshots_;
    std::map<std::string, std::vector<std::string>> segments_;
    bool installs_peers_;
    Arena arena_;
    YamlTree tree_;
    Stripped out_;
};

// `installs_peers`: false where pnpm ran without auto-install-peers and dedupe-peer-dependents.
inline Stripped strip_lockfile(std::string_view text, bool installs_peers = true) {
    return Strip(text, installs_peers).strip();
}

}  // namespace pmx::test
