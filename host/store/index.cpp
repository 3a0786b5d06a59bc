#include "store/index.hpp"

#include <bit>
#include <charconv>
#include <cstring>

#include "base/checksum.hpp"
#include "model/contained_path.hpp"

namespace pmx {
namespace {

static_assert(std::endian::native == std::endian::little, "the index is written as it lies in memory");

constexpr char kMagic[8] = {'p', 'm', 'x', 'i', 'n', 'd', 'e', 'x'};
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kInstallScript = 1;
constexpr std::uint32_t kDigests = 2;

struct Text {
    std::uint32_t at, size;  // in the string table; a NUL follows
};
struct Head {
    char magic[8];
    std::uint64_t checksum;  // XXH3-64 of everything after this field
    std::uint32_t version, flags;
    std::uint64_t size;      // of the file
    std::uint32_t files, dirs, bins, bundled;
    std::uint32_t strings, strings_size;  // from the start of the file; bytes
    Text id, name, version_text;
};
struct FileRow {
    std::uint64_t size, inode;
    std::int64_t mtime_ns;
    std::uint64_t checksum;
    std::uint32_t path;                // in the string table; "17\0lib/a.js\0": the ordinal stands before it
    std::uint16_t path_size, source_size;
    std::uint32_t mode, zero;
};
struct BinRow {
    Text name, path;
};
static_assert(sizeof(Head) == 80 && sizeof(FileRow) == 48 && sizeof(BinRow) == 16);
constexpr std::size_t kSummedFrom = offsetof(Head, version);
constexpr std::size_t kDigestSize = 32;

template <class T>
void append(std::string& out, const T& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

bool is_ordinal(std::string_view text) {
    if (text.empty() || text.size() > 10) return false;
    for (char c : text)
        if (c < '0' || c > '9') return false;
    return true;
}

}  // namespace

void IndexWriter::describe(std::string_view id, const ObjectManifest& manifest) {
    id_ = id;
    manifest_ = manifest;
}

std::string IndexWriter::bytes() const {
    std::string strings;
    auto put = [&](std::string_view text) {
        Text at{static_cast<std::uint32_t>(strings.size()), static_cast<std::uint32_t>(text.size())};
        strings.append(text).push_back('\0');
        return at;
    };
    Head head{};
    std::memcpy(head.magic, kMagic, sizeof kMagic);
    head.version = kVersion;
    head.flags = (manifest_.has_install_script ? kInstallScript : 0) | (digests_.empty() ? 0 : kDigests);
    head.files = static_cast<std::uint32_t>(rows_.size());
    head.dirs = static_cast<std::uint32_t>(dirs_.size());
    head.bins = static_cast<std::uint32_t>(manifest_.bins.size());
    head.bundled = static_cast<std::uint32_t>(manifest_.bundled.size());
    head.id = put(id_);
    head.name = put(manifest_.name);
    head.version_text = put(manifest_.version);

    std::string out(sizeof head, '\0');
    out.reserve(sizeof head + rows_.size() * (sizeof(FileRow) + 48) + 4096);
    char ordinal[12];
    for (const Row& row : rows_) {
        char* end = std::to_chars(ordinal, ordinal + sizeof ordinal, row.ordinal).ptr;
        Text source = put({ordinal, static_cast<std::size_t>(end - ordinal)});
        Text path = put(row.path);
        append(out, FileRow{row.size, row.inode, row.mtime_ns, row.checksum, path.at,
                            static_cast<std::uint16_t>(path.size), static_cast<std::uint16_t>(source.size), row.mode, 0});
    }
    for (std::string_view dir : dirs_) append(out, put(dir));
    for (const ObjectBin& bin : manifest_.bins) {
        Text name = put(bin.name);
        append(out, BinRow{name, put(bin.path)});
    }
    for (std::string_view name : manifest_.bundled) append(out, put(name));
    out += digests_;
    head.strings = static_cast<std::uint32_t>(out.size());
    head.strings_size = static_cast<std::uint32_t>(strings.size());
    out += strings;
    head.size = out.size();
    std::memcpy(out.data(), &head, sizeof head);
    head.checksum = checksum(std::string_view(out).substr(kSummedFrom));
    std::memcpy(out.data(), &head, sizeof head);
    return out;
}

bool read_index(std::string bytes, ObjectView& view) {
    view.storage = std::move(bytes);
    const std::string_view all = view.storage;
    Head head;
    if (all.size() < sizeof head) return false;
    std::memcpy(&head, all.data(), sizeof head);
    if (std::memcmp(head.magic, kMagic, sizeof kMagic) != 0 || head.version != kVersion || head.size != all.size() ||
        head.checksum != checksum(all.substr(kSummedFrom)))
        return false;
    const std::uint64_t digests = head.flags & kDigests ? std::uint64_t{head.files} * kDigestSize : 0;
    const std::uint64_t files_at = sizeof head, dirs_at = files_at + std::uint64_t{head.files} * sizeof(FileRow),
                        bins_at = dirs_at + std::uint64_t{head.dirs} * sizeof(Text),
                        bundled_at = bins_at + std::uint64_t{head.bins} * sizeof(BinRow),
                        digests_at = bundled_at + std::uint64_t{head.bundled} * sizeof(Text);
    if (digests_at + digests != head.strings || std::uint64_t{head.strings} + head.strings_size != all.size() ||
        head.strings_size == 0 || head.files == 0)
        return false;
    const char* strings = all.data() + head.strings;
    bool good = true;
    auto text = [&](std::uint64_t at, std::uint64_t size) -> std::string_view {
        if (at + size >= head.strings_size || strings[at + size] != 0) {
            good = false;
            return {};
        }
        return {strings + at, static_cast<std::size_t>(size)};
    };
    auto row_at = [&]<class T>(T row, std::uint64_t base, std::size_t i) {
        std::memcpy(&row, all.data() + base + i * sizeof row, sizeof row);
        return row;
    };
    view.files.resize(head.files);
    for (std::size_t i = 0; i < head.files; ++i) {
        FileRow row = row_at(FileRow{}, files_at, i);
        ObjectFile& file = view.files[i];
        if (row.path < row.source_size + 1u) return false;
        file.source = text(row.path - row.source_size - 1u, row.source_size);
        file.path = text(row.path, row.path_size);
        file.size = row.size;
        file.inode = row.inode;
        file.mtime_ns = row.mtime_ns;
        file.checksum = row.checksum;
        file.mode = row.mode & 07777;
        if (!good || !is_ordinal(file.source) || !is_contained_path(file.path)) return false;
    }
    view.dirs.resize(head.dirs);
    for (std::size_t i = 0; i < head.dirs; ++i) {
        Text at = row_at(Text{}, dirs_at, i);
        view.dirs[i] = text(at.at, at.size);
        if (!good || !is_contained_path(view.dirs[i])) return false;
    }
    view.manifest = {};
    for (std::size_t i = 0; i < head.bins; ++i) {
        BinRow row = row_at(BinRow{}, bins_at, i);
        ObjectBin bin{text(row.name.at, row.name.size), text(row.path.at, row.path.size)};
        if (!good || !is_contained_path(bin.name) || !is_contained_path(bin.path)) return false;
        view.manifest.bins.push_back(bin);
    }
    for (std::size_t i = 0; i < head.bundled; ++i) {
        Text at = row_at(Text{}, bundled_at, i);
        view.manifest.bundled.push_back(text(at.at, at.size));
        if (!good || !is_safe_package_name(view.manifest.bundled.back())) return false;
    }
    view.id = text(head.id.at, head.id.size);
    view.manifest.name = text(head.name.at, head.name.size);
    view.manifest.version = text(head.version_text.at, head.version_text.size);
    view.manifest.has_install_script = head.flags & kInstallScript;
    view.digests = std::string_view(all.data() + digests_at, static_cast<std::size_t>(digests));
    return good;
}

}  // namespace pmx
