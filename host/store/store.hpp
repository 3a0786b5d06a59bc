// The store: one object per archive, keyed by its integrity (docs/STORE.md says why). An object is a directory
//
//     objects/<2 hex>/<key>/0 1 2 …   the package's files, flat, under their ordinal
//     objects/<2 hex>/<key>/index     what they are (index.hpp); written last, and the directory appears by rename
//
// so an object that can be opened is whole. Readers take no lock. A run holds the store's lock shared; prune takes it
// exclusively. All functions [any thread]; several processes may use one store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.hpp"
#include "base/result.hpp"

namespace pmx {

// One file of an object. Views into the ObjectView that it came from; `source` and `path` are NUL-terminated.
struct ObjectFile {
    std::string_view source;  // name in the object's directory ("17"), or a path for a directory dependency
    std::string_view path;    // in the package, '/'-separated, contained
    std::uint64_t size, inode;
    std::int64_t mtime_ns;
    std::uint32_t mode;       // permission bits
    std::uint64_t checksum = 0;  // XXH3-64 of the content as unpacked: finds damage, proves nothing against malice
};

struct ObjectBin {
    std::string_view name, path;  // safe name; contained path inside the package
};

// What of package.json the install needs afterwards, parsed once at unpack and kept in the index.
struct ObjectManifest {
    std::string_view name, version;
    std::vector<ObjectBin> bins;
    bool has_install_script = false;  // preinstall, install, postinstall or binding.gyp
    std::vector<std::string_view> bundled;  // bundledDependencies
};

// A stored object (or a directory dependency dressed as one), open for reading. The last file of `files` is the
// marker: link it last (package.json, or the last path when there is none).
class ObjectView {
  public:
    Fd dir;
    std::uint64_t device = 0;
    std::string_view id;  // as given to unpack
    std::vector<ObjectFile> files;
    std::vector<std::string_view> dirs;  // every directory below the package's root, parents first; NUL-terminated
    ObjectManifest manifest;
    std::string_view digests;            // 32 bytes (SHA-256) a file, or empty
    std::string storage;                 // what the views point into
    bool is_from_pack = false;           // whose word may be out of date
};

struct UnpackLimits {
    std::uint64_t archive_bytes = 4ull << 30;
    std::uint64_t unpacked_bytes = 8ull << 30;
    std::uint64_t ratio = 250;         // a bomb: more than this many bytes out per byte in (beyond 64 MB)
    std::uint32_t entries = 1'000'000;
};

class ArchiveSource;

class Pack;
class PackWriter;

class Store {
  public:
    // Opens (and with `create` makes) <dir>/v1. A read-only store opens too; writing to it fails with PMX_E_STORE.
    static Result<Store> open(std::string dir, bool create);

    // The key of an object: from the strongest hash of an SRI text, or from a URL, or from repo and commit. `subdir` is
    // unpack's: the same archive seen from another root is another object.
    static Result<std::string> key_of_integrity(std::string_view sri, std::string_view subdir = {});
    static std::string key_of_url(std::string_view url, std::string_view subdir = {});
    static std::string key_of_git(std::string_view repo, std::string_view commit, std::string_view subdir = {});

    // nullopt: not there. A torn or unreadable index counts as not there (and is replaced by the next unpack). A `pack`
    // that has the object's index spares its reading, and may be out of date.
    Result<std::optional<ObjectView>> find(const std::string& key, const Pack* pack = nullptr) const;

    // The pack of this name; nullopt when there is none that is whole.
    std::optional<Pack> pack(const std::string& name) const;
    // A pack of so many objects, to be filled; null where the store cannot be written.
    std::unique_ptr<PackWriter> begin_pack(std::size_t objects) const;
    void finish_pack(PackWriter& writer, const std::string& name) const;
    void drop_pack(const std::string& name) const;

    struct Unpacked {
        ObjectView view;
        std::uint64_t files, bytes;
        bool published = true;  // false: somebody else was first, and this is theirs
        bool swapped = false;   // it took the place of another object (a repair, or a torn one)
    };
    // Unpacks an archive (gzip or plain tar) into the object `key`. Nothing is visible before all of it is written.
    // With `replace` an existing object is swapped out (repair); otherwise the first to finish wins and everybody gets
    // the winner's. What package.json says is in the view's manifest (empty when it is missing or no JSON): whether that
    // is the package that was asked for is the caller's question. `subdir`: only what is below this path of the archive,
    // as the package's root. `with_digests`: a SHA-256 of every file, for the check level `content`.
    Result<Unpacked> unpack(const std::string& key, std::string_view archive, std::string_view id, bool replace,
                            std::string_view subdir = {}, const UnpackLimits& limits = {},
                            bool with_digests = false) const;
    // The same while the archive arrives. It is proven (ArchiveSource) when all of it is written, and only then published.
    Result<Unpacked> unpack(const std::string& key, ArchiveSource& archive, std::string_view id, bool replace,
                            std::string_view subdir = {}, const UnpackLimits& limits = {},
                            bool with_digests = false) const;

    // A directory dependency: its files as npm would pack them, linked from where they are.
    static Result<ObjectView> view_directory(int root, std::string_view dir, std::string_view id);

    // The run's hold on the store, shared with other runs; prune waits for it.
    Result<FileLock> hold() const;

    // Remembers that `project_dir` uses these keys; prune keeps them while the project's record exists.
    Result<> record_project(std::string_view project_dir, std::span<const std::string> keys) const;

    const std::string& path() const { return path_; }
    int dir() const { return root_.raw(); }
    std::uint64_t device() const { return device_; }
    // Directory of the virtual store shared by all projects (layout `global`), made on demand.
    Result<Fd> shared_root() const;
    std::string shared_root_path() const;

    struct Status {
        std::uint64_t objects = 0, files = 0, bytes = 0, projects = 0;
    };
    Result<Status> status() const;
    struct Problem {
        std::string key, id, what;
    };
    // Looks at every object (stat or content level); with `repair`, bad ones are removed so that the next install
    // fetches them again. Progress through `tick(done, total)`.
    Result<std::vector<Problem>> verify(bool content, bool repair,
                                        const std::function<void(std::size_t, std::size_t)>& tick) const;
    struct Pruned {
        std::uint64_t objects = 0, bytes = 0, projects = 0;
    };
    // Removes objects that no recorded, still existing project uses, and leftovers of killed runs. PMX_E_STORE_BUSY
    // when an install is running.
    Result<Pruned> prune(bool dry_run) const;

  private:
    Store() = default;
    struct ProjectRecord {
        std::string name;  // of the record's file
        std::string dir;   // of the project; "" when the record is torn
        std::vector<std::string> keys;
    };
    Result<std::vector<ProjectRecord>> projects() const;
    Failure read_only() const;
    Result<std::vector<std::string>> keys() const;
    Result<> discard(const std::string& key) const;
    Result<Unpacked> publish(const std::string& key, const std::string& temporary, ObjectView view, bool replace) const;
    Result<Unpacked> unpack_or_throw(const std::string& key, ArchiveSource& archive, std::string_view id, bool replace,
                                     std::string_view subdir, const UnpackLimits& limits, bool with_digests) const;
    std::string path_;
    Fd root_, objects_, temporary_;
    std::uint64_t device_ = 0;
    bool read_only_ = false;
};

}  // namespace pmx
