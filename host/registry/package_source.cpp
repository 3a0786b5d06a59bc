#include "registry/package_source.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>
#include <vector>

#include <dirent.h>
#include <simdjson.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/fs.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "model/contained_path.hpp"
#include "registry/pack.hpp"

namespace pmx::registry {

namespace {

namespace dom = simdjson::dom;

// Old enough for every client that refuses young versions.
constexpr std::string_view long_ago = "2020-01-01T00:00:00.000Z";

constexpr std::array<std::string_view, 19> abbreviated_fields = {
    "name", "version", "deprecated", "dependencies", "devDependencies", "optionalDependencies", "acceptDependencies",
    "bundleDependencies", "bundledDependencies", "peerDependencies", "peerDependenciesMeta", "bin", "directories",
    "engines", "os", "cpu", "libc", "funding", "_hasShrinkwrap"};

Body tagged_body(std::string text) {
    Body body = text_body(std::move(text));
    body.etag = "\"" + sha256_hex(body.bytes).substr(0, 32) + "\"";
    return body;
}

struct HeldFile {
    Fd fd;
    void* at;
    std::size_t size;
    ~HeldFile() { ::munmap(at, size); }
};

// Clients' connections need descriptors too; what is not held open is sent from the mapping.
bool may_hold(int fd) {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && static_cast<rlim_t>(fd) < limit.rlim_cur / 2;
}

// The file stays mapped and open for the life of the server: serving it costs one sendfile, or one write, and no read.
Result<Body> map_file(const std::string& path) {
    PMX_TRY(auto fd, open_read(AT_FDCWD, path.c_str()));
    PMX_TRY(const auto stat, stat_fd(fd.raw()));
    if (!stat.is_file()) return fail(Code::FETCH_NOT_FOUND, "no such tarball", path);
    const std::string etag = "\"" + std::to_string(stat.size) + "-" + std::to_string(stat.mtime_ns) + "\"";
    if (stat.size == 0) return Body{{}, nullptr, etag, -1};
    void* at = ::mmap(nullptr, stat.size, PROT_READ, MAP_PRIVATE, fd.raw(), 0);
    if (at == MAP_FAILED) return fail_errno(errno, "cannot map the tarball", path);
    if (!may_hold(fd.raw())) fd.reset();
    auto held = std::make_shared<HeldFile>(std::move(fd), at, stat.size);
    const int raw = held->fd.raw();
    return Body{{static_cast<const char*>(at), stat.size}, std::move(held), etag, raw};
}

// Release order of npm's `latest`: numbers first, a prerelease below its release. Odd text sorts lowest.
std::tuple<std::array<long, 3>, bool, std::string> version_rank(std::string_view version) {
    std::array<long, 3> numbers{-1, -1, -1};
    const char* at = version.data();
    const char* end = at + version.size();
    for (auto& number : numbers) {
        const auto [next, error] = std::from_chars(at, end, number);
        if (error != std::errc()) break;
        at = next;
        if (at < end && *at == '.') ++at;
    }
    const bool release = at == end || *at == '+';
    return {numbers, release, std::string(at, end)};
}

bool latest_order(const std::string& a, const std::string& b) {
    const auto [an, ar, at] = version_rank(a);
    const auto [bn, br, bt] = version_rank(b);
    // A registry's latest is a release wherever there is one.
    return std::tuple(ar, an, at) < std::tuple(br, bn, bt);
}

bool is_install_script(dom::object manifest) {
    bool known = false;  // a recorded packument may have been shortened already
    if (manifest["hasInstallScript"].get(known) == simdjson::SUCCESS && known) return true;
    dom::object scripts;
    if (manifest["scripts"].get(scripts) != simdjson::SUCCESS) return false;
    for (const std::string_view key : {"preinstall", "install", "postinstall"})
        if (scripts[key].error() == simdjson::SUCCESS) return true;
    return false;
}

void append_raw(JsonWriter& json, dom::element value) { json.raw(simdjson::minify(value)); }

// One entry of "versions": the manifest, shortened when asked, with the given dist.
template <class WriteDist>
void append_version(JsonWriter& json, dom::object manifest, PackageSource::Form form, WriteDist&& write_dist) {
    json.object();
    for (const auto& [key, value] : manifest) {
        if (key == "dist" || key == "hasInstallScript") continue;
        if (form == PackageSource::Form::abbreviated &&
            std::find(abbreviated_fields.begin(), abbreviated_fields.end(), key) == abbreviated_fields.end())
            continue;
        json.key(key);
        append_raw(json, value);
    }
    if (is_install_script(manifest)) json.key("hasInstallScript").value(true);
    json.key("dist");
    write_dist();
    json.end();
}

struct Archive {
    std::string version, file, manifest;
    Body body;
};

std::string tarball_url(const std::string& base, const std::string& name, std::string_view file) {
    return base + "/" + name + "/-/" + std::string(file);
}

std::string file_of(const std::string& name, const std::string& version) {
    return std::string(base_name(name)) + "-" + version + ".tgz";
}

// A byte order mark is legal at the start of a package.json.
std::string_view without_mark(std::string_view text) {
    return text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text;
}

using Times = std::map<std::string, std::string>;

std::string minutes_ago(std::int64_t minutes) {
    const std::time_t then = std::time(nullptr) - minutes * 60;
    std::tm parts{};
    ::gmtime_r(&then, &parts);
    std::array<char, 32> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.000Z", &parts);
    return {text.data(), size};
}

// times.json: what a test wants to be young.
Result<Times> times_of(const std::string& text, const std::string& name) {
    dom::parser parser;
    dom::object object;
    if (const auto error = parser.parse(text).get(object))
        return fail(Code::MANIFEST, simdjson::error_message(error), name + ": times.json");
    Times times;
    for (const auto& [version, value] : object) {
        std::string_view moment;
        std::int64_t minutes = 0;
        if (value.get(moment) == simdjson::SUCCESS) times.emplace(version, moment);
        else if (value.get(minutes) == simdjson::SUCCESS) times.emplace(version, minutes_ago(minutes));
        else return fail(Code::MANIFEST, "neither a time nor a number of minutes", name + ": times.json");
    }
    return times;
}

void append_head(JsonWriter& json, const std::string& name, PackageSource::Form form,
                 const std::vector<std::string>& versions, const Times& times = {}) {
    std::string modified(long_ago);
    for (const auto& [version, time] : times) modified = std::max(modified, time);
    json.key("name").value(name);
    json.key("modified").value(modified);
    if (form != PackageSource::Form::full) return;
    json.key("_id").value(name);
    json.key("time").object();
    json.key("created").value(long_ago).key("modified").value(modified);
    for (const auto& version : versions) {
        const auto found = times.find(version);
        json.key(version).value(found == times.end() ? std::string(long_ago) : found->second);
    }
    json.end();
}

// A registry's own times decide what a client that refuses young versions may choose.
void append_recorded_head(JsonWriter& json, const std::string& name, PackageSource::Form form, dom::object packument,
                          dom::object versions) {
    dom::object times;
    if (packument["time"].get(times) != simdjson::SUCCESS) {
        std::vector<std::string> names;
        for (const auto& [version, manifest] : versions) names.emplace_back(version);
        return append_head(json, name, form, names);
    }
    std::string_view modified;
    if (packument["modified"].get(modified) != simdjson::SUCCESS &&
        times["modified"].get(modified) != simdjson::SUCCESS) {
        // Some registries keep no such time; the last version's is as good. UTC texts of one form compare as times.
        for (const auto& [version, value] : times) {
            std::string_view time;
            if (value.get(time) == simdjson::SUCCESS) modified = std::max(modified, time);
        }
    }
    json.key("name").value(name);
    json.key("modified").value(modified.empty() ? long_ago : modified);
    if (form != PackageSource::Form::full) return;
    json.key("_id").value(name);
    json.key("time").raw(simdjson::minify(times));
}

}  // namespace

Body text_body(std::string text) {
    auto kept = std::make_shared<const std::string>(std::move(text));
    return {*kept, kept, {}, -1};
}

Result<Body> PackageSource::tarball(const std::string& name, const std::string& file) {
    const std::string key = name + "/" + file;
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = tarballs_.find(key); found != tarballs_.end()) return found->second;
    }
    const auto missing = [&] { return fail(Code::FETCH_NOT_FOUND, "no such tarball", key); };
    if (!is_safe_package_name(name) || file.empty() || file[0] == '.' || file.find('/') != std::string::npos ||
        file.find('\0') != std::string::npos || !file.ends_with(".tgz"))
        return missing();
    const std::string folder = join_path(directory_, name);
    std::optional<Body> body;
    for (const std::string& path : {folder + "/-/" + file, folder + "/" + file}) {
        PMX_TRY(const auto stat, stat_at(AT_FDCWD, path.c_str()));
        if (!stat || !stat->is_file()) continue;
        PMX_TRY(body, map_file(path));
        break;
    }
    const std::string prefix = std::string(base_name(name)) + "-";
    if (!body && file.starts_with(prefix)) {
        const std::string version = file.substr(prefix.size(), file.size() - prefix.size() - 4);
        const std::string source = folder + "/" + version;
        PMX_TRY(const auto stat, stat_at(AT_FDCWD, (source + "/package.json").c_str()));
        if (stat && stat->is_file()) {
            PMX_TRY(auto packed, pack_directory(source));
            body = tagged_body(std::move(packed));
            ++made_;
        }
    }
    if (!body) return missing();
    const std::lock_guard lock(mutex_);
    return tarballs_.emplace(key, std::move(*body)).first->second;
}

