// A dependency tree from a few lines of text, in which every dependency names its exact package: what tests
// of peers start from. A line is a package or a project and what it depends on:
//
//   a@1.0.0: b@1.0.0 c=b@2.0.0 ?d@1.0.0 peer p@^1.0.0 peer? q@*
//   project .: a@1.0.0 dev b@1.0.0 auto p@1.0.0 b=link:packages/b injected c=c@file:packages/c
//
// "?" makes a dependency optional, "x=" gives it an alias; `dev`, `auto` (installed for a peer's sake),
// `peer`, `peer?` and `injected` belong to the word after them. `patch H` and `name N` (of a project) too.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "lockfile/dep_path.hpp"
#include "resolve/tree.hpp"

namespace pmx::test {

struct DraftEdge {
    std::string alias, package, link;  // `package` is a key
    EdgeKind kind = EdgeKind::prod;
    bool injected = false, auto_installed = false;
    std::string specifier;
};
struct DraftPeer {
    std::string name, range;
    bool optional = false;
};
struct DraftPackage {
    std::vector<DraftEdge> edges;
    std::vector<DraftPeer> peers;
    std::string patch_hash;
};
struct DraftProject {
    std::string name;
    std::vector<DraftEdge> edges;
};

struct Draft {
    std::map<std::string, DraftPackage> packages;  // by key
    std::map<std::string, DraftProject> projects;  // by directory

    // `seed` decides the order of everything; 0 keeps the drafts' own.
    DependencyTree tree(unsigned seed = 0) const;
};

inline DependencyTree Draft::tree(unsigned seed) const {
    DependencyTree tree;
    std::mt19937 random(seed);
    std::vector<const std::pair<const std::string, DraftPackage>*> order;
    for (const auto& entry : packages) order.push_back(&entry);
    if (seed) std::shuffle(order.begin(), order.end(), random);
    std::map<std::string, std::uint32_t> index;
    for (std::uint32_t i = 0; i < order.size(); ++i) index[order[i]->first] = i;
    auto add_edges = [&](std::vector<DraftEdge> edges, std::uint32_t& first, std::uint32_t& count) {
        if (seed) std::shuffle(edges.begin(), edges.end(), random);
        first = static_cast<std::uint32_t>(tree.edges.size());
        count = static_cast<std::uint32_t>(edges.size());
        for (const DraftEdge& from : edges) {
            TreeEdge e;
            e.alias = tree.arena.copy(from.alias);
            e.link = tree.arena.copy(from.link);
            e.kind = from.kind;
            e.injected = from.injected;
            e.auto_installed = from.auto_installed;
            e.specifier = tree.arena.copy(from.specifier);
            if (from.link.empty()) {
                auto at = index.find(from.package);
                if (at == index.end()) throw std::runtime_error("the draft has no package " + from.package);
                e.package = at->second;
            }
            tree.edges.push_back(e);
        }
    };
    for (const auto* entry : order) {
        TreePackage p;
        p.record.key = tree.arena.copy(entry->first);
        std::size_t at = p.record.key.find('@', 1);
        p.record.name = p.record.key.substr(0, at);
        std::string_view reference = p.record.key.substr(at + 1);
        if (is_exact_version(reference)) p.record.version = reference;
        if (reference.starts_with("file:") && !is_archive_name(reference)) {
            p.record.resolution.kind = ResolutionKind::directory;
            p.record.resolution.directory = reference.substr(5);
        }
        for (const DraftPeer& peer : entry->second.peers)
            p.record.peers.push_back(
                {tree.arena.copy(peer.name), tree.arena.copy(peer.range), peer.optional, false});
        if (seed) std::shuffle(p.record.peers.begin(), p.record.peers.end(), random);
        p.patch_hash = tree.arena.copy(entry->second.patch_hash);
        add_edges(entry->second.edges, p.first_edge, p.edge_count);
        tree.packages.push_back(std::move(p));
    }
    std::vector<const std::pair<const std::string, DraftProject>*> dirs;
    for (const auto& entry : projects) dirs.push_back(&entry);
    if (seed) std::shuffle(dirs.begin(), dirs.end(), random);
    for (const auto* entry : dirs) {
        TreeProject p;
        p.dir = tree.arena.copy(entry->first);
        p.name = tree.arena.copy(entry->second.name);
        add_edges(entry->second.edges, p.first_edge, p.edge_count);
        tree.projects.push_back(p);
    }
    return tree;
}

inline Draft draft(const std::string& text) {
    Draft out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string subject, word;
        if (!(words >> subject) || subject.starts_with('#')) continue;
        bool is_project = subject == "project";
        if (is_project) words >> subject;
        if (!subject.ends_with(':'))
            throw std::runtime_error("a line of a draft begins with its subject: " + line);
        subject.pop_back();
        DraftPackage package;
        DraftProject project;
        std::string role;
        while (words >> word) {
            if (word == "dev" || word == "auto" || word == "peer" || word == "peer?" || word == "injected" ||
                word == "patch" || word == "name") {
                role = word;
                continue;
            }
            if (role == "patch") {
                package.patch_hash = word;
            } else if (role == "name") {
                project.name = word;
            } else if (role == "peer" || role == "peer?") {
                std::size_t at = word.find('@', 1);
                package.peers.push_back(
                    {word.substr(0, at), at == word.npos ? "*" : word.substr(at + 1), role == "peer?"});
            } else {
                DraftEdge e;
                if (word.starts_with('?')) {
                    e.kind = EdgeKind::optional;
                    word.erase(0, 1);
                }
                if (std::size_t equal = word.find('='); equal != word.npos) {
                    e.alias = word.substr(0, equal);
                    word.erase(0, equal + 1);
                } else {
                    e.alias = word.substr(0, word.find('@', 1));
                }
                if (word.starts_with("link:"))
                    e.link = word.substr(5);
                else
                    e.package = word;
                if (role == "dev") e.kind = EdgeKind::dev;
                e.auto_installed = role == "auto";
                e.injected = role == "injected";
                (is_project ? project.edges : package.edges).push_back(e);
            }
            role.clear();
        }
        if (is_project)
            out.projects[subject] = project;
        else
            out.packages[subject] = package;
    }
    return out;
}

}  // namespace pmx::test
