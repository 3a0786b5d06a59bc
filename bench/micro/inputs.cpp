#include "inputs.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>

#include <fmt/format.h>
#include <unistd.h>

#include "base/fs.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "registry/pack.hpp"

namespace pmx::micro {
namespace {

// Not std::uniform_int_distribution: its numbers are each library's own.
class Dice {
  public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }

  private:
    std::mt19937_64 engine_;
};

std::string name_of(std::size_t i) { 
    return i % 3 == 0 ? fmt::format("@scope-{}/part-{}", i % 17, i) : fmt::format("library-{}-{}", i % 17, i);
}
std::string version_of(std::size_t i) { return fmt::format("{}.{}.{}", i % 7, i % 13, i % 29); }
std::string integrity_of(std::size_t i) {
    return "sha512-" + to_base64(hash(HashAlgorithm::sha512, std::to_string(i)).span());
}

void append_entry(std::string& tar, const std::string& path, std::string_view content) {
    char head[512] = {};
    path.copy(head, 100);
    std::snprintf(head + 100, 8, "%07o", 0644);
    std::snprintf(head + 124, 12, "%011zo", content.size());
    std::snprintf(head + 136, 12, "%011o", 499162500);
    std::memset(head + 148, ' ', 8);
    head[156] = '0';
    std::memcpy(head + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (const char c : head) sum += static_cast<unsigned char>(c);
    std::snprintf(head + 148, 8, "%06o", sum);
    tar.append(head, 512).append(content).append((512 - content.size() % 512) % 512, '\0');
}

}  // namespace

std::string lockfile_text(std::size_t packages) {
    Dice dice(1);
    std::string text = "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n  excludeLinksFromLockfile: false\n\n"
                       "importers:\n\n  .:\n    dependencies:\n";
    const auto quoted = [](const std::string& key) { return key[0] == '@' ? "'" + key + "'" : key; };
    for (std::size_t i = 0; i < packages; i += 10)
        text += fmt::format("      {}:\n        specifier: ^{}\n        version: {}\n", quoted(name_of(i)), version_of(i), version_of(i));
    std::string snapshots = "\nsnapshots:\n";
    text += "\npackages:\n";
    for (std::size_t i = 0; i < packages; ++i) {
        const std::string key = quoted(name_of(i) + "@" + version_of(i));
        text += fmt::format("\n  {}:\n    resolution: {{integrity: {}}}\n", key, integrity_of(i));
        if (i % 2 == 0) text += "    engines: {node: '>=18'}\n";
        if (i % 11 == 0) text += "    hasBin: true\n";
        std::set<std::size_t> dependencies;
        for (std::size_t n = dice.below(7); n > 0; --n) dependencies.insert(dice.below(packages));
        if (dependencies.empty()) {
            snapshots += fmt::format("\n  {}: {{}}\n", key);
            continue;
        }
        snapshots += fmt::format("\n  {}:\n    dependencies:\n", key);
        for (const std::size_t d : dependencies) snapshots += fmt::format("      {}: {}\n", quoted(name_of(d)), version_of(d));
    }
    return text + snapshots;
}

std::string packument_text(std::size_t versions) {
    Dice dice(2);
    std::string text;
    JsonWriter json(text);
    json.object().key("name").value("library").key("modified").value("2026-01-31T12:00:00.000Z");
    const auto version = [](std::size_t i) { return fmt::format("{}.{}.{}", i / 100, i / 10 % 10, i % 10); };
    json.key("dist-tags").object().key("latest").value(version(versions - 1)).end().key("versions").object();
    for (std::size_t i = 0; i < versions; ++i) {
        json.key(version(i)).object().key("name").value("library").key("version").value(version(i)).key("dependencies").object();
        for (std::size_t n = 0; n < 8; ++n) json.key(name_of(n * 5)).value("^" + version_of(dice.below(100)));
        json.end().key("engines").object().key("node").value(">=18").end();
        json.key("dist").object().key("integrity").value(integrity_of(i));
        json.key("tarball").value("https://registry.example/library/-/library-" + version(i) + ".tgz").end().end();
    }
    json.end().end();
    return text;
}

std::string archive(std::size_t files) {
    Dice dice(3);
    std::string tar;
    append_entry(tar, "package/package.json", R"({"name":"library","version":"1.0.0","bin":"lib/d0/f0.js"})");
    for (std::size_t i = 0; i < files; ++i) {
        std::string content;
        for (std::size_t lines = 5 + dice.below(120); lines > 0; --lines)
            content += fmt::format("export const value{} = require('./f{}') + {};\n", dice.below(50), dice.below(files), dice.below(100000));
        append_entry(tar, fmt::format("package/lib/d{}/f{}.js", i % 7, i), content);
    }
    tar.append(1024, '\0');
    return registry::gzip(tar);
}

Place::Place() {
    const char* wanted = std::getenv("PMX_MICRO_DIR");
    const char* temporary = std::getenv("TMPDIR");
    for (const char* below : {wanted, "/dev/shm", temporary, "/tmp"}) {
        if (!below) continue;
        std::string pattern = std::string(below) + "/pmx-micro-XXXXXX";
        if (!::mkdtemp(pattern.data())) continue;
        path = pattern;
        return;
    }
}

Place::~Place() {
    if (!path.empty()) (void)remove_tree(AT_FDCWD, path.c_str());
}

void Counted::resume() {
    const Allocations now = allocations();
    before_.count += now.count - paused_.count;
    before_.bytes += now.bytes - paused_.bytes;
}

void Counted::done() {
    const Allocations now = allocations();
    using benchmark::Counter;
    state_.counters["allocations"] = Counter(static_cast<double>(now.count - before_.count), Counter::kAvgIterations);
    state_.counters["allocated"] = Counter(static_cast<double>(now.bytes - before_.bytes), Counter::kAvgIterations);
}

bool failed(benchmark::State& state, const Error& error) {
    state.SkipWithError(to_string(error).c_str());
    return true;
}

}  // namespace pmx::micro
