// TreeWalk: the state of building a tree, shared by the sources that each do one part of it: tree.cpp walks, direct.cpp
// says what a project asks for, reuse.cpp follows the existing lockfile, exotic.cpp asks for what no registry has,
// auto_peers.cpp installs missing peers, tree_finish.cpp makes the result; grow.cpp adds to a lockfile of our own. Nobody else includes this. [one thread]
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "model/platform.hpp"
#include "model/range.hpp"
#include "resolve/grow.hpp"
#include "resolve/pins.hpp"
#include "resolve/prefetch.hpp"
#include "resolve/tree.hpp"
#include "resolve/tree_record.hpp"

namespace pmx {

inline constexpr std::uint32_t kNone = UINT32_MAX;
inline constexpr std::uint32_t kSiblingWeight = 1, kMovedWeight = 2 * kLockfileWeight;

// What a dependency turned out to be: a package, or a link to a directory relative to the root.
struct TreeTarget {
    std::uint32_t package = kNoPackage;
    std::string_view link;
};

class TreeWalk {
  public:
    explicit TreeWalk(const TreeInput& input);
    Result<DependencyTree> run();
    // grow.cpp: only what the lockfile does not have is walked. nullopt: that is not enough.
    Result<std::optional<Growth>> grow();

  private:
    // The versions chosen by one package's (or project's) dependencies: preferred by everything below it.
    struct Level {
        std::uint32_t parent = kNone;
        std::uint32_t first = 0, count = 0;  // into chosen_versions_
        std::uint64_t names = 0;             // a filter: the names in this level and above
    };
    struct Node {
        const PackageFacts* facts = nullptr;   // nullptr: known from the lockfile only
        Prefetch::Slot* slot = nullptr;
        std::string_view base_dir;             // of a directory: what its relative dependencies start from
        std::uint32_t level = kNone;           // in which its dependencies are picked
        std::uint32_t claimed_by = kNone;      // the package, kNone: a project
        std::uint32_t pinned = kNoPackage;     // in the lockfile's graph
        bool through_pin = false;              // reached by an edge of the lockfile
        bool is_droppable = false;             // some edge on the way of its claim is optional
        bool is_exotic = false;                // from no registry: may have relative dependencies
        std::optional<Error> failure;
    };
    struct DirectWant {
        std::string_view alias, specifier, text, catalog;
        EdgeKind kind = EdgeKind::prod;
        bool injected = false;
        bool is_peer = false;
    };
    struct Importer {
        const ProjectInput* input = nullptr;
        Manifest manifest;  // after hooks
        std::string_view dir;
        std::vector<DirectWant> wants;
        std::vector<DirectWant> shadowed;  // the same aliases in groups that gave way: still preferred
        std::vector<TreeEdge> edges;
        std::unordered_map<std::string_view, std::vector<Preferred>> preferred;  // by package name
        std::unordered_set<std::string_view> aliased;                            // names that it asks for under others
        std::uint32_t level = kNone;
        std::unordered_set<std::string_view> provided;  // aliases and names
        std::vector<std::string_view> declined;  // see TreeProject
    };
    // From where something is asked for.
    struct Place {
        std::uint32_t importer = 0, level = kNone, depth = 0;
        std::uint32_t parent = kNone;    // package, kNone: the project itself
        std::string_view base_dir;       // for relative paths; data() == nullptr: none
        bool optional = false;
        bool is_own_peer = false;        // a project's own peer: what other projects ask for is preferred
    };

    // tree.cpp
    static bool is_fatal(const Error& error);
    Result<> read_projects();
    Result<> walk_by_time();
    Result<> walk(std::uint32_t importer, std::vector<std::uint32_t> claimed);
    void claim(std::size_t from, std::uint32_t level, std::vector<std::uint32_t>& claimed);
    void ask_ahead(const Node& node);
    void ask_ahead(const Result<Specifier>& specifier);
    Result<> resolve_children(std::uint32_t package, std::uint32_t importer, std::vector<std::uint32_t>& claimed);
    Result<TreeTarget> resolve_want(std::string_view alias, std::string_view text, const Place& place);
    Result<TreeTarget> resolve_registry(const Specifier& specifier, const Place& place, bool latest = false);
    Result<PackageRecord> registry_record(Prefetch::Slot& slot, std::size_t version, const Specifier& specifier, const PackageFacts& facts);
    const std::vector<Preferred>& preferred_for(const Specifier& specifier, const Place& place);
    std::uint32_t new_level(std::uint32_t parent, const TreeEdge* first, std::size_t count);
    Error wrong_specifier(std::string_view alias, std::string_view text, const Error& error) const;
    const Result<Specifier>& specifier_of(std::string_view alias, std::string_view text) { return prefetch_.specifier(alias, text); }
    std::uint32_t find_package(std::string_view key) const;
    std::uint32_t add_package(PackageRecord record, Node node, const Place& place);
    Result<> drop_failed();
    Error with_chain(Error error, std::string_view wanted, std::uint32_t parent) const;
    bool is_cancelled() const { return input_.cancel && input_.cancel->is_set(); }

