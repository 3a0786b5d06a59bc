// Cases of the library: what it exports, what happens while it is loaded, and what its table says. The gates among them
// come first: behind one that fails nothing else of the plugin is run.
#include <csignal>
#include <cstring>

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "pmx/fetcher.h"
#include "pmx/importer.h"
#include "pmx/layout.h"
#include "pmx/validator.h"
#include "process.hpp"

namespace pmx::testkit {

namespace {

constexpr std::string_view kEntry = "pmx_plugin_entry_v";

void needs_file(const Bench& bench) {
    if (bench.file.empty()) skip("a table in memory has no library");
}

struct Symbol {
    std::string name;
    bool is_strong;
};

template <class T>
T read_at(const std::string& bytes, std::uint64_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) fail("the file is damaged: shorter than its own headers say");
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

// What the library defines for others, read from the file: nothing of it runs.
std::vector<Symbol> exported(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(in)), {});
    expect(in.good() || !bytes.empty(), "the file cannot be read");
    auto header = bytes.size() < sizeof(Elf64_Ehdr) ? Elf64_Ehdr{} : read_at<Elf64_Ehdr>(bytes, 0);
    expect(std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_type == ET_DYN, "it is not a shared library");
    if (header.e_ident[EI_CLASS] != ELFCLASS64) skip("its symbols cannot be read on this machine");
    std::vector<Symbol> symbols;
    for (unsigned i = 0; i < header.e_shnum; ++i) {
        auto section = read_at<Elf64_Shdr>(bytes, header.e_shoff + i * sizeof(Elf64_Shdr));
        if (section.sh_type != SHT_DYNSYM) continue;
        auto names = read_at<Elf64_Shdr>(bytes, header.e_shoff + section.sh_link * sizeof(Elf64_Shdr));
        for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= section.sh_size; at += sizeof(Elf64_Sym)) {
            auto symbol = read_at<Elf64_Sym>(bytes, section.sh_offset + at);
            unsigned binding = ELF64_ST_BIND(symbol.st_info), type = ELF64_ST_TYPE(symbol.st_info);
            if (symbol.st_shndx == SHN_UNDEF || binding == STB_LOCAL || (type != STT_FUNC && type != STT_OBJECT)) continue;
            std::uint64_t name = names.sh_offset + symbol.st_name;
            std::size_t end = name < bytes.size() ? bytes.find('\0', name) : bytes.npos;
            if (end != bytes.npos) symbols.push_back({bytes.substr(name, end - name), binding == STB_GLOBAL});
        }
    }
    return symbols;
}

// C++ templates of the standard library are weak symbols that every library may have; strong ones are the author's.
void one_symbol(Bench& bench) {
    needs_file(bench);
    std::string others;
    bool has_entry = false;
    for (const Symbol& symbol : exported(bench.file)) {
        bool is_entry = symbol.name.substr(0, kEntry.size()) == kEntry &&
                        symbol.name.find_first_not_of("0123456789", kEntry.size()) == symbol.name.npos;
        has_entry |= is_entry;
        if (!is_entry && symbol.is_strong) others += (others.empty() ? "" : ", ") + symbol.name;
    }
    expect(has_entry, "it does not export " PMX_ENTRY_SYMBOL ": use one of the PMX_… macros, or PMX_EXPORT and PMX_ENTRY");
    expect(others.empty(), "it exports more than the entry: ", others.substr(0, 300),
           "; compile with -fvisibility=hidden, as pmx_add_plugin() does");
}

void right_major(Bench& bench) {
    needs_file(bench);
    std::string majors;
    for (const Symbol& symbol : exported(bench.file)) {
        if (symbol.name == PMX_ENTRY_SYMBOL) return;
        if (symbol.name.substr(0, kEntry.size()) == kEntry) majors += " " + symbol.name.substr(kEntry.size());
    }
    if (majors.empty()) skip("it has no entry at all");
    fail("it was built for version", majors, " of the interface, and this kit is for version ", PMX_ABI_MAJOR);
}

const pmx_plugin* table_of(void* library) {
    pmx_plugin_entry entry;
    *reinterpret_cast<void**>(&entry) = ::dlsym(library, PMX_ENTRY_SYMBOL);
    if (!entry) fail("it does not export " PMX_ENTRY_SYMBOL);
    return entry();
}

