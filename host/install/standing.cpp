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
    Look(const Run& run, const std::string& shared_root, Standing& standing)
        : run_(run), shared_root_(shared_root), standing_(standing), store_(standing.plan->virtual_store_dir) {}

    void look() {
        auto root = open_dir(AT_FDCWD, run_.root.c_str());
        if (!root) return;
        root_ = std::move(*root);
        // Nearly everything is in the virtual store: from there the way is shorter.
        if (auto store = store_.empty() ? Result<Fd>(Fd()) : open_dir_nofollow(root_.raw(), std::string(store_).c_str())) store_fd_ = std::move(*store);
        real_.reserve(2 * standing_.plan->places.size());
        places();
        links();
    }

  private:
    struct Where {
        int base;
        const char* name;
    };
    Where where(std::string_view path, std::string_view more = {}) {
        path_.assign(path).append(more);
        const bool inside = store_fd_ && path.size() > store_.size() && path.starts_with(store_) && path[store_.size()] == '/';
        return inside ? Where{store_fd_.raw(), path_.c_str() + store_.size() + 1} : Where{root_.raw(), path_.c_str()};
    }

    void places() {
        for (std::size_t i = 0; i < standing_.plan->places.size(); ++i) {
            const Place& place = standing_.plan->places[i];
            if (place.root != Root::project) continue;
            const Where marker = where(place.dir, "/package.json");
            auto there = stat_at(marker.base, marker.name);
            standing_.whole[i] = there && *there && (*there)->is_file();
        }
    }

    void links() {
        for (std::size_t i = 0; i < standing_.plan->symlinks.size(); ++i) {
            const Symlink& link = standing_.plan->symlinks[i];
            if (link.root != Root::project) continue;
            const std::size_t slash = link.path.rfind('/');
            if (slash != link.path.npos && !is_real(link.path.substr(0, slash))) continue;
            const Where at = where(link.path);
            auto text = read_link(at.base, at.name);
            standing_.linked[i] = text && holds(link, *text);
        }
    }

    // Does the link hold what link_text() says? Without making that text where both ends are plain paths.
    bool holds(const Symlink& link, std::string_view text) const {
        if (link.root != link.target_root || link.to_project) return text == link_text(link, run_.root, shared_root_);
        std::string_view from = link.path, to = link.target;
        for (std::size_t slash; (slash = from.find('/')) != from.npos && to.size() > slash && to.substr(0, slash + 1) == from.substr(0, slash + 1);) {
            from.remove_prefix(slash + 1);
            to.remove_prefix(slash + 1);
        }
        for (std::size_t slash; (slash = from.find('/')) != from.npos; from.remove_prefix(slash + 1)) {
            if (from.substr(0, slash) == to) return text == link_text(link, run_.root, shared_root_);  // to a directory above it
            if (!text.starts_with("../")) return false;
            text.remove_prefix(3);
        }
        return text == to;
    }

    bool is_real(std::string_view dir) {
        if (auto known = real_.find(dir); known != real_.end()) return known->second;
        const std::size_t slash = dir.rfind('/');
        bool real = slash == dir.npos || is_real(dir.substr(0, slash));
        if (real) {
            const Where at = where(dir);
            auto there = stat_at(at.base, at.name);
            real = there && *there && (*there)->is_dir();
        }
        return real_.emplace(dir, real).first->second;
    }

    const Run& run_;
    const std::string& shared_root_;
    Standing& standing_;
    const std::string_view store_;
    Fd root_, store_fd_;
    std::string path_;
    std::unordered_map<std::string_view, bool> real_;  // views into the plan
};

