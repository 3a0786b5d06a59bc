// Standing: what node_modules holds, as its own records say and as the disk bears out: the plan of what was installed
// before, with a mark on every place whose package.json is there and on every symbolic link that points where it should.
// None of it depends on what is to be installed, so it is looked at on a thread of its own while the resolver works.
// Changes nothing on the disk; converge() decides what it means.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "install/commit.hpp"
#include "install/read.hpp"
#include "install/run.hpp"
#include "install/state.hpp"
#include "lockfile/lockfile.hpp"
#include "model/plan.hpp"

namespace pmx {

struct Standing {
    TreeRecord record;
    std::optional<Lockfile> current;  // what is installed; nothing where the tree is of another kind than is wanted
    std::optional<Plan> plan;         // what had been planned for it
    std::vector<bool> whole;          // by place of the project's
    std::vector<bool> linked;         // by symbolic link of the project's: its text is right, below real directories only
};

// What the inputs say that has to be known beside the records to plan what they say.
struct TreeFacts {
    std::map<std::string, std::string, std::less<>> names;  // of projects, by directory: pnpm's record lacks them, hoisting needs them
    std::string shared_root;                                // of the store, absolute: links into it are compared with it
    // The project's lockfile as it was read, where its text is as long as the record's: most often they are the same.
    std::string document;
    Graph graph;
};
TreeFacts tree_facts(const Settings& settings, const Inputs& inputs, std::string shared_root);

// `facts` is called once, when they are needed; nullopt ends it. [any thread]
Standing look_at_tree(Run& run, const std::string& linker, const std::function<std::optional<TreeFacts>()>& facts);

// The same on a thread of its own, begun before the inputs are read, and before the tree is held by this run. What it saw
// counts only if nobody worked on the tree meanwhile: every run of pmx removes the state before it touches the tree and
// writes another one at its end.
class EarlyLook {
  public:
    // Looks at nothing where there is no state: the last run did not end, or was another program's.
    EarlyLook(Run& run, std::string linker);
    ~EarlyLook();
    EarlyLook(const EarlyLook&) = delete;

    bool is_under_way() const { return thread_.joinable(); }
    const std::string& linker() const { return linker_; }
    // The inputs were read. At most once.
    void tell(TreeFacts facts);
    // Once this run holds the tree, and before it removes the state.
    std::optional<Standing> take();

  private:
    std::optional<Witness> state() const;

    Run& run_;
    const std::string linker_;
    std::optional<Witness> state_;
    std::optional<Standing> standing_;
    std::promise<std::optional<TreeFacts>> facts_;
    bool told_ = false;
    std::thread thread_;
};

}  // namespace pmx