    // direct.cpp
    Result<> read_wants(Importer& importer);
    void prefer_direct(Importer& importer);
    Result<> resolve_direct(std::uint32_t importer, std::vector<std::uint32_t>& claimed);
    Result<TreeTarget> resolve_direct_want(std::uint32_t importer, const DirectWant& want);
    Result<TreeTarget> resolve_workspace(const Specifier& specifier, const Place& place, bool injected);
    Result<TreeTarget> resolve_linkable(const Specifier& specifier, const Place& place, bool injected, bool latest);
    std::uint32_t workspace_match(const Specifier& specifier, std::string_view range) const;
    TreeTarget link_to(std::uint32_t project);
    Result<TreeTarget> inject(std::uint32_t project, const Place& place);

    // exotic.cpp
    Result<TreeTarget> resolve_exotic(const Specifier& specifier, const Place& place);
    Result<TreeTarget> add_directory(std::string_view dir, std::string_view alias, const Place& place, std::uint32_t project = kNone);
    std::string_view relative_to_root(std::string_view base_dir, std::string_view path);

    // reuse.cpp
    void find_moved();
    Result<std::optional<TreeTarget>> reuse_direct(const Importer& importer, const DirectWant& want, const Specifier& specifier, const Place& place);
    std::uint32_t add_pinned(const PackageRecord& record, const Place& place, bool through_pin);
    void correct_peers(std::uint32_t package);
    bool has_peers_in_id(const Edge& edge) const;
    bool edges_are_certain(const Node& node, std::uint32_t depth) const;
    Result<TreeTarget> follow_pin(const Edge& edge, const Place& place);
    bool is_peer_edge(const Node& node, const Edge& edge) const;
    std::unordered_map<std::string_view, const Edge*> pins_of(const Node& node) const;
    Result<const PackageFacts*> facts_of(std::uint32_t package);

    // auto_peers.cpp
    Result<> install_peers();
    struct MissingPeer {
        std::vector<std::string_view> required, optional;  // ranges, each once, sorted
    };
    using MissingPeers = std::vector<std::pair<std::string_view, MissingPeer>>;
    const MissingPeers& missing_peers(std::uint32_t importer);  // as of the last install()
    MissingPeers find_missing_peers(const Importer& importer) const;
    std::optional<std::string> version_for_peer(std::string_view name, const std::vector<std::string_view>& ranges, bool prereleases,
                                                std::uint32_t fitting = kNone) const;  // beside that project's dependencies
    bool accepts_beside(const PackageRecord& record, std::uint32_t importer) const;
    std::optional<std::string> version_used_below(const Importer& importer, std::string_view name, bool everywhere) const;
    Result<bool> install_required(std::uint32_t importer);
    Result<bool> install_optional(std::uint32_t importer);
    struct PeerInstall {
        std::string_view name;
        std::string text;
        std::optional<TreeTarget> target;  // known already: `text` does not matter
    };
    Result<> install(std::uint32_t importer, const std::vector<PeerInstall>& wanted, EdgeKind kind);
    const TreeEdge* edge_of_root(std::uint32_t asking, std::string_view name) const;
    bool suits(const TreeEdge& edge, const std::vector<std::string_view>& ranges) const;
    std::optional<std::string> version_beside_alias(const TreeEdge& edge, std::string_view name);

    // grow.cpp
    struct Addition {
        std::uint32_t importer;
        const DirectWant* want;
    };
    bool may_grow() const;
    std::optional<std::vector<Addition>> additions() const;
    bool is_as_locked(const Importer& importer, const std::vector<Addition>& added) const;
    bool stays_apart(const std::vector<Addition>& added) const;
    Growth growth(const std::vector<Addition>& added);

    // tree_finish.cpp
    Result<DependencyTree> finish();
    void warn(DependencyTree& tree) const;

    const TreeInput& input_;
    const Policy& policy_;
    Pins pins_;
    Prefetch prefetch_;
    DependencyTree tree_;
    std::vector<Node> nodes_;       // beside tree_.packages
    std::vector<Level> levels_;
    std::vector<std::pair<std::string_view, std::uint32_t>> chosen_versions_;  // (name, package), sorted within a level
    std::vector<Importer> importers_;
    std::unordered_map<std::string_view, std::vector<Preferred>> asked_by_projects_;  // by alias, all projects
    std::unordered_map<std::string_view, std::uint32_t> packages_;  // by key
    std::unordered_map<std::string_view, std::vector<std::uint32_t>> packages_by_name_;
    std::unordered_map<std::string_view, std::vector<std::uint32_t>> projects_by_name_;
    std::unordered_map<std::string_view, std::uint32_t> projects_by_dir_;
    std::deque<PackageFacts> own_facts_;  // of what has no packument
    std::unordered_set<const Specifier*> asked_ahead_;
    // What preferred_for found, and whose preferences these are: the project's for this name, or of versions chosen above.
    std::vector<Preferred> preferred_;
    bool prefers_own_ = false, prefers_chosen_ = false;
    // What a dependency became where no version chosen above it had a say. Where nothing is preferred at all, in other
    // projects too: this is how they come to share what the first of them preferred.
    std::unordered_map<const Specifier*, std::uint32_t> settled_;
    std::string scratch_;
    bool grows_ = false;  // what the lockfile has is taken, and not walked
    std::string newest_;  // time-based: the limit for dependencies of dependencies, once it is known
    std::size_t failures_ = 0;
    std::unordered_map<std::uint32_t, MissingPeers> missing_;  // by importer; forgotten when something is installed
    SupportedPlatforms platforms_;
};

}  // namespace pmx
