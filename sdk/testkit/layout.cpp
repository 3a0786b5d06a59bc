// Cases of layouts: graphs with everything that lockfiles hold, in any order, and a recorder that asks of every plan what
// Node would ask.
#include "pmx/layout.h"

#include <algorithm>
#include <set>
#include <thread>

#include "process.hpp"
#include "workout.hpp"

namespace pmx::testkit {

namespace {

constexpr std::uint32_t kProject = UINT32_MAX;  // an edge that leads to a project

struct GEdge {
    std::string alias;
    std::uint32_t to;   // package
    std::string link;   // project, where `to` is kProject
    std::uint32_t kind = PMX_EDGE_PROD;
};
struct GPackage {
    std::string id, name, version;
    std::uint32_t flags = 0;
    std::vector<GEdge> edges;
    std::vector<std::string> peers, bundled;
};
struct GProject {
    std::string dir, name;
    std::vector<GEdge> edges;
};
struct GraphModel {
    std::string title;
    std::vector<GPackage> packages;
    std::vector<GProject> projects{{".", "root", {}}};
    bool may_be_refused = false;  // a layout may have no place for all of it

    std::uint32_t add(std::string name, std::string version, std::string suffix = {}, std::uint32_t flags = 0) {
        packages.push_back({name + "@" + version + suffix, name, version, flags, {}, {}, {}});
        return static_cast<std::uint32_t>(packages.size() - 1);
    }
    void edge(std::uint32_t from, std::uint32_t to, std::uint32_t kind = PMX_EDGE_PROD, std::string alias = {}) {
        packages[from].edges.push_back({alias.empty() ? packages[to].name : alias, to, {}, kind});
    }
    void root(std::uint32_t to, std::size_t project = 0, std::uint32_t kind = PMX_EDGE_PROD, std::string alias = {}) {
        projects[project].edges.push_back({alias.empty() ? packages[to].name : alias, to, {}, kind});
    }
};

// Where in the arrays everything stands.
struct Order {
    std::vector<std::uint32_t> packages, projects;  // position → number in the model
};

Order order_of(const GraphModel& model, Bench* dice) {
    Order order;
    for (std::uint32_t i = 0; i < model.packages.size(); ++i) order.packages.push_back(i);
    for (std::uint32_t i = 1; i < model.projects.size(); ++i) order.projects.push_back(i);
    if (dice) {
        dice->shuffle(order.packages);
        dice->shuffle(order.projects);
    }
    order.projects.insert(order.projects.begin(), 0);  // the root first
    return order;
}

const pmx_graph* lend(Lent& lent, const GraphModel& model, const Order& order, Bench* dice) {
    std::vector<std::uint32_t> position(model.packages.size());
    for (std::uint32_t i = 0; i < order.packages.size(); ++i) position[order.packages[i]] = i;
    std::vector<pmx_package> packages(model.packages.size());
    std::vector<pmx_project> projects(model.projects.size());
    std::vector<pmx_edge> edges;
    std::vector<pmx_str> strings;
    auto put_edges = [&](std::vector<GEdge> own, std::uint32_t& first, std::uint32_t& count) {
        if (dice) dice->shuffle(own);
        first = static_cast<std::uint32_t>(edges.size());
        count = static_cast<std::uint32_t>(own.size());
        for (const GEdge& e : own)
            edges.push_back({lent.string(e.alias, "pmx_edge.alias"), lent.string(e.link, "pmx_edge.link"),
                             e.to == kProject ? PMX_NONE : position[e.to], e.kind});
    };
    auto put_strings = [&](const std::vector<std::string>& own, std::uint32_t& first, std::uint32_t& count) {
        first = static_cast<std::uint32_t>(strings.size());
        count = static_cast<std::uint32_t>(own.size());
        for (const std::string& s : own) strings.push_back(lent.string(s, "pmx_graph.strings"));
    };
    // Blocks of edges stand in any order too.
    std::vector<std::uint32_t> nodes(packages.size() + projects.size());
    for (std::uint32_t i = 0; i < nodes.size(); ++i) nodes[i] = i;
    if (dice) dice->shuffle(nodes);
    for (std::uint32_t node : nodes) {
        if (node >= packages.size()) {
            const GProject& from = model.projects[order.projects[node - packages.size()]];
            pmx_project& to = projects[node - packages.size()];
            to.dir = lent.string(from.dir, "pmx_project.dir");
            to.name = lent.string(from.name, "pmx_project.name");
            put_edges(from.edges, to.first_edge, to.edge_count);
            continue;
        }
        const GPackage& from = model.packages[order.packages[node]];
        pmx_package& to = packages[node];
        to.id = lent.string(from.id, "pmx_package.id");
        to.name = lent.string(from.name, "pmx_package.name");
        to.version = lent.string(from.version, "pmx_package.version");
        to.integrity = lent.string("sha512-" + std::string(86, 'A') + "==", "pmx_package.integrity");
        to.flags = from.flags;
        put_edges(from.edges, to.first_edge, to.edge_count);
        put_strings(from.peers, to.first_peer, to.peer_count);
        put_strings(from.bundled, to.first_bundled, to.bundled_count);
    }
    pmx_graph graph{};
    graph.packages = lent.array(packages, graph.package_size, "pmx_graph.packages");
    graph.edges = lent.array(edges, graph.edge_size, "pmx_graph.edges");
    graph.projects = lent.array(projects, graph.project_size, "pmx_graph.projects");
    graph.location_size = sizeof(pmx_location);
    graph.strings = lent.fixed(strings, "pmx_graph.strings");
    graph.package_count = static_cast<std::uint32_t>(packages.size());
    graph.edge_count = static_cast<std::uint32_t>(edges.size());
    graph.project_count = static_cast<std::uint32_t>(projects.size());
    graph.string_count = static_cast<std::uint32_t>(strings.size());
    return lent.whole(graph, "pmx_graph");
}

std::string_view view(pmx_str s) { return s.length ? std::string_view(s.data, s.length) : std::string_view(); }

bool is_contained(std::string_view path) {
    if (path.empty() || path.find('\0') != path.npos || path.find('\\') != path.npos) return false;
    for (std::size_t at = 0; at <= path.size();) {
        std::size_t slash = std::min(path.find('/', at), path.size());
        std::string_view part = path.substr(at, slash - at);
        if (part.empty() || part == "." || part == "..") return false;
        at = slash + 1;
    }
    return true;
}

// Takes the steps of one plan, and remembers the first that a host would refuse.
class Recorder {
  public:
    Recorder(Bench& bench, const GraphModel& model, const Order& order) : bench_(bench), model_(model), order_(order) {
        sink_ = {sizeof sink_, this, &place, &symlink, &link_project, &bins, &bins_of_project, &hoisted, &describe};
    }
    const pmx_plan_sink* c() const { return &sink_; }
    void over() { is_over_ = true; }
    const std::string& bad() const { return bad_; }

