// hoisted: real directories, as near to the root's node_modules as Node's resolution allows. npm's lockfiles
// say where everything goes and are followed to the letter; for others the tree is computed, and is pnpm's
// own.
#include <algorithm>
#include <deque>
#include <iterator>
#include <pmx/layout.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "../common/options.hpp"
#include "tree.hpp"

namespace {

using namespace pmx::sdk;
using namespace pmx::layouts;
using namespace pmx::hoisted;

constexpr pmx_option options[] = {
    option_text("hoisting-limits", "How far up packages may go", "none", "none|workspaces|dependencies"),
    option_list("external-dependencies", "Names that somebody else puts into the root's node_modules",
                nullptr),
    option_text("modules-dir", "The name of node_modules in every project", "node_modules"),
    option_flag("prefer-symlinked-executables", "Executables are links instead of shims", true),
    option_flag("hoist-workspace-packages", "Link the projects of a workspace in the root's node_modules",
                true),
    option_flag("auto-install-peers", "Peers are dependencies like others, as the lockfile was made", true),
};

struct Rules {
    std::string modules_dir, limits;
    std::vector<std::string> external;
    bool auto_install_peers, workspace_packages;
};

bool is_skipped(const Graph& graph, std::uint32_t package) {
    return graph.package(package).flags & PMX_PACKAGE_SKIPPED;
}

// All peer variants of one package are one thing on disk: the id up to its suffix.
std::string_view identity(const pmx_package& package) {
    std::string_view id = view(package.id);
    std::size_t at = id.find('@', 1);
    return id.substr(0, id.find('(', at == std::string_view::npos ? 0 : at));
}

// From the graph to the tree, hoisted, to steps.
class Computed {
  public:
    Computed(const Graph& graph, Plan& plan, const Rules& rules)
        : graph_(graph), plan_(plan), rules_(rules) {}

    void run(const Op& op) {
        build();
        op.throw_if_cancelled();
        try {
            hoist(tree_);
        } catch (const TooDeep&) {
            throw Error(PMX_INVALID, "the packages shadow each other too deeply to be hoisted", {},
                        "use the layout isolated");
        }
        op.throw_if_cancelled();
        collect_direct();
        above_.push_back(tree_.root);
        emit(*tree_.root, rules_.modules_dir);
        if (rules_.workspace_packages) link_workspace();
    }

  private:
    std::uint32_t number(std::string_view text) {
        return numbers_.try_emplace(text, static_cast<std::uint32_t>(numbers_.size())).first->second;
    }
    std::uint32_t number_of(std::string text) { return number(texts_.emplace_back(std::move(text))); }
    std::string_view project_dir(const Node& node) const { return view(graph_.project(node.subject).dir); }

    // What --prod and its like left out is not there; optional packages that do not fit take part and get no
    // place.
    bool counts(const pmx_edge& edge, bool from_skipped) const {
        return edge.package == PMX_NONE || !is_skipped(graph_, edge.package) ||
               edge.kind == PMX_EDGE_OPTIONAL || from_skipped;
    }

    std::vector<std::uint32_t> sorted_edges(std::uint32_t first, std::uint32_t count,
                                            bool optional_last) const {
        std::vector<std::uint32_t> edges(count);
        for (std::uint32_t i = 0; i < count; ++i) edges[i] = first + i;
        std::ranges::sort(edges, {}, [&](std::uint32_t i) {
            const pmx_edge& edge = graph_.edge(i);
            return std::pair(optional_last && edge.kind == PMX_EDGE_OPTIONAL, view(edge.alias));
        });
        return edges;
    }

    Node* package_node(std::string_view alias, std::uint32_t package) {
        auto [found, fresh] = nodes_.try_emplace(std::uint64_t{number(alias)} << 32 | package, nullptr);
        if (fresh) {
            const pmx_package& p = graph_.package(package);
            const std::vector<std::uint32_t>* peers = &none_;
            if (!rules_.auto_install_peers && p.peer_count) {
                auto& list = tree_.peer_lists.emplace_back();
                for (std::uint32_t i = 0; i < p.peer_count; ++i)
                    list.push_back(number(graph_.string(p.first_peer + i)));
                std::ranges::sort(list);
                peers = &list;
            }
            found->second = tree_.add(number(alias), number(identity(p)), NodeKind::package, package, peers);
            open_.push_back(found->second);
        }
        return found->second;
    }

