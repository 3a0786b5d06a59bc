// The general reader over yaml-cpp, and the choice between the two.
#include <string>
#include <unordered_set>

#include <yaml-cpp/yaml.h>

#include "lockfile/yaml_lines.hpp"

namespace pmx {
namespace {

constexpr int kDeepest = 40;

Failure broken(std::string what, std::uint32_t line) {
    return fail(Code::LOCKFILE_BROKEN, std::move(what), "line " + std::to_string(line),
                "restore the lockfile from version control, or write it anew");
}

class Converter {
  public:
    Converter(Arena& arena, std::uint32_t first_line, std::size_t limit)
        : arena_(arena), first_line_(first_line), limit_(limit) {}

    // Aliases are expanded, so the number of nodes is bounded: an alias bomb must not fill the memory.
    Result<> convert(const YAML::Node& from, std::uint32_t to, int depth) {
        if (depth > kDeepest) return broken("too deeply nested", line_of(from));
        if (tree.nodes.size() > limit_) return broken("aliases expand to too much", line_of(from));
        switch (from.Type()) {
            case YAML::NodeType::Undefined:
            case YAML::NodeType::Null:
                return {};
            case YAML::NodeType::Scalar:
                return scalar(from, to);
            case YAML::NodeType::Sequence: {
                tree.nodes[to].kind = YamlKind::list;
                std::uint32_t last = kNoNode;
                for (const auto& item : from) {
                    std::uint32_t child = append(to, last, line_of(item));
                    PMX_CHECK(convert(item, child, depth + 1));
                }
                return {};
            }
            case YAML::NodeType::Map: {
                tree.nodes[to].kind = YamlKind::map;
                std::uint32_t last = kNoNode;
                for (const auto& pair : from) {
                    if (!pair.first.IsScalar()) return broken("a key that is no text", line_of(pair.first));
                    if (pair.first.Scalar() == "<<" && pair.first.Tag() != "!")
                        return broken("merge keys have no place in a lockfile", line_of(pair.first));
                    std::uint32_t child = append(to, last, line_of(pair.first));
                    tree.nodes[child].key = arena_.copy(pair.first.Scalar());
                    PMX_CHECK(convert(pair.second, child, depth + 1));
                }
                return {};
            }
        }
        return {};
    }

    YamlTree tree;

  private:
    Result<> scalar(const YAML::Node& from, std::uint32_t to) {
        const std::string& tag = from.Tag();
        if (tag != "!" && tag != "?" && !tag.empty()) return broken("a tag (" + tag + ")", line_of(from));
        YamlNode& node = tree.nodes[to];
        node.kind = YamlKind::scalar;
        node.quoted = tag == "!";
        node.scalar = arena_.copy(from.Scalar());
        return {};
    }

    std::uint32_t line_of(const YAML::Node& node) const {
        int line = node.Mark().line;
        return first_line_ + static_cast<std::uint32_t>(line < 0 ? 0 : line);
    }

    std::uint32_t append(std::uint32_t parent, std::uint32_t& last, std::uint32_t line) {
        auto index = static_cast<std::uint32_t>(tree.nodes.size());
        tree.nodes.emplace_back();
        tree.nodes.back().line = line;
        if (last == kNoNode)
            tree.nodes[parent].first = index;
        else
            tree.nodes[last].next = index;
        return last = index;
    }

    Arena& arena_;
    std::uint32_t first_line_;
    std::size_t limit_;
};

// Keys that come in order cannot repeat; only the other maps need a set.
Result<> refuse_duplicate_keys(const YamlTree& tree) {
    std::unordered_set<std::string_view> seen;
    for (const YamlNode& node : tree.nodes) {
        if (node.kind != YamlKind::map) continue;
        bool ordered = true;
        const YamlNode* before = nullptr;
        for (const YamlNode* child = tree.first(node); child && ordered; child = tree.next(*child)) {
            if (before && before->key >= child->key) ordered = false;
            before = child;
        }
        if (ordered) continue;
        seen.clear();
        for (const YamlNode* child = tree.first(node); child; child = tree.next(*child))
            if (!seen.insert(child->key).second)
                return broken("the key \"" + std::string(child->key) + "\" stands twice in one map", child->line);
    }
    return {};
}

}  // namespace

Result<YamlTree> read_yaml_slowly(std::string_view text, Arena& arena, std::uint32_t first_line) {
    try {
        std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
        if (documents.size() > 1) return broken("more YAML documents than a lockfile has", first_line);
        Converter converter(arena, first_line, text.size() + 1024);
        converter.tree.nodes.emplace_back();
        if (!documents.empty()) PMX_CHECK(converter.convert(documents[0], 0, 0));
        return std::move(converter.tree);
    } catch (const YAML::Exception& error) {
        return broken(error.msg, first_line + static_cast<std::uint32_t>(error.mark.line < 0 ? 0 : error.mark.line));
    } catch (const std::exception& error) {
        return broken(error.what(), first_line);
    }
}

Result<YamlTree> read_yaml(std::string_view text, Arena& arena, std::uint32_t first_line) {
    std::optional<YamlTree> fast = read_yaml_lines(text, arena, first_line);
    YamlTree tree;
    if (fast) {
        tree = std::move(*fast);
    } else {
        PMX_TRY(tree, read_yaml_slowly(text, arena, first_line));
    }
    PMX_CHECK(refuse_duplicate_keys(tree));
    return tree;
}

}  // namespace pmx
