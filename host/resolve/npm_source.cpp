#include "resolve/npm_source.hpp"

#include <algorithm>

#include <simdjson.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "model/platform.hpp"
#include "resolve/pick.hpp"
#include "resolve/pick_error.hpp"

namespace pmx {
namespace {

namespace dom = simdjson::dom;
constexpr std::size_t kManifestLimit = 16u << 20;

bool is_of_registry(const Specifier& specifier) { return specifier.kind <= SpecifierKind::tag; }

void json_map(std::string& out, const TextMap& map) {
    JsonWriter json(out);
    json.object();
    for (const auto& [key, value] : map) json.key(key).value(value);
    json.end();
}

// npm's normal form: a text is the URL.
std::string funding_of(dom::element funding) {
    std::string out;
    std::string_view url;
    if (!funding.get(url))
        JsonWriter(out).object().key("url").value(url).end();
    else if (funding.is_object() || funding.is_array())
        out = simdjson::minify(funding);
    return out;
}

std::string license_of(dom::element license) {
    std::string out;
    std::string_view text;
    dom::object object;
    if (!license.get(text) || (!license.get(object) && !object["type"].get(text))) {
        if (!text.empty()) append_json_string(out, text);
    } else if (!license.is_null() && !license.is_bool()) {
        out = simdjson::minify(license);
    }
    return out;
}

}  // namespace

void NpmSource::want(const NpmEntry& entry) {
    for (const NpmEntry::Map* group : {&entry.dependencies, &entry.optional_dependencies, &entry.peer_dependencies, &entry.dev_dependencies})
        for (const auto& [name, spec] : *group) {
            if (group == &entry.peer_dependencies && std::find(entry.optional_peers.begin(), entry.optional_peers.end(), name) != entry.optional_peers.end()) continue;
            const Specifier* specifier = nodes_.specifier(name, spec);
            if (!specifier || !is_of_registry(*specifier) || !wanted_.insert(specifier->name).second) continue;
            ++asked_;
            input_.packuments->want(specifier->name, specifier->registry);
        }
}

const Result<const NpmEntry*>& NpmSource::get(std::string_view name, std::string_view spec, std::string_view base) {
    const Specifier* specifier = nodes_.specifier(name, spec);
    std::string key = std::string(name) + "@" + std::string(spec);
    if (!specifier || !is_of_registry(*specifier)) (key += '\n') += base;
    auto at = answers_.find(key);
    if (at != answers_.end()) return at->second;
    auto answer = [&]() -> Result<const NpmEntry*> {
        if (!specifier) {
            PMX_TRY(Specifier parsed, parse_specifier(name, spec));  // for its error
            return fail(Code::SPECIFIER, "cannot be understood", std::string(name) + "@" + parsed.raw);
        }
        return is_of_registry(*specifier) ? of_registry(*specifier) : of_source(*specifier, base);
    };
    return answers_.emplace(std::move(key), answer()).first->second;
}

Result<const NpmEntry*> NpmSource::of_registry(const Specifier& specifier) {
    if (input_.cancel && input_.cancel->is_set()) return fail(Code::CANCELLED, "cancelled");
    if (wanted_.insert(specifier.name).second) ++asked_;
    const Packuments::Answer& first = input_.packuments->get(specifier.name, specifier.registry);
    if (!first) return tl::make_unexpected(first.error());
    auto picked = pick(**first, specifier);
    std::shared_ptr<const Packument> packument = *first;
    if (!picked) {
        const Packuments::Answer& fresh = input_.packuments->get_fresh(specifier.name, specifier.registry);
        if (!fresh) return tl::make_unexpected(fresh.error());
        packument = *fresh;
        picked = pick(*packument, specifier);
        if (!picked) return tl::make_unexpected(std::move(picked).error());
    }
    const Packument::Entry& version = packument->versions()[*picked];
    std::string id = specifier.name + "@" + std::string(version.version);
    if (auto known = versions_.find(id); known != versions_.end()) return known->second;
    PMX_TRY(VersionManifest found, packument->manifest(*picked));
    NpmEntry& entry = entries_.emplace_back();
    PMX_TRY(std::string_view text, packument->text(*picked));
    fill(entry, found.manifest, text);
    entry.name = keep(specifier.name);
    entry.version = keep(version.version);
    entry.resolved = keep(found.tarball);
    entry.integrity = keep(found.integrity);
    entry.deprecated = keep(found.deprecated);
    entry.has_install_script = found.has_install_script;
    entry.has_shrinkwrap = found.has_shrinkwrap;
    versions_.emplace(std::move(id), &entry);
    if (input_.chosen) {
        PackageRecord record;
        std::string key = specifier.name + "@" + std::string(version.version);
        record.key = keep(key);
        record.name = entry.name;
        record.version = entry.version;
        record.resolution.integrity = entry.integrity;
        record.resolution.tarball = entry.resolved;
        input_.chosen(record);
    }
    if (input_.progress) input_.progress(asked_, versions_.size());
    return &entry;
}

Result<const NpmEntry*> NpmSource::of_source(const Specifier& specifier, std::string_view base) {
    const std::string subject = specifier.alias + "@" + specifier.raw;
    const bool git = specifier.kind == SpecifierKind::git;
    if (!git && specifier.kind != SpecifierKind::file && specifier.kind != SpecifierKind::tarball)
        return fail(Code::SPECIFIER, "npm knows no such specifier", subject, "write a version, a URL, a repository or a file: path");
    if (!input_.sources) return fail(Code::RESOLUTION_UNSUPPORTED, "there is nothing here to fetch this with", subject);
    Specifier wanted = specifier;
    if (specifier.kind == SpecifierKind::file) wanted.value = join_path(base, specifier.value);
    PMX_TRY(SourcePackage found, git ? input_.sources->repository(wanted) : input_.sources->archive(wanted, input_.root));
    NpmEntry& entry = entries_.emplace_back();
    fill(entry, found.manifest, {});
    entry.name = keep(found.manifest.name.empty() ? specifier.alias : found.manifest.name);
    entry.version = keep(found.manifest.version);
    if (git) {
        std::string commit = !found.commit.empty() ? found.commit : found.reference.substr(found.reference.rfind('/') + 1);
        std::string host = specifier.git.host == "github" ? "github.com" : specifier.git.host == "gitlab" ? "gitlab.com" : specifier.git.host == "bitbucket" ? "bitbucket.org" : "";
        std::string url = !host.empty() ? "ssh://git@" + host + "/" + specifier.git.user + "/" + specifier.git.project + ".git" : specifier.git.url;
        entry.resolved = keep("git+" + url + "#" + commit);
    } else {
        entry.resolved = keep(specifier.kind == SpecifierKind::file ? "file:" + wanted.value : specifier.value);
    }
    entry.integrity = keep(found.integrity);
    for (const char* script : {"preinstall", "install", "postinstall"})
        if (find(found.manifest.scripts, script)) entry.has_install_script = true;
    return &entry;
}

Result<std::vector<const NpmEntry*>> NpmSource::inside(const NpmEntry& package) {
    std::vector<const NpmEntry*> found;
    if (!input_.sources || package.resolved.empty() || package.resolved.starts_with("git")) return found;
    std::string id(package.name);
    ((id += '@') += package.version);
    Specifier specifier;
    specifier.alias = package.name;
    specifier.raw = specifier.value = package.resolved;
    specifier.kind = SpecifierKind::tarball;
    if (package.resolved.starts_with("file:")) {
        specifier.kind = SpecifierKind::file;
        specifier.value = specifier.value.substr(5);
    }
    PMX_TRY(SourcePackage archive, input_.sources->archive(specifier, input_.root));
    if (package.integrity.starts_with("sha512-") && package.integrity.find(archive.integrity) == std::string_view::npos)
        return fail(Code::INTEGRITY, "the archive is not what the registry says it is", id, "try again; if it stays so, tell the registry's operators");
    for (const auto& [path, text] : archive.inside) {
        if (path == "npm-shrinkwrap.json") {
            if (!package.has_shrinkwrap) continue;
            auto lockfile = read_lockfile(path, text);
            if (!lockfile || !read_records(*lockfile)) continue;  // of an old version: its dependencies are resolved as any
            const Lockfile& kept = shrinkwraps_.emplace_back(std::move(*lockfile));
            for (const NpmEntry& entry : kept.entries)
                if (entry.path.starts_with("node_modules/") && !entry.link) found.push_back(&entry);
            continue;
        }
        auto manifest = parse_manifest(text, id);
        if (package.bundled.empty() || !manifest) continue;
        std::string_view dir = keep(path.substr(0, path.size() - 13));
        NpmEntry& entry = entries_.emplace_back();
        fill(entry, *manifest, text);
        entry.path = dir;
        entry.name = keep(manifest->name);
        entry.version = keep(manifest->version);
        entry.in_bundle = true;
        for (const char* script : {"preinstall", "install", "postinstall"})
            if (find(manifest->scripts, script)) entry.has_install_script = true;
        found.push_back(&entry);
    }
    std::stable_sort(found.begin(), found.end(), [](const NpmEntry* a, const NpmEntry* b) { return a->path < b->path; });
    return found;
}

bool NpmSource::is_early(const Packument& packument, std::size_t version) const {
    return !packument.has_times() ||
           is_old_enough(packument.name(), packument.versions()[version].version, packument.time(version), *input_.policy);
}

bool NpmSource::runs_here(const Packument& packument, std::size_t version) const {
    if (input_.policy->node_version.empty()) return true;
    auto manifest = packument.manifest(version);
    return !manifest || unsupported_engines(manifest->manifest.engines, {{"node", input_.policy->node_version}}).empty();
}

// npm's rule, and pmx's age rule: nothing younger than the policy allows, unless nothing else fits and it is not strict.
Result<std::size_t> NpmSource::pick(const Packument& packument, const Specifier& specifier) {
    if (specifier.kind == SpecifierKind::range) return pick_range(packument, specifier, specifier.value.empty() ? "*" : specifier.value);
    const bool is_tag = specifier.kind == SpecifierKind::tag;
    auto found = packument.find(is_tag ? packument.tag(specifier.value) : std::string_view(specifier.value));
    if (!found) return no_matching_version(packument, specifier, std::nullopt, *input_.policy);
    if (is_early(packument, *found)) return *found;
    if (is_tag)
        if (auto older = pick_range(packument, specifier, "<=" + std::string(packument.versions()[*found].version))) return older;
    if (!input_.policy->newest_strict) return *found;
    return no_matching_version(packument, specifier, found, *input_.policy);
}

Result<std::size_t> NpmSource::pick_range(const Packument& packument, const Specifier& specifier, std::string_view text) {
    const KnownRange& range = nodes_.range(text);
    if (!range.range) return no_matching_version(packument, specifier, std::nullopt, *input_.policy);
    auto latest = packument.find(packument.tag(input_.policy->default_tag));
    if (latest && (text == "*" || range.range->satisfied_by(packument.parsed(*latest))) && is_early(packument, *latest) &&
        !packument.is_deprecated(*latest) && runs_here(packument, *latest))
        return *latest;
    std::optional<std::size_t> best, young;
    int best_rank = -1;
    for (std::size_t i = 0; i < packument.versions().size(); ++i) {  // highest first
        if (!range.range->satisfied_by(packument.parsed(i))) continue;
        if (!is_early(packument, i)) {
            young = i;
            continue;
        }
        const bool runs = runs_here(packument, i), deprecated = packument.is_deprecated(i);
        const int rank = (runs && !deprecated ? 4 : 0) + (runs ? 2 : 0) + (deprecated ? 0 : 1);
        if (rank > best_rank) {
            best = i;
            best_rank = rank;
        }
        if (rank == 7) break;
    }
    if (best) return *best;
    if (young && !input_.policy->newest_strict) return *young;
    return no_matching_version(packument, specifier, young, *input_.policy);
}

void NpmSource::fill(NpmEntry& entry, const Manifest& manifest, std::string_view json) {
    auto group = [&](const TextMap& from, NpmEntry::Map& to, const TextMap* without = nullptr) {
        for (const auto& [name, spec] : from)
            if (!without || !find(*without, name)) to.emplace_back(keep(name), keep(spec));
    };
    group(manifest.dependencies, entry.dependencies, &manifest.optional_dependencies);
    group(manifest.optional_dependencies, entry.optional_dependencies);
    group(manifest.peer_dependencies, entry.peer_dependencies);
    for (const std::string& peer : manifest.optional_peers) entry.optional_peers.push_back(keep(peer));
    for (const std::string& name : bundled_names(manifest)) entry.bundled.push_back(keep(name));
    if (TextMap bin = npm_normal_bin(manifest); !bin.empty()) {
        std::string text;
        json_map(text, bin);
        entry.other.emplace_back("bin", keep(text));
    }
    if (json.empty()) {
        auto list = [&](std::string_view key, const std::vector<std::string>& items) {
            std::string text;
            JsonWriter out(text);
            out.array();
            for (const std::string& item : items) out.value(item);
            out.end();
            if (!items.empty()) entry.other.emplace_back(key, keep(text));
        };
        list("os", manifest.os);
        list("cpu", manifest.cpu);
        list("libc", manifest.libc);
        if (!manifest.engines.empty()) {
            std::string text;
            json_map(text, manifest.engines);
            entry.other.emplace_back("engines", keep(text));
        }
        return;
    }
    std::string bundled;  // in either spelling; `true` is recorded as the names that it means
    JsonWriter names(bundled);
    names.array();
    for (std::string_view name : entry.bundled) names.value(name);
    names.end();
    dom::parser parser;
    dom::object object;
    if (parser.parse(json.data(), json.size()).get(object)) return;
    auto copy = [&](std::string_view key, std::string text) {
        if (!text.empty() && text != "{}" && text != "null" && text != "\"\"" && text != "false" && text != "[]") entry.other.emplace_back(key, keep(text));
    };
    copy("bundleDependencies", bundled);
    for (auto [key, value] : object) {
        if (key == "license") copy("license", license_of(value));
        if (key == "funding") copy("funding", funding_of(value));
        for (std::string_view field : {"engines", "os", "cpu", "libc", "peerDependenciesMeta", "acceptDependencies", "workspaces"})
            if (key == field) copy(field, std::string(simdjson::minify(value)));
    }
}

const NpmEntry* NpmSource::directory(std::string_view dir, const Manifest* manifest, const NpmEntry* old) {
    std::string path = join_path(join_path(input_.root, dir), "package.json");
    std::string text;
    if (auto read = read_file(AT_FDCWD, path.c_str(), kManifestLimit)) text = std::move(*read);
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    Manifest on_disk;
    if (!manifest) {
        auto parsed = parse_manifest(text, path);
        if (!parsed) return old;
        on_disk = std::move(*parsed);
        manifest = &on_disk;
    }
    NpmEntry& entry = entries_.emplace_back();
    fill(entry, *manifest, text);
    if (text.empty() && old) entry.other = old->other;
    for (const auto& [name, spec] : manifest->dev_dependencies) entry.dev_dependencies.emplace_back(keep(name), keep(spec));
    entry.name = keep(manifest->name);
    if (dir.empty() && entry.name.empty() && old) entry.name = old->name;
    entry.version = keep(manifest->version);
    for (const char* script : {"preinstall", "install", "postinstall"})
        if (find(manifest->scripts, script)) entry.has_install_script = true;
    return &entry;
}

}  // namespace pmx
