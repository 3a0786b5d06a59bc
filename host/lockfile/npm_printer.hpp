// NpmValue: a JSON value that prints itself as npm prints its lockfiles: within an object plain values and arrays first,
// then a few names, then by npm's order. Used by npm_lockfile_text() alone. Pure. [any thread]
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simdjson.h>

namespace pmx {

struct NpmStyle {
    std::string newline = "\n", indent = "  ";
};

class NpmValue {
  public:
    static NpmValue object(bool is_sorted = false);
    static NpmValue text(std::string_view text);       // a view: it must live until the value is printed
    static NpmValue literal(std::string_view literal);  // true, 3
    static NpmValue json(std::string_view json, simdjson::dom::parser& parser);  // copied

    void add(std::string_view key, NpmValue value) { members_.emplace_back(key, std::move(value)); }
    bool is_empty() const { return members_.empty(); }
    // The document, with a newline at its end.
    void print(std::string& out, const NpmStyle& style) const;

  private:
    enum class Kind : std::uint8_t { object, array, text, literal };
    static NpmValue of(simdjson::dom::element element);
    void print(std::string& out, const NpmStyle& style, unsigned depth) const;

    Kind kind_ = Kind::object;
    bool is_sorted_ = false;
    std::string_view view_;
    std::string owned_;  // of json()
    std::vector<std::pair<std::string, NpmValue>> members_;  // of an array with empty keys
};

}  // namespace pmx
