#include "resolve/policy.hpp"

#include <charconv>
#include <chrono>

#include <fmt/format.h>

namespace pmx {
namespace {

using Days = std::chrono::sys_days;
using Milliseconds = std::chrono::milliseconds;

bool read_number(std::string_view text, std::size_t at, std::size_t size, int& out) {
    if (at + size > text.size()) return false;
    const char* from = text.data() + at;
    auto [end, error] = std::from_chars(from, from + size, out);
    return error == std::errc() && end == from + size && out >= 0;
}

// Minutes east of Greenwich of "Z", "+02:00", "-0330"; false for what is no zone.
bool read_zone(std::string_view text, int& minutes) {
    minutes = 0;
    if (text.empty() || text == "Z" || text == "z") return true;
    if (text.front() != '+' && text.front() != '-') return false;
    int hours = 0, rest = 0;
    std::size_t after = text.size() > 3 && text[3] == ':' ? 4 : 3;
    if (!read_number(text, 1, 2, hours) || !read_number(text, after, 2, rest) || text.size() != after + 2) return false;
    minutes = (hours * 60 + rest) * (text.front() == '-' ? -1 : 1);
    return true;
}

}  // namespace

std::string iso_time(std::int64_t ms) {
    std::chrono::sys_time<Milliseconds> moment{Milliseconds(ms)};
    Days day = std::chrono::floor<std::chrono::days>(moment);
    std::chrono::year_month_day date(day);
    std::int64_t rest = (moment - day).count();
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()), rest / 3'600'000, rest / 60'000 % 60, rest / 1000 % 60, rest % 1000);
}

std::int64_t parse_iso_time(std::string_view text) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone = 0;
    if (!read_number(text, 0, 4, year) || !read_number(text, 5, 2, month) || !read_number(text, 8, 2, day)) return -1;
    if (text[4] != '-' || text[7] != '-') return -1;
    std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)), std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok()) return -1;
    std::int64_t ms = std::chrono::duration_cast<Milliseconds>(Days(date).time_since_epoch()).count();
    if (text.size() == 10) return ms;
    if ((text[10] != 'T' && text[10] != ' ') || !read_number(text, 11, 2, hour) || !read_number(text, 14, 2, minute) || text[13] != ':') return -1;
    std::size_t at = 16;
    std::int64_t fraction = 0;
    if (at < text.size() && text[at] == ':') {
        if (!read_number(text, at + 1, 2, second)) return -1;
        at += 3;
        if (at < text.size() && text[at] == '.') {
            std::int64_t unit = 100;
            for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) fraction += (text[at] - '0') * unit;
        }
    }
    if (hour > 24 || minute > 59 || second > 60 || !read_zone(text.substr(at), zone)) return -1;
    return ms + (std::int64_t{hour} * 3600 + (minute - zone) * 60 + second) * 1000 + fraction;
}

Result<Policy> policy_from(const Settings& settings, std::int64_t now_ms) {
    Policy policy;
    policy.auto_install_peers = settings.flag("auto-install-peers");
    policy.auto_install_peers_from_highest_match = settings.flag("auto-install-peers-from-highest-match");
    policy.strict_peer_dependencies = settings.flag("strict-peer-dependencies");
    policy.dedupe_peer_dependents = settings.flag("dedupe-peer-dependents");
    policy.dedupe_peers = settings.flag("dedupe-peers");
    policy.resolve_peers_from_workspace_root = settings.flag("resolve-peers-from-workspace-root");
    policy.peers_suffix_max_length = static_cast<std::uint32_t>(settings.integer("peers-suffix-max-length"));
    policy.peers_ignore_missing = settings.peers_ignore_missing;
    policy.peers_allow_any = settings.peers_allow_any;
    policy.peers_allowed_versions = settings.peers_allowed_versions;

    std::string_view mode = settings.text("resolution-mode");
    policy.mode = mode == "time-based" ? ResolutionMode::time_based : mode == "lowest-direct" ? ResolutionMode::lowest_direct : ResolutionMode::highest;
    policy.minimum_release_age_minutes = settings.integer("minimum-release-age");
    if (policy.minimum_release_age_minutes > 0) policy.newest = iso_time(now_ms - policy.minimum_release_age_minutes * 60'000);
    PMX_TRY(policy.newest_exclude, VersionPolicy::make(settings.list("minimum-release-age-exclude"), "minimumReleaseAgeExclude"));
    policy.newest_ignore_missing_time = settings.flag("minimum-release-age-ignore-missing-time");
    policy.newest_strict = settings.is_set("minimum-release-age-strict") ? settings.flag("minimum-release-age-strict") : settings.is_set("minimum-release-age");
    policy.allowed_deprecated = settings.allowed_deprecated_versions;

    std::string_view link = settings.text("link-workspace-packages");
    policy.link_workspace_packages = link != "false";
    policy.link_workspace_packages_deep = link == "deep";
    policy.prefer_workspace_packages = settings.flag("prefer-workspace-packages");
    policy.inject_workspace_packages = settings.flag("inject-workspace-packages");
    policy.dedupe_injected_deps = settings.flag("dedupe-injected-deps");
    policy.exclude_links_from_lockfile = settings.flag("exclude-links-from-lockfile");
    policy.block_exotic_subdeps = settings.flag("block-exotic-subdeps");

    policy.overrides = settings.overrides;
    policy.package_extensions_json = settings.package_extensions_json;
    policy.ignore_compatibility_db = settings.flag("ignore-compatibility-db");
    policy.ignored_optional = settings.ignored_optional_dependencies;
    policy.catalogs = settings.catalogs;
    policy.allow_unused_patches = settings.flag("allow-unused-patches");
    policy.default_tag = settings.text("tag").empty() ? "latest" : std::string(settings.text("tag"));
    policy.node_version = settings.text("node-version");
    policy.engine_strict = settings.flag("engine-strict");
    policy.include_tarball_url = settings.flag("lockfile-include-tarball-url");
    return policy;
}

}  // namespace pmx
