#include "install/sources.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "install/check.hpp"
#include "install/fetch.hpp"
#include "install/git_refs.hpp"
#include "install/verify.hpp"
#include "model/contained_path.hpp"
#include "model/hosted.hpp"
#include "model/integrity.hpp"
#include "model/web_address.hpp"

namespace pmx {
namespace {

constexpr std::size_t kManifestLimit = 16u << 20, kCarriedLimit = 64u << 20;

// A path as lockfiles have it: relative to the root, without detours.
std::string relative_to(const std::string& root, std::string_view written) {
    std::filesystem::path path(written);
    const char* home = std::getenv("HOME");
    if (written.starts_with("~/") && home) path = std::filesystem::path(home) / written.substr(2);
    if (path.is_absolute()) path = path.lexically_normal().lexically_relative(root);
    std::string out = path.lexically_normal().string();
    while (out.size() > 1 && out.ends_with('/')) out.pop_back();
    return out.empty() ? "." : out;
}

// A Package that says where its archive comes from: what the fetch stage and the validators want.
Package package_from(const SourcePackage& found, std::string_view id) {
    Package package;
    package.id = id;
    package.name = found.manifest.name;
    Resolution& from = package.resolution;
    from.kind = found.kind == SourcePackage::Kind::git ? ResolutionKind::git : ResolutionKind::tarball;
    from.integrity = found.integrity;
    from.tarball = found.tarball;
    from.repo = found.repo;
    from.commit = found.commit;
    from.path = found.path;
    return package;
}

std::string id_of(const SourcePackage& found, const std::string& alias) {
    return (alias.empty() ? "" : alias + "@") + without_credentials(found.reference);
}

// A package without a name of its own is called as it is asked for.
Result<> settle_name(Manifest& manifest, const std::string& fallback, const std::string& subject) {
    if (manifest.name.empty()) manifest.name = fallback;
    if (manifest.name.empty()) return fail(Code::MANIFEST, "the package has no name", subject, "give it one: name@" + subject);
    if (!is_safe_package_name(manifest.name))
        return fail(Code::MANIFEST, "not the name of a package: \"" + printable(manifest.name) + "\"", subject, "correct \"name\" in its package.json");
    return {};
}

Result<Manifest> manifest_in(const ObjectView& object, const std::string& subject) {
    for (const ObjectFile& file : object.files)
        if (file.path == "package.json") {
            PMX_TRY(std::string text, read_file(object.dir.raw(), std::string(file.source).c_str(), kManifestLimit));
            return parse_manifest(text, subject);
        }
    Manifest nothing;
    nothing.version = "0.0.0";  // pnpm's word for it
    return nothing;
}

// Whether a path is that of a package's manifest in the node_modules of an archive.
bool is_carried_manifest(std::string_view path) {
    if (!path.starts_with("node_modules/") || !path.ends_with("/package.json")) return false;
    std::string_view dir = path.substr(0, path.size() - 13);
    std::size_t at = dir.rfind("node_modules/");
    std::string_view name = dir.substr(at + 13);
    const auto slashes = std::count(name.begin(), name.end(), '/');
    return (at == 0 || dir[at - 1] == '/') && is_safe_package_name(name) && slashes == (name.starts_with('@') ? 1 : 0);
}

Result<> read_inside(const ObjectView& object, SourcePackage& found, const std::string& subject) {
    std::size_t total = 0;
    for (const ObjectFile& file : object.files) {
        if (file.path != "npm-shrinkwrap.json" && !is_carried_manifest(file.path)) continue;
        if ((total += file.size) > kCarriedLimit)
            return fail(Code::MANIFEST, "the manifests of the packages in this archive are too big", subject, "override the package");
        PMX_TRY(std::string text, read_file(object.dir.raw(), std::string(file.source).c_str(), kManifestLimit));
        found.inside.emplace_back(file.path, std::move(text));
    }
    std::sort(found.inside.begin(), found.inside.end());
    return {};
}

// `git archive` notes the commit in a global header, the first block of its archive: "52 comment=<hash>".
std::string commit_in(std::string_view tar) {
    constexpr std::size_t kBlock = 512, kTypeAt = 156;
    if (tar.size() < 2 * kBlock || tar[kTypeAt] != 'g') return {};
    std::string_view header = tar.substr(kBlock, kBlock);
    std::size_t at = header.find(" comment=");
    if (at == std::string_view::npos) return {};
    std::string_view hash = header.substr(at + 9);
    hash = hash.substr(0, hash.find('\n'));
    return is_whole_commit(hash) ? std::string(hash) : std::string();
}

bool may_be_elsewhere(const Error& error) {
    return error.code == Code::FETCH || error.code == Code::FETCH_AUTH || error.code == Code::FETCH_NOT_FOUND;
}

}  // namespace

// Two threads may look for the same thing at once: then it is done twice, and the first answer stays.
template <class Make>
Result<SourcePackage> InstallSources::once(std::string key, Make&& make) {
    {
        std::lock_guard lock(mutex_);
        if (auto known = known_.find(key); known != known_.end()) return known->second;
    }
    PMX_TRY(SourcePackage found, make());
    std::lock_guard lock(mutex_);
    return known_.try_emplace(std::move(key), std::move(found)).first->second;
}

Result<const Store*> InstallSources::store() {
    std::lock_guard lock(mutex_);
    if (!store_) {
        PMX_TRY(Store store, Store::open(std::string(run_.settings.text("store-dir")), true));
        PMX_TRY(hold_, store.hold());
        store_.emplace(std::move(store));
    }
    return &*store_;
}

Result<const std::vector<Validator>*> InstallSources::validators() {
    std::lock_guard lock(mutex_);
    if (!validators_) {
        PMX_TRY(validators_, load_validators(run_));
    }
    return &*validators_;
}

Result<> InstallSources::unpack(SourcePackage& found, const std::string& alias, const std::string& key, std::string_view body,
                                const std::string& url) {
    std::string id = id_of(found, alias);
    PMX_TRY(const std::vector<Validator>* validators, this->validators());
    PMX_CHECK(verify_archive(run_, *validators, package_from(found, id), body, url));
    std::string_view subdir = found.kind == SourcePackage::Kind::git ? std::string_view() : std::string_view(found.path);
    StageTimer timer(run_.metrics, Stage::unpack, id);
    PMX_TRY(const Store* store, this->store());
    PMX_TRY(Store::Unpacked unpacked, store->unpack(key, body, id, false, subdir, {}, check_level(run_.settings) == PMX_LEVEL_CONTENT));
    run_.metrics.files_unpacked += unpacked.files;
    run_.metrics.bytes_unpacked += unpacked.bytes;
    PMX_TRY(found.manifest, manifest_in(unpacked.view, id));
    PMX_CHECK(read_inside(unpacked.view, found, id));
    return settle_name(found.manifest, alias, id);
}

Result<> InstallSources::obtain(SourcePackage& found, const std::string& alias) {
    std::string id = id_of(found, alias), key;
    if (found.kind == SourcePackage::Kind::git) {
        key = Store::key_of_git(found.repo, found.commit, found.path);
        PMX_TRY(const Store* store, this->store());
        PMX_TRY(std::optional<ObjectView> stored, store->find(key));
        if (stored) {
            PMX_TRY(found.manifest, manifest_in(*stored, id));
            return settle_name(found.manifest, alias, id);
        }
    }
    PMX_TRY(FetchRequest request, archive_request(package_from(found, id), run_.settings, run_.root));
    // What follows '#' tells two dependencies apart and is no server's business.
    if (found.kind == SourcePackage::Kind::tarball) request.url.resize(std::min(request.url.find('#'), request.url.size()));
    std::string url = request.url;
    PMX_TRY(FetchResponse response, fetch_(std::move(request)));
    if (key.empty()) {
        found.integrity = Integrity::of(response.body).to_string();
        PMX_TRY(key, Store::key_of_integrity(found.integrity, found.path));
    }
    return unpack(found, alias, key, response.body, url);
}

Result<SourcePackage> InstallSources::archive(const Specifier& specifier, const std::string& root) {
    bool local = specifier.kind == SpecifierKind::file;
    std::string where = local ? "file:" + relative_to(root, specifier.value) : specifier.value;
    return once(where, [&]() -> Result<SourcePackage> {
        if (local) {
            std::string path = join_path(root, where.substr(5));
            PMX_TRY(std::optional<FileStat> there, stat_at(AT_FDCWD, path.c_str()));
            if (!there) return fail(Code::FETCH_NOT_FOUND, "the archive of this dependency does not exist", path, "check the path in package.json");
        }
        SourcePackage found;
        found.reference = found.tarball = where;
        PMX_CHECK(obtain(found, specifier.alias));
        return found;
    });
}

Result<SourcePackage> InstallSources::directory(const std::string& dir, const std::string& root) {
    std::string where = relative_to(root, dir);
    if (where == ".")
        return fail(Code::SPECIFIER, "the root project cannot be a copy within itself", "file:" + dir, "refer to it with link:");
    return once("directory " + where, [&]() -> Result<SourcePackage> {
        std::string path = join_path(root, where);
        PMX_TRY(std::optional<FileStat> there, stat_at(AT_FDCWD, path.c_str()));
        if (!there) return fail(Code::MANIFEST, "the directory of this dependency does not exist", path, "check the path in package.json");
        PMX_TRY(std::optional<std::string> text, read_file_if_exists(AT_FDCWD, (path + "/package.json").c_str(), kManifestLimit));
        SourcePackage found;
        found.kind = SourcePackage::Kind::directory;
        found.directory = where;
        found.reference = "file:" + where;
        if (text) {
            PMX_TRY(found.manifest, parse_manifest(*text, path + "/package.json"));
        }
        PMX_CHECK(settle_name(found.manifest, std::string(base_name(where)), path));
        return found;
    });
}

// A commit that no ref points to: only the repository's contents know the rest of its hash.
Result<std::string> InstallSources::whole_commit(const SourcePackage& found, const std::string& alias) {
    SourcePackage everything = found;
    everything.path.clear();
    std::string id = id_of(found, alias);
    PMX_TRY(FetchRequest request, archive_request(package_from(everything, id), run_.settings, run_.root));
    PMX_TRY(FetchResponse response, fetch_(std::move(request)));
    std::string commit = commit_in(response.body);
    if (commit.empty())
        return fail(Code::NO_MATCHING_VERSION, "the repository does not say which commit this is", id, "write the whole hash of the commit");
    return commit;
}

Result<SourcePackage> InstallSources::at(const Specifier& specifier, const std::string& repo, const HostedRepository* archives) {
    const GitSpecifier& git = specifier.git;
    SourcePackage found;
    found.kind = SourcePackage::Kind::git;
    found.repo = repo;
    found.path = git.path;
    found.commit = is_whole_commit(git.committish) && git.range.empty() ? to_lower_ascii(git.committish) : std::string();
    std::string url = clonable_url(repo);
    if (found.commit.empty()) {
        if (run_.settings.flag("offline") && !url.starts_with("file:"))
            return fail(Code::OFFLINE, "a repository has to be asked for its commits, and --offline forbids it", without_credentials(repo),
                        "run once without --offline, or write the whole hash of a commit");
        PMX_TRY(std::vector<GitRef> refs, remote_refs(url, git, run_.cancel));
        PMX_TRY(found.commit, commit_of(refs, git, repo));
    }
    if (found.commit.empty()) {
        found.commit = git.committish;
        PMX_TRY(found.commit, whole_commit(found, specifier.alias));
    }
    if (archives) {
        HostedRepository there = *archives;
        there.committish = found.commit;
        SourcePackage hosted = found;
        hosted.kind = SourcePackage::Kind::tarball;
        hosted.git_hosted = true;
        hosted.repo.clear();
        hosted.commit.clear();
        hosted.tarball = there.pnpm_tarball_url();
        hosted.reference = hosted.tarball + (found.path.empty() ? "" : "#path:" + found.path);
        Result<> obtained = obtain(hosted, specifier.alias);
        if (obtained) return hosted;
        // A private repository: git has credentials that archives do not know.
        if (!may_be_elsewhere(obtained.error())) return tl::make_unexpected(std::move(obtained).error());
    }
    found.reference = (repo.starts_with("git+") ? "" : "git+") + std::string(repo.find("://") == std::string::npos ? "https://" : "") + repo +
                      "#" + found.commit + (found.path.empty() ? "" : "&path:" + found.path);
    PMX_CHECK(obtain(found, specifier.alias));
    return found;
}

Result<SourcePackage> InstallSources::repository(const Specifier& specifier) {
    const GitSpecifier& git = specifier.git;
    return once("git " + git.url + "#" + git.committish + "#" + git.range + "#" + git.path, [&]() -> Result<SourcePackage> {
        std::optional<HostedRepository> hosted = git.host.empty() ? std::nullopt : hosted_repository(git.saved);
        // Of other hosts pnpm records "git@host:repo" as an ssh URL.
        if (!hosted) return at(specifier, clonable_url(git.url), nullptr);
        hosted->committish.clear();
        // An address with credentials of its own means a repository that archives would not be served of.
        const HostedRepository* archives = hosted->auth.empty() ? &*hosted : nullptr;
        std::string https = hosted->https_url();
        if (https.starts_with("git+")) https.erase(0, 4);
        Result<SourcePackage> found = at(specifier, https, archives);
        if (found || !may_be_elsewhere(found.error()) || run_.cancel.is_set()) return found;
        if (!git.prefers_ssh) {
            // Which way git takes is this machine's business: what the lockfile records must not depend on it.
            Error error = std::move(found).error();
            if (error.code == Code::FETCH_AUTH)
                error.remedy += fmt::format("; where only ssh is open: git config --global url.\"git@{0}:\".insteadOf \"https://{0}/\"", hosted->domain());
            return tl::make_unexpected(std::move(error));
        }
        std::string ssh = hosted->ssh_url().substr(4);
        if (Result<SourcePackage> by_ssh = at(specifier, ssh, nullptr)) return by_ssh;
        return found;
    });
}

}  // namespace pmx
