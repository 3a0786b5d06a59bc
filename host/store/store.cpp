#include "store/store.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "base/hash.hpp"
#include "base/metrics.hpp"
#include "base/text.hpp"
#include "store/index.hpp"
#include "store/pack.hpp"
#include "store/paths.hpp"

namespace pmx {
namespace {

constexpr std::size_t kLargestIndex = 256u << 20;
constexpr std::size_t kIndexPiece = 64u << 10;
constexpr std::size_t kSizeAt = 24;  // docs/STORE.md

bool is_hex(std::string_view text) {
    // No branch on a digit's kind: they come at random.
    unsigned bad = 0;
    for (char c : text)
        bad |= static_cast<unsigned>(static_cast<unsigned char>(c - '0') > 9) & static_cast<unsigned>(static_cast<unsigned char>(c - 'a') > 5);
    return bad == 0;
}

// What an index says of its own size, once its head has been read.
std::size_t index_size(std::string_view bytes) {
    std::uint64_t size = 0;
    if (bytes.size() >= kSizeAt + sizeof size) std::memcpy(&size, bytes.data() + kSizeAt, sizeof size);
    return size;
}

// Errors that say something about this process or machine, not about the object.
bool is_our_trouble(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM; }

std::string keyed(std::string_view kind, std::string_view text, std::string_view subdir) {
    std::string whole(text);
    if (!subdir.empty()) whole.append(1, '\0').append(subdir);
    return fmt::format("{}-{}", kind, sha256_hex(whole));
}

}  // namespace

bool is_key(std::string_view key) {
    std::size_t dash = key.find('-');
    if (dash == std::string_view::npos || dash == 0 || key.size() > 200) return false;
    std::string_view kind = key.substr(0, dash), digest = key.substr(dash + 1);
    for (char c : kind)
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) return false;
    return digest.size() >= 40 && is_hex(digest);
}

Result<std::string> object_path(std::string_view key) {
    if (!is_key(key)) return fail(Code::INTERNAL, "no key of a stored object", std::string(key));
    std::string path(key.substr(key.find('-') + 1, 2));
    return path.append("/").append(key);
}

Result<std::string> Store::key_of_integrity(std::string_view sri, std::string_view subdir) {
    struct Kind {
        std::string_view name;
        std::size_t size;
    };
    constexpr Kind kinds[] = {{"sha512", 64}, {"sha384", 48}, {"sha256", 32}, {"sha1", 20}};
    for (const Kind& kind : kinds) {
        std::vector<std::string> digests;
        for (std::size_t at = 0; at < sri.size();) {
            std::size_t end = std::min(sri.find_first_of(" \t\r\n", at), sri.size());
            std::string_view one = sri.substr(at, end - at);
            at = end + 1;
            if (one.size() <= kind.name.size() || !one.starts_with(kind.name) || one[kind.name.size()] != '-') continue;
            one.remove_prefix(kind.name.size() + 1);
            one = one.substr(0, one.find('?'));
            auto bytes = from_base64(one);
            if (bytes && bytes->size() == kind.size) digests.push_back(to_hex(*bytes));
        }
        if (digests.empty()) continue;
        std::sort(digests.begin(), digests.end());
        digests.erase(std::unique(digests.begin(), digests.end()), digests.end());
        // Several hashes of one strength mean "any of these". Such an object gets a key of its own: under the first
        // hash's key, a lockfile could plant other bytes for a package that another project trusts.
        if (digests.size() > 1) {
            std::string all(kind.name);
            for (const std::string& digest : digests) all.append(" ").append(digest);
            return keyed("any", all, subdir);
        }
        if (!subdir.empty()) return keyed("part", fmt::format("{}-{}", kind.name, digests[0]), subdir);
        return fmt::format("{}-{}", kind.name, digests[0]);
    }
    return fail(Code::INTEGRITY, "the integrity holds no hash that pmx knows", std::string(sri),
                "sha512, sha384, sha256 and sha1 are known; fix the lockfile");
}

std::string Store::key_of_url(std::string_view url, std::string_view subdir) { return keyed("url", url, subdir); }

std::string Store::key_of_git(std::string_view repo, std::string_view commit, std::string_view subdir) {
    return keyed("git", fmt::format("{}#{}", repo, commit), subdir);
}

Failure Store::read_only() const {
    return fail(Code::STORE, "the store cannot be written", path_,
                "check who owns it and that its file system is writable, or choose another with --store-dir");
}

Result<Store> Store::open(std::string dir, bool create) {
    Store store;
    store.path_ = join_path(join_path(current_dir(), dir), "v1");
    const char* path = store.path_.c_str();
    auto as_store = [&](Error error) {
        if (error.code != Code::DISK_FULL) error.code = Code::STORE;
        return Failure(std::move(error));
    };
    auto opened = open_dir(AT_FDCWD, path);
    if (!opened && opened.error().sys == ENOENT && create) {
        if (auto made = make_dirs(AT_FDCWD, store.path_); !made) return as_store(std::move(made).error());
        opened = open_dir(AT_FDCWD, path);
    }
    if (!opened) {
        if (opened.error().sys == ENOENT)
            return fail(Code::STORE, "there is no store", store.path_, "an install makes it");
        return as_store(std::move(opened).error());
    }
    store.root_ = std::move(*opened);
    // Parts may be missing in a new store, or in one whose creation was killed.
    auto part = [&](const char* name) -> Result<Fd> {
        auto fd = open_dir(store.root_.raw(), name);
        if (fd || fd.error().sys != ENOENT || !create) return fd;
        PMX_CHECK(make_dir(store.root_.raw(), name));
        return open_dir(store.root_.raw(), name);
    };
    auto objects = part("objects");
    if (!objects) return as_store(std::move(objects).error());
    auto temporary = part("tmp");
    if (!temporary) return as_store(std::move(temporary).error());
    store.objects_ = std::move(*objects);
    store.temporary_ = std::move(*temporary);
    auto info = stat_fd(store.objects_.raw());
    if (!info) return as_store(std::move(info).error());
    store.device_ = info->device;
    count(Sys::other);
    store.read_only_ = ::faccessat(store.temporary_.raw(), ".", W_OK, AT_EACCESS) != 0;
    return store;
}

