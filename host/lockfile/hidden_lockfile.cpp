// npm's hidden lockfile, node_modules/.package-lock.json: the entries of package-lock.json that were installed,
// without the root's, always as version 3 and indented by two spaces. Entries are copied as JSON values, so that
// fields which pmx does not use stay.
#include <string_view>
#include <unordered_set>

#include <simdjson.h>

#include "base/text.hpp"
#include "lockfile/lockfile.hpp"

namespace pmx {
namespace {

namespace dom = simdjson::dom;

void copy(JsonWriter& out, dom::element value) {
    switch (value.type()) {
        case dom::element_type::OBJECT:
            out.object();
            for (auto [key, member] : dom::object(value)) {
                out.key(key);
                copy(out, member);
            }
            out.end();
            return;
        case dom::element_type::ARRAY:
            out.array();
            for (dom::element item : dom::array(value)) copy(out, item);
            out.end();
            return;
        case dom::element_type::STRING: out.value(std::string_view(value)); return;
        case dom::element_type::INT64: out.value(std::int64_t(value)); return;
        case dom::element_type::UINT64: out.value(std::uint64_t(value)); return;
        case dom::element_type::DOUBLE: out.value(double(value)); return;
        case dom::element_type::BOOL: out.value(bool(value)); return;
        case dom::element_type::NULL_VALUE: out.null(); return;
    }
}

// Whether `path`, or a package that it lies in, is not there.
bool is_left_out(std::string_view path, const std::unordered_set<std::string_view>& left_out) {
    if (left_out.empty()) return false;
    for (;;) {
        if (left_out.contains(path)) return true;
        std::size_t nested = path.rfind("/node_modules/");
        if (nested == std::string_view::npos) return false;
        path = path.substr(0, nested);
    }
}

}  // namespace

std::string npm_hidden_lockfile_text(const Lockfile& wanted, const std::vector<std::uint32_t>& skipped_packages) {
    if (wanted.format != LockfileFormat::npm) return {};
    std::unordered_set<std::uint32_t> skipped(skipped_packages.begin(), skipped_packages.end());
    std::unordered_set<std::string_view> left_out;
    for (const Location& location : wanted.graph.locations)
        if (location.package != kNoPackage && skipped.contains(location.package)) left_out.insert(location.path);
    std::string text;
    try {
        dom::parser parser;
        dom::object root = parser.parse(wanted.text.data(), wanted.text.size());
        JsonWriter out(text, 2);
        out.object();
        for (const char* key : {"name", "version"}) {
            std::string_view value;
            if (!root[key].get(value)) out.key(key).value(value);
        }
        out.key("lockfileVersion").value(3).key("requires").value(true).key("packages").object();
        for (auto [path, entry] : dom::object(root["packages"])) {
            if (path.empty() || is_left_out(path, left_out)) continue;
            out.key(path);
            copy(out, entry);
        }
        out.end().end();
        text += '\n';
    } catch (const simdjson::simdjson_error&) {  // read_lockfile() has read this text: it cannot happen to a Lockfile of it
        text.clear();
    }
    return text;
}

}  // namespace pmx
