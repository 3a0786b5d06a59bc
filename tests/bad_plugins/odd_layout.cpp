// A layout that does what its option `do` says, right or wrong.
#include <pmx/layout.hpp>

namespace {

using namespace pmx::sdk;

constexpr pmx_option options[] = {
    option_text("do", "What to do", "flat"),
    option_integer("depth", "A number", "3", 1, 9),
    option_text("colour", "A choice", "red", "red|green"),
    option_flag("loud", "A flag", false),
    option_list("patterns", "A list", "a\nb"),
};

class OddLayout {
  public:
    OddLayout(Host, const Config& config) : what_(config.text("do")) {
        if (what_ == "refuse-to-start") throw Error(PMX_INVALID, "it does not start", "do", "say something else");
        if (what_ == "echo")
            what_ = "echo:" + std::to_string(config.integer("depth")) + std::string(config.text("colour")) +
                    (config.flag("loud") ? "!" : ".") + std::to_string(config.list("patterns").size());
    }

    void plan(Op op, const Graph& graph, Plan& plan) {
        if (what_ == "flat") {
            // Against the order of the graph: the host sorts.
            for (std::uint32_t i = graph.package_count(); i-- > 0;)
                if (!(graph.package(i).flags & PMX_PACKAGE_SKIPPED)) place(graph, plan, i);
            return;
        }
        if (what_ == "nested") {
            plan.place(1, "node_modules/a/node_modules/b");
            auto a = plan.place(0, "node_modules/a");
            plan.bins("node_modules/.bin", a, "a", 0);
            plan.symlink("node_modules/z", "node_modules/a");
            return;
        }
        if (what_ == "ignored") {
            // A layout that does not look at statuses.
            try {
                plan.place(0, "../out");
            } catch (const Error&) {
            }
            plan.place(0, "node_modules/a");
            return;
        }
        if (what_ == "throw-int") throw 7;
        if (what_ == "cancelled") return op.throw_if_cancelled();
        if (what_ == "absolute") plan.place(0, "/etc");
        if (what_ == "outside") plan.place(0, "src/a");
        if (what_ == "dotdot") plan.symlink("node_modules/../../x", "node_modules/a");
        if (what_ == "range") plan.place(1000, "node_modules/a");
        if (what_ == "root") plan.place(0, "node_modules/a", static_cast<pmx_root>(4));
        if (what_ == "skipped") plan.place(2, "node_modules/c");
        if (what_ == "project") plan.link_project("node_modules/p", "not/a/project");
        if (what_ == "link") plan.link_project("node_modules/p", "packages/p");
        if (what_ == "no-place") plan.bins("node_modules/.bin", 5, "a", 0);
        if (what_ == "alias") plan.hoisted(0, "../a", true);
        if (what_ == "two") plan.place(0, "node_modules/a"), plan.place(1, "node_modules/a");
        if (what_ == "among-files") plan.place(0, "node_modules/a"), plan.place(1, "node_modules/a/lib/b");
        if (what_ == "below-link")
            plan.symlink("node_modules/a", "node_modules/x"), plan.place(1, "node_modules/a/node_modules/b");
        if (what_ == "link-on-place") plan.place(0, "node_modules/a"), plan.symlink("node_modules/a", "node_modules/b");
        if (what_ == "two-links")
            plan.symlink("node_modules/a", "node_modules/x"), plan.symlink("node_modules/a", "node_modules/y");
        if (what_.substr(0, 5) == "echo:") plan.describe(PMX_PLAN_NODE_PATH_TAIL, std::string_view(what_).substr(5));
    }

  private:
    static void place(const Graph& graph, Plan& plan, std::uint32_t i) {
        std::string dir = "node_modules/" + std::string(view(graph.package(i).name));
        auto number = plan.place(i, dir);
        plan.bins("node_modules/.bin", number, view(graph.package(i).name), 0);
    }
    std::string what_;
};

}  // namespace

PMX_LAYOUT(OddLayout, "odd-layout", "0.0.1", "Does what it is told, right or wrong", 0, options,
           sizeof options / sizeof options[0])
