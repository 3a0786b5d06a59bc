// git: one commit of a repository as a tar archive, through the git program. It fetches into a bare
// repository of its own in a scratch directory and never checks anything out; the repository's own
// configuration, hooks and submodules play no part. Credentials are git's business (its helpers, ssh's
// agent); nothing asks on a terminal.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <pmx/fetcher.hpp>

#include "process.hpp"

namespace pmx::git {

namespace {

using sdk::Error;

struct Source {
    std::string url;     // as git wants it
    std::string shown;   // without credentials
    std::string secret;  // the user part, to keep out of messages
    std::string commit;  // hexadecimal
    std::string path;    // "" = the whole repository
    bool local = false;
};

bool is_hex(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    });
}

std::string subdirectory(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        auto slash = path.find('/');
        std::string_view part = path.substr(0, slash);
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
        if (part.empty() || part == ".") continue;
        if (part == ".." || part.find('\0') != std::string_view::npos)
            throw Error(PMX_INVALID, "a path that leaves the repository", std::string(part),
                        "correct the lockfile");
        out += (out.empty() ? "" : "/") + std::string(part);
    }
    return out;
}

Source source_of(const pmx_request& request) {
    Source source;
    std::string url(sdk::view(request.url));
    source.commit = std::string(sdk::view(request.commit));
    if (auto hash = url.find('#'); hash != std::string::npos) {
        if (source.commit.empty()) source.commit = url.substr(hash + 1);
        url.resize(hash);
    }
    if (url.starts_with("git+")) url.erase(0, 4);
    if (url.empty() || url.front() == '-' ||
        std::any_of(url.begin(), url.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        throw Error(PMX_INVALID, "not the URL of a git repository", std::string(sdk::view(request.subject)));
    if (source.commit.size() < 7 || source.commit.size() > 64 || !is_hex(source.commit))
        throw Error(PMX_INVALID, "a git dependency without the hash of a commit",
                    std::string(sdk::view(request.subject)),
                    "update the lockfile with the tool that wrote it");
    source.path = subdirectory(sdk::view(request.path));

    auto scheme_end = url.find("://");
    std::string scheme = url.substr(0, std::min(url.size(), url.find(':')));
    source.local = scheme == "file";
    std::size_t start = scheme_end == std::string::npos ? 0 : scheme_end + 3;
    std::size_t end = std::min(url.size(), url.find('/', start));
    source.shown = url;
    if (!source.local && scheme_end != std::string::npos) {
        auto at = url.rfind('@', end);
        if (at != std::string::npos && at >= start) {
            std::string user = url.substr(start, at - start);
            // A user without a password is an address (git@…), except over http, where it may be a token.
            if (user.find(':') != std::string::npos || scheme != "ssh") {
                source.secret = user;
                source.shown = url.substr(0, start) + url.substr(at + 1);
            }
            start = at + 1;
        }
        if (start >= end || url[start] == '-')
            throw Error(PMX_INVALID, "not the host of a git repository",
                        std::string(sdk::view(request.subject)));
        // ssh://git@host:owner/repo is how some write git@host:owner/repo.
        auto colon = url.find(':', start);
        if (scheme == "ssh" && colon < end &&
            !(colon + 1 < end && url[colon + 1] >= '0' && url[colon + 1] <= '9'))
            url[colon] = '/';
    }
    source.url = std::move(url);
    return source;
}

std::vector<std::string> environment_for(const Source& source) {
    static constexpr std::string_view kDropped[] = {"GIT_DIR=",
                                                    "GIT_WORK_TREE=",
                                                    "GIT_INDEX_FILE=",
                                                    "GIT_COMMON_DIR=",
                                                    "GIT_OBJECT_DIRECTORY=",
                                                    "GIT_ALTERNATE_OBJECT_DIRECTORIES=",
                                                    "GIT_NAMESPACE=",
                                                    "GIT_PREFIX=",
                                                    "GIT_TERMINAL_PROMPT=",
                                                    "GIT_ALLOW_PROTOCOL=",
                                                    "GIT_TRACE",
                                                    "GIT_CURL_VERBOSE=",
                                                    "LC_ALL=",
                                                    "LANGUAGE=",
                                                    "SSH_ASKPASS_REQUIRE="};
    std::vector<std::string> out;
    for (char** entry = environ; entry && *entry; ++entry) {
        std::string_view text = *entry;
        if (std::none_of(std::begin(kDropped), std::end(kDropped),
                         [&](auto name) { return text.starts_with(name); }))
            out.emplace_back(text);
    }
    out.push_back("GIT_TERMINAL_PROMPT=0");
    out.push_back("SSH_ASKPASS_REQUIRE=never");
    out.push_back("LC_ALL=C");
    // A repository on this disk only where the dependency says so; never a program (ext::).
    out.push_back(source.local ? "GIT_ALLOW_PROTOCOL=file" : "GIT_ALLOW_PROTOCOL=http:https:ssh:git");
    return out;
}

// Removed when the request ends: a repository may be large, and the host removes only what is left at the
// end.
class Directory {
  public:
    explicit Directory(std::filesystem::path made) : path(std::move(made)) {}
    Directory(const Directory&) = delete;
    ~Directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    const std::filesystem::path path;
};

std::string without(std::string text, const std::string& secret) {
    if (secret.empty()) return text;
    for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += 3)
        text.replace(at, secret.size(), "***");
    return text;
}

pmx_status status_of(const std::string& complaint) {
    auto says = [&](std::string_view words) { return complaint.find(words) != std::string::npos; };
    if (says("Authentication failed") || says("could not read Username") || says("could not read Password") ||
        says("Permission denied") || says("error: 403") || says("error: 401"))
        return PMX_DENIED;
    if (says("not found") || says("does not exist") || says("does not appear to be a git repository"))
        return PMX_NOT_FOUND;
    if (says("No space left on device")) return PMX_NO_SPACE;
    return PMX_UNAVAILABLE;
}

}  // namespace

