#include "cli/registry_record.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "cli/progress.hpp"
#include "config/workspace.hpp"
#include "install/read.hpp"
#include "install/run.hpp"
#include "install/transport.hpp"
#include "model/contained_path.hpp"
#include "model/integrity.hpp"
#include "model/platform.hpp"
#include "resolve/pick.hpp"

namespace pmx {
namespace {

constexpr std::size_t kLargestLockfile = 256u << 20;
constexpr std::size_t kLargestPackument = 512u << 20;
constexpr std::size_t kLargestArchive = 1u << 30;
constexpr std::size_t kToldFailures = 20;
constexpr std::string_view kAbbreviatedForm = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8";

// Everything of one project: its settings say which registry a name belongs to.
class Recorder {
  public:
    Recorder(const RecordOptions& options, const Settings& settings, int into, RecordReport& report)
        : options_(options), settings_(settings), into_(into), report_(report),
          reporter_(make_reporter(settings, metrics_, Screen{[](std::string_view) {}, false, false})),
          plugins_(plugin_path(settings), host_services(settings, metrics_, *reporter_, *options.cancel)),
          transport_(settings, plugins_, *options.cancel),
          supported_(resolve_supported({settings.supported_os, settings.supported_cpu, settings.supported_libc}, host_platform())) {}
    // Callbacks use this: none may be left.
    ~Recorder() {
        std::unique_lock lock(mutex_);
        arrived_.wait(lock, [&] { return under_way_ == 0; });
    }

    Result<> want_lockfile(const std::string& path);
    Result<> want_manifests();
    Result<> run();

  private:
    struct Want {
        Specifier specifier;
        bool optional = false;
    };
    struct Name {
        std::set<std::string> seen;  // specifiers, so that each is followed once
        std::vector<Want> open;
        std::set<std::string> chosen;  // versions that are followed
        bool there = false, queued = false, unknown = false;
    };
    struct Job {
        std::string name, file, integrity;  // file "": the packument
        bool pinned = false;                // by a lockfile
        FetchRequest request;
    };
    struct Arrival {
        Job job;
        Result<FetchResponse> answer;
    };

    Name* name_of(std::string_view name);
    void want(const Specifier& specifier, bool optional);
    void want_all(const TextMap& dependencies, bool optional, const Manifest& by);
    void want_dependencies(const Manifest& manifest, bool with_dev);
    void want_archive(std::string_view name, std::string file, std::string_view url, std::string_view integrity, bool pinned);
    Result<> look_at(const std::string& name);
    void follow(Name& name, const Packument& packument, const std::vector<Want>& wants);
    void start();
    Result<> take(Arrival arrival);
    Result<> put(const std::string& dir, const std::string& file, std::string_view bytes);
    void failed(Error error);
    void tell_progress(bool now);

