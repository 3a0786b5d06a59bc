#include "install/git_refs.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.hpp"
#include "model/range.hpp"
#include "model/semver.hpp"
#include "model/web_address.hpp"
#include "script/process.hpp"

namespace pmx {
namespace {

constexpr std::size_t kRefsLimit = 2'000'000, kComplaintLimit = 4'000, kVersionsShown = 20;

bool is_hex(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
}

// The part of a URL that nobody may see: "user:password" (a lone user of ssh is an address).
std::string secret_of(const std::string& url) {
    auto parts = parse_web_address(url);
    if (!parts || (parts->password.empty() && parts->scheme == "ssh")) return {};
    return parts->password.empty() ? parts->user : parts->user + ":" + parts->password;
}

Failure complaint(const std::string& url, std::string words, int status) {
    if (std::string secret = secret_of(url); !secret.empty()) words = replace_all(words, secret, "***");
    words = std::string(trim(words));
    if (words.empty()) words = fmt::format("exit status {}", status);
    auto says = [&](std::string_view part) { return words.find(part) != std::string::npos; };
    bool denied = says("Authentication failed") || says("could not read Username") || says("could not read Password") ||
                  says("Permission denied") || says("error: 403") || says("error: 401") || says("Host key verification failed");
    bool missing = says("not found") || says("does not exist") || says("does not appear to be a git repository");
    Code code = denied ? Code::FETCH_AUTH : missing ? Code::FETCH_NOT_FOUND : Code::FETCH;
    return fail(code, "git could not read the repository: " + words, without_credentials(url),
                denied ? "check that the repository exists and that git has credentials for it"
                       : "check the repository's address in package.json, and whether `git ls-remote` can reach it");
}

// refs/tags/v1.2.3 and refs/tags/1.2.3, annotated ones too: the tag's name; "" for any other ref.
std::string_view version_tag(std::string_view ref) {
    constexpr std::string_view kTags = "refs/tags/", kPeeled = "^{}";
    if (!ref.starts_with(kTags)) return {};
    ref.remove_prefix(kTags.size());
    if (ref.ends_with(kPeeled)) ref.remove_suffix(kPeeled.size());
    std::string_view version = ref.starts_with('v') ? ref.substr(1) : ref;
    return Version::parse(version) ? ref : std::string_view();
}

}  // namespace

bool is_whole_commit(std::string_view committish) {
    return (committish.size() == 40 || committish.size() == 64) && is_hex(committish);
}

bool is_partial_commit(std::string_view committish) {
    return committish.size() >= 7 && committish.size() <= 64 && is_hex(committish);
}

std::string clonable_url(std::string_view url) {
    std::size_t colon = url.find(':'), slash = url.find('/');
    if (url.find("://") != std::string_view::npos || colon == std::string_view::npos || colon > slash) return std::string(url);
    return "ssh://" + std::string(url.substr(0, colon)) + "/" + std::string(url.substr(colon + 1));
}

Result<std::vector<GitRef>> remote_refs(const std::string& url, const GitSpecifier& git, const CancelFlag& cancel) {
    bool unclean = std::any_of(url.begin(), url.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (url.empty() || url.front() == '-' || unclean) return fail(Code::SPECIFIER, "not the address of a repository", printable(url));
    Program program;
    program.arguments = {"git", "-c", "protocol.ext.allow=never", "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60",
                         "ls-remote", "--", url};
    // A hash may be the end of any ref; otherwise the server is asked for what can be meant only.
    if (!git.range.empty()) program.arguments.emplace_back("refs/tags/*");
    else if (git.committish.empty()) program.arguments.emplace_back("HEAD");
    else if (!is_partial_commit(git.committish))
        for (const char* peeled : {"", "^{}"}) program.arguments.push_back(git.committish + peeled);
    // Of the repository that pmx may have been started in (by a hook of git's), nothing counts.
    program.environment = {{"GIT_TERMINAL_PROMPT", "0"}, {"SSH_ASKPASS_REQUIRE", "never"}, {"LC_ALL", "C"}, {"LANGUAGE", ""},
                           {"GIT_DIR", "/nonexistent"}, {"GIT_ALLOW_PROTOCOL", url.starts_with("file:") ? "file" : "http:https:ssh:git"}};
    program.directory = "/";
    std::vector<GitRef> refs;
    std::string words;
    program.line = [&](std::string_view line, bool error) {
        if (error) {
            if (words.size() < kComplaintLimit) words.append(line).push_back('\n');
            return;
        }
        std::size_t tab = line.find('\t');
        if (tab != std::string_view::npos && is_whole_commit(line.substr(0, tab)) && refs.size() < kRefsLimit)
            refs.push_back({std::string(line.substr(tab + 1)), std::string(line.substr(0, tab))});
    };
    auto status = run_program(program, cancel);
    if (!status) {
        Error error = std::move(status).error();
        if (error.sys == ENOENT) error.remedy = "install git, or use an archive of the package instead";
        return tl::make_unexpected(std::move(error));
    }
    if (*status != 0) return complaint(url, std::move(words), *status);
    return refs;
}

Result<std::string> commit_of(const std::vector<GitRef>& refs, const GitSpecifier& git, std::string_view repository) {
    auto ref = [&](const std::string& name) -> const std::string* {
        auto found = std::find_if(refs.begin(), refs.end(), [&](const GitRef& it) { return it.name == name; });
        return found == refs.end() ? nullptr : &found->commit;
    };
    std::string shown = without_credentials(repository);
    if (!git.range.empty()) {
        auto range = Range::parse(git.range, {.loose = true});
        if (!range) return fail(Code::SPECIFIER, "not a range of versions: \"" + printable(git.range) + "\"", shown, "write #semver:^1.0.0");
        std::set<std::string_view> tags;
        for (const GitRef& it : refs)
            if (std::string_view tag = version_tag(it.name); !tag.empty()) tags.insert(tag);
        std::vector<std::string> versions(tags.begin(), tags.end());
        std::vector<std::string> plain;
        for (const std::string& tag : versions) plain.push_back(tag.starts_with('v') ? tag.substr(1) : tag);
        if (auto best = max_satisfying(plain, *range)) {
            const std::string* peeled = ref("refs/tags/" + versions[*best] + "^{}");
            return peeled ? *peeled : *ref("refs/tags/" + versions[*best]);
        }
        std::sort(versions.begin(), versions.end(), [](const std::string& a, const std::string& b) {
            auto number = [](const std::string& tag) { return *Version::parse(tag.starts_with('v') ? tag.substr(1) : tag); };
            return number(a) > number(b);
        });
        bool more = versions.size() > kVersionsShown;
        if (more) versions.resize(kVersionsShown);
        return fail(Code::NO_MATCHING_VERSION, "no tag of the repository is a version in " + git.range, shown,
                    versions.empty() ? "it has no tags that are versions"
                                     : fmt::format("its versions are {}{}", fmt::join(versions, ", "), more ? " and older ones" : ""));
    }
    const std::string& wanted = git.committish;
    if (wanted.empty()) {
        if (const std::string* head = ref("HEAD")) return *head;
        return fail(Code::NO_MATCHING_VERSION, "the repository has no commit yet, or no default branch", shown, "name a branch, a tag or a commit after #");
    }
    for (const std::string& name : {wanted, "refs/" + wanted, "refs/tags/" + wanted + "^{}", "refs/tags/" + wanted, "refs/heads/" + wanted})
        if (const std::string* commit = ref(name)) return *commit;
    if (is_partial_commit(wanted)) {
        std::string beginning = to_lower_ascii(wanted);
        std::set<std::string_view> commits;
        for (const GitRef& it : refs)
            if (it.commit.starts_with(beginning)) commits.insert(it.commit);
        if (commits.size() == 1) return std::string(*commits.begin());
        return std::string();
    }
    return fail(Code::NO_MATCHING_VERSION, "the repository has no branch, tag or commit \"" + printable(wanted) + "\"", shown,
                "`git ls-remote` lists what it has");
}

}  // namespace pmx
