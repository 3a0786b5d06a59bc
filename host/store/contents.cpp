#include "store/contents.hpp"

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <xxhash.h>

#include "model/contained_path.hpp"

namespace pmx {
namespace {

constexpr std::string_view kRemedy = "nothing of it is kept; report this package to its registry";

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
Result<std::string_view> Contents::place(std::string_view path) {
    // Backslashes are bytes of a name here, but an archive that would climb on Windows is hostile everywhere.
    if (has_dotdot(path, "/\\"))
        return fail(Code::UNSAFE_PATH, fmt::format("the archive's entry \"{}\" would leave its package", path),
                    std::string(id_), std::string(kRemedy));
    std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) return std::string_view();
    path.remove_prefix(slash + 1);
    if (is_contained_path(path)) return path;
    tidy(path, scratch_);
    if (scratch_.empty() || is_contained_path(scratch_)) return std::string_view(scratch_);
    return fail(Code::ARCHIVE, fmt::format("the archive's entry \"{}…\" has a name that is too long", path.substr(0, 60)),
                std::string(id_), std::string(kRemedy));
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

Result<> Contents::add_parents(std::string_view path) {
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
                        std::string(id_), std::string(kRemedy));
        }
        place = {hash, terminated(arena_, parent), kDir};
        ++taken_;
        dirs.push_back(place.path);
    }
    std::reverse(dirs.begin() + static_cast<std::ptrdiff_t>(known), dirs.end());
    last_parent_ = slot(path.substr(0, slash), hash_of(path.substr(0, slash))).path;
    return {};
}

Result<std::uint32_t> Contents::add(std::string_view path, bool executable) {
    if ((taken_ + 1) * 2 > slots_.size()) grow();
    std::uint64_t hash = hash_of(path);
    Slot& place = slot(path, hash);
    if (!place.path.empty()) {
        if (place.file == kDir)
            return fail(Code::ARCHIVE, fmt::format("the archive has \"{}\" both as a directory and as a file", path),
                        std::string(id_), std::string(kRemedy));
        files[place.file].executable = executable;
        return place.file;
    }
    const std::uint32_t number = static_cast<std::uint32_t>(files.size());
    std::string_view kept = terminated(arena_, path);
    place = {hash, kept, number};
    ++taken_;
    files.push_back({kept, executable});
    PMX_CHECK(add_parents(kept));
    return number;
}

Result<> Contents::only_below(std::string_view subdir) {
    tidy(subdir, below_);
    if (below_.empty()) return {};
    PMX_CHECK(contained_path(below_, "the path inside the archive", id_));
    below_ += '/';
    return {};
}

Result<std::optional<std::uint32_t>> Contents::admit(const TarEntry& entry) {
    if (++entries_ > limits_.entries)
        return fail(Code::ARCHIVE, fmt::format("the archive has more than {} entries", limits_.entries), std::string(id_),
                    std::string(kRemedy));
    if (entry.type != TarType::file && entry.type != TarType::directory) return std::nullopt;
    PMX_TRY(std::string_view path, place(entry.path));
    if (path.empty() || entry.type == TarType::directory) return std::nullopt;
    if (!below_.empty()) {
        if (!path.starts_with(below_)) return std::nullopt;
        path.remove_prefix(below_.size());
    }
    PMX_TRY(std::uint32_t number, add(path, (entry.mode & 0111) != 0));
    return number;
}

Result<> Contents::finish() const {
    if (!files.empty()) return {};
    return fail(Code::ARCHIVE,
                below_.empty() ? "the archive holds no files"
                               : fmt::format("the archive has nothing below \"{}\"", below_.substr(0, below_.size() - 1)),
                std::string(id_), std::string(kRemedy));
}

std::optional<std::uint32_t> Contents::find(std::string_view path) {
    if (slots_.empty() || path.empty()) return std::nullopt;
    Slot& place = slot(path, hash_of(path));
    if (place.path.empty() || place.file == kDir) return std::nullopt;
    return place.file;
}

std::uint32_t Contents::marker() { return find("package.json").value_or(static_cast<std::uint32_t>(files.size()) - 1); }

}  // namespace pmx
