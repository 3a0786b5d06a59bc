#include "model/platform.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "model/range.hpp"

namespace pmx {
namespace {

std::vector<std::string> resolved(const std::vector<std::string>& wanted, const std::string& current) {
    if (wanted.empty()) return {current};
    std::vector<std::string> out;
    for (const std::string& value : wanted) out.push_back(value == "current" ? current : value);
    return out;
}

std::vector<std::string_view> views(const std::vector<std::string>& list) {
    return {list.begin(), list.end()};
}

// Words of package names → Node's words.
struct Word {
    std::string_view word, value;
};
constexpr Word kOs[] = {{"linux", "linux"},
                        {"darwin", "darwin"},
                        {"macos", "darwin"},
                        {"osx", "darwin"},
                        {"win32", "win32"},
                        {"windows", "win32"},
                        {"android", "android"},
                        {"freebsd", "freebsd"},
                        {"openbsd", "openbsd"},
                        {"netbsd", "netbsd"},
                        {"sunos", "sunos"},
                        {"aix", "aix"},
                        {"openharmony", "openharmony"}};
constexpr Word kCpu[] = {{"x64", "x64"},          {"amd64", "x64"},       {"arm64", "arm64"},
                         {"aarch64", "arm64"},    {"ia32", "ia32"},       {"x86", "ia32"},
                         {"arm", "arm"},          {"armv7", "arm"},       {"ppc64", "ppc64"},
                         {"s390x", "s390x"},      {"riscv64", "riscv64"}, {"loong64", "loong64"},
                         {"mips64el", "mips64el"}};
constexpr Word kLibc[] = {{"musl", "musl"}, {"gnu", "glibc"}, {"glibc", "glibc"}};

std::string_view lookup(std::span<const Word> words, std::string_view word) {
    for (const Word& w : words)
        if (w.word == word) return w.value;
    return {};
}

}  // namespace

std::string detect_libc() {
#if defined(__GLIBC__)
    return "glibc";
#else
    // No macro names musl: a libc for Linux that is not glibc and whose loader lies in /lib.
    for (const char* loader : {"/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1"})
        if (::access(loader, F_OK) == 0) return "musl";
    return {};
#endif
}

Platform host_platform() {
    Platform host;
    struct utsname names {};
    if (::uname(&names) != 0) return host;
    host.os = to_lower_ascii(names.sysname);
    std::string_view machine = names.machine;
    host.cpu = machine == "x86_64"                                   ? "x64"
               : machine == "aarch64" || machine == "arm64"          ? "arm64"
               : machine.starts_with("i") && machine.ends_with("86") ? "ia32"
               : machine.starts_with("arm")                          ? "arm"
               : machine == "ppc64le"                                ? "ppc64"
               : machine == "loongarch64"                            ? "loong64"
                                                                     : std::string(machine);
    if (host.os == "linux") host.libc = detect_libc();
    return host;
}

SupportedPlatforms resolve_supported(const SupportedPlatforms& wanted, const Platform& host) {
    return {resolved(wanted.os, host.os), resolved(wanted.cpu, host.cpu), resolved(wanted.libc, host.libc)};
}

bool list_accepts(TextList list, std::span<const std::string> values) {
    if (list.size() == 1 && list[0] == "any") return true;
    std::size_t refusals = 0;
    bool named = false;
    for (std::string_view entry : list) {
        bool refusal = entry.starts_with('!');
        if (refusal) entry.remove_prefix(1);
        bool hit = std::find(values.begin(), values.end(), entry) != values.end();
        if (refusal && hit) return false;
        refusals += refusal;
        named = named || hit;
    }
    return named || refusals == list.size();
}

bool runs_on(TextList os, TextList cpu, TextList libc, const SupportedPlatforms& supported,
             PlatformRule rule) {
    if (!list_accepts(os, supported.os) || !list_accepts(cpu, supported.cpu)) return false;
    if (libc.empty()) return true;
    bool known =
        std::any_of(supported.libc.begin(), supported.libc.end(), [](const auto& v) { return !v.empty(); });
    return known ? list_accepts(libc, supported.libc) : rule == PlatformRule::pnpm;
}

bool runs_on(const Manifest& manifest, const SupportedPlatforms& supported, PlatformRule rule) {
    return runs_on(views(manifest.os), views(manifest.cpu), views(manifest.libc), supported, rule);
}

void infer_platform(std::string_view name, std::vector<std::string>& os, std::vector<std::string>& cpu,
                    std::vector<std::string>& libc) {
    std::string words =
        to_lower_ascii(name.substr(name.starts_with('@') ? std::min(name.find('/'), name.size()) : 0));
    std::string os_told, cpu_told, libc_told;
    for (std::size_t at = 0; at <= words.size();) {
        std::size_t end = std::min(words.find_first_of("-_./", at), words.size());
        std::string_view word = std::string_view(words).substr(at, end - at);
        if (auto value = lookup(kOs, word); !value.empty() && os_told.empty()) os_told = value;
        if (auto value = lookup(kCpu, word); !value.empty() && cpu_told.empty()) cpu_told = value;
        if (auto value = lookup(kLibc, word); !value.empty() && libc_told.empty()) libc_told = value;
        at = end + 1;
    }
    bool declared = !os.empty() || !cpu.empty() || !libc.empty();
    if (os_told.empty() && !declared) return;
    if (os.empty() && !os_told.empty()) os = {os_told};
    if (cpu.empty() && !cpu_told.empty()) cpu = {cpu_told};
    if (libc.empty() && !libc_told.empty()) libc = {libc_told};
}

std::vector<std::string> unsupported_engines(const TextMap& wanted, const TextMap& current) {
    std::vector<std::string> out;
    for (const auto& [engine, version] : current) {
        const std::string* range = find(wanted, engine);
        if (range && !range->empty() && !satisfies(version, *range, {.include_prerelease = true}))
            out.push_back(engine);
    }
    return out;
}

}  // namespace pmx
