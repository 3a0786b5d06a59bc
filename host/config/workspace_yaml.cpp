#include "config/workspace_yaml.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "config/credentials.hpp"
#include "config/settings_table.hpp"

namespace pmx {
namespace {

constexpr std::size_t kFileLimit = 4u << 20;
constexpr int kDepthLimit = 32;
constexpr std::size_t kEntryLimit = 200'000;  // aliases can make a small file say a great deal

std::string_view accepted(const SettingSpec& spec) {
    switch (spec.type) {
        case SettingType::boolean: return "true or false";
        case SettingType::integer: return "a whole number, 0 or more";
        case SettingType::text: return spec.choices.empty() ? "a text" : spec.choices;
        case SettingType::list: return "a list of texts";
    }
    return {};
}

Failure wrong(const SettingSpec& spec, std::string_view value, const std::string& where) {
    std::string choices = replace_all(replace_all(accepted(spec), " PATH", " or a plugin's path"), " ", spec.choices.empty() ? " " : ", ");
    if (!spec.choices.empty()) choices = replace_all(choices, "or, a, plugin's, path", "or a plugin's path");
    return fail(Code::CONFIG, fmt::format("{} cannot be \"{}\"", spec.name, value.substr(0, 200)), where, "accepted: " + choices);
}

// Somebody's forgotten "https://" must not put a password on the screen.
std::string shown_url(const std::string& value) {
    return value.find("://") == value.npos ? without_secrets("://" + value).substr(3) : without_secrets(value);
}

bool is_path(std::string_view value) { return value.find_first_of("/\\") != value.npos || value.ends_with(".so"); }

class Reader {
  public:
    Reader(Settings& settings, const std::string& path, YamlFile kind) : settings_(settings), path_(path), kind_(kind) {}

    Result<> read(const YAML::Node& root) {
        if (!root.IsDefined() || root.IsNull()) return {};
        if (!root.IsMap()) return fail(Code::CONFIG, "the file is not a map of settings", path_, "write \"name: value\" lines");
        for (const auto& entry : root) {
            if (!entry.first.IsScalar()) return fail(Code::CONFIG, "a key is not a text", at(entry.first), "write \"name: value\" lines");
            PMX_CHECK(member(entry.first.Scalar(), entry.second, at(entry.first)));
        }
        return {};
    }

  private:
    std::string at(const YAML::Node& node) const { return fmt::format("{}:{}", path_, node.Mark().line + 1); }
    bool pnpm() const { return kind_ == YamlFile::pnpm_workspace || kind_ == YamlFile::manifest_block; }

    Result<> member(const std::string& key, const YAML::Node& value, const std::string& where) {
        if (value.IsNull()) return {};
        if (pnpm()) {
            bool known = false;
            PMX_CHECK(structured(key, value, where, known));
            if (known) return {};
        }
        const SettingSpec* spec = nullptr;
        if (pnpm()) {
            for (const SettingSpec& one : settings_table())
                if ((one.places & in_pnpm) && (one.pnpm_key.empty() ? camel_case(one.name) == key : one.pnpm_key == key)) spec = &one;
            if (spec == nullptr) return {};
        } else {
            spec = find_setting(kebab_case(key));
            if (spec == nullptr) return unknown(key, where);
            if (!(spec->places & (kind_ == YamlFile::user ? in_user : in_project)))
                return fail(Code::CONFIG, fmt::format("{} cannot be set in this file", spec->name), where,
                            spec->places & in_user ? "set it in your own configuration or with a flag: a project's files never choose it"
                                                   : "it is a flag only");
        }
        PMX_TRY(std::vector<std::string> items, scalars(*spec, value, where));
        if (pnpm() && spec->name == "linker") return linker(items.front(), where);
        if (pnpm() && spec->name == "import") {
            if (items.front() == "clone" || items.front() == "clone-or-copy") items.front() = "reflink";
        }
        if (pnpm() && spec->name == "registry" && !parse_url(items.front())) return wrong_url(items.front(), where);
        Source source = kind_ == YamlFile::user ? Source::user : Source::project;
        return apply_setting(settings_, spec->name, std::move(items), source, where, parent_path(path_));
    }

    Failure unknown(const std::string& key, const std::string& where) {
        std::vector<std::string_view> names;
        for (const SettingSpec& spec : settings_table()) names.push_back(spec.name);
        std::string near = nearest(kebab_case(key), names);
        return fail(Code::CONFIG, "there is no setting \"" + key + "\"", where,
                    near.empty() ? "\"pmx config\" lists every setting" : "did you mean \"" + near + "\"?");
    }
    Failure wrong_url(const std::string& value, const std::string& where) {
        return fail(Code::CONFIG, "\"" + shown_url(value) + "\" is no URL of a registry", where, "write http://… or https://…");
    }

