#include "model/hosted.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.hpp"
#include "model/web_address.hpp"

namespace pmx {
namespace {

using Host = HostedRepository::Host;
using Form = HostedRepository::Form;

struct HostRow {
    Host host;
    std::string_view name, domain;
    bool takes_git, takes_http, takes_ssh;  // schemes beside git+ssh and https
};
constexpr std::array<HostRow, 5> kHosts = {{
    {Host::github, "github", "github.com", true, true, true},
    {Host::gitlab, "gitlab", "gitlab.com", false, false, true},
    {Host::bitbucket, "bitbucket", "bitbucket.org", false, false, true},
    {Host::gist, "gist", "gist.github.com", true, false, true},
    {Host::sourcehut, "sourcehut", "git.sr.ht", false, false, false},
}};

const HostRow& row(Host host) {
    return kHosts[static_cast<std::size_t>(host)];
}

bool takes(const HostRow& host, std::string_view scheme) {
    if (scheme == "git+ssh" || scheme == "https") return true;
    if (scheme == "ssh" || scheme == "git+https") return host.takes_ssh;
    if (scheme == "git") return host.takes_git;
    return scheme == "http" && host.takes_http;
}

constexpr std::size_t npos = std::string_view::npos;

std::size_t last_before_hash(std::string_view text, char c) {
    return text.substr(0, text.find('#')).rfind(c);
}

// "user/repo": one slash, and no colon, '@' or space before the fragment.
bool is_shorthand(std::string_view text) {
    std::string_view path = text.substr(0, text.find('#'));
    std::size_t slash = path.find('/');
    return slash != npos && slash > 0 && path.find('/', slash + 1) == npos && path.back() != '/' && path.front() != '.' &&
           path.find_first_of(":@ \t\n\r\f\v") == npos;
}

// A URL of what people write: "host:path" and "user@host:path" are none yet.
std::string with_scheme(const std::string& text) {
    static constexpr std::string_view kKnown[] = {"github", "gitlab", "bitbucket", "gist", "sourcehut", "git+ssh",
                                                  "git+https", "git+http", "ssh", "git", "http", "https"};
    std::size_t colon = text.find(':');
    std::string_view scheme = colon == npos ? std::string_view() : std::string_view(text).substr(0, colon);
    for (std::string_view known : kKnown)
        if (scheme == known) return text;
    std::size_t start = colon == npos ? 0 : colon;
    if (std::string_view(text).substr(start, 3) == "://") return text;
    if (std::size_t at = text.find('@'); at != npos) return colon == npos || at > colon ? "git+ssh://" + text : text;
    std::size_t after = colon == npos ? 0 : colon + 1;
    if (text.find("//") == after) return text;
    return text.substr(0, after) + "//" + text.substr(after);
}

// "user@host:path" is git+ssh://user@host/path.
std::string from_scp(std::string text) {
    std::size_t at = last_before_hash(text, '@'), colon = last_before_hash(text, ':');
    if (colon != npos && (at == npos || colon > at)) text[colon] = '/';
    if (last_before_hash(text, ':') == npos && text.find("//") == npos) text = "git+ssh://" + text;
    return text;
}

std::string_view without_git_suffix(std::string_view project) {
    if (project.ends_with(".git")) project.remove_suffix(4);
    return project;
}

bool read_shortcut(const WebAddress& url, HostedRepository& found) {
    std::string_view path = url.path;
    if (path.starts_with('/')) path.remove_prefix(1);
    if (std::size_t at = path.find('@'); at != npos) path.remove_prefix(at + 1);
    std::size_t slash = path.rfind('/');
    auto user = decode_component(slash == npos ? std::string_view() : path.substr(0, slash));
    auto project = decode_component(slash == npos ? path : path.substr(slash + 1));
    auto committish = decode_component(url.fragment);
    if (!user || !project || !committish) return false;
    found.user = std::move(*user);
    found.project = without_git_suffix(*project);
    found.committish = std::move(*committish);
    return true;
}

// What the path of a web or clone address says; each host has addresses that are no repository.
bool read_address(const WebAddress& url, const HostRow& host, HostedRepository& found) {
    std::string_view path = url.path, committish = url.fragment;
    if (path.starts_with('/')) path.remove_prefix(1);
    std::string_view user, project;
    if (host.host == Host::gitlab) {
        if (url.path.find("/-/") != npos || url.path.find("/archive.tar.gz") != npos) return false;
        std::size_t slash = path.rfind('/');
        project = slash == npos ? path : path.substr(slash + 1);
        user = slash == npos ? std::string_view() : path.substr(0, slash);
    } else {
        std::vector<std::string_view> parts = split(path, '/');
        parts.resize(std::max<std::size_t>(parts.size(), 4));
        user = parts[0], project = parts[1];
        std::string_view kind = parts[2];
        if (host.host == Host::github && !kind.empty()) {
            if (kind != "tree") return false;
            committish = parts[3];
        }
        if ((host.host == Host::bitbucket && kind == "get") || (host.host == Host::gist && kind == "raw") ||
            (host.host == Host::sourcehut && kind == "archive"))
            return false;
        if (host.host == Host::gist && project.empty()) std::swap(user, project);
    }
    project = without_git_suffix(project);
    if (project.empty() || (user.empty() && host.host != Host::gist)) return false;
    auto user_text = decode_component(user), project_text = decode_component(project), ref = decode_component(committish);
    if (!user_text || !project_text || !ref) return false;
    found.user = std::move(*user_text);
    found.project = std::move(*project_text);
    found.committish = std::move(*ref);
    return true;
}

Form form_of(std::string_view scheme) {
    if (scheme == "git") return Form::git;
    if (scheme == "http") return Form::http;
    return scheme.ends_with("ssh") ? Form::ssh : Form::https;
}

std::string fragment(const HostedRepository& it) {
    return it.committish.empty() ? std::string() : "#" + it.committish;
}

std::string path_of(const HostedRepository& it) {
    return it.host == Host::gist ? it.project : it.user + "/" + it.project;
}

}  // namespace

std::optional<HostedRepository> hosted_repository(std::string_view text) {
    if (text.empty()) return std::nullopt;
    std::string corrected = with_scheme(is_shorthand(text) ? "github:" + std::string(text) : std::string(text));
    std::optional<WebAddress> url = parse_web_address(corrected);
    if (!url) url = parse_web_address(from_scp(corrected));
    if (!url) return std::nullopt;
    HostedRepository found;
    std::string_view domain = url->host;
    if (domain.starts_with("www.")) domain.remove_prefix(4);
    for (const HostRow& host : kHosts) {
        bool shortcut = url->scheme == host.name;
        if (!shortcut && domain != host.domain) continue;
        found.host = host.host;
        if (shortcut) {
            if (!read_shortcut(*url, found)) return std::nullopt;
            return found;
        }
        if (!takes(host, url->scheme) || !read_address(*url, host, found)) return std::nullopt;
        found.form = form_of(url->scheme);
        if (!url->scheme.ends_with("ssh") && (!url->user.empty() || !url->password.empty()))
            found.auth = url->user + (url->password.empty() ? "" : ":" + url->password);
        return found;
    }
    return std::nullopt;
}

std::string_view HostedRepository::name() const {
    return row(host).name;
}

std::string_view HostedRepository::domain() const {
    return row(host).domain;
}

std::string HostedRepository::shortcut() const {
    return std::string(name()) + ":" + path_of(*this) + fragment(*this);
}

std::string HostedRepository::https_url() const {
    std::string who = auth.empty() || host == Host::gist || host == Host::sourcehut ? "" : auth + "@";
    return (host == Host::sourcehut ? "https://" : "git+https://") + who + std::string(domain()) + "/" + path_of(*this) + ".git" +
           fragment(*this);
}

std::string HostedRepository::ssh_url() const {
    return "git+ssh://git@" + std::string(domain()) + "/" + path_of(*this) + ".git" + fragment(*this);
}

std::string HostedRepository::scp() const {
    return "git@" + std::string(domain()) + ":" + path_of(*this) + ".git" + fragment(*this);
}

std::string HostedRepository::git_url() const {
    if (!row(host).takes_git) return {};
    std::string who = auth.empty() || host == Host::gist ? "" : auth + "@";
    return "git://" + who + std::string(domain()) + "/" + path_of(*this) + ".git" + fragment(*this);
}

std::string HostedRepository::tarball_url() const {
    std::string ref = committish.empty() ? "HEAD" : percent_encode(committish);
    std::string at = "https://" + std::string(domain()) + "/" + path_of(*this);
    switch (host) {
        case Host::github: return "https://codeload.github.com/" + path_of(*this) + "/tar.gz/" + ref;
        case Host::gist: return "https://codeload.github.com/gist/" + project + "/tar.gz/" + ref;
        case Host::gitlab: return at + "/repository/archive.tar.gz?ref=" + ref;
        case Host::bitbucket: return at + "/get/" + ref + ".tar.gz";
        case Host::sourcehut: return at + "/archive/" + ref + ".tar.gz";
    }
    return {};
}

std::string HostedRepository::pnpm_tarball_url() const {
    if (host != Host::gitlab) return tarball_url();
    std::string ref = committish.empty() ? "HEAD" : percent_encode(committish);
    return "https://gitlab.com/" + path_of(*this) + "/-/archive/" + ref + "/" + project + "-" + ref + ".tar.gz";
}

std::string HostedRepository::to_string() const {
    switch (form) {
        case Form::shortcut: return shortcut();
        case Form::https: return https_url();
        case Form::git: return git_url();
        case Form::http:
        case Form::ssh: return ssh_url();
    }
    return {};
}

}  // namespace pmx
