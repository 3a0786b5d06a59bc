#include "install/run.hpp"

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "base/fs.hpp"

namespace pmx {

HostServices host_services(const Settings& settings, Metrics& metrics, Events& events, CancelFlag& cancel) {
    HostServices services;
    services.metrics = &metrics;
    services.cancel = &cancel;
    services.scratch_parent = join_path(settings.text("store-dir"), "scratch");
    services.authorization = [&settings](std::string_view url) { return settings.authorization(url); };
    services.transport = [&settings](std::string_view url, std::string_view key) { return settings.transport(url, key); };
    services.diagnostic = [&events](int severity, std::string_view what, std::string_view subject, std::string_view) {
        if (severity == PMX_WARNING) events.warning(std::string(what) + (subject.empty() ? "" : ": ") + std::string(subject));
    };
    // Native code that the user chose: said once, so that nobody runs it unknowingly.
    const char* state = std::getenv("XDG_STATE_HOME");
    services.record = join_path(state && *state == '/' ? std::string(state) : home_dir() + "/.local/state", "pmx/plugins");
    services.first_use = [&events](std::string_view name, std::string_view file, bool changed) {
        events.warning(std::string(name) + " is native code from outside the installation, and " +
                       (changed ? "has changed since it was last used: " : "is used for the first time: ") + std::string(file));
    };
    services.retrying = [&events](const pmx_retry& retry) {
        auto text = [](pmx_str s) { return std::string_view(s.data, s.length); };
        events.request_retry({text(retry.subject), text(retry.url), text(retry.what), retry.attempt, retry.max_retries,
                              retry.http_status, retry.wait_ms});
    };
    services.executor_width = std::max(1u, std::thread::hardware_concurrency());
    return services;
}

PluginPath plugin_path(const Settings& settings) { return {settings.list("plugin-path"), settings.flag("allow-drafts")}; }

std::size_t cap(const Settings& settings, std::string_view name) {
    auto value = settings.integer(name);
    return value > 0 ? static_cast<std::size_t>(value) : std::max(1u, std::thread::hardware_concurrency());
}

OptionValues option_values(const Settings& settings) {
    OptionValues options;
    for (const auto& [name, setting] : settings.values)
        if (setting.source != Source::builtin) options.emplace(name, setting.items);
    options.erase("plugin-option");
    for (const std::string& item : settings.list("plugin-option")) {
        std::size_t equals = item.find('=');
        options[item.substr(0, equals)].push_back(item.substr(equals + 1));
    }
    return options;
}

}  // namespace pmx
