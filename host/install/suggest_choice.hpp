// A plugin that is not there may be a built-in one's name with a letter missing: puts the nearest into the error's
// remedy. For the doors, once install() has failed. Pure. [any thread]
#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"

namespace pmx {

void suggest_choice(Error& error, const Settings& settings);

}  // namespace pmx
