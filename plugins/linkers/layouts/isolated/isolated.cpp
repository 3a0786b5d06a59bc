// isolated: pnpm's layout. Every package lives once in a slot of the project's virtual store,
// node_modules/.pnpm/<id>/node_modules/<name>, with links to its dependencies beside it; a project's
// node_modules holds links to what it declares and nothing else, and undeclared modules are reachable for
// packages only.
#include <iterator>
#include <pmx/layout.hpp>

#include "../common/options.hpp"
#include "../common/slot_name.hpp"
#include "../common/virtual_store.hpp"

namespace {

using namespace pmx::sdk;
using namespace pmx::layouts;

constexpr pmx_option options[] = {
    option_flag("hoist", "Make undeclared modules reachable for packages", true),
    option_list("hoist-pattern", "Names of modules that packages may use undeclared", "*"),
    option_list("public-hoist-pattern", "Names of modules that the project itself may use undeclared",
                nullptr),
    option_flag("shamefully-hoist", "Let the project use every module undeclared", false),
    option_flag("hoist-workspace-packages", "Treat the projects of a workspace like hoisted modules", true),
    option_text("virtual-store-dir", "Where the slots are, relative to the project", "node_modules/.pnpm"),
    option_integer("virtual-store-dir-max-length", "Longest name of a slot; longer ones end in a hash", "120",
                   34, 255),
    option_text("modules-dir", "The name of node_modules in every project", "node_modules"),
    option_flag("dedupe-direct-deps", "Leave out of a project what the root links already", false),
    option_flag("symlink", "Make symbolic links; without them only the slots are filled", true),
    option_flag("prefer-symlinked-executables", "Executables are links instead of shims", false),
    option_flag("extend-node-path", "Shims set NODE_PATH to the hoisted modules", true),
};

class Isolated {
  public:
    Isolated(Host host, const Config& config)
        : sha256_(host),
          hoist_(config),
          max_length_(static_cast<std::size_t>(config.integer("virtual-store-dir-max-length", 120))),
          symlinked_bins_(config.flag("prefer-symlinked-executables")),
          extend_node_path_(config.flag("extend-node-path", true)) {
        rules_.modules_dir = tidy_dir(config.text("modules-dir"), "node_modules");
        rules_.store_dir = virtual_store_dir(config, rules_.modules_dir);
        rules_.dedupe_direct_deps = config.flag("dedupe-direct-deps");
        rules_.symlink = config.flag("symlink", true);
        if (max_length_ < 34) throw Error(PMX_INVALID, "virtual-store-dir-max-length must be at least 34");
    }

    void plan(Op op, const Graph& graph, Plan& plan) const {
        std::vector<std::string> slots(graph.package_count());
        for (std::uint32_t i = 0; i < graph.package_count(); ++i)
            slots[i] = rules_.store_dir + '/' + slot_name(view(graph.package(i).id), max_length_, sha256_);
        const HoistRules hoist = hoist_.rules();
        VirtualStore(graph, plan, rules_, PMX_ROOT_PROJECT, slots).run(op, hoist);

        const bool node_path = extend_node_path_ && !hoist.private_patterns.empty();
        plan.describe(PMX_PLAN_VIRTUAL_STORE_DIR, rules_.store_dir);
        plan.describe(PMX_PLAN_MODULES_DIR, rules_.modules_dir);
        plan.describe(PMX_PLAN_BINS, symlinked_bins_ ? "symlink" : node_path ? "shim-node-path" : "shim");
        if (node_path) plan.describe(PMX_PLAN_NODE_PATH_TAIL, rules_.store_dir + "/node_modules");
    }

  private:
    Sha256 sha256_;
    HoistOptions hoist_;
    VirtualStoreRules rules_;
    std::size_t max_length_;
    bool symlinked_bins_, extend_node_path_;
};

}  // namespace

PMX_LAYOUT(Isolated, "isolated", "1.0.0",
           "pnpm's layout: a virtual store of slots, links to what is declared", 0, options,
           std::size(options))