// A graph with texts of its own. What lies in `text`, nearly all of it, is moved along with it and not copied piece by piece.
Graph copy_graph(const Graph& from, std::string_view text) {
    Graph to;
    to.packages = from.packages;
    to.edges = from.edges;
    to.projects = from.projects;
    to.locations = from.locations;
    to.strings = from.strings;
    const std::string_view own = to.arena.adopt(std::string(text));
    auto move = [&](std::string_view& view) {
        const auto at = reinterpret_cast<std::uintptr_t>(view.data()), begin = reinterpret_cast<std::uintptr_t>(text.data());
        if (view.empty()) view = {};
        else if (at >= begin && at + view.size() <= begin + text.size()) view = own.substr(at - begin, view.size());
        else view = to.arena.copy(view);
    };
    for (Package& p : to.packages)
        for (std::string_view* view : {&p.id, &p.name, &p.version, &p.resolution.integrity, &p.resolution.tarball, &p.resolution.directory, &p.resolution.repo,
                                       &p.resolution.commit, &p.resolution.path, &p.engines_node, &p.patch_hash, &p.deprecated})
            move(*view);
    for (Edge& edge : to.edges) move(edge.alias), move(edge.link);
    for (Project& project : to.projects) move(project.dir), move(project.name);
    for (Location& location : to.locations) move(location.path), move(location.link);
    for (std::string_view& view : to.strings) move(view);
    return to;
}

std::string record_path(const Settings& settings) {
    return join_path(join_path(settings.root, settings.text("virtual-store-dir")), "lock.yaml");
}

// The record of what is installed. Where it says what the project's lockfile says, that was read already.
std::optional<Lockfile> current_lockfile(Run& run, TreeFacts& facts) {
    if (!facts.document.empty()) {
        auto text = read_file_if_exists(AT_FDCWD, record_path(run.settings).c_str());
        if (text && *text && **text == facts.document) {
            Lockfile current;
            current.format = LockfileFormat::pnpm;
            current.graph = std::move(facts.graph);
            return current;
        }
    }
    auto current = read_current_lockfile(run.root, run.settings.text("modules-dir"), run.settings.text("virtual-store-dir"));
    if (current) current->tree.reset();
    return current;
}

}  // namespace

TreeFacts tree_facts(const Settings& settings, const Inputs& inputs, std::string shared_root) {
    TreeFacts facts{{}, std::move(shared_root), {}, {}};
    const Lockfile& lockfile = inputs.lockfile;
    // A filtered install and one without links in its lockfile have graphs that say other things than their texts.
    const auto no_links = lockfile.settings.find("excludeLinksFromLockfile");
    if (inputs.has_lockfile && lockfile.format == LockfileFormat::pnpm && !inputs.mended && inputs.chosen.empty() &&
        (no_links == lockfile.settings.end() || no_links->second != "true"))
        if (auto record = stat_at(AT_FDCWD, record_path(settings).c_str()); record && *record && (*record)->size == lockfile.document.size()) {
            facts.document = lockfile.document;
            facts.graph = copy_graph(lockfile.graph, lockfile.text);
        }
    for (const ProjectFile& file : inputs.projects)
        if (is_safe_package_name(file.manifest.name)) facts.names.emplace(file.dir, file.manifest.name);
    return facts;
}

Standing look_at_tree(Run& run, const std::string& linker, const std::function<std::optional<TreeFacts>()>& facts) {
    Standing standing;
    const std::string modules(run.settings.text("modules-dir"));
    standing.record = read_tree_record(run.root, modules);
    TreeRecord& record = standing.record;
    if (!record.exists || !same_tree(run, record, linker)) return standing;
    std::optional<TreeFacts> known = facts();
    if (!known) return standing;
    standing.current = current_lockfile(run, *known);
    if (!standing.current) return standing;
    Lockfile& current = *standing.current;
    for (Project& old : current.graph.projects)
        if (auto name = known->names.find(old.dir); old.name.empty() && name != known->names.end()) old.name = current.graph.arena.copy(name->second);
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
    Look(run, known->shared_root, standing).look();
    return standing;
}

EarlyLook::EarlyLook(Run& run, std::string linker) : run_(run), linker_(std::move(linker)), state_(state()) {
    if (!state_) return;
    thread_ = std::thread([this] { standing_ = look_at_tree(run_, linker_, [this] { return facts_.get_future().get(); }); });
}

EarlyLook::~EarlyLook() {
    if (!told_) facts_.set_value(std::nullopt);
    if (thread_.joinable()) thread_.join();
}

void EarlyLook::tell(TreeFacts facts) {
    told_ = true;
    facts_.set_value(std::move(facts));
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