Result<Body> PackageSource::packument(const std::string& name, Form form, const std::string& base, bool compressed) {
    const std::string key = std::string(form == Form::full ? "f" : "a") + (compressed ? "z" : "-") + base + " " + name;
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = packuments_.find(key); found != packuments_.end()) return found->second;
    }
    if (!is_safe_package_name(name)) return fail(Code::FETCH_NOT_FOUND, "no such package", name);
    PMX_TRY(auto text, make_packument(name, form, base));
    Body body = tagged_body(compressed ? gzip(text) : std::move(text));
    ++made_;
    const std::lock_guard lock(mutex_);
    return packuments_.emplace(key, std::move(body)).first->second;
}

Result<std::vector<std::string>> PackageSource::names() const {
    PMX_TRY(const auto root, open_dir(AT_FDCWD, directory_.c_str()));
    PMX_TRY(const auto entries, list_dir(root.raw()));
    std::vector<std::string> names;
    for (const auto& entry : entries) {
        if (!entry.name.starts_with('@')) {
            names.push_back(entry.name);
            continue;
        }
        PMX_TRY(const auto scope, open_dir(root.raw(), entry.name.c_str()));
        PMX_TRY(const auto inside, list_dir(scope.raw()));
        for (const auto& package : inside) names.push_back(entry.name + "/" + package.name);
    }
    std::erase_if(names, [](const std::string& name) { return !is_safe_package_name(name); });
    std::sort(names.begin(), names.end());
    return names;
}