    const RecordOptions& options_;
    const Settings& settings_;
    const int into_;
    RecordReport& report_;
    Metrics metrics_;
    std::unique_ptr<Reporter> reporter_;
    Plugins plugins_;
    Transport transport_;
    const SupportedPlatforms supported_;
    Policy policy_, any_age_;  // what a careful client may choose, and what the others do
    std::set<std::string> own_;  // names of the workspace's projects: no registry has them
    std::map<std::string, Name, std::less<>> names_;
    std::set<std::string> archives_;
    std::deque<std::string> ready_;  // names to look at
    std::deque<Job> jobs_;
    std::size_t failures_ = 0;
    Error first_failure_;
    std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();

    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Arrival> arrivals_;
    std::size_t under_way_ = 0;
};

std::string packument_url(const std::string& registry, std::string_view name) {
    return registry + replace_all(std::string(name), "/", "%2f");
}

Recorder::Name* Recorder::name_of(std::string_view name) {
    if (!is_safe_package_name(name) || own_.count(std::string(name))) return nullptr;
    auto [at, fresh] = names_.try_emplace(std::string(name));
    if (fresh && !options_.archives_only) {
        at->second.queued = true;
        ready_.push_back(at->first);
    }
    return &at->second;
}

void Recorder::want(const Specifier& specifier, bool optional) {
    if (specifier.kind > SpecifierKind::tag) return;
    Name* name = name_of(specifier.name);
    if (!name || options_.locked || !name->seen.insert(specifier.value + (optional ? "?" : "")).second) return;
    name->open.push_back({specifier, optional});
    if (!name->queued && !name->unknown) {
        name->queued = true;
        ready_.push_back(specifier.name);
    }
}

void Recorder::want_all(const TextMap& dependencies, bool optional, const Manifest& by) {
    for (const auto& [alias, text] : dependencies) {
        if (!optional && (find(by.optional_dependencies, alias) || by.is_optional_peer(alias))) continue;
        // What cannot be read no client would install either.
        if (auto parsed = parse_specifier(alias, text)) want(*parsed, optional);
    }
}

void Recorder::want_dependencies(const Manifest& manifest, bool with_dev) {
    want_all(manifest.dependencies, false, manifest);
    want_all(manifest.optional_dependencies, true, manifest);
    want_all(manifest.peer_dependencies, false, manifest);
    if (with_dev) want_all(manifest.dev_dependencies, false, manifest);
}

Result<> Recorder::want_manifests() {
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    PMX_TRY(policy_, policy_from(settings_, now.count()));
    any_age_ = policy_;
    any_age_.newest.clear();
    PMX_TRY(const auto projects, workspace_projects(settings_.root, settings_.workspace_packages));
    for (const auto& project : projects) own_.insert(project.manifest.name);
    own_.erase("");
    for (const auto& project : projects) want_dependencies(project.manifest, true);
    for (const auto& [catalog, entries] : policy_.catalogs)
        for (const auto& [alias, text] : entries)
            if (auto parsed = parse_specifier(alias, text)) want(*parsed, false);
    for (const auto& [selector, text] : policy_.overrides) {
        auto target = parse_package_argument(std::string_view(selector).substr(selector.rfind('>') + 1));
        if (!target) continue;
        if (auto parsed = parse_specifier(target->name, text)) want(*parsed, false);
    }
    return {};
}

Result<> Recorder::want_lockfile(const std::string& path) {
    PMX_TRY(std::string text, read_file(AT_FDCWD, path.c_str(), kLargestLockfile));
    PMX_TRY(const Lockfile lockfile, read_lockfile(base_name(path), std::move(text)));
    const Graph& graph = lockfile.graph;
    const auto list = [&](std::uint32_t first, std::uint32_t count) { return TextList(graph.strings.data() + first, count); };
    for (const Package& package : graph.packages) {
        const Resolution& from = package.resolution;
        if (from.kind == ResolutionKind::directory) continue;
        const bool inside = from.tarball.find("/-/") != std::string_view::npos;
        if (from.kind == ResolutionKind::git || (from.kind == ResolutionKind::tarball && !inside)) {
            ++report_.elsewhere;
            continue;
        }
        if (!name_of(package.name)) continue;
        if (!options_.every_platform && package.optional &&
            !runs_on(list(package.first_os, package.os_count), list(package.first_cpu, package.cpu_count),
                     list(package.first_libc, package.libc_count), supported_)) {
            ++report_.other_platforms;
            continue;
        }
        std::string file = fmt::format("{}-{}.tgz", base_name(package.name), package.version);
        want_archive(package.name, inside ? std::string() : std::move(file), from.tarball, from.integrity, true);
    }
    return {};
}

// `file` "": the URL names it. A URL below a registry may carry the host that somebody else used: it is asked for at ours.
void Recorder::want_archive(std::string_view name, std::string file, std::string_view url, std::string_view integrity,
                            bool pinned) {
    if (file.empty()) file = base_name(url.substr(0, url.find_first_of("?#")));
    if (file.empty() || file.front() == '.' || !file.ends_with(".tgz")) {
        ++report_.elsewhere;
        return;
    }
    if (!archives_.insert(std::string(name) + "/" + file).second) return;
    const std::string path = std::string(name) + "/-/" + file;
    if (auto there = read_file_if_exists(into_, path.c_str(), kLargestArchive); there && *there) {
        if (integrity.empty() || Integrity::parse(integrity).match_bytes(**there)) {
            ++report_.archives_there;
            return;
        }
    }
    Job job;
    job.name = name;
    job.file = file;
    job.integrity = integrity;
    job.pinned = pinned;
    const bool elsewhere = !url.empty() && url.find("/-/") == std::string_view::npos;
    job.request.url = elsewhere ? std::string(url) : settings_.registry_for(name) + path;
    job.request.subject = path;
    job.request.purpose = PMX_FETCH_ARCHIVE;
    job.request.integrity = job.integrity;
    job.request.size_limit = kLargestArchive;
    jobs_.push_back(std::move(job));
}

// A name with something to do: its packument is read from the directory, or asked for.
Result<> Recorder::look_at(const std::string& name) {
    Name& entry = names_.find(name)->second;
    entry.queued = false;
    PMX_TRY(auto text, read_file_if_exists(into_, (name + "/package.json").c_str(), kLargestPackument));
    if (text) {
        auto kept = std::make_shared<const std::string>(std::move(*text));
        if (auto packument = Packument::scan(*kept, kept, name)) {
            if (!entry.there) ++report_.packuments_there;
            entry.there = true;
            follow(entry, **packument, std::exchange(entry.open, {}));
            return {};
        }
        // Damaged: taken anew.
    }
    const std::string registry = settings_.registry_for(name);
    if (registry.empty()) return fail(Code::NO_REGISTRY, "no registry is configured to record from", name, "pass --registry URL");
    Job job;
    job.name = name;
    job.request.url = packument_url(registry, name);
    job.request.subject = name;
    job.request.purpose = PMX_FETCH_PACKUMENT;
    job.request.headers = {{"accept", std::string(options_.abbreviated ? kAbbreviatedForm : "application/json")}};
    job.request.size_limit = kLargestPackument;
    entry.queued = true;
    jobs_.push_front(std::move(job));  // they lead on to others
    return {};
}

void Recorder::follow(Name& entry, const Packument& packument, const std::vector<Want>& wants) {
    for (const Want& want : wants)
        for (const Policy* policy : {&policy_, &any_age_}) {
            PickRequest request;
            request.specifier = &want.specifier;
            const auto picked = pick(packument, request, *policy);
            if (!picked) continue;  // nobody gets anything for it
            const std::string version(packument.versions()[*picked].version);
            if (entry.chosen.count(version)) continue;
            const auto manifest = packument.manifest(*picked);
            if (!manifest) continue;
            if (want.optional && !options_.every_platform && !runs_on(manifest->manifest, supported_)) {
                ++report_.other_platforms;
                continue;
            }
            entry.chosen.insert(version);
            want_archive(want.specifier.name, {}, manifest->tarball, manifest->integrity, false);
            want_dependencies(manifest->manifest, false);
        }
}

Result<> Recorder::run() {
    for (;;) {
        if (options_.cancel->is_set()) break;
        if (!ready_.empty()) {
            const std::string name = std::move(ready_.front());
            ready_.pop_front();
            PMX_CHECK(look_at(name));
            start();
            continue;
        }
        start();
        std::deque<Arrival> arrivals;
        {
            std::unique_lock lock(mutex_);
            if (under_way_ == 0 && arrivals_.empty()) break;
            arrived_.wait_for(lock, std::chrono::milliseconds(200), [&] { return !arrivals_.empty(); });
            arrivals.swap(arrivals_);
        }
        for (auto& arrival : arrivals) PMX_CHECK(take(std::move(arrival)));
        tell_progress(false);
    }
    if (options_.cancel->is_set())
        return fail(Code::CANCELLED, "interrupted; what was recorded stays", options_.into, "repeat the command to go on");
    tell_progress(true);
    if (failures_ == 0) return {};
    first_failure_.what = fmt::format("{} of what the projects need could not be recorded; the first: {}", failures_, first_failure_.what);
    first_failure_.remedy = "repeat the command: what is there is not asked for again";
    return tl::make_unexpected(first_failure_);
}

void Recorder::start() {
    for (;;) {
        Job job;
        {
            std::lock_guard lock(mutex_);
            // What arrived and waits counts: memory is bounded by it.
            if (jobs_.empty() || under_way_ + arrivals_.size() >= static_cast<std::size_t>(options_.parallel)) return;
            job = std::move(jobs_.front());
            jobs_.pop_front();
            ++under_way_;
        }
        FetchRequest request = job.request;
        transport_.fetch(std::move(request), [this, job = std::move(job)](Result<FetchResponse> answer) mutable {
            std::lock_guard lock(mutex_);
            arrivals_.push_back({std::move(job), std::move(answer)});
            --under_way_;
            arrived_.notify_all();
        });
    }
}

Result<> Recorder::take(Arrival arrival) {
    const Job& job = arrival.job;
    const bool packument = job.file.empty();
    if (packument) names_.find(job.name)->second.queued = false;
    if (!arrival.answer) {
        // A lockfile's archive has to be there; other names and versions may have left the registry.
        if (arrival.answer.error().code != Code::FETCH_NOT_FOUND || job.pinned) return failed(std::move(arrival.answer).error()), Result<>();
        ++report_.unknown;
        if (packument) names_.find(job.name)->second.unknown = true;
        options_.tell("  the registry has no " + printable(job.request.subject));
        return {};
    }
    const FetchResponse& answer = *arrival.answer;
    if (answer.status != 200)
        return failed(Error{Code::FETCH, fmt::format("the registry answered {}", answer.status), job.request.url, {}, 0}), Result<>();
    if (!packument) {
        if (!job.integrity.empty())
            if (auto right = Integrity::parse(job.integrity).check(answer.body, job.request.subject); !right)
                return failed(std::move(right).error()), Result<>();
        ++report_.archives;
        report_.bytes += answer.body.size();
        return put(job.name + "/-", job.file, answer.body);
    }
    auto kept = std::make_shared<const std::string>(std::move(arrival.answer->body));
    auto scanned = Packument::scan(*kept, kept, job.name);
    if (!scanned) return failed(std::move(scanned).error()), Result<>();
    ++report_.packuments;
    report_.bytes += kept->size();
    Name& entry = names_.find(job.name)->second;
    entry.there = true;
    PMX_CHECK(put(job.name, "package.json", *kept));
    follow(entry, **scanned, std::exchange(entry.open, {}));
    return {};
}

Result<> Recorder::put(const std::string& dir, const std::string& file, std::string_view bytes) {
    PMX_CHECK(make_dirs(into_, dir));
    PMX_TRY(const Fd folder, open_dir(into_, dir.c_str()));
    return write_file_atomically(folder.raw(), file.c_str(), bytes, Durable::no);
}

void Recorder::failed(Error error) {
    if (failures_++ == 0) first_failure_ = error;
    if (failures_ <= kToldFailures) options_.tell("  " + printable(to_string(error)));
}

void Recorder::tell_progress(bool now) {
    const auto time = std::chrono::steady_clock::now();
    if (!now && time - told_ < std::chrono::seconds(2)) return;
    told_ = time;
    std::size_t under_way;
    {
        std::lock_guard lock(mutex_);
        under_way = under_way_;
    }
    options_.tell(fmt::format("  {} packuments ({} were there), {} archives ({} were there), {}; {} to go", report_.packuments,
                              report_.packuments_there, report_.archives, report_.archives_there, human_bytes(report_.bytes),
                              jobs_.size() + under_way + ready_.size()));
}

}  // namespace

Result<RecordReport> record(const RecordOptions& options) {
    PMX_CHECK(make_dirs(AT_FDCWD, options.into));
    PMX_TRY(const Fd into, open_dir(AT_FDCWD, options.into.c_str()));
    RecordReport report;
    for (const std::string& project : options.projects) {
        PMX_TRY(const auto found, stat_at(AT_FDCWD, project.c_str()));
        if (!found) return fail(Code::NO_LOCKFILE, "there is no such project", project, "name a directory, or a lockfile");
        const bool directory = !found->is_file();
        const std::string dir = directory ? project : parent_path(project);
        options.tell(project);
        PMX_TRY(const Settings settings, load_settings(dir, options.flags, options.environment));
        Recorder recorder(options, settings, into.raw(), report);
        std::string lockfile = directory ? std::string() : project;
        if (directory) {
            PMX_TRY(const auto name, lockfile_name(settings.root));
            if (name) lockfile = join_path(settings.root, *name);
        }
        PMX_TRY(const auto manifest, stat_at(AT_FDCWD, join_path(settings.root, "package.json").c_str()));
        if (!manifest && lockfile.empty())
            return fail(Code::NO_LOCKFILE, "neither a lockfile nor a package.json is here", project, "name a project's directory, or a lockfile");
        // Manifests first: they tell which names are the workspace's own.
        if (manifest) {
            PMX_CHECK(recorder.want_manifests());
        }
        if (!lockfile.empty()) {
            PMX_CHECK(recorder.want_lockfile(lockfile));
        }
        PMX_CHECK(recorder.run());
    }
    return report;
}

}  // namespace pmx
