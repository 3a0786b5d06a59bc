#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "plugin/instance.hpp"

namespace pmx {

namespace {

std::vector<std::string> split_items(const char* text, char separator) {
    std::vector<std::string> items;
    if (text && *text)
        for (std::string_view item : split(text, separator)) items.emplace_back(item);
    return items;
}

std::string list_choices(const std::vector<std::string>& choices) {
    std::string text;
    for (const std::string& choice : choices) text += (text.empty() ? "" : ", ") + choice;
    return text;
}

// Why `value` does not fit, or "".
std::string misfit(const PluginOption& option, const std::string& value) {
    if (option.type == PMX_OPTION_BOOL && value != "true" && value != "false") return "must be true or false";
    if (option.type == PMX_OPTION_INT) {
        std::int64_t number = 0;
        auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (error != std::errc() || end != value.data() + value.size()) return "must be a whole number";
        if (option.minimum != option.maximum && (number < option.minimum || number > option.maximum))
            return "must be from " + std::to_string(option.minimum) + " to " + std::to_string(option.maximum);
    }
    if (!option.choices.empty() && std::find(option.choices.begin(), option.choices.end(), value) == option.choices.end())
        return "must be one of " + list_choices(option.choices);
    return {};
}

}  // namespace

Result<std::vector<PluginOption>> declared_options(const pmx_plugin& table, const std::string& file) {
    auto broken = [&](std::string what) {
        return fail(Code::PLUGIN_REJECTED, "the plugin's option schema is broken: " + what, file,
                    "tell its author, or use another version of it");
    };
    std::vector<PluginOption> options;
    if (table.option_count == 0) return options;
    if (!table.options || table.option_size < sizeof(pmx_option)) return broken("the array is missing or too short");
    for (std::size_t i = 0; i < table.option_count; ++i) {
        const auto& c = *reinterpret_cast<const pmx_option*>(reinterpret_cast<const char*>(table.options) +
                                                             i * table.option_size);
        if (!c.name || !*c.name || !c.summary) return broken("an option without a name or summary");
        if (c.type > PMX_OPTION_LIST) return broken(std::string("option ") + c.name + " has an unknown type");
        PluginOption option{c.name, c.summary, static_cast<pmx_option_type>(c.type), {}, split_items(c.choices, '|'),
                            c.minimum, c.maximum};
        if (c.default_value) {
            if (option.type == PMX_OPTION_LIST)
                option.fallback = split_items(c.default_value, '\n');
            else
                option.fallback = {c.default_value};
        }
        for (const std::string& item : option.fallback)
            if (std::string why = misfit(option, item); !why.empty())
                return broken("the default of " + option.name + " " + why);
        for (const PluginOption& other : options)
            if (other.name == option.name) return broken("option " + option.name + " is declared twice");
        options.push_back(std::move(option));
    }
    return options;
}

Result<OptionValues> checked_options(const PluginInfo& info, const OptionValues& values) {
    const std::string own = info.name + '.';
    for (auto at = values.lower_bound(own); at != values.end() && at->first.starts_with(own); ++at) {
        std::string_view name = std::string_view(at->first).substr(own.size());
        std::vector<std::string_view> declared;
        for (const PluginOption& option : info.options) declared.push_back(option.name);
        if (std::find(declared.begin(), declared.end(), name) != declared.end()) continue;
        std::string near = nearest(name, declared), remedy = "it declares no options";
        if (!near.empty()) remedy = "did you mean " + own + near + "?";
        else if (!declared.empty()) {
            remedy = "its options are";
            for (std::string_view one : declared) remedy.append(" ").append(one);
        }
        return fail(Code::CONFIG, "plugin " + info.name + " has no option " + std::string(name), at->first, std::move(remedy));
    }
    OptionValues checked;
    for (const PluginOption& option : info.options) {
        auto given = values.find(own + option.name);
        if (given == values.end()) given = values.find(option.name);
        std::vector<std::string> items = given == values.end() ? option.fallback : given->second;
        std::string name = "option " + option.name + " of plugin " + info.name;
        if (option.type != PMX_OPTION_LIST && items.size() > 1)
            return fail(Code::CONFIG, name + " takes one value, not " + std::to_string(items.size()), option.name,
                        option.summary);
        for (const std::string& item : items)
            if (std::string why = misfit(option, item); !why.empty())
                return fail(Code::CONFIG, name + " " + why + ", not \"" + item + "\"", option.name, option.summary);
        checked.emplace(option.name, std::move(items));
    }
    return checked;
}

}  // namespace pmx
