#include "install/outdated.hpp"

#include <algorithm>
#include <chrono>
#include <map>

#include "base/fs.hpp"
#include "install/metadata.hpp"
#include "install/run.hpp"
#include "install/transport.hpp"
#include "model/manifest.hpp"
#include "model/semver.hpp"
#include "model/specifier.hpp"
#include "resolve/hooks.hpp"
#include "resolve/pick.hpp"

namespace pmx {
namespace {

constexpr std::size_t kManifestLimit = 16u << 20;

struct Locked {
    std::string version;
    EdgeKind kind = EdgeKind::prod;
    std::string name;
};

// The packages of a registry that a project depends on itself, by alias.
std::map<std::string, Locked> direct_packages(const Lockfile& lockfile, std::string_view dir) {
    std::map<std::string, Locked> found;
    const Graph& graph = lockfile.graph;
    for (const Project& project : graph.projects) {
        if (project.dir != dir) continue;
        for (const Edge* edge = graph.begin_edges(project); edge != graph.end_edges(project); ++edge) {
            if (edge->target == kNoPackage) continue;
            const Package& package = graph.packages[edge->target];
            if (package.resolution.kind != ResolutionKind::registry || !Version::parse(package.version)) continue;
            found[std::string(edge->alias)] = {std::string(package.version), edge->kind, std::string(package.name)};
        }
    }
    return found;
}

// npm's record of what is installed has no edges: what stands where Node would look is asked itself.
std::string version_on_disk(const std::string& root, std::string_view dir, const std::string& alias) {
    for (std::string_view at = dir == "." ? std::string_view() : dir;;) {
        std::string path = join_path(join_path(root, at), "node_modules/" + alias + "/package.json");
        auto text = read_file_if_exists(AT_FDCWD, path.c_str(), kManifestLimit);
        if (text && *text) {
            auto manifest = parse_manifest(**text, path);
            return manifest && Version::parse(manifest->version) ? std::string(manifest->version) : std::string();
        }
        if (at.empty()) return {};
        std::size_t slash = at.rfind('/');
        at = slash == std::string_view::npos ? std::string_view() : at.substr(0, slash);
    }
}

const std::string* specifier_in(const Manifest& manifest, const std::string& alias) {
    for (const TextMap* map : {&manifest.optional_dependencies, &manifest.dependencies, &manifest.dev_dependencies})
        if (const std::string* text = find(*map, alias)) return text;
    return nullptr;
}

// What is asked of the registry: the default tag, or what the manifest allows. nullopt: nothing that a registry knows.
std::optional<Specifier> asked(const OutdatedQuery& query, const Policy& policy, const Manifest& manifest, const std::string& alias, const Locked& locked) {
    Specifier latest;
    latest.kind = SpecifierKind::tag;
    latest.alias = alias;
    latest.name = locked.name;
    latest.value = policy.default_tag;
    if (!query.compatible) return latest;
    const std::string* text = specifier_in(manifest, alias);
    if (!text) return std::nullopt;
    auto from_catalog = resolve_catalog(policy, alias, *text);
    if (!from_catalog) return std::nullopt;
    auto parsed = parse_specifier(alias, *from_catalog ? (*from_catalog)->specifier : *text);
    if (!parsed || parsed->kind > SpecifierKind::tag) return std::nullopt;
    return *parsed;
}

}  // namespace

int change_of(const OutdatedEntry& entry) {
    auto from = Version::parse(entry.current.empty() ? entry.wanted : entry.current), to = Version::parse(entry.latest);
    if (!from || !to) return 4;
    if (*from == *to) return 0;
    std::optional<Release> change = difference(*from, *to);
    return !change ? 4 : *change == Release::patch ? 1 : *change == Release::minor ? 2 : *change == Release::major ? 3 : 4;
}

Result<std::vector<OutdatedEntry>> find_outdated(const OutdatedQuery& query, const Lockfile& wanted, const Lockfile* installed) {
    const Settings& settings = *query.settings;
    auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    PMX_TRY(Policy policy, policy_from(settings, now));
    Plugins plugins(plugin_path(settings), host_services(settings, *query.metrics, *query.events, *query.cancel));
    Transport transport(settings, plugins, *query.cancel);
    BoundedTransport bounded(transport, *query.metrics, static_cast<std::size_t>(settings.integer("network-concurrency")));
    Packuments packuments(settings, packuments_options(settings, policy), metadata_sender(bounded));

    struct Question {
        OutdatedEntry entry;
        Specifier specifier;
    };
    std::vector<Question> questions;
    for (const WorkspaceProject* project : query.projects) {
        std::map<std::string, Locked> here;
        if (installed) here = direct_packages(*installed, project->dir);
        for (const auto& [alias, locked] : direct_packages(wanted, project->dir)) {
            if (query.wants && !query.wants(alias, locked.kind)) continue;
            std::optional<Specifier> specifier = asked(query, policy, project->manifest, alias, locked);
            if (!specifier) continue;
            Question question{{project->dir, alias, locked.name, locked.kind, {}, locked.version, {}, false}, *specifier};
            if (auto found = here.find(alias); found != here.end()) question.entry.current = found->second.version;
            if (!installed && wanted.format == LockfileFormat::npm) question.entry.current = version_on_disk(settings.root, project->dir, alias);
            packuments.want(specifier->name, specifier->registry);
            questions.push_back(std::move(question));
        }
    }
    std::vector<OutdatedEntry> entries;
    for (Question& question : questions) {
        const Packuments::Answer& answer = packuments.get(question.specifier.name, question.specifier.registry);
        if (!answer) return tl::make_unexpected(answer.error());
        PickRequest request;
        request.specifier = &question.specifier;
        auto picked = pick(**answer, request, policy);
        if (!picked) continue;  // the tag is gone, or everything is too young
        OutdatedEntry& entry = question.entry;
        entry.latest = (*answer)->versions()[*picked].version;
        entry.deprecated = (*answer)->is_deprecated(*picked);
        auto have = Version::parse(entry.current.empty() ? entry.wanted : entry.current);
        bool newer = have && *have < (*answer)->parsed(*picked);
        const bool is_missing = entry.current.empty() && (installed || wanted.format == LockfileFormat::npm);
        if (newer || entry.deprecated || is_missing) entries.push_back(std::move(entry));
    }
    return entries;
}

}  // namespace pmx