void* load(const Bench& bench) {
    doing("loading");
    void* library = ::dlopen(bench.file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) fail("it cannot be loaded: ", ::dlerror());
    return library;
}

// Threads, programs, sockets and files are forbidden while it is loaded; handlers, descriptors and output are compared.
void loads_quietly(Bench& bench) {
    needs_file(bench);
    std::vector<int> before = descriptors();
    struct sigaction handlers[32];
    for (int i = 1; i < 32; ++i) ::sigaction(i, nullptr, &handlers[i]);
    char dir[4096], there[4096];
    expect(::getcwd(dir, sizeof dir), "there is no working directory");
    off_t said = ::lseek(STDOUT_FILENO, 0, SEEK_END);
    forbid(no_threads | no_processes | no_network | no_writing);
    void* library = load(bench);
    doing("the entry function");
    const pmx_plugin* table = table_of(library);
    expect(table, "the entry function returned no table");
    expect(table_of(library) == table, "the entry function returned another table the second time");
    doing("");
    expect(::lseek(STDOUT_FILENO, 0, SEEK_END) == said, "it printed something");
    expect(descriptors() == before, "it left descriptors open");
    expect(::getcwd(there, sizeof there) && std::strcmp(dir, there) == 0, "it changed the working directory");
    for (int i = 1; i < 32; ++i) {
        struct sigaction now;
        if (i == SIGSYS || ::sigaction(i, nullptr, &now) != 0) continue;
        expect(now.sa_handler == handlers[i].sa_handler, "it changed what happens on signal ", i, ", ", ::strsignal(i));
    }
}

void loads_again(Bench& bench) {
    needs_file(bench);
    for (int round = 0; round < 3; ++round) {
        void* library = load(bench);
        const pmx_plugin* table = table_of(library);
        expect(table && table->name && *table->name, "the table has no name");
        doing("unloading");
        expect(::dlclose(library) == 0, "it cannot be unloaded: ", ::dlerror());
    }
    // In use, loaded once more, and closed once: still there.
    void* library = load(bench);
    const pmx_plugin* table = table_of(library);
    ::dlclose(load(bench));
    expect(table_of(library) == table, "the table moved when the library was loaded a second time");
}

bool is_kebab(std::string_view name) {
    if (name.empty() || name.size() > 64 || name.front() == '-' || name.back() == '-') return false;
    for (char c : name)
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
    return true;
}

void right_minor(Bench& bench) {
    const pmx_plugin& table = *bench.table;
    expect(table.size >= offsetof(pmx_plugin, capabilities) && table.size < 65536, "the table says that it is ", table.size, " bytes long");
    expect(table.abi_major == PMX_ABI_MAJOR, "the table says that it is for version ", table.abi_major, " of the interface");
    expect(table.needs_minor <= PMX_ABI_MINOR, "it needs version ", PMX_ABI_MAJOR, ".", table.needs_minor,
           " of the interface, and this kit has ", PMX_ABI_MAJOR, ".", PMX_ABI_MINOR);
}