    std::map<std::string, std::uint32_t> places;      // "p/dir" → number in the model
    std::map<std::string, std::string> links;         // "p/path" → "p/target"
    std::set<std::string> lines;                      // everything, in no order
    std::string modules_dir = "node_modules", store_dir;

  private:
    template <class Step>
    static pmx_status step(const pmx_plan_sink* sink, Step&& body) {
        auto& self = *static_cast<Recorder*>(sink->host);
        if (self.is_over_) {
            self.bench_.breach("kept", "it used the plan's sink after plan() had returned");
            return PMX_INVALID;
        }
        if (std::this_thread::get_id() != self.thread_)
            self.bench_.breach("thread", "it used the plan's sink on another thread than the one of plan()");
        std::lock_guard lock(self.mutex_);
        return body(self) ? PMX_OK : PMX_INVALID;
    }
    bool refuse(const std::string& why) {
        if (bad_.empty()) bad_ = why;
        return false;
    }
    static std::string key(std::uint32_t root, std::string_view path) { return (root == PMX_ROOT_SHARED ? "s/" : "p/") + std::string(path); }
    bool check(std::uint32_t root, std::string_view path, const char* what) {
        if (root > PMX_ROOT_SHARED) return refuse(text(what, " in root ", root, ", which is none"));
        if (!is_contained(path)) return refuse(text(what, " at \"", path.substr(0, 200), "\", which is no contained path"));
        return true;
    }
    bool known_project(std::string_view dir) {
        for (const GProject& project : model_.projects)
            if (project.dir == dir) return true;
        return refuse(text("a link to the project \"", dir, "\", which the graph does not have"));
    }

