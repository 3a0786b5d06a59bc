#include "config/config_document.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "config/settings_table.hpp"
#include "config/workspace_yaml.hpp"

namespace pmx {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kLimit = 4u << 20;
constexpr std::size_t kItemLimit = 10'000;

// Those that say where settings come from cannot be settings of a document.
bool may_stand_in_document(const SettingSpec& spec) {
    return (spec.places & (in_flag | in_user | in_project)) && spec.name != "dir" && spec.name != "profile" && spec.name != "config-json";
}

bool is_cap(const SettingSpec& spec) { return spec.type == SettingType::integer && spec.name.ends_with("-concurrency"); }
bool is_strategy(const SettingSpec& spec) { return spec.name == "check" || (spec.native && spec.name != "plugin-path" && spec.name != "allow-drafts"); }

std::string text_of(const dom::element& value) {
    switch (value.type()) {
        case dom::element_type::STRING: return std::string(value.get_string().value_unsafe());
        case dom::element_type::BOOL: return value.get_bool().value_unsafe() ? "true" : "false";
        default: return simdjson::minify(value);
    }
}

bool is_scalar(const dom::element& value) { return !value.is_object() && !value.is_array() && !value.is_null(); }

Failure not_a_value(const SettingSpec& spec, const std::string& where) {
    return fail(Code::CONFIG, fmt::format("{} has a wrong type", spec.name), where,
                spec.type == SettingType::list ? "accepted: a list of texts" : "accepted: one value");
}

Result<std::vector<std::string>> items_of(const SettingSpec& spec, const dom::element& value, const std::string& where) {
    std::vector<std::string> items;
    if (is_scalar(value)) {
        items.push_back(text_of(value));
        return items;
    }
    if (spec.type != SettingType::list || !value.is_array()) return not_a_value(spec, where);
    const dom::array given = value.get_array().value_unsafe();
    for (const dom::element item : given) {
        if (!is_scalar(item) || items.size() >= kItemLimit) return not_a_value(spec, where);
        items.push_back(text_of(item));
    }
    return items;
}

Failure unknown_key(const std::string& key, const std::string& where) {
    std::vector<std::string_view> names;
    for (const SettingSpec& spec : settings_table())
        if (may_stand_in_document(spec)) names.push_back(spec.name);
    std::string near = nearest(kebab_case(key), names);
    return fail(Code::CONFIG, "there is no setting \"" + key + "\"", where,
                near.empty() ? "\"pmx config\" lists every setting" : "did you mean \"" + near + "\"?");
}

// Strategies of a profile are those that ship: whoever passes it on chooses no code for somebody else's machine.
Result<> fits_profile(const SettingSpec& spec, const std::vector<std::string>& items, const std::string& where) {
    if (is_cap(spec)) return {};
    if (!is_strategy(spec))
        return fail(Code::CONFIG, fmt::format("a profile cannot set {}", spec.name), where,
                    "profiles hold caps (…-concurrency) and strategies (linker, import, fetcher, validator, check); put the rest into your configuration");
    std::string_view known = spec.choices.empty() ? spec.fallback : spec.choices;
    std::vector<std::string_view> builtin = split(known, spec.choices.empty() ? ',' : ' ');
    for (const std::string& item : items)
        if (item == "PATH" || std::find(builtin.begin(), builtin.end(), item) == builtin.end())
            return fail(Code::CONFIG, fmt::format("a profile cannot choose \"{}\" as {}: it is not built in", item, spec.name), where,
                        "name a plugin of your own in your configuration or with a flag");
    return {};
}

Result<> member(Settings& settings, const std::string& key, const dom::element& given, const std::string& document, DocumentKind kind) {
    dom::element value = given, inner;
    const std::string where = document + ": " + key;
    const SettingSpec* spec = find_setting(kebab_case(key));
    // A row of `pmx config --json`.
    if (value.is_object()) {
        std::string_view source;
        if (value["source"].get_string().get(source) == simdjson::SUCCESS && (source == "default" || source == "npmrc")) return {};
        if (spec != nullptr && !may_stand_in_document(*spec)) return {};
        if (value["value"].get(inner) == simdjson::SUCCESS) value = inner;
    }
    if (spec == nullptr) return unknown_key(key, document);
    if (!may_stand_in_document(*spec)) return fail(Code::CONFIG, fmt::format("{} cannot be set in a document", spec->name), document, "it is a flag only");
    if (value.is_null()) return {};
    PMX_TRY(std::vector<std::string> items, items_of(*spec, value, where));
    if (kind == DocumentKind::profile) PMX_CHECK(fits_profile(*spec, items, document));
    // Relative paths start where the command runs, as those of flags do.
    return apply_setting(settings, spec->name, std::move(items), Source::flag, where, current_dir());
}

}  // namespace

