#include "install/state.hpp"

#include <charconv>
#include <ctime>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "base/fs.hpp"
#include "base/hash.hpp"
#include "base/metrics.hpp"
#include "base/text.hpp"

namespace pmx {
namespace {

constexpr std::string_view kHeader = "pmx-state 1";
constexpr const char* kFile = ".pmx/state";
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kTick = 20'000'000;  // ns; the slowest clock ticks every 10 ms

// Settings that say how a run behaves, not what the tree is.
bool shapes_the_tree(std::string_view name) {
    for (std::string_view other : {"reporter", "timing", "timing-file", "explain", "loglevel", "network-concurrency", "resolve-concurrency", "unpack-concurrency",
                                   "link-concurrency", "frozen-lockfile", "prefer-frozen-lockfile", "offline", "prefer-offline", "dir",
                                   "user-agent", "fetch-retries", "fetch-retry-factor", "fetch-retry-mintimeout", "fetch-retry-maxtimeout",
                                   "fetch-timeout", "check", "force", "color", "cache-dir"})
        if (name == other) return false;
    return true;
}

std::string line_of(char kind, const Witness& w) {
    if (!w.exists) return fmt::format("{} - 0 0 {}\n", kind, w.path);
    return fmt::format("{} {} {} {} {}\n", kind, w.size, w.mtime_ns, w.inode, w.path);
}

template <class Number>
bool number(std::string_view& line, Number& out) {
    std::size_t end = line.find(' ');
    if (end == std::string_view::npos) return false;
    auto [at, error] = std::from_chars(line.data(), line.data() + end, out);
    if (error != std::errc() || at != line.data() + end) return false;
    line.remove_prefix(end + 1);
    return true;
}

bool parse_witness(std::string_view line, Witness& w) {
    if (line.starts_with("- 0 0 ")) {
        w.path = line.substr(6);
        return true;
    }
    w.exists = true;
    if (!number(line, w.size) || !number(line, w.mtime_ns) || !number(line, w.inode)) return false;
    w.path = line;
    return true;
}

}  // namespace

Result<Witness> witness(const std::string& path, bool directory) {
    Witness w;
    w.path = path;
    PMX_TRY(std::optional<FileStat> info, stat_at(AT_FDCWD, path.c_str()));
    if (!info) return w;
    w.exists = true;
    w.size = directory ? 0 : info->size;
    w.mtime_ns = info->mtime_ns;
    w.inode = info->inode;
    return w;
}

Result<Witness> witness_of_own(const std::string& path) {
    PMX_TRY(Witness w, witness(path, true));
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    if (!w.exists || now.tv_sec * kSecond + now.tv_nsec - w.mtime_ns > kTick) return w;
    const std::int64_t before = w.mtime_ns - 1000;
    const timespec times[2] = {{0, UTIME_OMIT}, {before / kSecond, before % kSecond}};
    count(Sys::other);
    if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return w;
    return witness(path, true);
}

std::string settings_fingerprint(const Settings& settings) {
    std::string whole;
    auto add = [&](std::string_view text) {
        whole += text;
        whole += '\0';
    };
    for (const auto& [name, setting] : settings.values) {
        if (!shapes_the_tree(name)) continue;
        add(name);
        for (const std::string& item : setting.items) add(item);
    }
    for (const auto& [name, allowed] : settings.allow_builds) add(name), add(allowed ? "yes" : "no");
    for (const auto* list : {&settings.supported_os, &settings.supported_cpu, &settings.supported_libc,
                             &settings.ignored_optional_dependencies}) {
        add("list");
        for (const std::string& item : *list) add(item);
    }
    for (const auto* pairs : {&settings.overrides, &settings.patched_dependencies}) {
        add("pairs");
        for (const auto& [key, value] : *pairs) add(key), add(value);
    }
    return quick_hash_hex(whole);
}

std::vector<std::string> plugin_files(const Settings& settings) {
    std::vector<std::string> files;
    for (const char* name : {"linker", "import", "fetcher", "validator"})
        for (const std::string& item : settings.list(name))
            if (item.find('/') != std::string::npos) files.push_back(join_path(current_dir(), item));
    return files;
}

bool is_shipped_linker(std::string_view linker) { return linker == "isolated" || linker == "hoisted" || linker == "global"; }

std::string layout_identity(const Settings& settings, std::string_view linker) {
    if (is_shipped_linker(linker)) return {};
    std::string whole(linker);
    for (const std::string& item : settings.list("plugin-option")) whole.append(1, '\0').append(item);
    if (linker.find('/') != linker.npos)
        if (auto file = witness(join_path(current_dir(), linker), false)) whole.append(1, '\0').append(line_of('f', *file));
    return quick_hash_hex(whole);
}

std::string state_file(const std::string& modules) { return join_path(modules, kFile); }

std::optional<State> read_state(const std::string& modules) {
    auto text = read_file_if_exists(AT_FDCWD, state_file(modules).c_str(), 64u << 20);
    if (!text || !*text) return std::nullopt;
    std::string_view rest = **text;
    State state;
    bool header = false, complete = false;
    while (!rest.empty()) {
        std::size_t end = rest.find('\n');
        if (end == std::string_view::npos) return std::nullopt;
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        if (!header) {
            if (line != kHeader) return std::nullopt;
            header = true;
        } else if (line == "end") {
            complete = true;
        } else if (line.starts_with("f ") || line.starts_with("d ")) {
            Witness w;
            if (!parse_witness(line.substr(2), w)) return std::nullopt;
            (line[0] == 'f' ? state.inputs : state.directories).push_back(std::move(w));
        } else if (line.starts_with("settings ")) {
            state.fingerprint = line.substr(9);
        } else if (line.starts_with("linker ")) {
            state.linker = line.substr(7);
        } else if (line.starts_with("lockfile ")) {
            state.lockfile = line.substr(9);
        } else if (line.starts_with("check ")) {
            state.check = line.substr(6);
        } else {
            return std::nullopt;
        }
    }
    if (!complete) return std::nullopt;
    return state;
}

Result<> write_state(const std::string& modules, const State& state) {
    std::string text = fmt::format("{}\nsettings {}\nlinker {}\nlockfile {}\ncheck {}\n", kHeader, state.fingerprint, state.linker,
                                   state.lockfile, state.check);
    for (const Witness& w : state.inputs) {
        if (w.path.find('\n') != std::string::npos) return {};  // never up to date, always right
        text += line_of('f', w);
    }
    for (const Witness& w : state.directories) {
        if (w.path.find('\n') != std::string::npos) return {};
        text += line_of('d', w);
    }
    text += "end\n";
    PMX_CHECK(make_dirs(AT_FDCWD, join_path(modules, ".pmx")));
    return write_file_atomically(AT_FDCWD, state_file(modules).c_str(), text, Durable::no);
}

Result<> forget_state(const std::string& modules) { return remove_file(AT_FDCWD, state_file(modules).c_str()); }

bool holds(const State& state, const Settings& settings) {
    if (state.fingerprint != settings_fingerprint(settings)) return false;
    for (const Witness& w : state.inputs) {
        auto now = witness(w.path, false);
        if (!now || !(*now == w)) return false;
    }
    for (const Witness& w : state.directories) {
        auto now = witness(w.path, true);
        if (!now || !(*now == w)) return false;
    }
    return true;
}

}  // namespace pmx
