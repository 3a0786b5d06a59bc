// Describing libraries that nobody vouches for: each is loaded in a process of its own, so that one that crashes, ends
// the process or hangs while it is loaded costs its row and nothing else. Called by `pmx plugin list` on the main thread
// while it is the only one (the process is forked); makes no instance of anything.
#pragma once

#include <chrono>

#include "plugin/plugins.hpp"

namespace pmx {

// What `found` says about itself, or why it cannot be used.
Result<PluginInfo> describe_apart(const FoundPlugin& found, const PluginPath& path, std::chrono::milliseconds limit);

}  // namespace pmx