    Result<> linker(const std::string& value, const std::string& where) {
        if (value == "pnp")
            return fail(Code::CONFIG, "nodeLinker pnp is not there in pmx", where, "choose isolated, hoisted or global, here or with --linker");
        // enableGlobalVirtualStore refines isolated and does not mind where it stands in the file.
        if (value == "isolated" && settings_.text("linker") == "global" && settings_.source("linker") == Source::project) return {};
        return apply_setting(settings_, "linker", {value}, Source::project, where, parent_path(path_));
    }

    Result<std::vector<std::string>> scalars(const SettingSpec& spec, const YAML::Node& value, const std::string& where) {
        std::vector<std::string> items;
        if (value.IsScalar()) {
            items.push_back(value.Scalar());
            if (spec.type == SettingType::list && items.front().empty()) items.clear();
            return items;
        }
        if (spec.type != SettingType::list || !value.IsSequence()) return wrong(spec, value.IsMap() ? "a map" : "a list", where);
        for (const auto& item : value) {
            if (!item.IsScalar()) return wrong(spec, "a list of something else", where);
            if (items.size() > kEntryLimit) return too_much(where);
            items.push_back(item.Scalar());
        }
        return items;
    }
    Failure too_much(const std::string& where) {
        return fail(Code::CONFIG, "the file holds far too many entries", where, "make it smaller");
    }
    Failure not_a(const std::string& key, const char* what, const std::string& where) {
        return fail(Code::CONFIG, key + " has a wrong type", where, std::string("accepted: ") + what);
    }

    Result<std::vector<std::string>> texts(const std::string& key, const YAML::Node& value, const std::string& where) {
        std::vector<std::string> items;
        if (!value.IsSequence()) return not_a(key, "a list of texts", where);
        for (const auto& item : value) {
            if (!item.IsScalar()) return not_a(key, "a list of texts", where);
            if (++entries_ > kEntryLimit) return too_much(where);
            items.push_back(item.Scalar());
        }
        return items;
    }
    Result<std::vector<std::pair<std::string, std::string>>> pairs(const std::string& key, const YAML::Node& value, const std::string& where) {
        std::vector<std::pair<std::string, std::string>> items;
        if (!value.IsMap()) return not_a(key, "a map of texts", where);
        for (const auto& item : value) {
            if (!item.first.IsScalar() || !item.second.IsScalar()) return not_a(key, "a map of texts", where);
            if (++entries_ > kEntryLimit) return too_much(where);
            items.emplace_back(item.first.Scalar(), item.second.Scalar());
        }
        return items;
    }

