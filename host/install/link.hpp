// The link stage: a whole object to one directory, through a chain of importers. Downloaded or stored, every package
// passes link(); there is no second way. Several at once. [worker]
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "install/run.hpp"
#include "store/store.hpp"

namespace pmx {

// The importers of a run, in the order in which they are tried. Those after the first are loaded when it cannot.
class ImporterChain {
  public:
    // --import: "auto" is hardlink, reflink, copy; any other importer is followed by copy. The first one is loaded now,
    // so that a name nobody knows is an error before anything is fetched. [setup]
    static Result<std::unique_ptr<ImporterChain>> open(Run& run);
    std::size_t size() const { return names_.size(); }
    // [worker]
    Result<const Importer*> at(std::size_t choice);

  private:
    ImporterChain(Run& run, std::vector<std::string> names) : run_(run), names_(std::move(names)), loaded_(names_.size()) {}

    Run& run_;
    const std::vector<std::string> names_;
    std::mutex mutex_;
    std::vector<std::optional<Importer>> loaded_;
};

class LinkStage {
  public:
    // The first importer that can is used; what cannot, between two file systems, is remembered.
    LinkStage(Run& run, std::unique_ptr<ImporterChain> chain);

    // Makes the package's directories below `target` and imports its files, the marker last. `private_copy`: nothing
    // may be shared with the store. The name of the importer that finished it.
    Result<std::string_view> link(const ObjectView& object, int target, std::uint64_t target_device, bool private_copy, std::string_view subject);

  private:
    std::size_t first_choice(std::uint64_t from, std::uint64_t to, bool private_copy);
    void remember(std::uint64_t from, std::uint64_t to, bool private_copy, std::size_t works);

    Run& run_;
    const std::unique_ptr<ImporterChain> chain_;
    std::mutex mutex_;
    std::map<std::tuple<std::uint64_t, std::uint64_t, bool>, std::size_t> works_;
    std::atomic<unsigned> announced_{0};
};

}  // namespace pmx
