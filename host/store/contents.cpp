#include "store/contents.hpp"

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <xxhash.h>

#include "model/contained_path.hpp"
#include "store/tar.hpp"

namespace pmx {
namespace {

constexpr std::string_view kRemedy = "nothing of it was written; report this package to its registry";

bool has_dotdot(std::string_view path, std::string_view separators) {
    while (!path.empty()) {
        std::size_t at = path.find_first_of(separators);
        if (path.substr(0, at) == "..") return true;
        if (at == std::string_view::npos) return false;
        path.remove_prefix(at + 1);
    }
    return false;
}

// Drops empty and "." components.
void tidy(std::string_view path, std::string& out) {
    out.clear();
    while (!path.empty()) {
        std::size_t at = path.find('/');
        std::string_view part = path.substr(0, at);
        if (!part.empty() && part != ".") {
            if (!out.empty()) out += '/';
            out += part;
        }
        if (at == std::string_view::npos) break;
        path.remove_prefix(at + 1);
    }
}

std::string_view terminated(Arena& arena, std::string_view text) {
    char* to = arena.allocate(text.size() + 1);
    std::copy(text.begin(), text.end(), to);
    to[text.size()] = '\0';
    return {to, text.size()};
}

}  // namespace

// The path inside the package, without the archive's first component; "" when nothing is left of it.
Result<std::string_view> Contents::place(std::string_view path, std::string_view id) {
    // Backslashes are bytes of a name here, but an archive that would climb on Windows is hostile everywhere.
    if (has_dotdot(path, "/\\"))
        return fail(Code::UNSAFE_PATH, fmt::format("the archive's entry \"{}\" would leave its package", path),
                    std::string(id), std::string(kRemedy));
    std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) return std::string_view();
    path.remove_prefix(slash + 1);
    if (is_contained_path(path)) return path;
    tidy(path, scratch_);
    if (scratch_.empty() || is_contained_path(scratch_)) return std::string_view(scratch_);
    return fail(Code::ARCHIVE, fmt::format("the archive's entry \"{}…\" has a name that is too long", path.substr(0, 60)),
                std::string(id), std::string(kRemedy));
}

std::uint64_t Contents::table_seed() {
    static const std::uint64_t seed = std::random_device{}() | std::uint64_t{std::random_device{}()} << 32;
    return seed;
}

std::uint64_t Contents::hash_of(std::string_view path) const {
    return XXH3_64bits_withSeed(path.data(), path.size(), seed_);
}

Contents::Slot& Contents::slot(std::string_view path, std::uint64_t hash) {
    std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    while (!slots_[at].path.empty() && !(slots_[at].hash == hash && slots_[at].path == path)) at = (at + 1) & mask;
    return slots_[at];
}

void Contents::grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& from : old)
        if (!from.path.empty()) slot(from.path, from.hash) = from;
}

Result<> Contents::add_parents(std::string_view path, std::string_view id) {
    std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return {};
    if (path.substr(0, slash) == last_parent_) return {};
    std::size_t known = dirs.size();
    for (std::size_t at = slash; at != std::string_view::npos; at = path.rfind('/', at - 1)) {
        std::string_view parent = path.substr(0, at);
        if ((taken_ + 1) * 2 > slots_.size()) grow();
        std::uint64_t hash = hash_of(parent);
        Slot& place = slot(parent, hash);
        if (!place.path.empty()) {
            if (place.file == kDir) break;
            return fail(Code::ARCHIVE, fmt::format("the archive has \"{}\" both as a file and as a directory", parent),
                        std::string(id), std::string(kRemedy));
        }
        place = {hash, terminated(arena_, parent), kDir};
        ++taken_;
        dirs.push_back(place.path);
    }
    std::reverse(dirs.begin() + static_cast<std::ptrdiff_t>(known), dirs.end());
    last_parent_ = slot(path.substr(0, slash), hash_of(path.substr(0, slash))).path;
    return {};
}

Result<> Contents::add(std::string_view path, std::string_view data, bool executable, std::string_view id) {
    if ((taken_ + 1) * 2 > slots_.size()) grow();
    std::uint64_t hash = hash_of(path);
    Slot& place = slot(path, hash);
    if (!place.path.empty()) {
        if (place.file == kDir)
            return fail(Code::ARCHIVE, fmt::format("the archive has \"{}\" both as a directory and as a file", path),
                        std::string(id), std::string(kRemedy));
        File& before = files[place.file];
        before.data = data;
        before.executable = executable;
        return {};
    }
    std::string_view kept = terminated(arena_, path);
    place = {hash, kept, static_cast<std::uint32_t>(files.size())};
    ++taken_;
    files.push_back({kept, data, executable});
    return add_parents(kept, id);
}

Result<> Contents::collect(std::string_view tar, std::string_view id, std::string_view subdir,
                           const UnpackLimits& limits) {
    std::string below;
    tidy(subdir, below);
    if (!below.empty()) {
        PMX_CHECK(contained_path(below, "the path inside the archive", id));
        below += '/';
    }
    TarReader reader(tar, id);
    TarEntry entry;
    std::uint32_t entries = 0;
    for (;;) {
        PMX_TRY(bool more, reader.next(entry));
        if (!more) break;
        if (++entries > limits.entries)
            return fail(Code::ARCHIVE, fmt::format("the archive has more than {} entries", limits.entries), std::string(id),
                        std::string(kRemedy));
        if (entry.type != TarType::file && entry.type != TarType::directory) continue;
        PMX_TRY(std::string_view path, place(entry.path, id));
        if (path.empty() || entry.type == TarType::directory) continue;
        if (!below.empty()) {
            if (!path.starts_with(below)) continue;
            path.remove_prefix(below.size());
        }
        PMX_CHECK(add(path, entry.data, (entry.mode & 0111) != 0, id));
    }
    if (files.empty())
        return fail(Code::ARCHIVE,
                    below.empty() ? "the archive holds no files" : fmt::format("the archive has nothing below \"{}\"", subdir),
                    std::string(id), std::string(kRemedy));
    return {};
}

Contents::File* Contents::find(std::string_view path) {
    if (slots_.empty() || path.empty()) return nullptr;
    Slot& place = slot(path, hash_of(path));
    return place.path.empty() || place.file == kDir ? nullptr : &files[place.file];
}

void Contents::marker_last() {
    File* marker = find("package.json");
    if (!marker) return;
    std::swap(*marker, files.back());
    // Keeps find() true for the two that moved.
    std::uint32_t here = static_cast<std::uint32_t>(marker - files.data());
    slot(marker->path, hash_of(marker->path)).file = here;
    slot(files.back().path, hash_of(files.back().path)).file = static_cast<std::uint32_t>(files.size() - 1);
}

}  // namespace pmx
