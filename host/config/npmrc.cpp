#include "config/npmrc.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "config/credentials.hpp"

namespace pmx {
namespace {

constexpr std::array<std::string_view, 13> kNetworkKeys = {
    "https-proxy", "http-proxy", "proxy", "no-proxy", "noproxy", "ca", "cafile", "cert", "key", "strict-ssl", "local-address",
    "user-agent", "always-auth"};
constexpr std::array<std::string_view, 5> kCredentialKeys = {"_authToken", "_auth", "username", "_password", "tokenHelper"};
constexpr std::array<std::string_view, 6> kTlsKeys = {"ca", "cert", "key", "cafile", "certfile", "keyfile"};

bool is_one_of(std::string_view key, auto& list) { return std::find(list.begin(), list.end(), key) != list.end(); }

void set(Settings& settings, std::string_view name, std::string value, Source source, std::string where) {
    settings.values.insert_or_assign(std::string(name), Setting{{std::move(value)}, source, std::move(where)});
}

std::string with_slash(std::string url) {
    if (!url.empty() && url.back() != '/') url += '/';
    return url;
}

}  // namespace

Result<> merge_npmrc(Settings& settings, std::string_view text, const std::string& path, bool trusted, Source source,
                     const Environment& environment, const std::string& default_registry) {
    Ini file = parse_ini(text);
    auto expand = [&](std::string_view raw) { return trusted ? replace_environment(raw, environment, true) : std::string(raw); };
    std::string registry = default_registry;
    if (const Ini* own = file.member("registry"); own != nullptr && parse_url(expand(own->as_text()))) registry = expand(own->as_text());
    const std::string unscoped = nerf_dart(with_slash(registry));
    for (const auto& [raw_key, raw_value] : file.members) {
        if (raw_value.kind == Ini::Kind::section) continue;
        std::string key = expand(raw_key), value = expand(raw_value.as_text());
        std::string where = fmt::format("{}:{}", path, raw_value.line);
        // A token that still holds a placeholder is none: it would only tell the server the variable's name.
        bool placeholder = value.find("${") != value.npos;
        auto keep = [&](const std::string& as) {
            settings.npmrc[as] = value;
            settings.npmrc_where[as] = where;
        };
        bool names_registry = key == "registry" || (key.starts_with('@') && key.ends_with(":registry"));
        if (names_registry && placeholder) value.clear();
        else if (names_registry && !value.empty() && !parse_url(value))
            return fail(Code::CONFIG, fmt::format("the value of {} is no URL of a registry", key), where, "write http://… or https://…");
        if (key == "registry") {
            if (placeholder || !value.empty()) set(settings, "registry", with_slash(value), source, where);
        } else if (names_registry) {
            if (placeholder || !value.empty()) settings.scoped_registries[key.substr(0, key.size() - 9)] = with_slash(value), settings.npmrc_where[key] = where;
        } else if (key.starts_with("//")) {
            std::size_t colon = key.rfind(':');
            std::string_view last = std::string_view(key).substr(colon + 1);
            bool runs_code = last == "tokenHelper";
            if ((is_one_of(last, kCredentialKeys) || is_one_of(last, kTlsKeys)) && !placeholder && (trusted || !runs_code))
                keep(key);
        } else if (is_one_of(key, kCredentialKeys)) {
            if (!unscoped.empty() && !placeholder && (trusted || key != "tokenHelper")) keep(unscoped + ":" + key);
        } else if (key == "strict-ssl") {
            if (placeholder || value.empty()) continue;
            if (value != "true" && value != "false")
                return fail(Code::CONFIG, fmt::format("strict-ssl cannot be \"{}\"", value.substr(0, 200)), where, "accepted: true or false");
            set(settings, key, value, source, where);
        } else if (is_one_of(key, kNetworkKeys) && !placeholder) {
            if (key == "cafile" && !value.starts_with('/')) value = join_path(parent_path(path), value);
            keep(key);
        }
    }
    return {};
}

void merge_network_environment(Settings& settings, const Environment& environment) {
    auto from = [&](std::initializer_list<const char*> names, const char* key) {
        for (const char* name : names)
            if (auto found = environment.find(name); found != environment.end() && !found->second.empty() && !settings.npmrc.contains(key)) {
                settings.npmrc[key] = found->second;
                settings.npmrc_where[key] = name;
                return;
            }
    };
    for (const auto& [name, value] : environment) {
        std::string lower = to_lower_ascii(name.substr(0, 11));
        if (lower != "npm_config_" || value.empty()) continue;
        std::string key = name.substr(11);
        if (!key.starts_with("//") && !key.starts_with('@')) key = replace_all(to_lower_ascii(key), "_", "-");
        if (key == "registry") {
            if (parse_url(value)) set(settings, "registry", with_slash(value), Source::environment, name);
        } else if (key == "strict-ssl") {
            if (value == "true" || value == "false") set(settings, "strict-ssl", value, Source::environment, name);
        } else if (key.starts_with("//") || is_one_of(key, kNetworkKeys)) {
            settings.npmrc[key] = value;
            settings.npmrc_where[key] = name;
        } else if (key.starts_with('@') && key.ends_with(":registry") && parse_url(value)) {
            settings.scoped_registries[key.substr(0, key.size() - 9)] = with_slash(value);
            settings.npmrc_where[key] = name;
        }
    }
    // What a file says about proxies comes before the variables that every program hears.
    from({"https_proxy", "HTTPS_PROXY"}, "https-proxy");
    from({"http_proxy", "HTTP_PROXY"}, "http-proxy");
    from({"all_proxy", "ALL_PROXY"}, "proxy");
    if (!settings.npmrc.contains("noproxy")) from({"no_proxy", "NO_PROXY"}, "no-proxy");
    from({"NODE_EXTRA_CA_CERTS"}, "cafile");
}

}  // namespace pmx
