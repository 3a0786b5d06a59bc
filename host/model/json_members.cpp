#include "model/json_members.hpp"

#include <simdjson.h>

#include <algorithm>

#include "base/text.hpp"
#include "model/json_soften.hpp"

namespace pmx {
namespace {

// Walks over a text that was parsed before, and stops where that turns out to be untrue.
class Scan {
  public:
    explicit Scan(std::string_view text) : text_(text) {}

    std::size_t at() const { return at_; }
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char c) {
        if (peek() != c) return false;
        ++at_;
        return true;
    }
    std::string_view space() {
        std::size_t from = at_;
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
        return text_.substr(from, at_ - from);
    }
    // With its quotes; "" when there is none, or no end of it.
    std::string_view string() {
        std::size_t from = at_;
        if (!take('"')) return {};
        while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
        if (at_ >= text_.size()) return {};
        ++at_;
        return text_.substr(from, at_ - from);
    }
    // Any value; containers are counted through, not descended into.
    std::string_view value() {
        std::size_t from = at_;
        if (peek() == '"') return string();
        std::size_t open = 0;
        while (at_ < text_.size()) {
            char c = text_[at_];
            if (c == '"') {
                if (string().empty()) return {};
                continue;
            }
            if (c == '{' || c == '[') ++open;
            if (c == '}' || c == ']') {
                if (open == 0) break;
                if (--open == 0) return ++at_, text_.substr(from, at_ - from);
            }
            if (open == 0 && (c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r')) break;
            ++at_;
        }
        return open == 0 ? text_.substr(from, at_ - from) : std::string_view();
    }

  private:
    std::string_view text_;
    std::size_t at_ = 0;
};

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

}  // namespace

std::string json_unquote(std::string_view quoted) {
    if (quoted.size() < 2) return std::string(quoted);
    std::string plain(quoted.substr(1, quoted.size() - 2));
    if (plain.find('\\') == plain.npos) return plain;
    simdjson::dom::parser parser;
    auto parsed = parse_json(parser, "[" + std::string(quoted) + "]");
    if (!parsed) return plain;
    std::string_view text;
    return parsed->at(0).get_string().get(text) == simdjson::SUCCESS ? std::string(text) : plain;
}

std::optional<JsonMembers> JsonMembers::parse(std::string_view text, std::size_t* used) {
    Scan scan(text);
    if (!scan.take('{')) return std::nullopt;
    JsonMembers members;
    std::string_view lead = scan.space();
    if (scan.peek() == '}') {
        members.end_ = lead;
        scan.take('}');
        if (used) *used = scan.at();
        return members;
    }
    for (;;) {
        JsonMember member;
        member.lead = lead;
        member.key = scan.string();
        if (member.key.empty()) return std::nullopt;
        member.name = json_unquote(member.key);
        member.colon = scan.space();
        if (!scan.take(':')) return std::nullopt;
        member.colon += ':';
        member.colon += scan.space();
        member.value = scan.value();
        if (member.value.empty()) return std::nullopt;
        std::string_view tail = scan.space();
        bool more = scan.take(',');
        if (more) member.tail = tail;
        else members.end_ = tail;
        members.items_.push_back(std::move(member));
        if (!more) break;
        lead = scan.space();
    }
    if (!scan.take('}')) return std::nullopt;
    if (used) *used = scan.at();
    return members;
}

JsonMember* JsonMembers::find(std::string_view name) {
    for (auto item = items_.rbegin(); item != items_.rend(); ++item)
        if (item->name == name) return &*item;
    return nullptr;
}

JsonStyle JsonMembers::style() const {
    JsonStyle style;
    auto from = [&style](std::string_view space) {
        std::size_t at = space.rfind('\n');
        if (at == space.npos) return false;
        style.newline = at > 0 && space[at - 1] == '\r' ? "\r\n" : "\n";
        style.indent = space.substr(at + 1);
        return true;
    };
    if (items_.empty()) {
        if (from(end_)) style.indent += "  ";
    } else {
        std::any_of(items_.begin(), items_.end(), [&](const JsonMember& item) { return from(item.lead); });
        style.colon = items_.front().colon;
    }
    if (items_.empty() && style.newline.empty()) style.colon = ":";
    return style;
}

void JsonMembers::append(std::string_view name, std::string value, const JsonStyle& style) {
    JsonMember member{{}, quoted(name), style.colon, std::move(value), {}, std::string(name)};
    if (items_.empty()) {
        member.lead = style.newline + style.indent;
        end_ = style.newline + style.outer;
    } else {
        JsonStyle own = this->style();
        member.colon = own.colon;
        if (!own.newline.empty()) member.lead = own.newline + own.indent;
        else if (items_.size() > 1) member.lead = items_.back().lead;
        else if (own.colon.ends_with(' ')) member.lead = " ";
    }
    items_.push_back(std::move(member));
}

bool JsonMembers::erase(std::string_view name) {
    if (items_.empty()) return false;
    std::string first = items_.front().lead;
    auto gone = std::remove_if(items_.begin(), items_.end(), [&](const JsonMember& item) { return item.name == name; });
    if (gone == items_.end()) return false;
    items_.erase(gone, items_.end());
    if (!items_.empty()) items_.front().lead = std::move(first);
    return true;
}

void JsonMembers::sort() {
    auto before = [](const JsonMember& a, const JsonMember& b) { return a.name < b.name; };
    if (std::is_sorted(items_.begin(), items_.end(), before)) return;
    std::vector<std::string> leads;
    for (const JsonMember& item : items_) leads.push_back(item.lead);
    std::stable_sort(items_.begin(), items_.end(), before);
    for (std::size_t i = 0; i < items_.size(); ++i) items_[i].lead = std::move(leads[i]);
}

std::string JsonMembers::text() const {
    std::string out = "{";
    for (std::size_t i = 0; i < items_.size(); ++i) {
        const JsonMember& item = items_[i];
        out += item.lead + item.key + item.colon + item.value;
        if (i + 1 < items_.size()) out += item.tail + ",";
    }
    return out + end_ + "}";
}

}  // namespace pmx
