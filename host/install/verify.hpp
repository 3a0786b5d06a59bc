// The verify stage: what validators say of an archive before anything of it is published: of one that is whole before it is
// unpacked, of a large one while it is (arrival.hpp). Several at once. [worker]
#pragma once

#include <chrono>
#include <future>
#include <string_view>
#include <vector>

#include "install/run.hpp"
#include "model/graph.hpp"

namespace pmx {

// The validators of this run, loaded. [setup]
Result<std::vector<Validator>> load_validators(Run& run);

// The same, begun now and on a thread of its own: nobody needs them before the first archive is there.
class LoadingValidators {
  public:
    explicit LoadingValidators(Run& run);
    // Waits for them. [any thread]
    const Result<std::vector<Validator>>& get() const { return loaded_.get(); }
    bool are_there() const { return loaded_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }

  private:
    std::shared_future<Result<std::vector<Validator>>> loaded_;
};

// The error of the first validator that refuses the bytes (PMX_E_INTEGRITY).
Result<> verify_archive(Run& run, const std::vector<Validator>& validators, const Package& package, std::string_view bytes,
                        std::string_view url);
// The checks of an archive whose bytes are still to come, one for each validator that has an opinion of archives.
Result<std::vector<ArchiveCheck>> begin_archive(const std::vector<Validator>& validators, const Package& package, std::string_view url);
// Every validator that looks at archives can take them in pieces.
bool take_pieces(const std::vector<Validator>& validators);

}  // namespace pmx