    static pmx_status place(const pmx_plan_sink* sink, std::uint32_t package, std::uint32_t root, pmx_str dir, std::uint32_t* number) noexcept {
        return step(sink, [&](Recorder& r) {
            if (package >= r.order_.packages.size()) return r.refuse(text("a place for package ", package, " of ", r.order_.packages.size()));
            std::uint32_t model = r.order_.packages[package];
            const GPackage& what = r.model_.packages[model];
            if (what.flags & PMX_PACKAGE_SKIPPED) return r.refuse("a place for " + what.id + ", which is not to be installed");
            if (!r.check(root, view(dir), "a place")) return false;
            std::string at = key(root, view(dir));
            auto [found, is_new] = r.places.emplace(at, model);
            if (!is_new && found->second != model)
                return r.refuse("two packages in one directory, " + at.substr(2) + ": " + what.id + " and " + r.model_.packages[found->second].id);
            *number = static_cast<std::uint32_t>(r.numbers_.size());
            r.numbers_.push_back(at);
            r.lines.insert("place " + at + " " + what.id);
            return true;
        });
    }
    bool add_link(std::uint32_t root, std::string_view path, std::string target) {
        if (!check(root, path, "a link")) return false;
        std::string at = key(root, path);
        auto [found, is_new] = links.emplace(at, target);
        if (!is_new && found->second != target) return refuse("two links at " + at.substr(2));
        lines.insert("link " + at + " -> " + target);
        return true;
    }
    static pmx_status symlink(const pmx_plan_sink* sink, std::uint32_t root, pmx_str path, std::uint32_t target_root, pmx_str target) noexcept {
        return step(sink, [&](Recorder& r) {
            return r.check(target_root, view(target), "the target of a link") && r.add_link(root, view(path), key(target_root, view(target)));
        });
    }
    static pmx_status link_project(const pmx_plan_sink* sink, std::uint32_t root, pmx_str path, pmx_str dir) noexcept {
        return step(sink, [&](Recorder& r) { return r.known_project(view(dir)) && r.add_link(root, view(path), "project " + std::string(view(dir))); });
    }
    static pmx_status bins(const pmx_plan_sink* sink, std::uint32_t root, pmx_str dir, std::uint32_t place, pmx_str alias, std::uint32_t tier) noexcept {
        return step(sink, [&](Recorder& r) {
            if (place >= r.numbers_.size()) return r.refuse(text("executables of place ", place, ", which was not made"));
            if (tier > 255 || !is_contained(view(alias))) return r.refuse(text("executables under \"", view(alias), "\", tier ", tier));
            if (!r.check(root, view(dir), "executables")) return false;
            r.lines.insert(text("bins ", key(root, view(dir)), " of ", r.numbers_[place], " as ", view(alias), " tier ", tier));
            return true;
        });
    }
    static pmx_status bins_of_project(const pmx_plan_sink* sink, std::uint32_t root, pmx_str dir, pmx_str project, std::uint32_t tier) noexcept {
        return step(sink, [&](Recorder& r) {
            if (!r.known_project(view(project)) || !r.check(root, view(dir), "executables")) return false;
            r.lines.insert(text("bins ", key(root, view(dir)), " of project ", view(project), " tier ", tier));
            return true;
        });
    }
    static pmx_status hoisted(const pmx_plan_sink* sink, std::uint32_t package, pmx_str alias, int is_public) noexcept {
        return step(sink, [&](Recorder& r) {
            if (package >= r.order_.packages.size() || !is_contained(view(alias))) return r.refuse("a hoisted name that is none");
            r.lines.insert(text("hoisted ", r.model_.packages[r.order_.packages[package]].id, " as ", view(alias), is_public ? " for all" : ""));
            return true;
        });
    }
    static pmx_status describe(const pmx_plan_sink* sink, const char* name, pmx_str value) noexcept {
        return step(sink, [&](Recorder& r) {
            if (std::string_view(name) == PMX_PLAN_MODULES_DIR) r.modules_dir = view(value);
            if (std::string_view(name) == PMX_PLAN_VIRTUAL_STORE_DIR) r.store_dir = view(value);
            r.lines.insert(text("plan ", name, " = ", view(value)));
            return true;
        });
    }

