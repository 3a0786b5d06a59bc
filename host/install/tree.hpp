// Tree: the one hand that makes and removes things in node_modules (and in the shared virtual store): directories
// exactly once each, symbolic links, and moving aside what stands in the way. It never follows a symbolic link below
// its roots and never deletes what it did not make: a foreign file is moved to .ignored_<name>. Used by one thread,
// except open_place(), put_symlink(), publish() and remove_later(), which are [worker].
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/fs.hpp"
#include "install/run.hpp"
#include "model/plan.hpp"

namespace pmx {

// What a link must hold: a path relative to its directory, or an absolute one where the roots differ.
std::string link_text(const Symlink& link, const std::string& project, const std::string& shared);

class Tree {
  public:
    // `shared_root` is only opened when a plan uses Root::shared.
    static Result<Tree> open(Run& run, const std::string& shared_root);
    Tree(Tree&&) = default;

    // The directory exists afterwards, with every one above it, and each is a real directory.
    Result<> ensure_dir(Root root, std::string_view path);
    // This run made the directory: nothing stands in it that somebody else put there before.
    bool is_new(Root root, std::string_view path) const;
    // A link from `path` to `target`, in two steps: first its directory, then the link itself. An equal one is kept.
    // Anything else at `path` makes room.
    Result<> ensure_parent(const Symlink& link);
    Result<> put_symlink(const Symlink& link) const;  // [worker]
    Result<> ensure_symlink(const Symlink& link);
    // The directory of a place, for an importer. [worker]
    Result<Fd> open_place(Root root, std::string_view path) const;

    // Slots of the shared root appear at once: between begin_slot() and publish() every path below `slot` is made in a
    // staging directory. False: the slot is there already, and sealed: a run that was killed between publish() and
    // seal_slots() leaves one without executables, which is made again.
    Result<bool> begin_slot(std::string_view slot);
    Result<> publish(std::string_view slot);
    // Says of every slot that this run published that nothing is missing any more, its executables included.
    Result<> seal_slots();

    // Renames it into the trash of this run; the contents are deleted by empty_trash(). Absent is fine. [worker]
    Result<> remove_later(Root root, std::string_view path);
    Result<> empty_trash();
    // What killed runs left there; only while no other run works on this tree.
    Result<> remove_old_trash();
    // Removes directories that became empty: the parents of `path`, up to node_modules.
    void remove_empty_parents(Root root, std::string_view path);

    int fd(Root root) const { return root == Root::project ? project_.raw() : shared_.raw(); }
    std::uint64_t device(Root root) const { return root == Root::project ? project_device_ : shared_device_; }
    const std::string& path(Root root) const { return root == Root::project ? project_path_ : shared_path_; }
    // Where `path` stands now: itself, or below the staging directory of its slot.
    std::string actual(Root root, std::string_view path) const;

  private:
    explicit Tree(Run& run) : run_(&run) {}
    Result<> make_room(int root, const std::string& path) const;

    Run* run_;
    Fd project_, shared_;
    std::string project_path_, shared_path_;
    std::uint64_t project_device_ = 0, shared_device_ = 0;
    std::unordered_map<std::string, bool> known_[2];  // directory → this run made it
    std::unordered_map<std::string, std::string> staging_;  // slot → staging directory
    std::vector<std::string> published_;
    std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
    std::string modules_;  // the modules directory, relative to the project root
    std::string trash_;
    unsigned serial_ = 0;
    bool trash_made_[2] = {false, false};
};

}  // namespace pmx
