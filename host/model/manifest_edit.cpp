#include "model/manifest_edit.hpp"

#include <map>

#include "base/text.hpp"
#include "model/json_members.hpp"

namespace pmx {
namespace {

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

}  // namespace

struct ManifestEdit::Document {
    std::string original, before, after;  // before and after the object: a BOM, white space
    JsonMembers members;
    JsonStyle style;
    std::map<std::string, JsonMembers, std::less<>> groups;  // those that were looked at, parsed
    std::map<std::string, bool, std::less<>> changed;
    bool touched = false;

    // nullptr where the file has no such group, or something else of that name.
    JsonMembers* group(std::string_view name) {
        if (auto known = groups.find(name); known != groups.end()) return &known->second;
        const JsonMember* member = members.find(name);
        if (!member) return nullptr;
        auto parsed = JsonMembers::parse(member->value);
        if (!parsed) return nullptr;
        return &groups.emplace(std::string(name), std::move(*parsed)).first->second;
    }
    JsonStyle style_at(int depth) const {
        JsonStyle at = style;
        at.indent.clear();
        for (int i = 0; i < depth; ++i) at.indent += style.indent;
        at.outer = at.indent.substr(0, at.indent.size() - style.indent.size());
        return at;
    }
    JsonMembers& make_group(std::string_view name) {
        if (JsonMembers* there = group(name)) return *there;
        if (JsonMember* other = members.find(name)) other->value = "{}";
        else members.append(name, "{}", style_at(1));
        return groups.insert_or_assign(std::string(name), *JsonMembers::parse("{}")).first->second;
    }
    void drop_group(std::string_view name) {
        members.erase(name);
        if (auto known = groups.find(name); known != groups.end()) groups.erase(known);
        if (auto known = changed.find(name); known != changed.end()) changed.erase(known);
        touched = true;
    }
    void note(std::string_view name) {
        changed[std::string(name)] = true;
        touched = true;
    }
};

ManifestEdit::ManifestEdit(std::unique_ptr<Document> document) : document_(std::move(document)) {}
ManifestEdit::ManifestEdit(ManifestEdit&&) noexcept = default;
ManifestEdit& ManifestEdit::operator=(ManifestEdit&&) noexcept = default;
ManifestEdit::~ManifestEdit() = default;

Result<ManifestEdit> ManifestEdit::open(std::string_view text, std::string_view subject) {
    auto document = std::make_unique<Document>();
    document->original = text;
    std::string_view body = text.empty() ? std::string_view("{\n}\n") : text;
    std::size_t start = body.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    while (start < body.size() && (body[start] == ' ' || body[start] == '\t' || body[start] == '\n' || body[start] == '\r')) ++start;
    std::size_t used = 0;
    auto members = JsonMembers::parse(body.substr(start), &used);
    if (!members) return fail(Code::MANIFEST, "is no JSON object and cannot be edited", std::string(subject));
    document->before = body.substr(0, start);
    document->after = body.substr(start + used);
    document->style = members->style();
    document->members = std::move(*members);
    return ManifestEdit(std::move(document));
}

void ManifestEdit::set(std::string_view group, std::string_view name, std::string_view specifier) {
    JsonMembers& members = document_->make_group(group);
    if (JsonMember* there = members.find(name)) {
        if (json_unquote(there->value) == specifier && there->value.starts_with('"')) return;
        there->value = quoted(specifier);
    } else {
        members.append(name, quoted(specifier), document_->style_at(2));
        members.sort();
    }
    document_->note(group);
}

bool ManifestEdit::remove(std::string_view group, std::string_view name) {
    JsonMembers* members = document_->group(group);
    if (!members || !members->erase(name)) return false;
    members->items().empty() ? document_->drop_group(group) : document_->note(group);
    return true;
}

bool ManifestEdit::has(std::string_view group, std::string_view name) const {
    const JsonMembers* members = document_->group(group);
    return members && members->find(name);
}

void ManifestEdit::set_meta(std::string_view name, std::string_view key, bool value) {
    constexpr std::string_view group = "dependenciesMeta";
    JsonMembers& members = document_->make_group(group);
    const JsonMember* there = members.find(name);
    auto meta = there ? JsonMembers::parse(there->value) : std::nullopt;
    if (!meta) meta = JsonMembers::parse("{}");
    const char* text = value ? "true" : "false";
    if (JsonMember* old = meta->find(key)) old->value = text;
    else meta->append(key, text, document_->style_at(3));
    if (JsonMember* old = members.find(name)) {
        old->value = meta->text();
    } else {
        members.append(name, meta->text(), document_->style_at(2));
        members.sort();
    }
    document_->note(group);
}

bool ManifestEdit::remove_meta(std::string_view name) {
    JsonMembers* members = document_->group("dependenciesMeta");
    if (!members || !members->erase(name)) return false;
    document_->note("dependenciesMeta");
    return true;
}

std::string ManifestEdit::text() const {
    if (!document_->touched) return document_->original;
    JsonMembers members = document_->members;
    for (const auto& [name, edited] : document_->changed)
        if (JsonMember* member = members.find(name)) member->value = document_->groups.find(name)->second.text();
    return document_->before + members.text() + document_->after;
}

}  // namespace pmx
