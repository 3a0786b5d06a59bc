#include "install/tree.hpp"

#include <cerrno>

#include <sys/syscall.h>
#include <linux/openat2.h>
#include <unistd.h>

#include <fmt/format.h>

namespace pmx {
namespace {

// In a slot of the shared store: nothing is missing in it.
constexpr const char* kSeal = "/.whole";

// Opens a directory below `root` without following any symbolic link on the way.
Result<Fd> open_beneath(int root, const char* path) {
    count(Sys::open);
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
    long fd = ::syscall(SYS_openat2, root, path, &how, sizeof how);
    if (fd >= 0) return Fd(static_cast<int>(fd));
    if (errno == ENOSYS || errno == EPERM) return open_dir_nofollow(root, path);
    if (errno == ELOOP || errno == EXDEV)
        return fail(Code::UNSAFE_PATH, "a symbolic link stands where a directory must be", path,
                    "remove node_modules and run pmx again");
    return fail_errno(errno, "cannot open the directory", path);
}

}  // namespace

Result<Tree> Tree::open(Run& run, const std::string& shared_root) {
    Tree tree(run);
    tree.project_path_ = run.root;
    tree.modules_ = run.settings.text("modules-dir");
    PMX_TRY(tree.project_, open_dir(AT_FDCWD, run.root.c_str()));
    PMX_TRY(FileStat info, stat_fd(tree.project_.raw()));
    tree.project_device_ = info.device;
    tree.trash_ = fmt::format(".pmx-trash-{}", ::getpid());
    if (!shared_root.empty()) {
        tree.shared_path_ = shared_root;
        PMX_CHECK(make_dirs(AT_FDCWD, shared_root));
        PMX_TRY(tree.shared_, open_dir(AT_FDCWD, shared_root.c_str()));
        PMX_TRY(FileStat shared, stat_fd(tree.shared_.raw()));
        tree.shared_device_ = shared.device;
    }
    return tree;
}

std::string Tree::actual(Root root, std::string_view path) const {
    if (root == Root::shared) {
        std::size_t end = path.find("/node_modules/");
        if (end == std::string_view::npos && path.ends_with("/node_modules")) end = path.size() - 13;
        if (end != std::string_view::npos) {
            std::lock_guard lock(*mutex_);
            auto found = staging_.find(std::string(path.substr(0, end)));
            if (found != staging_.end()) return found->second + std::string(path.substr(end));
        }
    }
    return std::string(path);
}

Result<> Tree::ensure_dir(Root root, std::string_view path) {
    auto& known = known_[static_cast<unsigned>(root)];
    std::string where = actual(root, path);
    if (where.empty() || where == "." || known.contains(where)) return {};
    std::string parent = parent_path(where);
    if (!parent.empty() && !known.contains(parent)) PMX_CHECK(ensure_dir(root, parent));
    int base = fd(root);
    count(Sys::mkdir);
    bool fresh = ::mkdirat(base, where.c_str(), 0777) == 0;
    if (fresh) {
        ++run_->metrics.dirs_made;
    } else if (errno == EEXIST) {
        PMX_TRY(std::optional<FileStat> there, stat_at(base, where.c_str()));
        if (there && there->is_symlink() && where == modules_)
            return fail(Code::UNSAFE_PATH, "the modules directory is a symbolic link", join_path(this->path(root), where),
                        "remove the link; pmx writes only into a real node_modules");
        // Project directories above node_modules may be links of the user's own; below node_modules nothing may.
        bool ours = root == Root::shared || where.starts_with(modules_) || where.find("/node_modules") != std::string::npos;
        if (there && !there->is_dir() && ours) {
            PMX_CHECK(make_room(base, where));
            PMX_CHECK(make_dir(base, where.c_str()));
        }
    } else {
        return fail_errno(errno, "cannot make the directory", join_path(this->path(root), where));
    }
    known.emplace(std::move(where), fresh);
    return {};
}

bool Tree::is_new(Root root, std::string_view path) const {
    auto found = known_[static_cast<unsigned>(root)].find(actual(root, path));
    return found != known_[static_cast<unsigned>(root)].end() && found->second;
}

// A symbolic link in the way is removed; anything else is kept under another name.
Result<> Tree::make_room(int base, const std::string& path) const {
    PMX_TRY(std::optional<FileStat> there, stat_at(base, path.c_str()));
    if (!there) return {};
    if (there->is_symlink()) return remove_file(base, path.c_str());
    std::string parent = parent_path(path);
    std::string aside = join_path(parent, ".ignored_" + std::string(base_name(path)));
    PMX_CHECK(remove_tree(base, aside.c_str()));
    run_->events.warning(fmt::format("{} was in the way and is now {}", path, aside));
    return rename_at(base, path.c_str(), base, aside.c_str());
}

std::string link_text(const Symlink& link, const std::string& project, const std::string& shared) {
    if (link.root == link.target_root) return relative_path(parent_path(link.path), link.target);
    return join_path(link.target_root == Root::project ? project : shared, link.target);
}

Result<> Tree::ensure_symlink(const Symlink& link) {
    PMX_CHECK(ensure_parent(link));
    return put_symlink(link);
}

Result<> Tree::ensure_parent(const Symlink& link) {
    std::string parent = parent_path(actual(link.root, link.path));
    return parent.empty() ? Result<>() : ensure_dir(link.root, parent);
}

Result<> Tree::put_symlink(const Symlink& link) const {
    std::string where = actual(link.root, link.path);
    std::string text = link_text(link, project_path_, shared_path_);
    int base = fd(link.root);
    for (int attempt = 0;; ++attempt) {
        auto made = make_symlink(base, where.c_str(), text.c_str());
        if (made) {
            ++run_->metrics.symlinks_made;
            return {};
        }
        if (made.error().sys != EEXIST || attempt == 2) return made;
        auto old = read_link(base, where.c_str());
        if (old && *old == text) return {};
        PMX_CHECK(make_room(base, where));
    }
}

Result<Fd> Tree::open_place(Root root, std::string_view path) const {
    return open_beneath(fd(root), actual(root, path).c_str());
}

Result<bool> Tree::begin_slot(std::string_view slot) {
    std::string name(slot);
    PMX_TRY(std::optional<FileStat> seal, stat_at(shared_.raw(), (name + kSeal).c_str()));
    if (seal) return false;
    PMX_CHECK(ensure_dir(Root::shared, parent_path(name)));
    std::string staging = fmt::format(".staging/{}-{}", ::getpid(), serial_++);
    PMX_CHECK(ensure_dir(Root::shared, ".staging"));
    PMX_CHECK(make_dir(shared_.raw(), staging.c_str()));
    known_[1].emplace(staging, true);
    std::lock_guard lock(*mutex_);
    staging_.emplace(std::move(name), std::move(staging));
    return true;
}

Result<> Tree::publish(std::string_view slot) {
    std::string name(slot), staging;
    {
        std::lock_guard lock(*mutex_);
        staging = staging_.at(name);
        staging_.erase(name);
    }
    auto moved = rename_at(shared_.raw(), staging.c_str(), shared_.raw(), name.c_str());
    if (!moved && moved.error().sys != ENOTEMPTY && moved.error().sys != EEXIST) return moved;
    if (!moved) {
        // Another run was first. A slot that it sealed is whole; one that it did not may have been left by its death.
        PMX_TRY(std::optional<FileStat> seal, stat_at(shared_.raw(), (name + kSeal).c_str()));
        if (!seal) PMX_CHECK(exchange_at(shared_.raw(), staging.c_str(), shared_.raw(), name.c_str()));
        PMX_CHECK(remove_tree(shared_.raw(), staging.c_str()));
    }
    std::lock_guard lock(*mutex_);
    published_.push_back(std::move(name));
    return {};
}

Result<> Tree::seal_slots() {
    for (const std::string& slot : published_) {
        count(Sys::open);
        Fd seal(::openat(shared_.raw(), (slot + kSeal).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
        if (!seal) return fail_errno(errno, "cannot seal the slot", join_path(shared_path_, slot));
    }
    published_.clear();
    return {};
}

Result<> Tree::remove_later(Root root, std::string_view path) {
    std::lock_guard lock(*mutex_);
    int base = fd(root);
    std::string trash = root == Root::project ? modules_ + "/" + trash_ : trash_;
    if (!trash_made_[static_cast<unsigned>(root)]) {
        if (root == Root::project) PMX_CHECK(make_dir(base, modules_.c_str()));
        PMX_CHECK(make_dir(base, trash.c_str()));
        trash_made_[static_cast<unsigned>(root)] = true;
    }
    std::string to = fmt::format("{}/{}", trash, serial_++);
    auto moved = rename_at(base, std::string(path).c_str(), base, to.c_str());
    if (!moved && moved.error().sys != ENOENT && moved.error().sys != ENOTDIR) return moved;
    if (moved) ++run_->metrics.removed;
    return {};
}

Result<> Tree::remove_old_trash() {
    auto modules = open_dir_nofollow(project_.raw(), modules_.c_str());
    if (!modules) return {};
    PMX_TRY(std::vector<DirEntry> entries, list_dir(modules->raw()));
    for (const DirEntry& entry : entries)
        if (entry.name.starts_with(".pmx-trash-")) PMX_CHECK(remove_tree(modules->raw(), entry.name.c_str()));
    return {};
}

Result<> Tree::empty_trash() {
    for (Root root : {Root::project, Root::shared}) {
        if (!trash_made_[static_cast<unsigned>(root)]) continue;
        std::string trash = root == Root::project ? modules_ + "/" + trash_ : trash_;
        PMX_CHECK(remove_tree(fd(root), trash.c_str()));
    }
    return {};
}

void Tree::remove_empty_parents(Root root, std::string_view path) {
    for (std::string parent = parent_path(path); !parent.empty() && parent != "." && parent != modules_ && base_name(parent) != "node_modules";
         parent = parent_path(parent)) {
        count(Sys::unlink);
        if (::unlinkat(fd(root), parent.c_str(), AT_REMOVEDIR) != 0) return;
    }
}

}  // namespace pmx
