// The verify stage: what validators say of an archive before anything of it is unpacked. Several at once. [worker]
#pragma once

#include <string_view>
#include <vector>

#include "install/run.hpp"
#include "model/graph.hpp"

namespace pmx {

// The validators of this run, loaded. [setup]
Result<std::vector<Validator>> load_validators(Run& run);

// The error of the first validator that refuses the bytes (PMX_E_INTEGRITY).
Result<> verify_archive(Run& run, const std::vector<Validator>& validators, const Package& package, std::string_view bytes,
                        std::string_view url);

}  // namespace pmx
