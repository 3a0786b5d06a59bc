// Which libraries from outside the installation this user has used before: a file of the user's with a line for each path
// and content. Called by the loader before it loads one, under its lock. Decides nothing: who is told what is the host's.
#pragma once

#include <string>

namespace pmx {

enum class Acquaintance { known, changed, unknown };

// Looks `library`, with its content of now, up in `record` and writes it there. A record that cannot be read or written is
// an empty one: the library is unknown each time.
Acquaintance acquaint(const std::string& record, const std::string& library);

}  // namespace pmx
