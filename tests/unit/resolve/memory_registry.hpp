// A registry in memory and projects beside it: what a test of the walk needs. Answers come at once, or from threads in
// an order that a seed decides.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/pool.hpp"
#include "model/vectors.hpp"
#include "resolve/tree.hpp"

namespace pmx::test {

// {"a": {"1.0.0": {"dependencies": {…}}, "#tags": {"latest": "1.0.0"}}}
struct MemoryRegistry {
    std::map<std::string, Json> packages;
    std::vector<std::string> asked;  // names, in the order of the requests
    std::mutex mutex;

    explicit MemoryRegistry(const Json& from) {
        for (const auto& [name, versions] : from.items()) packages.emplace(name, versions);
    }

    static Json shuffled(const Json& object, std::mt19937& random) {
        std::vector<std::string> keys;
        for (const auto& [key, value] : object.items()) keys.push_back(key);
        std::shuffle(keys.begin(), keys.end(), random);
        Json out = Json::object();
        for (const std::string& key : keys) out[key] = object[key];
        return out;
    }

    // `random` shuffles the order of the keys.
    std::string document(const std::string& name, std::mt19937* random = nullptr) const {
        const Json& versions = packages.at(name);
        std::vector<std::string> order;
        Json tags = Json::object();
        std::string highest;
        for (const auto& [version, manifest] : versions.items()) {
            if (version == "#tags") {
                tags = manifest;
                continue;
            }
            order.push_back(version);
            auto a = Version::parse(version), b = Version::parse(highest);
            if (!b || (a && *b < *a && !a->is_prerelease())) highest = version;
        }
        if (!tags.contains("latest")) tags["latest"] = highest;
        if (random) std::shuffle(order.begin(), order.end(), *random);
        std::string text = "{\"name\":" + Json(name).dump() + ",\"dist-tags\":" + tags.dump() + ",\"versions\":{";
        for (std::size_t i = 0; i < order.size(); ++i) {
            Json manifest = versions[order[i]];
            if (random && manifest.contains("dependencies")) manifest["dependencies"] = shuffled(manifest["dependencies"], *random);
            manifest["name"] = name;
            manifest["version"] = order[i];
            manifest["dist"] = {{"integrity", "sha512-AAAA"}, {"tarball", "https://registry.example/" + name + "/-/" + name.substr(name.find('/') + 1) + "-" + order[i] + ".tgz"}};
            text += (i ? "," : "") + Json(order[i]).dump() + ":" + manifest.dump();
        }
        return text + "}}";
    }

    MetadataAnswer answer(const MetadataRequest& request, std::mt19937* random) {
        std::lock_guard lock(mutex);
        asked.push_back(request.subject);
        MetadataAnswer answer;
        answer.status = packages.contains(request.subject) ? 200 : 404;
        if (answer.status == 200) answer.body = document(request.subject, random);
        return answer;
    }
};

struct TreeRun {
    Policy policy;
    UpdateScope update;
    std::vector<std::string> chosen;
    std::vector<std::string> asked;
    std::vector<std::string> unresolved;
    std::vector<std::string> warnings;
    std::size_t threads = 0;      // 0: answers come at once, on the asking thread
    std::mt19937* random = nullptr;
    CancelFlag cancel;
    const Lockfile* wanted = nullptr;
    std::optional<DependencyTree> tree;

    // `projects`: {".": {"dependencies": …}}. One line a dependency, or the error.
    std::string operator()(const Json& packages, const Json& projects) {
        MemoryRegistry registry(packages);
        Settings settings;
        settings.npmrc["registry"] = "https://registry.example/";
        settings.values["registry"] = {{"https://registry.example/"}, Source::flag, "--registry"};
        TreeInput input;
        input.root = "/root";
        for (const auto& [dir, manifest] : projects.items()) {
            auto parsed = parse_manifest(manifest.dump(), dir);
            if (!parsed) return to_string(parsed.error());
            input.projects.push_back({dir, *parsed});
        }
        auto hooks = Hooks::make(policy, input.root);
        if (!hooks) return to_string(hooks.error());
        auto patches = Patches::make(policy);
        if (!patches) return to_string(patches.error());
        std::string out;
        {
            Pool pool(std::max<std::size_t>(threads, 1), SIZE_MAX);
            Packuments packuments(settings, {}, [&](MetadataRequest request, std::function<void(Result<MetadataAnswer>)> done) {
                if (threads == 0) return done(registry.answer(request, random));
                std::uint64_t wait = 0;
                if (random) {
                    std::lock_guard lock(registry.mutex);
                    wait = (*random)() % 200;
                }
                pool.submit([&, wait, request = std::move(request), done = std::move(done)](std::uint32_t) {
                    std::this_thread::sleep_for(std::chrono::microseconds(wait));
                    done(registry.answer(request, random));
                });
            });
            input.policy = &policy;
            input.hooks = &*hooks;
            input.patches = &*patches;
            input.settings = &settings;
            input.packuments = &packuments;
            input.update = update;
            input.cancel = &cancel;
            input.wanted = wanted;
            input.chosen = [&](const PackageRecord& record) { chosen.emplace_back(record.key); };
            auto built = build_tree(input);
            if (!built) return to_string(built.error());
            unresolved = built->unresolved_optional;
            for (const Warning& warning : built->warnings) warnings.push_back(warning.text);
            out = text_of(*built);
            tree = std::move(*built);
        }
        asked = registry.asked;
        return out;
    }

    static std::string text_of(const DependencyTree& tree) {
        std::string out;
        auto edges = [&](std::string_view from, const TreeEdge* edge, const TreeEdge* end) {
            for (; edge != end; ++edge) {
                out.append(from).append(" ").append(edge->alias).append(" -> ");
                out.append(edge->package == kNoPackage ? "link:" + std::string(edge->link) : std::string(tree.packages[edge->package].record.key));
                if (edge->kind == EdgeKind::optional) out += " optional";
                if (edge->kind == EdgeKind::dev) out += " dev";
                if (edge->auto_installed) out += " auto";
                out += '\n';
            }
        };
        for (const TreeProject& project : tree.projects) edges(project.dir, tree.begin_edges(project), tree.end_edges(project));
        for (const TreePackage& package : tree.packages) edges(package.record.key, tree.begin_edges(package), tree.end_edges(package));
        return out;
    }
};

// Depends on …: {"1.0.0": {"dependencies": {…}}}.
inline Json on(Json dependencies) { return {{"1.0.0", {{"dependencies", std::move(dependencies)}}}}; }
inline Json with_peers(Json peers, Json dependencies = Json::object()) {
    return {{"1.0.0", {{"dependencies", std::move(dependencies)}, {"peerDependencies", std::move(peers)}}}};
}
inline Json with_optional_peers(const Json& peers) {
    Json meta = Json::object();
    for (const auto& [name, range] : peers.items()) meta[name] = {{"optional", true}};
    return {{"1.0.0", {{"peerDependencies", peers}, {"peerDependenciesMeta", meta}}}};
}
inline Json plain(std::vector<std::string> versions) {
    Json out = Json::object();
    for (const std::string& version : versions) out[version] = Json::object();
    return out;
}
inline Json root(Json dependencies) { return {{".", {{"dependencies", std::move(dependencies)}}}}; }

}  // namespace pmx::test