    Bench& bench_;
    const GraphModel& model_;
    const Order& order_;
    pmx_plan_sink sink_;
    std::atomic<bool> is_over_{false};
    std::mutex mutex_;
    std::thread::id thread_ = std::this_thread::get_id();
    std::vector<std::string> numbers_;
    std::string bad_;
};

struct Planned {
    pmx_status status;
    std::string said;
    Recorder* recorder;  // never freed: used late by a plugin that keeps it
    std::string text() const {
        std::string out = testkit::text(name_of(status), "\n");
        if (status == PMX_OK)
            for (const std::string& line : recorder->lines) out += line + "\n";
        return out;
    }
};

// `dice`: the arrays in any order.
Planned plan(Bench& bench, Instance& instance, const GraphModel& model, Bench* dice = nullptr, Window* window = nullptr) {
    doing("plan of " + model.title);
    auto* order = new Order(order_of(model, dice));
    Lent lent(bench);
    const pmx_graph* graph = lend(lent, model, *order, dice);
    auto* recorder = new Recorder(bench, *new GraphModel(model), *order);
    Window& own = window ? *window : Window::open(bench);
    pmx_status status = instance.call(own, [&](const pmx_op* op) {
        return bench.functions<pmx_layout>().plan(instance.self(), op, graph, recorder->c());
    });
    recorder->over();
    return {status, own.said(), recorder};
}

// ---- graphs

GraphModel plain_graph() {
    GraphModel g;
    g.title = "three packages";
    auto a = g.add("a", "1.0.0"), b = g.add("@scope/b", "2.1.0"), c = g.add("c", "0.0.1-beta.2", {}, PMX_PACKAGE_HAS_BIN);
    g.root(a);
    g.root(b, 0, PMX_EDGE_DEV);
    g.edge(a, b);
    g.edge(b, c);
    return g;
}

GraphModel conflict_graph() {
    GraphModel g;
    g.title = "two versions of one package";
    g.may_be_refused = true;
    auto a = g.add("a", "1.0.0"), b = g.add("b", "1.0.0"), c1 = g.add("c", "1.0.0"), c2 = g.add("c", "2.0.0"), d = g.add("d", "1.0.0");
    g.root(a);
    g.root(b);
    g.root(c1);
    g.edge(a, c2);
    g.edge(b, c1);
    g.edge(b, d);
    g.edge(c2, d);
    return g;
}

GraphModel workspace_graph() {
    GraphModel g;
    g.title = "a workspace";
    g.may_be_refused = true;
    auto a1 = g.add("a", "1.0.0"), a2 = g.add("a", "2.0.0"), react = g.add("react", "18.0.0"),
         gone = g.add("fsevents", "2.0.0", {}, PMX_PACKAGE_OPTIONAL | PMX_PACKAGE_SKIPPED), dir = g.add("local", "0.0.0", {}, PMX_PACKAGE_DIRECTORY),
         alias = g.add("real-name", "3.0.0"), built = g.add("native", "1.0.0", {}, PMX_PACKAGE_BUILT | PMX_PACKAGE_HAS_BIN),
         bundle = g.add("bundler", "1.0.0");
    g.projects.push_back({"packages/web", "@w/web", {}});
    g.projects.push_back({"packages/lib", "@w/lib", {}});
    g.root(react);
    g.root(a1, 1);
    g.root(a2, 2);
    g.projects[1].edges.push_back({"@w/lib", kProject, "packages/lib", PMX_EDGE_PROD});
    g.projects[0].edges.push_back({"@w/web", kProject, "packages/web", PMX_EDGE_DEV});
    g.root(gone, 1, PMX_EDGE_OPTIONAL);
    g.root(dir, 2);
    g.root(alias, 1, PMX_EDGE_PROD, "other-name");
    g.root(built, 2, PMX_EDGE_DEV);
    g.root(bundle, 1);
    g.edge(a1, gone, PMX_EDGE_OPTIONAL);
    g.edge(dir, a1);
    g.packages[bundle].bundled = {"inside"};
    return g;
}

// One version in two contexts, as peers make them.
GraphModel peers_graph() {
    GraphModel g;
    g.title = "peers in two contexts";
    g.may_be_refused = true;
    auto r17 = g.add("react", "17.0.0"), r18 = g.add("react", "18.0.0"), p17 = g.add("plugin", "1.0.0", "(react@17.0.0)"),
         p18 = g.add("plugin", "1.0.0", "(react@18.0.0)");
    g.projects.push_back({"old", "old", {}});
    g.root(r18);
    g.root(p18);
    g.root(r17, 1);
    g.root(p17, 1);
    g.edge(p17, r17, PMX_EDGE_PEER);
    g.edge(p18, r18, PMX_EDGE_PEER);
    g.packages[p17].peers = g.packages[p18].peers = {"react"};
    return g;
}

GraphModel cycle_graph() {
    GraphModel g;
    g.title = "cycles";
    g.may_be_refused = true;
    auto a = g.add("a", "1.0.0"), b = g.add("b", "1.0.0"), c = g.add("c", "1.0.0"), b2 = g.add("b", "2.0.0"), self = g.add("self", "1.0.0");
    g.root(a);
    g.root(b2);
    g.root(self);
    g.edge(a, b);
    g.edge(b, c);
    g.edge(c, a);
    g.edge(b2, a);
    g.edge(self, self);
    return g;
}

GraphModel long_graph() {
    GraphModel g;
    g.title = "long names";
    std::string name = "@" + std::string(100, 's') + "/" + std::string(100, 'n');
    auto a = g.add(name, "1.0.0-" + std::string(60, 'v')), b = g.add("b", "1.0.0", "(" + std::string(150, 'p') + "@1.0.0)");
    g.root(a);
    g.edge(a, b);
    return g;
}

GraphModel random_graph(Bench& bench, std::size_t count) {
    GraphModel g;
    g.title = "a graph of dice";
    g.may_be_refused = true;
    std::set<std::string> ids;
    while (g.packages.size() < count) {
        std::string name = text(bench.roll(5) == 0 ? "@s/" : "", "p", bench.roll(count / 3 + 1)), version = text(bench.roll(4), ".0.0");
        if (ids.insert(name + "@" + version).second) g.add(name, version);
    }
    auto fill = [&](auto add, std::size_t edges) {
        std::set<std::string> aliases;
        for (std::size_t i = 0; i < edges; ++i) {
            auto to = static_cast<std::uint32_t>(bench.roll(count));
            if (aliases.insert(g.packages[to].name).second) add(to);
        }
    };
    g.projects.push_back({"packages/one", "one", {}});
    for (std::size_t p = 0; p < 2; ++p) fill([&](std::uint32_t to) { g.root(to, p); }, 6);
    for (std::uint32_t i = 0; i < count; ++i)
        fill([&](std::uint32_t to) { if (g.packages[to].name != g.packages[i].name) g.edge(i, to); }, bench.roll(4));
    return g;
}

std::vector<GraphModel> graphs(Bench& bench) {
    std::vector<GraphModel> all = {plain_graph(), conflict_graph(), workspace_graph(), peers_graph(), cycle_graph(), long_graph()};
    for (int i = 0; i < 3; ++i) all.push_back(random_graph(bench, 30));
    return all;
}

void expect_plan(const GraphModel& model, const Planned& planned) {
    expect(planned.recorder->bad().empty(), model.title, ": ", planned.recorder->bad());
    if (planned.status != PMX_OK && !model.may_be_refused)
        fail(model.title, ": plan() returned ", name_of(planned.status), " (", planned.said, ")");
}

// ---- what Node would find

class Walk {
  public:
    explicit Walk(const Recorder& plan) : plan_(plan) {}
    // The canonical form of a path: links replaced by what they lead to.
    std::string canonical(std::string path, int depth = 0) const {
        if (depth > 40) return path;
        for (std::size_t slash = path.find('/', 2); ; slash = path.find('/', slash + 1)) {
            std::string head = path.substr(0, slash);
            if (auto link = plan_.links.find(head); link != plan_.links.end()) {
                std::string to = link->second.rfind("project ", 0) == 0 ? "p/" + (link->second == "project ." ? "" : link->second.substr(8)) : link->second;
                return canonical(to + (slash == path.npos ? "" : path.substr(slash)), depth + 1);
            }
            if (slash == path.npos) return path;
        }
    }
    // What `alias` is for code in the directory `from` ("p/x/y"): the canonical directory; "" for nothing.
    std::string resolve(std::string from, const std::string& alias) const {
        for (std::string dir = canonical(from);; dir = dir.substr(0, dir.rfind('/'))) {
            if (!ends_with_modules(dir)) {
                std::string at = canonical(dir + (dir.back() == '/' ? "" : "/") + "node_modules/" + alias);
                if (plan_.places.count(at) || is_project(at)) return at;
            }
            if (dir.find('/', 2) == dir.npos) {
                if (dir.size() <= 2) return "";
                dir = dir.substr(0, 2) + "/";  // the root itself comes last
            }
        }
    }

