// Sources: packages that no packument describes: archives by URL or path, repositories, directories. An interface, as
// reading them needs the fetcher, the store and git, which install/ has; the resolver only asks. [any thread]
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "model/manifest.hpp"
#include "model/specifier.hpp"

namespace pmx {

// Strings that a Resolution will view, with the manifest that was found.
struct SourcePackage {
    Manifest manifest;
    std::string reference;  // after "name@" in ids: "https://…", "file:dir", "https://codeload…/tar.gz/<sha>"
    std::string integrity, tarball, directory, repo, commit, path;
    bool git_hosted = false;
    enum class Kind : std::uint8_t { tarball, directory, git } kind = Kind::tarball;
    // Of an archive: what its npm-shrinkwrap.json and the package.json files of the packages that it carries say, by path.
    std::vector<std::pair<std::string, std::string>> inside;
};

class Sources {
  public:
    virtual ~Sources() = default;
    // An archive by URL or by a path relative to the root: fetched, digested, its package.json read.
    virtual Result<SourcePackage> archive(const Specifier& specifier, const std::string& root) = 0;
    // A repository: the commit that the committish or semver range means, as a hosted archive where the host has one.
    virtual Result<SourcePackage> repository(const Specifier& specifier) = 0;
    // A directory relative to the root; only its manifest is read.
    virtual Result<SourcePackage> directory(const std::string& dir, const std::string& root) = 0;
};

}  // namespace pmx