    // Two parents, or a way back to itself: neither it nor anything below it belongs to one parent alone.
    void attach(Node& parent, Node* child) {
        parent.children.set(child->name, child);
        if (!parents_.insert(child).second) child->own = false;
    }

    void attach_edges(Node& node, std::uint32_t first, std::uint32_t count, bool is_project,
                      bool from_skipped) {
        const bool limited = is_project && rules_.limits == "dependencies";
        for (std::uint32_t i : sorted_edges(first, count, !is_project)) {
            const pmx_edge& edge = graph_.edge(i);
            if (!counts(edge, from_skipped)) continue;
            if (edge.package != PMX_NONE) {
                if (!is_project && edge.package == node.subject &&
                    view(edge.alias) == view(graph_.package(edge.package).name))
                    continue;
                Node* child = package_node(view(edge.alias), edge.package);
                child->border = child->border || limited;
                attach(node, child);
            } else if (is_project) {
                std::uint32_t name = number(view(edge.alias));
                attach(node, tree_.add(name, number_of("link:" + std::string(view(edge.link))),
                                       NodeKind::link, i, &none_));
            }
        }
    }

    void build() {
        std::vector<std::uint32_t> projects;
        std::uint32_t root = PMX_NONE;
        for (std::uint32_t i = 0; i < graph_.project_count(); ++i)
            if (view(graph_.project(i).dir) == ".")
                root = i;
            else
                projects.push_back(i);
        if (root == PMX_NONE) throw Error(PMX_INVALID, "the graph has no root project");
        std::ranges::sort(projects, {}, [&](std::uint32_t i) { return view(graph_.project(i).dir); });

        // Names of the tree that are no module's name begin with a space.
        tree_.root = tree_.add(number(" ."), number(" ."), NodeKind::project, root, &none_);
        const pmx_project& top = graph_.project(root);
        attach_edges(*tree_.root, top.first_edge, top.edge_count, true, false);
        for (const std::string& name : rules_.external)
            attach(*tree_.root, tree_.add(number(name), number_of(" external " + name), NodeKind::placeholder,
                                          PMX_NONE, &none_));
        for (std::uint32_t i : projects) {
            const pmx_project& project = graph_.project(i);
            std::uint32_t name = number_of(" " + std::string(view(project.dir)));
            Node* node = tree_.add(name, name, NodeKind::project, i, &none_);
            node->border = rules_.limits != "none";
            attach(*tree_.root, node);
            attach_edges(*node, project.first_edge, project.edge_count, true, false);
        }
        for (std::size_t i = 0; i < open_.size(); ++i) {
            const pmx_package& package = graph_.package(open_[i]->subject);
            attach_edges(*open_[i], package.first_edge, package.edge_count, false,
                         is_skipped(graph_, open_[i]->subject));
        }
        std::vector<Node*> shared;
        for (Node& node : tree_.nodes)
            if (!node.own) shared.push_back(&node);
        while (!shared.empty()) {
            Node* node = shared.back();
            shared.pop_back();
            node->children.each([&](std::uint32_t, Node* child) {
                if (!child->own) return;
                child->own = false;
                shared.push_back(child);
            });
        }
    }

    // The root's own dependencies win when two packages bring one executable.
    void collect_direct() {
        const pmx_project& top = graph_.project(tree_.root->subject);
        graph_.each_edge(top, [&](const pmx_edge& edge) { direct_.insert(view(edge.alias)); });
    }

