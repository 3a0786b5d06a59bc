// flat-layout: every package in the project's own node_modules, under the one name that it is known by. Two packages
// that want one name cannot both stand there, so it refuses such a graph; use it for projects without conflicts.
#include <map>

#include <pmx/layout.hpp>

namespace {

using namespace pmx::sdk;

constexpr pmx_option options[] = {option_text("modules-dir", "The directory that packages go to", "node_modules")};

class FlatLayout {
  public:
    FlatLayout(Host, const Config& config) : modules_(config.text("modules-dir")) {}

    void plan(Op op, const Graph& graph, Plan& plan) {
        if (graph.project_count() != 1)
            throw Error(PMX_UNSUPPORTED, "the flat layout holds one project, not a workspace", {}, "use --linker isolated");
        plan.describe(PMX_PLAN_BINS, "symlink");

        // Who wants which name: the project itself first, so that its own dependencies are tier 0.
        // Local, not a member: several threads may plan on one instance.
        Claims claims;
        const pmx_project& root = graph.project(0);
        graph.each_edge(root, [&](const pmx_edge& edge) {
            if (edge.package == PMX_NONE)
                plan.link_project(path_of(view(edge.alias)), view(edge.link));
            else
                claim(graph, edge, 0, claims);
        });
        for (std::uint32_t i = 0; i < graph.package_count(); ++i) {
            op.throw_if_cancelled();
            if (graph.package(i).flags & PMX_PACKAGE_SKIPPED) continue;
            graph.each_edge(graph.package(i), [&](const pmx_edge& edge) {
                if (edge.package != PMX_NONE) claim(graph, edge, 1, claims);
            });
        }
        for (const auto& [alias, claim] : claims) {
            std::uint32_t place = plan.place(claim.package, path_of(alias));
            plan.bins(modules_ + "/.bin", place, alias, claim.tier);
        }
    }

  private:
    struct Claim {
        std::uint32_t package, tier;
    };
    using Claims = std::map<std::string, Claim>;

    std::string path_of(std::string_view alias) const { return modules_ + "/" + std::string(alias); }

    static void claim(const Graph& graph, const pmx_edge& edge, std::uint32_t tier, Claims& claims) {
        const pmx_package& wanted = graph.package(edge.package);
        if (wanted.flags & PMX_PACKAGE_SKIPPED) return;
        auto [at, is_new] = claims.try_emplace(std::string(view(edge.alias)), Claim{edge.package, tier});
        if (is_new || at->second.package == edge.package) return;
        throw Error(PMX_UNSUPPORTED,
                    "two packages want the name " + at->first + ": " + std::string(view(wanted.id)) + " and " +
                        std::string(view(graph.package(at->second.package).id)),
                    at->first, "use --linker isolated or --linker hoisted for this project");
    }

    std::string modules_;
};

}  // namespace

PMX_LAYOUT(FlatLayout, "flat-layout", "1.0.0", "Every package in one directory", 0, options, 1)
