#include "install/standing.hpp"

#include <algorithm>
#include <unordered_map>

#include <fcntl.h>

#include "base/fs.hpp"
#include "install/plan.hpp"
#include "install/tree.hpp"
#include "model/contained_path.hpp"
#include "model/manifest.hpp"

namespace pmx {
namespace {

bool same_tree(const Run& run, const TreeRecord& record, const std::string& linker) {
    const Settings& settings = run.settings;
    if (record.linker != linker || record.layout != layout_identity(settings, linker)) return false;
    if (linker != "isolated") return true;
    auto hoist = settings.flag("hoist") ? settings.list("hoist-pattern") : std::vector<std::string>();
    auto hoist_publicly = settings.flag("shamefully-hoist") ? std::vector<std::string>{"*"} : settings.list("public-hoist-pattern");
    std::string virtual_store = relative_path(join_path(run.root, settings.text("modules-dir")),
                                              join_path(run.root, settings.text("virtual-store-dir")));
    return record.hoist_pattern == hoist && record.public_hoist_pattern == hoist_publicly &&
           (record.virtual_store_dir == virtual_store) &&
           record.virtual_store_dir_max_length == settings.integer("virtual-store-dir-max-length");
}

// The disk against the plan. Every directory above a link is looked at once.
class Look {
  public:
    Look(const Run& run, const std::string& shared_root, Standing& standing) : run_(run), shared_root_(shared_root), standing_(standing) {}

    void look() {
        auto root = open_dir(AT_FDCWD, run_.root.c_str());
        if (!root) return;
        root_ = std::move(*root);
        places();
        links();
    }

  private:
    void places() {
        std::string marker;
        for (std::size_t i = 0; i < standing_.plan->places.size(); ++i) {
            const Place& place = standing_.plan->places[i];
            if (place.root != Root::project) continue;
            marker.assign(place.dir).append("/package.json");
            auto there = stat_at(root_.raw(), marker.c_str());
            standing_.whole[i] = there && *there && (*there)->is_file();
        }
    }

    void links() {
        std::string path;
        for (std::size_t i = 0; i < standing_.plan->symlinks.size(); ++i) {
            const Symlink& link = standing_.plan->symlinks[i];
            if (link.root != Root::project) continue;
            const std::size_t slash = link.path.rfind('/');
            if (slash != link.path.npos && !is_real(link.path.substr(0, slash))) continue;
            path.assign(link.path);
            auto text = read_link(root_.raw(), path.c_str());
            standing_.linked[i] = text && *text == link_text(link, run_.root, shared_root_);
        }
    }

    bool is_real(std::string_view dir) {
        if (auto known = real_.find(dir); known != real_.end()) return known->second;
        const std::size_t slash = dir.rfind('/');
        bool real = slash == dir.npos || is_real(dir.substr(0, slash));
        if (real) {
            auto there = stat_at(root_.raw(), std::string(dir).c_str());
            real = there && *there && (*there)->is_dir();
        }
        return real_.emplace(dir, real).first->second;
    }

    const Run& run_;
    const std::string& shared_root_;
    Standing& standing_;
    Fd root_;
    std::unordered_map<std::string_view, bool> real_;  // views into the plan
};

}  // namespace

ProjectNames project_names(const Inputs& inputs) {
    ProjectNames names;
    for (const ProjectFile& file : inputs.projects)
        if (is_safe_package_name(file.manifest.name)) names.emplace(file.dir, file.manifest.name);
    return names;
}

Standing look_at_tree(Run& run, const std::string& linker, const ProjectNames& names, const std::string& shared_root) {
    Standing standing;
    const std::string modules(run.settings.text("modules-dir"));
    standing.record = read_tree_record(run.root, modules);
    TreeRecord& record = standing.record;
    if (!record.exists || !same_tree(run, record, linker)) return standing;
    standing.current = read_current_lockfile(run.root, modules, run.settings.text("virtual-store-dir"));
    if (!standing.current) return standing;
    Lockfile& current = *standing.current;
    current.tree.reset();
    for (Project& old : current.graph.projects)
        if (auto name = names.find(old.dir); old.name.empty() && name != names.end()) old.name = current.graph.arena.copy(name->second);
    // pnpm's record lacks the groups that were not wanted, which may be others for each project.
    if (current.format == LockfileFormat::pnpm) record.included.prod = record.included.dev = true;
    auto marked = mark_skipped(run, current.graph, record.included, Tell::no);
    if (!marked) return standing;
    mark_built(run.settings, current.graph);
    auto made = make_plan(run, current.graph, linker);
    if (!made) return standing;
    standing.plan = std::move(*made);
    standing.whole.resize(standing.plan->places.size());
    standing.linked.resize(standing.plan->symlinks.size());
    Look(run, shared_root, standing).look();
    return standing;
}

EarlyLook::EarlyLook(Run& run, std::string linker, ProjectNames names, std::string shared_root)
    : run_(run), linker_(std::move(linker)), state_(state()) {
    if (!state_) return;
    thread_ = std::thread([this, names = std::move(names), shared_root = std::move(shared_root)] {
        standing_ = look_at_tree(run_, linker_, names, shared_root);
    });
}

EarlyLook::~EarlyLook() {
    if (thread_.joinable()) thread_.join();
}

std::optional<Standing> EarlyLook::take() {
    if (!thread_.joinable()) return std::nullopt;
    thread_.join();
    if (state() != state_) return std::nullopt;
    return std::move(standing_);
}

std::optional<Witness> EarlyLook::state() const {
    auto now = witness(state_file(join_path(run_.root, run_.settings.text("modules-dir"))), false);
    if (!now || !now->exists) return std::nullopt;
    return std::move(*now);
}

}  // namespace pmx
