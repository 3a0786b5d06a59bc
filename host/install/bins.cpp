#include "install/bins.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <set>
#include <tuple>
#include <unordered_set>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "install/shim.hpp"
#include "model/contained_path.hpp"
#include "model/manifest.hpp"

namespace pmx {
namespace {

// .bin directories: fewer are written before a thread has begun.
constexpr std::size_t kWorthAThread = 8;

using Bins = std::vector<std::pair<std::string, std::string>>;  // (name, path in the package)

// One executable that wants to stand in a .bin directory.
struct Candidate {
    std::string name;
    std::string target;  // relative to the root of the .bin directory, or absolute when it lies below another root
    std::string package;
    std::string order;  // among equals
    std::uint8_t tier;
    bool owns_name;
    auto rank() const { return std::tuple(tier, !owns_name, std::string_view(order)); }
};

// In npm's trees the package whose path comes first in its collation wins, whoever asks for it.
std::string npm_order(std::string_view path) {
    constexpr std::string_view order = "_-.@/~";
    std::string key;
    for (char c : path) {
        std::size_t at = order.find(c);
        key += at != std::string_view::npos ? static_cast<char>(at + 1) : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return key;
}

bool owns(std::string_view package, std::string_view bin) {
    if (base_name(package) == bin) return true;
    return (package == "npm" && bin == "npx") || ((package == "pnpm" || package == "@pnpm/exe") && (bin == "pnpx" || bin == "pnpm"));
}

// Paths of the files below `directory` of a package, for directories.bin.
void list_files(int root, const std::string& package, const std::string& directory, std::vector<std::string>& out) {
    if (!is_contained_path(directory) || out.size() > 10'000) return;
    auto fd = open_dir_nofollow(root, (package + "/" + directory).c_str());
    if (!fd) return;
    auto entries = list_dir(fd->raw());
    if (!entries) return;
    for (const DirEntry& entry : *entries) {
        if (entry.type == DT_DIR) list_files(root, package, directory + "/" + entry.name, out);
        if (entry.type == DT_REG) out.push_back(directory + "/" + entry.name);
    }
}

// A package that was kept: its manifest stands in the tree.
Bins bins_on_disk(int root, const std::string& dir) {
    Bins bins;
    auto text = read_file_if_exists(root, (dir + "/package.json").c_str(), 64u << 20);
    if (!text || !*text) return bins;
    auto manifest = parse_manifest(**text, dir);
    if (!manifest) return bins;
    std::vector<std::string> names;
    if (has_bin_directory(*manifest)) list_files(root, dir, join_path("", manifest->directories_bin), names);
    std::vector<std::string_view> files(names.begin(), names.end());
    for (const Bin& bin : bins_of(*manifest, files)) bins.emplace_back(bin.name, bin.path);
    return bins;
}

// What stands at the other end of an executable. Read once by a worker: a program is wanted in many .bin directories.
struct Program {
    enum { missing, directory, file } kind = missing;
    bool executable = true;
    Interpreter interpreter;
};

class Programs {
  public:
    // A tree of shims starts every program with its interpreter, whatever its mode.
    Programs(const Tree& tree, bool modes) : tree_(tree), modes_(modes) {}

    const Program& at(Root root, const std::string& path) {
        auto [found, fresh] = known_.try_emplace({root, path});
        if (fresh) read(tree_.fd(root), path, found->second);
        return found->second;
    }

  private:
    void read(int base, const std::string& path, Program& program) const {
        auto file = open_read_if_exists(base, path.c_str());
        if (!file || !*file) return;
        if (modes_) {
            auto info = stat_fd((*file)->raw());
            program.executable = info && (info->mode & 0111);
        }
        char first[512];
        count(Sys::read);
        ssize_t length = ::read((*file)->raw(), first, sizeof first);
        program.kind = length < 0 ? Program::directory : Program::file;
        std::string_view bytes(first, length > 0 ? static_cast<std::size_t>(length) : 0), line = bytes.substr(0, bytes.find('\n'));
        if (line.starts_with("#!") && line.ends_with('\r')) program.executable = false;  // the kernel would look for "node\r"
        program.interpreter = interpreter_of(bytes, path);
    }

    const Tree& tree_;
    const bool modes_;
    std::map<std::pair<Root, std::string>, Program> known_;
};

class BinDirectory {
  public:
    BinDirectory(Run& run, Tree& tree, const Plan& plan, bool as_npm, Root root, std::string dir)
        : run_(run), tree_(tree), plan_(plan), as_npm_(as_npm), root_(root), dir_(std::move(dir)) {}

    void add(Candidate candidate) {
        auto [found, fresh] = winners_.try_emplace(candidate.name, candidate);
        if (!fresh && candidate.rank() < found->second.rank()) found->second = std::move(candidate);
    }

    Result<> make() {
        if (!winners_.empty()) PMX_CHECK(tree_.ensure_dir(root_, dir_));
        is_new_ = tree_.is_new(root_, dir_);
        return {};
    }
    // Once it is made. [worker]
    Result<> write(Programs& programs) const {
        StageTimer timer(run_.metrics, Stage::bins, dir_);
        for (const auto& [name, winner] : winners_) PMX_CHECK(write_one(programs, name, winner));
        return is_new_ ? Result<>() : remove_stale();
    }

  private:
    Result<> write_one(Programs& programs, const std::string& name, const Candidate& winner) const {
        int base = tree_.fd(root_);
        const Program& program = programs.at(root_, winner.target);
        if (program.kind == Program::missing) {
            // A project's own .bin may promise what a later build makes; elsewhere nobody would come to make it.
            run_.events.warning(fmt::format("{} says it brings the program \"{}\", but {} is not there", winner.package, name, winner.target));
            if (as_npm_ || !is_projects_own()) return {};
        }
        if (program.kind == Program::directory) return {};
        std::string target = seen_from_here(winner.target);
        std::string path = dir_ + "/" + name;
        // A link to what cannot be executed would be useless, and its mode is not ours to change: a shim starts it.
        if (plan_.bins_are_symlinks && program.executable) {
            if (!is_new_) {
                if (auto old = read_link(base, path.c_str()); old && *old == target) return {};
                PMX_CHECK(remove_file(base, path.c_str()));
            }
            ++run_.metrics.bins_made;
            return make_symlink(base, path.c_str(), target.c_str());
        }
        std::vector<std::string> node_path;
        if (plan_.bins_set_node_path) node_path = node_path_of(winner.target);
        std::string text = shim_text(target, program.kind == Program::file ? program.interpreter : interpreter_of({}, winner.target), node_path);
        return write_shim(base, path, text);
    }

    bool is_projects_own() const { return root_ == Root::project && dir_.find("node_modules/") == dir_.rfind("node_modules/"); }
    std::string seen_from_here(const std::string& path) const { return path.starts_with("/") ? path : relative_path(dir_, path); }

    // <package>/node_modules, the node_modules it stands in, the one with everything hoisted.
    std::vector<std::string> node_path_of(const std::string& target) const {
        std::vector<std::string> path;
        std::size_t modules = target.rfind("/node_modules/");
        if (modules == std::string::npos) return path;
        std::size_t name = modules + 14;
        std::size_t end = target.find('/', target[name] == '@' ? target.find('/', name) + 1 : name);
        path.push_back(seen_from_here(target.substr(0, end) + "/node_modules"));
        path.push_back(seen_from_here(target.substr(0, modules + 13)));
        if (!plan_.node_path_tail.empty() && root_ == Root::project) path.push_back(relative_path(dir_, plan_.node_path_tail));
        return path;
    }

    Result<> write_shim(int base, const std::string& path, const std::string& text) const {
        for (int attempt = 0; attempt < 2; ++attempt) {
            count(Sys::open);
            Fd out(::openat(base, path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0777));
            if (out) {
                count(Sys::write);
                ssize_t n = ::write(out.raw(), text.data(), text.size());
                if (n == static_cast<ssize_t>(text.size())) {
                    ++run_.metrics.bins_made;
                    return {};
                }
                int error = n < 0 ? errno : ENOSPC;
                ::unlinkat(base, path.c_str(), 0);
                return fail_errno(error, "cannot write the executable", path);
            }
            if (errno != EEXIST) return fail_errno(errno, "cannot make the executable", path);
            auto info = stat_at(base, path.c_str());
            if (info && *info && (*info)->is_file() && (*info)->size == text.size()) {
                auto old = read_file(base, path.c_str());
                if (old && *old == text) return {};
            }
            PMX_CHECK(remove_file(base, path.c_str()));
        }
        return fail(Code::IO, "somebody else writes here at the same time", path, "run pmx install again");
    }

    // What a package manager put here and nobody brings any more.
    Result<> remove_stale() const {
        auto fd = open_dir_nofollow(tree_.fd(root_), dir_.c_str());
        if (!fd) return {};
        PMX_TRY(std::vector<DirEntry> entries, list_dir(fd->raw()));
        for (const DirEntry& entry : entries) {
            if (winners_.contains(entry.name)) continue;
            bool ours = entry.type == DT_LNK;
            if (entry.type == DT_REG) {
                auto text = read_file(fd->raw(), entry.name.c_str(), 64 * 1024);
                ours = text && text->find("cmd-shim-target=") != std::string::npos;
            }
            if (ours) PMX_CHECK(remove_file(fd->raw(), entry.name.c_str()));
        }
        return {};
    }

    Run& run_;
    Tree& tree_;
    const Plan& plan_;
    bool is_new_ = false;
    const bool as_npm_;  // a tree from npm's lockfile, laid out as npm does
    const Root root_;
    const std::string dir_;
    std::map<std::string, Candidate> winners_;
};

// The directories are independent of each other: as many workers as link packages write them.
Result<> write_all(Run& run, const std::vector<BinDirectory>& directories, const Tree& tree, bool modes) {
    std::atomic<std::size_t> next{0};
    auto work = [&]() -> Result<> {
        Programs programs(tree, modes);
        for (std::size_t i; (i = next++) < directories.size();) {
            if (run.cancel.is_set()) return fail(Code::CANCELLED, "interrupted", run.root, "run pmx install again to go on");
            PMX_CHECK(directories[i].write(programs));
        }
        return {};
    };
    std::vector<std::future<Result<>>> others;
    const std::size_t workers = std::min(cap(run.settings, "link-concurrency"), directories.size() / kWorthAThread);
    for (std::size_t i = 1; i < workers; ++i) others.push_back(std::async(std::launch::async, work));
    Result<> done = work();
    if (!done) next = directories.size();
    for (auto& other : others)
        if (Result<> also = other.get(); done) done = std::move(also);
    return done;
}

// A request as a comparable value: by what it asks, not by number.
std::string request_key(const Plan& plan, const BinRequest& request) {
    return fmt::format("{}|{}|{}|{}", request.dir, request.place == kNoPlace ? std::string_view() : plan.places[request.place].dir,
                       request.project, request.tier);
}

}  // namespace

Result<> link_bins(Run& run, const Graph& graph, const Plan& plan, const Plan& old_plan, const std::vector<bool>& keep, Tree& tree,
                   std::vector<PackageFacts>& facts) {
    struct Wanted {
        std::vector<const BinRequest*> requests;
        std::vector<std::uint32_t> bundles;  // places whose archive carries packages with executables of their own
    };
    std::map<std::pair<Root, std::string>, Wanted> by_dir;
    for (const BinRequest& request : plan.bins) by_dir[{request.root, std::string(request.dir)}].requests.push_back(&request);
    for (std::uint32_t i = 0; i < plan.places.size(); ++i)
        if (const Place& place = plan.places[i]; !keep[i] && !facts[place.package].bundled.empty())
            by_dir[{place.root, std::string(place.dir) + "/node_modules/.bin"}].bundles.push_back(i);
    // A slot of the shared store that stood is whole, its executables included; one that is new needs them all.
    std::set<std::string> standing;
    for (std::uint32_t i = 0; i < plan.places.size(); ++i)
        if (keep[i] && plan.places[i].root == Root::shared) standing.insert(std::string(plan.places[i].dir) + "/node_modules/.bin");
    std::map<std::pair<Root, std::string>, std::set<std::string>> before;
    for (const BinRequest& request : old_plan.bins)
        before[{request.root, std::string(request.dir)}].insert(request_key(old_plan, request));

    const bool as_npm = !graph.locations.empty() && plan.bins_are_symlinks;
    std::vector<BinDirectory> directories;
    for (const auto& [where, wanted] : by_dir) {
        auto old = before.find(where);
        bool shared = where.first == Root::shared;
        bool unchanged = wanted.bundles.empty() &&
                         (shared ? standing.contains(where.second) : old != before.end() && old->second.size() == wanted.requests.size());
        for (const BinRequest* request : wanted.requests) {
            if (!unchanged || shared) break;
            unchanged = (request->place == kNoPlace || keep[request->place]) && old->second.contains(request_key(plan, *request));
        }
        if (unchanged) continue;
        if (run.cancel.is_set()) return fail(Code::CANCELLED, "interrupted", run.root, "run pmx install again to go on");
        BinDirectory& directory = directories.emplace_back(run, tree, plan, as_npm, where.first, where.second);
        auto add = [&](const Bins& bins, Root root, const std::string& dir, const std::string& package, std::uint8_t tier) {
            std::string base = root == where.first ? dir : join_path(tree.path(root), dir);
            for (const auto& [bin, path] : bins) {
                if (!is_contained_path(bin) || bin.find('/') != std::string::npos || !is_contained_path(path)) continue;
                if (as_npm) directory.add({bin, join_path(base, path), package, npm_order(dir), 0, false});
                else directory.add({bin, join_path(base, path), package, package, tier, owns(package, bin)});
            }
        };
        for (const BinRequest* request : wanted.requests) {
            if (request->place == kNoPlace) {
                std::string dir(request->project);
                auto project = std::find_if(graph.projects.begin(), graph.projects.end(), [&](const Project& p) { return p.dir == dir; });
                std::string name(project == graph.projects.end() ? request->alias : project->name);
                add(bins_on_disk(tree.fd(Root::project), dir), Root::project, dir, name, request->tier);
                continue;
            }
            const Place& place = plan.places[request->place];
            PackageFacts& known = facts[place.package];
            std::string dir(place.dir);
            if (!known.known) {
                known.bins = bins_on_disk(tree.fd(place.root), dir);
                known.known = true;
            }
            add(known.bins, place.root, dir, std::string(graph.packages[place.package].name), request->tier);
        }
        for (std::uint32_t number : wanted.bundles) {
            const Place& place = plan.places[number];
            for (const std::string& name : facts[place.package].bundled) {
                if (!is_safe_package_name(name)) continue;
                std::string dir = std::string(place.dir) + "/node_modules/" + name;
                add(bins_on_disk(tree.fd(place.root), dir), place.root, dir, name, 0);
            }
        }
        PMX_CHECK(directory.make());
    }
    return write_all(run, directories, tree, plan.bins_are_symlinks);
}

}  // namespace pmx
