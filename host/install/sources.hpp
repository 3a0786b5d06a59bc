// InstallSources: the packages that no registry describes, read with the fetchers, git and the store of a run. What is
// fetched to be looked at goes into the store under the key that the install looks for, so that nothing is fetched twice.
// Made by the resolve stage, asked by the resolver. Writes to the store only. [any thread]
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "install/run.hpp"
#include "model/graph.hpp"
#include "model/hosted.hpp"
#include "resolve/sources.hpp"
#include "store/store.hpp"

namespace pmx {

class InstallSources final : public Sources {
  public:
    // Waits for one answer: of the run's transport.
    using Fetch = std::function<Result<FetchResponse>(FetchRequest)>;

    InstallSources(Run& run, Fetch fetch) : run_(run), fetch_(std::move(fetch)) {}

    // `specifier.value` of a file is relative to `root`, or absolute.
    Result<SourcePackage> archive(const Specifier& specifier, const std::string& root) override;
    Result<SourcePackage> repository(const Specifier& specifier) override;
    Result<SourcePackage> directory(const std::string& dir, const std::string& root) override;

  private:
    // Brings the archive that `found` describes into the store, unless it is there, and reads its manifest; the digest of
    // an archive becomes found.integrity.
    Result<> obtain(SourcePackage& found, const std::string& alias);
    Result<> unpack(SourcePackage& found, const std::string& alias, const std::string& key, std::string_view body, const std::string& url);
    Result<std::string> whole_commit(const SourcePackage& found, const std::string& alias);
    // The package at `repo`, as an archive of `archives` where the host serves them.
    Result<SourcePackage> at(const Specifier& specifier, const std::string& repo, const HostedRepository* archives);
    Result<const Store*> store();
    Result<const std::vector<Validator>*> validators();
    template <class Make>
    Result<SourcePackage> once(std::string key, Make&& make);

    Run& run_;
    const Fetch fetch_;
    std::mutex mutex_;
    std::optional<Store> store_;  // opened and held when it is needed: registries' packages do not
    std::optional<FileLock> hold_;
    std::map<std::string, SourcePackage> known_;  // by what was asked
    std::optional<std::vector<Validator>> validators_;
};

}  // namespace pmx