Result<> merge_document(Settings& settings, std::string_view json, const std::string& where, DocumentKind kind) {
    dom::parser parser;
    if (parser.allocate(json.size(), 16) != simdjson::SUCCESS)
        return fail(Code::CONFIG, "the document is too large", where, "a document of settings is small");
    dom::element root;
    if (auto error = parser.parse(json.data(), json.size()).get(root))
        return fail(Code::CONFIG, std::string("the document is no valid JSON: ") + simdjson::error_message(error), where,
                    "write an object: {\"linker\": \"isolated\"}");
    if (!root.is_object()) return fail(Code::CONFIG, "the document is not an object of settings", where, "write {\"linker\": \"isolated\"}");
    const dom::object fields = root.get_object().value_unsafe();
    for (const auto field : fields) PMX_CHECK(member(settings, std::string(field.key), field.value, where, kind));
    return {};
}

Result<std::string> document_argument(const std::string& argument) {
    if (std::size_t first = argument.find_first_not_of(" \t\r\n"); first != argument.npos && argument[first] == '{') return argument;
    if (argument == "-") return read_all(0, "standard input", kLimit);
    auto text = read_file(AT_FDCWD, argument.c_str(), kLimit);
    if (text) return text;
    Error error = std::move(text).error();
    error.code = Code::CONFIG;
    error.remedy = "--config-json takes a file, \"-\" for standard input, or the JSON text itself";
    return tl::make_unexpected(std::move(error));
}

std::string profile_path(const std::string& profile, const std::map<std::string, std::string>& environment) {
    if (profile.find('/') != profile.npos || profile.ends_with(".json")) return join_path(current_dir(), profile);
    return join_path(user_config_dir(environment), "profiles/" + profile + ".json");
}

Result<std::string> read_profile(const std::string& profile, const std::map<std::string, std::string>& environment) {
    const std::string path = profile_path(profile, environment);
    PMX_TRY(std::optional<std::string> text, read_file_if_exists(AT_FDCWD, path.c_str(), kLimit));
    if (text) return std::move(*text);
    std::vector<std::string> names;
    if (auto dir = open_dir(AT_FDCWD, parent_path(path).c_str()); dir && profile.find('/') == profile.npos)
        if (auto entries = list_dir(dir->raw()))
            for (const DirEntry& entry : *entries)
                if (entry.name.ends_with(".json")) names.push_back(entry.name.substr(0, entry.name.size() - 5));
    std::sort(names.begin(), names.end());
    std::vector<std::string_view> candidates(names.begin(), names.end());
    std::string near = nearest(profile, candidates);
    std::string remedy = !near.empty()   ? "did you mean \"" + near + "\"?"
                         : names.empty() ? "a profile is a file of settings; the lab's tune() saves one, or write " + path
                                         : fmt::format("there are: {}", fmt::join(names, ", "));
    return fail(Code::CONFIG, "there is no profile \"" + profile + "\"", path, std::move(remedy));
}

std::string document_text(const Settings& settings) {
    std::string out;
    JsonWriter json(out, 2);
    json.object();
    for (const SettingSpec& spec : settings_table()) {
        if (!may_stand_in_document(spec)) continue;
        auto found = settings.values.find(spec.name);
        if (found == settings.values.end() || found->second.source == Source::builtin) continue;
        json.key(spec.name);
        if (spec.type == SettingType::list) {
            json.array();
            for (const std::string& item : found->second.items) json.value(item);
            json.end();
        } else if (found->second.items.empty()) {
            json.null();
        } else if (spec.type == SettingType::text) {
            json.value(found->second.items.front());
        } else {
            json.raw(found->second.items.front());
        }
    }
    json.end();
    return out + "\n";
}

}  // namespace pmx
