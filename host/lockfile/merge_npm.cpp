// Two sides of package-lock.json merged as npm does it: ours wins where both changed an entry, and what one side added
// stays. With the common base in the text (diff3) it is known what each side changed and removed.
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <simdjson.h>

#include "base/text.hpp"
#include "lockfile/merge.hpp"

namespace pmx {
namespace {

namespace dom = simdjson::dom;
using Element = std::optional<dom::element>;

// The members of an object in their order; of a key that stands twice the last counts, as in JSON.parse.
struct Members {
    std::vector<std::string_view> keys;
    std::unordered_map<std::string_view, dom::element> values;

    explicit Members(const Element& from) {
        dom::object object;
        if (!from || from->get(object)) return;
        for (auto [key, value] : object)
            if (values.insert_or_assign(key, value).second) keys.push_back(key);
    }
    Element find(std::string_view key) const {
        auto at = values.find(key);
        return at == values.end() ? Element{} : Element(at->second);
    }
};

bool is_same(const Element& a, const Element& b) {
    return a.has_value() == b.has_value() && (!a || simdjson::minify(*a) == simdjson::minify(*b));
}

class NpmMerge {
  public:
    explicit NpmMerge(bool has_base) : has_base_(has_base) {}

    // `levels`: how many levels of objects below here are united rather than chosen.
    void merge(JsonWriter& out, const Element& ours, const Element& theirs, const Element& base, int levels) const {
        Members a(ours), b(theirs), c(base);
        out.object();
        for (std::string_view key : a.keys) member(out, key, a, b, c, levels);
        for (std::string_view key : b.keys)
            if (!a.values.contains(key)) member(out, key, a, b, c, levels);
        out.end();
    }

  private:
    void member(JsonWriter& out, std::string_view key, const Members& a, const Members& b, const Members& c,
                int levels) const {
        Element ours = a.find(key), theirs = b.find(key), base = c.find(key);
        // The root's own entry lists what the project asks for: that is united, the others are of one side.
        bool is_root = key.empty();
        if (ours && theirs && (levels > 0 || is_root) && ours->is_object() && theirs->is_object()) {
            out.key(key);
            merge(out, ours, theirs, base, is_root ? 1 : levels - 1);
            return;
        }
        bool unchanged = has_base_ && is_same(ours, base);
        Element chosen = unchanged ? theirs : ours;
        if (!chosen && !has_base_) chosen = theirs;
        if (!chosen) return;
        out.key(key).raw(simdjson::minify(*chosen));
    }

    bool has_base_;
};

}  // namespace

Result<std::string> merge_npm_lockfiles(const ConflictSides& sides) {
    dom::parser our_parser, their_parser, base_parser;
    dom::element ours, theirs, base;
    if (our_parser.parse(sides.ours).get(ours) || !ours.is_object())
        return fail(Code::LOCKFILE_BROKEN, "our side is no JSON object");
    if (their_parser.parse(sides.theirs).get(theirs) || !theirs.is_object())
        return fail(Code::LOCKFILE_BROKEN, "their side is no JSON object");
    bool has_base = sides.has_base && !base_parser.parse(sides.base).get(base) && base.is_object();
    std::string text;
    JsonWriter out(text, 2);
    NpmMerge(has_base).merge(out, ours, theirs, has_base ? Element(base) : Element{}, 1);
    text += '\n';
    return text;
}

}  // namespace pmx