    // The keys that are no plain settings.
    Result<> structured(const std::string& key, const YAML::Node& value, const std::string& where, bool& known) {
        known = true;
        if (key == "packages") {
            PMX_TRY(settings_.workspace_packages, texts(key, value, where));
        } else if (key == "catalog") {
            PMX_TRY(auto entries, pairs(key, value, where));
            PMX_CHECK(catalog("default", entries, where));
        } else if (key == "catalogs") {
            if (!value.IsMap()) return not_a(key, "a map of catalogs", where);
            for (const auto& group : value) {
                if (!group.first.IsScalar()) return not_a(key, "a map of catalogs", where);
                PMX_TRY(auto entries, pairs(key, group.second, where));
                PMX_CHECK(catalog(group.first.Scalar(), entries, where));
            }
        } else if (key == "overrides") {
            PMX_TRY(settings_.overrides, pairs(key, value, where));
        } else if (key == "patchedDependencies") {
            PMX_TRY(settings_.patched_dependencies, pairs(key, value, where));
        } else if (key == "ignoredOptionalDependencies") {
            PMX_TRY(settings_.ignored_optional_dependencies, texts(key, value, where));
        } else if (key == "supportedArchitectures") {
            if (!value.IsMap()) return not_a(key, "a map with os, cpu and libc", where);
            PMX_CHECK(architectures(value, where));
        } else if (key == "packageExtensions") {
            if (!value.IsMap()) return not_a(key, "a map of packages to manifest fields", where);
            settings_.package_extensions_json.clear();
            JsonWriter json(settings_.package_extensions_json);
            PMX_CHECK(as_json(json, value, where, 0));
        } else if (key == "peerDependencyRules") {
            if (!value.IsMap()) return not_a(key, "a map with ignoreMissing, allowAny and allowedVersions", where);
            PMX_CHECK(peer_rules(value, where));
        } else if (key == "allowedDeprecatedVersions") {
            PMX_TRY(settings_.allowed_deprecated_versions, pairs(key, value, where));
        } else if (key == "updateConfig") {
            if (!value.IsMap()) return not_a(key, "a map with ignoreDependencies", where);
            if (const YAML::Node ignored = value["ignoreDependencies"]; ignored.IsDefined()) {
                PMX_TRY(settings_.update_ignored_dependencies, texts("updateConfig.ignoreDependencies", ignored, where));
            }
        } else if (key == "namedRegistries") {
            PMX_TRY(auto entries, pairs(key, value, where));
            for (auto& [name, url] : entries) {
                if (!parse_url(url)) return wrong_url(url, where);
                if (url.back() != '/') url += '/';
                settings_.named_registries[name] = url;
            }
        } else if (key == "allowBuilds") {
            PMX_TRY(auto entries, pairs(key, value, where));
            for (auto& [package, allowed] : entries) {
                if (allowed != "true" && allowed != "false") return not_a(key, "a map of packages to true or false", where);
                settings_.allow_builds[package] = allowed == "true";
            }
        } else if (key == "onlyBuiltDependencies" || key == "neverBuiltDependencies" || key == "ignoredBuiltDependencies") {
            PMX_TRY(auto packages, texts(key, value, where));
            for (std::string& package : packages) settings_.allow_builds.emplace(std::move(package), key == "onlyBuiltDependencies");
        } else if (key == "registries") {
            PMX_TRY(auto entries, pairs(key, value, where));
            for (auto& [scope, url] : entries) {
                if (!parse_url(url)) return wrong_url(url, where);
                if (url.back() != '/') url += '/';
                if (scope == "default") PMX_CHECK(apply_setting(settings_, "registry", {url}, Source::project, where, ""));
                else settings_.scoped_registries[scope] = url, settings_.npmrc_where[scope + ":registry"] = where;
            }
        } else if (key == "sharedWorkspaceLockfile" || key == "gitBranchLockfile") {
            // One lockfile beside the workspace's file is what pmx reads and writes: another would be passed over in silence.
            const char* shared = key == "sharedWorkspaceLockfile" ? "true" : "false";
            if (!value.IsScalar() || (value.Scalar() != "true" && value.Scalar() != "false")) return not_a(key, "true or false", where);
            if (value.Scalar() != shared)
                return fail(Code::CONFIG, fmt::format("{}: {} is not supported: pmx keeps one lockfile for the workspace, of one name", key, value.Scalar()), where,
                            fmt::format("set {}: {} (and merge the lockfiles by an install), or install with pnpm", key, shared));
        } else if (key == "enableGlobalVirtualStore") {
            if (!value.IsScalar() || (value.Scalar() != "true" && value.Scalar() != "false")) return not_a(key, "true or false", where);
            bool hoisted = settings_.text("linker") == "hoisted" && settings_.source("linker") == Source::project;
            if (value.Scalar() == "true" && !hoisted)
                PMX_CHECK(apply_setting(settings_, "linker", {"global"}, Source::project, where, ""));
        } else {
            known = false;
        }
        return {};
    }

    Result<> catalog(const std::string& name, const std::vector<std::pair<std::string, std::string>>& entries, const std::string& where) {
        if (!catalogs_.insert(name).second)
            return fail(Code::CONFIG, fmt::format("the catalog \"{}\" is written twice", name), where, "write it in catalog: or in catalogs:, not in both");
        settings_.catalogs[name] = {entries.begin(), entries.end()};
        return {};
    }

    // Values keep their types: a checksum of what pnpm reads is made from them.
    Result<> as_json(JsonWriter& json, const YAML::Node& value, const std::string& where, int depth) {
        if (depth > kDepthLimit || ++entries_ > kEntryLimit) return too_much(where);
        if (value.IsMap()) {
            json.object();
            for (const auto& entry : value) {
                if (!entry.first.IsScalar()) return not_a("packageExtensions", "texts as keys", where);
                json.key(entry.first.Scalar());
                PMX_CHECK(as_json(json, entry.second, where, depth + 1));
            }
            json.end();
        } else if (value.IsSequence()) {
            json.array();
            for (const auto& item : value) PMX_CHECK(as_json(json, item, where, depth + 1));
            json.end();
        } else if (!value.IsScalar()) {
            json.null();
        } else {
            const std::string& text = value.Scalar();
            bool plain = value.Tag() != "!";
            if (plain && (text == "true" || text == "false")) json.value(text == "true");
            else json.value(text);
        }
        return {};
    }