class Git : public sdk::BlockingFetcher<Git> {
  public:
    static constexpr const char* kSchemes = "git,git+ssh,git+https,git+http,git+file,ssh";
    Git(sdk::Host host, const sdk::Config&)
        : scratch_(host.service<pmx_scratch>(PMX_SERVICE_SCRATCH)),
          counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)) {
        if (!scratch_) throw Error(PMX_FAILED, "this host offers no scratch directory", PMX_SERVICE_SCRATCH);
    }

    void get(sdk::Op op, const pmx_request& request, sdk::Response response) const {
        Job job{op, source_of(request), Directory(make_directory()), {}};
        job.environment = environment_for(job.source);
        prepare(job);
        obtain(job);
        deliver(job, request, response);
    }

  private:
    struct Job {
        sdk::Op op;
        Source source;
        Directory directory;
        std::vector<std::string> environment;
    };

    std::filesystem::path make_directory() const {
        char path[4096];
        if (pmx_status status = scratch_->make(scratch_, path, sizeof path); status != PMX_OK)
            throw Error(status, "cannot make a scratch directory");
        return path;
    }

    Outcome git(
        const Job& job, std::vector<std::string> arguments,
        const std::function<void(std::string_view)>& output = [](std::string_view) {}) const {
        std::vector<std::string> all = {"git", "--git-dir=" + (job.directory.path / "repo").string(),
                                        "-c",  "protocol.ext.allow=never",
                                        "-c",  "core.hooksPath=/dev/null",
                                        "-c",  "core.fsmonitor=false",
                                        "-c",  "gc.auto=0",
                                        "-c",  "maintenance.auto=false",
                                        "-c",  "tar.umask=0022"};
        all.insert(all.end(), std::make_move_iterator(arguments.begin()),
                   std::make_move_iterator(arguments.end()));
        if (counters_) counters_->add(counters_, "processes", 1);
        Outcome outcome = run({std::move(all), job.environment}, job.op, output);
        outcome.complaint = without(std::move(outcome.complaint), job.source.secret);
        return outcome;
    }

    [[noreturn]] static void refuse(const Job& job, const Outcome& outcome, const std::string& doing,
                                    pmx_status status) {
        std::string why = outcome.complaint.empty() ? "exit status " + std::to_string(outcome.exit_code)
                                                    : outcome.complaint;
        throw Error(status, "git could not " + doing + ": " + why, job.source.shown,
                    status == PMX_DENIED ? "check git's credentials for this repository"
                                         : "check the URL and the commit in the lockfile");
    }

    void prepare(const Job& job) const {
        Outcome made = git(job, {"init", "--quiet", "--bare", "--template="});
        if (made.exit_code != 0) refuse(job, made, "make a repository", PMX_IO);
        // A package is what the commit holds; attributes meant for release archives do not apply.
        std::filesystem::path info = job.directory.path / "repo" / "info";
        std::error_code ignored;
        std::filesystem::create_directories(info, ignored);
        std::ofstream(info / "attributes") << "* -export-ignore -export-subst\n";
    }

    bool has_commit(const Job& job) const {
        return git(job, {"cat-file", "-e", job.source.commit + "^{commit}"}).exit_code == 0;
    }

    void obtain(const Job& job) const {
        const Source& source = job.source;
        bool whole_hash = source.commit.size() == 40 || source.commit.size() == 64;
        if (whole_hash) {
            Outcome one = git(job, {"fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--depth=1",
                                    "--", source.url, source.commit});
            if (one.exit_code == 0 && has_commit(job)) return;
            // A refused login stays refused; a server that serves no single commits gets the long question.
            if (status_of(one.complaint) == PMX_DENIED) refuse(job, one, "fetch", PMX_DENIED);
        }
        Outcome all = git(job, {"fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--", source.url,
                                "+refs/*:refs/pmx/*"});
        if (all.exit_code != 0) refuse(job, all, "fetch", status_of(all.complaint));
        if (!has_commit(job))
            throw Error(PMX_NOT_FOUND, "the repository has no commit " + source.commit, source.shown,
                        "update the lockfile with the tool that wrote it");
    }

    void deliver(const Job& job, const pmx_request& request, sdk::Response response) const {
        const Source& source = job.source;
        std::string tree = source.path.empty() ? source.commit : source.commit + ":" + source.path;
        std::uint64_t bytes = 0;
        response.head(200);
        Outcome outcome =
            git(job, {"archive", "--format=tar", "--prefix=package/", tree}, [&](std::string_view part) {
                bytes += part.size();
                if (bytes > request.size_limit)
                    throw Error(PMX_INVALID,
                                "longer than the limit of " + std::to_string(request.size_limit) + " bytes",
                                source.shown);
                response.append(part);
            });
        if (outcome.exit_code != 0)
            refuse(job, outcome,
                   source.path.empty() ? "make an archive" : "find the directory " + source.path,
                   source.path.empty() ? PMX_FAILED : PMX_NOT_FOUND);
        if (!counters_) return;
        counters_->add(counters_, "requests", 1);
        counters_->add(counters_, "bytes_fetched", bytes);
    }

    const pmx_scratch* scratch_;
    const pmx_counters* counters_;
};

}  // namespace pmx::git

using pmx::git::Git;
PMX_FETCHER(Git, "git", "1.0.0", "A commit of a git repository, through the git program",
            PMX_CAP_PROCESS | PMX_CAP_BLOCKING, nullptr, 0)
