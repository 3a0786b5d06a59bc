// The check stage: what validators say of a stored object before it is linked, and of a package's manifest. Several at
// once. [worker]
#pragma once

#include <string_view>
#include <vector>

#include "install/run.hpp"
#include "model/graph.hpp"
#include "store/store.hpp"

namespace pmx {

// False: the object does not hold what its index promises at this level, and must be fetched again.
Result<bool> check_object(Run& run, const std::vector<Validator>& validators, const ObjectView& object, pmx_level level,
                          std::string_view id);

// The error of the first validator whose policy the package breaks (PMX_E_POLICY).
Result<> check_manifest(const std::vector<Validator>& validators, const ObjectView& object, const Package& package);

pmx_level check_level(const Settings& settings);

}  // namespace pmx
