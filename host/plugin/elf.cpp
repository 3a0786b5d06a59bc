// Reads the dynamic symbols of a shared library without loading it: a library that is no plugin, or one of another
// major, is refused before any of its code has run.
#include <elf.h>

#include <algorithm>
#include <cstring>

#include <unistd.h>

#include "base/fs.hpp"
#include "base/metrics.hpp"
#include "plugin/instance.hpp"

namespace pmx {

namespace {

constexpr std::string_view kEntry = "pmx_plugin_entry_v";
constexpr std::uint64_t kLongestTable = 64u << 20;  // no plugin has a longer symbol or name table

// `length` bytes at `offset`; shorter where the file ends.
std::string slice(int fd, std::uint64_t offset, std::uint64_t length) {
    std::string bytes(static_cast<std::size_t>(std::min(length, kLongestTable)), '\0');
    if (offset > INT64_MAX) return {};
    count(Sys::read);
    ssize_t got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
}

// Element `i` of type T; false when it is not inside `bytes`.
template <class T>
bool read_at(std::string_view bytes, std::uint64_t i, T& out) {
    if (i >= bytes.size() / sizeof(T)) return false;
    std::memcpy(&out, bytes.data() + i * sizeof(T), sizeof(T));
    return true;
}

std::string_view name_at(std::string_view table, std::uint64_t offset) {
    if (offset >= table.size()) return {};
    std::string_view rest = table.substr(offset);
    return rest.substr(0, rest.find('\0'));
}

// Is everything that the dynamic linker will map inside the file? It would die of SIGBUS otherwise.
bool is_whole(int fd, const Elf64_Ehdr& header, std::uint64_t size) {
    if (header.e_ident[EI_CLASS] != ELFCLASS64) return true;
    auto fits = [&](std::uint64_t offset, std::uint64_t length) { return offset <= size && length <= size - offset; };
    if (!fits(header.e_shoff, std::uint64_t{header.e_shnum} * sizeof(Elf64_Shdr)) ||
        !fits(header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr)))
        return false;
    std::string segments = slice(fd, header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr));
    Elf64_Phdr segment;
    for (std::uint64_t i = 0; read_at(segments, i, segment); ++i)
        if (!fits(segment.p_offset, segment.p_filesz)) return false;
    return true;
}

void note_entry(std::string_view name, LibrarySymbols& found) {
    if (name.substr(0, kEntry.size()) != kEntry) return;
    std::string_view digits = name.substr(kEntry.size());
    if (digits.empty() || digits.size() > 4) return;
    unsigned major = 0;
    for (char c : digits) {
        if (c < '0' || c > '9') return;
        major = major * 10 + static_cast<unsigned>(c - '0');
    }
    found.majors.push_back(major);
    if (major == PMX_ABI_MAJOR) found.has_entry = true;
}

}  // namespace

Result<LibrarySymbols> library_symbols(const std::string& file) {
    PMX_TRY(Fd fd, open_read(AT_FDCWD, file.c_str()));
    LibrarySymbols found;
    Elf64_Ehdr header, own;
    if (!read_at(slice(fd.raw(), 0, sizeof header), 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
        found.fault = "it is not a shared library";
        return found;
    }
    // Our own machine, from our own header.
    PMX_TRY(Fd self, open_read(AT_FDCWD, "/proc/self/exe"));
    bool known = read_at(slice(self.raw(), 0, sizeof own), 0, own);
    if (known && (header.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] || header.e_ident[EI_DATA] != own.e_ident[EI_DATA] ||
                  header.e_machine != own.e_machine)) {
        found.fault = "it was built for another machine";
        return found;
    }
    if (header.e_type != ET_DYN) {
        found.fault = "it is not a shared library";
        return found;
    }
    PMX_TRY(FileStat stat, stat_fd(fd.raw()));
    if (!is_whole(fd.raw(), header, stat.size)) {
        found.fault = "it is damaged: shorter than its own headers say";
        return found;
    }
    found.unknown = true;
    if (header.e_ident[EI_CLASS] != ELFCLASS64) return found;
    std::string sections = slice(fd.raw(), header.e_shoff, std::uint64_t{header.e_shnum} * sizeof(Elf64_Shdr));
    for (unsigned i = 0; i < header.e_shnum; ++i) {
        Elf64_Shdr section, names;
        if (!read_at(sections, i, section) || section.sh_type != SHT_DYNSYM) continue;
        if (!read_at(sections, section.sh_link, names)) break;
        std::string table = slice(fd.raw(), names.sh_offset, names.sh_size);
        std::string symbols = slice(fd.raw(), section.sh_offset, section.sh_size);
        Elf64_Sym symbol;
        for (std::uint64_t n = 0; read_at(symbols, n, symbol); ++n)
            if (symbol.st_shndx != SHN_UNDEF) note_entry(name_at(table, symbol.st_name), found);
        found.unknown = false;
    }
    return found;
}

}  // namespace pmx
