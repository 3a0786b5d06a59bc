// What the layout tests share: a graph that is easy to write down, the plugin loaded without the engine's
// loader, and the plan as a set of lines. The digest service is the only one offered.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "pmx/layout.h"
#include "pmx/plugin.hpp"

namespace layout_test {

struct Edge {
    std::string alias;
    std::string to;  // a package id, or "link:DIR"
    std::uint32_t kind = PMX_EDGE_PROD;
};
struct Package {
    std::string id, name, version;
    std::vector<Edge> edges;
    std::uint32_t flags = 0;
    std::vector<std::string> peers, bundled;
    std::string integrity;
};
struct Project {
    std::string dir, name;
    std::vector<Edge> edges;
};
struct Location {
    std::string path, to;  // a package id, or "link:DIR"
};

// A graph by value; `flat()` makes the C arrays, in the given order or shuffled.
struct Graph {
    std::vector<Package> packages;
    std::vector<Project> projects;
    std::vector<Location> locations;

    // "name@version" with edges written as {"alias", "id"}.
    Graph& package(std::string id, std::vector<Edge> edges = {}, std::uint32_t flags = 0) {
        std::size_t at = id.find('@', 1);
        std::string name = id.substr(0, at), version = id.substr(at + 1);
        packages.push_back(
            {id, name, version.substr(0, version.find('(')), std::move(edges), flags, {}, {}, {}});
        return *this;
    }
    Graph& project(std::string dir, std::string name, std::vector<Edge> edges) {
        projects.push_back({std::move(dir), std::move(name), std::move(edges)});
        return *this;
    }
};

class FlatGraph {
  public:
    explicit FlatGraph(Graph graph, unsigned seed = 0) : graph_(std::move(graph)) {
        if (seed) {
            std::mt19937 random(seed);
            std::ranges::shuffle(graph_.packages, random);
            std::shuffle(graph_.projects.begin() + 1, graph_.projects.end(), random);
            for (auto& p : graph_.packages) std::ranges::shuffle(p.edges, random);
            for (auto& p : graph_.projects) std::ranges::shuffle(p.edges, random);
        }
        for (std::size_t i = 0; i < graph_.packages.size(); ++i)
            index_[graph_.packages[i].id] = static_cast<std::uint32_t>(i);
        for (const auto& p : graph_.packages) {
            pmx_package out{};
            out.id = pmx::sdk::str(p.id);
            out.name = pmx::sdk::str(p.name);
            out.version = pmx::sdk::str(p.version);
            out.integrity = pmx::sdk::str(p.integrity);
            out.flags = p.flags;
            out.first_edge = add(p.edges);
            out.edge_count = static_cast<std::uint32_t>(p.edges.size());
            out.first_peer = add(p.peers);
            out.peer_count = static_cast<std::uint32_t>(p.peers.size());
            out.first_bundled = add(p.bundled);
            out.bundled_count = static_cast<std::uint32_t>(p.bundled.size());
            packages_.push_back(out);
        }
        for (const auto& p : graph_.projects) {
            std::uint32_t first = add(p.edges);
            projects_.push_back({pmx::sdk::str(p.dir), pmx::sdk::str(p.name), first,
                                 static_cast<std::uint32_t>(p.edges.size())});
        }
        for (const auto& l : graph_.locations)
            locations_.push_back({pmx::sdk::str(l.path), link(l.to), package(l.to), 0});
        c_ = {sizeof(pmx_graph),    sizeof(pmx_package), sizeof(pmx_edge), sizeof(pmx_project),
              sizeof(pmx_location), count(packages_),    count(edges_),    count(projects_),
              count(locations_),    count(strings_),     packages_.data(), edges_.data(),
              projects_.data(),     locations_.data(),   strings_.data()};
    }
    const pmx_graph* c() const { return &c_; }
    const std::string& id(std::uint32_t package) const { return graph_.packages.at(package).id; }

