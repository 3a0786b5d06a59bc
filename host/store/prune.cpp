#include <algorithm>
#include <atomic>
#include <unordered_set>

#include <fmt/format.h>
#include <unistd.h>

#include "base/checksum.hpp"
#include "base/hash.hpp"
#include "base/metrics.hpp"
#include "base/text.hpp"
#include "store/pack.hpp"
#include "store/paths.hpp"
#include "store/store.hpp"

namespace pmx {
namespace {

// A record: this line, the project's directory, one key a line, and a checksum of all that in the last line, because it
// is written without fsync (that would flush everything an install has just written).
constexpr std::string_view kRecordHead = "pmx-project 1\n";

std::string checksum_line(std::string_view text) { return fmt::format("end {:016x}\n", checksum(text)); }

std::string record_name(std::string_view project_dir) { return quick_hash_hex(project_dir); }

}  // namespace

Result<> Store::record_project(std::string_view project_dir, std::span<const std::string> keys) const {
    if (read_only_) return {};  // nobody can prune it either
    std::string text(kRecordHead);
    text.append(replace_all(project_dir, "\n", "\\n")).push_back('\n');
    for (const std::string& key : keys)
        if (is_key(key)) text.append(key).push_back('\n');
    text += checksum_line(text);

    auto dir = open_dir_nofollow(root_.raw(), kProjectsName);
    if (!dir && dir.error().sys == ENOENT) {
        PMX_CHECK(make_dir(root_.raw(), kProjectsName));
        dir = open_dir_nofollow(root_.raw(), kProjectsName);
    }
    if (!dir) return Failure(std::move(dir).error());
    std::string name = record_name(project_dir);
    if (auto old = read_file_if_exists(dir->raw(), name.c_str()); old && *old && **old == text) return {};
    static std::atomic<unsigned> serial{0};
    std::string temporary = fmt::format("{}-{}-project", ::getpid(), serial++);
    PMX_CHECK(remove_file(temporary_.raw(), temporary.c_str()));
    {
        count(Sys::open);
        Fd fd(::openat(temporary_.raw(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
        if (!fd) return fail_errno(errno, "cannot write to the store", path_, Code::STORE);
        for (std::string_view rest = text; !rest.empty();) {
            count(Sys::write);
            ssize_t n = ::write(fd.raw(), rest.data(), rest.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) {
                Failure failure = fail_errno(errno, "cannot write to the store", path_, Code::STORE);
                (void)remove_file(temporary_.raw(), temporary.c_str());
                return failure;
            }
            rest.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    return rename_at(temporary_.raw(), temporary.c_str(), dir->raw(), name.c_str());
}

Result<std::vector<Store::ProjectRecord>> Store::projects() const {
    std::vector<ProjectRecord> records;
    auto dir = open_dir_nofollow(root_.raw(), kProjectsName);
    if (!dir && dir.error().sys == ENOENT) return records;
    if (!dir) return Failure(std::move(dir).error());
    PMX_TRY(std::vector<DirEntry> entries, list_dir(dir->raw()));
    for (const DirEntry& entry : entries) {
        ProjectRecord record{entry.name, {}, {}};
        auto text = read_file(dir->raw(), entry.name.c_str(), 256u << 20);
        if (text && text->starts_with(kRecordHead)) {
            std::size_t end = text->rfind("end ");
            if (end != std::string::npos && text->substr(end) == checksum_line(std::string_view(*text).substr(0, end))) {
                std::vector<std::string_view> lines = split(std::string_view(*text).substr(0, end), '\n');
                record.dir = replace_all(lines.size() > 1 ? lines[1] : "", "\\n", "\n");
                for (std::size_t i = 2; i < lines.size(); ++i)
                    if (is_key(lines[i])) record.keys.emplace_back(lines[i]);
            }
        }
        records.push_back(std::move(record));
    }
    return records;
}

Result<Store::Pruned> Store::prune(bool dry_run) const {
    if (read_only_ && !dry_run) return read_only();
    std::optional<FileLock> lock;
    if (!read_only_) {
        PMX_TRY(lock, FileLock::take(root_.raw(), kLockName, FileLock::Mode::exclusive, false));
        if (!lock) return fail(Code::STORE_BUSY, "an install uses the store", path_, "prune it when no pmx is running");
    }
    Pruned pruned;
    std::unordered_set<std::string> used, packs;
    PMX_TRY(std::vector<ProjectRecord> known, projects());
    for (ProjectRecord& record : known) {
        // A torn record and a project that is gone use nothing. An object too many removed is fetched again; a tree that
        // was linked from it keeps its files.
        bool lives = false;
        if (!record.dir.empty()) {
            auto info = stat_at(AT_FDCWD, record.dir.c_str());
            lives = !info || (*info && (*info)->is_dir());  // what cannot be looked at may well be there
        }
        if (lives) {
            std::sort(record.keys.begin(), record.keys.end());
            record.keys.erase(std::unique(record.keys.begin(), record.keys.end()), record.keys.end());
            packs.insert(pack_name(record.keys));
            used.insert(std::make_move_iterator(record.keys.begin()), std::make_move_iterator(record.keys.end()));
            continue;
        }
        ++pruned.projects;
        if (dry_run) continue;
        PMX_TRY(Fd dir, open_dir_nofollow(root_.raw(), kProjectsName));
        PMX_CHECK(remove_tree(dir.raw(), record.name.c_str()));
    }
    PMX_TRY(std::vector<std::string> all, keys());
    for (const std::string& key : all) {
        PMX_TRY(std::optional<ObjectView> view, find(key));
        if (view && used.contains(key)) continue;
        ++pruned.objects;
        if (view)
            for (const ObjectFile& file : view->files) pruned.bytes += file.size;
        view.reset();
        if (!dry_run) PMX_CHECK(discard(key));
    }
    if (auto dir = open_dir_nofollow(root_.raw(), kPacksName); dir && !dry_run) {
        PMX_TRY(std::vector<DirEntry> entries, list_dir(dir->raw()));
        for (const DirEntry& entry : entries)
            if (!packs.contains(entry.name)) PMX_CHECK(remove_tree(dir->raw(), entry.name.c_str()));
    }
    // Nobody else is at work, so whatever is here was left by a run that was killed.
    if (!dry_run) {
        PMX_TRY(std::vector<DirEntry> leftovers, list_dir(temporary_.raw()));
        for (const DirEntry& entry : leftovers) PMX_CHECK(remove_tree(temporary_.raw(), entry.name.c_str()));
    }
    return pruned;
}

}  // namespace pmx