    // A directory that its own parents already lead to: the end of a cycle. (Where another version of it
    // stands in between, no finite tree is right; the cycle is cut all the same.)
    bool leads_back(const Node& child) const {
        for (auto above = above_.rbegin(); above != above_.rend(); ++above) {
            if ((*above)->name == child.name && (*above)->ident == child.ident) return true;
            if (above == above_.rbegin()) continue;
            if (const Node* found = (*above)->children.find(child.name); found && found->ident == child.ident)
                return !between(child, *above);
        }
        return false;
    }
    // Does another version of `child` stand below `top` on the way to it?
    bool between(const Node& child, const Node* top) const {
        for (auto above = above_.rbegin() + 1; above != above_.rend() && *above != top; ++above)
            if ((*above)->children.find(child.name)) return true;
        return false;
    }

    // Every project by its name in the root, where the name is free.
    void link_workspace() {
        std::vector<const pmx_project*> projects;
        for (std::uint32_t i = 0; i < graph_.project_count(); ++i) projects.push_back(&graph_.project(i));
        std::ranges::sort(projects, {}, [](const pmx_project* project) { return view(project->dir); });
        std::unordered_set<std::string_view> taken;
        for (const pmx_project* project : projects) {
            std::string_view name = view(project->name);
            if (name.empty() || view(project->dir) == "." || tree_.root->children.find(number(name)) ||
                !taken.insert(name).second)
                continue;
            plan_.link_project(rules_.modules_dir + '/' + std::string(name), view(project->dir));
            plan_.bins_of_project(rules_.modules_dir + "/.bin", view(project->dir), 1);
        }
    }

    // `modules` is the node_modules of `node`.
    void emit(const Node& node, const std::string& modules) {
        if (above_.size() > kDeepest)
            throw Error(PMX_INVALID, "node_modules would be nested too deeply", modules,
                        "use the layout isolated");
        node.children.each([&](std::uint32_t name, Node* child) {
            if (std::ranges::binary_search(*node.peers, name)) return;
            switch (child->kind) {
                case NodeKind::placeholder:
                    return;
                case NodeKind::project:
                    above_.push_back(child);
                    emit(*child, project_prefix(project_dir(*child)) + rules_.modules_dir);
                    above_.pop_back();
                    return;
                case NodeKind::link: {
                    const pmx_edge& edge = graph_.edge(child->subject);
                    plan_.link_project(modules + '/' + std::string(view(edge.alias)), view(edge.link));
                    plan_.bins_of_project(modules + "/.bin", view(edge.link), 0);
                    return;
                }
                case NodeKind::package:
                    break;
            }
            if (is_skipped(graph_, child->subject) || leads_back(*child)) return;
            std::string_view alias = alias_of(*child);
            std::string dir = modules + '/' + std::string(alias);
            if (++placed_ > kMostPlaces)
                throw Error(PMX_INVALID, "the hoisted tree would be too large", dir,
                            "use the layout isolated");
            std::uint32_t place = plan_.place(child->subject, dir);
            if (may_have_bins(graph_.package(child->subject)))
                plan_.bins(modules + "/.bin", place, alias,
                           &node != tree_.root || direct_.contains(alias) ? 0 : 1);
            above_.push_back(child);
            emit(*child, dir + "/node_modules");
            above_.pop_back();
        });
    }

    std::string_view alias_of(const Node& node) {
        if (names_.size() != numbers_.size()) {
            names_.resize(numbers_.size());
            for (const auto& [text, index] : numbers_) names_[index] = text;
        }
        return names_[node.name];
    }

    static constexpr std::size_t kDeepest =
        300;  // "/node_modules/x" that often is longer than any path may be

    static constexpr std::size_t kMostPlaces = 1'000'000;

    const Graph& graph_;
    Plan& plan_;
    const Rules& rules_;
    std::size_t placed_ = 0;
    const std::vector<std::uint32_t> none_;
    Tree tree_;
    std::unordered_map<std::string_view, std::uint32_t> numbers_;
    std::vector<std::string_view> names_;
    std::deque<std::string> texts_;
    std::unordered_map<std::uint64_t, Node*> nodes_;  // (alias, package)
    std::unordered_set<const Node*> parents_;
    std::vector<Node*> open_;
    std::vector<const Node*> above_;
    std::unordered_set<std::string_view> direct_;
};

// npm's lockfile: exactly these places.
class Located {
  public:
    Located(const Graph& graph, Plan& plan) : graph_(graph), plan_(plan) {}