  private:
    template <class T>
    static std::uint32_t count(const std::vector<T>& v) {
        return static_cast<std::uint32_t>(v.size());
    }
    std::uint32_t package(const std::string& to) const {
        if (to.starts_with("link:")) return PMX_NONE;
        auto found = index_.find(to);
        if (found == index_.end()) throw std::runtime_error("no package " + to);
        return found->second;
    }
    static pmx_str link(const std::string& to) {
        return to.starts_with("link:") ? pmx::sdk::str(std::string_view(to).substr(5)) : pmx_str{nullptr, 0};
    }
    std::uint32_t add(const std::vector<Edge>& edges) {
        std::uint32_t first = count(edges_);
        for (const auto& e : edges)
            edges_.push_back({pmx::sdk::str(e.alias), link(e.to), package(e.to), e.kind});
        return first;
    }
    std::uint32_t add(const std::vector<std::string>& strings) {
        std::uint32_t first = count(strings_);
        for (const auto& s : strings) strings_.push_back(pmx::sdk::str(s));
        return first;
    }

    Graph graph_;
    std::map<std::string, std::uint32_t> index_;
    std::vector<pmx_package> packages_;
    std::vector<pmx_edge> edges_;
    std::vector<pmx_project> projects_;
    std::vector<pmx_location> locations_;
    std::vector<pmx_str> strings_;
    pmx_graph c_{};
};

struct Steps {
    std::map<std::string, std::string> places;    // dir → package id; shared ones begin with "shared:"
    std::map<std::string, std::string> symlinks;  // path → target
    std::map<std::string, std::string> projects;  // path → project directory
    std::set<std::string> bins;                   // "dir <- place as alias tier N"
    std::set<std::string> hoisted;                // "id alias public|private"
    std::map<std::string, std::string> properties;
    bool operator==(const Steps&) const = default;
};

using Options = std::map<std::string, std::vector<std::string>>;

class Layout {
  public:
    explicit Layout(const std::string& name, const Options& options = {}, bool with_digest = true) {
        std::string file = PMX_BINARY_DIR "/lib/pmx/plugins/" + name + ".so";
        library_ = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!library_) throw std::runtime_error(::dlerror());
        table_ = reinterpret_cast<pmx_plugin_entry>(::dlsym(library_, PMX_ENTRY_SYMBOL))();
        static const pmx_digest digest = {sizeof(pmx_digest), nullptr, &compute};
        static auto service = [](const pmx_host* host, const char* id) -> const void* {
            return host->host && std::string_view(id) == PMX_SERVICE_DIGEST ? &digest : nullptr;
        };
        pmx_host host = {sizeof(pmx_host), PMX_ABI_MAJOR, PMX_ABI_MINOR, with_digest ? this : nullptr,
                         service};
        std::vector<pmx_option_value> values;
        std::deque<std::vector<pmx_str>> items;
        for (std::size_t i = 0; i < table_->option_count; ++i) {
            const pmx_option& option = table_->options[i];
            auto& list = items.emplace_back();
            if (auto given = options.find(option.name); given != options.end())
                for (const auto& item : given->second) list.push_back(pmx::sdk::str(item));
            else if (option.default_value)
                list.push_back(pmx::sdk::str(option.default_value));
            values.push_back({pmx::sdk::str(option.name), list.data(), list.size()});
        }
        pmx_config config = {sizeof(pmx_config), sizeof(pmx_option_value), values.data(), values.size()};
        pmx_op op = make_op();
        if (table_->create(&host, &op, &config, &self_) != PMX_OK) throw std::runtime_error(error_);
    }
    ~Layout() {
        if (self_) table_->destroy(self_);
    }
    Layout(const Layout&) = delete;

    pmx_status plan(const FlatGraph& graph, Steps& steps) {
        Recorder recorder{&graph, &steps, {}};
        pmx_plan_sink sink = {sizeof(pmx_plan_sink), &recorder, &place,   &symlink, &link_project, &bins,
                              &bins_of_project,      &hoisted,  &describe};
        pmx_op op = make_op();
        return static_cast<const pmx_layout*>(table_->functions)->plan(self_, &op, graph.c(), &sink);
    }
    Steps plan(const FlatGraph& graph) {
        Steps steps;
        if (pmx_status status = plan(graph, steps); status != PMX_OK)
            throw std::runtime_error("status " + std::to_string(status) + ": " + error_);
        return steps;
    }
    Steps plan(const Graph& graph) { return plan(FlatGraph(graph)); }
    const std::string& error() const { return error_; }
    bool cancelled = false;

