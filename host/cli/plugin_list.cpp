#include <map>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "install/run.hpp"
#include "plugin/scan.hpp"

namespace pmx {
namespace {

struct Row {
    FoundPlugin found;
    Result<PluginInfo> info;
};

std::vector<std::string> capability_names(std::uint32_t bits) {
    std::vector<std::string> names;
    for (const auto& [bit, name] : {std::pair{PMX_CAP_THREADS, "threads"}, {PMX_CAP_NETWORK, "network"}, {PMX_CAP_PROCESS, "process"},
                                    {PMX_CAP_BLOCKING, "blocking"}, {PMX_CAP_DRAFT, "draft"}})
        if (bits & bit) names.emplace_back(name);
    return names;
}

std::string joined(const std::vector<std::string>& items, std::string_view between) {
    std::string out;
    for (const std::string& item : items) out.append(out.empty() ? "" : between).append(item);
    return out;
}

std::string_view type_name(pmx_option_type type) {
    static constexpr std::string_view names[] = {"flag", "integer", "text", "list"};
    return names[type];
}

std::string abi_of(const PluginInfo& info) { return fmt::format("{}.{}", PMX_ABI_MAJOR, info.needs_minor); }

std::string option_line(const PluginOption& option) {
    std::string more;
    if (!option.choices.empty()) more = fmt::format(" ({})", joined(option.choices, ", "));
    else if (option.minimum != option.maximum) more = fmt::format(" ({} to {})", option.minimum, option.maximum);
    if (!option.fallback.empty()) more += fmt::format(" [{}]", joined(option.fallback, ", "));
    return fmt::format("      {:<30} {}{}\n", option.name, option.summary, more);
}

std::string text_of(const std::vector<Row>& rows) {
    std::string out, place;
    for (const Row& row : rows) {
        std::string where = row.found.file.starts_with('/') ? row.found.file.substr(0, row.found.file.rfind('/')) : "linked in";
        if (where != place) out += fmt::format("{}{}{}\n", out.empty() ? "" : "\n", where, row.found.builtin ? "  (the installation)" : "");
        place = where;
        const std::string hidden = row.found.hidden ? "  (hidden by the one above)" : "";
        if (!row.info) {
            const Error& error = row.info.error();
            out += fmt::format("  {:<16} broken: {}\n      {}{}\n", row.found.name, error.what, error.remedy, hidden);
            continue;
        }
        const PluginInfo& info = *row.info;
        std::string can = joined(capability_names(info.capabilities), ", ");
        out += fmt::format("  {:<16} {:<10} {:<8} interface {}{}{}\n      {}\n", row.found.name, info.kind, info.version, abi_of(info),
                           can.empty() ? "" : "  " + can, hidden, info.summary);
        for (const PluginOption& option : info.options) out += option_line(option);
    }
    return out;
}

std::string json_of(const std::vector<Row>& rows) {
    std::string out;
    JsonWriter json(out, 2);
    auto strings = [&](const char* key, const std::vector<std::string>& items) {
        json.key(key).array();
        for (const std::string& item : items) json.value(item);
        json.end();
    };
    json.array();
    for (const Row& row : rows) {
        json.object().key("name").value(row.found.name).key("file").value(row.found.file);
        json.key("installed").value(row.found.builtin).key("hidden").value(row.found.hidden);
        if (!row.info) {
            const Error& error = row.info.error();
            json.key("error").object().key("code").value(code_name(error.code)).key("what").value(error.what);
            json.key("remedy").value(error.remedy).end().end();
            continue;
        }
        const PluginInfo& info = *row.info;
        json.key("kind").value(info.kind).key("version").value(info.version).key("summary").value(info.summary);
        json.key("interface").value(abi_of(info));
        strings("capabilities", capability_names(info.capabilities));
        json.key("options").array();
        for (const PluginOption& option : info.options) {
            json.object().key("name").value(option.name).key("type").value(type_name(option.type)).key("summary").value(option.summary);
            json.key("default");
            if (option.type == PMX_OPTION_LIST) {
                json.array();
                for (const std::string& item : option.fallback) json.value(item);
                json.end();
            } else if (option.fallback.empty()) {
                json.null();
            } else {
                json.value(option.fallback.front());
            }
            if (!option.choices.empty()) strings("choices", option.choices);
            if (option.minimum != option.maximum) json.key("minimum").value(option.minimum).key("maximum").value(option.maximum);
            json.end();
        }
        json.end().end();
    }
    json.end();
    return out + "\n";
}

}  // namespace

Result<> plugin_list_command(const Invocation& invocation, const Door& door) {
    PMX_TRY(Settings settings, settings_for(invocation, door));
    const PluginPath path = plugin_path(settings);
    std::vector<Row> rows;
    for (FoundPlugin& found : Plugins(path, {}).found()) {
        if (door.cancel->is_set()) return fail(Code::CANCELLED, "cancelled while looking at plugins");
        auto info = describe_apart(found, path, std::chrono::seconds(3));
        rows.push_back({std::move(found), std::move(info)});
    }
    write_out(invocation.has("json") ? json_of(rows) : printable(text_of(rows)));
    return {};
}

}  // namespace pmx
