// @NAME@: packages that a list denies are not installed. check_manifest() sees every package's own package.json before it
// is linked; check_archive() and check_object() may be added beside it (pmx/validator.h).
#include <algorithm>
#include <string>
#include <vector>

#include <pmx/validator.hpp>

namespace {

using namespace pmx::sdk;

constexpr pmx_option options[] = {option_list("deny", "Names of packages that may not be installed", nullptr)};

class @CLASS@ {
  public:
    // The configuration is borrowed for this call: what is kept is copied.
    @CLASS@(Host, const Config& config) {
        for (std::string_view name : config.list("deny")) denied_.emplace_back(name);
    }

    pmx_status check_manifest(Op op, const pmx_manifest& manifest) const {
        if (std::find(denied_.begin(), denied_.end(), view(manifest.name)) == denied_.end()) return PMX_OK;
        op.report(PMX_ERROR, "this package is denied", view(manifest.id), "ask for it to be taken off the list of @NAME@");
        return PMX_MISMATCH;
    }

  private:
    std::vector<std::string> denied_;
};

}  // namespace

PMX_VALIDATOR(@CLASS@, "@NAME@", "0.1.0", "Packages on a list are not installed", 0, options, 1)
