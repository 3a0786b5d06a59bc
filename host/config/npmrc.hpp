// .npmrc: the registry, authentication and network keys of npm's configuration files; every other key is ignored, as
// pnpm ignores it. Called by load_settings. Files are read once; nothing is executed. [one thread]
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/ini.hpp"
#include "config/settings.hpp"

namespace pmx {

// Merges one file's keys into `settings` (over what is there). `trusted`: the user's own file, where ${NAME} is
// replaced and tokenHelper is heard; in a project's neither is. Credentials without a host are bound to the registry
// that the same file names, else to `default_registry`: a project that names another registry does not get them.
// A registry that holds an unreplaced ${NAME} becomes "", which is no registry: nothing meant for a private one is asked
// for elsewhere. PMX_E_CONFIG for a registry that is no URL and a strict-ssl that is neither true nor false.
Result<> merge_npmrc(Settings& settings, std::string_view text, const std::string& path, bool trusted, Source source,
                 const Environment& environment, const std::string& default_registry);

// HTTPS_PROXY, HTTP_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS and npm_config_<key>.
void merge_network_environment(Settings& settings, const Environment& environment);

}  // namespace pmx
