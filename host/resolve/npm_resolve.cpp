#include "resolve/npm_resolve.hpp"

namespace pmx {

Result<Resolved> resolve_npm(const TreeInput& input) {
    return fail(Code::RESOLUTION_UNSUPPORTED, "resolving for npm's lockfiles is not there yet", input.root,
                "bring package-lock.json up to date with npm, or remove it and let pmx write pnpm-lock.yaml");
}

}  // namespace pmx
