#include "resolve/pins.hpp"

#include <algorithm>

#include "lockfile/dep_path.hpp"
#include "model/range.hpp"

namespace pmx {

bool is_registry_record(const PackageRecord& record) {
    return record.resolution.kind == ResolutionKind::registry && !record.version.empty() &&
           record.key.size() == record.name.size() + 1 + record.version.size() && record.key.ends_with(record.version);
}

bool is_registry_kind(SpecifierKind kind) { return kind <= SpecifierKind::tag; }

Preferred::Kind preferred_kind(SpecifierKind kind) {
    return kind == SpecifierKind::version ? Preferred::Kind::version : kind == SpecifierKind::range ? Preferred::Kind::range : Preferred::Kind::tag;
}

bool is_satisfied(const Specifier& specifier, std::string_view version) {
    if (specifier.kind == SpecifierKind::version) return specifier.value == version;
    return specifier.kind == SpecifierKind::range && satisfies(version, specifier.value, {.loose = true});
}

Pins::Pins(const TreeInput& input) : update_(input.update), updated_names_(input.update.patterns) {
    if (!input.wanted || input.wanted->format != LockfileFormat::pnpm) return;
    lockfile_ = input.wanted;
    // Written in another order they are the same overrides.
    auto same = [](const auto& now, const auto& then) {
        auto sorted = [](const auto& list) {
            std::vector<std::pair<std::string_view, std::string_view>> pairs(list.begin(), list.end());
            std::sort(pairs.begin(), pairs.end());
            return pairs;
        };
        return now.size() == then.size() && sorted(now) == sorted(then);
    };
    if (input.hooks) {
        const auto overrides = input.hooks->recorded_overrides();
        edges_hold_ = same(overrides, lockfile_->overrides) && input.hooks->extensions_checksum() == lockfile_->package_extensions_checksum;
    }
    if (input.policy) {
        const auto& ignored = input.policy->ignored_optional;
        edges_hold_ = edges_hold_ && std::is_permutation(ignored.begin(), ignored.end(), lockfile_->ignored_optional.begin(),
                                                         lockfile_->ignored_optional.end());
        const auto peers = lockfile_->settings.find("autoInstallPeers");
        if (peers != lockfile_->settings.end() && (peers->second == "true") != input.policy->auto_install_peers) edges_hold_ = false;
    }
    if (update_.dedupe) edges_hold_ = false;
    for (const PackageRecord& record : lockfile_->records)
        if (is_registry_record(record)) versions_[record.name].push_back(&record);
    const auto& packages = lockfile_->graph.packages;
    packages_.reserve(packages.size());
    records_.reserve(packages.size());
    for (std::uint32_t i = 0; i < packages.size(); ++i) {
        const PackageRecord* record = lockfile_->find_record(parse_dep_path(packages[i].id).package_key);
        records_.push_back(record);
        if (record) packages_.try_emplace(record->key, i);
    }
    const auto& graph = lockfile_->graph;
    for (std::size_t i = 0; i < graph.projects.size(); ++i) {
        Locked& locked = projects_[graph.projects[i].dir];
        for (const Edge* edge = graph.begin_edges(graph.projects[i]); edge != graph.end_edges(graph.projects[i]); ++edge)
            locked.edges.emplace(edge->alias, edge);
        if (i < lockfile_->projects.size())
            for (const LockedSpecifier& specifier : lockfile_->projects[i].specifiers)
                locked.specifiers.emplace(specifier.alias, specifier.specifier);
    }
}

std::size_t Pins::count(std::string_view name) const {
    auto found = versions_.find(name);
    return found == versions_.end() ? 0 : found->second.size();
}

std::span<const PackageRecord* const> Pins::versions(std::string_view name) const {
    if (!lockfile_) return {};
    if (update_.kind == UpdateScope::Kind::all) return {};
    if (update_.kind == UpdateScope::Kind::named && updated_names_.matches(name)) return {};
    auto found = versions_.find(name);
    return found == versions_.end() ? std::span<const PackageRecord* const>() : found->second;
}

const PackageRecord* Pins::only_fit(const Specifier& specifier) const {
    if (!specifier.registry.empty() || is_moved(specifier.name)) return nullptr;
    const PackageRecord* fit = nullptr;
    for (const PackageRecord* record : versions(specifier.name)) {
        if (!is_satisfied(specifier, record->version)) continue;
        if (fit) return nullptr;
        fit = record;
    }
    return fit;
}

const Edge* Pins::direct(std::string_view dir, std::string_view alias) const {
    if (!edges_hold_) return nullptr;
    auto project = projects_.find(dir);
    if (project == projects_.end()) return nullptr;
    auto edge = project->second.edges.find(alias);
    return edge == project->second.edges.end() ? nullptr : edge->second;
}

std::string_view Pins::direct_specifier(std::string_view dir, std::string_view alias) const {
    auto project = projects_.find(dir);
    if (project == projects_.end()) return {};
    auto found = project->second.specifiers.find(alias);
    return found == project->second.specifiers.end() ? std::string_view() : found->second;
}

std::size_t Pins::direct_count(std::string_view dir) const {
    auto project = projects_.find(dir);
    return project == projects_.end() ? 0 : project->second.specifiers.size();
}

const PackageRecord* Pins::exact(std::string_view name, std::string_view version) const {
    if (!edges_hold_ || is_moved(name)) return nullptr;
    for (const PackageRecord* record : versions(name))
        if (record->version == version) return record;
    return nullptr;
}

std::uint32_t Pins::package(std::string_view key) const {
    auto found = packages_.find(key);
    return found == packages_.end() ? kNoPackage : found->second;
}

const PackageRecord* Pins::record_of(const Edge& edge) const {
    return edge.target == kNoPackage ? nullptr : records_[edge.target];
}

bool Pins::same_catalog(std::string_view catalog, std::string_view alias, std::string_view specifier) const {
    auto found = lockfile_->catalogs.find(std::string(catalog));
    if (found == lockfile_->catalogs.end()) return false;
    auto entry = found->second.find(std::string(alias));
    return entry != found->second.end() && entry->second.first == specifier;
}

bool Pins::is_updated(std::string_view name, std::uint32_t depth, std::string_view dir) const {
    if (update_.kind == UpdateScope::Kind::none || depth > update_.depth) return false;
    if (depth == 0 && !update_.projects.empty() &&
        std::find(update_.projects.begin(), update_.projects.end(), dir) == update_.projects.end())
        return false;
    return update_.kind == UpdateScope::Kind::all || updated_names_.matches(name);
}

void Pins::add_moved(std::string_view name, const Specifier& specifier) { moved_[name].push_back(&specifier); }

const std::vector<const Specifier*>* Pins::moved(std::string_view name) const {
    auto found = moved_.find(name);
    return found == moved_.end() ? nullptr : &found->second;
}

}  // namespace pmx
