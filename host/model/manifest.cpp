#include "model/manifest.hpp"

#include <simdjson.h>

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "model/json_soften.hpp"
#include "model/text_map.hpp"

namespace pmx {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

bool is_text(element e) {
    return e.type() == element_type::STRING;
}
std::string_view text_of(element e) {
    return is_text(e) ? e.get_string().value_unsafe() : std::string_view();
}

// The last value of `key`, as JSON.parse has it.
template <class Visit>
void each_field(element e, Visit visit) {
    if (e.type() != element_type::OBJECT) return;
    const simdjson::dom::object fields =
        e.get_object().value_unsafe();  // named: a range-for does not keep it alive
    for (auto field : fields) visit(field.key, field.value);
}

template <class Visit>
void each_item(element e, Visit visit) {
    if (e.type() != element_type::ARRAY) return;
    const simdjson::dom::array items = e.get_array().value_unsafe();
    for (element item : items) visit(item);
}

TextMap text_map(element e) {
    TextMapBuilder map;
    each_field(e, [&](std::string_view key, element value) {
        if (is_text(value))
            map.set(key, text_of(value));
        else
            map.erase(key);
    });
    return map.take();
}

// Engine ranges. What is no text is no range at all, and excludes every engine.
TextMap engine_map(element e) {
    TextMapBuilder map;
    each_field(e, [&](std::string_view key, element value) {
        if (is_text(value))
            map.set(key, text_of(value));
        else if (value.is_null())
            map.erase(key);
        else
            map.set(key, simdjson::minify(value) + " (not a string)");
    });
    return map.take();
}

std::vector<std::string> text_list(element e) {
    std::vector<std::string> list;
    if (is_text(e)) list.emplace_back(text_of(e));
    each_item(e, [&](element item) {
        if (is_text(item)) list.emplace_back(text_of(item));
    });
    return list;
}

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

// "name@range", "name >=1": the ancient spelling of one dependency.
void add_spelled(TextMapBuilder& map, std::string_view word) {
    word = trim(word);
    std::size_t at = 0;
    while (at < word.size() && !is_space(word[at]) && word[at] != '@' && word[at] != '>' && word[at] != '<' &&
           word[at] != '=')
        ++at;
    std::string_view name = word.substr(0, at);
    std::string_view range = trim(word.substr(at));
    if (!range.empty() && range.front() == '@') range.remove_prefix(1);
    if (name.ends_with(':')) name.remove_suffix(1);
    if (!name.empty()) map.set(name, range);
}

// An object; or, as npm once allowed, a list or one string of spelled dependencies.
TextMap dependency_map(element e) {
    if (e.type() == element_type::OBJECT) return text_map(e);
    TextMapBuilder map;
    if (is_text(e)) {
        std::string_view rest = text_of(e);
        while (!rest.empty()) {
            std::size_t end = 0;
            while (end < rest.size() && !is_space(rest[end]) && rest[end] != ',') ++end;
            if (end > 0) add_spelled(map, rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        return map.take();
    }
    each_item(e, [&](element item) {
        if (is_text(item)) add_spelled(map, text_of(item));
    });
    return map.take();
}

// Names whose object has `flag: true`.
// Sorted; of a field that is written twice the last counts.
std::vector<DependencyMeta> dependencies_meta(element e) {
    std::map<std::pair<std::string_view, std::string_view>, std::string> fields;
    each_field(e, [&](std::string_view alias, element meta) {
        each_field(meta, [&](std::string_view field, element value) {
            if (is_text(value))
                fields[{alias, field}] = text_of(value);
            else if (value.is_bool() || value.is_number())
                fields[{alias, field}] = simdjson::minify(value);
            else
                fields.erase({alias, field});
        });
    });
    std::vector<DependencyMeta> all;
    for (auto& [key, value] : fields) all.push_back({std::string(key.first), std::string(key.second), std::move(value)});
    return all;
}

std::vector<std::string> flagged(element e, std::string_view flag) {
    TextMapBuilder map;
    each_field(e, [&](std::string_view name, element meta) {
        bool on = false;
        each_field(meta, [&](std::string_view key, element value) {
            if (key == flag) on = value.type() == element_type::BOOL && value.get_bool().value_unsafe();
        });
        if (on)
            map.set(name, "");
        else
            map.erase(name);
    });
    std::vector<std::string> names;
    for (auto& [name, nothing] : map.take()) names.push_back(std::move(name));
    return names;
}

void read_bundled(Manifest& out, element e) {
    out.bundled.clear();
    out.bundles_all = e.type() == element_type::BOOL && e.get_bool().value_unsafe();
    each_item(e, [&](element item) {
        if (is_text(item)) out.bundled.emplace_back(text_of(item));
    });
    each_field(e, [&](std::string_view name, element) { out.bundled.emplace_back(name); });
}

void read_bin(Manifest& out, element e) {
    out.bin.clear();
    out.bin_form = BinForm::none;
    if (is_text(e)) {
        if (text_of(e).empty()) return;
        out.bin_form = BinForm::text;
        out.bin.emplace_back("", text_of(e));
    } else if (e.type() == element_type::ARRAY) {
        out.bin_form = BinForm::array;
        for (std::string& path : text_list(e)) out.bin.emplace_back("", std::move(path));
    } else if (e.type() == element_type::OBJECT) {
        out.bin_form = BinForm::object;
        out.bin = text_map(e);
    }
}

void read_version(Manifest& out, element e) {
    out.version.clear();
    switch (e.type()) {
        case element_type::STRING:
            out.version = text_of(e);
            break;
        case element_type::NULL_VALUE:
            break;
        case element_type::BOOL:
            if (e.get_bool().value_unsafe()) out.version = "true";
            break;
        default:
            out.version = simdjson::minify(e);
    }
    if (out.version == "0" && !is_text(e)) out.version.clear();
}

void read_field(Manifest& out, std::string_view key, element e) {
    auto fault = [&](const char* sentence) {
        if (!is_text(e) && !e.is_null()) out.faults.emplace_back(sentence);
    };
    if (key == "name") {
        out.name = text_of(e);
        fault("the field \"name\" must be a string");
    } else if (key == "main") {
        fault("the field \"main\" must be a string");
    } else if (key == "version") {
        read_version(out, e);
    } else if (key == "dependencies") {
        out.dependencies = dependency_map(e);
    } else if (key == "devDependencies") {
        out.dev_dependencies = dependency_map(e);
    } else if (key == "optionalDependencies") {
        out.optional_dependencies = dependency_map(e);
    } else if (key == "peerDependencies") {
        out.peer_dependencies = text_map(e);
    } else if (key == "peerDependenciesMeta") {
        out.optional_peers = flagged(e, "optional");
    } else if (key == "dependenciesMeta") {
        out.injected = flagged(e, "injected");
        out.dependencies_meta = dependencies_meta(e);
    } else if (key == "bundleDependencies" || key == "bundledDependencies") {
        read_bundled(out, e);
    } else if (key == "bin") {
        read_bin(out, e);
    } else if (key == "directories") {
        out.directories_bin.clear();
        each_field(e, [&](std::string_view name, element value) {
            if (name == "bin") out.directories_bin = text_of(value);
        });
    } else if (key == "scripts") {
        out.scripts = text_map(e);
    } else if (key == "gypfile") {
        out.gypfile.reset();
        if (e.is_bool()) out.gypfile = e.get_bool().value_unsafe();
    } else if (key == "os") {
        out.os = text_list(e);
    } else if (key == "cpu") {
        out.cpu = text_list(e);
    } else if (key == "libc") {
        out.libc = text_list(e);
    } else if (key == "engines") {
        out.engines = engine_map(e);
    } else if (key == "workspaces") {
        out.workspaces = text_list(e);
        each_field(e, [&](std::string_view name, element value) {
            if (name == "packages") out.workspaces = text_list(value);
        });
    } else if (key == "files") {
        out.files = text_list(e);
    } else if (key == "publishConfig") {
        each_field(e, [&](std::string_view name, element value) {
            if (name == "directory") out.publish_directory = text_of(value);
            if (name == "linkDirectory" && value.is_bool())
                out.link_publish_directory = value.get_bool().value_unsafe();
        });
    } else if (key == "packageManager") {
        out.package_manager = text_of(e);
    } else if (key == "overrides") {
        out.overrides_json = simdjson::minify(e);
    } else if (key == "resolutions") {
        out.resolutions_json = simdjson::minify(e);
    } else if (key == "pnpm") {
        out.pnpm_json = simdjson::minify(e);
    }
}

}  // namespace

const std::string* find(const TextMap& map, std::string_view key) {
    for (const auto& [name, value] : map)
        if (name == key) return &value;
    return nullptr;
}

bool Manifest::is_optional_peer(std::string_view peer) const {
    return std::find(optional_peers.begin(), optional_peers.end(), peer) != optional_peers.end();
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view subject) {
    simdjson::dom::parser parser;
    auto parsed = parse_json(parser, text);
    if (!parsed)
        return fail(Code::MANIFEST, "package.json is not valid JSON (" + parsed.error() + ")",
                    std::string(subject), "correct the file, or restore it");
    element root = *parsed;
    if (root.type() != element_type::OBJECT && root.type() != element_type::ARRAY)
        return fail(Code::MANIFEST, "package.json holds no object", std::string(subject),
                    "write a JSON object with at least {}");
    Manifest manifest;
    each_field(root, [&](std::string_view key, element value) { read_field(manifest, key, value); });
    return manifest;
}

std::vector<std::string> bundled_names(const Manifest& manifest) {
    if (!manifest.bundles_all) return manifest.bundled;
    std::vector<std::string> names;
    for (const auto& [name, range] : manifest.dependencies) names.push_back(name);
    return names;
}

}  // namespace pmx
