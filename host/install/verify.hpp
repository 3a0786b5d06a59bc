// The verify and check stages: what validators say of an archive before it is unpacked, of a stored object before it
// is linked, and of a package's manifest. Several at once. [worker]
#pragma once

#include <string_view>
#include <vector>

#include "install/run.hpp"
#include "model/graph.hpp"
#include "store/store.hpp"

namespace pmx {

// The error of the first validator that refuses the bytes (PMX_E_INTEGRITY).
Result<> verify_archive(Run& run, const std::vector<Validator>& validators, const Package& package, std::string_view bytes,
                        std::string_view url);

// False: the object does not hold what its index promises at this level, and must be fetched again.
Result<bool> check_object(Run& run, const std::vector<Validator>& validators, const ObjectView& object, pmx_level level,
                          std::string_view id);

// The error of the first validator whose policy the package breaks (PMX_E_POLICY).
Result<> check_manifest(const std::vector<Validator>& validators, const ObjectView& object, const Package& package);

Result<std::vector<Validator>> load_validators(Run& run);
pmx_level check_level(const Settings& settings);

}  // namespace pmx