  private:
    struct Recorder {
        const FlatGraph* graph;
        Steps* steps;
        std::vector<std::string> dirs;
    };
    static Recorder& of(const pmx_plan_sink* sink) { return *static_cast<Recorder*>(sink->host); }
    static std::string text(pmx_str s) { return std::string(pmx::sdk::view(s)); }
    static std::string text(std::uint32_t root, pmx_str s) {
        return (root == PMX_ROOT_SHARED ? "shared:" : "") + text(s);
    }
    // One thing per path, as the host demands.
    static pmx_status put(Recorder& r, std::map<std::string, std::string>& map, const std::string& path,
                          std::string value) {
        if (r.steps->places.contains(path) || r.steps->symlinks.contains(path) ||
            r.steps->projects.contains(path)) {
            ADD_FAILURE() << "two steps for " << path;
            return PMX_INVALID;
        }
        if (path.empty() || path.starts_with('/') || ("/" + path + "/").find("/../") != std::string::npos ||
            ("/" + path + "/").find("/./") != std::string::npos || path.find("//") != std::string::npos) {
            ADD_FAILURE() << "bad path " << path;
            return PMX_INVALID;
        }
        map[path] = std::move(value);
        return PMX_OK;
    }
    static pmx_status place(const pmx_plan_sink* sink, std::uint32_t package, std::uint32_t root, pmx_str dir,
                            std::uint32_t* place) {
        Recorder& r = of(sink);
        *place = static_cast<std::uint32_t>(r.dirs.size());
        r.dirs.push_back(text(root, dir));
        return put(r, r.steps->places, text(root, dir), r.graph->id(package));
    }
    static pmx_status symlink(const pmx_plan_sink* sink, std::uint32_t root, pmx_str path,
                              std::uint32_t target_root, pmx_str target) {
        return put(of(sink), of(sink).steps->symlinks, text(root, path), text(target_root, target));
    }
    static pmx_status link_project(const pmx_plan_sink* sink, std::uint32_t root, pmx_str path, pmx_str dir) {
        return put(of(sink), of(sink).steps->projects, text(root, path), text(dir));
    }
    static pmx_status bins(const pmx_plan_sink* sink, std::uint32_t root, pmx_str dir, std::uint32_t place,
                           pmx_str alias, std::uint32_t tier) {
        Recorder& r = of(sink);
        bool fresh = r.steps->bins
                         .insert(text(root, dir) + " <- " + r.dirs.at(place) + " as " + text(alias) +
                                 " tier " + std::to_string(tier))
                         .second;
        EXPECT_TRUE(fresh) << "bins asked for twice: " << r.dirs.at(place) << " in " << text(dir);
        return PMX_OK;
    }
    static pmx_status bins_of_project(const pmx_plan_sink* sink, std::uint32_t root, pmx_str dir,
                                      pmx_str project, std::uint32_t tier) {
        of(sink).steps->bins.insert(text(root, dir) + " <- project " + text(project) + " tier " +
                                    std::to_string(tier));
        return PMX_OK;
    }
    static pmx_status hoisted(const pmx_plan_sink* sink, std::uint32_t package, pmx_str alias,
                              int is_public) {
        of(sink).steps->hoisted.insert(of(sink).graph->id(package) + " " + text(alias) +
                                       (is_public ? " public" : " private"));
        return PMX_OK;
    }
    static pmx_status describe(const pmx_plan_sink* sink, const char* key, pmx_str value) {
        of(sink).steps->properties[key] = text(value);
        return PMX_OK;
    }
    static pmx_status compute(const pmx_digest*, const char* algorithm, pmx_str bytes, std::uint8_t* out,
                              std::size_t* length) {
        if (std::string_view(algorithm) != "sha256") return PMX_UNSUPPORTED;
        pmx::Digest digest = pmx::hash(pmx::HashAlgorithm::sha256, pmx::sdk::view(bytes));
        std::ranges::copy(digest.span(), out);
        *length = digest.size;
        return PMX_OK;
    }

    pmx_op make_op() {
        return {sizeof(pmx_op), this,
                [](const pmx_op* op) -> int { return static_cast<Layout*>(op->host)->cancelled; },
                [](const pmx_op* op, pmx_severity, pmx_str what, pmx_str subject, pmx_str, std::int32_t) {
                    static_cast<Layout*>(op->host)->error_ = text(what) + " " + text(subject);
                },
                [](const pmx_op*, std::uint64_t, std::uint64_t) {}};
    }

    void* library_ = nullptr;
    const pmx_plugin* table_ = nullptr;
    void* self_ = nullptr;
    std::string error_;
};

}  // namespace layout_test
