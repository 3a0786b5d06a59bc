// JsonMembers: one level of a JSON object as pieces of its text, so that a member can be changed, put in or taken out
// while the others keep their bytes, white space included. Used by manifest_edit.cpp on the file and on each group that
// changes. Scans without recursion, in time linear in the text. Pure. [one thread]
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pmx {

struct JsonMember {
    std::string lead;   // white space in front of the key
    std::string key;    // as written, with its quotes
    std::string colon;  // ": ", with the white space around it
    std::string value;  // as written
    std::string tail;   // white space before the comma or the closing brace; of the last member, JsonMembers::end
    std::string name;   // the key, decoded
};

// How a document is written, for what is new in it.
struct JsonStyle {
    std::string newline;        // "" = all in one line
    std::string indent, outer;  // of the members, and of the closing brace
    std::string colon = ": ";
};

class JsonMembers {
  public:
    // `text` begins with '{'; `used` is set to the length of the object. nullopt for what is no object.
    static std::optional<JsonMembers> parse(std::string_view text, std::size_t* used = nullptr);

    std::vector<JsonMember>& items() { return items_; }
    const std::vector<JsonMember>& items() const { return items_; }
    // The last one of that name, as JSON.parse has it.
    JsonMember* find(std::string_view name);
    const JsonMember* find(std::string_view name) const { return const_cast<JsonMembers*>(this)->find(name); }

    // At the end, with the white space of its neighbours; of `style` where there are none.
    void append(std::string_view name, std::string value, const JsonStyle& style);
    bool erase(std::string_view name);  // every member of that name
    // By the bytes of their names; white space belongs to the places, not to the members.
    void sort();

    // Of its members: the first one that begins a line decides.
    JsonStyle style() const;

    std::string text() const;

  private:
    std::vector<JsonMember> items_;
    std::string end_;  // white space before the closing brace
};

// A string of JSON, with its quotes, as text. Broken escapes are left as they stand.
std::string json_unquote(std::string_view quoted);

}  // namespace pmx
