// Run: the few interfaces that every stage of one install shares. Owned by install(); stages keep a reference.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/metrics.hpp"
#include "base/pool.hpp"
#include "config/settings.hpp"
#include "install/events.hpp"
#include "plugin/plugins.hpp"

namespace pmx {

class Transport;

struct Run {
    const Settings& settings;
    Metrics& metrics;
    Events& events;
    CancelFlag& cancel;  // set by a signal, or by the first task that fails
    Plugins& plugins;
    Transport& transport;
    std::string root;    // directory of the lockfile, absolute
};

// What plugins get of the host: credentials, transport settings, a place to report to. All of it must outlive them.
HostServices host_services(const Settings& settings, Metrics& metrics, Events& events, CancelFlag& cancel);
PluginPath plugin_path(const Settings& settings);

// A cap by the name of its setting; 0 there: one per processor.
std::size_t cap(const Settings& settings, std::string_view name);

// What the settings say to plugins: only what somebody set, so that a plugin's own defaults hold otherwise. What
// `plugin-option` says to one plugin has the key "PLUGIN.OPTION".
OptionValues option_values(const Settings& settings);

}  // namespace pmx
