#include "config/settings.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "config/config_document.hpp"
#include "config/credentials.hpp"
#include "config/npmrc.hpp"
#include "config/settings_table.hpp"
#include "config/workspace.hpp"
#include "config/workspace_yaml.hpp"
#include "model/contained_path.hpp"
#include "model/manifest.hpp"

namespace pmx {
namespace {

constexpr std::size_t kFileLimit = 16u << 20;

std::string variable(const Environment& environment, const char* name) {
    auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
}

std::string under_home(const Environment& environment, const char* xdg, const char* fallback, const char* tail) {
    std::string base = variable(environment, xdg);
    if (!base.starts_with('/')) {
        std::string home = variable(environment, "HOME");
        base = join_path(home.empty() ? home_dir() : home, fallback);
    }
    return join_path(base, tail);
}

std::string default_registry() {
    std::string url = PMX_DEFAULT_REGISTRY;
    if (!url.empty() && url.back() != '/') url += '/';
    return url;
}

void set_builtins(Settings& settings, const Environment& environment) {
    for (const SettingSpec& spec : settings_table()) {
        Setting setting{{}, Source::builtin, "default"};
        if (spec.type != SettingType::list) setting.items.emplace_back(spec.fallback);
        else if (!spec.fallback.empty())
            for (std::string_view item : split(spec.fallback, ',')) setting.items.emplace_back(item);
        settings.values.insert_or_assign(std::string(spec.name), std::move(setting));
    }
    auto builtin = [&](const char* name, std::string value) { settings.values.find(name)->second.items = {std::move(value)}; };
    builtin("store-dir", under_home(environment, "XDG_DATA_HOME", ".local/share", "pmx/store"));
    builtin("cache-dir", under_home(environment, "XDG_CACHE_HOME", ".cache", "pmx"));
    builtin("registry", default_registry());
    builtin("default-registry", default_registry());
    builtin("user-agent", "pmx/" PMX_VERSION " npm/? node/? linux x64");
}

// The text of a configuration file, remembered in files_read whether it exists or not.
Result<std::optional<std::string>> config_file(Settings& settings, const std::string& path) {
    settings.files_read.push_back(path);
    return read_file_if_exists(AT_FDCWD, path.c_str(), kFileLimit);
}

Result<> read_yaml(Settings& settings, const std::string& path, YamlFile kind) {
    PMX_TRY(std::optional<std::string> text, config_file(settings, path));
    return text ? merge_yaml(settings, *text, path, kind) : Result<>();
}

Result<> read_npmrc(Settings& settings, const std::string& path, bool trusted, Source source, const Environment& environment) {
    PMX_TRY(std::optional<std::string> text, config_file(settings, path));
    return text ? merge_npmrc(settings, *text, path, trusted, source, environment, default_registry()) : Result<>();
}

// What older pnpm kept in package.json's "pnpm"; pnpm-workspace.yaml has the last word.
Result<> read_manifest_block(Settings& settings) {
    std::string path = join_path(settings.root, "package.json");
    PMX_TRY(std::optional<std::string> text, config_file(settings, path));
    if (!text || text->find("\"pnpm\"") == std::string::npos) return {};
    PMX_TRY(Manifest manifest, parse_manifest(*text, path));
    return manifest.pnpm_json.empty() ? Result<>() : merge_yaml(settings, manifest.pnpm_json, path, YamlFile::manifest_block);
}

// "$react" in an override stands for what the root's manifest asks of react.
Result<> resolve_references(Settings& settings) {
    bool any = std::any_of(settings.overrides.begin(), settings.overrides.end(), [](const auto& one) { return one.second.starts_with('$'); });
    if (!any) return {};
    std::string path = join_path(settings.root, "package.json");
    PMX_TRY(std::optional<std::string> text, read_file_if_exists(AT_FDCWD, path.c_str(), kFileLimit));
    PMX_TRY(Manifest manifest, parse_manifest(text ? *text : "{}", path));
    for (auto& [selector, value] : settings.overrides) {
        if (!value.starts_with('$')) continue;
        const std::string* asked = nullptr;
        for (const TextMap* map : {&manifest.dependencies, &manifest.dev_dependencies, &manifest.optional_dependencies, &manifest.peer_dependencies})
            if (asked == nullptr) asked = find(*map, std::string_view(value).substr(1));
        if (asked == nullptr)
            return fail(Code::CONFIG, fmt::format("the override {}: {} refers to a dependency that the root does not have", selector, value), path,
                        "write the version, or put it into a catalog and write \"catalog:\"");
        value = *asked;
    }
    return {};
}

Result<> apply_environment(Settings& settings, const Environment& environment) {
    for (const SettingSpec& spec : settings_table()) {
        if (!(spec.places & in_environment)) continue;
        std::string name = environment_name(spec.name);
        auto found = environment.find(name);
        if (found == environment.end() || (found->second.empty() && spec.type != SettingType::list)) continue;
        std::vector<std::string> items;
        char separator = spec.name == "plugin-path" ? ':' : ',';
        if (spec.type != SettingType::list) items.push_back(found->second);
        else
            for (std::string_view item : split(found->second, separator))
                if (!item.empty()) items.emplace_back(item);
        if (spec.type == SettingType::boolean && items.front() == "1") items.front() = "true";
        if (spec.type == SettingType::boolean && items.front() == "0") items.front() = "false";
        PMX_CHECK(apply_setting(settings, spec.name, std::move(items), Source::environment, name, current_dir()));
    }
    return {};
}

Result<> apply_flags(Settings& settings, const Flags& flags) {
    for (const auto& [name, items] : flags) {
        const SettingSpec* spec = find_setting(name);
        if (spec == nullptr || !(spec->places & in_flag)) {
            std::vector<std::string_view> names;
            for (const SettingSpec& one : settings_table())
                if (one.places & in_flag) names.push_back(one.name);
            std::string near = nearest(name, names);
            return fail(Code::USAGE, "there is no flag --" + name, {}, near.empty() ? "pmx --help lists the flags" : "did you mean --" + near + "?");
        }
        auto applied = apply_setting(settings, name, items, Source::flag, "--" + name, current_dir());
        if (!applied) {
            Error error = std::move(applied).error();
            error.code = Code::USAGE;
            return tl::make_unexpected(std::move(error));
        }
    }
    return {};
}

// PLUGIN.OPTION=VALUE. Whether the plugin has that option is known once it is loaded (plugin/options.cpp).
Result<> check_plugin_options(const Settings& settings) {
    const Setting& setting = settings.values.find("plugin-option")->second;
    for (const std::string& item : setting.items) {
        std::size_t equals = item.find('='), dot = item.find('.');
        if (equals != std::string::npos && dot != 0 && dot + 1 < equals) continue;
        return fail(setting.source == Source::flag ? Code::USAGE : Code::CONFIG, fmt::format("\"{}\" is no option of a plugin", item),
                    setting.where, "write PLUGIN.OPTION=VALUE, like flat-layout.modules-dir=node_modules");
    }
    return {};
}

// What the person named for this very run: more than the environment of every run, less than a flag of its own.
Result<> apply_documents(Settings& settings, const Flags& flags, const Environment& environment) {
    auto named = [&](const char* name) {
        auto flag = flags.find(name);
        return flag == flags.end() || flag->second.empty() ? std::string(settings.text(name)) : flag->second.front();
    };
    if (std::string profile = named("profile"); !profile.empty()) {
        PMX_TRY(std::string text, read_profile(profile, environment));
        PMX_CHECK(merge_document(settings, text, profile_path(profile, environment), DocumentKind::profile));
    }
    if (std::string argument = named("config-json"); !argument.empty()) {
        PMX_TRY(std::string text, document_argument(argument));
        const bool is_file = argument != "-" && text != argument;
        PMX_CHECK(merge_document(settings, text, is_file ? argument : "--config-json", DocumentKind::whole));
    }
    return {};
}

// A directory below the root, as the layouts want it: relative, without "." and "..". pnpm also takes absolute ones.
Result<> keep_inside(Settings& settings, std::string_view name) {
    Setting& setting = settings.values.find(name)->second;
    std::string& path = setting.items.front();
    const std::string given = path;
    if (path.starts_with('/')) path = relative_path(settings.root, join_path("/", path));
    else path = join_path("", path);
    if (is_contained_path(path) && path != ".") return {};
    return fail(setting.source == Source::flag ? Code::USAGE : Code::CONFIG, fmt::format("{} cannot be \"{}\"", name, given), setting.where,
                "accepted: a directory below " + settings.root);
}

}  // namespace

std::string user_config_dir(const Environment& environment) { return under_home(environment, "XDG_CONFIG_HOME", ".config", "pmx"); }

std::string_view Settings::text(std::string_view name) const {
    auto found = values.find(name);
    return found == values.end() || found->second.items.empty() ? std::string_view() : found->second.items.front();
}

std::vector<std::string> Settings::list(std::string_view name) const {
    auto found = values.find(name);
    return found == values.end() ? std::vector<std::string>() : found->second.items;
}

bool Settings::flag(std::string_view name) const { return text(name) == "true"; }

std::int64_t Settings::integer(std::string_view name) const {
    std::string_view digits = text(name);
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

bool Settings::is_set(std::string_view name) const { return source(name) != Source::builtin; }

Source Settings::source(std::string_view name) const {
    auto found = values.find(name);
    return found == values.end() ? Source::builtin : found->second.source;
}

std::string Settings::registry_for(std::string_view package_name, std::string_view specifier) const {
    // An alias belongs to the registry of what it stands for.
    if (specifier.starts_with("npm:")) {
        specifier.remove_prefix(4);
        std::size_t version = specifier.find('@', 1);
        package_name = specifier.substr(0, version);
    }
    if (package_name.starts_with('@')) {
        auto found = scoped_registries.find(std::string(package_name.substr(0, package_name.find('/'))));
        if (found != scoped_registries.end()) return found->second;
    }
    return std::string(text("registry"));
}

std::string Settings::authorization(std::string_view url, std::string_view package_name) const {
    return authorization_header(npmrc, url, package_name.empty() ? std::string() : registry_for(package_name));
}

std::string Settings::transport(std::string_view url, std::string_view key) const {
    auto whole_file = [](const std::string& path) {
        auto text = read_file(AT_FDCWD, path.c_str(), kFileLimit);
        return text ? *text : std::string();
    };
    auto global = [&](std::string_view name) {
        auto found = npmrc.find(std::string(name));
        return found == npmrc.end() || found->second == "null" ? std::string() : found->second;
    };
    if (key == "strict-ssl" || key == "user-agent") return std::string(text(key));
    if (key == "proxy") return proxy_for(npmrc, url);
    if (key == "cert" || key == "key" || key == "ca") {
        if (const std::string* file = nearest_key(npmrc, url, std::string(key) + "file"); file != nullptr && key != "ca") return whole_file(*file);
        const std::string* own = nearest_key(npmrc, url, key);
        // One line in a file: newlines are written as \n.
        return replace_all(own != nullptr ? *own : global(key), "\\n", "\n");
    }
    if (key == "cafile")
        if (const std::string* own = nearest_key(npmrc, url, key)) return *own;
    return global(key);
}

Result<Settings> load_settings(const std::string& dir, const Flags& flags, const std::map<std::string, std::string>& environment) {
    Settings settings;
    set_builtins(settings, environment);
    PMX_TRY(WorkspaceRoot root, find_workspace_root(dir));
    settings.root = root.dir;
    settings.workspace_packages = root.npm_patterns;

    std::string home = variable(environment, "HOME");
    std::string user_npmrc = variable(environment, "NPM_CONFIG_USERCONFIG");
    if (user_npmrc.empty()) user_npmrc = variable(environment, "npm_config_userconfig");
    if (user_npmrc.empty()) user_npmrc = join_path(home.empty() ? home_dir() : home, ".npmrc");
    PMX_CHECK(read_npmrc(settings, user_npmrc, true, Source::user, environment));
    PMX_CHECK(read_yaml(settings, join_path(user_config_dir(environment), "config.yaml"), YamlFile::user));

    std::string project_npmrc = join_path(settings.root, ".npmrc");
    if (project_npmrc != user_npmrc) PMX_CHECK(read_npmrc(settings, project_npmrc, false, Source::project, environment));
    PMX_CHECK(read_manifest_block(settings));
    PMX_CHECK(read_yaml(settings, join_path(settings.root, "pnpm-workspace.yaml"), YamlFile::pnpm_workspace));
    PMX_CHECK(read_yaml(settings, join_path(settings.root, "pmx.yaml"), YamlFile::project));

    PMX_CHECK(resolve_references(settings));
    merge_network_environment(settings, environment);
    PMX_CHECK(apply_environment(settings, environment));
    PMX_CHECK(apply_documents(settings, flags, environment));
    PMX_CHECK(apply_flags(settings, flags));

    if (settings.text("virtual-store-dir").empty())
        settings.values.find("virtual-store-dir")->second.items = {join_path(settings.text("modules-dir"), ".pnpm")};
    PMX_CHECK(check_plugin_options(settings));
    PMX_CHECK(keep_inside(settings, "modules-dir"));
    PMX_CHECK(keep_inside(settings, "virtual-store-dir"));
    return settings;
}

}  // namespace pmx
