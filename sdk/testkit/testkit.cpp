#include "pmx/testkit.hpp"

#include <cstdlib>
#include <filesystem>

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lend.hpp"
#include "process.hpp"

namespace pmx::testkit {

namespace {

namespace fs = std::filesystem;

const std::vector<Case>& all_cases() {
    static const std::vector<Case> all = [] {
        std::vector<Case> list;
        for (auto part : {library_cases(), contract_cases(), layout_cases(), importer_cases(), fetcher_cases(), validator_cases()})
            list.insert(list.end(), part.begin(), part.end());
        return list;
    }();
    return all;
}

bool is_chosen(std::string_view name, const std::vector<std::string>& only) {
    for (std::string_view pattern : only) {
        if (pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : name == pattern) return true;
    }
    return only.empty();
}

// A directory that is empty now and gone afterwards.
class Scratch {
  public:
    explicit Scratch(std::string parent) : path_(std::move(parent) + "/pmx-check-XXXXXX") {
        if (!::mkdtemp(path_.data())) path_.clear();
    }
    ~Scratch() {
        if (path_.empty()) return;
        std::error_code ignored;
        // A case may have taken rights away, or died while it had.
        for (fs::recursive_directory_iterator at(path_, fs::directory_options::skip_permission_denied, ignored), end; !ignored && at != end;
             at.increment(ignored))
            if (at->is_directory(ignored) && !at->is_symlink(ignored)) ::chmod(at->path().c_str(), 0700);
        fs::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

std::string temporary_dir() {
    const char* set = std::getenv("TMPDIR");
    return set && *set ? set : "/tmp";
}

// The kind, read in a child: loading it here would leave it here.
std::string kind_of(const Subject& subject, const Options& options) {
    if (subject.table) {
        Bench bench;
        bench.table = subject.table;
        return bench.kind();
    }
    Verdict verdict = run_apart(options, [&] {
        void* library = ::dlopen(subject.file.c_str(), RTLD_NOW | RTLD_LOCAL);
        auto entry = library ? reinterpret_cast<pmx_plugin_entry>(::dlsym(library, PMX_ENTRY_SYMBOL)) : nullptr;
        const pmx_plugin* table = entry ? entry() : nullptr;
        Bench bench;
        bench.table = table;
        skip(table && PMX_HAS(table, pmx_plugin, kind) && table->kind ? bench.kind() : "");
    });
    return verdict.outcome == Outcome::skip ? verdict.detail : "";
}

void run_case(const Case& one, const Subject& subject, const Options& options, const std::string& scratch, const std::string& memory) {
    Bench bench;
    bench.file = subject.file;
    bench.scratch = scratch;
    bench.memory = memory;
    std::seed_seq sequence{options.seed, static_cast<std::uint64_t>(std::hash<std::string_view>{}(one.info.name))};
    bench.random.seed(sequence);
    // Whatever the plugin takes for the user's lies in the scratch directory.
    for (const char* name : {"HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"}) ::setenv(name, scratch.c_str(), 1);
    for (const char* name : {"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
    if (::chdir(scratch.c_str()) != 0) fail("the kit cannot use its directory ", scratch);
    ::umask(022);
    watch_lent();
    bool of_file = one.info.name == "library.version" || one.info.name == "library.symbols" || one.info.name == "library.load" ||
                   one.info.name == "library.reload";
    if (subject.table) {
        bench.table = subject.table;
    } else if (!of_file) {
        doing("loading");
        void* library = ::dlopen(subject.file.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!library) fail("it cannot be loaded: ", ::dlerror());
        auto entry = reinterpret_cast<pmx_plugin_entry>(::dlsym(library, PMX_ENTRY_SYMBOL));
        bench.table = entry ? entry() : nullptr;
        if (!bench.table) fail("it has no table");
        doing("");
    }
    if (bench.table && bench.kind() == "fetcher") bench.usual = {{"fetch-retries", {"0"}}, {"fetch-timeout", {"600"}}};
    if (bench.table && bench.table->name) {
        const std::string own = std::string(bench.table->name) + '.';
        for (const auto& [name, items] : options.values)
            if (name.starts_with(own)) bench.usual[name.substr(own.size())] = items;
    }
    one.run(bench);
}

}  // namespace

std::string_view word(Outcome outcome) {
    static constexpr std::string_view words[] = {"pass", "warn", "skip", "fail", "crash"};
    return words[static_cast<int>(outcome)];
}

std::span<const CaseInfo> cases() {
    static const std::vector<CaseInfo> infos = [] {
        std::vector<CaseInfo> list;
        for (const Case& one : all_cases()) list.push_back(one.info);
        return list;
    }();
    return infos;
}

std::string Bench::kind() const {
    std::string_view kind = table && table->kind ? table->kind : "";
    return std::string(kind.substr(0, kind.find('/')));
}

void Bench::breach(std::string rule, std::string text) {
    std::lock_guard lock(mutex_);
    if (breaches_.size() < 100) breaches_.push_back({std::move(rule), std::move(text)});
}

void Bench::no_breach(std::string_view rule) const {
    std::lock_guard lock(mutex_);
    for (const Breach& breach : breaches_)
        if (breach.rule == rule) fail(breach.text);
}

std::vector<Verdict> check(const Subject& subject, const Options& options) {
    std::vector<Verdict> verdicts;
    Subject absolute = subject;
    if (!absolute.file.empty()) absolute.file = fs::absolute(absolute.file).lexically_normal();
    std::string failed_gate, kind;
    for (const Case& one : all_cases()) {
        if (options.stop && options.stop()) break;
        bool of_kind = one.info.kind.empty() || one.info.kind == kind;
        // A gate runs even when it was not chosen: what comes behind it would run into what it keeps out.
        bool chosen = is_chosen(one.info.name, options.only);
        if (!one.is_gate && (!chosen || !of_kind)) continue;
        Verdict verdict{std::string(one.info.name), Outcome::skip, "not run, because of " + failed_gate, 0};
        if (failed_gate.empty()) {
            Scratch scratch(temporary_dir()), memory("/dev/shm");
            verdict = run_apart(options, [&] { run_case(one, absolute, options, scratch.path(), memory.path()); });
            verdict.name = one.info.name;
        }
        bool bad = verdict.outcome == Outcome::fail || verdict.outcome == Outcome::crash;
        if (one.is_gate && bad) failed_gate = one.info.name;
        // The last gate has shown that the table can be read.
        if (one.info.name == "library.table" && !bad && failed_gate.empty()) kind = kind_of(absolute, options);
        if (!chosen && !bad) continue;
        if (options.told) options.told(verdict);
        verdicts.push_back(std::move(verdict));
    }
    return verdicts;
}

}  // namespace pmx::testkit
