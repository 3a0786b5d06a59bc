#include "registry/packument_errors.hpp"

#include <chrono>

#include "config/credentials.hpp"

namespace pmx {
namespace {

std::string where_of(const Settings& settings, const std::string& key) {
    auto found = settings.npmrc_where.find(key);
    return found == settings.npmrc_where.end() ? std::string() : found->second;
}

// The key that holds this registry's credentials, the longest path first; "" when there is none.
std::string credentials_key(const Settings& settings, std::string_view registry) {
    for (std::string place = nerf_dart(registry); place.size() > 2;) {
        for (const char* kind : {":_authToken", ":_auth", ":_password", ":tokenHelper"})
            if (auto found = settings.npmrc.find(place + kind); found != settings.npmrc.end() && !found->second.empty()) return found->first;
        place.pop_back();
        const std::size_t slash = place.rfind('/');
        if (slash == place.npos || slash < 2) break;
        place.resize(slash + 1);
    }
    return {};
}

// " (chosen by @scope:registry in ~/.npmrc:3)"
std::string chosen_by(const Settings& settings, std::string_view name) {
    if (!name.starts_with('@')) return {};
    const std::string key = std::string(name.substr(0, name.find('/'))) + ":registry";
    const std::string where = where_of(settings, key);
    return where.empty() ? std::string() : " (" + key + " in " + where + ")";
}

std::string subject_of(std::string_view name, std::string_view registry) {
    return std::string(name) + " at " + without_secrets(registry);
}

// "//registry.example/:_authToken in ~/.npmrc:2"; which line to write where there is none.
std::string credentials_line(const Settings& settings, std::string_view registry, bool& has) {
    const std::string key = credentials_key(settings, registry);
    has = !key.empty();
    if (!has) return nerf_dart(registry) + ":_authToken=…";
    const std::string where = where_of(settings, key);
    return where.empty() ? key : key + " in " + where;
}

Error made(Failure failure) { return std::move(failure).value(); }

Error not_found(const Settings& settings, std::string_view name, std::string_view registry) {
    bool has = false;
    const std::string line = credentials_line(settings, registry, has);
    return made(fail(Code::FETCH_NOT_FOUND, "the registry has no such package" + chosen_by(settings, name), subject_of(name, registry),
                     has ? "check the name; if it is private, check that " + line + " may read it"
                         : "check the name; if it is private, put `" + line + "` into your .npmrc"));
}

Error denied(std::uint32_t status, const Settings& settings, std::string_view name, std::string_view registry) {
    bool has = false;
    const std::string line = credentials_line(settings, registry, has);
    const std::string what = status == 403 ? "the registry forbids reading this package (403)"
                           : status == 401 ? "the registry wants other credentials (401)"
                                           : "the registry refused the credentials";
    return made(fail(Code::FETCH_AUTH, what + chosen_by(settings, name), subject_of(name, registry),
                     has ? "replace the credentials at " + line + ", or ask for the right to read this package"
                         : "put `" + line + "` into your .npmrc (no credentials were sent)"));
}

}  // namespace

Error status_error(std::uint32_t status, const Settings& settings, std::string_view name, std::string_view registry) {
    if (status == 404 || status == 410) return not_found(settings, name, registry);
    if (status == 401 || status == 403) return denied(status, settings, name, registry);
    return made(fail(Code::FETCH, "the registry answered " + std::to_string(status) + chosen_by(settings, name), subject_of(name, registry),
                     status >= 500 || status == 429 ? "try again later" : "check the registry URL"));
}

Error fetch_error(Error error, const Settings& settings, std::string_view name, std::string_view registry) {
    if (error.code == Code::FETCH_NOT_FOUND) return not_found(settings, name, registry);
    if (error.code == Code::FETCH_AUTH && error.what.find("407") == error.what.npos)
        return denied(error.what.find("403") != error.what.npos ? 403 : error.what.find("401") != error.what.npos ? 401 : 0, settings,
                      name, registry);
    if (error.code != Code::CANCELLED) error.subject = subject_of(name, registry);
    if (error.code == Code::FETCH && error.remedy.empty()) error.remedy = "check the network and the registry URL" + chosen_by(settings, name);
    return error;
}

Failure offline_error(std::string_view name, std::string_view registry, bool has_short) {
    return fail(Code::OFFLINE,
                has_short ? "the cached metadata does not tell how old versions are, and --offline forbids asking"
                          : "no metadata of this package is cached, and --offline forbids asking for it",
                subject_of(name, registry),
                has_short ? "run once without --offline, or set minimumReleaseAge to 0" : "run once without --offline to fill the cache");
}

std::optional<std::int64_t> moment_ms(std::string_view text) {
    std::size_t at = 0;
    const auto number = [&](std::size_t digits, int& value) {
        value = 0;
        if (text.size() - at < digits) return false;
        for (std::size_t i = 0; i < digits; ++i) {
            const char c = text[at++];
            if (c < '0' || c > '9') return false;
            value = value * 10 + (c - '0');
        }
        return true;
    };
    const auto take = [&](char c) { return at < text.size() && text[at] == c && ++at > 0; };
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (!number(4, year) || !take('-') || !number(2, month) || !take('-') || !number(2, day) || !(take('T') || take(' ')) ||
        !number(2, hour) || !take(':') || !number(2, minute) || !take(':') || !number(2, second))
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok() || hour > 24 || minute > 59 || second > 60) return std::nullopt;
    std::int64_t millis = 0;
    if (take('.')) {
        std::int64_t scale = 100;
        const std::size_t from = at;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) millis += (text[at] - '0') * scale;
        if (at == from) return std::nullopt;
    }
    std::int64_t offset_minutes = 0;
    if (!take('Z')) {
        const bool east = take('+');
        int hours = 0, minutes = 0;
        if ((!east && !take('-')) || !number(2, hours)) return std::nullopt;
        take(':');
        if (!number(2, minutes)) return std::nullopt;
        offset_minutes = (east ? 1 : -1) * (hours * 60 + minutes);
    }
    if (at != text.size()) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    return (((days * 24 + hour) * 60 + minute - offset_minutes) * 60 + second) * 1000 + millis;
}

}  // namespace pmx