void whole_table(Bench& bench) {
    const pmx_plugin& table = *bench.table;
    expect(PMX_HAS(&table, pmx_plugin, destroy), "the table is ", table.size, " bytes long: too short");
    expect(table.name && table.version && table.summary && table.kind && table.functions && table.create && table.destroy,
           "the table has empty fields");
    expect(is_kebab(table.name), "the name \"", table.name, "\" is not kebab-case");
    if (!bench.file.empty()) {
        std::string stem = bench.file.substr(bench.file.rfind('/') + 1);
        stem = stem.substr(0, stem.rfind(".so"));
        // pmx finds it by the name of the file; a copy under another name is nobody's fault.
        if (stem.find(table.name) == stem.npos) doing(text("the file is called ", stem));
    }
    expect(*table.version, "it has no version");
    expect(*table.summary && !std::strchr(table.summary, '\n'), "the summary is not one sentence");
    constexpr std::uint32_t known = PMX_CAP_THREADS | PMX_CAP_NETWORK | PMX_CAP_PROCESS | PMX_CAP_BLOCKING | PMX_CAP_DRAFT;
    expect((table.capabilities & ~known) == 0, "it has capabilities that nobody knows: bits ", std::hex, table.capabilities & ~known);
    std::string_view kind = table.kind;
    auto size = [&](std::uint32_t has, std::size_t needs) {
        expect(has >= needs, "the table of functions is ", has, " bytes long, and ", needs, " are needed");
    };
    if (kind == PMX_KIND_LAYOUT) {
        size(bench.functions<pmx_layout>().size, sizeof(pmx_layout));
        expect(bench.functions<pmx_layout>().plan, "plan is missing");
    } else if (kind == PMX_KIND_IMPORTER) {
        size(bench.functions<pmx_importer>().size, sizeof(pmx_importer));
        expect(bench.functions<pmx_importer>().import, "import is missing");
    } else if (kind == PMX_KIND_FETCHER) {
        const auto& functions = bench.functions<pmx_fetcher>();
        size(functions.size, sizeof(pmx_fetcher));
        expect(functions.fetch && functions.schemes && *functions.schemes, "fetch or schemes is missing");
        for (const char* c = functions.schemes; *c; ++c)
            expect(!(*c >= 'A' && *c <= 'Z') && *c != ' ', "the schemes are a list like \"http,https\", not \"", functions.schemes, "\"");
    } else if (kind == PMX_KIND_VALIDATOR) {
        const auto& functions = bench.functions<pmx_validator>();
        size(functions.size, offsetof(pmx_validator, begin_archive));  // a later field may be missing
        expect(functions.check_archive || functions.check_object || functions.check_manifest, "it checks nothing: all functions are NULL");
    } else {
        fail("the kind \"", kind, "\" is none of layout/1, importer/1, fetcher/1, validator/1");
    }
}

bool is_integer(std::string_view text) {
    if (!text.empty() && text.front() == '-') text.remove_prefix(1);
    return !text.empty() && text.size() < 19 && text.find_first_not_of("0123456789") == text.npos;
}

void right_options(Bench& bench) {
    const pmx_plugin& table = *bench.table;
    if (table.option_count == 0) return;
    expect(table.options && table.option_size >= sizeof(pmx_option), "the options are missing, or option_size is too short");
    std::vector<std::string> names;
    for (std::size_t i = 0; i < table.option_count; ++i) {
        const auto& o = *reinterpret_cast<const pmx_option*>(reinterpret_cast<const char*>(table.options) + i * table.option_size);
        expect(o.name && o.summary && *o.summary, "option ", i, " has no name or no summary");
        expect(is_kebab(o.name), "the name of option \"", o.name, "\" is not kebab-case");
        for (const std::string& other : names) expect(other != o.name, "option ", o.name, " is declared twice");
        names.push_back(o.name);
        expect(o.type <= PMX_OPTION_LIST, "option ", o.name, " has type ", o.type, ", which is none");
        std::string_view value = o.default_value ? o.default_value : "";
        if (o.type == PMX_OPTION_BOOL) expect(value == "true" || value == "false", "the default of ", o.name, " is neither true nor false");
        if (o.type == PMX_OPTION_INT && o.default_value) {
            expect(is_integer(value), "the default of ", o.name, " is no whole number");
            long long number = std::strtoll(o.default_value, nullptr, 10);
            expect(o.minimum <= o.maximum, "the bounds of ", o.name, " are the wrong way round");
            expect(o.minimum == o.maximum || (number >= o.minimum && number <= o.maximum), "the default of ", o.name, " is out of its bounds");
        }
        if (o.choices && o.default_value && o.type != PMX_OPTION_LIST)
            expect(text("|", o.choices, "|").find(text("|", value, "|")) != std::string::npos, "the default of ", o.name, " is none of its choices");
    }
}

}  // namespace

std::vector<Case> library_cases() {
    return {
        {{"library.version", "", "the major version of the interface is one that the host knows"}, right_major, true},
        {{"library.symbols", "", "it exports the entry function and nothing else"}, one_symbol, true},
        {{"library.load", "", "loading it starts nothing, writes nothing, prints nothing and changes nothing"}, loads_quietly, true},
        {{"library.minor", "", "it needs no newer minor version than the host has"}, right_minor, true},
        {{"library.table", "", "sizes, names, kind and functions of the table are whole"}, whole_table, true},
        {{"library.options", "", "the options are declared so that the host can read them"}, right_options, true},
        {{"library.reload", "", "it can be unloaded and loaded again"}, loads_again},
    };
}

}  // namespace pmx::testkit