Result<std::optional<ObjectView>> Store::find(const std::string& key, const Pack* pack) const {
    PMX_TRY(std::string place, object_path(key));
    std::optional<ObjectView> view;
    auto trouble = [&](int error, const char* what) { return fail_errno(error, what, key, Code::STORE); };
    count(Sys::open);
    Fd dir(::openat(objects_.raw(), place.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!dir) {
        if (is_our_trouble(errno)) return trouble(errno, "cannot open a stored package");
        return view;
    }
    if (ObjectView packed; pack && read_index(pack->index_of(key), packed)) {
        packed.dir = std::move(dir);
        packed.device = device_;
        packed.is_from_pack = true;
        view = std::move(packed);
        return view;
    }
    // O_NONBLOCK: whoever put a pipe here shall not make us wait for ever.
    count(Sys::open);
    Fd file(::openat(dir.raw(), kIndexName.data(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) {
        if (is_our_trouble(errno)) return trouble(errno, "cannot open a stored package");
        return view;
    }
    // No stat of it: an index says its own size, and all but the largest come in one piece.
    thread_local const std::unique_ptr<char[]> piece(new char[kIndexPiece]);
    std::string bytes;
    for (std::size_t wanted = kIndexPiece; bytes.size() < wanted;) {
        count(Sys::read);
        ssize_t n = ::read(file.raw(), piece.get(), std::min(kIndexPiece, wanted - bytes.size()));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        bytes.append(piece.get(), static_cast<std::size_t>(n));
        wanted = index_size(bytes);
        if (wanted > kLargestIndex) return view;
    }
    file.reset();
    ObjectView found;
    if (!read_index(std::move(bytes), found)) return view;
    found.dir = std::move(dir);
    found.device = device_;
    view = std::move(found);
    return view;
}

std::optional<Pack> Store::pack(const std::string& name) const {
    auto packs = open_dir_nofollow(root_.raw(), kPacksName);
    return packs ? Pack::read(packs->raw(), name) : std::nullopt;
}

std::unique_ptr<PackWriter> Store::begin_pack(std::size_t objects) const {
    if (read_only_) return nullptr;
    auto writer = PackWriter::begin(temporary_.raw(), objects);
    return writer ? std::move(*writer) : nullptr;
}

// A copy of what the store has anyway: that it could not be written is nobody's trouble.
void Store::finish_pack(PackWriter& writer, const std::string& name) const {
    if (!make_dir(root_.raw(), kPacksName)) return;
    auto packs = open_dir_nofollow(root_.raw(), kPacksName);
    if (packs) (void)writer.finish(packs->raw(), name);
}

void Store::drop_pack(const std::string& name) const {
    auto packs = open_dir_nofollow(root_.raw(), kPacksName);
    if (packs) (void)remove_file(packs->raw(), name.c_str());
}

Result<FileLock> Store::hold() const {
    auto lock = FileLock::take(root_.raw(), kLockName, FileLock::Mode::shared, true);
    // A store that nobody can write needs no lock, and may have none.
    if (!lock && read_only_) return FileLock();
    if (!lock) {
        Error error = std::move(lock).error();
        if (error.code != Code::DISK_FULL) error.code = Code::STORE;
        return Failure(std::move(error));
    }
    return std::move(**lock);
}

std::string Store::shared_root_path() const { return path_ + "/" + kSharedName; }

Result<Fd> Store::shared_root() const {
    auto dir = open_dir(root_.raw(), kSharedName);
    if (dir || dir.error().sys != ENOENT) return dir;
    if (read_only_) return read_only();
    PMX_CHECK(make_dir(root_.raw(), kSharedName));
    return open_dir(root_.raw(), kSharedName);
}

Result<std::vector<std::string>> Store::keys() const {
    std::vector<std::string> keys;
    PMX_TRY(std::vector<DirEntry> shards, list_dir(objects_.raw()));
    for (const DirEntry& shard : shards) {
        if (shard.name.size() != 2 || !is_hex(shard.name)) continue;
        auto dir = open_dir_nofollow(objects_.raw(), shard.name.c_str());
        if (!dir) continue;
        PMX_TRY(std::vector<DirEntry> objects, list_dir(dir->raw()));
        for (DirEntry& object : objects)
            if (auto path = object_path(object.name); path && path->starts_with(shard.name))
                keys.push_back(std::move(object.name));
    }
    std::sort(keys.begin(), keys.end());
    return keys;
}

Result<> Store::discard(const std::string& key) const {
    PMX_TRY(std::string place, object_path(key));
    std::string name = fmt::format("{}-{}-old", ::getpid(), key);
    PMX_CHECK(remove_tree(temporary_.raw(), name.c_str()));
    // By rename first: an object is there as a whole, or not at all.
    if (auto moved = rename_at(objects_.raw(), place.c_str(), temporary_.raw(), name.c_str()); !moved) {
        if (moved.error().sys == ENOENT) return {};
        return fail_errno(moved.error().sys, "cannot write to the store", path_, Code::STORE);
    }
    return remove_tree(temporary_.raw(), name.c_str());
}

}  // namespace pmx
