// HostedRepository: a repository at one of the five hosts that npm knows by name, in any of its spellings ("user/repo",
// "gitlab:group/repo#main", "git@github.com:user/repo.git"), by the rules of hosted-git-info; and the other spellings of
// it. Used by the specifier parser and by whoever fetches repositories. Pure text: nothing is asked for. [any thread]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pmx {

struct HostedRepository {
    enum class Host : std::uint8_t { github, gitlab, bitbucket, gist, sourcehut };
    enum class Form : std::uint8_t { shortcut, https, http, ssh, git };  // as it was written

    Host host = Host::github;
    Form form = Form::shortcut;
    std::string user, project;  // a gist may have no user
    std::string committish;     // decoded; "" = none
    std::string auth;           // "user:password" of an https or git URL

    std::string_view name() const;    // "github"
    std::string_view domain() const;  // "github.com"
    // Each with "#committish" where there is one; "" for what the host does not have.
    std::string shortcut() const;     // "github:user/project"
    std::string https_url() const;    // "git+https://github.com/user/project.git"
    std::string ssh_url() const;      // "git+ssh://git@github.com/user/project.git"
    std::string scp() const;          // "git@github.com:user/project.git"
    std::string git_url() const;      // "git://github.com/user/project.git"
    // The archive of the committish, HEAD for none: as npm asks for it, and as pnpm does (and records it).
    std::string tarball_url() const;
    std::string pnpm_tarball_url() const;
    // In the form in which it was written, normalised.
    std::string to_string() const;
};

std::optional<HostedRepository> hosted_repository(std::string_view text);

}  // namespace pmx
