#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "config/settings_table.hpp"

namespace pmx {
namespace {

std::string shown(const Setting& setting) {
    std::string out;
    for (const std::string& item : setting.items) out += (out.empty() ? "" : ", ") + item;
    return out;
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
        for (const std::string& item : setting.items) json.value(item);
        json.end();
        return;
    }
    std::string_view text = setting.items.empty() ? std::string_view() : std::string_view(setting.items.front());
    bool bare = spec.type != SettingType::text && !text.empty();
    bare ? json.raw(text) : json.value(text);
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
    if (invocation.switches.at("json")) {
        JsonWriter json(out, 2);
        json.object();
        for (const SettingSpec& spec : settings_table()) {
            if (only != nullptr && only != &spec) continue;
            const Setting& setting = settings.values.find(spec.name)->second;
            json.key(spec.name).object().key("value");
            write_value(json, spec, setting);
            json.key("source").value(source_name(setting.source)).key("where").value(setting.where).end();
        }
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
    }
    write_out(only != nullptr || invocation.switches.at("json") ? out : printable(out));
    return {};
}

}  // namespace pmx
