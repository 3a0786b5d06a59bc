// What a person is told when a packument cannot be had: which registry was asked, which line of which file chose it or its
// credentials, what to do. Never prints a secret. Used by packuments.cpp. Pure. [any thread]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/settings.hpp"

namespace pmx {

// The registry answered, but with this status.
Error status_error(std::uint32_t status, const Settings& settings, std::string_view name, std::string_view registry);
// The fetcher's own error, with what it cannot know.
Error fetch_error(Error error, const Settings& settings, std::string_view name, std::string_view registry);
// `has_short`: there is a copy, but one that does not tell how old versions are.
Failure offline_error(std::string_view name, std::string_view registry, bool has_short);

// "2021-01-01T00:00:00.000Z" (or "+02:00", or no fraction) in milliseconds since 1970; nullopt for anything else.
std::optional<std::int64_t> moment_ms(std::string_view text);

}  // namespace pmx