Result<std::size_t> PackageSource::prepare(const std::string& base, int threads) {
    PMX_TRY(const auto names, this->names());
    std::atomic<std::size_t> next{0}, done{0};
    std::mutex mutex;
    std::optional<Error> failure;
    const auto work = [&] {
        for (std::size_t i = next++; i < names.size(); i = next++) {
            const auto body = packument(names[i], Form::abbreviated, base, true);
            if (body) {
                ++done;
            } else if (body.error().code != Code::FETCH_NOT_FOUND) {
                const std::lock_guard lock(mutex);
                if (!failure) failure = body.error();
                next = names.size();
            }
        }
    };
    std::vector<std::thread> helpers;
    for (int i = 1; i < threads; ++i) helpers.emplace_back(work);
    work();
    for (auto& helper : helpers) helper.join();
    if (failure) return tl::unexpected(*failure);
    return done.load();
}

Result<std::string> PackageSource::make_packument(const std::string& name, Form form, const std::string& base) {
    const std::string folder = join_path(directory_, name);
    PMX_TRY(const auto stat, stat_at(AT_FDCWD, folder.c_str()));
    if (!stat || !stat->is_dir()) return fail(Code::FETCH_NOT_FOUND, "no such package", name);
    PMX_TRY(const auto dir, open_dir(AT_FDCWD, folder.c_str()));
    PMX_TRY(const auto recorded, read_file_if_exists(dir.raw(), "package.json"));
    if (recorded) return recorded_packument(name, *recorded, form, base);

    std::vector<Archive> archives;
    PMX_TRY(const auto mirrored, stat_at(dir.raw(), "-"));
    if (mirrored && mirrored->is_dir()) {
        PMX_TRY(const auto shelf, open_dir(dir.raw(), "-"));
        PMX_TRY(const auto files, list_dir(shelf.raw()));
        const std::string prefix = std::string(base_name(name)) + "-";
        for (const auto& file : files) {
            if (!file.name.starts_with(prefix) || !file.name.ends_with(".tgz")) continue;
            PMX_TRY(auto body, tarball(name, file.name));
            PMX_TRY(auto manifest, manifest_of_tarball(body.bytes, name + "/" + file.name));
            std::string version = file.name.substr(prefix.size(), file.name.size() - prefix.size() - 4);
            archives.push_back({std::move(version), file.name, std::move(manifest), std::move(body)});
        }
    } else {
        PMX_TRY(const auto entries, list_dir(dir.raw()));
        for (const auto& entry : entries) {
            PMX_TRY(auto manifest, read_file_if_exists(dir.raw(), (entry.name + "/package.json").c_str()));
            if (!manifest) continue;
            const std::string file = file_of(name, entry.name);
            PMX_TRY(auto body, tarball(name, file));
            archives.push_back({entry.name, file, std::move(*manifest), std::move(body)});
        }
    }
    if (archives.empty()) return fail(Code::FETCH_NOT_FOUND, "no version of this package", name);
    std::sort(archives.begin(), archives.end(),
              [](const Archive& a, const Archive& b) { return latest_order(a.version, b.version); });
    std::vector<std::string> versions;
    for (const auto& archive : archives) versions.push_back(archive.version);

    Times times;
    PMX_TRY(const auto young, read_file_if_exists(dir.raw(), "times.json"));
    if (young) {
        PMX_TRY(times, times_of(*young, name));
    }
    dom::parser parser;
    std::string out;
    JsonWriter json(out);
    json.object();
    append_head(json, name, form, versions, times);
    PMX_TRY(const auto tags, read_file_if_exists(dir.raw(), "dist-tags.json"));
    json.key("dist-tags");
    if (tags) {
        json.raw(trim(*tags));
    } else {
        json.object().key("latest").value(versions.back()).end();
    }
    json.key("versions").object();
    for (const auto& archive : archives) {
        dom::object manifest;
        const std::string text(without_mark(archive.manifest));
        if (const auto error = parser.parse(text).get(manifest))
            return fail(Code::MANIFEST, simdjson::error_message(error), name + "@" + archive.version);
        json.key(archive.version);
        append_version(json, manifest, form, [&] {
            json.object();
            json.key("integrity").value("sha512-" +
                                        to_base64(hash(HashAlgorithm::sha512, archive.body.bytes).span()));
            json.key("shasum").value(to_hex(hash(HashAlgorithm::sha1, archive.body.bytes).span()));
            json.key("tarball").value(tarball_url(base, name, archive.file));
            json.end();
        });
    }
    json.end().end();
    return out;
}

