#include "lockfile/npm_printer.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "lockfile/npm_entry.hpp"

namespace pmx {
namespace {

std::size_t preference(std::string_view key) {
    constexpr std::array<std::string_view, 8> kFirst = {"name",      "version",  "lockfileVersion", "resolved",
                                                        "integrity", "requires", "packages",        "dependencies"};
    return static_cast<std::size_t>(std::find(kFirst.begin(), kFirst.end(), key) - kFirst.begin());
}

void new_line(std::string& out, const NpmStyle& style, unsigned depth) {
    out += style.newline;
    for (unsigned i = 0; i < depth; ++i) out += style.indent;
}

}  // namespace

NpmValue NpmValue::object(bool is_sorted) {
    NpmValue value;
    value.is_sorted_ = is_sorted;
    return value;
}

NpmValue NpmValue::text(std::string_view text) {
    NpmValue value;
    value.kind_ = Kind::text;
    value.view_ = text;
    return value;
}

NpmValue NpmValue::literal(std::string_view literal) {
    NpmValue value;
    value.kind_ = Kind::literal;
    value.view_ = literal;
    return value;
}

NpmValue NpmValue::json(std::string_view json, simdjson::dom::parser& parser) { return of(parser.parse(json.data(), json.size())); }

// simdjson bounds the depth.
NpmValue NpmValue::of(simdjson::dom::element element) {
    namespace dom = simdjson::dom;
    NpmValue value;
    switch (element.type()) {
        case dom::element_type::OBJECT:
            for (auto [key, member] : dom::object(element)) value.add(key, of(member));
            break;
        case dom::element_type::ARRAY:
            value.kind_ = Kind::array;
            for (dom::element item : dom::array(element)) value.add("", of(item));
            break;
        case dom::element_type::STRING:
            value.kind_ = Kind::text;
            value.owned_ = std::string_view(element);
            break;
        default:
            value.kind_ = Kind::literal;
            value.owned_ = simdjson::minify(element);
    }
    return value;
}

void NpmValue::print(std::string& out, const NpmStyle& style) const {
    print(out, style, 0);
    out += style.newline;
}

void NpmValue::print(std::string& out, const NpmStyle& style, unsigned depth) const {
    std::string_view value = owned_.empty() ? view_ : std::string_view(owned_);
    if (kind_ == Kind::text) return append_json_string(out, value);
    if (kind_ == Kind::literal) return void(out += value);
    const bool is_object = kind_ == Kind::object;
    out += is_object ? '{' : '[';
    std::vector<const std::pair<std::string, NpmValue>*> order;
    order.reserve(members_.size());
    for (const auto& member : members_) order.push_back(&member);
    if (is_object && !is_sorted_)
        std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
            bool x = a->second.kind_ == Kind::object, y = b->second.kind_ == Kind::object;
            if (x != y) return y;
            std::size_t p = preference(a->first), q = preference(b->first);
            return p != q ? p < q : npm_order(a->first, b->first);
        });
    bool first = true;
    for (const auto* member : order) {
        if (!first) out += ',';
        first = false;
        new_line(out, style, depth + 1);
        if (is_object) {
            append_json_string(out, member->first);
            out += ": ";
        }
        member->second.print(out, style, depth + 1);
    }
    if (!members_.empty()) new_line(out, style, depth);
    out += is_object ? '}' : ']';
}

}  // namespace pmx