    Result<> peer_rules(const YAML::Node& value, const std::string& where) {
        for (const auto& entry : value) {
            if (!entry.first.IsScalar() || entry.second.IsNull()) continue;
            const std::string& name = entry.first.Scalar();
            if (name == "ignoreMissing") {
                PMX_TRY(settings_.peers_ignore_missing, texts("peerDependencyRules.ignoreMissing", entry.second, where));
            } else if (name == "allowAny") {
                PMX_TRY(settings_.peers_allow_any, texts("peerDependencyRules.allowAny", entry.second, where));
            } else if (name == "allowedVersions") {
                PMX_TRY(settings_.peers_allowed_versions, pairs("peerDependencyRules.allowedVersions", entry.second, where));
            }
        }
        return {};
    }

    Result<> architectures(const YAML::Node& value, const std::string& where) {
        for (const auto& entry : value) {
            if (!entry.first.IsScalar()) return not_a("supportedArchitectures", "a map with os, cpu and libc", where);
            const std::string& name = entry.first.Scalar();
            auto* into = name == "os" ? &settings_.supported_os : name == "cpu" ? &settings_.supported_cpu : name == "libc" ? &settings_.supported_libc : nullptr;
            if (into == nullptr) continue;
            if (entry.second.IsScalar()) {
                *into = {entry.second.Scalar()};
                continue;
            }
            PMX_TRY(*into, texts("supportedArchitectures." + name, entry.second, where));
        }
        return {};
    }

    Settings& settings_;
    const std::string& path_;
    const YamlFile kind_;
    std::size_t entries_ = 0;
    std::set<std::string> catalogs_;
};

}  // namespace

Result<> apply_setting(Settings& settings, std::string_view name, std::vector<std::string> items, Source source,
                       const std::string& where, const std::string& base_dir) {
    const SettingSpec& spec = *find_setting(name);
    if (spec.type != SettingType::list && items.size() != 1) return wrong(spec, items.empty() ? "" : "several values", where);
    auto choices = split(spec.choices, ' ');
    bool open = spec.choices.empty() || spec.choices.ends_with("PATH");
    for (std::string& item : items) {
        if (item.find('\0') != item.npos) return wrong(spec, printable(item), where);
        if (spec.type == SettingType::boolean && item != "true" && item != "false") return wrong(spec, item, where);
        if (spec.type == SettingType::integer) {
            std::int64_t number = 0;
            auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), number);
            if (error != std::errc() || end != item.data() + item.size() || number < 0 || number > INT32_MAX) return wrong(spec, item, where);
        }
        bool listed = std::find(choices.begin(), choices.end(), item) != choices.end() && item != "PATH";
        if (spec.type == SettingType::text && !spec.choices.empty() && !listed && !(open && (is_path(item) || !item.empty()))) return wrong(spec, item, where);
        if (spec.native && source == Source::project && (is_path(item) || spec.type == SettingType::boolean))
            return fail(Code::CONFIG, fmt::format("a project's file chooses native code: {}: {}", spec.name, item), where,
                        "if you trust it, name it in your own configuration or with a flag");
        bool is_dir = spec.name == "store-dir" || spec.name == "cache-dir" || spec.name == "pnpm-store-dir" || spec.name == "plugin-path";
        if (is_dir || (spec.native && is_path(item))) {
            if (item.starts_with("~/")) item = join_path(home_dir(), item.substr(2));
            else if (!item.empty() && item.front() != '/' && !base_dir.empty()) item = join_path(base_dir, item);
        }
        if (spec.name == "registry") {
            if (!parse_url(item))
                return fail(Code::CONFIG, "\"" + shown_url(item) + "\" is no URL of a registry", where, "write http://… or https://…");
            if (item.back() != '/') item += '/';
        }
    }
    settings.values.insert_or_assign(std::string(name), Setting{std::move(items), source, where});
    return {};
}

Result<> merge_yaml(Settings& settings, std::string_view text, const std::string& path, YamlFile kind) {
    if (text.size() > kFileLimit) return fail(Code::CONFIG, "the file is larger than 4 MB", path, "a file of settings is small");
    try {
        YAML::Node root = YAML::Load(std::string(text));
        return Reader(settings, path, kind).read(root);
    } catch (const YAML::Exception& error) {
        std::string where = error.mark.is_null() ? path : fmt::format("{}:{}", path, error.mark.line + 1);
        return fail(Code::CONFIG, "the file is no valid YAML: " + error.msg, where, "correct that line");
    } catch (const std::exception& error) {
        return fail(Code::CONFIG, std::string("the file cannot be read as YAML: ") + error.what(), path, "correct it");
    }
}

}  // namespace pmx
