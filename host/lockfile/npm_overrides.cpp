#include "lockfile/npm_overrides.hpp"

#include <simdjson.h>

#include "model/range.hpp"
#include "model/specifier.hpp"

namespace pmx {

namespace dom = simdjson::dom;

class NpmOverrideReader {
  public:
    explicit NpmOverrideReader(std::string_view subject) : subject_(subject) {}

    Result<> read(dom::object json, NpmOverride& into, unsigned depth) {
        if (depth > 64) return broken("nests too deep");
        for (auto [key, value] : json) {
            std::string_view text;
            dom::object nested;
            if (key == ".") {
                if (value.get(text)) return broken("holds a \".\" that is no text");
                into.value_ = text.empty() ? "*" : std::string(text);
                continue;
            }
            auto child = std::make_unique<NpmOverride>();
            std::size_t at = key.find('@', 1);
            child->name_ = std::string(key.substr(0, at));
            child->range_ = at == std::string_view::npos ? "*" : std::string(key.substr(at + 1));
            if (child->range_.empty()) child->range_ = "*";
            child->value_ = "*";
            child->parent_ = &into;
            if (!value.get(text)) {
                if (!text.empty()) child->value_ = std::string(text);
            } else if (!value.get(nested)) {
                PMX_CHECK(read(nested, *child, depth + 1));
            } else {
                return broken("has neither a version nor an object for \"" + std::string(key) + "\"");
            }
            into.children_.push_back(std::move(child));
        }
        return {};
    }

  private:
    Failure broken(std::string what) const {
        return fail(Code::CONFIG, "\"overrides\" " + what, std::string(subject_), "see npm's documentation of overrides");
    }
    std::string_view subject_;
};

Result<std::unique_ptr<const NpmOverride>> NpmOverride::parse(std::string_view json, std::string_view subject) {
    if (json.empty()) return nullptr;
    dom::parser parser;
    dom::object object;
    if (parser.parse(json.data(), json.size()).get(object))
        return fail(Code::CONFIG, "\"overrides\" is no object", std::string(subject), "see npm's documentation of overrides");
    auto root = std::make_unique<NpmOverride>();
    PMX_CHECK(NpmOverrideReader(subject).read(object, *root, 0));
    if (root->children_.empty()) return nullptr;
    return root;
}

bool NpmOverride::fits(std::string_view spec, std::string_view name) const {
    if (range_ == "*") return true;
    auto parsed = parse_specifier(name, spec);
    if (!parsed) return true;
    std::string_view text = parsed->value;
    if (parsed->kind == SpecifierKind::git) text = parsed->git.range;
    if (parsed->kind != SpecifierKind::version && parsed->kind != SpecifierKind::range && parsed->kind != SpecifierKind::git) return true;
    if (parsed->kind == SpecifierKind::git && text.empty()) return false;
    auto wanted = Range::parse(text.empty() ? "*" : text, {.loose = true}), mine = Range::parse(range_, {.loose = true});
    return wanted && mine && wanted->intersects(*mine);
}

const NpmOverride* NpmOverride::of_edge(std::string_view name, std::string_view spec) const {
    for (const NpmOverride* scope = this; scope; scope = scope->parent_)
        for (const auto& rule : scope->children_)
            if (rule->name_ == name && rule->fits(spec, name)) return rule.get();
    return this;
}

std::string_view NpmOverride::value(std::string_view name, const NpmEntry& root) const {
    if (name_ != name || value_.empty() || value_ == "*") return {};
    if (!value_.starts_with('$')) return value_;
    std::string_view wanted = std::string_view(value_).substr(1);
    for (const NpmEntry::Map* group : {&root.dev_dependencies, &root.optional_dependencies, &root.dependencies, &root.peer_dependencies})
        for (const auto& [dependency, specifier] : *group)
            if (dependency == wanted) return specifier;
    return {};
}

}  // namespace pmx
