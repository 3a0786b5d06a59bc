// What a repository offers, asked with `git ls-remote`, and which of its commits a specifier means: a branch, a tag, the
// beginning of a commit's hash, or the highest tag that a semver range takes. Nothing is cloned. Called by InstallSources.
// [any thread]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/pool.hpp"
#include "base/result.hpp"
#include "model/specifier.hpp"

namespace pmx {

struct GitRef {
    std::string name, commit;  // "refs/tags/v1.0.0^{}" is what an annotated tag points to
};

// A hash of 40 or 64 hexadecimal digits: no need to ask anybody.
bool is_whole_commit(std::string_view committish);
// What may be the beginning of one.
bool is_partial_commit(std::string_view committish);

// "git@host:user/repo" is ssh://git@host/user/repo; other addresses stay.
std::string clonable_url(std::string_view url);

// The refs that matter for `git` at `url`. PMX_E_FETCH, PMX_E_FETCH_AUTH, PMX_E_FETCH_NOT_FOUND with git's own words.
Result<std::vector<GitRef>> remote_refs(const std::string& url, const GitSpecifier& git, const CancelFlag& cancel);

// pnpm's order: the ref itself, a tag, a branch, the beginning of a commit. "" when `git.committish` may be the beginning
// of a commit that no ref points to. PMX_E_NO_MATCHING_VERSION with the versions that are there. Pure.
Result<std::string> commit_of(const std::vector<GitRef>& refs, const GitSpecifier& git, std::string_view repository);

}  // namespace pmx
