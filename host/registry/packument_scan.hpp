// JsonWalk: steps over JSON text from member to member, without reading what nobody asked for: objects and arrays are
// passed by counting brackets outside of strings, 64 bytes at a time. It finds where values begin and end and checks
// nothing inside those that it skips: whoever uses a piece parses it. Needs no padding, no memory and no stack however
// deep the text nests, and is linear on any input. Used by packument*.cpp only. [any thread, one walk a thread]
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pmx {

class JsonWalk {
  public:
    explicit JsonWalk(std::string_view text) : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

    // The byte that the next value begins with; '\0' at the end of the text.
    char peek() {
        while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
        return at_ < end_ ? *at_ : '\0';
    }
    bool take(char c) {
        if (peek() != c) return false;
        ++at_;
        return true;
    }
    // What stands between the quotes, escapes as they are. False: no string here, or no end of it.
    bool string(std::string_view& raw);
    // Passes any value; `text` becomes all of it. False when the text ends first or no value is here.
    bool value(std::string_view& text);
    bool value() {
        std::string_view text;
        return value(text);
    }
    // Calls visit(raw key) for each member; it consumes the value with one of the functions above, false stops the walk.
    template <class Visit>
    bool object(Visit visit) {
        if (!take('{')) return false;
        if (take('}')) return true;
        do {
            std::string_view key;
            if (peek() != '"' || !string(key) || !take(':') || !visit(key)) return false;
        } while (take(','));
        return take('}');
    }
    // Passes any value and gives the content of a string; anything else is "".
    bool text(std::string_view& raw) {
        raw = {};
        if (peek() == '"') return string(raw);
        return value();
    }
    std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }

  private:
    const char *begin_, *at_, *end_;
};

// The text that a string's raw content stands for; what JSON.parse would make of lone surrogates and bytes that are not
// UTF-8 becomes U+FFFD.
std::string unescape_json(std::string_view raw);
inline bool is_plain_json(std::string_view raw) { return raw.find('\\') == raw.npos; }

}  // namespace pmx
