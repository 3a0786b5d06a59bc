// nested-layout: npm's nested style. Each package stands in the node_modules of the one that asked for it, unless Node
// would find the very same package further up. Nothing is hoisted: what a package does not declare it does not find
// below itself, and a name may mean another version in each corner of the tree.
#include <map>
#include <string>

#include <pmx/layout.hpp>

namespace {

using namespace pmx::sdk;

constexpr pmx_option options[] = {
    option_integer("most-places", "Refuse a tree with more packages than this: nesting multiplies them", "100000", 1, 10000000),
};

// One node_modules and what stands in it, with the one that Node looks into next.
struct Folder {
    const Folder* above;
    std::string path;  // ".../node_modules"
    std::map<std::string_view, std::uint32_t> names{};
};

class NestedLayout {
  public:
    NestedLayout(Host, const Config& config) : most_(static_cast<std::size_t>(config.integer("most-places", 100000))) {}

    void plan(Op op, const Graph& graph, Plan& plan) const {
        plan.describe(PMX_PLAN_BINS, "symlink");
        Walk walk{op, graph, plan, most_};
        // By directory, so that a project comes after those that its own directory lies in.
        std::map<std::string, Folder> folders;
        std::map<std::string, std::uint32_t> projects;
        for (std::uint32_t i = 0; i < graph.project_count(); ++i) projects[prefix(view(graph.project(i).dir))] = i;
        for (const auto& [dir, project] : projects) {
            const Folder* above = nullptr;
            for (const auto& [other, folder] : folders)
                if (dir.starts_with(other)) above = &folder;
            Folder& own = folders.emplace(dir, Folder{above, dir + "node_modules"}).first->second;
            walk.fill(own, graph.project(project), nullptr, 0);
        }
    }

  private:
    static std::string prefix(std::string_view dir) { return dir == "." ? std::string() : std::string(dir) + "/"; }

    struct Walk {
        Op op;
        const Graph& graph;
        Plan& plan;
        std::size_t most, made = 0;

        // First everything that `node` asks for, then what those ask for: a name that stands here ends the search for
        // all of them.
        template <class Node>
        void fill(Folder& folder, const Node& node, const pmx_package* package, int depth) {
            op.throw_if_cancelled();
            if (depth > 100)
                throw Error(PMX_UNSUPPORTED, "the tree would nest more than 100 levels deep", {}, "use --linker hoisted or isolated");
            std::map<std::string_view, std::uint32_t> placed;
            graph.each_edge(node, [&](const pmx_edge& edge) {
                std::string_view name = view(edge.alias);
                if (package && carries(*package, name)) return;
                if (edge.package == PMX_NONE) {
                    plan.link_project(folder.path + "/" + std::string(name), view(edge.link));
                    plan.bins_of_project(folder.path + "/.bin", view(edge.link), 0);
                    return;
                }
                if ((graph.package(edge.package).flags & PMX_PACKAGE_SKIPPED) || found(folder, name) == edge.package) return;
                folder.names[name] = placed[name] = edge.package;
            });
            for (auto [name, number] : placed) {
                if (++made > most)
                    throw Error(PMX_UNSUPPORTED, "the nested tree has more than " + std::to_string(most) + " packages", {},
                                "use --linker hoisted or isolated, or raise nested-layout.most-places");
                std::string dir = folder.path + "/" + std::string(name);
                plan.bins(folder.path + "/.bin", plan.place(number, dir), name, 0);
                Folder inner{&folder, dir + "/node_modules"};
                fill(inner, graph.package(number), &graph.package(number), depth + 1);
            }
        }

        // What Node finds under `name` from this folder on; PMX_NONE: nothing.
        static std::uint32_t found(const Folder& from, std::string_view name) {
            for (const Folder* folder = &from; folder; folder = folder->above)
                if (auto at = folder->names.find(name); at != folder->names.end()) return at->second;
            return PMX_NONE;
        }
        // Comes in the package's own archive.
        bool carries(const pmx_package& package, std::string_view name) const {
            for (std::uint32_t i = 0; i < package.bundled_count; ++i)
                if (graph.string(package.first_bundled + i) == name) return true;
            return false;
        }
    };

    std::size_t most_;
};

}  // namespace

PMX_LAYOUT(NestedLayout, "nested-layout", "1.0.0", "npm's nested style: each package below the one that asked for it", 0,
           options, 1)