    void run(const Op& op) {
        for (std::uint32_t i = 0; i < graph_.project_count(); ++i) {
            const pmx_project& project = graph_.project(i);
            graph_.each_edge(project, [&](const pmx_edge& edge) {
                direct_.insert(project_prefix(view(project.dir)) + "node_modules/" +
                               std::string(view(edge.alias)));
            });
        }
        std::unordered_map<std::string_view, std::uint32_t> packages;
        for (std::uint32_t i = 0; i < graph_.location_count(); ++i)
            packages.emplace(view(graph_.location(i).path), graph_.location(i).package);
        for (std::uint32_t i = 0; i < graph_.location_count(); ++i) {
            if (i % 256 == 0) op.throw_if_cancelled();
            const pmx_location& location = graph_.location(i);
            const std::string_view path = view(location.path);
            const std::size_t cut = path.rfind("node_modules/");
            if (cut == std::string_view::npos)
                throw Error(PMX_INVALID, "a location outside node_modules", std::string(path));
            if (carried(path, packages)) continue;
            const std::string_view alias = path.substr(cut + sizeof("node_modules/") - 1);
            const std::string bin_dir = std::string(path.substr(0, cut)) + "node_modules/.bin";
            const std::uint32_t tier = direct_.contains(std::string(path)) ? 0 : 1;
            if (location.package == PMX_NONE) {
                plan_.link_project(path, view(location.link));
                plan_.bins_of_project(bin_dir, view(location.link), tier);
            } else if (!is_skipped(graph_, location.package)) {
                std::uint32_t place = plan_.place(location.package, path);
                if (may_have_bins(graph_.package(location.package))) plan_.bins(bin_dir, place, alias, tier);
            }
        }
    }

  private:
    // Does the archive of a package above bring this one, or is one above not installed here?
    bool carried(std::string_view path,
                 const std::unordered_map<std::string_view, std::uint32_t>& packages) const {
        constexpr std::string_view between = "/node_modules/";
        for (std::size_t cut = path.rfind(between); cut != std::string_view::npos && cut > 0;
             cut = path.rfind(between, cut - 1)) {
            auto parent = packages.find(path.substr(0, cut));
            if (parent == packages.end() || parent->second == PMX_NONE) continue;
            if (is_skipped(graph_, parent->second)) return true;
            const pmx_package& package = graph_.package(parent->second);
            std::string_view child = path.substr(cut + between.size());
            child = child.substr(0, child.find(between));
            for (std::uint32_t i = 0; i < package.bundled_count; ++i)
                if (graph_.string(package.first_bundled + i) == child) return true;
        }
        return false;
    }

    const Graph& graph_;
    Plan& plan_;
    std::unordered_set<std::string> direct_;
};

class Hoisted {
  public:
    Hoisted(Host, const Config& config)
        : rules_{tidy_dir(config.text("modules-dir"), "node_modules"),
                 std::string(config.text("hoisting-limits", "none")),
                 {},
                 config.flag("auto-install-peers", true),
                 config.flag("hoist-workspace-packages", true)},
          symlinked_bins_(config.flag("prefer-symlinked-executables", true)) {
        for (std::string_view name : config.list("external-dependencies")) rules_.external.emplace_back(name);
    }

    void plan(Op op, const Graph& graph, Plan& plan) const {
        if (graph.location_count())
            Located(graph, plan).run(op);
        else
            Computed(graph, plan, rules_).run(op);
        plan.describe(PMX_PLAN_MODULES_DIR, rules_.modules_dir);
        plan.describe(PMX_PLAN_BINS, symlinked_bins_ ? "symlink" : "shim");
    }

  private:
    Rules rules_;
    bool symlinked_bins_;
};

}  // namespace

PMX_LAYOUT(Hoisted, "hoisted", "1.0.0", "npm's layout: real directories as near to the root as possible", 0,
           options, std::size(options))
