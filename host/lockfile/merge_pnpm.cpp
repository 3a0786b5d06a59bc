// Two sides of a pnpm lockfile merged, by pnpm's rules: projects, packages and snapshots are united; where both sides
// pin a dependency, the newer version wins; anything else that differs is theirs.
#include <map>
#include <vector>

#include "lockfile/codecs.hpp"
#include "lockfile/dep_path.hpp"
#include "lockfile/merge.hpp"
#include "lockfile/yaml_lines.hpp"
#include "lockfile/yaml_write.hpp"
#include "model/semver.hpp"

namespace pmx {
namespace {

// A YAML value that can grow. Maps are sorted: the result is written anew anyway.
struct Value {
    YamlKind kind = YamlKind::null;
    bool quoted = false;
    std::string_view scalar;
    std::map<std::string_view, Value> map;
    std::vector<Value> list;
};

// Where a value stands: the name of its section, how deep (the root is 0), and its own key.
struct Place {
    std::string_view section, key;
    int depth = 0;

    Place inside(std::string_view name) const { return {depth == 0 ? name : section, name, depth + 1}; }
    bool is_version() const {
        if (section == "snapshots") return depth == 4;
        return key == "lockfileVersion" || (key == "version" && (section == "importers" || section == "catalogs"));
    }
    // A package's fields belong together: `resolution` is of one side.
    bool is_whole() const { return section == "packages" && depth >= 3; }
};

bool is_newer(std::string_view a, std::string_view b) {
    auto x = Version::parse(a.substr(0, a.find('(')), true), y = Version::parse(b.substr(0, b.find('(')), true);
    if (x && y) return *x > *y;
    return false;
}

void merge(Value& to, Value&& from, const Place& place) {
    if (to.kind == YamlKind::map && from.kind == YamlKind::map && !place.is_whole()) {
        for (auto& [key, value] : from.map) {
            auto [at, fresh] = to.map.try_emplace(key);
            if (fresh)
                at->second = std::move(value);
            else
                merge(at->second, std::move(value), place.inside(key));
        }
        return;
    }
    if (from.kind == YamlKind::null) return;
    bool keeps = to.kind == YamlKind::scalar && from.kind == YamlKind::scalar && place.is_version() &&
                 is_newer(to.scalar, from.scalar);
    if (!keeps) to = std::move(from);
}

// A key that stands twice (git merges that, too) is merged like two sides.
Value value_of(const YamlTree& tree, const YamlNode& node, const Place& place) {
    Value value;
    value.kind = node.kind;
    value.quoted = node.quoted;
    value.scalar = node.scalar;
    for (const YamlNode* child = tree.first(node); child; child = tree.next(*child)) {
        if (node.kind == YamlKind::list) {
            value.list.push_back(value_of(tree, *child, place.inside({})));
            continue;
        }
        Place inside = place.inside(child->key);
        Value inner = value_of(tree, *child, inside);
        auto [at, fresh] = value.map.try_emplace(child->key);
        if (fresh)
            at->second = std::move(inner);
        else
            merge(at->second, std::move(inner), inside);
    }
    return value;
}

void append_scalar(std::string& out, const Value& value, YamlPlace place, int indent) {
    if (value.kind == YamlKind::null)
        out += "null";
    else if (value.quoted || place == YamlPlace::flow)
        append_yaml_scalar(out, value.scalar, place, indent);
    else
        out += value.scalar;
}

bool is_plain_literal(const Value& value) {
    return value.kind == YamlKind::null || (value.kind == YamlKind::scalar && !value.quoted);
}

void append_flow(std::string& out, const Value& value) {
    if (value.kind == YamlKind::map || value.kind == YamlKind::list) {
        bool is_map = value.kind == YamlKind::map, first = true;
        out += is_map ? '{' : '[';
        for (const auto& [key, inner] : value.map) {
            out += first ? "" : ", ";
            first = false;
            append_yaml_scalar(out, key, YamlPlace::flow);
            out += ": ";
            append_flow(out, inner);
        }
        for (const Value& inner : value.list) {
            out += first ? "" : ", ";
            first = false;
            append_flow(out, inner);
        }
        out += is_map ? '}' : ']';
        return;
    }
    bool is_flag = is_plain_literal(value) && (value.scalar == "true" || value.scalar == "false");
    if (is_flag)
        out += value.scalar;
    else
        append_scalar(out, value, YamlPlace::flow, 0);
}

void append_block(std::string& out, const Value& map, int indent) {
    for (const auto& [key, value] : map.map) {
        out.append(static_cast<std::size_t>(indent), ' ');
        append_yaml_scalar(out, key, YamlPlace::key);
        out += ':';
        if (value.kind == YamlKind::map && !value.map.empty()) {
            out += '\n';
            append_block(out, value, indent + 2);
            continue;
        }
        out += ' ';
        if (value.kind == YamlKind::map || value.kind == YamlKind::list)
            append_flow(out, value);
        else
            append_scalar(out, value, YamlPlace::value, indent + 2);
        out += '\n';
    }
}

Value* child(Value& of, std::string_view key) {
    auto at = of.map.find(key);
    return at == of.map.end() || at->second.kind != YamlKind::map ? nullptr : &at->second;
}

// Dependencies on what is not there are taken out: they are resolved anew.
void drop_dangling(Value* dependencies, const std::map<std::string_view, Value>& snapshots, bool of_project) {
    if (!dependencies) return;
    std::string buffer;
    std::erase_if(dependencies->map, [&](auto& entry) {
        auto& [alias, value] = entry;
        const Value* version = &value;
        if (of_project) {
            auto at = value.map.find("version");
            if (at == value.map.end()) return true;
            version = &at->second;
        }
        return !version->scalar.starts_with("link:") && !snapshots.contains(dep_path_of(alias, version->scalar, buffer));
    });
}

// Lines that git merged on its own may have taken out half of a package: then the other half goes too.
void make_whole(Value& root) {
    Value* packages = child(root, "packages");
    Value* snapshots = child(root, "snapshots");
    static const std::map<std::string_view, Value> kNothing;
    if (snapshots) {
        std::erase_if(snapshots->map, [&](const auto& entry) {
            DepPath path = parse_dep_path(entry.first);
            return !path.reference.starts_with("file:") && (!packages || !packages->map.contains(path.package_key));
        });
        for (auto& [key, snapshot] : snapshots->map)
            for (std::string_view group : {"dependencies", "optionalDependencies"})
                drop_dangling(child(snapshot, group), snapshots->map, false);
    }
    if (Value* importers = child(root, "importers"))
        for (auto& [dir, importer] : importers->map)
            for (std::string_view group : {"dependencies", "devDependencies", "optionalDependencies"})
                drop_dangling(child(importer, group), snapshots ? snapshots->map : kNothing, true);
}

struct Side {
    std::string_view environment;  // the document before the main one, with its separator
    Value value;
};

Result<Side> read_side(std::string_view text, Arena& arena) {
    Side side;
    std::string_view main = main_document(text);
    if (main.data()) side.environment = text.substr(0, text.size() - main.size());
    YamlTree tree;
    if (auto fast = read_yaml_lines(main, arena, 1)) {
        tree = std::move(*fast);
    } else {
        PMX_TRY(tree, read_yaml_slowly(main, arena, 1));
    }
    if (tree.root().kind != YamlKind::map) return fail(Code::LOCKFILE_BROKEN, "a side is no map of sections");
    side.value = value_of(tree, tree.root(), {});
    return side;
}

}  // namespace

Result<std::string> merge_pnpm_lockfiles(const ConflictSides& sides) {
    Arena arena;
    PMX_TRY(Side ours, read_side(sides.ours, arena));
    PMX_TRY(Side theirs, read_side(sides.theirs, arena));
    merge(ours.value, std::move(theirs.value), {});
    make_whole(ours.value);
    std::string out(ours.environment.empty() ? theirs.environment : ours.environment);
    append_block(out, ours.value, 0);
    return out;
}

}  // namespace pmx