  private:
    static bool ends_with_modules(const std::string& dir) {
        return dir.size() >= 13 && dir.compare(dir.size() - 13, 13, "/node_modules") == 0;
    }
    bool is_project(const std::string& at) const {
        for (const auto& [path, target] : plan_.links)
            if (target.rfind("project ", 0) == 0 && "p/" + (target == "project ." ? "" : target.substr(8)) == at) return true;
        return false;
    }
    const Recorder& plan_;
};

// A sentence about a peer that is another's context of the same version; "" when all is as it should be.
std::string expect_reachable(const GraphModel& model, const Recorder& plan) {
    std::string context;
    Walk walk(plan);
    auto skipped = [&](std::uint32_t i) { return (model.packages[i].flags & PMX_PACKAGE_SKIPPED) != 0; };
    auto ask = [&](const std::string& from, const std::string& who, const GEdge& edge) {
        if (edge.to != kProject && skipped(edge.to)) return;
        std::string found = walk.resolve(from, edge.alias);
        std::string wanted = edge.to == kProject ? "project " + edge.link : model.packages[edge.to].id;
        expect(!found.empty(), model.title, ": ", who, " does not find ", edge.alias, " (", wanted, ")");
        auto place = plan.places.find(found);
        std::string got = place == plan.places.end() ? "project " + found.substr(2) : model.packages[place->second].id;
        if (got == wanted) return;
        std::string sentence = text(model.title, ": ", who, " asks for ", edge.alias, " and finds ", got, " instead of ", wanted);
        auto version = [](const std::string& id) { return id.substr(0, id.find('(')); };
        expect(version(got) == version(wanted), sentence);
        context = sentence;
    };
    for (const GProject& project : model.projects)
        for (const GEdge& edge : project.edges) ask("p/" + (project.dir == "." ? "" : project.dir), "the project " + project.dir, edge);
    for (const auto& [dir, number] : plan.places)
        for (const GEdge& edge : model.packages[number].edges)
            if (edge.to != number) ask(dir, model.packages[number].id, edge);
    return context;
}

// ---- cases

void any_order(Bench& bench) {
    Instance instance(bench);
    for (const GraphModel& model : graphs(bench)) {
        std::string first = plan(bench, instance, model).text();
        for (int round = 0; round < 5; ++round) {
            std::string other = plan(bench, instance, model, &bench).text();
            if (other == first) continue;
            std::size_t at = 0;
            while (at < first.size() && at < other.size() && first[at] == other[at]) ++at;
            at = at ? first.rfind('\n', at - 1) + 1 : 0;
            fail(model.title, ": another order of the same graph gives another plan: ", other.substr(at, other.find('\n', at) - at), " instead of ",
                 first.substr(at, first.find('\n', at) - at));
        }
    }
}

void contained_paths(Bench& bench) {
    Instance instance(bench);
    for (const GraphModel& model : graphs(bench)) {
        Planned planned = plan(bench, instance, model);
        expect_plan(model, planned);
        const Recorder& r = *planned.recorder;
        auto inside = [&](const std::string& key, const char* what) {
            if (key[0] == 's') return;
            std::string path = key.substr(1);  // "/a/b"
            bool in_modules = path.find("/node_modules/") != path.npos || path.find("/" + r.modules_dir + "/") != path.npos;
            bool in_store = !r.store_dir.empty() && path.rfind("/" + r.store_dir + "/", 0) == 0;
            expect(in_modules || in_store, model.title, ": ", what, " outside node_modules: ", path.substr(1));
        };
        for (const auto& [at, number] : r.places) {
            inside(at, "a place");
            expect(!r.links.count(at), model.title, ": a package and a link at one path: ", at.substr(2));
        }
        for (const auto& [at, target] : r.links) inside(at, "a link");
        for (const auto& [at, number] : r.places)
            for (std::size_t slash = at.rfind('/'); slash > 1; slash = at.rfind('/', slash - 1)) {
                std::string above = at.substr(0, slash);
                expect(!r.links.count(above), model.title, ": ", at.substr(2), " lies below the link ", above.substr(2));
                if (r.places.count(above))
                    expect(at.compare(slash, 14, "/node_modules/") == 0 || at.find("/node_modules/", slash) != at.npos, model.title, ": ", at.substr(2),
                           " lies among the files of ", above.substr(2));
            }
    }
}

void reachable(Bench& bench) {
    Instance instance(bench);
    std::string context;
    for (const GraphModel& model : graphs(bench)) {
        Planned planned = plan(bench, instance, model);
        if (planned.status != PMX_OK) continue;  // layout.refusals looks at that
        std::string other = expect_reachable(model, *planned.recorder);
        if (context.empty()) context = other;
    }
    if (!context.empty()) warn(context, ": the same version for other peers");
}

void refuses_with_words(Bench& bench) {
    Instance instance(bench);
    std::size_t refused = 0;
    for (const GraphModel& model : graphs(bench)) {
        Planned planned = plan(bench, instance, model);
        if (planned.status == PMX_OK) continue;
        ++refused;
        expect(planned.status != PMX_FAILED && planned.status != PMX_CANCELLED, model.title, ": it refuses with ", name_of(planned.status), " (",
               planned.said, "): PMX_INVALID or PMX_UNSUPPORTED say that this graph has no plan");
        expect(!planned.said.empty(), model.title, ": it refuses without a sentence");
        expect(model.may_be_refused, model.title, ": it refuses: ", planned.said);
    }
    if (refused == 0) skip("it refuses no graph");
}

void empty_graphs(Bench& bench) {
    Instance instance(bench);
    GraphModel none;
    none.title = "a project without dependencies";
    GraphModel lonely = none;
    lonely.title = "packages that nobody needs";
    lonely.add("a", "1.0.0");
    GraphModel skipped = none;
    skipped.title = "nothing but a skipped package";
    skipped.root(skipped.add("a", "1.0.0", {}, PMX_PACKAGE_SKIPPED | PMX_PACKAGE_OPTIONAL), 0, PMX_EDGE_OPTIONAL);
    for (const GraphModel& model : {none, lonely, skipped}) {
        Planned planned = plan(bench, instance, model);
        expect(planned.status == PMX_OK, model.title, ": plan() returned ", name_of(planned.status), " (", planned.said, ")");
        expect(planned.recorder->bad().empty(), model.title, ": ", planned.recorder->bad());
    }
}

void huge_graph(Bench& bench) {
    Instance instance(bench);
    GraphModel deep;
    deep.title = "a chain of 5000 packages";
    deep.may_be_refused = true;
    for (int i = 0; i < 5000; ++i) deep.add("p" + std::to_string(i), "1.0.0");
    for (std::uint32_t i = 0; i + 1 < 5000; ++i) deep.edge(i, i + 1);
    deep.root(0);
    GraphModel wide;
    wide.title = "20000 packages side by side";
    wide.may_be_refused = true;
    for (int i = 0; i < 20000; ++i) wide.root(wide.add("p" + std::to_string(i), "1.0.0"));
    for (const GraphModel& model : {deep, wide}) {
        Planned planned = plan(bench, instance, model, &bench);
        // A layout that cannot hold it says so, in a sentence.
        if (planned.status == PMX_UNSUPPORTED && !planned.said.empty()) continue;
        if (planned.status != PMX_OK) fail(model.title, ": plan() returned ", name_of(planned.status), " (", planned.said, ")");
        expect(planned.recorder->places.size() >= model.packages.size(), model.title, ": only ", planned.recorder->places.size(), " have a place");
    }
}

void threads(Bench& bench) {
    Instance instance(bench);
    GraphModel model = random_graph(bench, 60);
    std::string wanted = plan(bench, instance, model).text();
    std::vector<std::thread> workers;
    std::atomic<int> other{0};
    for (int t = 0; t < 8; ++t)
        workers.emplace_back([&] {
            for (int i = 0; i < 5; ++i)
                if (plan(bench, instance, model).text() != wanted) ++other;
        });
    for (std::thread& worker : workers) worker.join();
    expect(other == 0, "eight threads at once: ", other.load(), " of 40 plans differ");
}

void cancelled(Bench& bench) {
    Instance instance(bench);
    GraphModel model = random_graph(bench, 2000);
    if (plan(bench, instance, model).status != PMX_OK) {
        model = GraphModel();
        model.title = "2000 packages";
        for (int i = 0; i < 2000; ++i) model.root(model.add("p" + std::to_string(i), "1.0.0"));
    }
    for (int asks : {0, 3}) {
        Window& window = Window::open(bench);
        asks ? window.cancel_after(asks) : window.cancel();
        Planned planned = plan(bench, instance, model, nullptr, &window);
        expect(window.asks() > 0, "it never asks whether the call is cancelled");
        if (asks && window.asks() <= asks) continue;  // a plan of few questions ended before
        expect(planned.status == PMX_CANCELLED, "cancelled, it returned ", name_of(planned.status));
    }
}

void pure(Bench& bench) {
    Instance instance(bench);
    plan(bench, instance, plain_graph());  // what is loaded on first use is loaded now
    forbid(no_threads | no_processes | no_network | no_writing | no_files);
    for (const GraphModel& model : graphs(bench)) plan(bench, instance, model);
}

class LayoutWorkout : public Workout {
  public:
    explicit LayoutWorkout(Bench& bench) : bench_(bench), graphs_(graphs(bench)) {}
    std::string run(Instance& instance) override {
        std::string out;
        for (const GraphModel& model : graphs_) out += model.title + "\n" + plan(bench_, instance, model).text();
        return out;
    }

  private:
    Bench& bench_;
    std::vector<GraphModel> graphs_;
};

}  // namespace

std::unique_ptr<Workout> layout_workout(Bench& bench) { return std::make_unique<LayoutWorkout>(bench); }

std::vector<Case> layout_cases() {
    return {
        {{"layout.paths", "layout", "no path escapes, and no two things meet at one path"}, contained_paths},
        {{"layout.order", "layout", "the same steps whatever the order of the graph's arrays"}, any_order},
        {{"layout.reachable", "layout", "Node finds every dependency from where the package lies, and the right one"}, reachable},
        {{"layout.refusals", "layout", "a graph without a plan is refused with a sentence, a plain one never"}, refuses_with_words},
        {{"layout.empty", "layout", "projects without packages have a plan"}, empty_graphs},
        {{"layout.huge", "layout", "20000 packages and a chain of 5000 are planned in time, on an ordinary stack"}, huge_graph},
        {{"layout.threads", "layout", "eight threads at once get the same plans"}, threads},
        {{"layout.cancel", "layout", "a cancelled call ends with PMX_CANCELLED"}, cancelled},
        {{"layout.pure", "layout", "it touches neither disk nor network"}, pure},
    };
}

}  // namespace pmx::testkit
