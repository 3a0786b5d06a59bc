// Text: the few string helpers that the standard library lacks, and JSON output. Pure functions. [any thread]
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pmx {

// Control bytes and invalid UTF-8 as \xNN, so that nothing from outside reaches a terminal raw. '\n' and '\t' stay.
std::string printable(std::string_view text);

std::string to_hex(std::span<const std::uint8_t> bytes);
std::string to_base64(std::span<const std::uint8_t> bytes);
// Standard alphabet, padding optional; nullopt for anything else.
std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text);

std::string to_lower_ascii(std::string_view text);
std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);
// encodeURIComponent of ECMAScript.
std::string percent_encode(std::string_view text);
std::string percent_decode(std::string_view text);
bool is_valid_utf8(std::string_view text);

// The nearest of `candidates` to `word` (edit distance ≤ 1/3 of its length): for "did you mean …". Empty when none.
std::string nearest(std::string_view word, std::span<const std::string_view> candidates);

// "1.4 MB", "312 kB", "17 B" (powers of 1000).
std::string human_bytes(std::uint64_t bytes);
// "1.24 s", "310 ms".
std::string human_seconds(double seconds);

// A JSON writer that appends to one string: object/array nesting, commas and escapes are its business.
//   JsonWriter w(out, 2); w.object(); w.key("a").value("b"); w.end();
// `indent` 0 writes one line. Strings that are not UTF-8 have bad bytes replaced with U+FFFD.
class JsonWriter {
  public:
    explicit JsonWriter(std::string& out, int indent = 0) : out_(out), indent_(indent) {}
    JsonWriter& object() { return open('{'); }
    JsonWriter& array() { return open('['); }
    JsonWriter& end();
    JsonWriter& key(std::string_view name);
    JsonWriter& value(std::string_view text);
    JsonWriter& value(const char* text) { return value(std::string_view(text)); }
    JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
    JsonWriter& value(bool flag);
    JsonWriter& value(std::int64_t number);
    JsonWriter& value(std::uint64_t number);
    JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
    JsonWriter& value(unsigned number) { return value(static_cast<std::uint64_t>(number)); }
    JsonWriter& value(double number);
    JsonWriter& null();
    // Text that is JSON already.
    JsonWriter& raw(std::string_view json);

  private:
    JsonWriter& open(char bracket);
    void before_value();
    void newline();
    std::string& out_;
    int indent_;
    std::vector<char> stack_;
    bool first_ = true;
    bool after_key_ = false;
};

void append_json_string(std::string& out, std::string_view text);

}  // namespace pmx
