// Lockfile: one value for every format that pmx reads, and one codec per format behind read_lockfile(). Reading is
// pure (bytes in, value out) and fast: 400 kB in a few milliseconds. Only install/commit writes lockfiles to disk; the
// text it writes comes from here. [any thread]
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "lockfile/npm_entry.hpp"
#include "model/graph.hpp"
#include "model/manifest.hpp"
#include "model/package_record.hpp"

namespace pmx {

enum class LockfileFormat : std::uint8_t { pnpm, npm };

// What a project's lockfile entry says about one direct dependency: compared with package.json under --frozen-lockfile.
struct LockedSpecifier {
    std::string_view alias, specifier;
    EdgeKind kind;
};
struct LockedProject {
    std::string_view dir;
    std::vector<LockedSpecifier> specifiers;
    std::vector<std::pair<std::string_view, std::string_view>> injected;  // dependenciesMeta.injected: (alias, "true")
    std::string_view publish_directory, link_directory;  // of publishConfig; "" = not recorded
    struct Meta {
        std::string_view alias, field, value;
    };
    std::vector<Meta> other_meta;  // the rest of dependenciesMeta ("built", "node"), kept for writing
};

struct YamlTree;

struct Lockfile {
    LockfileFormat format = LockfileFormat::pnpm;
    std::string file_name;     // "pnpm-lock.yaml", "package-lock.json", "npm-shrinkwrap.json"
    std::string version;       // "9.0", "2", "3"
    std::string_view text;     // the whole file, LF line ends, no BOM; owned by graph.arena
    bool crlf = false;         // the file's first line ended with CR LF
    std::string_view document; // pnpm: the main YAML document inside `text`
    Graph graph;
    std::vector<LockedProject> projects;  // same order as graph.projects
    std::vector<std::pair<std::string_view, std::string_view>> overrides;  // in the file's order
    std::vector<std::pair<std::string_view, std::string_view>> patched;    // key → hash (or path, old form)
    std::map<std::string, std::map<std::string, std::pair<std::string, std::string>>> catalogs;  // catalog → name → (specifier, version)
    std::map<std::string, std::string> settings;  // scalars of `settings:` as text
    std::vector<std::string_view> ignored_optional;
    std::string package_extensions_checksum, pnpmfile_checksum;
    // What only those need who edit or write a lockfile: filled by read_records() and by the resolver. Sorted by key.
    std::vector<PackageRecord> records;
    std::vector<std::pair<std::string_view, std::string_view>> times;  // `time:`, key → ISO time
    std::vector<NpmEntry> entries;  // npm's format only: every entry, the root's first, each after what it lies in
    std::string_view npm_name;      // … and the name that the file gives itself where the manifest has none
    std::vector<std::pair<std::string_view, std::string_view>> unknown;  // sections that pmx does not know: name → lines

    // pnpm's format: what was read, for read_records(), which drops it. Whoever will not call that may drop it, too.
    std::shared_ptr<const YamlTree> tree;

    const PackageRecord* find_record(std::string_view key) const;  // nullptr when there is none
};

// Which dependencies are wanted (--prod, --dev, --no-optional). As in pnpm, a project's own optional dependencies need
// `prod` and `optional` both; `optional` alone says whether optional edges between packages are followed.
struct Included {
    bool prod = true, dev = true, optional = true;
};

// By the file's name: pnpm-lock.yaml, package-lock.json, npm-shrinkwrap.json.
Result<Lockfile> read_lockfile(std::string_view file_name, std::string text);

// Fills `records` and `times` of a lockfile that read_lockfile() gave, from its text. Not done there, because an install
// from a lockfile does not need them. PMX_E_RESOLUTION_UNSUPPORTED when the lockfile holds packages that an install
// leaves out because pmx does not know their kind: they could not be written back.
Result<> read_records(Lockfile& lockfile);

// What pnpm's lockfile records of a project's manifest besides its dependencies: dependenciesMeta as the author wrote it
// (whatever became of an injected dependency), and publishConfig's directory.
void record_manifest(LockedProject& project, const Manifest& manifest, Arena& arena);

// The whole text of the lockfile as its own package manager writes it, byte for byte: pnpm-lock.yaml 9.0 (an env document
// of `lockfile.text` is kept in front), package-lock.json 3 (the projects' manifests are part of that format, hence
// `manifests`, by project; its indentation and line ends are those of `lockfile.text`). Needs records.
std::string pnpm_lockfile_text(const Lockfile& lockfile);
std::string npm_lockfile_text(const Lockfile& lockfile, const std::vector<Manifest>& manifests);

// A lockfile with merge conflict markers: both sides merged (the newer version of each pin wins, as pnpm does) so that
// the resolver can go on from there. The text without markers where there were none. PMX_E_LOCKFILE_CONFLICT when a side
// alone is no lockfile.
Result<std::string> merge_conflicts(std::string_view file_name, std::string_view text);

// Text of node_modules/.pnpm/lock.yaml: the main document filtered to what was installed. Empty when nothing was.
std::string current_lockfile_text(const Lockfile& wanted, const Included& included);
// Text of node_modules/.package-lock.json, npm's hidden lockfile, for a tree with these locations. `skipped` packages
// are left out.
std::string npm_hidden_lockfile_text(const Lockfile& wanted, const std::vector<std::uint32_t>& skipped_packages);

// What a manifest asks for; the config room reads it (manifest.hpp).
struct WantedDependency {
    std::string alias, specifier;
    EdgeKind kind;
};
struct WantedProject {
    std::string dir, name;
    std::vector<WantedDependency> dependencies;
    std::vector<std::string> injected;
    std::optional<std::string> version;  // nullopt: not known, so links to it are not compared
    std::optional<std::string> publish_directory;  // nullopt: not compared
    std::optional<std::vector<DependencyMeta>> dependencies_meta;  // nullopt: only `injected` is compared
};
struct WantedSettings {
    std::vector<std::pair<std::string, std::string>> overrides;
    std::vector<std::pair<std::string, std::string>> patched;  // key → hash
    std::map<std::string, std::map<std::string, std::string>> catalogs;
    std::vector<std::string> ignored_optional;
    // The values in effect, defaults included; nullopt: not compared. Checksums: "" = there is nothing to record.
    std::optional<bool> auto_install_peers, exclude_links_from_lockfile, inject_workspace_packages, dedupe_peers;
    std::optional<std::uint32_t> peers_suffix_max_length;
    std::optional<std::string> package_extensions_checksum, pnpmfile_checksum;
    // Manifests of directories that the lockfile has as packages (file:), as far as they are known; `dir` as in the
    // package's resolution.
    std::vector<WantedProject> directories;
};
// One line per difference that makes the lockfile unfit for these manifests ("packages/a: react: package.json wants
// ^19.0.0, the lockfile has ^18.0.0"); empty when it fits.
std::vector<std::string> lockfile_differences(const Lockfile& lockfile, const std::vector<WantedProject>& projects,
                                              const WantedSettings& settings);

}  // namespace pmx