Result<std::string> PackageSource::recorded_packument(const std::string& name, const std::string& text, Form form,
                                                      const std::string& base) {
    dom::parser parser;
    dom::object packument, versions;
    if (const auto error = parser.parse(text).get(packument))
        return fail(Code::MANIFEST, simdjson::error_message(error), name);
    if (const auto error = packument["versions"].get(versions))
        return fail(Code::MANIFEST, simdjson::error_message(error), name + ": versions");
    std::string out;
    JsonWriter json(out);
    json.object();
    append_recorded_head(json, name, form, packument, versions);
    dom::element tags;
    if (packument["dist-tags"].get(tags) == simdjson::SUCCESS) {
        json.key("dist-tags");
        append_raw(json, tags);
    }
    json.key("versions").object();
    for (const auto& [version, value] : versions) {
        dom::object manifest, dist;
        if (value.get(manifest) || manifest["dist"].get(dist)) continue;
        json.key(version);
        append_version(json, manifest, form, [&] {
            json.object();
            for (const auto& [key, entry] : dist) {
                json.key(key);
                std::string_view url;
                if (key == "tarball" && entry.get(url) == simdjson::SUCCESS) {
                    json.value(tarball_url(base, name, base_name(url)));
                } else {
                    append_raw(json, entry);
                }
            }
            json.end();
        });
    }
    json.end().end();
    return out;
}

}  // namespace pmx::registry
