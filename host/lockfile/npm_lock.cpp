#include "lockfile/codecs.hpp"

namespace pmx {
Result<> read_npm_lock(Lockfile& lockfile) {
    return fail(Code::LOCKFILE_VERSION, "npm lockfiles are not read yet", lockfile.file_name);
}
}  // namespace pmx
