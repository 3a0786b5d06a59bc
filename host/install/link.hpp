// The link stage: a whole object to one directory, through a chain of importers. Downloaded or stored, every package
// passes link(); there is no second way. Several at once. [worker]
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "install/run.hpp"
#include "store/store.hpp"

namespace pmx {

class LinkStage {
  public:
    // The first importer that can is used; what cannot, between two file systems, is remembered.
    LinkStage(Run& run, std::vector<Importer> chain);

    // Makes the package's directories below `target` and imports its files, the marker last. `private_copy`: nothing
    // may be shared with the store. The name of the importer that finished it.
    Result<std::string_view> link(const ObjectView& object, int target, std::uint64_t target_device, bool private_copy, std::string_view subject);

  private:
    std::size_t first_choice(std::uint64_t from, std::uint64_t to, bool private_copy);
    void remember(std::uint64_t from, std::uint64_t to, bool private_copy, std::size_t works);

    Run& run_;
    std::vector<Importer> chain_;
    std::mutex mutex_;
    std::map<std::tuple<std::uint64_t, std::uint64_t, bool>, std::size_t> works_;
    std::atomic<unsigned> announced_{0};
};

// --import: "auto" is hardlink, reflink, copy; any other importer is followed by copy.
Result<std::vector<Importer>> importer_chain(Run& run);

}  // namespace pmx
