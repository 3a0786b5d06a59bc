// global: one virtual store for all projects of a user. Each package lives in a slot whose name covers its
// content and everything below it; a project's node_modules holds links into that store and the links that
// hoisting adds.
#include <iterator>
#include <pmx/layout.hpp>

#include "../common/options.hpp"
#include "../common/virtual_store.hpp"
#include "slot_hashes.hpp"

namespace {

using namespace pmx::sdk;
using namespace pmx::layouts;

constexpr pmx_option options[] = {
    option_text("engine", "\"<platform>;<arch>;node<major>\", for packages whose scripts run", nullptr),
    option_text("lockfile-dir", "Absolute directory of the project, for packages that belong to it", nullptr),
    option_flag("hoist", "Make undeclared modules reachable for the project's tools", true),
    option_list("hoist-pattern", "Names of modules to be linked in node_modules/.pnpm/node_modules", "*"),
    option_list("public-hoist-pattern", "Names of modules that the project itself may use undeclared",
                nullptr),
    option_flag("shamefully-hoist", "Let the project use every module undeclared", false),
    option_flag("hoist-workspace-packages", "Treat the projects of a workspace like hoisted modules", true),
    option_text("virtual-store-dir", "Where hoisted modules are linked, relative to the project",
                "node_modules/.pnpm"),
    option_text("modules-dir", "The name of node_modules in every project", "node_modules"),
    option_flag("dedupe-direct-deps", "Leave out of a project what the root links already", false),
    option_flag("prefer-symlinked-executables", "Executables are links instead of shims", false),
};

class Global {
  public:
    Global(Host host, const Config& config)
        : sha256_(host),
          hoist_(config),
          engine_(config.text("engine")),
          project_(config.text("lockfile-dir")),
          symlinked_bins_(config.flag("prefer-symlinked-executables")) {
        rules_.modules_dir = tidy_dir(config.text("modules-dir"), "node_modules");
        rules_.store_dir = virtual_store_dir(config, rules_.modules_dir);
        rules_.dedupe_direct_deps = config.flag("dedupe-direct-deps");
        while (project_.size() > 1 && project_.ends_with('/')) project_.pop_back();
    }

    void plan(Op op, const Graph& graph, Plan& plan) const {
        const SlotHashes hashes(graph, sha256_, project_, engine_);
        op.throw_if_cancelled();
        std::vector<std::string> slots(graph.package_count());
        for (std::uint32_t i = 0; i < graph.package_count(); ++i)
            if (!(graph.package(i).flags & PMX_PACKAGE_SKIPPED)) slots[i] = hashes.slot(i);
        VirtualStore(graph, plan, rules_, PMX_ROOT_SHARED, slots).run(op, hoist_.rules());
        plan.describe(PMX_PLAN_VIRTUAL_STORE_DIR, rules_.store_dir);
        plan.describe(PMX_PLAN_MODULES_DIR, rules_.modules_dir);
        // No NODE_PATH: shims inside the shared store must not know one project.
        plan.describe(PMX_PLAN_BINS, symlinked_bins_ ? "symlink" : "shim");
    }

  private:
    Sha256 sha256_;
    HoistOptions hoist_;
    VirtualStoreRules rules_;
    std::string engine_, project_;
    bool symlinked_bins_;
};

}  // namespace

PMX_LAYOUT(Global, "global", "1.0.0", "One virtual store for all projects; node_modules holds links", 0,
           options, std::size(options))
