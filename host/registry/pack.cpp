#include "registry/pack.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include <dirent.h>
#include <libdeflate.h>

#include "base/fs.hpp"

namespace pmx::registry {

namespace {

constexpr std::size_t block = 512;
// npm's own constant: 26 October 1985, so that zip-based tools accept it too.
constexpr long long fixed_time = 499162500;
constexpr std::size_t largest_unpacked = std::size_t{1} << 30;

struct Source {
    std::string path;  // relative to the package
    bool executable = false;
};

Result<> collect(int dir, const std::string& prefix, int depth, std::vector<Source>& files) {
    if (depth > 64) return fail(Code::ARCHIVE, "directories are nested too deep to pack", prefix);
    PMX_TRY(const auto entries, list_dir(dir));
    for (const auto& entry : entries) {
        PMX_TRY(const auto stat, stat_at(dir, entry.name.c_str()));
        if (!stat) continue;
        const std::string path = prefix + entry.name;
        if (stat->is_dir()) {
            PMX_TRY(const auto child, open_dir_nofollow(dir, entry.name.c_str()));
            PMX_CHECK(collect(child.raw(), path + "/", depth + 1, files));
        } else if (stat->is_file()) {
            files.push_back({path, (stat->mode & S_IXUSR) != 0});
        }
    }
    return {};
}

void octal(char* field, std::size_t width, unsigned long long value) {
    for (std::size_t i = width - 1; i-- > 0;) {
        field[i] = static_cast<char>('0' + (value & 7));
        value >>= 3;
    }
    field[width - 1] = '\0';
}

void append_padded(std::string& tar, std::string_view bytes) {
    tar.append(bytes);
    tar.append((block - bytes.size() % block) % block, '\0');
}

void append_header(std::string& tar, std::string_view name, std::string_view prefix, std::size_t size, bool executable,
                   char type) {
    std::array<char, block> h{};
    name.copy(h.data(), 100);
    octal(&h[100], 8, executable ? 0755 : 0644);
    octal(&h[108], 8, 0);
    octal(&h[116], 8, 0);
    octal(&h[124], 12, size);
    octal(&h[136], 12, fixed_time);
    std::memset(&h[148], ' ', 8);
    h[156] = type;
    std::memcpy(&h[257], "ustar\00000", 8);
    prefix.copy(&h[345], 155);  // often empty: memcpy must not see its null
    unsigned sum = 0;
    for (const char c : h) sum += static_cast<unsigned char>(c);
    octal(&h[148], 7, sum);
    h[155] = ' ';
    tar.append(h.data(), h.size());
}

// "<length> path=<path>\n", where the length counts itself.
std::string pax_path(std::string_view path) {
    const std::size_t rest = path.size() + 7;  // " path=" and the line feed
    std::size_t total = rest + 1;
    while (std::to_string(total).size() + rest != total) ++total;
    return std::to_string(total) + " path=" + std::string(path) + "\n";
}

void append_file(std::string& tar, const std::string& path, std::string_view bytes, bool executable) {
    if (path.size() <= 100) {
        append_header(tar, path, {}, bytes.size(), executable, '0');
    } else {
        const auto slash = path.rfind('/', 155);
        const bool splits = slash != std::string::npos && path.size() - slash - 1 <= 100;
        if (splits) {
            append_header(tar, std::string_view(path).substr(slash + 1), std::string_view(path).substr(0, slash),
                          bytes.size(), executable, '0');
        } else {
            const std::string record = pax_path(path);
            append_header(tar, "PaxHeader/path", {}, record.size(), false, 'x');
            append_padded(tar, record);
            append_header(tar, std::string_view(path).substr(0, 100), {}, bytes.size(), executable, '0');
        }
    }
    append_padded(tar, bytes);
}

void append_le32(std::string& out, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::string gzip_stored(std::string_view bytes) {
    std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    std::size_t at = 0;
    do {
        const std::size_t n = std::min<std::size_t>(bytes.size() - at, 65535);
        out.push_back(at + n == bytes.size() ? '\1' : '\0');
        const auto length = static_cast<std::uint16_t>(n);
        const auto inverse = static_cast<std::uint16_t>(~length);
        for (const std::uint16_t v : {length, inverse}) {
            out.push_back(static_cast<char>(v & 0xff));
            out.push_back(static_cast<char>(v >> 8));
        }
        out.append(bytes.substr(at, n));
        at += n;
    } while (at < bytes.size());
    append_le32(out, libdeflate_crc32(0, bytes.data(), bytes.size()));
    append_le32(out, static_cast<std::uint32_t>(bytes.size()));
    return out;
}

Result<std::string> gunzip(std::string_view tgz, std::string_view subject) {
    const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> inflate(
        libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
    for (std::size_t room = std::max<std::size_t>(tgz.size() * 6, 65536); room <= largest_unpacked; room *= 2) {
        std::string out(room, '\0');
        std::size_t size = 0;
        const auto status =
            libdeflate_gzip_decompress(inflate.get(), tgz.data(), tgz.size(), out.data(), out.size(), &size);
        if (status == LIBDEFLATE_SUCCESS) {
            out.resize(size);
            return out;
        }
        if (status != LIBDEFLATE_INSUFFICIENT_SPACE) break;
    }
    return fail(Code::ARCHIVE, "cannot decompress the archive", std::string(subject));
}

}  // namespace

Result<std::string> pack_directory(const std::string& directory) {
    PMX_TRY(const auto root, open_dir(AT_FDCWD, directory.c_str()));
    std::vector<Source> files;
    PMX_CHECK(collect(root.raw(), "", 0, files));
    std::sort(files.begin(), files.end(), [](const Source& a, const Source& b) { return a.path < b.path; });
    std::string tar;
    for (const auto& file : files) {
        PMX_TRY(const auto bytes, read_file(root.raw(), file.path.c_str(), largest_unpacked));
        append_file(tar, "package/" + file.path, bytes, file.executable);
    }
    tar.append(2 * block, '\0');
    return gzip_stored(tar);
}

Result<std::string> manifest_of_tarball(std::string_view tgz, std::string_view subject) {
    std::string plain;
    if (tgz.starts_with("\x1f\x8b")) {
        PMX_TRY(plain, gunzip(tgz, subject));
    } else {
        plain.assign(tgz);
    }
    std::string_view tar = plain;
    std::string long_name;
    while (tar.size() >= block && tar[0] != '\0') {
        const std::string_view size_field = tar.substr(124, 12);
        std::size_t size = 0;
        for (const char c : size_field)
            if (c >= '0' && c <= '7') size = size * 8 + static_cast<std::size_t>(c - '0');
        const char type = tar[156];
        if (size > tar.size() - block) break;
        const std::string_view body = tar.substr(block, size);
        if (type == 'x' || type == 'L') {
            const auto at = body.find(" path=");
            long_name = type == 'L' ? std::string(body.data(), strnlen(body.data(), body.size()))
                        : at == std::string_view::npos
                            ? std::string()
                            : std::string(body.substr(at + 6, body.find('\n', at) - at - 6));
        } else {
            std::string name(tar.data(), strnlen(tar.data(), 100));
            if (!long_name.empty()) name = std::exchange(long_name, {});
            if (name.starts_with("./")) name.erase(0, 2);
            const auto slash = name.find('/');
            if ((type == '0' || type == '\0') && slash != std::string::npos && name.substr(slash) == "/package.json")
                return std::string(body);
        }
        tar.remove_prefix(std::min(tar.size(), block + (size + block - 1) / block * block));
    }
    return fail(Code::ARCHIVE, "no package.json in the archive", std::string(subject));
}

std::string gzip(std::string_view bytes) {
    const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> deflate(
        libdeflate_alloc_compressor(6), libdeflate_free_compressor);
    std::string out(libdeflate_gzip_compress_bound(deflate.get(), bytes.size()), '\0');
    out.resize(libdeflate_gzip_compress(deflate.get(), bytes.data(), bytes.size(), out.data(), out.size()));
    return out;
}

}  // namespace pmx::registry
