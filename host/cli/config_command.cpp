#include <array>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "config/credentials.hpp"
#include "config/settings_table.hpp"

namespace pmx {
namespace {

std::string shown(const Setting& setting) {
    std::string out;
    for (const std::string& item : setting.items) out += (out.empty() ? "" : ", ") + item;
    return without_secrets(out);
}

std::string_view source_name(Source source) {
    switch (source) {
        case Source::builtin: return "default";
        case Source::user: return "user";
        case Source::project: return "project";
        case Source::environment: return "environment";
        case Source::flag: return "flag";
    }
    return {};
}

void write_value(JsonWriter& json, const SettingSpec& spec, const Setting& setting) {
    if (spec.type == SettingType::list) {
        json.array();
        for (const std::string& item : setting.items) json.value(without_secrets(item));
        json.end();
        return;
    }
    std::string_view text = setting.items.empty() ? std::string_view() : std::string_view(setting.items.front());
    bool bare = spec.type != SettingType::text && !text.empty();
    bare ? json.raw(text) : json.value(without_secrets(text));
}

// What .npmrc files and their like say of registries and the network: key, value, where.
std::vector<std::array<std::string, 3>> npmrc_rows(const Settings& settings) {
    std::vector<std::array<std::string, 3>> rows;
    auto where = [&](const std::string& key) {
        auto found = settings.npmrc_where.find(key);
        return found == settings.npmrc_where.end() ? std::string() : found->second;
    };
    for (const auto& [scope, url] : settings.scoped_registries)
        rows.push_back({scope + ":registry", without_secrets(url), where(scope + ":registry")});
    for (const auto& [key, value] : settings.npmrc)
        rows.push_back({without_secrets(key), is_secret_key(key) ? "***" : without_secrets(value), where(key)});
    return rows;
}

}  // namespace

Result<> config_command(const Invocation& invocation, const Door& door) {
    const std::string name = invocation.arguments.empty() ? std::string() : kebab_case(invocation.arguments.front());
    const SettingSpec* only = find_setting(name);
    if (!name.empty() && only == nullptr) {
        std::vector<std::string_view> names;
        for (const SettingSpec& spec : settings_table()) names.push_back(spec.name);
        std::string near = nearest(name, names);
        return fail(Code::USAGE, "there is no setting \"" + name + "\"", {}, near.empty() ? "pmx config lists every setting" : "did you mean \"" + near + "\"?");
    }
    PMX_TRY(Settings settings, settings_for(invocation, door));
    std::string out;
    if (invocation.has("json")) {
        JsonWriter json(out, 2);
        json.object();
        for (const SettingSpec& spec : settings_table()) {
            if (only != nullptr && only != &spec) continue;
            const Setting& setting = settings.values.find(spec.name)->second;
            json.key(spec.name).object().key("value");
            write_value(json, spec, setting);
            json.key("source").value(source_name(setting.source)).key("where").value(setting.where).end();
        }
        if (only == nullptr)
            for (const auto& [key, value, where] : npmrc_rows(settings))
                json.key(key).object().key("value").value(value).key("source").value("npmrc").key("where").value(where).end();
        json.end();
        out += '\n';
    } else if (only != nullptr) {
        const Setting& setting = settings.values.find(only->name)->second;
        out = fmt::format("{}  ({})\n", shown(setting), setting.where);
    } else {
        for (const SettingSpec& spec : settings_table()) {
            const Setting& setting = settings.values.find(spec.name)->second;
            out += fmt::format("{:<30} {:<36} {}\n", spec.name, shown(setting), setting.where);
        }
        for (const auto& [key, value, where] : npmrc_rows(settings)) out += fmt::format("{:<30} {:<36} {}\n", key, value, where);
    }
    write_out(only != nullptr || invocation.has("json") ? out : printable(out));
    return {};
}

}  // namespace pmx
